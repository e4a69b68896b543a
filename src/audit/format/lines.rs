//! Lines that are no JSON, or have something before it: exports, container runtimes, syslog, the
//! journal, other components' logs.

use super::{Carried, Carrier, Translated};
use crate::audit::request::micros;

/// How long what stands before an event may be, in bytes.
const LONGEST_HEAD: usize = 1024;

/// Takes the JSON out of a line, and what stands before it apart.
pub fn line(text: &str) -> Option<Translated<'_>> {
    if text.starts_with("--- ") {
        return Some(Translated::Unreadable("broken YAML"));
    }
    if text.starts_with("CWL CONTROL MESSAGE") {
        return Some(Translated::Passed("a control message"));
    }
    let at = text.find("{\"").filter(|at| *at <= LONGEST_HEAD);
    if at.is_none() && is_table(text) {
        return Some(Translated::Passed("a line of a table"));
    }
    let (head, json) = text.split_at(at.unwrap_or(text.len().min(cut(text, LONGEST_HEAD))));
    if is_other_log(head) {
        return Some(Translated::Passed("a line of another log"));
    }
    // Quotes stand in a torn event, or in the structured data of syslog's header.
    at.filter(|_| !head.contains('"') || is_syslog(head) && ends_in_data(head))?;
    let syslog = head.find('<').filter(|_| is_syslog(head));
    let words: Vec<&str> = head[syslog.unwrap_or(0)..].split_ascii_whitespace().collect();
    let mut carried = Carried::new(json, carrier(head, &words));
    carried.time = words.iter().take(6).find_map(|word| micros(word));
    carried.server = server(carried.carrier, &words).map(Into::into);
    Some(Translated::Carried(carried))
}

/// Whether it is a line of a table as the AWS CLI draws them, without what it prints of events:
/// borders, titles, and cells of its own beside each event.
fn is_table(text: &str) -> bool {
    let border = |c: char| matches!(c, '-' | '+' | '|');
    (text.len() > 3 && text.chars().all(border)) || (text.starts_with('|') && text.ends_with('|'))
}

/// The largest place, at most `at`, at which a text can be cut.
fn cut(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn carrier(head: &str, words: &[&str]) -> Carrier {
    match words {
        _ if is_syslog(head) => Carrier::Syslog,
        _ if head.contains('\t') => Carrier::Shipper,
        [_, "stdout" | "stderr", "F" | "P", ..] => Carrier::Container,
        [time] if micros(time).is_some() => Carrier::Eks,
        [bar, ..] if bar.starts_with('|') => Carrier::Eks,
        [time, stream] if micros(time).is_some() && stream.starts_with("kube-apiserver") => {
            Carrier::Eks
        }
        [_] => Carrier::OpenShift,
        _ if head.trim_end().ends_with(':') => Carrier::Journal,
        _ => Carrier::Shipper,
    }
}

/// Whether syslog's header begins here, behind its length or not: `<110>1 2026-…`.
fn is_syslog(head: &str) -> bool {
    let digits = |c: char| c.is_ascii_digit();
    let priority = head.trim_start_matches(digits).trim_start_matches(' ').strip_prefix('<');
    let rest = priority.map(|rest| (rest, rest.trim_start_matches(digits)));
    rest.is_some_and(|(rest, end)| rest.len() > end.len() && end.starts_with('>'))
}

/// Whether a header ends in structured data, and has no quotes before it: `… - - [a b="c"] `.
fn ends_in_data(head: &str) -> bool {
    let end = head.trim_end_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let before = head.split('[').next().unwrap_or_default();
    end.ends_with(']') && !before.contains('"')
}

fn server<'a>(carrier: Carrier, words: &[&'a str]) -> Option<&'a str> {
    match (carrier, words) {
        (Carrier::Eks, [_, stream]) => Some(stream),
        (Carrier::OpenShift, [node]) => Some(node),
        (Carrier::Journal, [.., host, _tag]) => Some(host),
        (Carrier::Syslog, [_, _time, host, ..]) => Some(host),
        _ => None,
    }
}

/// Whether another component's line begins here, behind a time or a stream's name: klog's
/// `I0504 09:10:11.123456`, logrus' `time="…" level=…`.
fn is_other_log(head: &str) -> bool {
    let mut words = head.split_ascii_whitespace().take(4);
    words.any(|word| is_klog(word) || word.starts_with("time=\""))
}

fn is_klog(word: &str) -> bool {
    let Some((b'I' | b'W' | b'E' | b'F', digits)) = word.as_bytes().split_first() else {
        return false;
    };
    digits.len() == 4 && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(Carrier, Option<i64>, Option<String>)> {
        match line(text)? {
            Translated::Carried(carried) => {
                assert_eq!(carried.text, "{\"a\":1}");
                Some((carried.carrier, carried.time, carried.server.map(Into::into)))
            }
            _ => None,
        }
    }

    #[test]
    fn what_stands_before_the_event_tells_carrier_time_and_server() {
        // 1777885811 is `date -u -d 2026-05-04T09:10:11 +%s`.
        let time = Some(1_777_885_811_123_000);
        for (head, carrier, time, server) in [
            ("2026-05-04T09:10:11.123Z ", Carrier::Eks, time, None),
            (
                "2026-05-04T09:10:11.123000+00:00 kube-apiserver-audit-0a1b ",
                Carrier::Eks,
                time,
                Some("kube-apiserver-audit-0a1b"),
            ),
            ("2026-05-04T11:10:11.123+02:00 stdout F ", Carrier::Container, time, None),
            ("May 04 09:10:11 cp1 k3s[812]: ", Carrier::Journal, None, Some("cp1")),
            (
                "<110>1 2026-05-04T09:10:11.123Z cp1 kube - - [meta a=\"{1}\"][b c=\"\"] ",
                Carrier::Syslog,
                time,
                Some("cp1"),
            ),
            (
                "431 <110>1 2026-05-04T09:10:11.123Z cp1 k - - - ",
                Carrier::Syslog,
                time,
                Some("cp1"),
            ),
            ("<110>May  4 09:10:11 cp1 audit: ", Carrier::Syslog, None, None),
            (
                "<110>1 2026-05-04T09:10:11.123Z cp1 kube-apiserver - - - ",
                Carrier::Syslog,
                time,
                Some("cp1"),
            ),
            ("2026-05-04T09:10:11.123Z\tkube.audit\t", Carrier::Shipper, time, None),
            ("cp1.example.org ", Carrier::OpenShift, None, Some("cp1.example.org")),
        ] {
            let text = format!("{head}{{\"a\":1}}");
            let server = server.map(str::to_owned);
            if carrier == Carrier::Syslog && time.is_none() {
                assert_eq!(found(&text).map(|f| (f.0, f.1)), Some((carrier, None)), "{head}");
            } else {
                assert_eq!(found(&text), Some((carrier, time, server)), "{head}");
            }
        }
    }

    #[test]
    fn other_logs_are_passed_over_and_the_rest_is_no_carrier() {
        for text in [
            "I0504 09:10:11.123456       1 trace.go:236] Trace[1]: {\"a\":1}",
            "2026-05-04T09:10:11.123Z W0504 09:10:11.123456 1 x.go:1] y",
            "2026-05-04T09:10:11.123Z time=\"2026-05-04T09:10:11Z\" level=info msg=\"access granted\"",
        ] {
            assert!(matches!(line(text), Some(Translated::Passed(_))), "{text}");
        }
        assert_eq!(line("hello world"), None);
        assert_eq!(line("<1>\",\"groups\":[\"a\"],\"requestObject\":{\"a\":1}"), None);
        assert_eq!(line("s\":\"x\"},\"annotations\":{\"a\":\"b\"}}"), None);
        assert_eq!(line(&"日".repeat(2000)), None);
    }
}
