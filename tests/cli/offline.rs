//! What needs no cluster: help, settings, completions, the manual page.

use super::Home;

#[test]
fn help_and_version() {
    let home = Home::new();
    let help = home.run(&["--help"]).ends_with(0);
    insta::assert_snapshot!("help", help.out);
    let version = home.run(&["--version"]).ends_with(0);
    assert_eq!(version.out, format!("keybook {}\n", env!("CARGO_PKG_VERSION")));
    for command in ["who", "show", "can", "who-can", "check", "findings", "snapshot", "info"] {
        let help = home.run(&[command, "--help"]).ends_with(0);
        assert!(help.out.contains("--from <PATH>"), "{command}");
    }
}

#[cfg(unix)]
#[test]
fn as_a_plugin_it_is_kubectl_keybook() {
    let home = Home::new();
    let plugin = home.path().join("kubectl-keybook");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_keybook"), &plugin).expect("linked");
    let output = std::process::Command::new(&plugin).args(["who", "--help"]).output();
    let text = String::from_utf8(output.expect("it runs").stdout).expect("text");
    assert!(text.contains("Usage: kubectl keybook who"), "{text}");
}

#[test]
fn info_says_where_every_setting_came_from() {
    let home = Home::new();
    let config = home.put("config.toml", "idle_days = 30\nwrong = 1\n");
    let policy = home.put("policy.toml", "require_coverage = 60\n");
    let output = home
        .command(&["info", "--policy", &policy, "-o", "json", "--groups", "jane=ops"])
        .env("KEYBOOK_CONFIG", &config)
        .env("NO_COLOR", "1")
        .output()
        .expect("it runs");
    let run = super::Run::from(output).ends_with(0);
    let json = run.json();
    let setting = |name: &str| {
        json["settings"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|row| row["name"] == name)
            .cloned()
            .unwrap_or_else(|| panic!("{name}: {json}"))
    };
    assert_eq!(setting("idle_days")["value"], "30");
    assert_eq!(setting("idle_days")["origin"], format!("{config}:1"));
    assert_eq!(setting("require_coverage")["origin"], format!("{policy}:1"));
    assert_eq!(setting("color")["origin"], "NO_COLOR");
    assert_eq!(setting("readonly")["origin"], "default");
    assert_eq!(setting("groups of jane")["origin"], "--groups");
    assert!(run.err.contains("config.toml:2: \"wrong\" is not known"), "{}", run.err);
    let text = home.run(&["info"]).ends_with(0);
    assert!(text.out.starts_with("keybook "), "{}", text.out);
    home.run(&["info", "--policy", "gone.toml"]).ends_with(2);
}

#[test]
fn completions_and_manual_pages() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = home.run(&["completions", shell]).ends_with(0);
        assert!(run.out.contains("who-can"), "{shell}");
    }
    let page = home.run(&["man"]).ends_with(0);
    assert!(page.out.contains(".TH keybook"), "{}", page.out);
    let page = home.run(&["man", "who"]).ends_with(0);
    assert!(page.out.contains("keybook who") || page.out.contains("keybook\\-who"), "{}", page.out);
}
