//! `aws-auth`, as aws-iam-authenticator takes it.

use super::*;

fn aws_auth(data: &Value) -> World {
    World::new().object(&json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
        "metadata": {"namespace": "kube-system", "name": "aws-auth"}}))
}

#[test]
fn cloud_identities_are_mapped() {
    let world = aws_auth(&json!({
        "mapRoles": "- rolearn: arn:aws:iam::111122223333:role/Admin\n  username: admin\n  \
                     groups: [ops, system:masters]\n- rolearn: arn:aws:iam::111122223333:role/Dev\n  \
                     username: dev:{{SessionName}}\n",
        "mapUsers": "- userarn: arn:aws:iam::111122223333:user/ana\n",
        "mapAccounts": "- \"444455556666\"\n",
    }))
    .log(0, 10)
    .row(Row::new("user:admin", "get pods@a/p", 4));
    let found = all(&world);
    let by_id = |id: &str| {
        let found = found.iter().find(|found| found.id.ends_with(id));
        found.unwrap_or_else(|| panic!("{id}: {:#?}", all(&world)))
    };
    assert_eq!(found.len(), 4);
    let admin = by_id("mapRoles arn:aws:iam::111122223333:role/Admin");
    assert_eq!(admin.identity, Identity::user("admin"));
    assert_eq!(admin.groups, [Name::from("ops"), Name::from("system:masters")]);
    assert!(matches!(admin.last_use, LastUse::Log { at, .. } if at == day(4)));
    let dev = by_id("role/Dev");
    assert_eq!(dev.last_use, LastUse::NotInLog(10));
    assert!(dev.notes[0].contains("template"));
    let ana = by_id("mapUsers arn:aws:iam::111122223333:user/ana");
    assert_eq!(ana.identity, Identity::user(""));
    assert!(ana.notes[0].starts_with("without a user name"), "{:?}", ana.notes);
    // That it was used shows that the cluster goes by the map.
    assert_eq!(admin.standing, Standing::Good);
    assert_eq!((dev.standing.as_str(), ana.standing.as_str()), ("not known", "not known"));
    assert!(by_id("mapAccounts 444455556666").notes[0].contains("everybody"));
}

#[test]
fn a_broken_map_is_named_without_its_text() {
    let world = aws_auth(&json!({"mapRoles": "- rolearn: [oops\n", "mapUsers":
        "- userarn: arn:aws:iam::111122223333:user/ana\n  username: ana\n"}));
    let found = inventory(&world.book());
    assert_eq!(found.credentials.len(), 1);
    assert_eq!(found.unreadable.len(), 1);
    let (place, reason) = &found.unreadable[0];
    assert!(place.starts_with("ConfigMap kube-system/aws-auth, mapRoles"), "{place}");
    assert!(!reason.contains("oops"), "{reason}");
}

const ADMIN: &str = "arn:aws:iam::111122223333:role/admin";

/// Ids with user names and states, and what could not be read.
fn told(field: &str, text: &str) -> (Vec<(String, String, &'static str)>, Vec<String>) {
    let found = inventory(&aws_auth(&json!({field: text})).book());
    let mut mapped: Vec<(String, String, &str)> = found
        .credentials
        .iter()
        .map(|one| {
            let id = one.id.strip_prefix(&format!("aws-auth {field} ")).unwrap();
            (id.to_owned(), one.identity.name.to_string(), one.standing.as_str())
        })
        .collect();
    mapped.sort();
    let cut =
        |place: &Name| place.strip_prefix("ConfigMap kube-system/aws-auth, ").unwrap().to_owned();
    let broken = found.unreadable.iter().map(|(place, why)| format!("{}: {why}", cut(place)));
    (mapped, broken.collect())
}

fn one(arn: &str, user: &str, state: &'static str) -> (String, String, &'static str) {
    (arn.to_owned(), user.to_owned(), state)
}

#[test]
fn a_broken_entry_is_passed_over_and_the_others_count() {
    for (entry, broken) in [
        ("- null\n", "mapRoles[0]: no entry: it is passed over"),
        ("- 7\n", "mapRoles[0]: no entry: it is passed over"),
        ("- username: x\n", "mapRoles[0]: without a rolearn: it is passed over"),
        ("- rolearn: ''\n  username: x\n", "mapRoles[0]: without a rolearn: it is passed over"),
        // The key of mapUsers is none of mapRoles.
        ("- userarn: a\n  username: x\n", "mapRoles[0]: without a rolearn: it is passed over"),
    ] {
        let text = format!("{entry}- rolearn: {ADMIN}\n  username: admin\n");
        let expected = (vec![one(ADMIN, "admin", "not known")], vec![broken.to_owned()]);
        assert_eq!(told("mapRoles", &text), expected, "{entry}");
    }
}

#[test]
fn a_value_of_another_type_is_passed_over_and_its_entry_counts() {
    for (fields, user, broken) in [
        ("groups: system:masters", "x", "groups: no list: the entry counts without groups"),
        ("groups: {a: b}", "x", "groups: no list: the entry counts without groups"),
        ("groups: [7, a]", "x", "groups: a group that is no text, which is passed over"),
        ("username: 7", "", "username: no text: the entry counts without a user name"),
    ] {
        let named = if user.is_empty() { "" } else { "\n  username: x" };
        let text = format!("- rolearn: {ADMIN}\n  {fields}{named}\n");
        let expected = (vec![one(ADMIN, user, "not known")], vec![format!("mapRoles[0].{broken}")]);
        assert_eq!(told("mapRoles", &text), expected, "{fields}");
    }
}

#[test]
fn keys_are_read_in_any_case_as_go_reads_them() {
    let text = format!("- roleARN: {ADMIN}\n  userName: admin\n  GROUPS: [ops]\n");
    let found = all(&aws_auth(&json!({"mapRoles": text})));
    assert_eq!(found[0].identity, Identity::user("admin"));
    assert_eq!(found[0].groups, [Name::from("ops")]);
}

#[test]
fn what_stands_for_nothing_is_nothing() {
    for nothing in ["", "  \n", "\"\"", "''", "``", "null", "[]"] {
        for field in ["mapRoles", "mapUsers", "mapAccounts"] {
            assert_eq!(told(field, nothing), (Vec::new(), Vec::new()), "{field} {nothing:?}");
        }
    }
    for (text, why) in [
        ("a: b", "mapRoles: no list of entries: nobody in it gets in"),
        ("[", "mapRoles, line 2: no YAML: nobody in it gets in"),
    ] {
        assert_eq!(told("mapRoles", &format!("{text}\n")), (Vec::new(), vec![why.to_owned()]));
    }
}

#[test]
fn an_arn_that_no_session_has_is_refused() {
    let account = "arn:aws:iam::111122223333";
    for (arn, state) in [
        (format!("{account}:role/admin"), "not known"),
        (format!("{account}:user/teams/ana"), "not known"),
        (format!("{account}:root"), "not known"),
        (format!("{account}:role/teams/admin"), "refused"),
        ("arn:aws:sts::111122223333:assumed-role/admin/eve".to_owned(), "refused"),
        ("admin".to_owned(), "refused"),
    ] {
        let text = format!("- rolearn: {arn}\n  username: x\n");
        assert_eq!(told("mapRoles", &text).0, [one(&arn, "x", state)]);
    }
}

#[test]
fn of_one_arn_the_last_entry_counts_and_mapped_roles_before_users() {
    let text = format!(
        "- rolearn: {ADMIN}\n  username: first\n- rolearn: {}\n  username: last\n",
        ADMIN.to_uppercase()
    );
    let (mapped, _) = told("mapRoles", &text);
    let state = |user: &str| mapped.iter().find(|one| one.1 == user).unwrap().2;
    assert_eq!((state("first"), state("last")), ("refused", "not known"));
    let both = aws_auth(&json!({
        "mapRoles": format!("- rolearn: {ADMIN}\n  username: by-role\n"),
        "mapUsers": format!("- userarn: {ADMIN}\n  username: by-user\n")}));
    let found = all(&both);
    let state = |user: &str| {
        found.iter().find(|one| &*one.identity.name == user).unwrap().standing.as_str()
    };
    assert_eq!((state("by-role"), state("by-user")), ("not known", "refused"));
}

#[test]
fn single_sign_on_is_matched_where_the_authenticator_was_told_to() {
    let sso = |fields: &str| told("mapRoles", &format!("- sso: {{{fields}}}\n  username: x\n"));
    let good = sso("permissionSetName: Admins, accountID: '111122223333'");
    assert_eq!(good, (vec![one("sso Admins of 111122223333", "x", "not known")], Vec::new()));
    let no_text = sso("permissionSetName: Admins, accountID: 111122223333");
    let why = "mapRoles[0].sso: no accountID of twelve digits in quotes: the entry is passed over";
    assert_eq!(no_text, (Vec::new(), vec![why.to_owned()]));
}

#[test]
fn what_the_session_decides_is_said() {
    let text = format!("- rolearn: {ADMIN}\n  username: x\n  groups: ['{{{{SessionName}}}}']\n");
    let found = only(&aws_auth(&json!({"mapRoles": text})));
    assert!(found.notes[0].starts_with("which group {{SessionName}} is"), "{:?}", found.notes);
}

#[test]
fn accounts_count_by_their_digits() {
    let (mapped, broken) = told("mapAccounts", "- 012345678901\n- '444455556666'\n- {a: b}\n");
    let ids: Vec<&str> = mapped.iter().map(|one| &*one.0).collect();
    assert_eq!(ids, ["012345678901", "444455556666"]);
    assert_eq!(broken, ["mapAccounts[2]: no id of an account"]);
}

#[test]
fn who_comes_by_a_template_is_the_use_of_it() {
    let text = format!("- rolearn: {ADMIN}\n  username: 'dev:{{{{SessionName}}}}'\n");
    let world = aws_auth(&json!({"mapRoles": text}))
        .log(0, 10)
        .row(Row::new("user:dev:ana", "get pods@a/p", 4))
        .row(Row::new("user:dev:bo", "get pods@a/p", 6))
        .row(Row::new("user:ops:eve", "get pods@a/p", 8));
    let found = all(&world);
    let mapping = found.iter().find(|one| one.kind == Kind::CloudMapping).unwrap();
    assert!(matches!(mapping.last_use, LastUse::Log { at, first, requests: 2, .. }
        if at == day(6) && first == day(4)));
    assert!(mapping.notes.iter().any(|note| note.starts_with("told is the use of the 2 users")));
    // Other mappings may make such names.
    assert_eq!(mapping.standing.as_str(), "not known");
    let whole = text.replace("dev:", "");
    let found = all(&aws_auth(&json!({"mapRoles": whole})).log(0, 10));
    assert!(matches!(found[0].last_use, LastUse::NotKnown(_)));
}

/// Users with their groups, by the end of the ARN.
fn groups_of(text: &str) -> Vec<(String, String, String)> {
    let found = all(&aws_auth(&json!({"mapRoles": text})));
    let mut mapped: Vec<_> = found
        .iter()
        .map(|one| {
            let arn = one.id.rsplit('/').next().unwrap_or_default().to_owned();
            let groups: Vec<&str> = one.groups.iter().map(|group| &**group).collect();
            (arn, one.identity.name.to_string(), groups.join(" "))
        })
        .collect();
    mapped.sort();
    mapped
}

fn mapped(arn: &str, user: &str, groups: &str) -> (String, String, String) {
    (arn.to_owned(), user.to_owned(), groups.to_owned())
}

const ROLES: &str = "arn:aws:iam::111122223333:role";

#[test]
fn whoever_is_merged_into_an_entry_is_no_longer_hidden() {
    let admin = format!("&admin {{rolearn: {ROLES}/ops, username: ops, groups: [system:masters]}}");
    let text = format!("- {admin}\n- <<: *admin\n  rolearn: {ROLES}/guest\n  username: guest\n");
    let both = [mapped("guest", "guest", "system:masters"), mapped("ops", "ops", "system:masters")];
    assert_eq!(groups_of(&text), both);
    let world = aws_auth(&json!({"mapRoles": text}));
    let found: Vec<String> =
        world.book().findings().iter().map(|one| one.evidence.clone()).collect();
    assert_eq!(found.iter().filter(|text| text.contains("system:masters")).count(), 2, "{found:?}");
    let list =
        format!("- <<: [{{rolearn: {ROLES}/a, groups: [x]}}, {{groups: [y], username: u}}]\n");
    assert_eq!(groups_of(&list), [mapped("a", "u", "x")]);
    assert!(inventory(&aws_auth(&json!({"mapRoles": list})).book()).remarks.is_empty());
}

#[test]
fn whoever_is_written_in_base64_is_no_longer_hidden() {
    let text = "- rolearn: !!binary YXJuOmF3czppYW06OjExMTEyMjIyMzMzMzpyb2xlL2E=\n  username: x\n  \
                !!binary Z3JvdXBz: [!!binary c3lzdGVtOm1hc3RlcnM=]\n";
    assert_eq!(groups_of(text), [mapped("a", "x", "system:masters")]);
    let found = all(&aws_auth(&json!({"mapRoles": text})));
    assert_eq!(found[0].standing.as_str(), "not known");
}

#[test]
fn what_is_no_text_in_yaml_1_1_is_no_name() {
    for word in ["yes", "on", "1_000", "0777", "0x1F", "1e3"] {
        let text = format!("- rolearn: {ADMIN}\n  username: {word}\n  groups: [{word}, g]\n");
        assert_eq!(groups_of(&text), [mapped("admin", "", "g")], "{word}");
        let (_, broken) = told("mapRoles", &text);
        let said = [
            "mapRoles[0].groups: a group that is no text, which is passed over",
            "mapRoles[0].username: no text: the entry counts without a user name",
        ];
        assert_eq!(broken, said, "{word}");
    }
    for word in ["2026-01-01", "190:20:30", "'yes'", "!!str yes"] {
        let text = format!("- rolearn: {ADMIN}\n  username: {word}\n");
        assert_eq!(told("mapRoles", &text).1, Vec::<String>::new(), "{word}");
    }
}

#[test]
fn a_field_may_be_given_by_several_keys() {
    // Go reads them one over another, large letters first, and folds a long s too.
    for (fields, groups) in [
        ("Groups: [a]\n  groups: [b]", "b"),
        ("groups: [b]\n  groupſ: [system:masters]", "system:masters"),
        ("Groups: [system:masters, a]\n  groups: [7]", "system:masters"),
        ("Groups: [a]\n  groups: null", ""),
        ("Groups: [a]\n  groups: []", ""),
        ("groups: [a]\n  groups: [b]", "b"),
    ] {
        let text = format!("- rolearn: {ADMIN}\n  username: x\n  {fields}\n");
        assert_eq!(groups_of(&text), [mapped("admin", "x", groups)], "{fields}");
    }
}

#[test]
fn what_cannot_be_decided_is_said_and_shown() {
    let text = format!("-\trolearn: {ADMIN}\n");
    let (mapped, broken) = told("mapRoles", &text);
    assert_eq!(mapped, [one(ADMIN, "", "not known")]);
    assert!(broken[0].starts_with("mapRoles: readers of YAML are at odds over it"), "{broken:?}");
    let (_, broken) = told("mapRoles", &format!("- rolearn: {ADMIN}\u{85}  username: x\n"));
    assert_eq!(
        broken,
        ["mapRoles, line 1: not followed here: whom EKS lets in by it is not known"]
    );
}
