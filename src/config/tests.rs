use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;
use crate::model::PodSecurityLevel;

fn settings(
    flags: Flags,
    variables: &[(&str, &str)],
    config: Option<&Path>,
) -> Result<Settings, Error> {
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let paths = Paths { config: config.map(Path::to_owned), ..Paths::default() };
    resolve(flags, &|name| variables.get(name).map(|value| (*value).to_owned()), paths)
}

#[test]
fn the_strongest_layer_wins_and_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.toml");
    let policy = dir.path().join("policy.toml");
    fs::write(
        &config,
        "idle_days = 10\nrequire_coverage = 1\npolicy = \"policy.toml\"\ncolor = \"always\"\n\
         theme = \"dusk\"\n\n[groups]\njane = [\"a\"]\nbob = [\"a\"]\nzoe = [\"z\"]\n",
    )
    .expect("written");
    fs::write(
        &policy,
        "# shared\nidle_days = 20\nrequire_coverage = 2\n[groups]\njane = [\"b\"]\nbob = [\"b\"]\n",
    )
    .expect("written");

    let found = settings(Flags::default(), &[], Some(&config)).expect("valid");
    assert_eq!(found.idle_days.value, 20);
    assert_eq!(found.idle_days.origin, Origin::Policy { path: policy.clone(), line: 2 });
    assert_eq!(found.require_coverage.value, Some(2));
    assert_eq!(found.color.value, Color::Always);
    assert_eq!(found.theme.origin, Origin::User { path: config.clone(), line: 5 });
    assert_eq!(found.policy(None).groups["zoe"], ["z".into()]);
    assert_eq!(found.policy(None).groups["jane"], ["b".into()]);

    let flags = Flags {
        require_coverage: Some(4),
        groups: vec![("jane".into(), vec!["c".into()]), ("jane".into(), vec!["d".into()])],
        color: Some(Color::Auto),
        ..Flags::default()
    };
    let variables = [
        ("KEYBOOK_IDLE_DAYS", "30"),
        ("KEYBOOK_REQUIRE_COVERAGE", "3"),
        ("KEYBOOK_THEME", ""),
        ("KEYBOOK_READONLY", "yes"),
        ("NO_COLOR", "1"),
    ];
    let found = settings(flags, &variables, Some(&config)).expect("valid");
    assert_eq!(found.idle_days.value, 30);
    assert_eq!(found.idle_days.origin.to_string(), "KEYBOOK_IDLE_DAYS");
    assert_eq!(found.require_coverage.value, Some(4));
    assert_eq!(found.policy(None).groups["jane"], ["c".into(), "d".into()]);
    assert_eq!(found.groups["bob"].origin, Origin::Policy { path: policy, line: 6 });
    assert_eq!(found.color.value, Color::Auto);
    assert_eq!(found.theme.value.as_deref(), Some("dusk"));
    assert!(found.readonly.value);

    // NO_COLOR gives way to a flag and to KEYBOOK_COLOR, not to the configuration.
    let color = |variables: &[(&str, &str)]| {
        settings(Flags::default(), variables, Some(&config)).expect("valid").color.value
    };
    assert_eq!(color(&[("NO_COLOR", "1")]), Color::Never);
    assert_eq!(color(&[("NO_COLOR", "1"), ("KEYBOOK_COLOR", "always")]), Color::Always);
}

#[test]
fn unknown_keys_are_named_with_their_line() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.toml");
    fs::write(
        &config,
        "idle_dayz = 10\n\n[clusters.\"arn:x/prod\"]\nname = \"prod\"\nnamespaces = [\"b\", \"a\"]\ncolour = 1\n",
    )
    .expect("written");
    let found = settings(Flags::default(), &[], Some(&config)).expect("valid");
    let lines: Vec<usize> = found.warnings.iter().map(|warning| warning.line).collect();
    assert_eq!(lines, [1, 6]);
    assert!(found.warnings[0].to_string().contains("config.toml:1: \"idle_dayz\" is not known"));
    let cluster = &found.clusters["arn:x/prod"];
    assert_eq!(cluster.name.as_deref(), Some("prod"));
    assert_eq!(cluster.namespaces, ["a".into(), "b".into()]);

    // A policy file has no say in how keybook looks.
    let policy = dir.path().join("policy.toml");
    fs::write(&policy, "theme = \"x\"\n").expect("written");
    let flags = Flags { policy: Some(policy), ..Flags::default() };
    let found = settings(flags, &[], None).expect("valid");
    assert_eq!(found.warnings.len(), 1);
    assert_eq!(found.theme.value, None);
}

#[test]
fn values_of_the_wrong_kind_are_errors_with_their_line() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.toml");
    for (text, line, words) in [
        ("idle_days = \"ten\"\n", 1, "a number of days"),
        ("\nidle_days = -1\n", 2, "a number of days"),
        ("idle_days = 0\n", 1, "idle_days = 0: a number of days, from 1 to 36500,"),
        ("idle_days = 36501\n", 1, "from 1 to 36500"),
        ("denied_days = 0\n", 1, "from 1 to 36500"),
        ("machine_days = 0\n", 1, "from 1 to 36500"),
        ("credential_days = 0\n", 1, "from 1 to 36500"),
        ("denied_requests = 0\n", 1, "a number of requests, 1 or more,"),
        ("machine_requests = 0\n", 1, "a number of requests, 1 or more,"),
        ("flood_minute = 0\n", 1, "a number of requests, 1 or more,"),
        ("flood_hour = 4294967296\n", 1, "a number of requests, 1 or more,"),
        ("machine_hours = 25\n", 1, "machine_hours = 25: a number of hours, from 1 to 24,"),
        ("machine_hours = 0\n", 1, "from 1 to 24"),
        ("[left]\n\"user: bo\" = 2026-01-01\n", 2, "a blank stands at an end"),
        ("[left]\n\"user:bo \" = 2026-01-01\n", 2, "a blank stands at an end"),
        ("[left]\n\"sa:a/ b\" = 2026-01-01\n", 2, "a blank stands at an end"),
        ("color = \"blue\"\n", 1, "auto, always or never"),
        ("[groups]\njane = \"dev\"\n", 2, "a list of names"),
        ("groups = 1\n", 1, "a table of users"),
        ("pod_security = \"baseline\"\n", 1, "a table with default and exempt"),
        ("[pod_security]\ndefault = \"Baseline\"\n", 2, "privileged, baseline or restricted"),
        ("[pod_security]\ndefault = 1\n", 2, "a text"),
        ("[pod_security]\nexempt = \"kube-system\"\n", 2, "a list of names"),
        ("[clusters.a.pod_security]\ndefault = \"\"\n", 2, "privileged, baseline or restricted"),
        ("readonly = 1\n", 1, "true or false"),
        ("x = [\n", 1, ""),
    ] {
        fs::write(&config, text).expect("written");
        match settings(Flags::default(), &[], Some(&config)) {
            Err(Error::File { line: at, message, .. }) => {
                assert!(message.contains(words), "{text}: {message}");
                assert!(at >= line, "{text}: {at}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    for (name, value) in [
        ("KEYBOOK_IDLE_DAYS", "x"),
        ("KEYBOOK_REQUIRE_COVERAGE", "-1"),
        ("KEYBOOK_COLOR", "blue"),
        ("KEYBOOK_READONLY", "perhaps"),
    ] {
        let found = settings(Flags::default(), &[(name, value)], None);
        assert!(matches!(found, Err(Error::Variable { .. })), "{name}");
    }
}

#[test]
fn files_that_are_named_must_be_there() {
    let dir = tempfile::tempdir().expect("a folder");
    let gone = dir.path().join("gone.toml");
    assert!(settings(Flags::default(), &[], Some(&gone)).is_ok());
    let named = gone.display().to_string();
    let found = settings(Flags::default(), &[("KEYBOOK_CONFIG", &named)], None);
    assert!(matches!(found, Err(Error::Unreadable { .. })));
    let flags = Flags { policy: Some(gone), ..Flags::default() };
    assert!(matches!(settings(flags, &[], None), Err(Error::Unreadable { .. })));
}

#[test]
fn how_long_a_credential_may_be_good_is_a_setting() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.toml");
    fs::write(&config, "credential_days = 30\n").expect("written");
    let found = settings(Flags::default(), &[], Some(&config)).expect("valid");
    assert_eq!((found.credential_days.value, found.policy(None).credential_days), (30, 30));
    let usual = settings(Flags::default(), &[], None).expect("valid");
    assert_eq!(usual.policy(None).credential_days, 365);
}

#[test]
fn exemptions_are_whole_or_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.toml");
    let whole = "denied_requests = 7\ndenied_days = 2\nmachine_requests = 9\nmachine_days = 4\nmachine_hours \
                 = 20\n\n[[exemptions]]\nrule = \"idle\"\nidentity = \
                 \"sa:a/*\"\nowner = \"ops\"\nreason = \"why\"\nexpires = 2027-01-31\n";
    fs::write(&config, whole).expect("written");
    let found = settings(Flags::default(), &[], Some(&config)).expect("valid");
    assert_eq!((found.denied_requests.value, found.denied_days.value), (7, 2));
    let machines = (found.machine_requests.value, found.machine_days.value);
    assert_eq!((machines, found.machine_hours.value), ((9, 4), 20));
    assert_eq!(found.exemptions[0].origin, Origin::User { path: config.clone(), line: 7 });
    let policy = found.policy(None);
    assert_eq!(policy.exemptions.len(), 1);
    assert!(policy.exemptions[0].is_about("idle", "sa:a/x"));
    let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    assert!(policy.exemptions[0].holds(at("2027-01-31T23:59:59Z")));
    assert!(!policy.exemptions[0].holds(at("2027-02-01T00:00:00Z")));
    let as_text = whole.replace("2027-01-31", "\"2027-01-31\"");
    fs::write(&config, as_text).expect("written");
    assert_eq!(settings(Flags::default(), &[], Some(&config)).expect("valid").policy(None), policy);
    for (from, to, words) in [
        ("rule = \"idle\"\n", "", "has no rule"),
        ("identity = \"sa:a/*\"\n", "", "has no identity"),
        ("owner = \"ops\"\n", "", "has no owner"),
        ("owner = \"ops\"\n", "owner = \" \"\n", "owner: a text that is not empty"),
        ("reason = \"why\"\n", "", "has no reason"),
        ("expires = 2027-01-31\n", "", "has no expires"),
        ("2027-01-31", "2027-01-31T00:00:00Z", "a day such as"),
        ("2027-01-31", "\"next year\"", "a day such as"),
        ("2027-01-31", "20270131", "a day such as"),
        ("[[exemptions]]", "[exemptions]", "tables [[exemptions]]"),
    ] {
        fs::write(&config, whole.replace(from, to)).expect("written");
        match settings(Flags::default(), &[], Some(&config)) {
            Err(Error::File { line, message, .. }) => {
                assert!(message.contains(words), "{to}: {message}");
                assert!((7..=12).contains(&line), "{to}: {line}");
            }
            other => panic!("{to}: {other:?}"),
        }
    }
    fs::write(&config, whole.replace("reason", "because = 1\nreason")).expect("written");
    let found = settings(Flags::default(), &[], Some(&config)).expect("valid");
    assert_eq!(found.warnings.len(), 1);
}

#[test]
fn the_audit_policy_is_read_from_where_the_file_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.toml");
    let audit = dir.path().join("audit.yaml");
    fs::write(&config, "audit_policy = \"audit.yaml\"\n").expect("written");
    let resolved = || settings(Flags::default(), &[], Some(&config));
    let missing = resolved().expect_err("not there").to_string();
    assert!(missing.starts_with("reading the audit policy"), "{missing}");
    fs::write(&audit, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Low}]\n")
        .expect("written");
    let wrong = resolved().expect_err("no level").to_string();
    assert!(wrong.contains("no audit policy (audit.k8s.io/v1): rule 1:"), "{wrong}");
    fs::write(&audit, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n")
        .expect("written");
    let found = resolved().expect("valid");
    let named = AuditPolicy { kind: Some("Policy".into()), ..AuditPolicy::of_everything() };
    assert_eq!(found.policy(None).audit.as_deref(), Some(&named));
    assert_eq!(found.audit_policy.origin, Origin::User { path: config.clone(), line: 1 });
    let flags = Flags { audit_policy: Some(dir.path().join("gone.yaml")), ..Flags::default() };
    assert!(settings(flags, &[], Some(&config)).is_err());
    // A rule that is merged into another is part of it.
    let rule = |first: &str| {
        fs::write(&audit, format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n{first}"))
            .expect("written");
        resolved().map(|found| found.policy(None).audit.clone()).map_err(|error| error.to_string())
    };
    let merged = rule(
        "- &quiet {level: None, verbs: [get]}\n- <<: *quiet\n  users: [ana]\n- level: Metadata\n",
    );
    let plain = rule(
        "- {level: None, verbs: [get]}\n- {level: None, verbs: [get], users: [ana]}\n\
         - level: Metadata\n",
    );
    assert_eq!(merged.expect("valid"), plain.expect("valid"));
    let wrong = rule("- {level: None, <<: 3}\n").expect_err("no merge");
    assert!(wrong.contains("merges or tags of YAML"), "{wrong}");
}

#[test]
fn who_left_is_a_day_and_the_policy_file_counts_more() {
    let dir = tempfile::tempdir().expect("a folder");
    let (config, policy) = (dir.path().join("config.toml"), dir.path().join("policy.toml"));
    let text = "policy = \"policy.toml\"\n[left]\n\"user:ana\" = 2026-03-01\n\
                \"sa:ci/*\" = \"2026-04-01\"\n";
    fs::write(&config, text).expect("written");
    fs::write(&policy, "[left]\n\"user:ana\" = 2026-02-01\n").expect("written");
    let found = settings(Flags::default(), &[], Some(&config)).expect("valid");
    let day = |who: &str| found.policy(None).last_day(who).map(|day| day.to_string());
    assert_eq!(day("user:ana").as_deref(), Some("2026-02-01"));
    assert_eq!(day("sa:ci/bot").as_deref(), Some("2026-04-01"));
    assert_eq!(found.left["user:ana"].origin, Origin::Policy { path: policy, line: 2 });
    for (from, to, words) in [
        ("user:ana", "ana", "user:NAME or sa:NAMESPACE/NAME"),
        ("2026-03-01", "true", "a day such as"),
        (
            "[left]\n\"user:ana\" = 2026-03-01\n\"sa:ci/*\" = \"2026-04-01\"",
            "left = 3",
            "left: a table",
        ),
    ] {
        fs::write(&config, text.replace(from, to)).expect("written");
        match settings(Flags::default(), &[], Some(&config)) {
            Err(Error::File { message, .. }) => assert!(message.contains(words), "{message}"),
            other => panic!("{to}: {other:?}"),
        }
    }
}

#[test]
fn what_a_cluster_says_of_pod_security_goes_before_what_is_said_for_all() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.toml");
    fs::write(
        &config,
        "[pod_security]\ndefault = \"baseline\"\nexempt = [\"kube-system\", \"a\"]\nenforce = 1\n\n\
         [clusters.\"admin@talos\".pod_security]\ndefault = \"restricted\"\n\n[clusters.other]\nname = \"o\"\n",
    )
    .expect("written");
    let found = settings(Flags::default(), &[], Some(&config)).expect("valid");
    let all = PodSecurity {
        default: Some(PodSecurityLevel::Baseline),
        exempt: vec!["a".into(), "kube-system".into()],
    };
    let talos = PodSecurity { default: Some(PodSecurityLevel::Restricted), exempt: Vec::new() };
    let of = |context| found.policy(context).pod_security;
    assert_eq!(of(None), all);
    assert_eq!(of(Some("other")), all);
    assert_eq!(of(Some("nobody's")), all);
    assert_eq!(of(Some("admin@talos")), talos);
    let warnings: Vec<String> = found.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0]
            .ends_with(":4: \"enforce\" is not known and is passed over (known: default, exempt)")
    );
    // The policy file counts before the configuration.
    let policy = dir.path().join("policy.toml");
    fs::write(&policy, "[pod_security]\ndefault = \"privileged\"\n").expect("written");
    let flags = Flags { policy: Some(policy), ..Flags::default() };
    let found = settings(flags, &[], Some(&config)).expect("valid");
    let free = PodSecurity { default: Some(PodSecurityLevel::Privileged), exempt: Vec::new() };
    assert_eq!(found.policy(None).pod_security, free);
    assert_eq!(found.policy(Some("admin@talos")).pod_security, talos);
}
