//! What runs as an account, and what a hole in it is worth.

use crate::book::Entry;
use crate::model::{Name, SubjectKind, distinct};
use crate::tui::job::PageData;
use crate::tui::text::{plural, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::Line;
use crate::tui::words;
use crate::workloads::{IsolationState, Level, Readable, Root, TokenMount, Workload};

type Lines = Vec<Line<'static>>;

/// All of it.
pub fn lines(entry: &Entry, data: Option<&PageData>, width: usize) -> Lines {
    if entry.identity.kind != SubjectKind::ServiceAccount {
        return vec![Line::of("Only service accounts have pods.", Slot::Muted)];
    }
    let Some(data) = data else {
        return vec![Line::of(words::LOADING, Slot::Muted)];
    };
    let width = width.saturating_sub(2);
    let mut lines = Lines::new();
    if data.workloads.is_empty() {
        lines.push(Line::of("No pod and no controller that was listed uses it.", Slot::Muted));
    }
    for workload in &data.workloads {
        if !lines.is_empty() {
            lines.push(Line::new());
        }
        one(&mut lines, workload, width);
    }
    if !data.workloads.is_empty() {
        lines.push(Line::new());
        let held = wrap(&distinct(&data.held_to), width).into_iter();
        lines.extend(held.map(|text| Line::of(text, Slot::Muted)));
    }
    if data.mirror_pods > 0 {
        let text = crate::workloads::mirror_words(data.mirror_pods);
        lines.extend(wrap(&text, width).into_iter().map(|text| Line::of(text, Slot::Muted)));
    }
    if !data.readable.is_empty() {
        lines.push(Line::new());
        lines.push(Line::of("Secrets that it can read through the API", Slot::Strong));
        lines.extend(data.readable.iter().map(secrets));
    }
    for list in &data.workloads_missing {
        lines.push(Line::of(format!("There may be more: {list} not whole"), Slot::Unknown));
    }
    lines
}

fn one(lines: &mut Lines, of: &Workload, width: usize) {
    let kind = of.kind.to_lowercase();
    lines.push(
        Line::of(format!("{kind} {}", distinct(&of.name)), Slot::Strong)
            .then(format!("  {}", plural(of.pods, "pod")), Slot::Muted),
    );
    if let Some(name) = &of.runs_as {
        let text = format!("  runs as {}, with this account's token in it", distinct(name));
        lines.push(Line::of(text, Slot::Warn));
    }
    let token = match of.token {
        TokenMount::Yes => ("its token is mounted", Slot::Warn),
        TokenMount::No => ("no token is mounted", Slot::Base),
        TokenMount::OtherAudience => ("a token for another audience is mounted", Slot::Base),
        TokenMount::NotKnown => ("whether its token is mounted is not known", Slot::Unknown),
    };
    let root = match of.root {
        Root::Yes => ("runs as root", Slot::Warn),
        Root::No => ("not as root", Slot::Base),
        Root::ByImage => ("as root if its image says so", Slot::Unknown),
    };
    lines.push(
        Line::of(format!("  {}", token.0), token.1).then(", ", Slot::Muted).then(root.0, root.1),
    );
    let (level, slot) = match of.level {
        Some(Level::Privileged) => ("privileged", Slot::Danger),
        Some(Level::Baseline) => ("baseline", Slot::Base),
        Some(Level::Restricted) => ("restricted", Slot::Base),
        None => ("not known", Slot::Unknown),
    };
    lines.push(Line::of("  Pod Security Standards: ", Slot::Muted).then(level, slot));
    let reasons: Vec<&str> = of.violations.iter().map(|one| &*one.reason).collect();
    listed(lines, "fails", &reasons.join(", "), width, Slot::Base);
    let mut node: Vec<String> = Vec::new();
    if !of.privileged.is_empty() {
        node.push(format!("privileged: {}", of.privileged.join(" ")));
    }
    node.extend(of.host_namespaces.iter().map(|name| format!("host {name}")));
    node.extend(of.host_paths.iter().map(|path| format!("mounts {path}")));
    node.extend(of.capabilities.iter().map(|name| format!("+{name}")));
    listed(lines, "node", &node.join(", "), width, Slot::Danger);
    let unread = crate::workloads::unread_words(&of.unread_volumes).join(", ");
    listed(lines, "may be more of the node", &unread, width, Slot::Unknown);
    let state = |state: IsolationState| {
        let slot = match state {
            IsolationState::Isolated => Slot::Base,
            IsolationState::NotKnown => Slot::Unknown,
            _ => Slot::Warn,
        };
        Line::of(state.as_str(), slot)
    };
    let mut line = Line::of("  network: in ", Slot::Muted);
    line.0.extend(state(of.isolation.ingress).0);
    line.push(", out ", Slot::Muted);
    line.0.extend(state(of.isolation.egress).0);
    lines.push(line);
    listed(lines, "policies", &names(&of.isolation.policies), width, Slot::Base);
    listed(lines, "Secrets in it", &names(&of.secrets), width, Slot::Base);
    listed(lines, "tokens in it of other accounts", &names(&of.tokens_of), width, Slot::Warn);
}

fn names(of: &[Name]) -> String {
    of.iter().map(|name| distinct(name).into_owned()).collect::<Vec<_>>().join(", ")
}

fn listed(lines: &mut Lines, label: &str, text: &str, width: usize, slot: Slot) {
    if text.is_empty() {
        return;
    }
    let whole = format!("{label}: {}", distinct(text));
    let texts = wrap(&whole, width.saturating_sub(4));
    lines.extend(texts.into_iter().map(|text| Line::of(format!("  {text}"), slot)));
}

fn secrets(of: &Readable) -> Line<'static> {
    let which = if of.names.is_empty() { "every Secret".to_owned() } else { names(&of.names) };
    let place = of.namespace.as_ref().map_or_else(
        || "of every namespace".to_owned(),
        |namespace| format!("of {}", distinct(namespace)),
    );
    Line::plain(format!("  {} {which} {place}", of.verbs.join(",")))
}
