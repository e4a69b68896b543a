//! The options of this command line again, for commands that are shown to be copied.

use std::path::PathBuf;

use super::args::Global;
use crate::model::{Again, shell_word};

/// Those that were given.
pub(super) fn of(global: &Global) -> Again {
    let (cluster, input) = (&global.cluster, &global.input);
    let flags = |named: &[(&str, Vec<&String>)]| -> String {
        let words = named.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| format!(" --{name} {}", shell_word((*value).clone())))
        });
        words.collect()
    };
    let path = |path: Option<&PathBuf>| path.map(|path| path.display().to_string());
    let (kubeconfig, policy) =
        (path(cluster.kubeconfig.as_ref()), path(global.verdict.policy.as_ref()));
    let audit_policy = path(global.verdict.audit_policy.as_ref());
    let paths = |all: &[PathBuf]| -> Vec<String> {
        all.iter().map(|path| path.display().to_string()).collect()
    };
    let (iam, inspect) = (paths(&global.credentials.iam), paths(&global.credentials.inspect));
    let groups: Vec<String> = input
        .groups
        .iter()
        .map(|(user, groups)| {
            let groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
            format!("{user}={}", groups.join(","))
        })
        .collect();
    let within = cluster.namespace.iter().filter(|_| cluster.all_namespaces);
    let all = if cluster.all_namespaces { " --all-namespaces" } else { "" };
    let bootstrap = if global.credentials.read_bootstrap { " --read-bootstrap" } else { "" };
    // The demo's cluster is the only one that it can be about.
    let demo = if input.demo { " --demo" } else { "" };
    Again {
        cluster: demo.to_owned()
            + &flags(&[
                ("kubeconfig", kubeconfig.iter().collect()),
                ("context", cluster.context.iter().collect()),
                ("cluster", cluster.cluster.iter().collect()),
                ("user", cluster.user.iter().collect()),
                ("as", cluster.as_user.iter().collect()),
                ("as-group", cluster.as_group.iter().collect()),
                ("as-uid", cluster.as_uid.iter().collect()),
            ]),
        log: flags(&[
            ("from", input.from.iter().collect()),
            ("audit", input.audit.iter().collect()),
            ("audit-cluster", input.audit_cluster.iter().collect()),
            ("groups", groups.iter().collect()),
            ("policy", policy.iter().collect()),
            ("audit-policy", audit_policy.iter().collect()),
            ("iam", iam.iter().collect()),
            ("inspect", inspect.iter().collect()),
            ("namespace", within.collect()),
        ]) + bootstrap
            + all,
    }
}

/// Those of one context of several.
pub(super) fn of_context(global: &Global, context: Option<&str>) -> Again {
    let mut global = global.clone();
    if let Some(context) = context {
        global.cluster.context = vec![context.to_owned()];
    }
    of(&global)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::Cli;

    #[test]
    fn what_was_given_is_given_again_and_read_the_same() {
        for words in [
            "--kubeconfig /k/c --context prod --as ana --as-group devs --as-uid 7",
            "--context a --audit x.log --audit y.log --audit-cluster shop --policy p.toml --audit-policy a.yaml",
            "--from objects --from more.yaml --groups ana=devs,ops --iam i.json --inspect k",
            "--all-namespaces --namespace a --namespace b --read-bootstrap --cluster c --user u",
            "--demo",
        ] {
            let read = |words: &str| {
                let all = format!("keybook findings {words}");
                let cli = Cli::try_parse_from(all.split_whitespace()).expect("options");
                of(&cli.global)
            };
            let again = read(words);
            assert_eq!(read(&again.all()), again, "{words}");
            assert_eq!(
                again.all().split_whitespace().count(),
                words.split(' ').count(),
                "{again:?}"
            );
        }
        let several = "keybook findings --context a --context b --from x";
        let cli = Cli::try_parse_from(several.split(' ')).expect("options");
        let of_one = of_context(&cli.global, Some("b"));
        assert_eq!((&*of_one.cluster, &*of_one.log), (" --context b", " --from x"));
    }
}
