//! Carriers that write an event over several lines: the journal in pieces, the AWS CLI in tables.

use std::fmt::Write as _;

use serde_json::json;

use super::writers::{STREAM, Seen, journal_entry, lines};

/// Pieces of a text of at most so many bytes, letters whole or not.
fn parts_of(text: &str, most: usize) -> Vec<&[u8]> {
    text.as_bytes().chunks(most).collect()
}

/// As the journal cuts long lines, another service's in between.
pub fn journal_pieces(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        let pieces = parts_of(&one.json, 700);
        let last = pieces.len() - 1;
        let entry = |(at, piece): (usize, &&[u8])| {
            let message =
                std::str::from_utf8(piece).map_or_else(|_| json!(piece), |text| json!(text));
            let mut entry = journal_entry(one, &message);
            entry["_STREAM_ID"] = json!("5d1c");
            if at < last {
                entry["_LINE_BREAK"] = json!("line-max");
            }
            let other = json!({"__CURSOR": "s=9", "MESSAGE": "I0504 09:10:11.123456 1 x.go:1] y",
                "_STREAM_ID": "77"});
            format!("{entry}\n{other}")
        };
        pieces.iter().enumerate().map(entry).collect::<Vec<_>>().join("\n")
    })
}

/// The same in a short form, with the time at which each piece was seen.
pub fn journal_short_pieces(seen: &[Seen]) -> Vec<u8> {
    let mut out = Vec::new();
    for one in seen {
        for (at, piece) in parts_of(&one.json, 1030).iter().enumerate() {
            out.extend(format!("May 04 09:10:1{at} cp1 k3s[812]: ").into_bytes());
            out.extend_from_slice(piece);
            out.push(b'\n');
        }
    }
    out
}

/// A table of the AWS CLI, each event a table of its own as where rows are too wide.
pub fn eks_table(seen: &[Seen]) -> Vec<u8> {
    let rule = format!("|+{}+|", "-".repeat(70));
    let mut text = format!("{}\n|   FilterLogEvents   |\n", "-".repeat(74));
    for one in seen {
        let (event, at, ingested) = (3812, one.millis(), one.millis() + 900);
        let _ = write!(
            text,
            "{rule}\n||   events   ||\n{rule}\n||  eventId        |  {event}  ||\n\
             ||  ingestionTime  |  {ingested}  ||\n||  logStreamName  |  {STREAM}  ||\n\
             ||  message        |  {}  ||\n||  timestamp      |  {at}  ||\n",
            one.json
        );
    }
    let _ = writeln!(text, "{rule}");
    text.into_bytes()
}

/// The same with an event a row.
pub fn eks_table_rows(seen: &[Seen]) -> Vec<u8> {
    let rule = format!("|+{}+{}+|", "-".repeat(30), "-".repeat(70));
    let mut text =
        format!("{rule}\n||  eventId  |  ingestionTime  |  message  |  timestamp  ||\n{rule}\n");
    for one in seen {
        let (event, at, ingested) = (3812, one.millis(), one.millis() + 900);
        let _ = writeln!(text, "||  {event}  |  {ingested}  |  {}  |  {at}  ||", one.json);
    }
    let _ = writeln!(text, "{rule}");
    text.into_bytes()
}
