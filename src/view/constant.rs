//! The constants of a definition: one `value[x]` of a primitive type each, used as `%name`.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::definition::{ConstantDefinition, is_name};
use super::item::Item;
use super::types::TypeId;

/// Names that already have a meaning in expressions.
const RESERVED: &[&str] = &["rowIndex", "resource", "context", "ucum", "rootResource"];

/// The constants by name, or the index of the first invalid one and its error.
pub(crate) fn constants(
    definitions: &[ConstantDefinition],
) -> Result<BTreeMap<String, Item<'static>>, (usize, String)> {
    let mut constants = BTreeMap::new();
    for (index, definition) in definitions.iter().enumerate() {
        let fail = |message: String| (index, message);
        let name = definition.name.as_deref().unwrap_or_default();
        if !is_name(name) || RESERVED.contains(&name) {
            return Err(fail(format!("`{name}` is not a valid name")));
        }
        let item = value(definition).map_err(|problem| fail(format!("`{name}` {problem}")))?;
        if constants.insert(name.to_owned(), item).is_some() {
            return Err(fail(format!("`{name}` is defined twice")));
        }
    }
    Ok(constants)
}

fn value(definition: &ConstantDefinition) -> Result<Item<'static>, String> {
    let mut found = None;
    for (key, json) in &definition.rest {
        if key.starts_with('_') || matches!(key.as_str(), "id" | "extension" | "modifierExtension")
        {
            continue;
        }
        let of = key.strip_prefix("value").and_then(TypeId::of_suffix);
        match of.filter(|of| of.is_primitive()) {
            None => return Err(format!("has an unknown key `{key}`")),
            Some(_) if found.is_some() => return Err("has more than one value".to_owned()),
            Some(of) => {
                let item = item(json, of);
                found = Some(item.ok_or_else(|| format!("has a value that does not fit {key}"))?);
            }
        }
    }
    found.ok_or_else(|| "has no value[x] of a primitive type".to_owned())
}

fn item(json: &Json, of: TypeId) -> Option<Item<'static>> {
    match json {
        Json::Bool(value) => (of == TypeId::BOOLEAN).then_some(Item::Boolean(*value)),
        Json::Number(number) => match number.as_i64() {
            Some(value) if of.is_number() => Some(Item::Integer(value)),
            None if of == TypeId::DECIMAL => Some(Item::Decimal(number.to_string().into())),
            _ => None,
        },
        Json::String(text) if of.is_number() || of == TypeId::BOOLEAN => {
            // FHIR writes an integer64 as a JSON string.
            text.parse().ok().filter(|_| of == TypeId::INTEGER64).map(Item::Integer)
        }
        Json::String(text) => {
            let of = if of.is_temporal() { of } else { TypeId::STRING };
            Some(Item::Text(text.clone().into(), of))
        }
        _ => None,
    }
}
