//! Held against texts that were cut by hand.

use super::*;

fn cut(text: &str, all: &[(usize, &[&str])]) -> Result<String, Uncut> {
    let cuts = all.iter().map(|(at, groups)| {
        let names = groups.iter().map(|group| Name::from(*group)).collect();
        (*at, if groups.is_empty() { Cut::Entry } else { Cut::Groups(names) })
    });
    without(text, &cuts.collect())
}

/// As EKS, eksctl and people leave it: comments, quotes, an anchor, keys that nobody knows, a text in
/// several lines, blank lines, one entry in braces.
const LIVED_IN: &str = "\
# Kept by the platform team.
- rolearn: arn:aws:iam::111122223333:role/nodes  # do not touch
  username: system:node:{{EC2PrivateDNSName}}
  groups:
  - system:bootstrappers
  - system:nodes

# The admins.
-   groups: &ops
      - 'system:masters' # all of it
      - \"ops\"
    # within
    rolearn: \"arn:aws:iam::111122223333:role/Admin\"
    username: admin:{{SessionName}}
    note: |
      - not an entry

      # no comment

# Dev
- {rolearn: 'arn:aws:iam::111122223333:role/Dev', username: dev, groups: [dev, \"view\" , ops]}
-
  # below its dash
  username: last
  rolearn: arn:aws:iam::111122223333:role/Last
  groups: *ops
";

/// The text without the lines from one to another, both counted from 1.
fn without_lines(text: &str, from: usize, to: usize) -> String {
    let lines = text.split_inclusive('\n').enumerate();
    lines.filter(|(at, _)| !(from..=to).contains(&(at + 1))).map(|(_, line)| line).collect()
}

#[test]
fn an_entry_goes_with_its_lines_and_every_other_byte_stays() {
    assert_eq!(cut(LIVED_IN, &[(0, &[])]), Ok(without_lines(LIVED_IN, 2, 6)));
    assert_eq!(cut(LIVED_IN, &[(2, &[])]), Ok(without_lines(LIVED_IN, 21, 21)));
    assert_eq!(cut(LIVED_IN, &[(3, &[])]), Ok(without_lines(LIVED_IN, 22, 26)));
    let both = without_lines(&without_lines(LIVED_IN, 21, 26), 2, 6);
    assert_eq!(cut(LIVED_IN, &[(0, &[]), (2, &[]), (3, &[])]), Ok(both));
    // The last line need not end.
    let text = "- rolearn: a\n- rolearn: b";
    assert_eq!(cut(text, &[(1, &[])]), Ok("- rolearn: a\n".to_owned()));
    assert_eq!(cut(text, &[(0, &[])]), Ok("- rolearn: b".to_owned()));
    // Lines as Windows ends them.
    let text = "- rolearn: a\r\n  username: x\r\n- rolearn: b\r\n";
    assert_eq!(cut(text, &[(0, &[])]), Ok("- rolearn: b\r\n".to_owned()));
    // Nothing is left but what is no entry.
    let text = "---\n# of ours\n- rolearn: a\n";
    assert_eq!(cut(text, &[(0, &[])]), Ok("---\n# of ours\n".to_owned()));
    assert_eq!(cut("- rolearn: a\n", &[(0, &[])]), Ok(String::new()));
}

#[test]
fn a_text_in_several_lines_ends_with_its_last_line() {
    let (head, entry, tail) =
        ("- rolearn: a\n", "- rolearn: b\n  note: |+\n    one\n\n", "# of c\n- rolearn: c\n");
    let text = format!("{head}{entry}{tail}");
    let left = cut(&text, &[(1, &[])]).expect("it can be cut");
    assert_eq!(left, format!("{head}\n{tail}"));
}

#[test]
fn a_group_goes_alone() {
    assert_eq!(cut(LIVED_IN, &[(0, &["system:nodes"])]), Ok(without_lines(LIVED_IN, 6, 6)));
    let of_both = ["system:nodes", "system:bootstrappers"];
    let none = without_lines(LIVED_IN, 5, 6).replace("  groups:\n", "  groups: []\n");
    assert_eq!(cut(LIVED_IN, &[(0, &of_both)]), Ok(none));
    for (gone, left) in
        [("dev", "[\"view\" , ops]"), ("view", "[dev, ops]"), ("ops", "[dev, \"view\"]")]
    {
        let expected = LIVED_IN.replace("[dev, \"view\" , ops]", left);
        assert_eq!(cut(LIVED_IN, &[(2, &[gone])]), Ok(expected), "{gone}");
    }
    let all = LIVED_IN.replace("[dev, \"view\" , ops]", "[]");
    assert_eq!(cut(LIVED_IN, &[(2, &["dev", "view", "ops"])]), Ok(all));
    let twice = "- rolearn: a\n  Groups: # all\n  - x\n  - y\n  - x\n";
    let expected = "- rolearn: a\n  Groups: # all\n  - y\n";
    assert_eq!(cut(twice, &[(0, &["x"])]), Ok(expected.to_owned()));
    let expected = "- rolearn: a\n  Groups: [] # all\n";
    assert_eq!(cut(twice, &[(0, &["x", "y"])]), Ok(expected.to_owned()));
}

#[test]
fn what_others_refer_to_stays() {
    // Its groups are those of the last entry too.
    for all in [&[(1, &[][..])][..], &[(1, &["ops"][..])], &[(3, &["ops"])]] {
        assert!(cut(LIVED_IN, all).is_err(), "{all:?}");
    }
    assert_eq!(cut(LIVED_IN, &[(1, &[])]), Err(Uncut::Differs));
    assert!(matches!(cut(LIVED_IN, &[(3, &["ops"])]), Err(Uncut::Groups(_))));
    // Both together leave nothing that refers to it.
    let both = without_lines(&without_lines(LIVED_IN, 22, 26), 9, 18);
    assert_eq!(cut(LIVED_IN, &[(1, &[]), (3, &[])]), Ok(both));
}

#[test]
fn entries_in_brackets_go_with_one_comma() {
    let text = "[{\"rolearn\": \"a\"}, {\"rolearn\": \"b\"},\n {\"rolearn\": \"c\"}]\n";
    for (gone, left) in [
        (&[0][..], "[{\"rolearn\": \"b\"},\n {\"rolearn\": \"c\"}]\n"),
        (&[1], "[{\"rolearn\": \"a\"}, {\"rolearn\": \"c\"}]\n"),
        (&[2], "[{\"rolearn\": \"a\"}, {\"rolearn\": \"b\"}]\n"),
        (&[1, 2], "[{\"rolearn\": \"a\"}]\n"),
        (&[0, 1, 2], "[]\n"),
    ] {
        let all: Vec<(usize, &[&str])> = gone.iter().map(|at| (*at, &[][..])).collect();
        assert_eq!(cut(text, &all), Ok(left.to_owned()), "{gone:?}");
    }
    // A comment between may be about either.
    let text = "[{rolearn: a}, # of a, or of b\n {rolearn: b}]\n";
    assert_eq!(cut(text, &[(0, &[])]), Err(Uncut::Shared(1)));
}

#[test]
fn what_readers_do_not_agree_on_is_left_alone() {
    for (text, why) in [
        ("- rolearn: [oops\n", None),
        ("a: b\n", Some(Uncut::NoList)),
        ("\"- rolearn: a\"\n", Some(Uncut::NoList)),
        ("", Some(Uncut::NoList)),
        ("- rolearn: a\n---\n- rolearn: b\n", Some(Uncut::Documents)),
        ("- rolearn: a\n  rolearn: b\n", Some(Uncut::Twice(2))),
        // The authenticator takes keys in any case.
        ("- rolearn: a\n  RoleARN: b\n", Some(Uncut::Twice(2))),
        ("- rolearn: x\n- &x {rolearn: a}\n- <<: *x\n  username: b\n", Some(Uncut::Merged(3))),
    ] {
        let found = cut(text, &[(0, &[])]);
        match why {
            Some(why) => assert_eq!(found, Err(why), "{text}"),
            None => assert!(matches!(found, Err(Uncut::NoYaml(_))), "{text}: {found:?}"),
        }
    }
    // A place that is none.
    assert_eq!(cut("- rolearn: a\n", &[(1, &[])]), Err(Uncut::NoList));
    let deep = "[".repeat(100_000);
    assert!(cut(&deep, &[(0, &[])]).is_err());
}

#[test]
fn accounts_are_cut_like_entries() {
    let text = "- \"111122223333\"\n- 012345678901 # old\n- '444455556666'\n";
    let expected = "- \"111122223333\"\n- '444455556666'\n";
    assert_eq!(cut(text, &[(1, &[])]), Ok(expected.to_owned()));
}
