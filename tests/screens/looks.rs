//! Themes and colours on real screens.

use keybook::tui::effect::Msg;
use keybook::tui::theme::{Depth, Theme};
use ratatui::style::Color;

use super::SMALL;
use super::support::stage::{Stage, lines};
use super::support::{invented, shared};

fn stage_with(theme: &str, depth: Depth) -> Stage {
    let mut stage = Stage::new(&invented::whole(), SMALL);
    stage.state.depth = depth;
    stage.state.theme = Theme::built_in(theme).unwrap().at(depth);
    stage
}

#[test]
fn without_colours_nothing_is_coloured_and_everything_still_said() {
    let stage = stage_with("default", Depth::None);
    let plain = stage.buffer();
    for cell in &plain.content {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
    // The words and signs are the same as in colour.
    assert_eq!(stage.text(), Stage::new(&invented::whole(), SMALL).text());
    // The row of the cursor has a bar of its own.
    assert!(stage.text().contains('▌'));
}

#[test]
fn a_wizard_says_without_colours_what_it_says_with_them() {
    for (command, key) in [("show sa:ci/deployer", "n"), ("show user:ops", "s")] {
        for size in [SMALL, (200, 50)] {
            let look = |depth: Depth| {
                let mut stage = Stage::new(&shared::book(), size);
                stage.state.depth = depth;
                stage.state.theme = Theme::built_in("default").unwrap().at(depth);
                stage.command(command).keys(key).keys("j l");
                (stage.text(), stage.buffer())
            };
            let (text, plain) = look(Depth::None);
            assert!(
                plain.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset))
            );
            assert_eq!(text, look(Depth::Full).0);
            // The choice under the cursor has a bar and its arrows, whatever the colours.
            assert!(text.contains('▌'), "{text}");
        }
    }
}

#[test]
fn a_theme_with_a_ground_paints_all_of_it() {
    for theme in ["harbour", "ember", "paper"] {
        let mut stage = stage_with(theme, Depth::Full);
        for keys in ["", "?", "esc enter w", "esc esc :"] {
            stage.keys(keys);
            for (_, style) in lines(&stage.buffer()).flatten() {
                assert!(matches!(style.bg, Some(Color::Rgb(..))), "{theme} after {keys}");
            }
        }
    }
}

#[test]
fn a_theme_can_be_chosen_while_running() {
    let mut stage = stage_with("default", Depth::Full);
    stage.command("theme paper");
    assert_eq!(stage.state.theme.name, "paper");
    stage.command("theme nosuch");
    assert_eq!(stage.state.theme.name, "paper");
    assert!(stage.text().contains("no theme nosuch"), "{}", stage.text());
    stage.send(Msg::Resize(60, 20));
    let buffer = stage.buffer();
    assert!(lines(&buffer).flatten().all(|(_, style)| matches!(style.bg, Some(Color::Rgb(..)))));
}

#[test]
fn the_looks_of_themes() {
    for theme in ["harbour", "paper"] {
        insta::assert_snapshot!(format!("theme-{theme}"), stage_with(theme, Depth::Full).styled());
    }
}
