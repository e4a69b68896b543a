//! What is read is what `sigs.k8s.io/yaml` 1.6 made of the same text (`YAMLToJSON`).

use super::*;

/// A tree as JSON, with every number as 1 and every yes or no as true; an error by whether the text is
/// refused by whom it is for.
fn read(text: &str) -> String {
    fn json(node: &Node) -> String {
        match node {
            Node::Null => "null".to_owned(),
            Node::Bool(_) => "true".to_owned(),
            Node::Number(_) => "1".to_owned(),
            Node::Text(text) => format!("{text:?}"),
            Node::List(list) => {
                format!("[{}]", list.iter().map(json).collect::<Vec<_>>().join(","))
            }
            Node::Map(map) => {
                let pairs = map.iter().map(|(key, value)| format!("{key:?}:{}", json(value)));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
            }
        }
    }
    match Node::read(text, For::Json) {
        Ok((node, at_odds)) => format!("{}{}", if at_odds { "at odds: " } else { "" }, json(&node)),
        Err(why) if why.refused => "refused".to_owned(),
        Err(_) => "not followed".to_owned(),
    }
}

#[test]
fn a_merge_counts_where_it_stands() {
    for (text, json) in [
        ("- &a {x: q, k: [m]}\n- <<: *a\n  x: z\n", r#"[{"k":["m"],"x":"q"},{"k":["m"],"x":"z"}]"#),
        // go-yaml v2 lets it go over what stands before it.
        ("- &a {x: q}\n- x: z\n  <<: *a\n", r#"[{"x":"q"},{"x":"q"}]"#),
        ("[{<<: [{x: q}, {x: w, e: r}]}]", r#"[{"e":"r","x":"q"}]"#),
        ("- <<: {x: q, <<: {s: t}}\n", r#"[{"s":"t","x":"q"}]"#),
        ("- '<<': {x: q}\n", r#"[{"<<":{"x":"q"}}]"#),
        ("- !!merge foo: {x: q}\n", r#"[{"foo":{"x":"q"}}]"#),
        ("- ! '<<': {x: q}\n", r#"[{"x":"q"}]"#),
        ("- !!str <<: {x: q}\n", r#"[{"<<":{"x":"q"}}]"#),
    ] {
        assert_eq!(read(text), json, "{text}");
    }
    for text in ["- <<: x\n", "- <<:\n", "- &l [{a: b}]\n- <<: *l\n", "- <<: [[{x: q}]]\n"] {
        assert_eq!(read(text), "refused", "{text}");
    }
}

#[test]
fn words_are_what_yaml_1_1_has_them_for() {
    let values = [
        ("true", "y Y yes NO on Off true"),
        ("null", "~ null"),
        ("1", "1 1_000 0777 08 0x1F 0b11 0o17 -0b11 +5 1e3 .5 1. 1.5e+3 18446744073709551615"),
    ];
    for (is, words) in values {
        for word in words.split(' ') {
            assert_eq!(read(&format!("a: {word}\n")), format!("{{\"a\":{is}}}"), "{word}");
        }
    }
    for word in "._5 . .e5 1e400 0xG 190:20:30 1:30 2026-01-01 12e 0x = <<x".split(' ') {
        assert_eq!(read(&format!("a: {word}\n")), format!("{{\"a\":{word:?}}}"), "{word}");
    }
    for word in [".nan", "-.inf", "!!int foo", "!!bool 1", "!!null x", "!!binary YQ", "!!int 1.5"] {
        assert_eq!(read(&format!("a: {word}\n")), "refused", "{word}");
    }
}

#[test]
fn tags_are_minded() {
    for (text, json) in [
        ("a: !!binary YXJu\n", r#"{"a":"arn"}"#),
        ("a: !!binary |\n  YX\n  Ju\n", r#"{"a":"arn"}"#),
        ("a: !<tag:yaml.org,2002:binary> YXJu\n", r#"{"a":"arn"}"#),
        ("%TAG !e! tag:yaml.org,2002:\n---\na: !e!binary YXJu\n", r#"{"a":"arn"}"#),
        ("!!binary YQ==: b\n", r#"{"a":"b"}"#),
        ("a: !!str yes\n", r#"{"a":"yes"}"#),
        ("a: !!bool 'yes'\n", r#"{"a":true}"#),
        ("a: !!float 1\n", r#"{"a":1}"#),
        ("a: !x yes\n", r#"{"a":"yes"}"#),
        ("a: ! yes\n", r#"{"a":"yes"}"#),
        ("a: 'yes'\n", r#"{"a":"yes"}"#),
    ] {
        assert_eq!(read(text), json, "{text}");
    }
}

#[test]
fn what_go_yaml_refuses_is_refused() {
    for text in [
        "~: b\n",
        "? [a]\n: b\n",
        "a: &a [*a]\n",
        "- *b\n",
        "%YAML 1.2\n---\na: b\n",
        "[",
        "a: b: c\n",
    ] {
        assert_eq!(read(text), "refused", "{text}");
    }
    assert_eq!(read("%YAML 1.1\n---\na: b\n"), r#"{"a":"b"}"#);
    // The rest is another document's.
    assert_eq!(read("a: b\n---\n[\n"), r#"{"a":"b"}"#);
}

#[test]
fn a_bomb_is_refused_and_what_lies_deep_hides_nothing() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let alias = format!("*a{}", level - 1);
        bomb = format!("{bomb}a{level}: &a{level} [{}]\n", [&*alias; 10].join(", "));
    }
    assert_eq!(read(&bomb), "refused");
    let deep = format!("x: {}{}\na: b\n", "[".repeat(200), "]".repeat(200));
    assert!(read(&deep).contains("{\"a\":\"b\""), "{}", read(&deep));
    // Merges in merges are followed a long way, and then it is said that they are not.
    let nest =
        |depth: usize| format!("- {}a: b{}\n", "{<<: ".repeat(depth) + "{", "}".repeat(depth + 1));
    assert!(read(&nest(100)).ends_with("[{\"a\":\"b\"}]"), "{}", read(&nest(100)));
    assert_eq!(read(&nest(300)), "not followed");
}

#[test]
fn where_readers_are_at_odds_it_is_said() {
    // libyaml, which is go-yaml in C, refuses a tab behind the dash.
    assert_eq!(read("-\ta: b\n"), "at odds: [{\"a\":\"b\"}]");
    // And it takes a line that ends with U+0085.
    assert_eq!(read("a: b\u{85}c: d\n"), "not followed");
}

#[test]
fn objects_are_read_whole_and_with_their_values() {
    let json = |text: &str| Node::read(text, For::Objects).unwrap().0.json().to_string();
    assert_eq!(
        json("a: [yes, 'yes', off, 1_000, 0777, 0x1F, -5, 18446744073709551615, 1.5, ~]\n"),
        r#"{"a":[true,"yes",false,1000,511,31,-5,18446744073709551615,1.5,null]}"#
    );
    // What a kubeconfig has for secret are fields like others.
    assert_eq!(
        json("args: [x]\nenv: &e [{name: A}]\npassword: *e\n"),
        r#"{"args":["x"],"env":[{"name":"A"}],"password":[{"name":"A"}]}"#
    );
    assert!(Node::read("a: .inf\n", For::Objects).is_err());
}

#[test]
fn what_others_read_otherwise_is_found_and_scripts_are_not_taken_for_it() {
    for text in [
        "- <<: *a\n",
        "- {<< : *a}\n",
        "? <<\n: *a\n",
        "- '<<': x\n",
        "a: !!binary YQ==\n",
        "a: !<tag:yaml.org,2002:binary> YQ==\n",
        "%TAG !e! tag:yaml.org,2002:\n---\na: !e!binary YQ==\n",
        "- ! '<<': {x: q}\n",
    ] {
        assert!(is_read_otherwise(text), "{text}");
    }
    for text in ["run: |\n  cat <<EOF > a\n  if [ ! -f a ] && [ b != c ]; then\n", "a: hello!\n"] {
        assert!(!is_read_otherwise(text), "{text}");
    }
}
