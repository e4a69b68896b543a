//! Secrets, of which nothing but metadata is ever read.

use super::*;

#[test]
fn a_token_secret_goes_and_comes_back_without_its_data_being_read() {
    block_on(async {
        let cluster = cluster().await;
        let account = json!({"kind": "ServiceAccount", "metadata": {"name": "bot"}});
        cluster
            .create("/api/v1/namespaces/n/serviceaccounts", &account, DryRun::No)
            .await
            .expect("create");
        let secret = json!({"kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "bot-token", "labels": {"team": "ops"},
                "annotations": {"kubernetes.io/service-account.name": "bot"}},
            "data": {"extra": "aHVudGVyMg=="}});
        let at = "/api/v1/namespaces/n/secrets";
        cluster.create(at, &secret, DryRun::No).await.expect("create");
        let path = format!("{at}/bot-token");
        let labels =
            async || cluster.metadata(&path).await.expect("there")["metadata"]["labels"].clone();
        let desk = Desk::new();
        let first = plan(&cluster, &["quarantine:n/bot-token"]).await;
        let (_, ended) = apply(&desk, &cluster, &first).await.expect("applied");
        assert_eq!(ended, Ended::Done(Vec::new()));
        let invalid = "kubernetes.io/legacy-token-invalid-since";
        assert_eq!(labels().await, json!({"team": "ops", invalid: "2026-03-31"}));
        // Somebody tries it, which the API server notes.
        let used =
            json!({"metadata": {"labels": {"kubernetes.io/legacy-token-last-used": "2026-04-02"}}});
        cluster.patch(&path, &used, DryRun::No).await.expect("patch");
        let made = desk.history().runs[&1].made();
        let seen = verify(&cluster, &first, &made, Duration::ZERO).await.expect("answers");
        assert_eq!(seen, []);
        assert_eq!(undo(&desk, &cluster, 1).await, Ended::Done(Vec::new()));
        let kept = json!({"team": "ops", "kubernetes.io/legacy-token-last-used": "2026-04-02"});
        assert_eq!(labels().await, kept);

        let plan = plan(&cluster, &["secret:n/bot-token"]).await;
        assert!(!plan.value().to_string().contains("aHVudGVyMg"));
        let desk = Desk::new();
        let (_, ended) = apply(&desk, &cluster, &plan).await.expect("applied");
        assert_eq!(ended, Ended::Done(Vec::new()));
        assert!(cluster.metadata(&format!("{at}/bot-token")).await.is_err());
        assert_eq!(undo(&desk, &cluster, 1).await, Ended::Done(Vec::new()));
        let back = cluster.metadata(&format!("{at}/bot-token")).await.expect("there");
        assert_eq!(back["metadata"]["labels"], json!({"team": "ops"}));
        let text = std::fs::read_to_string(&desk.path).expect("the journal");
        assert!(!text.contains("aHVudGVyMg"));
    });
}

/// Not in the plan, not in the journal, neither in what is read nor in what a write gives back.
#[test]
fn what_appliers_note_on_a_secret_is_in_no_plan_and_no_journal() {
    block_on(async {
        let cluster = cluster().await;
        let account = json!({"kind": "ServiceAccount", "metadata": {"name": "bot"}});
        cluster
            .create("/api/v1/namespaces/n/serviceaccounts", &account, DryRun::No)
            .await
            .expect("create");
        let whole = "{\"data\":{\"token\":\"aHVudGVyMg==\"}}";
        let secret = json!({"kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "bot-token", "annotations": {
                "kubernetes.io/service-account.name": "bot", "meta.helm.sh/release-name": "bots",
                "kapp.k14s.io/original": whole, "applier.corp.example/last": whole,
                "kubectl.kubernetes.io/last-applied-configuration": whole}}});
        let at = "/api/v1/namespaces/n/secrets";
        cluster.create(at, &secret, DryRun::No).await.expect("create");
        let desk = Desk::new();
        let plan = plan(&cluster, &["quarantine:n/bot-token"]).await;
        let image = plan.steps[0].before.as_ref().expect("an image");
        assert_eq!(
            image["metadata"]["annotations"],
            json!({"kubernetes.io/service-account.name": "bot", "meta.helm.sh/release-name": "bots"})
        );
        let (_, ended) = apply(&desk, &cluster, &plan).await.expect("applied");
        assert_eq!(ended, Ended::Done(Vec::new()));
        assert_eq!(undo(&desk, &cluster, 1).await, Ended::Done(Vec::new()));
        let journal = std::fs::read_to_string(&desk.path).expect("the journal");
        for text in [plan.value().to_string(), journal] {
            assert!(!text.contains("aHVudGVyMg"), "{text}");
        }
    });
}
