//! docs/configuration.md lists every key of config/payersync.toml. `PAYERSYNC_BLESS=1` writes the
//! lists anew; what is above them is written by hand.

use payersync::config::TEMPLATE;
use std::fs;

const PAGE: &str = "docs/configuration.md";
const MARK: &str = "<!-- From here on made from config/payersync.toml. -->\n";

/// Key and default of a line such as `#page_size = 100`, and whether the default is an example.
fn key(line: &str) -> Option<(&str, &str, bool)> {
    let text = line.strip_prefix('#').unwrap_or(line);
    let (key, value) = text.split_once(" = ")?;
    let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_key.then_some((key, value, !line.starts_with('#')))
}

/// The sections with their keys as tables.
fn lists() -> String {
    let mut text = String::new();
    let mut said: Vec<&str> = Vec::new();
    let mut is_listing = false;
    for line in TEMPLATE.lines() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            text += &format!("\n## `[{section}]`\n");
            if !said.is_empty() {
                text += &format!("\n{}\n", said.join("\n"));
            }
            (said, is_listing) = (Vec::new(), false);
        } else if let Some((key, value, is_set)) = key(line) {
            if !is_listing {
                text += "\n| key | as in the file | what |\n|---|---|---|\n";
                is_listing = true;
            }
            let what =
                if said.is_empty() { "see the key above".to_owned() } else { said.join(" ") };
            let set = if is_set { "set: " } else { "" };
            text += &format!("| `{key}` | {set}`{value}` | {} |\n", what.replace('|', "\\|"));
            said.clear();
        } else if line.is_empty() {
            // What stands alone at the top says how to read the file.
            if !said.is_empty() && text.is_empty() {
                text += &format!("\n{}\n", said.join("\n"));
            }
            (said, is_listing) = (Vec::new(), false);
        } else {
            said.push(line.trim_start_matches('#').trim_start());
        }
    }
    // The sections of connections, of which the file has an example alone.
    let (first, example) = said.split_first().unwrap();
    format!("{text}\n## `[connections.NAME]`\n\n{first}\n\n```toml\n{}\n```\n", example.join("\n"))
}

#[test]
fn the_configuration_page_lists_every_key_of_the_file() {
    let written = fs::read_to_string(PAGE).unwrap();
    let (head, below) = written.split_once(MARK).unwrap();
    let made = lists();
    for key in TEMPLATE.lines().filter_map(key) {
        assert!(made.contains(&format!("| `{}` |", key.0)), "{}", key.0);
    }
    assert!(made.matches("| `").count() > 60, "{made}");
    if std::env::var("PAYERSYNC_BLESS").is_ok_and(|value| value == "1") {
        return fs::write(PAGE, format!("{head}{MARK}{made}")).unwrap();
    }
    assert!(below == made, "{PAGE} is not current, PAYERSYNC_BLESS=1 writes it");
}
