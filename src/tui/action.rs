//! The action registry: the one source of keys, the hint bar, help, `:` completion and
//! docs/keys.md.

/// Where keys are pressed: what the top layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// Everywhere but where text is typed.
    Anywhere,
    /// The list of identities.
    List,
    /// An identity's page.
    Page,
    /// Who can do something.
    Reverse,
    /// What is wrong, over everybody.
    Findings,
    /// Every credential.
    Credentials,
    /// Every grant.
    Grants,
    /// Grants to cut.
    Cuts,
    /// How the lists and the log stand.
    Health,
    /// YAML and descriptions.
    Text,
    /// A plan.
    Plan,
    /// The choices of a narrowing.
    Narrowing,
    /// The choices of a split.
    Splitting,
    /// Help.
    Help,
    /// A choice in a window.
    Picker,
    /// A line of text being typed.
    Prompt,
}

impl Context {
    /// All of them, in the order of help.
    pub const ALL: [Self; 16] = [
        Self::Anywhere,
        Self::List,
        Self::Page,
        Self::Reverse,
        Self::Findings,
        Self::Credentials,
        Self::Grants,
        Self::Cuts,
        Self::Health,
        Self::Text,
        Self::Plan,
        Self::Narrowing,
        Self::Splitting,
        Self::Help,
        Self::Picker,
        Self::Prompt,
    ];

    /// The heading in help and docs/keys.md.
    pub fn title(self) -> &'static str {
        match self {
            Self::Anywhere => "everywhere",
            Self::List => "identities",
            Self::Page => "an identity",
            Self::Reverse => "who can",
            Self::Findings => "findings",
            Self::Credentials => "credentials",
            Self::Grants => "grants",
            Self::Cuts => "grants to cut",
            Self::Health => "health",
            Self::Text => "yaml and descriptions",
            Self::Plan => "a plan",
            Self::Narrowing => "narrowing",
            Self::Splitting => "splitting",
            Self::Help => "help",
            Self::Picker => "a choice",
            Self::Prompt => "typing",
        }
    }
}

/// What help groups actions by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Moving about.
    Move,
    /// Looking closer.
    Look,
    /// Taking access back.
    Change,
    /// Choosing what is listed, and in which order.
    Choose,
    /// Going elsewhere.
    Go,
    /// The program itself.
    Program,
    /// Typing.
    Type,
    /// Subcommands of the command line.
    Command,
}

impl Group {
    /// All of them, in the order of help.
    pub const ALL: [Self; 8] = [
        Self::Look,
        Self::Change,
        Self::Choose,
        Self::Move,
        Self::Go,
        Self::Program,
        Self::Type,
        Self::Command,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Look => "look closer",
            Self::Change => "take back",
            Self::Choose => "choose and order",
            Self::Go => "go",
            Self::Program => "keybook",
            Self::Type => "type",
            Self::Command => "commands",
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What a person can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ActionId { $($(#[$doc])* $name),+ }

        impl ActionId {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

actions! {
    /// Opens what the cursor is on.
    Open,
    /// Describes it.
    Describe,
    /// Shows the YAML of what grants it.
    Yaml,
    /// Who else can do this.
    Who,
    /// Copies it.
    Copy,
    /// Next tab.
    NextTab,
    /// Previous tab.
    PreviousTab,
    /// Filters what is listed, or searches.
    Filter,
    /// Marks a row.
    Mark,
    /// Marks from the last mark to here.
    MarkRange,
    /// Takes all marks off.
    ClearMarks,
    /// Stages that it is revoked.
    Revoke,
    /// Chooses how it is narrowed.
    Narrow,
    /// Chooses how it is split.
    Split,
    /// Stages what was chosen.
    Stage,
    /// Types the value of a choice.
    Type,
    /// Makes one of several.
    Merge,
    /// Says whom one becomes.
    Become,
    /// Leaves one out, or takes them in.
    LeaveOut,
    /// Shows the whole plan of what is chosen, or what comes of it.
    AsPlan,
    /// Takes back what is staged.
    Unstage,
    /// Makes the plan of what is staged.
    Plan,
    /// Applies the plan.
    Apply,
    /// Saves the plan.
    SavePlan,
    /// What was applied.
    JournalCommand,
    /// The plan that takes a run back.
    UndoCommand,
    /// Goes on with a run that was cut off.
    FinishCommand,
    /// Lists one namespace only.
    Namespace,
    /// Sorts by risk.
    SortRisk,
    /// Sorts by name.
    SortName,
    /// Sorts by kind.
    SortKind,
    /// Sorts by time.
    SortTime,
    /// Sorts by use.
    SortUsed,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// First row.
    Top,
    /// Last row.
    Bottom,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Half a page up.
    HalfUp,
    /// Half a page down.
    HalfDown,
    /// Left.
    Left,
    /// Right.
    Right,
    /// Next place that was searched for.
    NextMatch,
    /// Previous place that was searched for.
    PreviousMatch,
    /// Back to where one came from.
    Back,
    /// The place before, in the order of visits.
    HistoryBack,
    /// The place after.
    HistoryForward,
    /// The place that was left last.
    LastPlace,
    /// All identities.
    Identities,
    /// Users.
    Users,
    /// Groups.
    Groups,
    /// Service accounts.
    Accounts,
    /// Findings.
    Findings,
    /// Every credential.
    Credentials,
    /// Every grant.
    Grants,
    /// What can be become, and what to cut.
    Reach,
    /// Health of lists and log.
    Health,
    /// One cluster of several.
    Cluster,
    /// Types a command.
    Command,
    /// Help.
    Help,
    /// Reads everything again.
    Reload,
    /// Another theme.
    Theme,
    /// Stops the program and gives the shell back.
    Suspend,
    /// Ends the program.
    Quit,
    /// Takes what was typed.
    Accept,
    /// Leaves it.
    Cancel,
    /// Takes the proposed completion.
    Complete,
    /// Typed before.
    Earlier,
    /// Typed after.
    Later,
    /// Deletes a character.
    Rubout,
    /// Deletes a word.
    RuboutWord,
    /// Deletes the line.
    RuboutLine,
    /// Lists identities by a filter.
    WhoCommand,
    /// Shows an identity.
    ShowCommand,
    /// Whether somebody can do something.
    CanCommand,
    /// Who can do something.
    WhoCanCommand,
    /// Saves what is known of the cluster.
    SnapshotCommand,
    /// Answers access reviews from a file.
    CheckCommand,
    /// The built-in example.
    DemoCommand,
    /// What keybook reads and where from.
    InfoCommand,
}

/// One action.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Which.
    pub id: ActionId,
    /// Keys by default, in [`super::key::Key`]'s spelling, the one that hints show first.
    pub keys: &'static [&'static str],
    /// Words for `:`, the shown one first.
    pub words: &'static [&'static str],
    /// What follows the word.
    pub args: &'static str,
    /// A word or two for the hint bar; None keeps it out of there.
    pub hint: Option<&'static str>,
    /// A sentence for help.
    pub help: &'static str,
    /// What help groups it under.
    pub group: Group,
    /// Where its keys work.
    pub contexts: &'static [Context],
}

impl ActionId {
    /// The action's entry in the registry.
    pub fn action(self) -> &'static Action {
        // A test holds the table complete and in order.
        &super::actions::ACTIONS[self as usize]
    }
}
