//! What the label of a token Secret says once the token was invalidated.

use super::*;

#[test]
fn a_label_is_a_use_before_and_an_attempt_after_the_day_of_invalidation() {
    let since = |since: &str| {
        only(&world(&json!({"labels": {"kubernetes.io/legacy-token-last-used": "2025-11-03",
            "kubernetes.io/legacy-token-invalid-since": since}})))
    };
    let third = NaiveDate::from_ymd_opt(2025, 11, 3).unwrap();
    for (invalid, attempt, sure) in [
        ("2025-11-04", false, false),
        // On the day itself it may be either.
        ("2025-11-03", true, false),
        ("2025-11-02", true, true),
        // When it was is not known.
        ("yes", true, false),
    ] {
        let found = since(invalid);
        assert_eq!(found.last_use, LastUse::Label { day: third, attempt }, "{invalid}");
        let told = format!("what its label has was refused: it is invalidated since {invalid}");
        assert_eq!(found.notes.contains(&told), sure, "{invalid}");
    }
}
