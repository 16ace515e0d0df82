//! The sources as text: what each file is, without its comments and its tests.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// A file of `src/`.
pub(crate) struct Source {
    /// Below `src/`.
    pub(crate) path: String,
    /// As it stands there.
    pub(crate) text: String,
    /// Without comments and without its test module.
    pub(crate) product: String,
}

/// Every file of `src/` that is part of the product.
pub(crate) fn sources() -> Vec<Source> {
    tracked_texts()
        .into_iter()
        .filter_map(|(path, text)| {
            let path = path.strip_prefix("src/").filter(|path| path.ends_with(".rs"))?.to_owned();
            let is_test = path.ends_with("tests.rs") || path.contains("/tests/");
            (!is_test).then(|| Source { product: product(&text), path, text })
        })
        .collect()
}

/// Every text file that git tracks, by its path.
pub(crate) fn tracked_texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git").arg("ls-files").current_dir(root).output().unwrap();
    assert!(listed.status.success(), "the sources are not a git work tree");
    String::from_utf8(listed.stdout)
        .unwrap()
        .lines()
        // What was deleted and not yet committed, and what is no text, has nothing to say.
        .filter_map(|path| Some((path.to_owned(), fs::read_to_string(root.join(path)).ok()?)))
        .collect()
}

impl Source {
    /// Whether its path begins with one of these.
    pub(crate) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// Whether it is the crate's root, which names everything.
    pub(crate) fn is_root(&self) -> bool {
        matches!(self.path.as_str(), "lib.rs" | "main.rs")
    }

    /// The module of the house that it belongs to.
    pub(crate) fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Whether it names a crate in a path.
    pub(crate) fn names_crate(&self, name: &str) -> bool {
        let path = format!("{name}::");
        let is_whole = |(position, _): (usize, &str)| {
            let before = self.product[..position].chars().next_back();
            before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':'))
        };
        self.product.match_indices(&path).any(is_whole)
            || self.product.contains(&format!("use {name};"))
    }

    /// The modules of the house that it names after `crate::`.
    pub(crate) fn modules_named(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (position, prefix) in self.product.match_indices("crate::") {
            let rest = &self.product[position + prefix.len()..];
            match rest.strip_prefix('{') {
                None => names.extend(word(rest)),
                Some(list) => names.extend(heads(list)),
            }
        }
        names
    }
}

/// The first word of each item of a list in braces, its own lists left out.
fn heads(list: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut is_head) = (1, true);
    for (position, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => is_head = true,
            c if is_head && c.is_alphabetic() => {
                heads.extend(word(&list[position..]));
                is_head = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let word = &text[..end];
    // Macros and types at the root are not modules.
    word.starts_with(|c: char| c.is_lowercase()).then(|| word.to_owned())
}

fn product(text: &str) -> String {
    let product = match text.find("#[cfg(test)]\nmod tests {") {
        Some(end) => &text[..end],
        None => text,
    };
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    product.lines().filter(is_code).map(|line| format!("{line}\n")).collect()
}

/// Whether a name is in lower case with underscores.
pub(crate) fn is_snake_case(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
