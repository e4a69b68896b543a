//! Counts in words.

/// So many of something: `1 pod`, `2 pods`, `3 identities`. `one` is what one of them is called.
pub fn counted(count: impl TryInto<u64>, one: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {}", noun(count, one))
}

/// The same with the verb that goes with it, of one and of several: `1 pod is`, `2 pods are`.
pub fn counted_with(count: impl TryInto<u64>, one: &str, verbs: [&str; 2]) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let [of_one, of_several] = verbs;
    format!("{} {}", counted(count, one), if count == 1 { of_one } else { of_several })
}

/// What so many of something are called, without the count: `pod`, `pods`; `identity`, `identities`.
pub fn noun(count: impl TryInto<u64>, one: &str) -> String {
    if count.try_into().is_ok_and(|count| count == 1) {
        return one.to_owned();
    }
    if let Some(stem) = one.strip_suffix("person") {
        return format!("{stem}people");
    }
    match one.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if one.ends_with(['s', 'x']) || one.ends_with("sh") || one.ends_with("ch") => {
            format!("{one}es")
        }
        _ => format!("{one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_as_one_and_all_others_as_several() {
        for (count, one, told) in [
            (1, "pod", "1 pod"),
            (0, "pod", "0 pods"),
            (2, "pod", "2 pods"),
            (21, "day", "21 days"),
            (1, "identity", "1 identity"),
            (3, "identity", "3 identities"),
            (2, "NetworkPolicy", "2 NetworkPolicies"),
            (2, "wish", "2 wishes"),
            (2, "address", "2 addresses"),
            (2, "branch", "2 branches"),
            (2, "cache", "2 caches"),
            (2, "person", "2 people"),
            (1, "person", "1 person"),
            (2, "more thing", "2 more things"),
        ] {
            assert_eq!(counted(count, one), told);
        }
        assert_eq!(counted(1_u64, "request"), "1 request");
        assert_eq!(counted(usize::MAX, "request"), format!("{} requests", usize::MAX));
        assert_eq!(noun(1, "grant"), "grant");
        assert_eq!(counted_with(1, "request", ["was", "were"]), "1 request was");
        assert_eq!(counted_with(0, "identity", ["is", "are"]), "0 identities are");
    }
}
