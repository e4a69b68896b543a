//! What a user agent tells of who sits in front of it. Clients choose it: it is a sign, no proof.

use super::programs;

/// Programs that are nothing but a screen for a person; they ask by themselves as long as they are
/// open.
const SCREENS: [&str; 6] = ["k9s", "lens", "openlens", "freelens", "headlamp", "mozilla"];

/// Those of them that run in pods, for browsers elsewhere: what comes with the pod's token is nobody's
/// in particular.
const SERVED: [&str; 2] = ["headlamp", "mozilla"];

/// A program that calls itself a browser and is a script's.
const SCRIPTS: &str = "powershell";

/// Programs that ask when somebody, or a script, runs them.
const COMMANDS: [&str; 5] = ["kubectl", "oc", "helm", "stern", "kubectx"];

/// What a program's file ends with on Windows: agents begin with the file's name
/// (`client-go/rest/config.go`, `adjustCommand`).
const EXE: &str = ".exe";

/// A system on which no node of a cluster runs, but people sit.
const DESKTOP: &str = "darwin";

/// One on which people sit, and pods may run: a program by itself may be either's, a command that is run
/// is a person's unless a pod runs it.
const EITHER: &str = "windows";

/// Whether what the agent names is a person's: a desktop's operating system
/// (`client-go/rest/config.go`: `kubectl/v1.30.0 (darwin/arm64) …`), or a program that is nothing but
/// a screen. What calls itself an SDK or a pipeline's program is no person's on any system. kubectl alone proves nothing, for scripts in pods use it as well. With the token of a pod
/// (`of_a_pod`) Windows proves nothing either, nor a screen that pods serve to browsers.
pub fn is_persons(agent: &str, of_a_pod: bool) -> bool {
    let client = Client::of(agent);
    if !of_a_pod {
        return client.tool == Tool::Screen || client.desktop;
    }
    let served = SERVED.contains(&&*Client::program(agent).to_ascii_lowercase());
    let of_windows = client.system.as_deref().is_some_and(|system| is_of(system, EITHER));
    !served && (client.tool == Tool::Screen || client.desktop && !of_windows)
}

/// Whether an agent names a program that asks by itself, on no desktop.
pub fn is_program(agent: &str) -> bool {
    Client::of(agent).is_program()
}

/// Whether it names a command, such as kubectl, on no desktop: run by a person, or by a script.
pub fn is_command(agent: &str) -> bool {
    let client = Client::of(agent);
    client.tool == Tool::Command && !client.desktop
}

/// The program that an agent names, without its version and its build.
pub fn program(agent: &str) -> &str {
    Client::program(agent)
}

fn is_of(system: &str, name: &str) -> bool {
    system.split('/').next() == Some(name)
}

/// What kind of program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tool {
    /// A screen for a person.
    Screen,
    /// A command that is run.
    Command,
    /// Anything else: a program by itself.
    Program,
}

/// A user agent, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) tool: Tool,
    /// `darwin/arm64`; None where it is not said.
    pub(super) system: Option<String>,
    /// Of kubectl: `v1.36.1`, which tells one machine from another of the same system.
    pub(super) build: Option<String>,
    /// Whether the system is one on which people sit, and the program none that calls itself a
    /// pipeline's or an SDK.
    pub(super) desktop: bool,
}

impl Client {
    pub(super) fn of(agent: &str) -> Self {
        let lower = agent.to_ascii_lowercase();
        let head = lower.split(' ').next().unwrap_or_default();
        let (program, version) = head.split_once('/').unwrap_or((head, ""));
        let program = program.strip_suffix(EXE).unwrap_or(program);
        let tool = match program {
            _ if lower.contains(SCRIPTS) => Tool::Program,
            _ if SCREENS.contains(&program) => Tool::Screen,
            _ if COMMANDS.contains(&program) || program.starts_with("kubectl-") => Tool::Command,
            _ => Tool::Program,
        };
        let system = system(&lower);
        let is_named = tool == Tool::Program && programs::are_named(program);
        let desktop = system.as_deref().is_some_and(|system| {
            is_of(system, DESKTOP) && !is_named || is_of(system, EITHER) && tool != Tool::Program
        });
        // Browsers say it in other words.
        let desktop = desktop
            || tool == Tool::Screen
                && (lower.contains("macintosh") || lower.contains("windows nt"));
        let build = (program == "kubectl" && !version.is_empty()).then(|| version.to_owned());
        Self { tool, system, build, desktop }
    }

    /// The program's name, as the agent has it: what stands before its version, without what Windows adds.
    pub(super) fn program(agent: &str) -> &str {
        let name = agent.split([' ', '/']).next().unwrap_or_default();
        let cut = name.len().saturating_sub(EXE.len());
        match name.get(cut..) {
            Some(end) if end.eq_ignore_ascii_case(EXE) => name.get(..cut).unwrap_or_default(),
            _ => name,
        }
    }

    /// Whether it is a program that asks by itself, on no desktop.
    pub(super) fn is_program(&self) -> bool {
        !self.is_attended()
    }

    /// Whether a person may be at it: a person's program, or any on a person's system.
    pub(super) fn is_attended(&self) -> bool {
        self.tool != Tool::Program || self.desktop
    }
}

/// `darwin/arm64` of `… (darwin/arm64) …`.
fn system(agent: &str) -> Option<String> {
    let (_, rest) = agent.split_once('(')?;
    let (inside, _) = rest.split_once(')')?;
    let (name, architecture) = inside.split_once('/')?;
    let word = |text: &str| {
        (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    (word(name) && word(architecture)).then(|| inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_taken_apart_as_clients_write_them() {
        let mac = Client::of("kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9");
        assert_eq!(
            (mac.tool, mac.system.as_deref(), mac.build.as_deref(), mac.desktop),
            (Tool::Command, Some("darwin/arm64"), Some("v1.36.1"), true)
        );
        let pod = Client::of("kubectl/v1.36.1 (linux/amd64) kubernetes/b1d5cc9");
        assert!(!pod.desktop && pod.is_attended());
        let windows = Client::of("kubectl.exe/v1.36.1 (windows/amd64) kubernetes/b1d5cc9");
        assert_eq!((windows.tool, windows.build.as_deref()), (Tool::Command, Some("v1.36.1")));
        assert_eq!(Client::program("Helm.EXE/3.19.0"), "Helm");
        assert_eq!(Client::of("Helm/3.19.0").tool, Tool::Command);
        assert_eq!(Client::of("Helm/3.19.0").system, None);
        assert_eq!(Client::of("K9s/v0.50.16 (linux/amd64)").tool, Tool::Screen);
        assert_eq!(Client::of("operator/v2 (linux/amd64) kubernetes/$Format").tool, Tool::Program);
        assert!(!Client::of("curl/8.17.0").is_attended());
        assert!(Client::of("curl/8.17.0 (darwin/arm64)").is_attended());
        assert_eq!(Client::of("").tool, Tool::Program);
        assert_eq!(Client::of("x (a/b").system, None);
        assert_eq!(Client::of("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537").system, None);
    }

    #[test]
    fn what_only_people_have_is_a_persons() {
        for agent in [
            "kubectl/v1.30.0 (darwin/arm64) kubernetes/x",
            "kubectl/v1.30.0 (windows/amd64) kubernetes/x",
            "kubectl.exe/v1.34.1 (windows/amd64) kubernetes/x",
            "K9s.EXE/v0.50.16 (linux/amd64)",
            "k9s/v0.50.16 (linux/amd64)",
            "Mozilla/5.0 (X11; Linux x86_64)",
        ] {
            assert!(is_persons(agent, false), "{agent}");
        }
        for agent in [
            "kubectl/v1.30.0 (linux/amd64) kubernetes/x",
            "calico-node/v3.29.1 (windows/amd64) kubernetes/x",
            "Helm/3.19.0",
            "",
            "darwin",
            "botocore/1.34 (darwin/arm64)",
            "aws-sdk-go/1.44.299 (darwin/arm64)",
            "Terraform/1.9.5 (windows/amd64)",
            "HashiCorp/1.0 Terraform/1.9.5 (darwin/arm64)",
            "github-actions/2.3 (darwin/arm64)",
            "GitLab-Runner/17 (darwin/arm64)",
        ] {
            assert!(!is_persons(agent, false), "{agent}");
        }
        // What a pod's token says less of.
        for (agent, of_a_pod) in [
            ("kubectl/v1.30.0 (darwin/arm64) kubernetes/x", true),
            ("k9s/v0.50.16 (linux/amd64)", true),
            ("kubectl/v1.30.0 (windows/amd64) kubernetes/x", false),
            ("headlamp/v0.36.0 (linux/amd64)", false),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", false),
        ] {
            assert_eq!(is_persons(agent, true), of_a_pod, "{agent}");
        }
        let script = "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.20348";
        assert!(!is_persons(script, false) && is_program(script));
    }
}
