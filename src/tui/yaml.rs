//! The YAML of what grants something: bindings, each with the role that it refers to.

use super::text::plural;
use super::theme::Slot;
use super::widgets::Line;
use crate::book::{Book, Grant, GrantId, RoleState};
use crate::model::{BindingKind, Object, RoleKind, Scope};

/// The bindings behind grants and their roles, every object once.
pub fn of_grants(book: &Book, grants: &[GrantId]) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut shown: Vec<(BindingKind, String)> = Vec::new();
    let mut roles: Vec<(RoleKind, String)> = Vec::new();
    let gone = grants.iter().filter(|id| book.grant(**id).is_none()).count();
    if gone > 0 {
        let text = format!("# {} no longer there", plural(gone, "grant"));
        lines.push(Line::of(text, Slot::Warn));
    }
    for grant in grants.iter().filter_map(|id| book.grant(*id)) {
        let key = &grant.key;
        let ns = key.namespace.clone().unwrap_or_else(|| "".into());
        let name = format!("{ns}/{}", key.binding);
        if shown.contains(&(key.binding_kind, name.clone())) {
            continue;
        }
        shown.push((key.binding_kind, name));
        let binding = book
            .snapshot
            .objects
            .bindings
            .get(&(key.binding_kind, ns, key.binding.clone()))
            .map(|binding| Object::Binding((**binding).clone()));
        document(&mut lines, &heading(grant), binding.as_ref());
        let Some(role) = &grant.role else {
            let said = match book.role_state(grant) {
                RoleState::NotKnown => "its list is not whole, so that it is not known",
                _ => "there is no such role",
            };
            let missing = format!("# {} {}: {said}", grant.role_ref.kind, grant.role_ref.name);
            lines.push(Line::of(missing, Slot::Warn));
            continue;
        };
        let name =
            format!("{}/{}", role.meta.namespace.as_deref().unwrap_or_default(), role.meta.name);
        if !roles.contains(&(role.kind, name.clone())) {
            roles.push((role.kind, name));
            let heading = format!("# {} {}", role.kind, role.meta.name);
            document(&mut lines, &heading, Some(&Object::Role((**role).clone())));
        }
    }
    lines
}

fn heading(grant: &Grant) -> String {
    let place = match &grant.scope {
        Scope::Cluster => "in the whole cluster".to_owned(),
        Scope::Namespace(ns) => format!("in {ns}"),
    };
    format!(
        "# {} {}: grants {} {} to {} {place}",
        grant.key.binding_kind,
        grant.key.binding,
        grant.role_ref.kind,
        grant.role_ref.name,
        grant.key.subject
    )
}

fn document(lines: &mut Vec<Line<'static>>, heading: &str, object: Option<&Object>) {
    if !lines.is_empty() {
        lines.push(Line::of("---", Slot::Muted));
    }
    lines.push(Line::of(heading.to_owned(), Slot::Muted));
    let Some(object) = object else {
        lines.push(Line::of("# it is not among the objects that were read", Slot::Warn));
        return;
    };
    match yaml_serde::to_string(&object.to_json()) {
        Ok(text) => lines.extend(text.lines().map(colored)),
        Err(error) => lines.push(Line::of(format!("# {error}"), Slot::Warn)),
    }
}

/// A line of YAML with its key set apart.
fn colored(line: &str) -> Line<'static> {
    let indent = line.len() - line.trim_start_matches([' ', '-']).len();
    let (head, rest) = line.split_at(indent);
    // A key is a plain word before a colon that ends the line or has a space behind.
    match rest.split_once(':') {
        Some((key, value))
            if !key.is_empty()
                && !key.starts_with(['\'', '"'])
                && (value.is_empty() || value.starts_with(' ')) =>
        {
            Line::plain(head.to_owned())
                .then(key.to_owned(), Slot::Key)
                .then(":", Slot::Muted)
                .then(value.to_owned(), Slot::Base)
        }
        _ => Line::plain(line.to_owned()),
    }
}

/// The lines as one text, for the clipboard.
pub fn text(lines: &[Line<'static>]) -> String {
    let mut text: String = lines
        .iter()
        .map(|line| line.0.iter().map(|piece| &*piece.text).collect::<String>())
        .collect::<Vec<_>>()
        .join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_set_apart_and_nothing_is_lost() {
        for line in [
            "apiVersion: v1",
            "- apiGroups:",
            "  - get",
            "  - 'a: b'",
            "- system:masters",
            "x: a:b",
        ] {
            assert_eq!(colored(line).text(), line);
        }
        let keys = |line: &str| colored(line).0.iter().any(|piece| piece.slot == Slot::Key);
        assert!(keys("apiVersion: v1") && keys("- apiGroups:") && keys("x: a:b"));
        assert!(!keys("- system:masters") && !keys("  - 'a: b'") && !keys("  - get"));
    }
}
