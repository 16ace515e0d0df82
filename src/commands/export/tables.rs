//! Exports tables and marts, each to a file.

#[cfg(feature = "parquet")]
use super::columnar::Parquet;
use super::{
    choice::{self, is_tuva},
    deidentify::{Deidentification, Treated, may_show},
    delimited::Csv,
    file::{HashedFile, cannot_write},
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
use std::{collections::BTreeMap, io, path::Path};

/// The name of the file that lists new and changed resources.
///
/// The exported rows of these resources replace all rows that a reader already has for them.
const CHANGED: &str = "_changed";
/// The name of the file that lists deleted resources.
const DELETED: &str = "_deleted";

/// Writes every requested table.
pub(super) fn write(
    snapshot: &Snapshot<'_>,
    catalog: &Catalog,
    args: &ExportArgs,
    since: Option<&Since>,
    deidentification: Option<&Deidentification>,
    folder: &Unfinished<'_>,
) -> Result<Files, Failure> {
    let mut files = Files::default();
    let file = Making { args, folder, deidentification };
    for name in choice::tables(catalog, args)? {
        if deidentification.is_some() && table(catalog, name).is_some_and(|table| !may_show(table))
        {
            if args.tables.iter().any(|wanted| wanted == name) {
                return Err(undeclared(name));
            }
            files.undeclared.push(name.to_owned());
            continue;
        }
        let meanings = column_meanings(catalog, name);
        let definition = definition(catalog, name, &meanings);
        let mut columns = columns(snapshot, name, &definition)?;
        if columns.is_empty() {
            files.missing.push(name.to_owned());
            continue;
        }
        if args.format == ExportFormat::Csv {
            // CSV texts are not rounded, and the six decimals in the manifest hold every amount.
            let is_money = |column: &&mut Column| matches!(column.kind, Kind::Money(_));
            columns.iter_mut().filter(is_money).for_each(|column| column.kind = Kind::Money(6));
        }
        let new_rows = match (since, definition) {
            (Some(since), Definition::Table(table))
                if !snapshot.is_rebuilt_since(name, since)? =>
            {
                Some((since, table))
            }
            _ => None,
        };
        let treated =
            deidentification.map(|how| how.columns(&definition, name, &columns)).transpose()?;
        let mut entry = file.write(name, columns, treated, |stream| match new_rows {
            Some((since, table)) => snapshot.rows_since(table, since, stream),
            None => snapshot.rows(name, stream),
        })?;
        entry.is_whole = new_rows.is_none();
        files.entries.push(entry);
    }
    if let Some(since) = since {
        files.entries.push(
            file.write_events(CHANGED, "changed_at", |stream| {
                snapshot.changed_since(since, stream)
            })?,
        );
        files.entries.push(
            file.write_events(DELETED, "deleted_at", |stream| {
                snapshot.deleted_since(since, stream)
            })?,
        );
    }
    Ok(files)
}

fn definition<'a>(
    catalog: &'a Catalog,
    name: &str,
    meanings: &'a [(String, String)],
) -> Definition<'a> {
    match table(catalog, name) {
        Some(table) => Definition::Table(table),
        None if is_tuva(name) => Definition::Tuva(meanings),
        None => Definition::Mart(meanings),
    }
}

/// The columns of a table as the warehouse has it; empty if the warehouse lacks the table.
fn columns(
    snapshot: &Snapshot<'_>,
    name: &str,
    definition: &Definition<'_>,
) -> Result<Vec<Column>, WarehouseError> {
    let typed = |(name, declared): (String, String)| {
        let kind = definition.kind(&name, &declared);
        Column { kind, name }
    };
    Ok(snapshot.columns(name)?.into_iter().map(typed).collect())
}

/// The columns of a table or mart; empty if the warehouse lacks it.
#[cfg(feature = "lake")]
pub(in crate::commands) fn columns_of(
    snapshot: &Snapshot<'_>,
    catalog: &Catalog,
    name: &str,
) -> Result<Vec<Column>, WarehouseError> {
    let meanings = column_meanings(catalog, name);
    columns(snapshot, name, &definition(catalog, name, &meanings))
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

/// The failure if the command names a view of the user's own, and the view does not declare which of its
/// columns are safe.
fn undeclared(name: &str) -> Failure {
    Failure::misuse(format!(
        "the definition of {name} does not say which columns identify nobody"
    ))
    .hint(
        "give its safe columns the tag payersync/deidentify (docs/deidentify.md), or leave it out",
    )
}

/// The settings that all files of an export share.
struct Making<'a> {
    args: &'a ExportArgs,
    folder: &'a Unfinished<'a>,
    deidentification: Option<&'a Deidentification>,
}

impl Making<'_> {
    /// Writes a file that lists resources.
    fn write_events(
        &self,
        table: &str,
        at: &str,
        ask: impl FnOnce(&mut Stream<'_>) -> Result<io::Result<()>, WarehouseError>,
    ) -> Result<FileEntry, Failure> {
        let columns = events(at);
        let treated = self.deidentification.map(|how| how.events(&columns));
        self.write(table, columns, treated, ask)
    }

    /// Writes the file of one table.
    fn write(
        &self,
        table: &str,
        columns: Vec<Column>,
        treated: Option<Treated<'_>>,
        ask: impl FnOnce(&mut Stream<'_>) -> Result<io::Result<()>, WarehouseError>,
    ) -> Result<FileEntry, Failure> {
        let treated = treated.as_ref();
        let shown = treated.map_or_else(|| columns.clone(), Treated::columns);
        let name = format!("{table}.{}", self.args.format.name());
        let path = self.folder.path().join(&name);
        let failed = |error| cannot_write(&path, error);
        let mut writer = begin(self.args, &path, &shown).map_err(failed)?;
        let mut stream = Stream {
            writer: &mut *writer,
            columns: &columns,
            treated,
            suppressed: BTreeMap::new(),
            folder: self.folder,
            rows: 0,
        };
        let streamed = ask(&mut stream)?;
        let (rows, suppressed) = (stream.rows, stream.suppressed);
        let mut finished = streamed.and_then(|()| writer.finish()).map_err(failed)?;
        finished.losses.suppressed = suppressed;
        Ok(FileEntry::of_table(name, table, rows, shown, treated, finished))
    }
}

fn begin(args: &ExportArgs, path: &Path, columns: &[Column]) -> io::Result<Box<dyn TableWriter>> {
    let file = HashedFile::create(path)?;
    Ok(match args.format {
        #[cfg(feature = "parquet")]
        ExportFormat::Parquet => Box::new(Parquet::begin(file, columns, false)?),
        _ => Box::new(Csv::begin(file, columns, args.raw)?),
    })
}
