use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::book::world::World;

/// A row of one text.
#[derive(Serialize)]
struct Line {
    text: String,
}

impl Tabular for Line {
    const KIND: &'static str = "LineList";

    fn columns() -> Vec<Column> {
        vec![Column::new("TEXT", "text"), Column::new("N", "n").right()]
    }

    fn lines(&self, _: &Metadata) -> Vec<Vec<Cell>> {
        vec![vec![Cell::new(self.text.clone()), Cell::new("7")]]
    }

    fn name(&self) -> String {
        self.text.clone()
    }
}

fn written(texts: &[&str], format: Format, headers: bool) -> String {
    let items = texts.iter().map(|text| Line { text: (*text).to_owned() }).collect();
    let report = Report::new(Metadata::default(), items);
    let mut out = Vec::new();
    write(&report, format, headers, &mut out).expect("in memory");
    String::from_utf8(out).expect("text")
}

#[test]
fn tables_are_as_wide_as_they_must_be() {
    let text = written(&["a", "日本", "", "x\u{202e}y"], Format::Table, true);
    assert_eq!(
        text,
        "TEXT         N\na            7\n日本         7\n-            7\nx\\u{202e}y   7\n"
    );
    assert_eq!(written(&["a"], Format::Table, false), "a   7\n");
}

#[test]
fn a_column_for_what_is_rare_is_shown_where_something_stands_in_it() {
    let columns = vec![Column::new("A", "a"), Column::new("B", "b").at_need()];
    let mut table = Table::new(columns);
    table.push(vec![Cell::new("x"), Cell::exactly("", "0")]);
    assert_eq!(
        (table.text(false, true), table.text(true, true)),
        ("A\nx\n".into(), "A   B\nx   -\n".into())
    );
    table.push(vec![Cell::new("y"), Cell::new("only so")]);
    assert_eq!(table.text(false, false), "x   -\ny   only so\n");
}

#[test]
fn spreadsheets_are_given_no_formulas() {
    let texts = ["=1+1", "+x", "-x", "@x", "a=b", " =x", "a,\"b\"", "x\ny"];
    assert_eq!(
        written(&texts, Format::Csv, true),
        "text,n\n'=1+1,7\n'+x,7\n'-x,7\n'@x,7\na=b,7\n' =x,7\n\"a,\"\"b\"\"\",7\nx\\u{a}y,7\n"
    );
}

#[test]
fn names_come_once_a_line() {
    assert_eq!(written(&["b", "a", "b", "x\ny"], Format::Name, true), "b\na\nx\\u{a}y\n");
}

/// Texts that YAML readers of one version or another take for something else.
const LOOKALIKES: &[&str] = &[
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "N",
    "true",
    "null",
    "Null",
    "~",
    "",
    "0777",
    "0o17",
    "0x1F",
    "0b11",
    "1e3",
    "1E3",
    "1_000",
    "12:30:45",
    "190:20:30",
    ".5",
    "1.",
    "+1",
    "-1",
    ".inf",
    "-.inf",
    ".NaN",
    "2024-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "=",
    "<<",
    "- a",
    "-",
    "? a",
    "a: b",
    "a:",
    ": a",
    "a #b",
    "#a",
    "&a",
    "*a",
    "!a",
    "!!str a",
    "|",
    ">",
    "'a'",
    "\"a\"",
    "%a",
    "@a",
    "`a`",
    "[a]",
    "{a}",
    ",",
    "---",
    "...",
    " a",
    "a ",
    "a\nb",
    "a\r\nb",
    "\t",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\u{202e}",
    "\u{7f}",
    "\u{0}",
    "\u{ffff}",
    "\u{e0041}",
    "日本",
    "😀",
];

#[test]
fn yaml_reads_back_equal_for_texts_that_look_like_something_else() {
    for text in LOOKALIKES {
        let value =
            json!({"name": text, "list": [text, [text], {"a": text, "b": [text]}], *text: 1});
        let yaml = yaml::document(&value);
        let back: Value =
            yaml_serde::from_str(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        assert_eq!(back, value, "{yaml}");
        assert!(yaml.lines().all(|line| crate::model::printable(line) == line), "{yaml}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        prop::sample::select(LOOKALIKES).prop_map(str::to_owned),
        "\\PC{0,6}",
        ".{0,6}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn yaml_and_json_read_back_equal(value in any_json()) {
        let yaml = yaml::document(&value);
        let back: Value = yaml_serde::from_str(&yaml).map_err(|error| {
            TestCaseError::fail(format!("{error}\n{yaml}"))
        })?;
        prop_assert_eq!(&back, &value, "{}", yaml);
        for text in [to_pretty(&value)?, to_line(&value)?] {
            let back: Value = serde_json::from_str(&text).map_err(|error| {
                TestCaseError::fail(format!("{error}\n{text}"))
            })?;
            prop_assert_eq!(&back, &value);
            prop_assert!(!text.trim_end().chars().any(|c| c != '\n' && crate::model::is_hidden(c)));
        }
    }

    #[test]
    fn csv_reads_back_with_nothing_but_apostrophes_added(texts in prop::collection::vec("\\PC{0,5}", 1..5)) {
        let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
        let text = written(&refs, Format::Csv, false);
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let back: Vec<String> =
            reader.records().map(|record| record.expect("valid")[0].to_owned()).collect();
        let shown: Vec<String> = texts.iter().map(|text| csv_cell(text).into_owned()).collect();
        prop_assert_eq!(back, shown);
    }
}

#[test]
fn a_name_of_any_length_leaves_the_table_readable() {
    let long = format!("JTI={}", "x".repeat(3000));
    let mut table = Table::new(vec![
        Column::new("CREDENTIAL", "id").of_names(),
        Column::new("STATE", "state"),
        Column::new("EVIDENCE", "evidence"),
    ]);
    let evidence = "y".repeat(600);
    table.push([&*long, "live", &*evidence].map(Cell::new).to_vec());
    // Of wide characters each is two columns.
    table.push([&*"日".repeat(170), "live", "z"].map(Cell::new).to_vec());
    let narrow = table.text(false, false);
    let lines: Vec<&str> = narrow.lines().collect();
    assert_eq!(lines[0], format!("JTI={}…   live   {evidence}", "x".repeat(315)));
    assert_eq!(lines[1], format!("{}…    live   z", "日".repeat(159)));
    assert!(table.text(true, false).starts_with(&format!("JTI={}…", "x".repeat(515))));
    assert_eq!(table.rows[0][0].value(), long, "a program gets all of it");
}

mod owners;

#[test]
fn commands_mean_the_same_cluster_and_log() {
    let mut world = World::new()
        .namespace("a")
        .cluster_role("all", &json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]))
        .bind(None, "x", "ClusterRole/all", "user:ana");
    world.policy.again = crate::model::Again {
        cluster: " --context prod".to_owned(),
        log: " --audit 'a b.log'".to_owned(),
    };
    let book = world.book();
    let found = book.findings();
    let finding = found.iter().find(|one| one.rule == "cluster-admin").expect("found");
    let row = FindingRow::new(&book, finding);
    let command = "keybook revoke crb:x=user:ana --context prod --audit 'a b.log'";
    assert_eq!(row.fix.command.as_deref(), Some(command));
    let listed = IdentityRow::new(&book, book.who("user:ana"));
    assert!(listed.findings.iter().any(|one| one.fix.command.as_deref() == Some(command)));
    // The column says what, not where: the whole of it is in what programs read.
    let line = &row.lines(&Metadata::default())[0];
    assert!(line.iter().any(|cell| cell.shown == "revoke crb:x=user:ana"), "{line:?}");
}
