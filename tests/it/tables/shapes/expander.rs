//! Makes ViewDefinitions of the tables in `config/tables/` and the shapes in `config/shapes/`.
//! CONTRIBUTING.md says how both are written.

use super::scope::{Scope, Vocabulary};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, path::Path};

/// A convention: what is put in place of `"use"`, in a list of columns, in a list of selects or for a
/// whole table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    pub(super) about: String,
    #[serde(default)]
    defaults: Map<String, Value>,
    #[serde(default)]
    table: Map<String, Value>,
    #[serde(default)]
    select: Vec<Value>,
    #[serde(default)]
    column: Vec<Value>,
}

/// A file in `config/tables/`.
#[derive(Deserialize)]
struct Source {
    resource: String,
    /// What a row is called, in the main table of a type.
    noun: Option<String>,
    /// The shapes that are further tables of the type, in its main table.
    #[serde(default)]
    tables: Vec<String>,
    #[serde(rename = "use")]
    shape: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A ViewDefinition, its elements in the order of the files.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct View {
    resource_type: String,
    url: String,
    name: String,
    title: String,
    description: String,
    status: String,
    resource: String,
    fhir_version: Vec<String>,
    select: Vec<Select>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Select {
    #[serde(skip_serializing_if = "Option::is_none")]
    for_each: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    for_each_or_null: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    repeat: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    column: Vec<Column>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    select: Vec<Select>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    union_all: Vec<Select>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    path: String,
    #[serde(rename = "type")]
    fhir_type: String,
    description: String,
}

/// The elements of a ViewDefinition that a table may give itself; its other keys are arguments of
/// the shape that it uses.
const OWN: [&str; 3] = ["title", "description", "select"];

pub(super) struct Expander {
    pub(super) shapes: BTreeMap<String, Shape>,
    sources: BTreeMap<String, Source>,
    vocabulary: Vocabulary,
}

impl Expander {
    /// Reads the folders `shapes` and `tables` in `config`.
    pub(super) fn read(config: &Path) -> Result<Expander, String> {
        let mut shapes = texts(&config.join("shapes"))?;
        let spellings = shapes.remove("spellings").ok_or("config/shapes/spellings.json is gone")?;
        Expander::new(&spellings, &shapes, &texts(&config.join("tables"))?)
    }

    /// Texts by the name of their file.
    pub(super) fn new(
        spellings: &str,
        shapes: &BTreeMap<String, String>,
        tables: &BTreeMap<String, String>,
    ) -> Result<Expander, String> {
        let sources: BTreeMap<String, Source> = parsed("config/tables", tables)?;
        let nouns = sources.iter().filter_map(|(table, source)| {
            let noun = source.noun.clone()?;
            Some((source.resource.clone(), (table.clone(), noun)))
        });
        let types = nouns.collect();
        let spellings =
            serde_json::from_str(spellings).map_err(|error| format!("spellings.json: {error}"))?;
        Ok(Expander {
            shapes: parsed("config/shapes", shapes)?,
            vocabulary: Vocabulary { spellings, types },
            sources,
        })
    }

    /// The text of every view, by its name.
    pub(super) fn views(&self) -> Result<BTreeMap<String, String>, String> {
        let mut views = BTreeMap::new();
        for (name, source) in &self.sources {
            let told = |error| format!("config/tables/{name}.json: {error}");
            let mut add = |table: String, source: &Source| {
                let text = self.view(&table, source)?;
                match views.insert(table, text) {
                    Some(_) => Err("another file makes this table, too".to_owned()),
                    None => Ok(()),
                }
            };
            add(name.clone(), source).map_err(told)?;
            for shape in &source.tables {
                let further = Source {
                    resource: source.resource.clone(),
                    noun: None,
                    tables: Vec::new(),
                    shape: Some(shape.clone()),
                    rest: Map::new(),
                };
                add(format!("{name}_{shape}"), &further).map_err(told)?;
            }
        }
        Ok(views)
    }

    fn view(&self, name: &str, source: &Source) -> Result<String, String> {
        let scope = Scope::of_table(&self.vocabulary, &source.resource)?;
        let main = scope.fill("{table}")?;
        let (mut own, mut arguments) = (Map::new(), Map::new());
        for (key, value) in &source.rest {
            if OWN.contains(&key.as_str()) {
                own.insert(key.clone(), self.value(key, value, &scope)?);
            } else {
                arguments.insert(key.clone(), scope.argument(value)?);
            }
        }
        let mut view =
            Map::from_iter([("title".to_owned(), Value::from(title(name, &main, source)))]);
        if let Some(shape) = &source.shape {
            view.extend(self.whole(shape, arguments, &own, &scope)?);
        } else if let Some(key) = arguments.keys().next() {
            return Err(format!("{key} is neither an element of a view nor an argument"));
        }
        view.extend(own);
        let fixed = json!({
            "resourceType": "ViewDefinition",
            "url": format!("urn:payersync:view:{name}"),
            "name": name,
            "status": "active",
            "resource": source.resource,
            "fhirVersion": ["4.0.1"],
        });
        view.extend(fixed.as_object().cloned().unwrap_or_default());
        let view: View = serde_json::from_value(view.into()).map_err(|error| error.to_string())?;
        let text = serde_json::to_string_pretty(&view).map_err(|error| error.to_string())?;
        Ok(text + "\n")
    }

    /// The elements that a shape has for a whole table, without those that the table gives itself.
    fn whole(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        own: &Map<String, Value>,
        outer: &Scope<'_>,
    ) -> Result<Map<String, Value>, String> {
        self.inside(name, arguments, outer, |shape, scope| {
            if shape.table.is_empty() {
                return Err("it is not for whole tables".to_owned());
            }
            let missing = shape.table.iter().filter(|(key, _)| !own.contains_key(*key));
            missing.map(|(key, value)| Ok((key.clone(), self.value(key, value, scope)?))).collect()
        })
    }

    /// Fills in a shape, and refuses arguments that it does not ask for.
    fn inside<T>(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        outer: &Scope<'_>,
        fill: impl FnOnce(&Shape, &Scope<'_>) -> Result<T, String>,
    ) -> Result<T, String> {
        let shape = self.shapes.get(name).ok_or(format!("there is no shape {name}"))?;
        let given: Vec<String> = arguments.keys().cloned().collect();
        let scope = outer.inside(&shape.defaults, arguments);
        let filled = fill(shape, &scope).map_err(|error| format!("shape {name}: {error}"))?;
        match given.iter().find(|argument| !scope.has_asked_for(argument)) {
            Some(argument) => Err(format!("shape {name} does not ask for {argument}")),
            None => Ok(filled),
        }
    }

    fn value(&self, key: &str, value: &Value, scope: &Scope<'_>) -> Result<Value, String> {
        match value {
            Value::String(text) => scope.fill(text).map(Value::from),
            Value::Array(items) => self.items(key, items, scope).map(Value::from),
            Value::Object(object) => object
                .iter()
                .map(|(key, value)| Ok((key.clone(), self.value(key, value, scope)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::from),
            other => Ok(other.clone()),
        }
    }

    /// The items of the list `key`: `use` puts a shape's items in its place, `each` repeats an item
    /// for every word of a list.
    fn items(&self, key: &str, items: &[Value], scope: &Scope<'_>) -> Result<Vec<Value>, String> {
        let mut filled = Vec::new();
        for item in items {
            let mut rest = item.as_object().cloned().unwrap_or_default();
            if let Some(Value::String(name)) = rest.remove("each") {
                let words = match scope.word(&name)? {
                    Value::Array(words) => words,
                    word => vec![word],
                };
                for word in words {
                    let item = [Value::from(rest.clone())];
                    filled.extend(self.items(key, &item, &scope.with(&name, word))?);
                }
            } else if let Some(Value::String(name)) = rest.remove("use") {
                let arguments = rest
                    .into_iter()
                    .map(|(key, value)| Ok((key, scope.argument(&value)?)))
                    .collect::<Result<Map<_, _>, String>>()?;
                filled.extend(self.inside(&name, arguments, scope, |shape, scope| {
                    let items = if key == "column" { &shape.column } else { &shape.select };
                    if items.is_empty() {
                        return Err(format!("it has no {key}"));
                    }
                    self.items(key, items, scope)
                })?);
            } else {
                filled.push(self.value(key, item, scope)?);
            }
        }
        Ok(filled)
    }
}

/// "Goal note", and "Care plan" for the main table of a type.
fn title(name: &str, main: &str, source: &Source) -> String {
    let words = |snake: &str| snake.replace('_', " ");
    match name.strip_prefix(main).and_then(|rest| rest.strip_prefix('_')) {
        Some(rest) => format!("{} {}", source.resource, words(rest)),
        None => format!("{}{}", name[..1].to_uppercase(), words(&name[1..])),
    }
}

fn texts(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let told = |error| format!("{}: {error}", folder.display());
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        texts.insert(name, fs::read_to_string(&path).map_err(told)?);
    }
    Ok(texts)
}

fn parsed<T: DeserializeOwned>(
    folder: &str,
    texts: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, T>, String> {
    let parse = |(name, text): (&String, &String)| {
        let value = serde_json::from_str(text);
        Ok((name.clone(), value.map_err(|error| format!("{folder}/{name}.json: {error}"))?))
    };
    texts.iter().map(parse).collect()
}
