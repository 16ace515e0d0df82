//! The tables of a lake and their rows.
//!
//! They are the normalised tables, the marts, the connections, and the resources as received.

use crate::{
    commands::{
        export::{Column, Kind, columns_of},
        failure::Failure,
    },
    warehouse::{Answer, AnswerCell, Catalog, ConnectionRow, Parameter, ParameterValue, Snapshot},
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A table of the warehouse of which the lake has only some columns or rows.
struct Part {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    sql: &'static str,
}

const PARTS: [Part; 2] = [
    Part {
        name: "connection",
        columns: &[
            (CONNECTION, Kind::Integer),
            ("id", Kind::Integer),
            ("name", Kind::Text),
            ("plan", Kind::Text),
            ("member", Kind::Text),
            ("patient_id", Kind::Text),
        ],
        sql: "SELECT id AS connection_id, id, name, plan, member, patient_id FROM connection",
    },
    Part {
        name: "resource",
        columns: &[
            (CONNECTION, Kind::Integer),
            ("resource_type", Kind::Text),
            ("resource_id", Kind::Text),
            ("version_id", Kind::Text),
            ("last_updated", Kind::Text),
            ("received_at", Kind::Text),
            ("json", Kind::Text),
        ],
        sql: "SELECT connection_id, resource_type, resource_id, version_id, last_updated, received_at, json
              FROM resource WHERE deleted_at IS NULL",
    },
];
/// The column that every table of the lake has.
pub(super) const CONNECTION: &str = "connection_id";
/// The version of the lake's files. Change it whenever payersync would write other files for the same rows.
const FORMAT: &[u8] = b"payersync lake 2";

/// A table of the lake.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The position of the column [`CONNECTION`].
    pub(super) connection: usize,
    /// The SQL query for the table's rows.
    sql: String,
}

/// All tables of the lake.
///
/// The views of the Tuva layer are not among them: they have no connection, and their SQL can be run over
/// the marts.
pub(super) fn all(snapshot: &Snapshot<'_>, catalog: &Catalog) -> Result<Vec<Source>, Failure> {
    let tables = catalog.tables().iter().map(|table| table.name());
    let marts = catalog.marts().iter().map(|mart| mart.name.as_str());
    let mut sources = Vec::new();
    for name in tables.chain(marts) {
        let columns = columns_of(snapshot, catalog, name)?;
        let sql = format!("SELECT * FROM \"{}\"", name.replace('"', "\"\""));
        sources.extend(Source::of(name, columns, sql));
    }
    for Part { name, columns, sql } in PARTS {
        let column = |(name, kind): &(&str, Kind)| Column { name: (*name).to_owned(), kind: *kind };
        sources.extend(Source::of(name, columns.iter().map(column).collect(), sql.to_owned()));
    }
    Ok(sources)
}

impl Source {
    fn of(name: &str, columns: Vec<Column>, sql: String) -> Option<Source> {
        let connection = columns.iter().position(|column| column.name == CONNECTION)?;
        Some(Source { name: name.to_owned(), columns, connection, sql })
    }

    /// A digest of each connection's rows, independent of their order; none for a connection without rows.
    ///
    /// A digest is seeded with the connection's `uid`, which is random and is removed by a purge. So nobody
    /// can find out from a digest what the rows of a purged connection said.
    ///
    /// # Errors
    /// An error of SQLite, or a row that belongs to no connection.
    pub(super) fn digests(
        &self,
        snapshot: &Snapshot<'_>,
        connections: &[ConnectionRow],
    ) -> Result<BTreeMap<i64, String>, Failure> {
        let mut shape = Sha256::new().chain_update(FORMAT);
        for column in &self.columns {
            shape.update(format!("{} {:?}\0", column.name, column.kind));
        }
        let seed = |row: &ConnectionRow| (row.id, shape.clone().chain_update(&row.uid));
        let mut digests = Digests {
            source: self,
            seeds: connections.iter().map(seed).collect(),
            sums: BTreeMap::new(),
        };
        snapshot.query(&self.sql, &[], &mut digests)??;
        Ok(digests.sums.into_iter().map(|(id, sum)| (id, format!("{sum:016x}"))).collect())
    }

    /// Passes the rows of these connections to `answer`, connection by connection.
    ///
    /// # Errors
    /// An error of SQLite or of `answer`.
    pub(super) fn rows(
        &self,
        snapshot: &Snapshot<'_>,
        connections: &[i64],
        answer: &mut dyn Answer<Failure>,
    ) -> Result<(), Failure> {
        let sql = format!(
            "SELECT * FROM ({}) WHERE {CONNECTION} IN (SELECT value FROM json_each(:ids))
             ORDER BY {CONNECTION}",
            self.sql
        );
        let ids = ParameterValue::Text(format!("{connections:?}"));
        let parameter = Parameter { name: "ids".to_owned(), value: ids };
        snapshot.query(&sql, &[parameter], answer)?
    }

    /// Refuses an answer whose columns are not those of the table.
    pub(super) fn check(&self, names: &[&str]) -> Result<(), Failure> {
        match names.iter().eq(self.columns.iter().map(|column| &column.name)) {
            true => Ok(()),
            false => Err(self.odd("has other columns in its rows than in its definition")),
        }
    }

    /// The connection that a row belongs to.
    pub(super) fn connection_of(&self, cells: &[AnswerCell<'_>]) -> Result<i64, Failure> {
        match cells.get(self.connection) {
            Some(AnswerCell::Integer(id)) => Ok(*id),
            _ => Err(self.odd("has a row that belongs to no connection")),
        }
    }

    fn odd(&self, what: &str) -> Failure {
        Failure::bug(format!("the table {} {what}", self.name), anyhow::anyhow!("the lake"))
    }
}

/// Adds up the digests of rows.
struct Digests<'a> {
    source: &'a Source,
    seeds: BTreeMap<i64, Sha256>,
    sums: BTreeMap<i64, u64>,
}

impl Answer<Failure> for Digests<'_> {
    fn columns(&mut self, names: &[&str]) -> Result<(), Failure> {
        self.source.check(names)
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> Result<(), Failure> {
        let id = self.source.connection_of(cells)?;
        let seed = self.seeds.get(&id).ok_or_else(|| {
            self.source.odd(
                "has a row that belongs to no \
                connection",
            )
        })?;
        let mut hash = seed.clone();
        for cell in cells {
            // Each cell begins with a mark of its type; a text or blob has its length, too. So two
            // different rows never give the same bytes.
            match cell {
                AnswerCell::Null => hash.update([0]),
                AnswerCell::Integer(value) => {
                    hash.update([&[1][..], &value.to_le_bytes()].concat())
                }
                AnswerCell::Real(value) => {
                    hash.update([&[2][..], &value.to_bits().to_le_bytes()].concat());
                }
                AnswerCell::Text(text) => text_of(&mut hash, 3, text.as_bytes()),
                AnswerCell::Blob(bytes) => text_of(&mut hash, 4, bytes),
            }
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize()[..8]);
        let sum = self.sums.entry(id).or_default();
        *sum = sum.wrapping_add(u64::from_le_bytes(first));
        Ok(())
    }
}

fn text_of(hash: &mut Sha256, mark: u8, bytes: &[u8]) {
    hash.update([mark]);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}
