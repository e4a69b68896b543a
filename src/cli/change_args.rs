//! The command line of what plans, makes and undoes changes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::change::plan::{Choices, NotInLogs};

/// A command about changes.
#[derive(Clone, Debug, Subcommand)]
pub enum ChangeCommand {
    /// Plan how to take access back; nothing is written to the cluster
    ///
    /// The plan says what would be written, what has to be done elsewhere, what works afterwards all
    /// the same and until when, and what could not be taken back.
    Revoke {
        /// What: `user:NAME`, `group:NAME` or `sa:NAMESPACE/NAME` for all that is bound to it;
        /// `crb:NAME=IDENTITY` or `rb:NAMESPACE/NAME=IDENTITY` for one grant;
        /// `quarantine:NAMESPACE/NAME` to have the token of a Secret refused, `secret:NAMESPACE/NAME` to
        /// delete it; `quarantine:sa:NAMESPACE/NAME` for every Secret with a token of a
        /// `ServiceAccount`, `account:NAMESPACE/NAME` to delete that with them, `renew:NAMESPACE/NAME` to
        /// delete it and make it again, which ends all its tokens; `aws-auth:mapRoles/ARN` (or `mapUsers`,
        /// `mapAccounts`) for an entry of EKS' `aws-auth`, with `=group:NAME` for a group of that entry
        #[arg(required = true, value_name = "WHAT")]
        what: Vec<String>,
        /// How the plan is made.
        #[command(flatten)]
        made: Made,
    },
    /// Plan how to cut access down to what the audit log shows in use; nothing is written to the
    /// cluster
    ///
    /// Every request that the log shows as allowed stays allowed, and nothing is allowed that was not.
    /// A role that nobody else holds is edited; of a shared one, a narrower copy is made and bound in
    /// place of it. The plan says of every rule that stays what needed it, and of what goes that nothing
    /// did.
    Narrow {
        /// Whose grants: `user:NAME`, `group:NAME` or `sa:NAMESPACE/NAME`; or a role as all have it who
        /// hold it: `clusterrole:NAME` or `role:NAMESPACE/NAME`
        #[arg(required = true, value_name = "WHAT")]
        what: Vec<String>,
        /// What the log cannot decide.
        #[command(flatten)]
        choices: ChoiceArgs,
        /// How the plan is made.
        #[command(flatten)]
        made: Made,
    },
    /// Plan an identity of its own for each of those behind a shared account; nothing is written to the
    /// cluster
    ///
    /// Each gets what it used itself, by the audit log, of what the account holds: a user that there
    /// is, or a new `ServiceAccount` with a token that ends with a Secret of its own. The account itself
    /// stays as it is, to be revoked once nobody needs it any more.
    Split {
        /// The account: `user:NAME` or `sa:NAMESPACE/NAME`
        #[arg(value_name = "IDENTITY")]
        identity: String,
        /// How it is split.
        #[command(flatten)]
        how: SplitArgs,
        /// How the plan is made.
        #[command(flatten)]
        made: Made,
    },
    /// Apply a plan: shown and tried without writing first, then confirmed
    ///
    /// Every write is in the journal before it is sent, with the object as it was. A plan that is of
    /// another cluster, edited, or of objects that changed since is refused.
    Apply {
        /// The plan, YAML or JSON, or `-`
        #[arg(value_name = "PLAN", required_unless_present = "finish", conflicts_with = "finish")]
        plan: Option<PathBuf>,
        /// Go on with a run that was cut off or stopped: its number in `keybook journal`
        #[arg(long, value_name = "RUN")]
        finish: Option<u64>,
        /// The folder that new kubeconfigs are written to, each readable by you alone
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// How it is confirmed.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Put back what a run changed, in inverse order: shown, tried and confirmed as a plan is
    Undo {
        /// Its number in `keybook journal`
        #[arg(value_name = "RUN")]
        run: u64,
        /// Leave alone what somebody changed since, with what goes with it, and put back the rest
        #[arg(long)]
        leave_changed: bool,
        /// How it is confirmed.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Look whether what was changed is still so, and ask the API server again
    Verify {
        /// A run's number in `keybook journal`; without it, every run that was not undone
        #[arg(value_name = "RUN")]
        run: Option<u64>,
    },
    /// List what is to be done later, such as the stages in which a split account is retired; exit 1
    /// where the day of something has come
    ///
    /// Nothing is done by itself. With each goes the command that plans it, from the objects as they
    /// are then.
    Due,
    /// List what was applied to the cluster, or show one run whole
    Journal {
        /// A run's number
        #[arg(value_name = "RUN")]
        run: Option<u64>,
        /// The head that was noted earlier: whether it is still in the journal
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
}

/// How a Plan is made.
#[derive(Clone, Debug, Default, Args)]
pub struct Made {
    /// Write the plan to this file too, as YAML, or as JSON where it ends in .json
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Change here, too, what an owner (Helm, Argo CD, Flux, …) would undo later
    #[arg(long)]
    pub despite_owners: bool,
    /// Lock out all the same: the sentence that the refusal says
    #[arg(long, value_name = "SENTENCE")]
    pub force: Option<String>,
}

/// How an account is split.
#[derive(Clone, Debug, Args)]
pub struct SplitArgs {
    /// Who is behind it, NAME=ACTOR: ACTOR is its place in the list of `keybook show`, one of its
    /// credentials or addresses, whoever had its tokens made, its session or its workload. Repeated
    /// for each, and for what belongs to one person. Without it, everybody who is seen
    #[arg(long = "actor", value_name = "NAME=ACTOR")]
    pub actors: Vec<String>,
    /// Whom one becomes, NAME=user:NAME for a user that there is, NAME=sa:NAMESPACE/NAME for an account
    /// that is made
    #[arg(long, value_name = "NAME=IDENTITY")]
    pub to: Vec<String>,
    /// One who gets a client certificate, as the user that --to says, or user:NAME: the key is made where
    /// the plan is applied and never sent. A certificate cannot be revoked
    #[arg(long = "certificate", value_name = "NAME")]
    pub certificates: Vec<String>,
    /// The namespace in which the accounts of the others are made
    #[arg(long, value_name = "NAMESPACE")]
    pub into: Option<String>,
    /// One who is no person, such as a pipeline: no person's name is put on its account
    #[arg(long = "machine", value_name = "NAME")]
    pub machines: Vec<String>,
    /// Who gets what the log shows of nobody in particular: one of them, or nobody
    #[arg(long, value_name = "NAME", default_value = "nobody")]
    pub unattributed: String,
    /// Retire the account in stages: after so many days every token of it in a Secret is refused, after
    /// as many again it loses what it is granted and is deleted; a user loses what it is granted after
    /// the first. `keybook due` lists what to do when, and who still uses it
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub retire_after: Option<u32>,
    /// Retire it though the log shows requests of nobody who gets an identity: whoever made them is
    /// refused then
    #[arg(long, requires = "retire_after")]
    pub retire_unattributed: bool,
    /// For how many days tokens and certificates are asked for; the server may grant fewer
    #[arg(long, value_name = "DAYS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub token_days: u32,
    /// Give only those of get, list and watch that were used, instead of all three where one was
    #[arg(long)]
    pub single_verbs: bool,
    /// Name up to so many objects of a kind one by one; with more, every name is allowed
    #[arg(long, value_name = "N", default_value_t = Choices::default().names)]
    pub names: u32,
    /// Give in single namespaces what is held cluster-wide and was used in so many or fewer; 0 gives it
    /// cluster-wide
    #[arg(long, value_name = "N", default_value_t = Choices::default().namespaces)]
    pub namespaces: u32,
}

/// What a person decides about narrowing.
#[derive(Clone, Debug, Args)]
pub struct ChoiceArgs {
    /// Keep only those of get, list and watch that were used, instead of all three where one was
    #[arg(long)]
    pub single_verbs: bool,
    /// Name up to so many objects of a kind one by one; with more, every name stays allowed
    #[arg(long, value_name = "N", default_value_t = Choices::default().names)]
    pub names: u32,
    /// Hold in single namespaces what is held cluster-wide and was used in so many or fewer; 0 keeps
    /// it cluster-wide
    #[arg(long, value_name = "N", default_value_t = Choices::default().namespaces)]
    pub namespaces: u32,
    /// Leave grants whole that were younger than so many days when the log ends
    #[arg(long, value_name = "DAYS", default_value_t = Choices::default().younger_than)]
    pub younger_than: u32,
    /// What becomes of what no log shows (bind, escalate, approve, sign, kubelets): keep what rules
    /// name, keep-all of what their stars allow as well, or drop it
    #[arg(long, value_name = "HOW", value_enum, default_value_t = NotInLogsArg::Keep)]
    pub not_in_logs: NotInLogsArg,
}

/// `--not-in-logs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NotInLogsArg {
    /// What rules name.
    Keep,
    /// And what their stars allow.
    KeepAll,
    /// Nothing.
    Drop,
}

impl ChoiceArgs {
    /// The choices.
    pub fn choices(&self) -> Choices {
        Choices {
            families: !self.single_verbs,
            names: self.names,
            namespaces: self.namespaces,
            younger_than: self.younger_than,
            not_in_logs: match self.not_in_logs {
                NotInLogsArg::Keep => NotInLogs::Keep,
                NotInLogsArg::KeepAll => NotInLogs::KeepAll,
                NotInLogsArg::Drop => NotInLogs::Drop,
            },
        }
    }
}

/// How a change is confirmed.
#[derive(Clone, Debug, Default, Args)]
pub struct Confirm {
    /// Apply without asking: the name of the context, or of the cluster where there is none
    #[arg(long, value_name = "CONTEXT")]
    pub yes: Option<String>,
    /// Lock out, or give back what a later run took, all the same: the sentence that the refusal
    /// says
    #[arg(long, value_name = "SENTENCE")]
    pub force: Option<String>,
}
