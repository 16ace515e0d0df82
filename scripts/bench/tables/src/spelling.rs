//! FHIRPath spelled for octofhir-sof: the same expressions, in words that it can read.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

/// Spells every path of a view as octofhir-sof can read it.
pub fn spell(view: &mut Json) {
    paths(view, &mut |path| *path = spelled(path));
}

/// The paths of a view's columns by name, whichever part of it has them; the last one of several branches.
pub fn columns(part: &Json, found: &mut HashMap<String, String>) {
    match part {
        Json::Array(parts) => parts.iter().for_each(|part| columns(part, found)),
        Json::Object(members) => {
            for column in part["column"].as_array().into_iter().flatten() {
                let text = |name: &str| column[name].as_str().unwrap_or_default().to_owned();
                found.insert(text("name"), text("path"));
            }
            members.values().for_each(|part| columns(part, found));
        }
        _ => {}
    }
}

/// The names of members that octofhir-sof looks for.
pub struct Steps<'a> {
    /// Those that the paths of one view name.
    pub asked: HashSet<String>,
    /// Those of elements that have one name per type, in any view: `valueString`.
    pub choices: &'a HashSet<String>,
}

impl<'a> Steps<'a> {
    pub fn new(view: &Json, choices: &'a HashSet<String>) -> Self {
        let mut asked = self::choices(view);
        each_step(view, |name, kind| {
            if kind.is_none() {
                asked.insert(name.to_owned());
            }
        });
        Self { asked, choices }
    }
}

/// The members of which a view asks one type: `valueString` for `value.ofType(string)`.
pub fn choices(view: &Json) -> HashSet<String> {
    let mut found = HashSet::new();
    each_step(view, |name, kind| {
        if let Some((first, others)) = kind.map(|kind| kind.split_at(1)) {
            found.insert(format!("{name}{}{others}", first.to_uppercase()));
        }
    });
    found
}

/// Every word of a view's paths, with the type that `ofType` after it asks for.
fn each_step(view: &Json, mut visit: impl FnMut(&str, Option<&str>)) {
    paths(&mut view.clone(), &mut |path| {
        let tokens: Vec<&str> = tokens(path).collect();
        for (at, token) in tokens.iter().enumerate() {
            match tokens[at + 1..] {
                [".", "ofType", "(", kind, ..] => visit(token, Some(kind)),
                _ => visit(token, None),
            }
        }
    });
}

fn paths(part: &mut Json, change: &mut impl FnMut(&mut String)) {
    match part {
        Json::Array(parts) => parts.iter_mut().for_each(|part| paths(part, change)),
        Json::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("path" | "forEach" | "forEachOrNull", Json::String(path)) => change(path),
                    ("repeat", Json::Array(repeated)) => {
                        for path in repeated {
                            if let Json::String(path) = path {
                                change(path);
                            }
                        }
                    }
                    (_, value) => paths(value, change),
                }
            }
        }
        _ => {}
    }
}

/// The same FHIRPath, spelled around three faults.
///
/// octofhir-sof takes `%context` for a constant of the view, and `noteNumber` for `not eNumber`: between
/// backticks they are the same names. It takes `contained.ofType(X)` for a member `containedX`.
fn spelled(path: &str) -> String {
    let mut out = String::new();
    let mut tokens = tokens(path);
    while let Some(token) = tokens.next() {
        let is_variable = out.ends_with('%') && token == "context";
        if is_variable || (token.starts_with("not") && token != "not") {
            out.extend(["`", token, "`"]);
        } else if token == "contained" {
            out.push_str(token);
            let rest: Vec<&str> = tokens.clone().take(5).collect();
            if let [".", "ofType", "(", kind, ")"] = rest[..] {
                out.push_str(&format!(".where(resourceType = '{kind}')"));
                tokens.by_ref().take(5).for_each(drop);
            }
        } else {
            out.push_str(token);
        }
    }
    out
}

/// Texts between quotes, words, and every other character on its own.
fn tokens(path: &str) -> impl Iterator<Item = &str> + Clone {
    let mut rest = path;
    std::iter::from_fn(move || {
        let next = rest.chars().next()?;
        let is_word = |it: char| it.is_alphanumeric() || it == '_';
        let length = match next {
            '\'' | '`' => rest[1..].find(next).map_or(rest.len(), |end| end + 2),
            _ if is_word(next) => rest.find(|it| !is_word(it)).unwrap_or(rest.len()),
            _ => next.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(token)
    })
}
