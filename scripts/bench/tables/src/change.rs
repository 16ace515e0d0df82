//! What the engines do differently, each with the change of a resource that undoes it: a difference has this reason if
//! octofhir-sof gives our value of the changed resource.

use serde_json::{Map, Value as Json};

use crate::spelling::Steps;
use crate::warehouse::Resource;

/// A reason for a difference, and the change of the resource that undoes the difference.
pub struct Change {
    pub reason: &'static str,
    /// Which engine alone gives a value or a row.
    pub giver: Giver,
    apply: fn(&mut Map<String, Json>, &Resource, &Steps<'_>),
}

#[derive(PartialEq)]
pub enum Giver {
    Ours,
    Theirs,
}

pub const CHANGES: [Change; 6] = [
    Change {
        reason: "reference by an address in its Bundle or below its server's base",
        giver: Giver::Ours,
        apply: address,
    },
    Change {
        reason: "value of a type derived from the asked one",
        giver: Giver::Ours,
        apply: derived,
    },
    Change { reason: "extension of a primitive element", giver: Giver::Ours, apply: primitive },
    Change { reason: "reference to a contained resource", giver: Giver::Theirs, apply: contained },
    Change {
        reason: "another element, whose name is only longer",
        giver: Giver::Theirs,
        apply: longer_name,
    },
    Change {
        reason: "text where FHIR has true or false",
        giver: Giver::Theirs,
        apply: text_of_boolean,
    },
];

impl Change {
    pub fn of(&self, resource: &Resource, json: &Json, steps: &Steps<'_>) -> Json {
        let mut json = json.clone();
        walk(&mut json, &mut |members| (self.apply)(members, resource, steps));
        json
    }
}

fn walk(part: &mut Json, change: &mut impl FnMut(&mut Map<String, Json>)) {
    match part {
        Json::Array(parts) => parts.iter_mut().for_each(|part| walk(part, change)),
        Json::Object(members) => {
            change(members);
            members.values_mut().for_each(|part| walk(part, change));
        }
        _ => {}
    }
}

/// Puts `Type/id` in place of an address that ends with it, or with the id alone as a UUID does.
fn address(members: &mut Map<String, Json>, resource: &Resource, _: &Steps<'_>) {
    let Some(Json::String(reference)) = members.get_mut("reference") else { return };
    let below = |base: &String| {
        let (_, address) = reference.split_once("://")?;
        address.strip_prefix(base.as_str())?.strip_prefix('/').map(str::to_owned)
    };
    let target = resource.addresses.get(reference.as_str()).filter(|target| {
        let id = target.split('/').nth(1).unwrap_or_default();
        reference.ends_with(&format!("/{target}")) || **reference == format!("urn:uuid:{id}")
    });
    if let Some(target) = target.cloned().or_else(|| resource.bases.iter().find_map(below)) {
        *reference = target;
    }
}

/// Cuts the fragment to `#`, which leads nowhere: a contained resource has no row of its own that a key could name.
fn contained(members: &mut Map<String, Json>, _: &Resource, _: &Steps<'_>) {
    if let Some(Json::String(reference)) = members.get_mut("reference")
        && reference.starts_with('#')
    {
        reference.truncate(1);
    }
}

/// Says of an element that it is not there, where octofhir-sof takes one of a longer name for it: `detailSequence` for
/// `detail`, and `valueDateTime` for the date `valueDate`. A choice stays where a view asks for all its types: `value`.
fn longer_name(members: &mut Map<String, Json>, _: &Resource, steps: &Steps<'_>) {
    let mut missing = Vec::new();
    for name in members.keys() {
        for (at, _) in name.char_indices().filter(|(_, it)| it.is_uppercase()) {
            let shorter = &name[..at];
            let is_type = steps.choices.contains(name) && !steps.choices.contains(shorter);
            if steps.asked.contains(shorter) && !members.contains_key(shorter) && !is_type {
                missing.push(shorter.to_owned());
            }
        }
    }
    members.extend(missing.into_iter().map(|name| (name, Json::Null)));
}

/// Gives a choice the name of the type that its own type is derived from: a code is a string.
fn derived(members: &mut Map<String, Json>, _: &Resource, _: &Steps<'_>) {
    const DERIVED: [(&str, &str); 11] = [
        ("Code", "String"),
        ("Id", "String"),
        ("Markdown", "String"),
        ("Url", "Uri"),
        ("Canonical", "Uri"),
        ("Uuid", "Uri"),
        ("Oid", "Uri"),
        ("PositiveInt", "Integer"),
        ("UnsignedInt", "Integer"),
        ("Age", "Quantity"),
        ("Duration", "Quantity"),
    ];
    for (from, to) in DERIVED {
        if let Some(value) = members.remove(&format!("value{from}")) {
            members.insert(format!("value{to}"), value);
        }
    }
}

/// Puts what stands beside a primitive value in its place: `_questionnaire` for `questionnaire`.
fn primitive(members: &mut Map<String, Json>, _: &Resource, _: &Steps<'_>) {
    let beside: Vec<String> =
        members.keys().filter_map(|it| it.strip_prefix('_')).map(str::to_owned).collect();
    for name in beside {
        if let Some(value) = members.remove(&format!("_{name}")) {
            members.insert(name, value);
        }
    }
}

/// Takes away the text of an element that is a boolean by its name: `"deceasedBoolean": "false"`.
fn text_of_boolean(members: &mut Map<String, Json>, _: &Resource, _: &Steps<'_>) {
    members.retain(|name, value| !(name.ends_with("Boolean") && value.is_string()));
}
