//! The grammar on a Book: each term against what the invented cluster is known to hold.

use keybook::book::Book;
use keybook::query::Query;

use super::support::invented;

fn found(book: &Book, text: &str) -> Vec<String> {
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let filter = query.prepare(book);
    let mut names: Vec<String> = book
        .entries()
        .filter(|entry| filter.matches(entry))
        .map(|entry| {
            // Each entry alone gives the same answer.
            assert!(query.matches(book, entry));
            entry.identity.to_string()
        })
        .collect();
    names.sort();
    names
}

const JANE: &str = "user:jane@corp.example";
const GONE: &str = "user:gone@corp.example";
const ZOE: &str = "user:zoe@corp.example";
const DEPLOYER: &str = "sa:ci/deployer";
const BATCH: &str = "sa:pay/batch";
const REMOVED: &str = "sa:shop/removed";
const DEFAULT: &str = "sa:shop/default";
const PLATFORM: &str = "group:platform";
const TEAM: &str = "group:pay-team";

#[test]
fn terms_hold_for_whom_they_should() {
    let book = invented::whole();
    let eve = format!("user:{}", invented::HOSTILE);
    let long = format!("user:{}", invented::long_name());
    for (text, want) in [
        ("JANE", vec![JANE]),
        ("kind:group", vec![TEAM, PLATFORM]),
        ("kind:sa", vec![DEPLOYER, BATCH, DEFAULT, REMOVED]),
        ("sa:shop/*", vec![DEFAULT, REMOVED]),
        ("user:jane@*", vec![JANE]),
        ("name:batch", vec![BATCH]),
        ("~^sa:(ci|pay)/", vec![DEPLOYER, BATCH]),
        ("%cidpl", vec![DEPLOYER]),
        ("group:platform", vec![PLATFORM, JANE]),
        ("group:pay-team", vec![TEAM, &eve]),
        ("ns:pay kind:sa", vec![DEPLOYER, BATCH]),
        ("ns:shop", vec![DEPLOYER, DEFAULT, REMOVED, ZOE]),
        ("role:cluster-admin", vec![PLATFORM, GONE, JANE]),
        ("role:reader", vec![BATCH]),
        ("scope:cluster kind:group", vec![PLATFORM]),
        ("tier:cluster-admin", vec![PLATFORM, GONE, JANE]),
        ("tier:>=reads-secrets kind:sa", vec![DEPLOYER, BATCH]),
        ("can:get/secrets@pay", vec![PLATFORM, DEPLOYER, BATCH, GONE, JANE]),
        ("can:get/secrets@shop", vec![PLATFORM, DEPLOYER, GONE, JANE]),
        ("can:impersonate/users", vec![PLATFORM, GONE, JANE]),
        ("can:get//metrics kind:user", vec![&eve, GONE, JANE, &long]),
        ("finding:dangling-role", vec![ZOE]),
        ("finding:dangling*", vec![REMOVED, ZOE]),
        ("is:dangling", vec![REMOVED, ZOE]),
        // The token of batch, which reads Secrets, is older than a year.
        ("severity:high", vec![PLATFORM, BATCH, GONE, JANE]),
        ("severity:>=medium", vec![PLATFORM, DEPLOYER, BATCH, REMOVED, GONE, JANE, ZOE]),
        ("seen:<1h", vec![TEAM, DEPLOYER, &eve]),
        ("seen:<1d", vec![TEAM, PLATFORM, DEPLOYER, &eve, JANE]),
        ("seen:denied", vec![TEAM, &eve]),
        // Somebody acted in zoe's name.
        ("seen:never kind:user", vec![GONE, &long]),
        ("seen:>20d kind:user", vec![GONE, &long]),
        ("used:0 tier:cluster-admin", vec![GONE]),
        ("used:>0", vec![PLATFORM, DEPLOYER, JANE]),
        ("used:<20%  kind:sa ns:ci", vec![DEPLOYER]),
        ("agent:k9s*", vec![JANE]),
        ("address:203.0.113.66", vec![&eve]),
        ("cluster:test-eu kind:group", vec![TEAM, PLATFORM]),
        ("cluster:other", vec![]),
        ("!kind:user !kind:sa -platform", vec![TEAM]),
        ("\"corp example\"", vec![]),
    ] {
        let mut want: Vec<String> = want.into_iter().map(str::to_owned).collect();
        want.sort();
        assert_eq!(found(&book, text), want, "{text}");
    }
}

#[test]
fn what_is_not_known_is_neither_so_nor_not_so() {
    let book = invented::without_log();
    for text in [
        "seen:<7d",
        "!seen:<7d",
        "seen:>7d",
        "seen:never",
        "!seen:never",
        "used:0",
        "!used:0",
        "agent:x",
        "!agent:x",
    ] {
        assert_eq!(found(&book, text), Vec::<String>::new(), "{text}");
    }
    // A log of thirty days does not tell who was seen in the last year.
    let book = invented::whole();
    assert!(found(&book, "seen:>365d").is_empty());
    assert!(found(&book, "!seen:<365d").is_empty());
    assert_eq!(found(&book, "seen:<365d kind:sa"), [DEPLOYER]);
}

#[test]
fn what_was_looked_for_can_be_shown() {
    let query = Query::parse("jane !corp ~ex.m kind:user").unwrap();
    let name = "jane@corp.example";
    let parts: Vec<&str> = query.highlights(name).into_iter().map(|range| &name[range]).collect();
    assert_eq!(parts, ["jane", "exam"]);
}
