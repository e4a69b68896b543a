//! The command line. kubectl's flags mean here what they mean there.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::change_args::ChangeCommand;
use super::query::QueryArgs;
use crate::config::{Color, parse_groups};
use crate::model::Name;
use crate::report::Format;

/// Who holds keys to a Kubernetes cluster, what each key opens, when it was last used.
#[derive(Debug, Parser)]
#[command(
    name = "keybook",
    version,
    max_term_width = 100,
    styles = Styles::styled(),
    disable_help_subcommand = true,
    after_help = "Without a command the terminal UI opens on the current context; `keybook demo` \
                  shows it on a built-in cluster.\nExit codes: 0 done, yes · 1 no, findings, a \
                  difference · 2 usage · 3 cannot reach · 4 incomplete · 5 a change failed."
)]
pub struct Cli {
    /// What to do; without it the terminal UI opens.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List every identity: what it may do, when it was last seen, what is wrong
    Who {
        /// Only those that match, as in the terminal UI: words, and terms such as `kind:sa`,
        /// `ns:pay`, `can:get/secrets`, `seen:>30d`, `tier:>=read`, `finding:idle`
        filter: Vec<String>,
        /// In this order
        #[arg(long, value_enum, default_value_t, value_name = "KEY")]
        sort: SortBy,
        /// Show beside ACCESS what each can become, and among its findings that it is more; a
        /// filter with `finding:reach` asks for it too
        #[arg(long)]
        reach: bool,
    },
    /// Show one identity whole: permissions with provenance and use, groups, activity, findings
    Show {
        /// `user:NAME`, `group:NAME` or `sa:NAMESPACE/NAME`
        identity: String,
    },
    /// Ask whether somebody would be able to do something, and by which grants
    Can {
        /// `user:NAME`, `group:NAME` or `sa:NAMESPACE/NAME`
        identity: String,
        /// The verb: get, list, create, impersonate, `*`, …
        verb: String,
        /// `RESOURCE[.GROUP][/SUBRESOURCE]`, or a path such as `/healthz`
        resource: String,
        /// One object's name
        name: Option<String>,
    },
    /// List everybody who would be able to do something
    WhoCan {
        /// The verb: get, list, create, impersonate, `*`, …
        verb: String,
        /// `RESOURCE[.GROUP][/SUBRESOURCE]`, or a path such as `/healthz`
        resource: String,
        /// One object's name
        name: Option<String>,
    },
    /// Answer access reviews exactly as the authorizer does
    ///
    /// Reviews (`SubjectAccessReview` and its kin) are JSON (one, several, one a line, or a List) or YAML. Each comes back with its
    /// `.status` filled out; a `.status.allowed` that came with it is what is expected, and the exit
    /// code is 1 where the answer differs.
    Check {
        /// The file, or `-` for standard input
        file: PathBuf,
    },
    /// List what is wrong, worst first
    Findings {
        /// Exit with 1 where a finding is at least this bad
        #[arg(long, value_enum, value_name = "SEVERITY")]
        fail_on: Option<FailOn>,
        /// List those too that the policy exempts, with who answers for it and until when
        #[arg(long)]
        exempted: bool,
    },
    /// List every credential that is known to be out, riskiest first: whose, until when, last used,
    /// and what would revoke it
    Credentials {
        /// Only those of this identity
        identity: Option<String>,
    },
    /// Show what an identity can become, step by step: what each takes, by which grant, what would
    /// cut it and whether a log would show it
    ///
    /// Without an identity: the grants without which, each alone, somebody cannot become as much any
    /// more, those first that take most ways to cluster-admin.
    Reach {
        /// `user:NAME`, `group:NAME` or `sa:NAMESPACE/NAME`
        identity: Option<String>,
        /// Exit with 1 where becoming more is at least this bad
        #[arg(long, value_enum, value_name = "SEVERITY")]
        fail_on: Option<FailOn>,
    },
    /// Plans, and what was applied.
    #[command(flatten)]
    Change(ChangeCommand),
    /// Save what the other commands need, for `--from`; no secret data
    Snapshot {
        /// The folder to write; a snapshot that is there is replaced, anything else left alone
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Take audit logs into the store of a cluster, each request once however often it comes
    ///
    /// Answers without --audit read everything that was taken in for their cluster. A log that grew,
    /// was renamed or compressed is read on from where it was.
    Ingest {
        /// The cluster whose logs they are: a name of `keybook store list`, or a new one; without it,
        /// that of the context
        #[arg(long = "for", value_name = "CLUSTER")]
        whose: Option<String>,
        /// Files, folders, patterns, or `-`
        #[arg(required = true, value_name = "SOURCE")]
        sources: Vec<String>,
    },
    /// List, prune and find what is kept of audit logs
    Store {
        /// What to do
        #[command(subcommand)]
        command: StoreCommand,
    },
    /// Print the query that makes an activity summary of a log elsewhere, for `--audit`
    Query(QueryArgs),
    /// Open the terminal UI on a built-in cluster with an audit log; touches nothing outside
    Demo,
    /// Print versions, paths and every setting with where it came from
    Info,
    /// Print the completions of a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the manual page, of keybook or of one command
    Man {
        /// The command
        command: Option<String>,
    },
}

/// What to do with what is kept of audit logs.
#[derive(Clone, Debug, Subcommand)]
pub enum StoreCommand {
    /// List the clusters of which logs are kept, with the sizes of sums and index
    List,
    /// Forget what is old, and give the space back
    Prune {
        /// Keep so many days of sums; without it, all
        #[arg(long, value_name = "DAYS", value_parser = days)]
        keep: Option<u32>,
        /// Keep so many days of the index, with which a request that comes again is not counted
        /// again; 14 without it
        #[arg(long, value_name = "DAYS", value_parser = days)]
        index: Option<u32>,
        /// Only of this cluster
        #[arg(long = "for", value_name = "CLUSTER")]
        whose: Option<String>,
    },
    /// Print where it is kept
    Path {
        /// The file of this cluster
        #[arg(value_name = "CLUSTER")]
        whose: Option<String>,
    },
}

/// Flags that every command takes.
#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub cluster: ClusterFlags,
    /// What else is read.
    #[command(flatten)]
    pub input: InputFlags,
    /// What tells of credentials that no list of a cluster shows.
    #[command(flatten)]
    pub credentials: CredentialFlags,
    /// What decides verdicts.
    #[command(flatten)]
    pub verdict: VerdictFlags,
    /// How the answer looks.
    #[command(flatten)]
    pub look: LookFlags,
}

/// Which cluster, and as whom.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterFlags {
    /// The kubeconfig file, instead of KUBECONFIG's
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig context; may be repeated
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Vec<String>,
    /// Every context of the kubeconfig
    #[arg(long, global = true, conflicts_with = "context")]
    pub all_contexts: bool,
    /// The kubeconfig cluster, instead of the context's
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// The kubeconfig user, instead of the context's
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<String>,
    /// The namespace that is asked about; for lists, only what concerns it
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Vec<String>,
    /// All namespaces, which is what happens without -n
    #[arg(short = 'A', long, global = true)]
    pub all_namespaces: bool,
    /// The user to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub as_user: Option<String>,
    /// A group to impersonate; may be repeated
    #[arg(long, global = true, value_name = "GROUP", requires = "as_user")]
    pub as_group: Vec<String>,
    /// The UID to impersonate
    #[arg(long, global = true, value_name = "UID", requires = "as_user")]
    pub as_uid: Option<String>,
    /// How long one request may take, such as 5s or 2m
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub request_timeout: Option<Duration>,
}

/// What else is read.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Input")]
pub struct InputFlags {
    /// Read saved objects instead of a cluster: what kubectl get … -o json or yaml prints, a folder
    /// of that, a snapshot folder, or `-`; may be repeated
    #[arg(long, global = true, value_name = "PATH")]
    pub from: Vec<String>,
    /// Read this audit log: a file, a folder, a pattern, `-`, `vlogs://HOST?query=LOGSQL`, or
    /// `apiserver:` and a path below /logs/ of the cluster's API server, where it serves them; may be
    /// repeated
    #[arg(long, global = true, value_name = "SOURCE")]
    pub audit: Vec<String>,
    /// Of logs that name several clusters, read this one's
    #[arg(long, global = true, value_name = "NAME")]
    pub audit_cluster: Option<String>,
    /// Read and leave nothing of what is kept of audit logs
    #[arg(long, global = true)]
    pub no_store: bool,
    /// Go on reading the logs of --audit while they grow and rotate, and show activity as it happens
    #[arg(long, global = true)]
    pub follow: bool,
    /// Use the demo's built-in cluster and log
    #[arg(
        long, global = true,
        conflicts_with_all = ["from", "audit", "follow", "kubeconfig", "context", "all_contexts", "as_user"]
    )]
    pub demo: bool,
    /// Groups that a user is known to be in; may be repeated
    #[arg(
        long, global = true, value_name = "USER=G,G", value_parser = parse_groups
    )]
    pub groups: Vec<(Name, Vec<Name>)>,
}

/// What tells of credentials that no list of a cluster shows.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Credentials")]
pub struct CredentialFlags {
    /// Read who comes in by the cloud provider, as saved from `aws eks describe-access-entry`,
    /// `aws eks list-associated-access-policies` or `gcloud projects get-iam-policy --format=json`;
    /// may be repeated
    #[arg(long, global = true, value_name = "FILE")]
    pub iam: Vec<PathBuf>,
    /// Look into this kubeconfig file: whose credentials it holds, until when. None is used, sent or
    /// printed; may be repeated
    #[arg(long, global = true, value_name = "FILE")]
    pub inspect: Vec<PathBuf>,
    /// Read until when bootstrap tokens are good, for what and in which groups, which is Secret data;
    /// the tokens themselves are dropped as they come
    #[arg(long, global = true)]
    pub read_bootstrap: bool,
}

/// What decides verdicts.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Verdicts")]
pub struct VerdictFlags {
    /// The file of thresholds and maps that decide verdicts
    #[arg(long, global = true, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The file of the API servers' audit policy: what the log would show
    #[arg(long, global = true, value_name = "FILE")]
    pub audit_policy: Option<PathBuf>,
    /// Exit with 4 unless the log covers this many days
    #[arg(long, global = true, value_name = "DAYS")]
    pub require_coverage: Option<u32>,
}

/// How the answer looks.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct LookFlags {
    /// The form of the output
    #[arg(short, long, global = true, value_enum, value_name = "FORM")]
    pub output: Option<Output>,
    /// Leave out the heads of columns
    #[arg(long, global = true)]
    pub no_headers: bool,
    /// When the terminal UI uses colour: auto, always, never
    #[arg(long, global = true, value_name = "WHEN", value_parser = color)]
    pub color: Option<Color>,
    /// The theme of the terminal UI
    #[arg(long, global = true, value_name = "NAME")]
    pub theme: Option<String>,
    /// Offer no change in the terminal UI
    #[arg(long, global = true)]
    pub readonly: bool,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for a person
    Table,
    /// More columns
    Wide,
    /// One name a line
    Name,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// All columns, exact values
    Csv,
}

impl From<Output> for Format {
    fn from(of: Output) -> Self {
        match of {
            Output::Table => Self::Table,
            Output::Wide => Self::Wide,
            Output::Name => Self::Name,
            Output::Json => Self::Json,
            Output::Yaml => Self::Yaml,
            Output::Csv => Self::Csv,
        }
    }
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SortBy {
    /// Worst finding, then the stronger, then the longer idle
    #[default]
    Risk,
    /// By name
    Name,
    /// Users, groups, service accounts
    Kind,
    /// Last seen first
    Time,
    /// The smallest part of rules in use first
    Used,
}

impl From<SortBy> for crate::query::SortKey {
    fn from(of: SortBy) -> Self {
        match of {
            SortBy::Risk => Self::Risk,
            SortBy::Name => Self::Name,
            SortBy::Kind => Self::Kind,
            SortBy::Time => Self::Time,
            SortBy::Used => Self::Used,
        }
    }
}

/// How bad a finding must be to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Worth knowing
    Info,
    /// Tidy up
    Low,
    /// Should change
    Medium,
    /// Must change
    High,
    /// Now
    Critical,
}

impl From<FailOn> for crate::book::Severity {
    fn from(of: FailOn) -> Self {
        match of {
            FailOn::Info => Self::Info,
            FailOn::Low => Self::Low,
            FailOn::Medium => Self::Medium,
            FailOn::High => Self::High,
            FailOn::Critical => Self::Critical,
        }
    }
}

fn color(text: &str) -> Result<Color, String> {
    Color::from_name(text).ok_or_else(|| "auto, always or never belongs here".to_owned())
}

/// A number of days: `90d`, or `90`.
fn days(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('d').unwrap_or(text);
    number.parse().map_err(|_| format!("{text:?} is no number of days: write it as 90d"))
}

/// A time as kubectl takes it: `1m30s`, `500ms`, or whole seconds. Zero is no limit.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is no time: write it as 5s, 2m or 1h30m");
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let (number, tail) = rest.split_at(digits);
        let number: f64 = number.parse().map_err(|_| bad())?;
        let unit_end = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(bad()),
        };
        total += Duration::try_from_secs_f64(number * seconds).map_err(|_| bad())?;
        rest = tail;
    }
    if text.is_empty() { Err(bad()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::tui::actions::{IN_THE_SHELL, all};

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_is_one_of_the_terminals_or_known_there_as_the_shells() {
        let here: Vec<String> =
            Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        for word in IN_THE_SHELL {
            assert!(here.iter().any(|name| name == word), "{word}");
        }
        for name in &here {
            let in_terminal = all().iter().any(|action| action.words.contains(&&**name));
            assert!(in_terminal != IN_THE_SHELL.contains(&&**name), "{name}");
        }
    }

    #[test]
    fn times_are_read_as_kubectl_reads_them() {
        for (text, millis) in [
            ("0", 0),
            ("7", 7_000),
            ("5s", 5_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("20ms", 20),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "5x", "-1s", "5s5", "1..2s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
