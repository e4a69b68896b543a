//! What is no audit log, or no longer one.

use super::super::line::Line;
use super::*;

fn reasons(bytes: &[u8]) -> Vec<(String, u64, u64)> {
    let coverage = read(bytes).coverage().clone();
    coverage
        .unreadable
        .iter()
        .chain(&coverage.passed)
        .map(|(reason, unread)| (reason.to_string(), unread.count, unread.first.line))
        .collect()
}

fn event() -> String {
    Line::new("a1", "list", "/api/v1/pods").text()
}

#[test]
fn what_cannot_be_read_is_counted_by_reason_with_its_first_line() {
    let one = event();
    let klog = "I0504 09:10:11.123456       1 trace.go:236] Trace[1]: \"List\" {\"a\":1}\n";
    for (text, expected) in [
        ("hello\nworld\n".to_owned(), ("not JSON", 2, 1)),
        (format!("{one}{{\"a\":1}}\n"), ("not an audit event", 1, 2)),
        (format!("{one}{{\"a\" 1}}\n"), ("broken JSON", 1, 2)),
        (format!("{one}{klog}{klog}{one}"), ("a line of another log", 2, 2)),
        (format!("{one}\0\0\0{one}"), ("NUL bytes", 1, 2)),
        (format!("{one}{}", &one[..one.len() / 2]), ("cut off", 1, 2)),
        (format!("{}\n{one}", &one[..40]), ("cut off", 1, 1)),
        ("---\na: [\n---\n".to_owned(), ("broken YAML", 1, 2)),
        (one.replace("2026-05-04", "2036-05-04"), ("dated in the future", 2, 1)),
    ] {
        let (reason, count, line) = expected;
        let text = if reason == "dated in the future" { text.repeat(2) } else { text };
        assert_eq!(reasons(text.as_bytes()), [(reason.to_owned(), count, line)], "{text}");
    }
    assert_eq!(reasons(b""), []);
    assert_eq!(
        reasons(&[one.as_bytes(), b"\xff\xfe{\n"].concat()),
        [("not UTF-8".to_owned(), 1, 2)]
    );
}

#[test]
fn places_are_lines_of_the_file_also_in_documents() {
    let item = |id: &str| Line::new(id, "list", "/api/v1/pods").text().trim().to_owned();
    let value: serde_json::Value = serde_json::from_str(&item("a")).unwrap();
    let mut text = serde_json::to_string_pretty(&serde_json::json!([value, 7])).unwrap();
    let lines = u64::try_from(text.lines().count()).unwrap();
    text.push_str("\nnothing\n");
    assert_eq!(
        reasons(text.as_bytes()),
        [("not JSON".to_owned(), 1, lines + 1), ("not an audit event".to_owned(), 1, lines - 1)]
    );
}

#[test]
fn a_line_of_a_hundred_megabytes_costs_nothing_but_itself() {
    let one = event();
    let long = format!("{{\"requestObject\":{{\"a\":\"{}\"}},{}", "x".repeat(100 << 20), &one[1..]);
    let two = Line::new("a2", "get", "/api/v1/nodes/n1").text();
    let found = read(format!("{two}{long}{two}").as_bytes());
    assert_eq!((found.coverage().events, found.coverage().lines), (2, 3));
    assert!(found.coverage().unreadable.is_empty(), "{:?}", found.coverage());
    let binary: Vec<u8> =
        (0..3u32 << 20).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
    let coverage = read(&binary).coverage().clone();
    assert_eq!(coverage.lines, 0);
    assert!(!coverage.unreadable.is_empty());
}

#[test]
fn old_forms_of_the_event_are_read() {
    let new = Line::new("a1", "list", "/apis/apps/v1/deployments");
    let expected = comparable(&read(new.text().as_bytes()));
    for version in ["v1beta1", "v1alpha1"] {
        let old =
            new.clone().set("apiVersion", serde_json::json!(format!("audit.k8s.io/{version}")));
        assert!(comparable(&read(old.text().as_bytes())) == expected, "{version}");
    }
    let without = new.clone().without("requestReceivedTimestamp").without("stageTimestamp");
    let time = serde_json::json!("2026-05-04T09:10:11Z");
    for old in [
        without.clone().set("timestamp", time.clone()),
        without.set("metadata|creationTimestamp", time),
    ] {
        let found = read(old.text().as_bytes());
        assert_eq!(
            found.coverage().from,
            Some(Utc.with_ymd_and_hms(2026, 5, 4, 9, 10, 11).unwrap())
        );
    }
}

#[test]
fn a_head_that_does_not_say_who_acted_is_not_guessed_at() {
    let whole = Line::new("a1", "list", "/api/v1/pods")
        .set("impersonatedUser", serde_json::json!({"username": "ops"}))
        .text();
    // In the server's order, with a body.
    let value: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let keys = [
        "kind",
        "apiVersion",
        "level",
        "auditID",
        "stage",
        "requestURI",
        "verb",
        "user",
        "impersonatedUser",
        "sourceIPs",
        "userAgent",
        "responseStatus",
    ];
    let members: Vec<String> = keys.iter().map(|key| format!("\"{key}\":{}", value[key])).collect();
    let text = format!("{{{},\"requestObject\":{{\"a\":\"{}", members.join(","), "x".repeat(50));
    let complete = text.find("\"responseStatus\"").unwrap() + "\"responseStatus\":".len();
    for end in 1..text.len() {
        let found = read(format!("2026-05-04T09:10:11.123Z {}\n", &text[..end]).as_bytes());
        assert_eq!(found.coverage().lines, u64::from(end >= complete), "{}", &text[..end]);
        assert_eq!(found.coverage().unreadable.len(), usize::from(end < complete), "{end}");
    }
}

#[test]
fn logs_of_two_clusters_are_not_mixed() {
    let group = |cluster: &str, id: &str| {
        let message = Line::new(id, "list", "/api/v1/pods").text();
        serde_json::json!({"messageType": "DATA_MESSAGE", "logGroup": format!("/aws/eks/{cluster}/cluster"),
            "logStream": writers::STREAM, "logEvents": [{"id": "1", "timestamp": 1, "message": message}]})
        .to_string()
    };
    let both = [group("shop", "a"), group("lab", "b"), group("shop", "c"), event()].join("\n");
    let read = |cluster: Option<&str>| {
        let options = Options { cluster: cluster.map(Into::into), ..options() };
        read_inputs(vec![input("log", both.clone())], &options, &())
    };
    let error = read(None).unwrap_err().to_string();
    assert!(error.contains("2 clusters: shop (2 events), lab (1 event)"), "{error}");
    for (cluster, events, others) in [("shop", 3, 1), ("lab", 2, 2)] {
        let coverage = read(Some(cluster)).unwrap().coverage().clone();
        assert_eq!(coverage.events, events);
        assert_eq!(coverage.passed["an event of another cluster"].count, others);
    }
}

#[test]
fn lines_that_lost_the_newline_between_them_are_read_all() {
    let line = |id: &str| Line::new(id, "list", "/api/v1/pods").text().trim().to_owned();
    let syslog = |id: &str| format!("<110>1 2026-05-04T09:10:11Z cp1 kube - - - {}", line(id));
    let cri = |id: &str| format!("2026-05-04T09:10:11.1Z stdout F {}", line(id));
    for one in [&syslog as &dyn Fn(&str) -> String, &cri] {
        let text = ["a1", "a2", "a3"].map(one).concat();
        let found = read(text.as_bytes()).coverage().clone();
        assert_eq!((found.events, found.unreadable.len()), (3, 0), "{text}");
        // What stands behind an event as another's body does is none.
        let torn = format!("{},\"requestObject\":{}", one("a1"), line("a2"));
        assert_eq!(read(torn.as_bytes()).coverage().events, 1);
        assert_eq!(reasons(torn.as_bytes()), [("broken JSON".to_owned(), 1, 1)]);
    }
}

#[test]
fn an_empty_list_beside_an_event_hides_nothing() {
    for key in ["events", "records", "items", "value", "tables", "results"] {
        let mut object = serde_json::json!({"message": event(), "host": "cp1"});
        object[key] = serde_json::json!([]);
        for text in [object.to_string(), format!("{object:#}"), format!("[{object:#}]")] {
            let coverage = read(text.as_bytes()).coverage().clone();
            assert_eq!((coverage.events, coverage.unreadable.len()), (1, 0), "{text}");
        }
        // A page without anything is no error.
        let page = serde_json::json!({key: [], "nextToken": "x"});
        for text in [page.to_string(), format!("{page:#}")] {
            assert_eq!(reasons(text.as_bytes()), [], "{text}");
        }
    }
}
