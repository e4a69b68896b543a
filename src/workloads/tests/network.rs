//! What rules of policies let through together.

use super::IsolationState::{AllAllowed, Isolated, NotKnown, Open};
use super::*;

/// How a pod stands in both directions, in a cluster whose pods have such addresses.
fn state(ips: &[&str], policies: &[Value]) -> (IsolationState, IsolationState) {
    let mut running = pod("p", &json!({}), &mounted());
    let ips: Vec<Value> = ips.iter().map(|ip| json!({ "ip": ip })).collect();
    running["status"]["podIPs"] = json!(ips);
    let made = |(at, spec): (usize, &Value)| policy(&format!("n{at}"), spec);
    let world = world().object(&running);
    let world = policies.iter().enumerate().map(made).fold(world, |w, one| w.object(&one));
    let found = all(&world);
    (found[0].isolation.ingress, found[0].isolation.egress)
}

const BOTH: [&str; 2] = ["10.1.0.9", "fd00::9"];
const FOUR: [&str; 1] = ["10.1.0.9"];
const SIX: [&str; 1] = ["fd00::9"];

fn block(cidr: &str) -> Value {
    json!({"ipBlock": {"cidr": cidr}})
}

fn but(cidr: &str, except: &[&str]) -> Value {
    json!({"ipBlock": {"cidr": cidr, "except": except}})
}

fn ingress(from: &Value) -> Value {
    json!({"podSelector": {}, "ingress": [{"from": from}]})
}

#[test]
fn rules_for_all_addresses_isolate_nothing() {
    let both = ingress(&json!([block("0.0.0.0/0"), block("::/0")]));
    assert_eq!(state(&BOTH, &[both]).0, AllAllowed);
    assert_eq!(state(&BOTH, &[ingress(&json!([block("0.0.0.0/0")]))]).0, Isolated);
    let some = json!([but("0.0.0.0/0", &["10.0.0.0/8"]), block("::/0")]);
    assert_eq!(state(&BOTH, &[ingress(&some)]).0, Isolated);
    // What several policies let through adds up.
    let parts = [ingress(&json!([block("0.0.0.0/0")])), ingress(&json!([block("::/0")]))];
    assert_eq!(state(&BOTH, &parts).0, AllAllowed);
    let halves = ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"].map(block);
    let egress = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": halves}]});
    assert_eq!(state(&BOTH, &[egress]), (Open, AllAllowed));
    let one_port = json!({"podSelector": {}, "ingress": [{"ports": [{"port": 80}],
        "from": [block("0.0.0.0/0"), block("::/0")]}]});
    assert_eq!(state(&BOTH, &[one_port]).0, Isolated);
}

#[test]
fn the_addresses_of_pods_say_which_versions_of_ip_there_are() {
    let to = |cidr: &str| json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [block(cidr)]}]});
    let egress = |ips: &[&str], cidr: &str| state(ips, &[to(cidr)]).1;
    assert_eq!(egress(&FOUR, "0.0.0.0/0"), AllAllowed);
    assert_eq!(egress(&FOUR, "::/0"), Isolated);
    assert_eq!(egress(&FOUR, "0.0.0.0/1"), Isolated);
    assert_eq!(egress(&SIX, "::/0"), AllAllowed);
    assert_eq!(egress(&SIX, "0.0.0.0/0"), Isolated);
    assert_eq!(egress(&BOTH, "0.0.0.0/0"), Isolated);
    // No pod says so.
    for ips in [&[][..], &["nonsense"]] {
        assert_eq!(egress(ips, "0.0.0.0/0"), NotKnown);
        assert_eq!(egress(ips, "::/0"), NotKnown);
        assert_eq!(egress(ips, "10.0.0.0/8"), Isolated);
    }
    // Of a pod with the node's network they are the node's.
    let mut host =
        pod("h", &json!({}), &json!({"hostNetwork": true, "containers": [{"name": "c"}]}));
    host["status"]["podIPs"] = json!([{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}]);
    let mut plain = pod("p", &json!({}), &mounted());
    plain["status"]["podIPs"] = json!([{"ip": "10.1.0.9"}]);
    let world = world().object(&host).object(&policy("n", &to("0.0.0.0/0")));
    assert_eq!(all(&world.object(&plain))[0].isolation.egress, AllAllowed);
}

#[test]
fn what_one_rule_leaves_out_another_may_let_through() {
    let of = |rules: Value| state(&FOUR, &[json!({"podSelector": {}, "ingress": rules})]).0;
    let but_ten = but("0.0.0.0/0", &["10.0.0.0/8"]);
    assert_eq!(of(json!([{"from": [but_ten]}])), Isolated);
    assert_eq!(of(json!([{"from": [but_ten]}, {"from": [block("10.0.0.0/8")]}])), AllAllowed);
    // All of it but one address; and what two leave out, each of which the other lets through.
    let near = but("10.0.0.0/8", &["10.255.255.255/32"]);
    assert_eq!(of(json!([{"from": [but_ten, near]}])), Isolated);
    let but_other = but("0.0.0.0/0", &["192.168.0.0/16"]);
    assert_eq!(of(json!([{"from": [but_ten, but_other]}])), AllAllowed);
    let lower = but("0.0.0.0/0", &["10.128.0.0/9", "10.0.0.0/16"]);
    assert_eq!(of(json!([{"from": [but_ten, lower]}])), Isolated);
    // Ports and addresses together: each half of the addresses on every port, by several rules.
    let protocols = |first: u16, last: u16| {
        ["TCP", "UDP", "SCTP"].map(|of| json!({"protocol": of, "port": first, "endPort": last}))
    };
    let split = json!([{"from": [block("0.0.0.0/1")]},
        {"from": [block("128.0.0.0/1")], "ports": protocols(1, 1000)},
        {"ports": protocols(1001, 65535)}]);
    assert_eq!(of(split), AllAllowed);
    let gap = json!([{"from": [block("0.0.0.0/1")]},
        {"from": [block("128.0.0.0/1")], "ports": protocols(1, 1000)},
        {"ports": protocols(1002, 65535)}]);
    assert_eq!(of(gap), Isolated);
    // What cannot be read lets nothing through.
    for bad in [json!(["10.0.0.0/99"]), json!([7]), json!("10.0.0.0/8")] {
        let block = json!({"ipBlock": {"cidr": "0.0.0.0/0", "except": bad}});
        assert_eq!(of(json!([{"from": [block]}])), Isolated, "{bad}");
    }
    let none = json!({"ipBlock": {"cidr": "0.0.0.0/0", "except": null}});
    assert_eq!(of(json!([{"from": [none]}])), AllAllowed);
}
