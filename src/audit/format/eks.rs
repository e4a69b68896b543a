//! Amazon EKS: what CloudWatch Logs makes of a line, in its answers, exports and subscriptions.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDateTime;
use flate2::read::MultiGzDecoder;

use super::object::{self, Object};
use super::{Carried, Carrier, Translated, shippers};
use crate::audit::request::micros;

/// An event of CloudWatch Logs, a row of Logs Insights, a record of Kinesis, Firehose or Lambda.
pub fn entry<'a>(object: &Object<'a>) -> Option<Translated<'a>> {
    if object.text("messageType").is_some_and(|kind| kind == "CONTROL_MESSAGE") {
        return Some(Translated::Passed("a control message"));
    }
    row(object).or_else(|| log_event(object)).or_else(|| packed(object))
}

/// `{"logStreamName":…,"timestamp":…,"message":…,"ingestionTime":…,"eventId":…}`.
fn log_event<'a>(object: &Object<'a>) -> Option<Translated<'a>> {
    let message = object.any("message").filter(|value| value.starts_with('"'))?;
    object.get("timestamp").filter(|time| time.bytes().all(|byte| byte.is_ascii_digit()))?;
    object.first(&["ingestionTime", "eventId", "id", "logStreamName"])?;
    let (text, cut) = object::string_head(message)?;
    let mut carried = Carried::new(text, Carrier::Eks);
    carried.cut = cut;
    carried.time = object.get("timestamp").and_then(shippers::time);
    carried.server = object.text("logStreamName");
    Some(of_stream(carried))
}

/// `{"@timestamp":…,"@message":…}`.
fn row<'a>(object: &Object<'a>) -> Option<Translated<'a>> {
    let (text, cut) = object::string_head(object.any("@message")?)?;
    let mut carried = Carried::new(text, Carrier::Eks);
    carried.cut = cut;
    carried.time = object.text("@timestamp").and_then(|text| time(&text));
    carried.server = object.text("@logStream");
    carried.cluster = object.text("@log").map(cluster);
    Some(of_stream(carried))
}

/// The cluster of a log group: `/aws/eks/NAME/cluster`, with the account before it or not.
pub fn cluster(group: Cow<'_, str>) -> Cow<'_, str> {
    let name = |group: &str| {
        let (_, inside) = group.split_once("/aws/eks/")?;
        inside.strip_suffix("/cluster").map(str::to_owned)
    };
    name(&group).map_or(group, Cow::Owned)
}

/// Insights writes times in UTC, without saying so.
fn time(text: &str) -> Option<i64> {
    let plain = || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok();
    micros(text).or_else(|| plain().map(|time| time.and_utc().timestamp_micros()))
}

/// The other streams of the same log group hold other components' lines.
fn of_stream(carried: Carried<'_>) -> Translated<'_> {
    const OTHERS: [&str; 5] = [
        "kube-apiserver-",
        "authenticator-",
        "kube-controller-manager-",
        "kube-scheduler-",
        "cloud-controller-manager-",
    ];
    let other = carried.server.as_deref().is_some_and(|stream| {
        !stream.starts_with("kube-apiserver-audit-")
            && OTHERS.iter().any(|start| stream.starts_with(start))
    });
    if other { Translated::Passed("a line of another log") } else { Translated::Carried(carried) }
}

/// Base64, compressed or not: `awslogs.data` of Lambda, `kinesis.data`, `Data` of Kinesis,
/// `data` of Firehose.
fn packed<'a>(object: &Object<'a>) -> Option<Translated<'a>> {
    let inner = object.any_object("awslogs").or_else(|| object.any_object("kinesis"));
    let data = match &inner {
        Some(inner) => inner.text("data")?,
        None => object.text("data").or_else(|| object.text("Data"))?,
    };
    let bytes = STANDARD.decode(data.as_bytes()).ok()?;
    Some(match unzip(bytes) {
        Some((text, cut)) => {
            let mut carried = Carried::new(text, Carrier::Eks);
            carried.cut = cut;
            Translated::Carried(carried)
        }
        None => Translated::Unreadable("packed data that is broken"),
    })
}

/// How much a packed record may hold, in bytes: a record of Kinesis is at most 10 MiB.
const LARGEST: u64 = 64 << 20;

/// The text, and whether it ends early.
fn unzip(bytes: Vec<u8>) -> Option<(String, bool)> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Some((String::from_utf8(bytes).ok()?, false));
    }
    let mut text = Vec::new();
    let cut = MultiGzDecoder::new(&*bytes).take(LARGEST).read_to_end(&mut text).is_err();
    let whole = String::from_utf8(text).or_else(|bad| {
        let end = bad.utf8_error().valid_up_to();
        let mut bytes = bad.into_bytes();
        bytes.truncate(if cut { end } else { 0 });
        String::from_utf8(bytes)
    });
    whole.ok().filter(|text| !text.is_empty()).map(|text| (text, cut))
}
