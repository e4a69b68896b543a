//! Sessions of a cloud role: people's, tools' and pipelines'.

use super::*;

#[test]
fn sessions_of_a_cloud_role_name_people() {
    let two = Log::new("user:admins")
        .work(("session:ana@corp.example", MAC, HOME), 0..20)
        .work(("session:bo@corp.example", MAC, OFFICE), 500..520);
    assert_eq!(two.signs(), [("sessions", 60)]);
    let programs = Log::new("user:builds")
        .work(("session:botocore-session-1777885811", LINUX, HOME), 0..20)
        .work(("session:botocore-session-1777889999", LINUX, OFFICE), 500..520);
    assert_eq!(programs.signs(), []);
}

#[test]
fn whose_sessions_they_are_their_use_says() {
    let two = |names: [&str; 2], agent: &str| {
        let [one, other] = names.map(|name| format!("session:{name}"));
        Log::new("user:admins")
            .work((&one, agent, HOME), 0..20)
            .work((&other, agent, OFFICE), 500..520)
            .signs()
    };
    assert_eq!(two(["e1000234", "e1000777"], MAC), [("sessions", 60)]);
    assert_eq!(two(["e1000234", "e1000777"], LINUX), [("sessions", 25)]);
    assert_eq!(two(["deploy-api", "cleanup-jobs"], "python-requests/2.32"), []);
    assert_eq!(two(["jenkins", "terraform-cloud"], LINUX), []);
    // What a program calls its session is no person's name, on whatever system: one person's, anew each
    // time, or two runners'.
    let windows = "kubectl/v1.36.1 (windows/amd64) kubernetes/b1d5cc9";
    for agent in [MAC, windows, K9S] {
        for names in [
            ["botocore-session-1777885811", "botocore-session-1777889999"],
            ["aws-sdk-go-v2-1", "GitHubActions"],
            ["terraform-cloud", "ana@corp.example"],
            ["EKSGetTokenAuth", "ana"],
        ] {
            assert_eq!(two(names, agent), [], "{names:?} by {agent}");
        }
    }
    assert_eq!(two(["ana@corp.example", "ANA@corp.example"], MAC), []);
    assert_eq!(two(["ana@corp.example", "ana"], MAC), []);
    // One who writes the name short on another day; it is another's elsewhere, or at once.
    let short = |from: &str, start: i64| {
        Log::new("user:admins")
            .work(("session:ana.lopez@corp.example", MAC, HOME), 0..20)
            .also(("session:alopez", MAC, from), start..start + 20)
            .work(("session:ana.lopez@corp.example", MAC, HOME), 1500..1520)
            .signs()
    };
    assert_eq!(short(HOME, 500), []);
    assert_eq!(short(OFFICE, 500), [("sessions", 60)]);
    assert!(short(HOME, 2).contains(&("sessions", 60)));
    // One session at two places at once is as one account there.
    let one = |log: Log| log.work(("session:ana", MAC, HOME), 0..60);
    let both = one(Log::new("user:admins")).also(("session:ana", LINUX, OFFICE), 2..62);
    assert_eq!(both.signs(), [("machines", 35), ("addresses", 20)]);
}

#[test]
fn parallel_jobs_in_sessions_of_one_role_are_nobody() {
    let two = |names: [&str; 2], other: &str| {
        let [one, another] = names.map(|name| format!("session:{name}"));
        Log::new("user:ci-role")
            .work((&one, LINUX, "10.3.0.1"), 0..60)
            .also((&another, other, "10.3.0.2"), 2..62)
    };
    let arm = "kubectl/v1.35.4 (linux/arm64) kubernetes/0f17c7b";
    for names in [
        ["build-1", "build-2"],
        ["GitHubActions", "GitHubActions"],
        ["i-0abc0000000000001", "i-0abc0000000000002"],
        ["gha-deploy-1-1", "gha-deploy-1-2"],
        ["jenkins", "terraform-cloud"],
    ] {
        for agent in [OTHER_LINUX, arm] {
            assert_eq!(two(names, agent).signs(), [], "{names:?} {agent}");
        }
        // At a desktop there is somebody.
        assert!(two(names, MAC).behind().is_shared(), "{names:?}");
    }
    // People, by their names, by numbers, and by what their tools call all sessions.
    for names in [
        ["ana", "bo"],
        ["e1000234", "e1000777"],
        ["emp-1001", "emp-1002"],
        ["EKSGetTokenAuth", "EKSGetTokenAuth"],
        ["botocore-session-1777885811", "botocore-session-1777889999"],
        // One of them is enough.
        ["build-1", "ana"],
    ] {
        assert!(two(names, OTHER_LINUX).behind().is_shared(), "{names:?}");
    }
}
