//! `manifest.json`: describes the files of an export, their content and how complete it is.

use super::{
    choice::set_of,
    deidentify::{Deidentification, Told, Treated},
    finished::Finished,
    kind::Column,
};
use crate::{
    cli::{ExportArgs, ExportFormat},
    clock,
    commands::{failure::Failure, standing::standing},
    outcome::{Reason, WalkState},
    plural,
    warehouse::{Snapshot, TypeStatus},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The name of the manifest's file.
pub(in crate::commands) const NAME: &str = "manifest.json";
/// The version of the manifest's layout.
const LAYOUT: u32 = 1;

/// The whole manifest.
#[derive(Debug, Serialize)]
pub(super) struct Manifest {
    payersync_export: u32,
    made_by: String,
    exported_at: String,
    schema_version: u32,
    format: &'static str,
    /// The word for a file of this format. Used in messages, not written.
    #[serde(skip)]
    file_noun: &'static str,
    /// Whether texts are written as they are stored, even those that a spreadsheet would compute.
    is_raw: bool,
    set: Option<&'static str>,
    since_run: Option<i64>,
    /// The run for the next `--since`: what a run in progress goes on to write is new to that export.
    latest_run: Option<i64>,
    /// How the files were de-identified.
    #[serde(skip_serializing_if = "Option::is_none")]
    deidentification: Option<Told>,
    connections: Vec<Connection>,
    files: Vec<FileEntry>,
    /// Tables that do not exist yet; the next run of this version of payersync makes them.
    missing: Vec<String>,
    /// The user's own views that do not declare which columns are safe. Used in messages, not written.
    #[serde(skip)]
    undeclared: Vec<String>,
}

/// The part of a manifest by which an earlier export's files are recognized.
#[derive(Debug, Deserialize)]
pub(in crate::commands) struct Known {
    /// The version of the layout. Only payersync writes a member of this name.
    #[expect(dead_code, reason = "only its presence is checked")]
    payersync_export: u32,
    /// Present only in a de-identified export.
    deidentification: Option<IgnoredAny>,
    files: Vec<KnownFile>,
}

#[derive(Debug, Deserialize)]
struct KnownFile {
    name: String,
    connection_id: Option<i64>,
}

impl Known {
    /// Reads the manifest of an export; `None` if the folder holds no export.
    pub(in crate::commands) fn in_folder(folder: &Path) -> Option<Known> {
        serde_json::from_slice(&fs::read(folder.join(NAME)).ok()?).ok()
    }

    /// The numbers of the connections that have files of their own.
    pub(in crate::commands) fn connections(&self) -> BTreeSet<i64> {
        self.files.iter().filter_map(|file| file.connection_id).collect()
    }

    /// Whether the export is de-identified.
    pub(super) fn is_deidentified(&self) -> bool {
        self.deidentification.is_some()
    }

    /// The names of all files of the export.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.files.iter().map(|file| file.name.as_str()).chain([NAME]).collect()
    }
}

/// A connection whose rows are in the export.
#[derive(Debug, Serialize)]
struct Connection {
    /// The connection's number; a pseudonym in a de-identified export.
    id: ConnectionId,
    /// The connection's name, for messages to the person who exports.
    #[serde(skip)]
    label: String,
    /// The connection's names; missing in a de-identified export, since they may name the member.
    #[serde(flatten)]
    names: Option<Names>,
    /// Types that may be incomplete in the warehouse.
    incomplete: Vec<IncompleteType>,
    /// The state of the connection's types, in the words of `status`. Used in messages, not written.
    #[serde(skip)]
    standing: String,
    /// Whether the connection's marts are older than its tables.
    marts_are_behind: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ConnectionId {
    Number(i64),
    Pseudonym(String),
}

#[derive(Debug, Serialize)]
struct Names {
    name: String,
    plan: Option<String>,
    member: Option<String>,
}

#[derive(Debug, Serialize)]
struct IncompleteType {
    resource_type: String,
    state: WalkState,
    reason: Option<Reason>,
}

/// One file.
#[derive(Debug, Serialize)]
pub(super) struct FileEntry {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<i64>,
    rows: u64,
    bytes: u64,
    sha256: String,
    /// Whether the file has all rows, and not only those that are new since a run.
    pub(super) is_whole: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<ColumnEntry>,
    /// Columns that a de-identified export leaves out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropped_columns: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    suppressed_cells: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rounded_cells: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    left_out_cells: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct ColumnEntry {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    /// How a de-identified export treats the column.
    #[serde(skip_serializing_if = "Option::is_none")]
    treatment: Option<&'static str>,
}

/// The files that were written, and the tables that were not.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) entries: Vec<FileEntry>,
    pub(super) missing: Vec<String>,
    /// The user's own views that a de-identified export leaves out.
    pub(super) undeclared: Vec<String>,
}

impl FileEntry {
    pub(super) fn of_table(
        name: String,
        table: &str,
        rows: u64,
        columns: Vec<Column>,
        treated: Option<&Treated<'_>>,
        finished: Finished,
    ) -> FileEntry {
        let mut treatments = treated.map(Treated::treatments);
        let columns = columns
            .into_iter()
            .map(|column| ColumnEntry {
                kind: column.kind.sql(),
                name: column.name,
                treatment: treatments.as_mut().and_then(Iterator::next).map(|one| one.name()),
            })
            .collect();
        let dropped_columns = treated.map(|treated| treated.dropped.clone()).unwrap_or_default();
        let table = Some(table.to_owned());
        FileEntry { table, columns, dropped_columns, ..entry(name, rows, finished) }
    }

    pub(super) fn of_type(
        name: String,
        resource_type: &str,
        connection_id: i64,
        rows: u64,
        finished: Finished,
    ) -> FileEntry {
        let resource_type = Some(resource_type.to_owned());
        let connection_id = Some(connection_id);
        FileEntry { resource_type, connection_id, ..entry(name, rows, finished) }
    }
}

fn file_noun(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "CSV file",
        ExportFormat::Parquet => "Parquet file",
        ExportFormat::Ndjson => "NDJSON file",
    }
}

fn entry(name: String, rows: u64, finished: Finished) -> FileEntry {
    FileEntry {
        name,
        table: None,
        resource_type: None,
        connection_id: None,
        rows,
        bytes: finished.sums.bytes,
        sha256: finished.sums.sha256,
        is_whole: false,
        columns: Vec::new(),
        dropped_columns: Vec::new(),
        suppressed_cells: finished.losses.suppressed,
        rounded_cells: finished.losses.rounded,
        left_out_cells: finished.losses.left_out,
    }
}

impl Manifest {
    /// A manifest without files yet.
    pub(super) fn begin(
        snapshot: &Snapshot<'_>,
        args: &ExportArgs,
        deidentification: Option<&Deidentification>,
        now: DateTime<Utc>,
    ) -> Result<Manifest, Failure> {
        let status = snapshot.status()?;
        let behind = snapshot.mart_state()?.behind;
        let incomplete = |name: &str| {
            let of_it = TypeStatus::of_connection(&status, name).iter();
            let open =
                of_it.filter(|one| matches!(one.state, WalkState::Incomplete | WalkState::Running));
            open.map(|one| IncompleteType {
                resource_type: match deidentification {
                    Some(how) => how.resource_type(&one.resource_type),
                    None => one.resource_type.clone(),
                },
                state: one.state,
                reason: one.reason,
            })
            .collect()
        };
        let stands = |name: &str| {
            let of_it = TypeStatus::of_connection(&status, name).iter();
            let asked: Vec<&TypeStatus> = of_it.filter(|one| one.state.is_asked()).collect();
            standing(&asked).join(", ")
        };
        let connections = snapshot.connections()?.into_iter().map(|row| Connection {
            incomplete: incomplete(&row.name),
            standing: stands(&row.name),
            marts_are_behind: behind.contains(&row.id),
            id: match deidentification {
                Some(how) => ConnectionId::Pseudonym(how.connection(row.id)),
                None => ConnectionId::Number(row.id),
            },
            label: row.name.clone(),
            names: deidentification.is_none().then_some(Names {
                name: row.name,
                plan: row.plan,
                member: row.member,
            }),
        });
        Ok(Manifest {
            payersync_export: LAYOUT,
            made_by: format!("payersync {}", env!("CARGO_PKG_VERSION")),
            exported_at: clock::text(now),
            schema_version: snapshot.schema_version()?,
            format: args.format.name(),
            file_noun: file_noun(args.format),
            is_raw: args.raw,
            set: set_of(args).map(|set| set.name()),
            since_run: args.since,
            latest_run: snapshot.newest_whole_run()?,
            deidentification: deidentification.map(Deidentification::told),
            connections: connections.collect(),
            files: Vec::new(),
            missing: Vec::new(),
            undeclared: Vec::new(),
        })
    }

    /// Adds the files that were written.
    pub(super) fn add(&mut self, files: Files) {
        self.files = files.entries;
        self.missing = files.missing;
        self.undeclared = files.undeclared;
    }

    /// A text with the number of files and rows.
    pub(super) fn counts(&self) -> String {
        format!(
            "{} in {}",
            plural::count(self.rows(), "row"),
            plural::count(self.files.len(), self.file_noun)
        )
    }

    /// The number of rows in all files.
    pub(super) fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// The exported table that has the name of the folder: who wanted that table has left out the folder.
    pub(super) fn table_named_like(&self, folder: &Path) -> Option<&str> {
        let name = folder.file_name()?.to_str()?;
        let mut tables = self.files.iter().filter_map(|file| file.table.as_deref());
        tables.find(|table| *table == name)
    }

    /// Whether the files hold every cell, even if some are rounded.
    pub(super) fn is_faithful(&self) -> bool {
        self.files.iter().all(|file| file.left_out_cells.is_empty())
    }

    /// The warnings for the person who exports, as sentences.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for connection in &self.connections {
            if !connection.incomplete.is_empty() {
                let (label, standing) = (&connection.label, &connection.standing);
                warnings.push(format!("{label}: {standing}; see `payersync status`"));
            }
            if connection.marts_are_behind {
                warnings.push(format!(
                    "{}: its marts are older than its tables; the next `payersync sync` brings them up to date",
                    connection.label
                ));
            }
        }
        if !self.missing.is_empty() {
            warnings.push(format!(
                "not made yet: {}; the next `payersync sync` or `rebuild` makes them",
                self.missing.join(", ")
            ));
        }
        if !self.undeclared.is_empty() {
            warnings.push(format!(
                "left out, since their definitions mark no column as safe: {}",
                self.undeclared.join(", ")
            ));
        }
        for file in &self.files {
            for (column, cells) in &file.rounded_cells {
                warnings.push(format!(
                    "{}: {column} is rounded in {}",
                    file.name,
                    plural::count(*cells, "row")
                ));
            }
            for (column, cells) in &file.left_out_cells {
                warnings.push(format!(
                    "{}: {column} is NULL in {}, whose value is not of the column's type",
                    file.name,
                    plural::count(*cells, "row")
                ));
            }
        }
        warnings
    }

    /// The bytes of the file.
    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}
