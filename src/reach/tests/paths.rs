use super::twins::APP;
use super::*;
use crate::book::GrantKey;
use crate::model::BindingKind;

fn mint(name: &str) -> Value {
    named(rule(&["create"], "", &["serviceaccounts/token"]), &[name])
}

/// jane → app/weak → quiet/weak → quiet/strong.
fn chain() -> World {
    let world = company()
        .role("quiet", "minter", &json!([mint("weak")]))
        .bind(Some("quiet"), "first", "Role/minter", "sa:app/weak")
        .role("quiet", "top", &json!([mint("strong")]))
        .bind(Some("quiet"), "second", "Role/top", "sa:quiet/weak");
    jane(world, Some("app"), &json!([mint("weak")]))
}

#[test]
fn a_path_names_who_what_and_by_which_grant() {
    let found = reached(&chain(), "user:jane");
    assert_eq!((found.own, found.tier), (Tier::NamespaceWrite, Tier::ClusterAdmin));
    let path = found.highest().unwrap();
    let words: Vec<String> = path.hops.iter().map(Hop::words).collect();
    assert_eq!(
        words,
        [
            "has a token made for sa:app/weak",
            "has a token made for sa:quiet/weak",
            "has a token made for sa:quiet/strong"
        ]
    );
    let second = &path.hops[1];
    assert_eq!(second.from, [Gain::Identity(Identity::service_account("app", "weak"))]);
    assert_eq!(second.needed.len(), 1);
    let needed = &second.needed[0];
    assert_eq!(needed.words(), "create serviceaccounts/token weak in quiet");
    assert_eq!(needed.by(), "RoleBinding quiet/first to sa:app/weak (Role quiet/minter)");
    assert_eq!(
        needed.grant,
        Some(GrantKey {
            binding_kind: BindingKind::RoleBinding,
            namespace: Some("quiet".into()),
            binding: "first".into(),
            subject: Identity::service_account("app", "weak"),
        })
    );
    assert_eq!(second.seen().how, Shown::Yes);
    let cuts = {
        let world = chain();
        let book = world.book();
        let entry = book.entry(found.id).unwrap();
        Reach::new(&book).cuts_of(entry, &found.paths)
    };
    assert_eq!(second.cut(path, &cuts), "take sa:app/weak out of RoleBinding quiet/first");
}

#[test]
fn every_grant_of_an_only_path_cuts_it() {
    let world = chain();
    let book = world.book();
    let reach = Reach::new(&book);
    let all = reach.all();
    let cuts = reach.cuts(&all);
    let name = |cut: &Cut| book.grant(cut.grant).unwrap().key.binding.to_string();
    let found: Vec<(String, usize, usize)> =
        cuts.iter().map(|cut| (name(cut), cut.admins(), cut.loses.len())).collect();
    // jane, app/weak and quiet/weak lose theirs by the last grant, jane and app/weak by the middle
    // one. What makes the strong account strong takes the way of all three too.
    assert_eq!(
        found,
        [
            ("strong-quiet".to_owned(), 3, 3),
            ("second".to_owned(), 3, 3),
            ("first".to_owned(), 2, 2),
            ("jane".to_owned(), 1, 1)
        ]
    );
    let lost = &cuts[3].loses[0];
    assert_eq!((lost.from, lost.to), (Tier::ClusterAdmin, Tier::None));
}

#[test]
fn a_second_way_is_kept() {
    let world = chain().role("quiet", "other", &json!([mint("strong")])).bind(
        Some("quiet"),
        "other",
        "Role/other",
        "user:jane",
    );
    let book = world.book();
    let reach = Reach::new(&book);
    let cuts = reach.cuts(&reach.all());
    let jane = book.find(&Identity::user("jane")).unwrap().id;
    let takes_janes: Vec<Name> = cuts
        .iter()
        .filter(|cut| cut.loses.iter().any(|lost| lost.id == jane))
        .map(|cut| book.grant(cut.grant).unwrap().key.binding.clone())
        .collect();
    // Either way ends at the same account: only its own grant takes both.
    assert_eq!(takes_janes, ["strong-quiet".into()] as [Name; 1]);
    let found = reached(&world, "user:jane");
    assert_eq!(found.highest().unwrap().hops.len(), 1);
}

#[test]
fn everybody_who_is_strong_already_has_no_path() {
    let found = reached(&chain(), "sa:app/strong");
    assert_eq!((found.own, found.tier), (Tier::ClusterAdmin, Tier::ClusterAdmin));
    assert!(!found.is_higher() && found.paths.is_empty());
}

#[test]
fn lower_tiers_on_the_way_have_paths_of_their_own() {
    let world = company()
        .role("app", "reader", &json!([rule(&["get"], "", &["secrets"]), mint("strong")]))
        .bind(Some("app"), "weak", "Role/reader", "sa:app/weak");
    let world = jane(world, Some("app"), &json!([mint("weak")]));
    let found = reached(&world, "user:jane");
    let tiers: Vec<(Tier, usize)> =
        found.paths.iter().map(|path| (path.tier, path.hops.len())).collect();
    assert_eq!(tiers, [(Tier::ReadsSecrets, 1), (Tier::ClusterAdmin, 2)]);
}

#[test]
fn what_is_impersonated_is_told_from_what_is_taken_over() {
    let act = rule(&["impersonate"], "", &["serviceaccounts"]);
    let world = jane(company(), Some("app"), &json!([named(act, &["weak"])]));
    assert_eq!(gains(&world), ["sa:app/weak"]);
}

/// What everybody is granted is a finding of everybody, and hides nobody's own ways.
#[test]
fn what_everybody_has_hides_no_finding() {
    let open = json!([rule(&["impersonate"], "", &["users", "groups"])]);
    let world = |open: &Value| {
        let world = company()
            .cluster_role("open", open)
            .bind(None, "open", "ClusterRole/open", "group:system:authenticated")
            .cluster_role("look", &json!([rule(&["get"], "", &["pods"])]))
            .bind(APP, "look", "ClusterRole/look", "user:bob");
        let mint = named(rule(&["create"], "", &["serviceaccounts/token"]), &["strong"]);
        jane(world, APP, &json!([mint]))
    };
    let told = |world: &World| -> Vec<(String, String)> {
        let book = world.book();
        let reach = Reach::new(&book);
        let all = reach.all();
        let found = crate::findings::reach::all(&reach, &all);
        // One by one it is the same.
        for reached in &all {
            let one = crate::findings::reach::of(&reach, book.entry(reached.id).unwrap(), reached);
            let have =
                found.iter().find(|have| have.identity == book.entry(reached.id).unwrap().identity);
            assert_eq!(one.as_ref(), have);
        }
        let by = |of: crate::book::Finding| {
            (of.identity.to_string(), of.grant.unwrap().binding.to_string())
        };
        let mut told: Vec<(String, String)> = found.into_iter().map(by).collect();
        told.sort();
        told
    };
    let pair = |who: &str, by: &str| (who.to_owned(), by.to_owned());
    let everybody = pair("group:system:authenticated", "open");
    assert_eq!(told(&world(&open)), [everybody, pair("user:jane", "jane")]);
    assert_eq!(told(&world(&json!([]))), [pair("user:jane", "jane")]);
}

/// What mends the finding of jane.
fn fix(world: &World) -> (Vec<String>, String) {
    let book = world.book();
    let reach = Reach::new(&book);
    let all = reach.all();
    let found = crate::findings::reach::all(&reach, &all);
    let jane = found.into_iter().find(|one| one.identity == Identity::user("jane")).unwrap();
    let wishes = jane.fix.write.as_ref().map(crate::change::plan::Intent::to_mend);
    let wishes = wishes.unwrap_or_default().iter().map(ToString::to_string).collect();
    (wishes, jane.fix.how)
}

#[test]
fn a_finding_offers_what_ends_the_way_and_nothing_else() {
    let mint = || named(rule(&["create"], "", &["serviceaccounts/token"]), &["strong"]);
    let first = || jane(company(), APP, &json!([mint()]));
    let (wishes, how) = fix(&first());
    assert_eq!(wishes, ["rb:app/jane=user:jane"]);
    assert!(
        how.starts_with("take the grant away: no other way leads as far; keybook reach"),
        "{how}"
    );
    // Another grant of hers leads there too, and one that does not.
    let more = |who: &str| {
        first()
            .role("quiet", "minter", &json!([mint()]))
            .bind(Some("quiet"), "second", "Role/minter", who)
            .cluster_role("look", &json!([rule(&["get"], "", &["pods"])]))
            .bind(None, "look", "ClusterRole/look", "user:jane")
    };
    let (wishes, how) = fix(&more("user:jane"));
    let both = ["rb:app/jane=user:jane", "rb:quiet/second=user:jane"];
    assert_eq!(wishes, both);
    assert!(
        how.starts_with("take these 2 grants away together: with any one of them left"),
        "{how}"
    );
    // What everybody is granted is not hers to be taken.
    let (wishes, how) = fix(&more("group:system:authenticated"));
    assert!(wishes.is_empty(), "{wishes:?}");
    assert!(how.contains("begins with RoleBinding quiet/second"), "{how}");
    assert!(how.contains("a finding of the group"), "{how}");
    // Nor are there more grants than are tried.
    let mut many = first();
    for at in 0..=MOST_CUT {
        let ns = format!("n{at}");
        many = many.namespace(&ns).account(&ns, "strong").role(&ns, "minter", &json!([mint()]));
        let strong = format!("sa:{ns}/strong");
        many = many.bind(None, &ns, "ClusterRole/cluster-admin", &strong);
        many = many.bind(Some(&ns), "more", "Role/minter", "user:jane");
    }
    let (wishes, how) = fix(&many);
    assert!(wishes.is_empty(), "{wishes:?}");
    assert!(how.starts_with("more than 8 of its grants lead as far"), "{how}");
}

#[test]
fn a_step_names_the_role_that_an_aggregated_one_has_its_rule_from() {
    let role = |name: &str, labels: &Value, from: &Value, rules: &Value| {
        json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole",
            "metadata": {"name": name, "labels": labels}, "rules": rules,
            "aggregationRule": {"clusterRoleSelectors": from}})
    };
    let mint = || json!([named(rule(&["create"], "", &["serviceaccounts/token"]), &["strong"])]);
    let to = |name: &str| json!({name: "true"});
    let from = |name: &str| json!([{"matchLabels": {name: "true"}}]);
    let world = |more: &Value| {
        company()
            .object(&role("see", &to("to-all"), &from("to-see"), &mint()))
            .object(&role("all", &json!({}), &from("to-all"), &mint()))
            .object(&json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole",
                "metadata": {"name": "crd-see", "labels": to("to-see")}, "rules": mint()}))
            .object(more)
            .bind(APP, "all", "ClusterRole/all", "user:jane")
    };
    let hop = |world: &World| {
        let book = world.book();
        let reach = Reach::new(&book);
        let entry = book.find(&Identity::user("jane")).unwrap();
        let reached = reach.of(entry);
        let path = reached.highest().unwrap();
        let kept = reach.cuts_of(entry, [path]);
        (path.hops[0].needed[0].by(), path.hops[0].cut(path, &kept))
    };
    let nothing = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}});
    let (by, cut) = hop(&world(&nothing));
    assert_eq!(by, "RoleBinding app/all to user:jane (ClusterRole all, from crd-see)");
    assert_eq!(
        cut,
        "take user:jane out of RoleBinding app/all; ClusterRole all has the rule from crd-see: without \
         the rule there, or the label that aggregates it, nobody has it by all"
    );
    // What the API server brings back is nothing to be taken out.
    let own = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole",
        "metadata": {"name": "system:see", "labels": {"to-see": "true",
            "kubernetes.io/bootstrapping": "rbac-defaults"}}, "rules": mint()});
    let (by, cut) = hop(&world(&own));
    assert_eq!(by, "RoleBinding app/all to user:jane (ClusterRole all)");
    assert_eq!(cut, "take user:jane out of RoleBinding app/all");
}
