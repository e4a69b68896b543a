//! One identity whole, for a person: a head of facts, then tables under headings.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::detail::{GrantRow, IdentityDetail, PermissionRow, SeenRow, UseRow, Via};
use super::finding::ExemptionPart;
use super::identity::{ActivityRow, GroupRow};
use super::owner::OwnerRow;
use super::{Cell, Column, Metadata, Table, actors, age, credential, exact, in_hand};
use crate::book::GroupSource;
use crate::model::{Name, counted, or_quotes, printable};
use crate::workloads;

/// The text of one identity.
pub(super) fn identity(of: &IdentityDetail, about: &Metadata, wide: bool, headers: bool) -> String {
    let mut text = head(of, about);
    let mut section = |title: &str, table: Table| {
        if !table.rows.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{title} ({})\n", table.rows.len());
            for line in table.text(wide, headers).lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    };
    section("Findings", findings(of));
    section("Exempt by the policy", exempt(of));
    section("Groups", groups(&of.row.groups, about));
    section("Members", members(of));
    section("Grants", grants(&of.held_by, about));
    section("Permissions", permissions(&of.permissions, about));
    section("Uses", uses(&of.uses, about));
    section("Credentials", credential::table(&of.row.credentials, about));
    section("In hand, of others", in_hand::table(&of.in_hand, &of.certificates_asked));
    if let Some(behind) = &of.behind {
        section("Actors", actors::table(behind, about));
        section("Signs of sharing", actors::signals(behind));
    }
    if let Some(radius) = &of.blast_radius {
        section("Workloads", radius.table());
        section("Reads Secrets", radius.secrets());
    }
    section("Addresses", seen("ADDRESS", &of.addresses, about));
    section("User agents", seen("AGENT", &of.agents, about));
    section("Impersonation", impersonation(of, about));
    section("Without a log", hints(of));
    text
}

fn ago(about: &Metadata, time: Option<DateTime<Utc>>) -> Cell {
    time.map_or_else(Cell::default, |time| {
        let ago = age(about.as_of.unwrap_or(time) - time);
        Cell::exactly(ago.clone(), exact(time)).or_full(format!("{ago} ({})", exact(time)))
    })
}

fn head(of: &IdentityDetail, about: &Metadata) -> String {
    let row = &of.row;
    let mut lines: Vec<(&str, String)> = vec![("Identity", row.called())];
    if about.clusters.len() > 1 {
        lines.push(("Cluster", about.cluster_name(&row.cluster).to_string()));
    }
    match row.exists {
        Some(false) => lines.push(("Exists", "no: there is no such service account".to_owned())),
        None if row.identity.kind == "ServiceAccount" => {
            lines.push(("Exists", "not known: service accounts are not all listed".to_owned()));
        }
        _ => {}
    }
    lines.push(("Access", row.access_text()));
    let mirrors = of.blast_radius.as_ref().map_or(0, |radius| radius.mirror_pods);
    if mirrors > 0 {
        lines.push(("Not its own", workloads::mirror_words(mirrors)));
    }
    if let Some(radius) = of.blast_radius.as_ref().filter(|of| !of.workloads.is_empty()) {
        lines.push(("Its pods", radius.held_to.clone()));
    }
    for owner in &of.kept_by {
        let text = format!("{}; a deletion is undone {}", owner.words, owner.deletion.when);
        lines.push(("Kept by", text));
    }
    lines.push(("Last seen", last_seen(of, about)));
    if let Some(activity) = &row.activity {
        lines.push(("Requests", requests(activity)));
        if let Some(first) = activity.first_seen {
            lines.push(("First seen", exact(first)));
        }
        if let Some(write) = activity.last_write {
            lines.push(("Last write", ago(about, Some(write)).full.unwrap_or_default()));
        }
        if !activity.truncated.is_empty() {
            let cut: Vec<String> =
                activity.truncated.iter().map(|(what, count)| format!("{count} {what}")).collect();
            lines.push(("Not kept", cut.join(", ")));
        }
    }
    lines.push(("Rules used", row.used_text()));
    if !row.groups_known {
        lines.push((
            "Groups",
            "unknown: what is granted to other groups of this user is not shown".to_owned(),
        ));
    }
    let width = lines.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
    lines.iter().fold(String::new(), |mut text, (title, value)| {
        let _ = writeln!(text, "{title:width$}   {}", printable(value));
        text
    })
}

fn last_seen(of: &IdentityDetail, about: &Metadata) -> String {
    let cell = of.row.last_seen();
    let mut text = cell.full.clone().unwrap_or_else(|| cell.shown.clone());
    if let Some(coverage) = &about.coverage
        && let (Some(from), Some(to)) = (coverage.from, coverage.to)
    {
        let _ = write!(text, "; the log covers {} to {}", exact(from), exact(to));
        let gaps = coverage.gaps.len() as u64 + coverage.gaps_left_out;
        if gaps > 0 {
            let _ = write!(
                text,
                " with {}, {} of {} covered",
                counted(gaps, "gap"),
                coverage.days,
                counted((to - from).num_days(), "day")
            );
        }
    }
    text
}

fn requests(activity: &ActivityRow) -> String {
    format!(
        "{} ({} allowed, {} denied, {} undecided)",
        activity.requests, activity.allowed, activity.denied, activity.undecided
    )
}

fn findings(of: &IdentityDetail) -> Table {
    let mut table = Table::new(vec![
        Column::new("SEVERITY", "severity"),
        Column::new("RULE", "rule"),
        Column::new("EVIDENCE", "evidence"),
    ]);
    for finding in &of.row.findings {
        table.push(vec![
            Cell::new(finding.severity),
            Cell::new(finding.rule),
            Cell::new(finding.evidence.clone()),
        ]);
    }
    table
}

/// What does not count, and who answers for that: of one that is not shown it would seem that nothing
/// is wrong.
fn exempt(of: &IdentityDetail) -> Table {
    let mut table = Table::new(vec![
        Column::new("SEVERITY", "severity"),
        Column::new("RULE", "rule"),
        Column::new("EXEMPTION", "exemption"),
        Column::new("EVIDENCE", "evidence"),
    ]);
    for finding in &of.exempt {
        table.push(vec![
            Cell::new(finding.severity),
            Cell::new(finding.rule),
            Cell::new(finding.exemption.as_ref().map_or_else(String::new, ExemptionPart::text)),
            Cell::new(finding.evidence.clone()),
        ]);
    }
    table
}

fn source(of: GroupSource) -> &'static str {
    match of {
        GroupSource::Implicit => "implicit",
        GroupSource::Log => "log",
        GroupSource::Certificate => "certificate",
        GroupSource::CloudMapping => "cloud mapping",
        GroupSource::BootstrapToken => "bootstrap token",
        GroupSource::Given => "given",
    }
}

fn groups(of: &[GroupRow], about: &Metadata) -> Table {
    let mut table = Table::new(vec![
        Column::new("GROUP", "group"),
        Column::new("KNOWN FROM", "source"),
        Column::new("LAST SEEN", "lastSeen"),
    ]);
    for group in of {
        table.push(vec![
            Cell::new(&*group.name),
            Cell::new(source(group.source)),
            ago(about, group.last_seen),
        ]);
    }
    table
}

fn members(of: &IdentityDetail) -> Table {
    let mut table = Table::new(vec![Column::new("IDENTITY", "identity")]);
    for member in &of.members {
        table.push(vec![Cell::new(member.text())]);
    }
    table
}

fn scope(namespace: Option<&Name>) -> Cell {
    namespace.map_or_else(|| Cell::new("cluster"), |ns| Cell::new(format!("in {ns}")))
}

fn grants(of: &[GrantRow], about: &Metadata) -> Table {
    let mut table = Table::new(vec![
        Column::new("BINDING", "binding"),
        Column::new("ROLE", "role"),
        Column::new("SUBJECT", "subject"),
        Column::new("SCOPE", "scope"),
        Column::new("CREDITED", "credited").right(),
        Column::new("LAST CREDITED", "lastCredited"),
        Column::new("KEPT BY", "keptBy"),
        Column::new("SHADOWED BY", "shadowedBy").wide(),
    ]);
    for grant in of {
        let missing = match grant.role_exists {
            Some(true) => "",
            Some(false) => " (not there)",
            None => " (not known)",
        };
        table.push(vec![
            Cell::new(grant.via.binding_text()),
            Cell::new(format!("{}{missing}", grant.via.role_text())),
            Cell::new(grant.via.subject.text()),
            scope(grant.scope.namespace.as_ref()),
            Cell::new(match grant.credited {
                _ if about.coverage.is_none() => String::new(),
                0 if grant.may_leave_no_credit => "not told".to_owned(),
                credited => credited.to_string(),
            }),
            ago(about, grant.last_credited),
            kept_by(&grant.kept_by),
            Cell::new(grant.shadowed_by.as_deref().unwrap_or_default()),
        ]);
    }
    table
}

/// Who keeps the binding; the role's owners too, where they are others.
fn kept_by(of: &[OwnerRow]) -> Cell {
    let words = |object: &str| {
        let of = of.iter().filter(|owner| owner.object == object);
        of.map(|owner| owner.words.clone()).collect::<Vec<_>>().join(", ")
    };
    let (binding, role) = (words("binding"), words("role"));
    if role.is_empty() || role == binding {
        Cell::new(binding)
    } else if binding.is_empty() {
        Cell::new(format!("role: {role}"))
    } else {
        Cell::new(format!("{binding}; role: {role}"))
    }
}

/// A list of names as rules have them.
fn list(of: &[Name]) -> String {
    of.iter().map(|name| or_quotes(name)).collect::<Vec<_>>().join(",")
}

/// Resources with their groups as kubectl writes them: `deployments.apps`, `pods`.
fn resources(of: &PermissionRow) -> String {
    if of.resources.is_empty() {
        return list(&of.non_resource_urls);
    }
    let what = match of.api_groups.as_slice() {
        [group] if group.is_empty() => list(&of.resources),
        [group] => {
            let named: Vec<String> =
                of.resources.iter().map(|resource| format!("{resource}.{group}")).collect();
            named.join(",")
        }
        groups => {
            let groups: Vec<&str> =
                groups.iter().map(|group| if group.is_empty() { "core" } else { group }).collect();
            format!("{} in {}", list(&of.resources), groups.join(","))
        }
    };
    let paths = list(&of.non_resource_urls);
    if paths.is_empty() { what } else { format!("{what} {paths}") }
}

fn permissions(of: &[PermissionRow], about: &Metadata) -> Table {
    let mut table = Table::new(vec![
        Column::new("VERBS", "verbs"),
        Column::new("RESOURCES", "resources"),
        Column::new("NAMES", "resourceNames"),
        Column::new("SCOPE", "scope"),
        Column::new("USE", "use"),
        Column::new("LAST USED", "lastUsed"),
        Column::new("BY", "via"),
        Column::new("ROLE", "role").wide(),
        Column::new("SUBJECT", "subject").wide(),
        Column::new("AGGREGATED FROM", "aggregatedFrom").wide(),
    ]);
    for permission in of {
        let via = permission.via.as_ref();
        let aggregated = via.and_then(|via| via.aggregated_from.as_ref());
        let used = if permission.used.allowed > 0 {
            format!("{} {}×", permission.used.state, permission.used.allowed)
        } else {
            permission.used.state.to_owned()
        };
        table.push(vec![
            Cell::new(list(&permission.verbs)),
            Cell::new(resources(permission)),
            Cell::new(list(&permission.resource_names)),
            scope(permission.scope.namespace.as_ref()),
            Cell::new(used),
            ago(about, permission.used.last_used),
            Cell::new(via.map_or_else(|| "group system:masters".to_owned(), Via::binding_text)),
            Cell::new(via.map_or_else(String::new, Via::role_text)),
            Cell::new(via.map_or_else(String::new, |via| via.subject.text())),
            Cell::new(aggregated.map_or_else(String::new, |from| list(from))),
        ]);
    }
    table
}

fn uses(of: &[UseRow], about: &Metadata) -> Table {
    let mut table = Table::new(vec![
        Column::new("VERB", "verb"),
        Column::new("ON", "on"),
        Column::new("NAMESPACE", "namespace"),
        Column::new("NAME", "name"),
        Column::new("ALLOWED", "allowed").right(),
        Column::new("DENIED", "denied").right(),
        Column::new("UNDECIDED", "undecided").right().at_need(),
        Column::new("LAST SEEN", "lastSeen"),
    ]);
    for row in of {
        let name = if row.folded == Some("names") {
            "(others)".to_owned()
        } else {
            row.name.as_deref().unwrap_or_default().to_owned()
        };
        table.push(vec![
            Cell::new(&*row.verb),
            Cell::new(row.on()),
            Cell::new(row.namespace.as_deref().unwrap_or_default()),
            Cell::new(name),
            Cell::new(row.allowed.to_string()),
            Cell::new(row.denied.to_string()),
            match row.undecided {
                0 => Cell::exactly("", "0"),
                some => Cell::new(some.to_string()),
            },
            ago(about, Some(row.last_seen)),
        ]);
    }
    table
}

fn seen(title: &'static str, of: &[SeenRow], about: &Metadata) -> Table {
    let mut table = Table::new(vec![
        Column::new(title, "value"),
        Column::new("REQUESTS", "requests").right(),
        Column::new("FIRST SEEN", "firstSeen"),
        Column::new("LAST SEEN", "lastSeen"),
    ]);
    for row in of {
        table.push(vec![
            Cell::new(&*row.value),
            Cell::new(row.requests.to_string()),
            ago(about, Some(row.first_seen)),
            ago(about, Some(row.last_seen)),
        ]);
    }
    table
}

fn impersonation(of: &IdentityDetail, about: &Metadata) -> Table {
    let mut table = Table::new(vec![
        Column::new("WHAT", "what"),
        Column::new("WHO", "who"),
        Column::new("REQUESTS", "requests").right(),
        Column::new("LAST SEEN", "lastSeen"),
    ]);
    let Some(activity) = &of.row.activity else {
        return table;
    };
    for (who, requests) in &activity.impersonated_as {
        table.push(vec![
            Cell::new("acted as"),
            Cell::new(&**who),
            Cell::new(requests.to_string()),
            Cell::default(),
        ]);
    }
    for (who, by) in &activity.impersonated_by {
        table.push(vec![
            Cell::new("impersonated by"),
            Cell::new(&**who),
            Cell::new(by.requests.to_string()),
            ago(about, by.last_seen),
        ]);
    }
    table
}

fn hints(of: &IdentityDetail) -> Table {
    let mut table = Table::new(vec![
        Column::new("SIGN", "sign"),
        Column::new("OBJECT", "object"),
        Column::new("WEAKNESS", "weakness"),
    ]);
    for hint in &of.row.hints {
        table.push(vec![
            Cell::new(hint.text()),
            Cell::new(&*hint.object),
            Cell::new(hint.weakness),
        ]);
    }
    table
}
