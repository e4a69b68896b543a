//! One name a line.

use std::io::{self, Write};

use crate::model::printable;

/// Writes each name once, in the order of the answer.
pub(super) fn write(names: impl Iterator<Item = String>, out: &mut dyn Write) -> io::Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if seen.insert(name.clone()) {
            writeln!(out, "{}", printable(&name))?;
        }
    }
    Ok(())
}
