//! Carriers, as their own writers make them: small, and sharing nothing with what reads them.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::split;

/// An event as its server wrote it, or what a carrier left of it, and when the carrier saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub json: String,
    /// Microseconds since 1970; carriers write what of it they can.
    pub at: i64,
}

/// Writes a log.
pub type Writer = fn(&[Seen]) -> Vec<u8>;

pub const STREAM: &str = "kube-apiserver-audit-0a1b2c";

impl Seen {
    fn time(&self) -> String {
        let time: DateTime<Utc> = DateTime::from_timestamp_micros(self.at).unwrap();
        time.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    pub fn millis(&self) -> i64 {
        self.at.div_euclid(1000)
    }

    /// The event itself; None where it was cut.
    fn value(&self) -> Value {
        serde_json::from_str(&self.json).unwrap()
    }

    fn cloud_watch(&self) -> Value {
        json!({"logStreamName": STREAM, "timestamp": self.millis(), "message": self.json,
               "ingestionTime": self.millis() + 900, "eventId": "3812"})
    }
}

pub fn lines(seen: &[Seen], line: impl Fn(&Seen) -> String) -> Vec<u8> {
    seen.iter().fold(String::new(), |all, one| all + &line(one) + "\n").into_bytes()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

fn values(seen: &[Seen]) -> Vec<Value> {
    seen.iter().map(Seen::value).collect()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn bare(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| one.json.clone())
}

pub fn event_list(seen: &[Seen]) -> Vec<u8> {
    let batches = seen.chunks(7).map(|batch| {
        let items: Vec<Value> = values(batch)
            .into_iter()
            .map(|mut item| {
                item.as_object_mut().unwrap().remove("kind");
                item.as_object_mut().unwrap().remove("apiVersion");
                item
            })
            .collect();
        json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items})
    });
    batches.fold(String::new(), |all, batch| all + &batch.to_string() + "\n").into_bytes()
}

pub fn event_list_pretty(seen: &[Seen]) -> Vec<u8> {
    let list = json!({"apiVersion": "audit.k8s.io/v1", "items": values(seen), "kind": "EventList"});
    pretty(&list).into_bytes()
}

pub fn array(seen: &[Seen]) -> Vec<u8> {
    Value::from(values(seen)).to_string().into_bytes()
}

pub fn array_pretty(seen: &[Seen]) -> Vec<u8> {
    (pretty(&Value::from(values(seen))) + "\n").into_bytes()
}

pub fn array_of_lines(seen: &[Seen]) -> Vec<u8> {
    let all: Vec<&str> = seen.iter().map(|one| &*one.json).collect();
    format!("[\n{}\n]\n", all.join(",\n")).into_bytes()
}

pub fn joined(seen: &[Seen]) -> Vec<u8> {
    seen.iter().fold(String::new(), |all, one| all + &one.json).into_bytes()
}

pub fn objects_pretty(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| pretty(&one.value()))
}

pub fn yaml(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| format!("---\n{}", yaml_serde::to_string(&one.value()).unwrap()))
}

pub fn eks_s3(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| format!("{} {}", one.time(), one.json))
}

pub fn eks_tail(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        format!("{}000+00:00 {STREAM} {}", one.time().trim_end_matches('Z'), one.json)
    })
}

fn pages(seen: &[Seen]) -> Vec<Value> {
    let page = |events: &[Seen]| {
        let events: Vec<Value> = events.iter().map(Seen::cloud_watch).collect();
        json!({"events": events, "searchedLogStreams": [], "nextToken": "Bxk/1"})
    };
    seen.chunks(11).map(page).collect()
}

pub fn eks_filter(seen: &[Seen]) -> Vec<u8> {
    pages(seen).iter().fold(String::new(), |all, page| all + &page.to_string()).into_bytes()
}

pub fn eks_filter_pretty(seen: &[Seen]) -> Vec<u8> {
    pages(seen).iter().fold(String::new(), |all, page| all + &pretty(page) + "\n").into_bytes()
}

pub fn eks_filter_yaml(seen: &[Seen]) -> Vec<u8> {
    let events: Vec<Value> = seen.iter().map(Seen::cloud_watch).collect();
    let page = json!({"events": events, "searchedLogStreams": []});
    yaml_serde::to_string(&page).unwrap().into_bytes()
}

pub fn eks_get(seen: &[Seen]) -> Vec<u8> {
    let event =
        |one: &Seen| json!({"timestamp": one.millis(), "message": one.json, "ingestionTime": 1});
    let events: Vec<Value> = seen.iter().map(event).collect();
    let page = json!({"events": events, "nextForwardToken": "f/1", "nextBackwardToken": "b/1"});
    pretty(&page).into_bytes()
}

fn insights_time(one: &Seen) -> String {
    one.time().replace('T', " ").trim_end_matches('Z').to_owned()
}

pub fn eks_insights(seen: &[Seen]) -> Vec<u8> {
    let row = |one: &Seen| {
        json!([{"field": "@timestamp", "value": insights_time(one)},
               {"field": "@message", "value": one.json}, {"field": "@ptr", "value": "CpQ"}])
    };
    let rows: Vec<Value> = seen.iter().map(row).collect();
    pretty(&json!({"results": rows, "statistics": {"recordsMatched": 3.0}, "status": "Complete"}))
        .into_bytes()
}

fn csv(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut text = columns.join(",") + "\n";
    for row in rows {
        let cells: Vec<String> =
            row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        writeln!(text, "{}", cells.join(",")).unwrap();
    }
    text.into_bytes()
}

pub fn eks_insights_csv(seen: &[Seen]) -> Vec<u8> {
    csv(
        &["@timestamp", "@message"],
        seen.iter().map(|one| vec![insights_time(one), one.json.clone()]),
    )
}

fn subscription(seen: &[Seen]) -> Value {
    let event = |one: &Seen| json!({"id": "38", "timestamp": one.millis(), "message": one.json});
    let events: Vec<Value> = seen.iter().map(event).collect();
    json!({"messageType": "DATA_MESSAGE", "owner": "111122223333",
           "logGroup": "/aws/eks/shop/cluster", "logStream": STREAM,
           "subscriptionFilters": ["all"], "logEvents": events})
}

pub fn eks_firehose(seen: &[Seen]) -> Vec<u8> {
    let control = json!({"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "",
                         "logStream": "", "subscriptionFilters": [], "logEvents": [
        {"id": "", "timestamp": 1, "message": "CWL CONTROL MESSAGE: Checking health of destination"}]});
    let parts = seen.chunks(5).map(|part| subscription(part).to_string());
    parts.fold(control.to_string(), |all, part| all + &part).into_bytes()
}

fn packed(part: &[Seen]) -> String {
    STANDARD.encode(gzip(subscription(part).to_string().as_bytes()))
}

pub fn eks_kinesis(seen: &[Seen]) -> Vec<u8> {
    let record = |part: &[Seen]| json!({"kinesis": {"partitionKey": "p", "data": packed(part)}});
    let records: Vec<Value> = seen.chunks(5).map(record).collect();
    json!({"Records": records}).to_string().into_bytes()
}

pub fn eks_lambda(seen: &[Seen]) -> Vec<u8> {
    let events = seen.chunks(5).map(|part| json!({"awslogs": {"data": packed(part)}}).to_string());
    events.fold(String::new(), |all, event| all + &event + "\n").into_bytes()
}

/// Pieces of at most so many bytes, between characters.
fn pieces(text: &str, most: usize) -> Vec<&str> {
    let (mut rest, mut pieces) = (text, Vec::new());
    while rest.len() > most {
        let at = (0..=most).rev().find(|at| rest.is_char_boundary(*at)).unwrap();
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

pub fn docker(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        let text = format!("{}\n", one.json);
        let line = |log: &str| {
            format!("{{\"log\":{},\"stream\":\"stdout\",\"time\":\"{}\"}}", json!(log), one.time())
        };
        let all: Vec<String> = pieces(&text, 16 << 10).into_iter().map(line).collect();
        all.join("\n")
    })
}

pub fn cri(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        let pieces = pieces(&one.json, 16 << 10);
        let last = pieces.len() - 1;
        let line = |(at, piece): (usize, &&str)| {
            format!("{} stdout {} {piece}", one.time(), if at == last { "F" } else { "P" })
        };
        pieces.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
    })
}

pub fn journal_entry(one: &Seen, message: &Value) -> Value {
    json!({"__CURSOR": "s=1;i=2", "__REALTIME_TIMESTAMP": one.at.to_string(), "MESSAGE": message,
           "_HOSTNAME": "cp1.example.org", "_SYSTEMD_UNIT": "k3s.service"})
}

pub fn journal(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| journal_entry(one, &json!(one.json)).to_string())
}

pub fn journal_bytes(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| pretty(&journal_entry(one, &json!(one.json.as_bytes()))))
}

pub fn journal_short(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| format!("May 04 09:10:11 cp1 k3s[812]: {}", one.json))
}

/// A shipper that puts lists of its own beside the event.
pub fn beside_lists(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        let mut record = json!({"message": one.json, "events": [{"offset": 7}], "items": ["x"],
            "records": [[1, 2]], "values": ["a", "b"]});
        record["@timestamp"] = json!(one.time());
        record.to_string()
    })
}

pub fn fluentd(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| format!("{}\tkube.audit\t{}", one.time(), json!({"log": one.json})))
}

pub fn fluentd_merged(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        let mut value = one.value();
        value["@timestamp"] = json!("2026-06-01T00:00:00Z");
        value["tag"] = json!("kube.audit");
        value.to_string()
    })
}

pub fn fluent_bit(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        let date = format!("{}.{:06}", one.at / 1_000_000, one.at % 1_000_000);
        format!("{{\"date\":{date},\"log\":{}}}", json!(one.json))
    })
}

pub fn vector(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        json!({"file": "/var/log/audit.log", "host": "cp1", "message": one.json,
               "source_type": "file", "timestamp": one.time()})
        .to_string()
    })
}

pub fn loki_lines(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        json!({"labels": {"job": "audit"}, "line": one.json, "timestamp": one.time()}).to_string()
    })
}

fn loki_streams(seen: &[Seen]) -> Vec<Value> {
    let value = |one: &Seen| json!([(one.at * 1000).to_string(), one.json]);
    let stream = |part: &[Seen]| json!({"stream": {"job": "audit"}, "values": part.iter().map(value).collect::<Vec<_>>()});
    seen.chunks(4).map(stream).collect()
}

pub fn loki_query(seen: &[Seen]) -> Vec<u8> {
    json!({"status": "success", "data": {"resultType": "streams", "result": loki_streams(seen),
                                         "stats": {"summary": {"bytes": 1}}}})
    .to_string()
    .into_bytes()
}

pub fn loki_push(seen: &[Seen]) -> Vec<u8> {
    pretty(&json!({"streams": loki_streams(seen)})).into_bytes()
}

fn elastic_source(one: &Seen) -> Value {
    let text = one.json.replace("\"authorization.k8s.io/", "\"authorization_k8s_io/");
    let audit: Value = serde_json::from_str(&text).unwrap();
    json!({"@timestamp": "2026-06-01T00:00:00Z", "kubernetes": {"audit": audit}})
}

pub fn elastic_hits(seen: &[Seen]) -> Vec<u8> {
    let hit = |one: &Seen| json!({"_index": "logs", "_id": "a", "_source": elastic_source(one)});
    let hits: Vec<Value> = seen.iter().map(hit).collect();
    pretty(&json!({"took": 3, "timed_out": false, "hits": {"total": {"value": 3}, "hits": hits}}))
        .into_bytes()
}

pub fn elastic_lines(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| elastic_source(one).to_string())
}

pub fn filebeat(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        json!({"@timestamp": one.time(), "@metadata": {"beat": "filebeat"}, "message": one.json,
               "log": {"offset": 12, "file": {"path": "/var/log/audit.log"}},
               "input": {"type": "filestream"}, "host": {"name": "cp1"}})
        .to_string()
    })
}

pub fn splunk_csv(seen: &[Seen]) -> Vec<u8> {
    csv(
        &["_time", "_raw", "host"],
        seen.iter().map(|one| vec![one.time(), one.json.clone(), "cp1".to_owned()]),
    )
}

pub fn splunk_export(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        json!({"preview": false, "offset": 1, "result": {"_raw": one.json, "_time": one.time()}})
            .to_string()
    })
}

pub fn splunk_hec(seen: &[Seen]) -> Vec<u8> {
    let event = |one: &Seen| json!({"time": one.at / 1_000_000, "sourcetype": "kube:audit", "event": one.value()});
    seen.iter().fold(String::new(), |all, one| all + &event(one).to_string()).into_bytes()
}

pub fn syslog(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| format!("<110>1 {} cp1 kube-apiserver - - - {}", one.time(), one.json))
}

pub fn syslog_old(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| format!("<110>May  4 09:10:11 cp1 audit: {}", one.json))
}

/// docker's line in fluentd's in Vector's in Loki's in a journal: quoted five times.
pub fn nested(seen: &[Seen]) -> Vec<u8> {
    lines(seen, |one| {
        let docker =
            json!({"log": format!("{}\n", one.json), "stream": "stdout", "time": one.time()});
        let fluentd = json!({"log": docker.to_string(), "tag": "x"});
        let vector = json!({"message": fluentd.to_string(), "timestamp": one.time()});
        let loki = json!({"line": vector.to_string(), "timestamp": one.time()});
        journal_entry(one, &json!(loki.to_string())).to_string()
    })
}

/// Those that write the event as text, whatever it is.
pub const QUOTING: [(&str, Writer); 29] = [
    ("EKS, S3 export", eks_s3),
    ("EKS, tail", eks_tail),
    ("EKS, filter-log-events", eks_filter),
    ("EKS, filter-log-events, pretty", eks_filter_pretty),
    ("EKS, filter-log-events, YAML", eks_filter_yaml),
    ("EKS, get-log-events", eks_get),
    ("EKS, Insights", eks_insights),
    ("EKS, Insights, CSV", eks_insights_csv),
    ("EKS, Firehose", eks_firehose),
    ("EKS, Kinesis", eks_kinesis),
    ("EKS, Lambda", eks_lambda),
    ("docker", docker),
    ("CRI", cri),
    ("journal", journal),
    ("journal, bytes", journal_bytes),
    ("journal, pieces", split::journal_pieces),
    ("a list beside the event", beside_lists),
    ("fluentd", fluentd),
    ("Fluent Bit", fluent_bit),
    ("Vector", vector),
    ("Loki, lines", loki_lines),
    ("Loki, query", loki_query),
    ("Loki, push", loki_push),
    ("Filebeat", filebeat),
    ("Splunk, CSV", splunk_csv),
    ("Splunk, export", splunk_export),
    ("syslog", syslog),
    ("quoted five times", nested),
    ("EKS, S3 export, compressed twice", twice),
];

fn twice(seen: &[Seen]) -> Vec<u8> {
    gzip(&seen.chunks(9).flat_map(|part| gzip(&eks_s3(part))).collect::<Vec<u8>>())
}

/// Those that write the event as JSON of their own, or no time that is of use.
pub const OTHERS: [(&str, Writer); 18] = [
    ("bare", bare),
    ("EventList", event_list),
    ("EventList, pretty", event_list_pretty),
    ("array", array),
    ("array, pretty", array_pretty),
    ("array, lines", array_of_lines),
    ("joined", joined),
    ("objects, pretty", objects_pretty),
    ("YAML", yaml),
    ("journal, short", journal_short),
    ("journal, short, pieces", split::journal_short_pieces),
    ("EKS, table", split::eks_table),
    ("EKS, table of rows", split::eks_table_rows),
    ("fluentd, merged", fluentd_merged),
    ("Elastic, hits", elastic_hits),
    ("Elastic, lines", elastic_lines),
    ("Splunk, HEC", splunk_hec),
    ("syslog, old", syslog_old),
];
