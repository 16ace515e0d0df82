//! Canaries: strings that only one member's data has, and every file in which they are.

use super::{Home, Payer};
use std::{collections::HashSet, fs, path::Path};

/// The length of a canary: long enough that two members do not share one by chance.
pub(crate) const CANARY_BYTES: usize = 12;

/// The beginnings of all texts that only the first member's data has, and of the uid and the name of that
/// member's connection.
///
/// The member's connection is the first one of the home; `name` is its name.
pub(crate) fn canaries(payer: &Payer, home: &Home, name: &str) -> HashSet<Vec<u8>> {
    let texts = |member: u32| {
        let mut texts = HashSet::new();
        for resource_type in payer.types() {
            for json in payer.resources(member, resource_type) {
                gather(&serde_json::from_str(&json).unwrap(), &mut texts);
            }
        }
        texts
    };
    let (mine, others) = (texts(0), texts(1));
    let uid = home.value::<String>("SELECT uid FROM connection WHERE id = 1").into_bytes();
    let mut canaries: HashSet<_> = mine.difference(&others).cloned().collect();
    canaries.insert(uid[..CANARY_BYTES].to_vec());
    canaries.insert(name.as_bytes()[..CANARY_BYTES].to_vec());
    canaries
}

fn gather(value: &serde_json::Value, texts: &mut HashSet<Vec<u8>>) {
    match value {
        // Instants are left out: they are in every file.
        serde_json::Value::String(text)
            if text.len() >= CANARY_BYTES && text.as_bytes()[10] != b'T' =>
        {
            texts.insert(text.as_bytes()[..CANARY_BYTES].to_vec());
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        serde_json::Value::Object(members) => {
            members.values().for_each(|member| gather(member, texts));
        }
        _ => {}
    }
}

/// Every canary in every file below a folder, with the file.
pub(crate) fn sightings(folder: &Path, canaries: &HashSet<Vec<u8>>) -> Vec<String> {
    let mut seen = Vec::new();
    // Most bytes begin no canary, and looking up two bytes is quicker than hashing twelve.
    let mut begins = vec![false; 1 << 16];
    canaries.iter().for_each(|text| begins[start(text)] = true);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            seen.extend(sightings(&path, canaries));
            continue;
        }
        let name = path.to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        for text in bytes.windows(CANARY_BYTES).chain([name.as_bytes()]) {
            if text.len() > 1 && begins[start(text)] && canaries.contains(text) {
                seen.push(format!("{name}: {}", String::from_utf8_lossy(text)));
            }
        }
        if name.contains("leaver") {
            seen.push(name);
        }
    }
    seen.sort();
    seen.dedup();
    seen
}

fn start(text: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([text[0], text[1]]))
}
