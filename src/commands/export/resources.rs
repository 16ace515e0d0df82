//! Exports resources as they were received, in the layout of FHIR's bulk data export.
//!
//! There is a file for each type and connection, with a resource on each line.
//!
//! Two plans may give the same id to different resources, so no file holds resources of two connections. A
//! file's name has the number of its connection, as in `Patient.1.ndjson`; `manifest.json` says which
//! connection that is.
//!
//! The bytes are those that are stored. Only a line break between two JSON tokens becomes a space, since
//! each resource must be one line; JSON allows no line break within a token.

use super::{
    choice,
    file::{HashedFile, cannot_write},
    finished::{Finished, Losses},
    manifest::{FileEntry, Files},
    place::Unfinished,
};
use crate::{
    cli::ExportArgs,
    commands::failure::Failure,
    warehouse::{Answer, AnswerCell, Catalog, Since, Snapshot, WarehouseError},
};
use serde_json::json;
use std::io::{self, Write};

/// Writes every requested type.
pub(super) fn write(
    snapshot: &Snapshot<'_>,
    catalog: &Catalog,
    args: &ExportArgs,
    since: Option<&Since>,
    folder: &Unfinished<'_>,
) -> Result<Files, Failure> {
    let mut files = Files::default();
    for (resource_type, connection_id) in types(snapshot, catalog, args)? {
        let mut entry = one(folder, &resource_type, connection_id, |lines| {
            snapshot.resources(&resource_type, connection_id, since, &mut Bytes(lines))
        })?;
        entry.is_whole = since.is_none();
        files.entries.push(entry);
    }
    if let Some(since) = since {
        for connection in snapshot.connections()? {
            files.entries.push(one(folder, "_deleted", connection.id, |lines| {
                let mut deletions = Deletions { of: connection.id, lines };
                snapshot.deleted_since(since, &mut deletions)
            })?);
        }
    }
    Ok(files)
}

/// Each requested type, with each connection that has resources of the type.
fn types(
    snapshot: &Snapshot<'_>,
    catalog: &Catalog,
    args: &ExportArgs,
) -> Result<Vec<(String, i64)>, Failure> {
    let mut held = snapshot.resource_types()?;
    if let Some((odd, _)) =
        held.iter().find(|(name, _)| !name.bytes().all(|b| b.is_ascii_alphanumeric()))
    {
        return Err(Failure::misuse(format!("the type {odd:?} cannot be the name of a file")));
    }
    if args.tables.is_empty() {
        return Ok(held);
    }
    for name in &args.tables {
        if !held.iter().any(|(known, _)| known == name) && catalog.of_type(name).is_empty() {
            let known: Vec<&str> = held.iter().map(|(name, _)| name.as_str()).collect();
            return Err(choice::unknown("resource type", name, &known));
        }
    }
    held.retain(|(name, _)| args.tables.contains(name));
    Ok(held)
}

/// Writes and counts the lines of a file.
struct Lines<'a> {
    file: HashedFile,
    folder: &'a Unfinished<'a>,
    count: u64,
}

fn one(
    folder: &Unfinished<'_>,
    what: &str,
    connection_id: i64,
    ask: impl FnOnce(&mut Lines<'_>) -> Result<io::Result<()>, WarehouseError>,
) -> Result<FileEntry, Failure> {
    let name = format!("{what}.{connection_id}.ndjson");
    let path = folder.path().join(&name);
    let file = HashedFile::create(&path).map_err(|error| cannot_write(&path, error))?;
    let mut lines = Lines { file, folder, count: 0 };
    let asked = ask(&mut lines)?;
    let count = lines.count;
    let sums =
        asked.and_then(|()| lines.file.finish()).map_err(|error| cannot_write(&path, error))?;
    let finished = Finished { sums, losses: Losses::default() };
    Ok(FileEntry::of_type(name, what, connection_id, count, finished))
}

/// Writes each resource as a line.
struct Bytes<'a, 'b>(&'a mut Lines<'b>);

impl Answer<io::Error> for Bytes<'_, '_> {
    fn columns(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        let bytes = match cells {
            [AnswerCell::Text(text)] => text.as_bytes(),
            [AnswerCell::Blob(bytes)] => bytes,
            _ => return Err(io::Error::other("a resource is not text")),
        };
        let Lines { file, folder, count } = &mut *self.0;
        folder.go_on()?;
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

/// Writes a Bundle for each deleted resource of a connection, as in the `deleted` files of a bulk export.
struct Deletions<'a, 'b> {
    of: i64,
    lines: &'a mut Lines<'b>,
}

impl Answer<io::Error> for Deletions<'_, '_> {
    fn columns(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        let [connection, AnswerCell::Text(resource_type), AnswerCell::Text(id), _] = cells else {
            return Err(io::Error::other("a resource without type or id"));
        };
        if *connection != AnswerCell::Integer(self.of) {
            return Ok(());
        }
        let request = json!({ "method": "DELETE", "url": format!("{resource_type}/{id}") });
        let entry = [json!({ "request": request })];
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry });
        self.lines.count += 1;
        writeln!(self.lines.file, "{bundle}")
    }
}
