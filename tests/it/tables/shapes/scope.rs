//! What a shape is filled with: the words in braces, and where each comes from.

use crate::support::article;
use serde_json::{Map, Value};
use std::{cell::RefCell, collections::BTreeMap, collections::BTreeSet, rc::Rc};

/// What every shape may ask for, whoever uses it.
#[derive(Default)]
pub(super) struct Vocabulary {
    /// The spellings of a code system or extension, by our name for it.
    pub(super) spellings: BTreeMap<String, Vec<String>>,
    /// The main table of a FHIR type and what one of its rows is called.
    pub(super) types: BTreeMap<String, (String, String)>,
}

/// The words of one use of a shape: the arguments, the words of the table, and the shape's defaults.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    vocabulary: &'a Vocabulary,
    words: BTreeMap<String, Value>,
    defaults: Option<&'a Map<String, Value>>,
    asked: Rc<RefCell<BTreeSet<String>>>,
}

impl<'a> Scope<'a> {
    /// The words that a table itself has: `resource`, `table` (the main one of its type), `noun`.
    pub(super) fn of_table(
        vocabulary: &'a Vocabulary,
        resource: &str,
    ) -> Result<Scope<'a>, String> {
        let Some((table, noun)) = vocabulary.types.get(resource) else {
            return Err(format!("no file gives the noun of {resource}"));
        };
        let words = [("resource", resource), ("table", table), ("noun", noun)];
        let words = words.map(|(name, word)| (name.to_owned(), Value::from(word)));
        Ok(Scope { vocabulary, words: words.into(), defaults: None, asked: Rc::default() })
    }

    /// The scope inside a shape. Without `as`, the columns are named after the path `at`.
    pub(super) fn inside(
        &self,
        defaults: &'a Map<String, Value>,
        arguments: Map<String, Value>,
    ) -> Scope<'a> {
        let mut words: BTreeMap<_, _> = ["resource", "table", "noun"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), self.words.get(name)?.clone())))
            .collect();
        if let Some(Value::String(path)) = arguments.get("at") {
            words.insert("as".to_owned(), Value::from(column_name(path)));
        }
        words.extend(arguments);
        Scope { words, defaults: Some(defaults), asked: Rc::default(), ..*self }
    }

    /// The same scope, with another word in place of `name`.
    pub(super) fn with(&self, name: &str, word: Value) -> Scope<'a> {
        let mut scope = self.clone();
        scope.words.insert(name.to_owned(), word);
        scope
    }

    /// Whether the shape has asked for a word.
    pub(super) fn has_asked_for(&self, name: &str) -> bool {
        self.asked.borrow().contains(name)
    }

    /// An argument as it was given, or a default with its own words filled in.
    pub(super) fn word(&self, name: &str) -> Result<Value, String> {
        self.asked.borrow_mut().insert(name.to_owned());
        if let Some(word) = self.words.get(name) {
            return Ok(word.clone());
        }
        match self.defaults.and_then(|defaults| defaults.get(name)) {
            Some(Value::String(text)) => self.fill(text).map(Value::from),
            Some(list) => Ok(list.clone()),
            None => Err(format!("{{{name}}} is not given")),
        }
    }

    fn text(&self, name: &str) -> Result<String, String> {
        match self.word(name)? {
            Value::String(text) => Ok(text),
            other => Err(format!("{{{name}}} is no text: {other}")),
        }
    }

    /// An argument that another shape gets: a word in braces alone is handed on, lists included.
    pub(super) fn argument(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(text) => match braced(text) {
                Some((inside, "")) if text.starts_with('{') && !inside.contains(' ') => {
                    self.word(inside)
                }
                _ => self.fill(text).map(Value::from),
            },
            Value::Array(items) => items.iter().map(|item| self.argument(item)).collect(),
            other => Err(format!("an argument is a text or a list of texts: {other}")),
        }
    }

    /// Fills the words in braces; `{}` and other braces of FHIRPath stay.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((inside, behind)) = braced(rest) {
            filled += &rest[..rest.len() - behind.len() - inside.len() - 2];
            filled += &self.phrase(inside)?;
            rest = behind;
        }
        Ok(filled + rest)
    }

    fn phrase(&self, inside: &str) -> Result<String, String> {
        match *inside.split(' ').collect::<Vec<_>>() {
            [name] => self.text(name),
            ["a", name] => {
                let word = self.text(name)?;
                Ok(format!("{} {word}", article(&word)))
            }
            ["table", "of", name] => {
                let fhir_type = self.text(name)?;
                let known = self.vocabulary.types.get(&fhir_type);
                Ok(known.map_or_else(|| snake_case(&fhir_type), |(table, _)| table.clone()))
            }
            ["id", "of", name] => {
                let fhir_type = self.text(name)?;
                Ok(match self.vocabulary.types.get(&fhir_type) {
                    Some((table, _)) => format!("id in table {table}"),
                    None => format!("id of the {fhir_type} resource"),
                })
            }
            [element, "in", name] => self.any_of(element, name),
            _ => Err(format!("{{{inside}}} is not understood")),
        }
    }

    /// `element = 'one' or element = 'another'`, for each in a list that is given or that
    /// spellings.json has.
    fn any_of(&self, element: &str, name: &str) -> Result<String, String> {
        let spellings = |name: &str| self.vocabulary.spellings.get(name);
        let list: Vec<String> = match spellings(name) {
            Some(list) => list.clone(),
            None => match self.word(name)? {
                Value::String(name) => {
                    spellings(&name).ok_or(format!("spellings.json has no {name}"))?.clone()
                }
                list => serde_json::from_value(list).map_err(|error| error.to_string())?,
            },
        };
        let terms: Vec<String> = list.iter().map(|text| format!("{element} = '{text}'")).collect();
        Ok(terms.join(" or "))
    }
}

/// The first word or phrase in braces, and the text behind it.
fn braced(text: &str) -> Option<(&str, &str)> {
    text.match_indices('{').find_map(|(start, _)| {
        let (inside, behind) = text[start + 1..].split_once('}')?;
        let is_word =
            |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ' ';
        let first = inside.chars().next()?;
        (first.is_ascii_lowercase() && inside.chars().all(is_word)).then_some((inside, behind))
    })
}

/// `medication.ofType(CodeableConcept)` becomes `medication`, `value.ofType(Period)` becomes
/// `value_period`: a path in snake_case, without the parts that say which of several or which shape.
fn column_name(path: &str) -> String {
    let parts = path.split('.').filter_map(|part| match part {
        "first()" | "ofType(CodeableConcept)" | "ofType(Reference)" => None,
        part => {
            let part = part.split('[').next().unwrap_or_default();
            let named = part.strip_prefix("ofType(").and_then(|part| part.strip_suffix(')'));
            Some(snake_case(named.unwrap_or(part)))
        }
    });
    parts.collect::<Vec<_>>().join("_")
}

pub(super) fn snake_case(camel: &str) -> String {
    let mut snake = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
