//! Places to fill in, which are marked by square brackets: finds them, fills them in, and lists the open
//! ones.

use super::answers::place_of;
use crate::{config::ProductionAccess, plural};
use std::{collections::BTreeMap, fmt::Write, ops::Range, path::Path};

/// The places in a text: words in square brackets that begin with two capitals and are not a link.
///
/// A hyphen may be between the capitals. The returned range includes the brackets.
fn places(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find('[').map(|at| from + at) {
        from = start + 1;
        let Some(end) = text[from..].find(']').map(|at| from + at) else { break };
        let inner = &text[from..end];
        let mut letters = inner.bytes().filter(|byte| *byte != b'-').take(2);
        let is_place = inner.len() > 1
            && letters.all(|byte| byte.is_ascii_uppercase())
            && !inner.contains('[')
            && !text[end + 1..].starts_with('(');
        if is_place {
            // A place may span several lines; in a quotation, each line begins with `>`.
            let words = inner.split_whitespace().filter(|word| *word != ">");
            found.push((start..end + 1, words.collect::<Vec<_>>().join(" ")));
            from = end + 1;
        }
    }
    found
}

/// The text with the known answers in their places; other places stay as they are.
pub(super) fn fill(template: &str, answers: &BTreeMap<String, String>) -> String {
    let (mut text, mut end) = (String::new(), 0);
    for (range, words) in places(template) {
        text += &template[end..range.start];
        text += answers.get(&words).map_or(&template[range.clone()], String::as_str);
        end = range.end;
    }
    text + &template[end..]
}

/// The paper that lists the open places, and their number.
pub(super) struct OpenList {
    pub(super) text: String,
    pub(super) count: usize,
}

/// Lists the open places of the papers as they are now in the folder.
pub(super) fn open_list(papers: &BTreeMap<&str, String>, folder: &Path) -> OpenList {
    let keys = keys();
    let (mut lists, mut count) = (String::new(), 0);
    for (name, paper) in papers.iter().filter(|(name, _)| name.ends_with(".md")) {
        let places = places(paper);
        if places.is_empty() {
            continue;
        }
        count += places.len();
        // Writing to a String cannot fail.
        let _ = writeln!(lists, "\n## {name}: {}\n", places.len());
        for (range, words) in places {
            let line = 1 + paper[..range.start].matches('\n').count();
            let hint = match (keys.get(&words), hint(&words)) {
                (Some(key), _) => format!(": `{key}` in `[production_access]`"),
                (None, hint) => hint.map(|hint| format!(": {hint}")).unwrap_or_default(),
            };
            let _ = writeln!(lists, "- [ ] line {line}: {words}{hint}");
        }
    }
    let head = match count {
        0 => "No place of these papers is open.\n".to_owned(),
        count => format!(
            "{} in square brackets. Answer in `payersync.toml`, if a key is named,\n\
             or in the file itself; then run this again:\n\n\
             ```bash\npayersync production-access {}\n```\n",
            plural::count(count, "place"),
            folder.display()
        ),
    };
    OpenList { text: format!("# What is still open\n\n{head}{lists}"), count }
}

/// The hint for a place that a plan's settings answer.
fn hint(words: &str) -> Option<&'static str> {
    Some(match words {
        "CLIENT ID" => "`client_id` of the plan, from the Dev Portal",
        "REDIRECT URLS" => "`redirect_url` of a plan",
        "HTTPS REDIRECT URLS" => "`redirect_url` of the plan, on https and registered",
        "SCOPES" | "TYPES" => "needs a plan in `payersync.toml`",
        "VAULT KEY" => {
            "a key lies in the home, with the vault; move it elsewhere (docs/vault-key.md)"
        }
        "ENCRYPTION" => "it depends on the warehouse's file; run again after the first sync",
        _ => return None,
    })
}

/// The keys of `[production_access]`, each under the bracketed words that its answer replaces.
fn keys() -> BTreeMap<String, String> {
    let keys = ProductionAccess::keys();
    keys.into_iter().map(|key| (place_of(&key), key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_over_lines_and_filled_where_an_answer_is_known() {
        let text = "# [APPLICATION]\n- [ ] a box, a [link](x.md), [README](y.md), [plans.acme]\n\
                    > [WHICH\n> MACHINE] and [COST] [OPEN";
        let words: Vec<_> = places(text).into_iter().map(|(_, words)| words).collect();
        assert_eq!(words, ["APPLICATION", "WHICH MACHINE", "COST"]);
        let answers = BTreeMap::from([
            ("APPLICATION".to_owned(), "Übersicht [x]".to_owned()),
            ("COST".to_owned(), "free".to_owned()),
        ]);
        let filled = fill(text, &answers);
        assert!(filled.starts_with("# Übersicht [x]\n- [ ] a box"), "{filled}");
        assert!(filled.ends_with("> [WHICH\n> MACHINE] and free [OPEN"), "{filled}");
        let open = open_list(&BTreeMap::from([("a.md", filled)]), Path::new("pack"));
        assert_eq!(open.count, 1);
        assert!(open.text.contains("\npayersync production-access pack\n"), "{}", open.text);
        assert!(
            open.text.contains("\n## a.md: 1\n\n- [ ] line 3: WHICH MACHINE\n"),
            "{}",
            open.text
        );
    }
}
