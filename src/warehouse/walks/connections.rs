//! The connections: which member consented at which plan, under which name.

use super::{
    moves::{Moving, under_way},
    token_generation,
};
use crate::{
    clock,
    reference::{FullUrls, ServerBases},
    warehouse::{
        error::{Doing, WarehouseError},
        tables::{marts, table::Catalog},
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// One member's consent at one plan, or one member's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRow {
    /// `connection.id`, in every row of every table.
    pub id: i64,
    /// A random id; the key of the connection's tokens in the vault.
    pub uid: String,
    /// The connection's name on the command line.
    pub name: String,
    /// The plan's name in the configuration; `None` if an import made the connection, so that only files
    /// fill it.
    pub plan: Option<String>,
    /// A label that groups a person's connections across plans.
    pub member: Option<String>,
    /// The id of the connection's Patient, once known.
    pub patient_id: Option<String>,
    /// The scopes granted, as the token endpoint returned them.
    pub scope: Option<String>,
    /// When the member consented last (RFC 3339).
    pub consented_at: Option<String>,
    /// The newest generation of the connection's tokens that a run has used.
    pub token_generation: Option<i64>,
    /// Set while the connection moves between two homes; nothing is then requested for it.
    pub moving: Option<Box<Moving>>,
}

/// A consent that is to be stored.
#[derive(Debug, Clone)]
pub struct NewConsent {
    /// A random id; used if the name is new.
    pub uid: String,
    /// The connection's name on the command line.
    pub name: String,
    /// The plan's name in the configuration.
    pub plan: String,
    /// A label that groups a person's connections across plans; `None` keeps the present one.
    pub member: Option<String>,
    /// The scopes granted, as the token endpoint returned them.
    pub scope: Option<String>,
    /// The id of the connection's Patient, if the token endpoint named it.
    pub patient_id: Option<String>,
    /// When the consent ends, if the token endpoint said so.
    pub ends_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, uid, name, plan, member, patient_id, scope, consented_at";

/// Stores a consent: as a new connection, or as the renewal of the connection with its name.
pub(crate) fn consent(
    connection: &mut Connection,
    consent: &NewConsent,
    bases: Option<String>,
    now: DateTime<Utc>,
) -> Result<ConnectionRow, WarehouseError> {
    let doing = "cannot enter a connection";
    let transaction = connection.transaction().doing(doing)?;
    transaction
        .execute(
            "INSERT INTO connection (uid, name, plan, member, scope, patient_id, created_at,
               consented_at, fhir_bases, consent_ends_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9)
             ON CONFLICT (name) DO UPDATE SET plan = excluded.plan,
               member = coalesce(excluded.member, member), scope = excluded.scope,
               patient_id = coalesce(excluded.patient_id, patient_id),
               consented_at = excluded.consented_at,
               consent_ends_at = excluded.consent_ends_at, token_generation = NULL",
            params![
                consent.uid,
                consent.name,
                consent.plan,
                consent.member,
                consent.scope,
                consent.patient_id,
                clock::text(now),
                bases,
                consent.ends_at.map(clock::text)
            ],
        )
        .doing(doing)?;
    let row = transaction
        .query_row(
            &select(&transaction, "WHERE name = ?1").doing(doing)?,
            [&consent.name],
            connection_of,
        )
        .doing(doing)?;
    // A new label may join two persons into one.
    marts::note(&transaction, row.id)?;
    transaction.commit().doing(doing)?;
    Ok(row)
}

/// A connection that only files fill, to be stored.
#[derive(Debug, Clone)]
pub struct NewFiles {
    /// A random id.
    pub uid: String,
    /// The connection's name on the command line.
    pub name: String,
    /// A label that groups a person's connections across plans.
    pub member: Option<String>,
}

impl ConnectionRow {
    /// The plan's name; empty if only files fill the connection.
    pub fn plan_name(&self) -> &str {
        self.plan.as_deref().unwrap_or_default()
    }

    /// Where the connection's data comes from, in words for people.
    pub fn source(&self) -> String {
        match &self.plan {
            Some(plan) => format!("at plan {plan}"),
            None => "from files".to_owned(),
        }
    }
}

/// Stores a connection that only files fill.
pub(crate) fn of_files(
    connection: &mut Connection,
    files: &NewFiles,
    now: DateTime<Utc>,
) -> Result<ConnectionRow, WarehouseError> {
    let doing = "cannot enter a connection";
    let transaction = connection.transaction().doing(doing)?;
    transaction
        .execute(
            "INSERT INTO connection (uid, name, member, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![files.uid, files.name, files.member, clock::text(now)],
        )
        .doing(doing)?;
    let row = transaction
        .query_row(
            &select(&transaction, "WHERE name = ?1").doing(doing)?,
            [&files.name],
            connection_of,
        )
        .doing(doing)?;
    marts::note(&transaction, row.id)?;
    transaction.commit().doing(doing)?;
    Ok(row)
}

/// The connection with a name.
pub(crate) fn by_name(
    connection: &Connection,
    name: &str,
) -> Result<Option<ConnectionRow>, WarehouseError> {
    one(connection, "name", name)
}

/// The connection with a uid.
pub(crate) fn by_uid(
    connection: &Connection,
    uid: &str,
) -> Result<Option<ConnectionRow>, WarehouseError> {
    one(connection, "uid", uid)
}

fn one(
    connection: &Connection,
    column: &str,
    value: &str,
) -> Result<Option<ConnectionRow>, WarehouseError> {
    let found = select(connection, &format!("WHERE {column} = ?1"))
        .and_then(|sql| connection.query_row(&sql, [value], connection_of).optional())
        .doing("cannot read the connections")?;
    let Some(row) = found else { return Ok(None) };
    let moving = under_way(connection)?.remove(&row.id);
    Ok(Some(ConnectionRow { moving, ..row }))
}

/// The Patients that a connection has or had, in the order in which they first came.
pub(crate) fn patients(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<(String, Vec<u8>)>, WarehouseError> {
    connection
        .prepare(
            "SELECT resource_id, json FROM resource
             WHERE connection_id = ?1 AND resource_type = 'Patient' ORDER BY id",
        )
        .and_then(|mut statement| {
            let patient = |row: &Row<'_>| Ok((row.get(0)?, row.get_ref(1)?.as_bytes()?.to_vec()));
            statement.query_map([connection_id], patient)?.collect()
        })
        .doing("cannot read whose data a connection holds")
}

/// Patients among a connection's rejects that are not the connection's patient.
pub(crate) fn other_patients(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<(String, Vec<u8>)>, WarehouseError> {
    connection
        .prepare(
            "SELECT resource_id, body FROM rejected_resource
             WHERE connection_id = ?1 AND resource_type = 'Patient' AND reason = 'foreign_subject'
               AND resource_id IS NOT NULL",
        )
        .and_then(|mut statement| {
            let patient = |row: &Row<'_>| Ok((row.get(0)?, row.get_ref(1)?.as_bytes()?.to_vec()));
            statement.query_map([connection_id], patient)?.collect()
        })
        .doing("cannot read whose data a connection does not hold")
}

/// Notes the patient of a connection, once it is known; a patient that is noted never changes.
pub(crate) fn pin_patient(
    connection: &mut Connection,
    connection_id: i64,
    patient: &str,
) -> Result<(), WarehouseError> {
    let doing = "cannot note whose data a connection holds";
    let transaction = connection.transaction().doing(doing)?;
    let pinned = transaction
        .execute(
            "UPDATE connection SET patient_id = ?2 WHERE id = ?1 AND patient_id IS NULL",
            params![connection_id, patient],
        )
        .doing(doing)?;
    if pinned > 0 {
        // The mart `member` is built from the Patients noted here.
        marts::note(&transaction, connection_id)?;
    }
    transaction.commit().doing(doing)
}

/// The FHIR bases by which the references of a connection's resources are resolved.
pub(crate) fn bases(
    connection: &Connection,
    connection_id: i64,
) -> Result<ServerBases, WarehouseError> {
    let text: Option<Option<String>> = connection
        .prepare_cached("SELECT fhir_bases FROM connection WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([connection_id], |row| row.get(0)).optional())
        .doing("cannot read the connections")?;
    Ok(ServerBases::from_text(&text.flatten().unwrap_or_default()))
}

/// The bases, extended by the references that a resource's Bundle resolved; `None` if it resolved none.
pub(crate) fn within(bases: &ServerBases, bundle_references: Option<&str>) -> Option<ServerBases> {
    bundle_references.map(|text| bases.within(FullUrls::from_text(text)))
}

/// The bases of all connections as one text; if it changes, rows may change.
pub(crate) fn all_bases(connection: &Connection) -> Result<String, WarehouseError> {
    connection
        .query_row(
            "SELECT coalesce(group_concat(id || ' ' || coalesce(fhir_bases, ''), char(10)), '')
             FROM (SELECT id, fhir_bases FROM connection ORDER BY id)",
            [],
            |row| row.get(0),
        )
        .doing("cannot read the connections")
}

/// Updates the stored bases from the configuration.
///
/// If the bases of a connection with resources change, every table is out of date.
pub(crate) fn update_bases(
    connection: &mut Connection,
    catalog: &Catalog,
) -> Result<(), WarehouseError> {
    let doing = "cannot note a connection's FHIR bases";
    let known: Vec<(i64, Option<String>, Option<String>)> = connection
        .prepare("SELECT id, plan, fhir_bases FROM connection")
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        })
        .doing(doing)?;
    let changed: Vec<(i64, String)> = known
        .into_iter()
        .filter_map(|(id, plan, stored)| {
            // For connections filled from files, an import notes the bases.
            let wanted = catalog.bases(&plan?)?;
            (stored.as_ref() != Some(&wanted)).then_some((id, wanted))
        })
        .collect();
    if changed.is_empty() { Ok(()) } else { set_bases(connection, &changed) }
}

/// Notes the bases by which the references of connections' resources are resolved.
///
/// If a connection has resources, all tables are filled again when the warehouse is next opened, and the next
/// sync searches its resources again for references to types that are read by reference. All of it is noted
/// in one transaction: if the process is killed in between, rows by the old bases would stay.
pub(crate) fn set_bases(
    connection: &mut Connection,
    bases: &[(i64, String)],
) -> Result<(), WarehouseError> {
    let doing = "cannot note a connection's FHIR bases";
    let transaction = connection.transaction().doing(doing)?;
    for (id, bases) in bases {
        transaction
            .execute("UPDATE connection SET fhir_bases = ?2 WHERE id = ?1", params![id, bases])
            .doing(doing)?;
        transaction
            .execute(
                "UPDATE view_table SET definition_hash = X''
                 WHERE EXISTS (SELECT 1 FROM resource WHERE connection_id = ?1)",
                [id],
            )
            .doing(doing)?;
        transaction
            .execute("UPDATE reference_type SET scanned_to = NULL WHERE connection_id = ?1", [id])
            .doing(doing)?;
    }
    transaction.commit().doing(doing)
}

/// All connections, by name.
pub(crate) fn all(connection: &Connection) -> Result<Vec<ConnectionRow>, WarehouseError> {
    let mut rows: Vec<ConnectionRow> = select(connection, "ORDER BY name")
        .and_then(|sql| connection.prepare(&sql))
        .and_then(|mut statement| statement.query_map([], connection_of)?.collect())
        .doing("cannot read the connections")?;
    let mut moves = under_way(connection)?;
    if !moves.is_empty() {
        rows.iter_mut().for_each(|row| row.moving = moves.remove(&row.id));
    }
    Ok(rows)
}

/// The statement that reads connections for [`connection_of`].
fn select(connection: &Connection, rest: &str) -> rusqlite::Result<String> {
    let generation = token_generation::column(connection)?;
    Ok(format!("SELECT {COLUMNS}, {generation} FROM connection {rest}"))
}

fn connection_of(row: &Row<'_>) -> rusqlite::Result<ConnectionRow> {
    Ok(ConnectionRow {
        id: row.get(0)?,
        uid: row.get(1)?,
        name: row.get(2)?,
        plan: row.get(3)?,
        member: row.get(4)?,
        patient_id: row.get(5)?,
        scope: row.get(6)?,
        consented_at: row.get(7)?,
        token_generation: row.get(8)?,
        moving: None,
    })
}

/// Notes the scopes of a consent.
pub(crate) fn set_scope(
    connection: &Connection,
    id: i64,
    scope: &str,
) -> Result<(), WarehouseError> {
    connection
        .execute("UPDATE connection SET scope = ?2 WHERE id = ?1", params![id, scope])
        .doing("cannot note the scopes of a consent")
        .map(drop)
}

#[cfg(test)]
#[path = "connections_tests.rs"]
mod tests;
