//! Opening, resizing, stopping, ending.

use std::ffi::OsString;
use std::process::Command;

use super::pty::Pty;

/// Signals a process by its number.
fn signal(name: &str, id: u32) {
    let done = Command::new("kill").args([name, &id.to_string()]).status().expect("kill");
    assert!(done.success());
}

fn opened() -> Pty {
    let pty = Pty::keybook(&["demo"]);
    pty.wait_for("gwen@corp.example");
    pty
}

#[test]
fn it_opens_and_ctrl_c_ends_it_at_once_while_a_log_is_read() {
    let pty = opened();
    pty.wait("the alternate screen", vt100::Screen::alternate_screen);
    pty.press("\x03");
    assert_eq!(pty.end(), 0);
}

#[test]
fn keys_work_and_q_on_the_list_does_not_end_it() {
    let pty = opened();
    pty.press("q/annik");
    pty.wait("one row", |screen| !screen.contents().contains("gwen@"));
    // Who holds it by a group is known once the log is read.
    pty.press("a\r");
    pty.wait_for("/ annika");
    pty.wait_for("▌   annika@corp.example");
    pty.press("\r");
    pty.wait_for("User · ");
    pty.press("\x1b[Z");
    pty.wait_for("KNOWN FROM");
    pty.press("?");
    pty.wait_for("Keys and commands");
    pty.press("\x1b");
    pty.wait_for("KNOWN FROM");
    pty.press(":quit\r");
    assert_eq!(pty.end(), 0);
}

/// Nothing but the key wakes the program: no work is out, no log is read, nobody ages.
#[test]
fn every_key_is_answered_when_nothing_else_happens() {
    let pty = opened();
    pty.wait_for("log 90d");
    pty.press("?");
    for at in 0..40 {
        pty.press("\x1b");
        pty.wait("the list", |screen| !screen.contents().contains("Keys and commands"));
        pty.press("?");
        pty.wait(&format!("help, time {at}"), |screen| {
            screen.contents().contains("Keys and commands")
        });
    }
    pty.press("\x03");
    assert_eq!(pty.end(), 0);
}

#[test]
fn what_is_copied_goes_to_the_terminals_clipboard() {
    let pty = opened();
    pty.press("c");
    // user:gwen@corp.example
    pty.wait_for_bytes("\x1b]52;c;dXNlcjpnd2VuQGNvcnAuZXhhbXBsZQ==\x07");
    pty.press("\x03");
    assert_eq!(pty.end(), 0);
}

#[test]
fn every_size_is_drawn() {
    let pty = opened();
    pty.resize(8, 2);
    pty.wait_for("40x10");
    pty.wait("the floor", |screen| !screen.contents().contains("gwen"));
    pty.resize(200, 50);
    pty.wait_for("ADDRESS");
    pty.resize(40, 10);
    pty.wait("a narrow list", |screen| {
        let shown = screen.contents();
        shown.contains("gwen@corp.example") && !shown.contains("ADDRESS")
    });
    pty.press("\x03");
    assert_eq!(pty.end(), 0);
}

/// A key that comes together with a change of size is not left lying until the next one.
#[test]
fn a_key_that_comes_with_a_change_of_size_is_read() {
    let pty = opened();
    for at in 0..100 {
        let wide = at % 2 == 0;
        pty.resize(if wide { 200 } else { 80 }, 24);
        pty.press("?");
        pty.wait(&format!("help, time {at}"), |screen| {
            screen.contents().contains("Keys and commands")
        });
        pty.press("\x1b");
        pty.wait(&format!("the list, time {at}"), |screen| {
            let shown = screen.contents();
            !shown.contains("Keys and commands") && shown.contains("ADDRESS") == wide
        });
    }
    pty.press("\x03");
    assert_eq!(pty.end(), 0);
}

/// A shell that starts keybook as a job, and takes it up again after a line is typed.
fn shell() -> Pty {
    let keybook = env!("CARGO_BIN_EXE_keybook");
    let script = format!("'{keybook}' demo; echo stopped; read line; fg >/dev/null; echo ended $?");
    let words = ["sh", "-m", "-c", &script].map(OsString::from);
    let pty = Pty::start(&words, &[], 80, 24);
    pty.wait_for("gwen@corp.example");
    pty
}

#[test]
fn ctrl_z_gives_the_shell_back_and_fg_returns() {
    let pty = shell();
    pty.press("j\x1a");
    pty.wait_for("stopped");
    pty.wait("the shell's own screen", |screen| {
        !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
    });
    pty.press("\n");
    pty.wait("the list again", |screen| {
        screen.alternate_screen() && screen.contents().contains("gwen@corp.example")
    });
    // All of it was drawn anew, and keys work.
    pty.wait_for("tab tabs");
    pty.press("?");
    pty.wait_for("Keys and commands");
    pty.press("\x03");
    pty.wait_for("ended 0");
    assert_eq!(pty.end(), 0);
}

#[test]
fn a_stop_from_outside_is_the_same() {
    let pty = Pty::keybook(&["demo"]);
    pty.wait_for("gwen@corp.example");
    signal("-TSTP", pty.id());
    // Its parent is in another session, so no shell could wake it: it goes on, and says so.
    pty.wait_for("there is no shell to go back to");
    pty.press("\x03");
    assert_eq!(pty.end(), 0);
}

#[test]
fn signals_end_it_in_order() {
    for (name, code) in [("-TERM", 143), ("-HUP", 129), ("-INT", 130)] {
        let pty = opened();
        signal(name, pty.id());
        assert_eq!(pty.end(), code, "{name}");
    }
}

#[test]
fn what_is_no_terminal_is_refused() {
    let words = [OsString::from(env!("CARGO_BIN_EXE_keybook")), OsString::from("demo")];
    let pty = Pty::start(&words, &[("TERM", "dumb")], 80, 24);
    pty.wait_for("TERM is \"dumb\"");
    assert_eq!(pty.end(), 2);
    let out = Command::new(env!("CARGO_BIN_EXE_keybook")).arg("demo").output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("needs a terminal"));
    assert!(out.stdout.is_empty());
}

#[test]
fn a_theme_that_is_none_is_refused_before_the_screen_opens() {
    let words = ["demo", "--theme", "nosuch"].map(OsString::from);
    let mut all = vec![OsString::from(env!("CARGO_BIN_EXE_keybook"))];
    all.extend(words);
    let pty = Pty::start(&all, &[], 80, 24);
    pty.wait_for("there are default, harbour");
    assert!(!pty.contents().contains("gwen"));
    assert_eq!(pty.end(), 2);
}

#[test]
fn access_is_taken_back_from_the_screen_in_the_demo() {
    let pty = opened();
    pty.press("/gwen\r");
    pty.wait_for("/ gwen");
    pty.press("r");
    pty.wait_for("staged: revoke user:gwen@corp.example");
    pty.press("p");
    pty.wait_for("the API server takes every step");
    pty.press("a");
    pty.wait_for("to apply it, type demo/prod-eu:");
    pty.press("demo/prod-eu\r");
    pty.wait_for("run 1 is done");
    // The list follows the cluster.
    pty.press("\x1b");
    pty.wait("gwen without access", |screen| {
        let shown = screen.contents();
        !shown.contains("run 1 is done") && !shown.contains("cluster-admin")
    });
    // And it is given back.
    pty.press(":journal\r");
    pty.wait_for("mira@corp.example 1/1 done revoke");
    pty.wait_for("   user:gwen@corp.example");
    pty.press(":undo 1\r");
    pty.wait_for("undoes run 1");
    pty.press("a");
    pty.wait_for("to apply it, type demo/prod-eu:");
    pty.press("demo/prod-eu\r");
    pty.wait_for("run 2 is done");
    pty.press("qq");
    pty.wait_for("cluster-admin");
    pty.press("\x03");
    assert_eq!(pty.end(), 0);
}
