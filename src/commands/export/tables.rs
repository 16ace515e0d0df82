//! Tables and marts, a file each.

#[cfg(feature = "parquet")]
use super::columnar::Parquet;
use super::{
    cannot_write,
    choice::{self, is_tuva},
    delimited::Csv,
    file::HashedFile,
    kind::{Column, Definition, Kind, table},
    manifest::{FileEntry, Files},
    place::Unfinished,
    writer::{Stream, TableWriter},
};
use crate::{
    cli::{ExportArgs, ExportFormat},
    commands::{failure::Failure, tables::column_meanings},
    warehouse::{Catalog, Since, Snapshot, WarehouseError},
};
use std::{io, path::Path};

/// Which resources came or changed: their rows take the place of all that a reader has of them.
const CHANGED: &str = "_changed";
/// Which resources went.
const DELETED: &str = "_deleted";

/// Writes every table that was asked for.
pub(super) fn write(
    snapshot: &Snapshot<'_>,
    catalog: &Catalog,
    args: &ExportArgs,
    since: Option<&Since>,
    folder: &Unfinished<'_>,
) -> Result<Files, Failure> {
    let mut files = Files::default();
    for name in choice::tables(catalog, args)? {
        let declared = snapshot.columns(name)?;
        if declared.is_empty() {
            files.missing.push(name.to_owned());
            continue;
        }
        let meanings = column_meanings(catalog, name);
        let definition = match table(catalog, name) {
            Some(table) => Definition::Table(table),
            None if is_tuva(name) => Definition::Tuva(&meanings),
            None => Definition::Mart(&meanings),
        };
        let columns: Vec<Column> = declared
            .into_iter()
            .map(|(name, declared)| {
                let kind = match definition.kind(&name, &declared) {
                    // Nothing is rounded in text: whoever reads it with this type loses nothing.
                    Kind::Money(_) if args.format == ExportFormat::Csv => Kind::Money(6),
                    kind => kind,
                };
                Column { kind, name }
            })
            .collect();
        let new_rows = match (since, definition) {
            (Some(since), Definition::Table(table))
                if !snapshot.is_rebuilt_since(name, since)? =>
            {
                Some((since, table))
            }
            _ => None,
        };
        let mut entry = one(args, folder, name, columns, |stream| match new_rows {
            Some((since, table)) => snapshot.rows_since(table, since, stream),
            None => snapshot.rows(name, stream),
        })?;
        entry.is_whole = new_rows.is_none();
        files.entries.push(entry);
    }
    if let Some(since) = since {
        files.entries.push(one(args, folder, CHANGED, events("changed_at"), |stream| {
            snapshot.changed_since(since, stream)
        })?);
        files.entries.push(one(args, folder, DELETED, events("deleted_at"), |stream| {
            snapshot.deleted_since(since, stream)
        })?);
    }
    Ok(files)
}

/// The columns of [`CHANGED`] and [`DELETED`].
fn events(at: &str) -> Vec<Column> {
    [
        ("connection_id", Kind::Integer),
        ("resource_type", Kind::Text),
        ("resource_id", Kind::Text),
        (at, Kind::Text),
    ]
    .map(|(name, kind)| Column { name: name.to_owned(), kind })
    .to_vec()
}

/// Writes one file.
fn one(
    args: &ExportArgs,
    folder: &Unfinished<'_>,
    table: &str,
    columns: Vec<Column>,
    ask: impl FnOnce(&mut Stream<'_>) -> Result<io::Result<()>, WarehouseError>,
) -> Result<FileEntry, Failure> {
    let name = format!("{table}.{}", args.format.name());
    let path = folder.path().join(&name);
    let mut writer = begin(args, &path, &columns).map_err(|error| cannot_write(&path, error))?;
    let mut stream = Stream { writer: &mut *writer, columns: &columns, folder, rows: 0 };
    let streamed = ask(&mut stream)?;
    let rows = stream.rows;
    let finished =
        streamed.and_then(|()| writer.finish()).map_err(|error| cannot_write(&path, error))?;
    Ok(FileEntry::of_table(name, table, rows, columns, finished))
}

fn begin(args: &ExportArgs, path: &Path, columns: &[Column]) -> io::Result<Box<dyn TableWriter>> {
    let file = HashedFile::create(path)?;
    Ok(match args.format {
        #[cfg(feature = "parquet")]
        ExportFormat::Parquet => Box::new(Parquet::begin(file, columns)?),
        _ => Box::new(Csv::begin(file, columns, args.raw)?),
    })
}
