//! docs/keys.md is made from the registry.

use std::path::PathBuf;

use keybook::tui::keymap;

#[test]
fn documents_are_true() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/keys.md");
    let text = keymap::document();
    if std::env::var_os("KEYBOOK_UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let have = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        have == text,
        "docs/keys.md is not what the registry says; KEYBOOK_UPDATE=1 writes it anew"
    );
}
