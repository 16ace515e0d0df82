//! Resources as they were received, a file per type and a line per resource: the layout of FHIR's bulk
//! data export.
//!
//! The bytes are those that are stored. Only a line break between two tokens becomes a space, since a
//! line is a resource; JSON has no line break within a token.

use super::{
    cannot_write, choice,
    file::HashedFile,
    manifest::{FileEntry, Files},
    place::Unfinished,
    writer::{Finished, Losses},
};
use crate::{
    cli::ExportArgs,
    commands::failure::Failure,
    warehouse::{Answer, AnswerCell, Catalog, Since, Snapshot, WarehouseError},
};
use serde_json::json;
use std::io::{self, Write};

/// Writes every type that was asked for.
pub(super) fn write(
    snapshot: &Snapshot<'_>,
    catalog: &Catalog,
    args: &ExportArgs,
    since: Option<&Since>,
    folder: &Unfinished<'_>,
) -> Result<Files, Failure> {
    let mut files = Files::default();
    for resource_type in types(snapshot, catalog, args)? {
        let mut entry = one(folder, &resource_type, |lines| {
            snapshot.resources(&resource_type, since, &mut Bytes(lines))
        })?;
        entry.is_whole = since.is_none();
        files.entries.push(entry);
    }
    if let Some(since) = since {
        files.entries.push(one(folder, "_deleted", |lines| {
            snapshot.deleted_since(since, &mut Deletions(lines))
        })?);
    }
    Ok(files)
}

fn types(
    snapshot: &Snapshot<'_>,
    catalog: &Catalog,
    args: &ExportArgs,
) -> Result<Vec<String>, Failure> {
    let held = snapshot.resource_types()?;
    if let Some(odd) = held.iter().find(|name| !name.bytes().all(|b| b.is_ascii_alphanumeric())) {
        return Err(Failure::misuse(format!("the type {odd:?} cannot be the name of a file")));
    }
    if args.tables.is_empty() {
        return Ok(held);
    }
    for name in &args.tables {
        if !held.contains(name) && catalog.of_type(name).is_empty() {
            let known: Vec<&str> = held.iter().map(String::as_str).collect();
            return Err(choice::unknown("resource type", name, &known));
        }
    }
    let mut types = args.tables.clone();
    types.sort();
    types.dedup();
    Ok(types)
}

/// The lines of a file, counted.
struct Lines {
    file: HashedFile,
    count: u64,
}

fn one(
    folder: &Unfinished<'_>,
    what: &str,
    ask: impl FnOnce(&mut Lines) -> Result<io::Result<()>, WarehouseError>,
) -> Result<FileEntry, Failure> {
    let name = format!("{what}.ndjson");
    let path = folder.path().join(&name);
    let file = HashedFile::create(&path).map_err(|error| cannot_write(&path, error))?;
    let mut lines = Lines { file, count: 0 };
    let asked = ask(&mut lines)?;
    let count = lines.count;
    let sums =
        asked.and_then(|()| lines.file.finish()).map_err(|error| cannot_write(&path, error))?;
    let finished = Finished { sums, losses: Losses::default() };
    Ok(FileEntry::of_type(name, what, count, finished))
}

/// Writes the bytes of each resource.
struct Bytes<'a>(&'a mut Lines);

impl Answer<io::Error> for Bytes<'_> {
    fn columns(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        let bytes = match cells {
            [AnswerCell::Text(text)] => text.as_bytes(),
            [AnswerCell::Blob(bytes)] => bytes,
            _ => return Err(io::Error::other("a resource is no text")),
        };
        let Lines { file, count } = &mut *self.0;
        let mut is_first = true;
        for part in bytes.split(|byte| matches!(byte, b'\n' | b'\r')) {
            if !std::mem::take(&mut is_first) {
                file.write_all(b" ")?;
            }
            file.write_all(part)?;
        }
        *count += 1;
        file.write_all(b"\n")
    }
}

/// Writes a Bundle for each resource that went: what a bulk export's `deleted` files hold.
struct Deletions<'a>(&'a mut Lines);

impl Answer<io::Error> for Deletions<'_> {
    fn columns(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        let [_, AnswerCell::Text(resource_type), AnswerCell::Text(id), _] = cells else {
            return Err(io::Error::other("a resource without type or id"));
        };
        let request = json!({ "method": "DELETE", "url": format!("{resource_type}/{id}") });
        let entry = [json!({ "request": request })];
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry });
        self.0.count += 1;
        writeln!(self.0.file, "{bundle}")
    }
}
