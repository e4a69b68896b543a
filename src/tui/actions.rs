//! The table of all actions, in the order of [`ActionId`]; within a context, hints come in this
//! order too.

use super::action::{Action, ActionId as Id, Context, Group};

use Context::{
    Anywhere, Credentials, Cuts, Findings, Grants, Health, Help, List, Narrowing, Page, Picker,
    Plan, Prompt, Reverse, Splitting, Text,
};

/// Where a cursor or a view moves.
const MOVING: &[Context] = &[
    List,
    Page,
    Reverse,
    Findings,
    Credentials,
    Grants,
    Cuts,
    Health,
    Text,
    Plan,
    Narrowing,
    Splitting,
    Help,
    Picker,
];
/// Where rows can be opened.
const OPENING: &[Context] = &[List, Page, Reverse, Findings, Credentials, Grants, Cuts, Picker];
/// Where rows stand for something with a name.
const ROWS: &[Context] = &[List, Page, Reverse, Findings, Credentials, Grants, Cuts];
/// Where there are tabs.
const TABS: &[Context] = &[List, Page];
/// Where there is something beside.
const SIDES: &[Context] = &[List, Page, Text, Plan, Narrowing, Splitting];
/// Where choices are made.
const CHOOSING: &[Context] = &[Narrowing, Splitting];
/// Where typing narrows or searches.
const FILTERING: &[Context] =
    &[List, Reverse, Findings, Credentials, Grants, Cuts, Text, Plan, Help];

const fn key(
    id: Id,
    keys: &'static [&'static str],
    contexts: &'static [Context],
    group: Group,
    hint: Option<&'static str>,
    help: &'static str,
) -> Action {
    Action { id, keys, words: &[], args: "", hint, help, group, contexts }
}

const fn word(
    id: Id,
    words: &'static [&'static str],
    args: &'static str,
    group: Group,
    help: &'static str,
) -> Action {
    Action { id, keys: &[], words, args, hint: None, help, group, contexts: &[Anywhere] }
}

impl Action {
    const fn words(mut self, words: &'static [&'static str], args: &'static str) -> Self {
        self.words = words;
        self.args = args;
        self
    }
}

/// All actions.
#[rustfmt::skip]
pub(super) const ACTIONS: &[Action] = &[
    key(Id::Open, &["enter"], OPENING, Group::Look, Some("open"),
        "open the identity, grant, credential, finding or choice under the cursor"),
    key(Id::Describe, &["d"], ROWS, Group::Look, None, "describe it in words"),
    key(Id::Yaml, &["y"], ROWS, Group::Look, None,
        "the YAML of the bindings and roles that grant it"),
    key(Id::Who, &["w"], ROWS, Group::Look, None,
        "who else can do this: on a permission, asks for the verb where there are several"),
    key(Id::Copy, &["c"], &[List, Page, Reverse, Findings, Credentials, Grants, Cuts, Text, Plan, Narrowing, Splitting],
        Group::Look, None,
        "copy the name, all marked names, the text, or the command that chooses the same, to the terminal's \
         clipboard"),
    key(Id::NextTab, &["tab"], &[List, Page, Narrowing, Splitting], Group::Look, Some("tabs"),
        "next tab; from choices to what comes of them, and back"),
    key(Id::PreviousTab, &["shift-tab"], TABS, Group::Look, None, "previous tab"),
    key(Id::Filter, &["/"], FILTERING, Group::Choose, Some("filter"),
        "list only what matches, live; in a text, look for it"),
    key(Id::Mark, &["space"], &[List, Splitting], Group::Choose, Some("mark"), "mark the row"),
    key(Id::MarkRange, &["ctrl-space"], &[List], Group::Choose, None,
        "mark everything from the last mark to here"),
    key(Id::ClearMarks, &["ctrl-\\"], &[List], Group::Choose, None, "take all marks off"),
    key(Id::Revoke, &["r"], ROWS, Group::Change, Some("revoke"),
        "stage that it is revoked: all grants of the identity or of everybody marked, the grant, the \
         credential; of a ServiceAccount what is chosen; of a finding what mends it, no more; on the tab Reach the grant that closes the way"),
    key(Id::Narrow, &["n"], ROWS, Group::Change, Some("narrow"),
        "choose how the identity, everybody marked, or a grant's role is cut down to what the log shows in \
         use, and see what comes of it"),
    key(Id::Split, &["s"], ROWS, Group::Change, Some("split"),
        "choose who behind the account becomes whom, and see what each gets"),
    key(Id::Stage, &["enter"], CHOOSING, Group::Change, Some("stage"),
        "stage it with these choices; the plan has it then"),
    key(Id::Type, &["e"], CHOOSING, Group::Change, Some("type"),
        "type the value of the choice; of one who is seen, what they are called: those of one name are one"),
    key(Id::Merge, &["m"], &[Splitting], Group::Change, Some("merge"),
        "make one of those marked and the one under the cursor, who gives the name"),
    key(Id::Become, &["b"], &[Splitting], Group::Change, Some("to"),
        "type whom the one under the cursor becomes: user:NAME for a user that there is, cert:NAME for one by a certificate, \
         sa:NAMESPACE/NAME for an account that is made"),
    key(Id::LeaveOut, &["x"], &[Splitting], Group::Change, Some("out"),
        "leave the one under the cursor without an identity, or take them in again"),
    key(Id::AsPlan, &["v"], CHOOSING, Group::Look, Some("whole"),
        "the whole plan of what is chosen, with every object as it would be; again for what comes of it"),
    key(Id::Unstage, &["z"], ROWS, Group::Change, None,
        "take back what is staged about what the cursor is on, or is marked"),
    key(Id::Plan, &["p"], &[Anywhere], Group::Change, Some("plan"),
        "the plan of everything staged: what would be written, tried without writing")
        .words(&["plan"], ""),
    key(Id::Apply, &["a"], &[Plan], Group::Change, Some("apply"),
        "apply the plan, once the name of the context is typed"),
    key(Id::SavePlan, &["s"], &[Plan], Group::Change, Some("save"),
        "save the plan to a file, for keybook apply"),
    word(Id::JournalCommand, &["journal"], "", Group::Change, "what was applied to the cluster from here"),
    word(Id::UndoCommand, &["undo"], "RUN", Group::Change,
        "the plan that takes a run of the journal back, to be applied as any other"),
    word(Id::FinishCommand, &["finish"], "RUN", Group::Change,
        "go on with a run of the journal that was cut off or stopped: what is left of it, to be applied"),
    key(Id::Namespace, &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], &[List],
        Group::Choose, None, "0 lists all namespaces, 1 to 9 the ones that were chosen last")
        .words(&["ns", "namespace"], "[NAMESPACE]"),
    key(Id::SortRisk, &["shift-r"], &[List], Group::Choose, None,
        "sort by risk: worst finding, tier, longest idle; again turns it round"),
    key(Id::SortName, &["shift-n"], &[List, Reverse], Group::Choose, None, "sort by name"),
    key(Id::SortKind, &["shift-k"], &[List], Group::Choose, None, "sort by kind"),
    key(Id::SortTime, &["shift-t"], &[List, Reverse], Group::Choose, None, "sort by last seen"),
    key(Id::SortUsed, &["shift-u"], &[List], Group::Choose, None,
        "sort by the part of what is held that is in use"),
    key(Id::Up, &["k", "up"], MOVING, Group::Move, None, "one up"),
    key(Id::Down, &["j", "down"], MOVING, Group::Move, None, "one down"),
    key(Id::Top, &["g", "home"], MOVING, Group::Move, None, "to the top"),
    key(Id::Bottom, &["shift-g", "end"], MOVING, Group::Move, None, "to the bottom"),
    key(Id::PageUp, &["ctrl-b", "pgup"], MOVING, Group::Move, None, "a page up"),
    key(Id::PageDown, &["ctrl-f", "pgdn"], MOVING, Group::Move, None, "a page down"),
    key(Id::HalfUp, &["ctrl-u"], MOVING, Group::Move, None, "half a page up"),
    key(Id::HalfDown, &[], MOVING, Group::Move, None, "half a page down"),
    key(Id::Left, &["h", "left"], SIDES, Group::Move, None,
        "previous tab; on the list, previous chip; in a text, to the left; of a choice, less or the one before"),
    key(Id::Right, &["l", "right"], SIDES, Group::Move, None,
        "next tab; on the list, next chip; in a text, to the right; of a choice, more or the next one"),
    key(Id::NextMatch, &["n"], &[Text, Plan], Group::Move, None, "next place found"),
    key(Id::PreviousMatch, &["shift-n"], &[Text, Plan], Group::Move, None, "previous place found"),
    key(Id::Back, &["esc", "q"], MOVING,
        Group::Go, None, "back; takes marks, then the filter off, where there are any"),
    key(Id::HistoryBack, &["["], &[Anywhere], Group::Go, None, "to the place visited before"),
    key(Id::HistoryForward, &["]"], &[Anywhere], Group::Go, None, "to the place visited after"),
    key(Id::LastPlace, &["-"], &[Anywhere], Group::Go, None, "to the place left last, and back"),
    word(Id::Identities, &["identities", "all"], "", Group::Go, "every identity"),
    word(Id::Users, &["users"], "", Group::Go, "users only"),
    word(Id::Groups, &["groups"], "", Group::Go, "groups only"),
    word(Id::Accounts, &["sa", "serviceaccounts"], "", Group::Go, "service accounts only"),
    key(Id::Findings, &["f"], &[Anywhere], Group::Go, None, "what is wrong, worst first")
        .words(&["findings"], ""),
    word(Id::Credentials, &["credentials", "creds"], "", Group::Go,
        "every credential that is known to be out, the riskiest first"),
    word(Id::Grants, &["grants"], "", Group::Go, "every grant, the strongest first"),
    word(Id::Reach, &["reach"], "[IDENTITY]", Group::Go,
        "the grants without which some can become less than they can; of an IDENTITY, its ways"),
    key(Id::Health, &["i"], &[Anywhere], Group::Go, None,
        "which lists and logs were read, which not, and why")
        .words(&["health", "pulse"], ""),
    word(Id::Cluster, &["cluster", "ctx", "context"], "[NAME]", Group::Go,
        "one cluster of several; without a name, all"),
    key(Id::Command, &[":"], &[Anywhere], Group::Go, None, "type a command"),
    key(Id::Help, &["?"], &[Anywhere], Group::Program, Some("keys"), "these keys; type to search")
        .words(&["help"], ""),
    key(Id::Reload, &["ctrl-r"], &[Anywhere], Group::Program, None,
        "read the cluster and the log again")
        .words(&["reload"], ""),
    word(Id::Theme, &["theme"], "[NAME]", Group::Program, "another theme"),
    key(Id::Suspend, &["ctrl-z"], &[Anywhere, Prompt], Group::Program, None,
        "back to the shell; fg returns"),
    key(Id::Quit, &["ctrl-c"], &[Anywhere, Prompt], Group::Program, None,
        "quit, at once, whatever is running")
        .words(&["quit", "q"], ""),
    key(Id::Accept, &["enter"], &[Prompt], Group::Type, None, "take what is typed"),
    key(Id::Cancel, &["esc"], &[Prompt], Group::Type, None,
        "leave it; a filter goes back to what it was"),
    key(Id::Complete, &["tab", "right"], &[Prompt], Group::Type, None, "take the completion shown"),
    key(Id::Earlier, &["up"], &[Prompt], Group::Type, None, "what was typed before"),
    key(Id::Later, &["down"], &[Prompt], Group::Type, None, "what was typed after"),
    key(Id::Rubout, &["backspace", "ctrl-h"], &[Prompt], Group::Type, None,
        "delete a character; in an empty line, leave"),
    key(Id::RuboutWord, &["ctrl-w"], &[Prompt], Group::Type, None, "delete a word"),
    key(Id::RuboutLine, &["ctrl-u"], &[Prompt], Group::Type, None, "delete the line"),
    word(Id::WhoCommand, &["who"], "[FILTER]", Group::Command, "list identities, by a filter"),
    word(Id::ShowCommand, &["show"], "IDENTITY", Group::Command,
        "one identity: user:NAME, group:NAME or sa:NS/NAME"),
    word(Id::CanCommand, &["can"], "IDENTITY VERB RESOURCE[.GROUP][/SUB] [NAME] [-n NS]",
        Group::Command, "whether somebody can do something, and by what"),
    word(Id::WhoCanCommand, &["who-can"], "VERB RESOURCE[.GROUP][/SUB] [NAME] [-n NS]",
        Group::Command, "everybody who can do something"),
    word(Id::SnapshotCommand, &["snapshot"], "--out DIR", Group::Command,
        "save what is known of the cluster for later or elsewhere"),
    word(Id::CheckCommand, &["check"], "FILE", Group::Command,
        "what the authorizer answers to access reviews"),
    word(Id::DemoCommand, &["demo"], "", Group::Command, "a built-in cluster with an audit log"),
    word(Id::InfoCommand, &["info"], "", Group::Command, "what keybook reads, and where from"),
];

/// Commands of the shell that have no word here: what they do is said there.
pub const IN_THE_SHELL: &[&str] = &[
    "apply",
    "completions",
    "due",
    "ingest",
    "man",
    "narrow",
    "query",
    "revoke",
    "split",
    "store",
    "verify",
];

/// All actions, in their order.
pub fn all() -> &'static [Action] {
    ACTIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_in_order() {
        let ids: Vec<Id> = ACTIONS.iter().map(|action| action.id).collect();
        assert_eq!(ids, Id::ALL);
    }

    #[test]
    fn every_action_can_be_reached_and_says_what_it_does() {
        for action in ACTIONS {
            // Half a page down has a key in the vim preset only.
            let reachable =
                !action.keys.is_empty() || !action.words.is_empty() || action.id == Id::HalfDown;
            assert!(reachable, "{:?}", action.id);
            assert!(!action.help.is_empty() && !action.help.ends_with('.'), "{:?}", action.id);
            assert!(
                action
                    .help
                    .chars()
                    .next()
                    .is_some_and(|c| !c.is_uppercase() || action.help.starts_with("YAML"))
            );
        }
    }

    #[test]
    fn no_word_has_two_meanings() {
        let mut words: Vec<&str> =
            ACTIONS.iter().flat_map(|action| action.words).copied().collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }
}
