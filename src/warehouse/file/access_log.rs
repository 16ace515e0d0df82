//! The access log: who exported, reported, backed up or purged what, and when.
//!
//! It is for people who must account for health data. It holds counts and file names, never a
//! value of a resource.

use super::{
    access_chain,
    copies::{self, backup_outcome, is_there, may_be_away},
    named, open,
    place::WarehouseFile,
    waiting,
};
use crate::{
    clock,
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::path::Path;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The user, as the operating system names them.
    pub os_user: String,
    /// The command: backup, export, get, lake, move, prune, purge, report, restore.
    pub command: &'static str,
    /// The connection that was accessed; `None` for all.
    pub connection_id: Option<i64>,
    /// The file or folder that was written. In an entry of `prune`: a file that an earlier entry named.
    pub target: Option<String>,
    /// Counts, never values.
    pub detail: Option<String>,
}

/// Adds an entry to the access log; the entry is durable when this returns.
///
/// # Errors
/// The warehouse cannot be opened or written, or is so old that it has no access log.
pub fn log_access(
    file: &WarehouseFile,
    access: &Access,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    open::require_existing(file.path())?;
    // A backup of an old warehouse keeps its schema, so the log is written without looking at the version.
    let mut present = open::open_writable(file)?;
    waiting::as_writer(&mut present, file.path())?;
    if present.table_exists(None, "access_log").doing("cannot read the schema")? {
        return enter_alone(&mut present, access, now);
    }
    drop(present);
    enter_alone(&mut open::open_beside_a_run(file)?, access, now)
}

fn enter_alone(
    connection: &mut Connection,
    access: &Access,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot write the access log";
    // Takes the write lock before the previous entry is read, so that no other process adds one in between.
    let behavior = TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(behavior).doing(doing)?;
    enter(&transaction, access, now)?;
    transaction.commit().doing(doing)
}

/// Adds an entry as the newest link of the chain.
pub(crate) fn enter(
    transaction: &Transaction<'_>,
    access: &Access,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    insert(transaction, access, now)?;
    access_chain::append(transaction)
}

/// Like [`enter`], for a purge that has blanked earlier entries about the connection.
pub(super) fn enter_purge(
    transaction: &Transaction<'_>,
    access: &Access,
    blanked: &[i64],
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    insert(transaction, access, now)?;
    let ids: Vec<String> = blanked.iter().map(i64::to_string).collect();
    let id = transaction.last_insert_rowid();
    if !ids.is_empty() {
        let sql = "UPDATE access_log SET blanks = ?2 WHERE id = ?1";
        transaction
            .execute(sql, params![id, ids.join(",")])
            .doing("cannot write the access log")?;
    }
    access_chain::append(transaction)
}

/// Removes a connection's name from earlier entries.
///
/// Copies whose paths had the name may hold other members, too, and later purges must name them. So the purge
/// enters the path of each without the name; a copy that is gone for sure would be named for ever.
pub(crate) fn blank(transaction: &Transaction<'_>, name: &str) -> Result<Blanked, WarehouseError> {
    let doing = "cannot remove the name of a purged connection";
    named::register(transaction)?;
    // The details of these commands are fixed words of ours, and a connection's name may be such a word.
    let in_detail = "names(detail, ?1) AND command NOT IN ('backup', 'prune', 'purge', 'restore')";
    let named = format!("SELECT id FROM access_log WHERE names(target, ?1) OR {in_detail}");
    let ids = transaction
        .prepare(&format!("{named} ORDER BY id"))
        .and_then(|mut ids| ids.query_map([name], |row| row.get(0))?.collect())
        .doing(doing)?;
    let copies = copies::named(transaction, name)?
        .into_iter()
        .filter(|(_, target)| copies::may_exist(Path::new(target)))
        .map(|(connection_id, target)| Access {
            os_user: OURSELVES.to_owned(),
            command: access_chain::PRUNE,
            connection_id,
            target: Some(named::without(&target, name)),
            detail: Some("written earlier".to_owned()),
        })
        .collect();
    for statement in [
        "UPDATE access_log SET target = NULL, target_salt = NULL WHERE names(target, ?1)",
        &format!("UPDATE access_log SET detail = NULL, detail_salt = NULL WHERE {in_detail}"),
    ] {
        transaction.execute(statement, [name]).doing(doing)?;
    }
    Ok(Blanked { ids, copies })
}

/// What a purge removed from the access log, and what it must enter after its own entry.
pub(crate) struct Blanked {
    /// The entries that had the connection's name.
    pub(crate) ids: Vec<i64>,
    /// An entry for each copy whose path had the name.
    pub(crate) copies: Vec<Access>,
}

/// The user of entries that payersync makes about the access log itself.
const OURSELVES: &str = "payersync";

/// An entry, with what pruning needs to know of it.
struct Past {
    id: i64,
    is_old: bool,
    /// Whether a pruning wrote this entry.
    is_of_pruning: bool,
    connection_id: Option<i64>,
    /// The copy that this entry names, if no later entry names it.
    copy: Option<String>,
    /// Whether a command that wrote the copy came to its end.
    has_ended: bool,
}

/// Every entry, oldest first.
const PAST: &str = "SELECT id, at < ?1, command = 'prune', connection_id,
     CASE WHEN id = max(id) FILTER (WHERE is_copy) OVER copy THEN target END,
     coalesce(max(has_ended) FILTER (WHERE is_copy) OVER copy, 0)
   FROM (SELECT *, command IN ('backup', 'export', 'lake', 'report', 'prune') AND target IS NOT NULL AS is_copy,
           detail IS NULL OR detail NOT IN (?2, ?3) AS has_ended FROM access_log)
   WINDOW copy AS (PARTITION BY target, connection_id) ORDER BY id";

/// Deletes entries from before an instant, oldest first, up to the first that names an existing copy.
///
/// The entry of an existing copy stays, so that a purge can name the copy and its date.
///
/// One new entry says where the chain begins now. For each removed entry of a copy that may be on a disk that
/// is not mounted, a new entry names that copy.
pub(crate) fn prune(
    connection: &mut Connection,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot delete old entries of the access log";
    let behavior = TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(behavior).doing(doing)?;
    let mut gone = past(&transaction, &clock::text(before)).doing(doing)?;
    let goes = |entry: &Past| {
        entry.is_old && !entry.copy.as_ref().is_some_and(|copy| is_there(Path::new(copy)))
    };
    gone.truncate(gone.iter().take_while(|entry| goes(entry)).count());
    let entry = |connection_id, target, detail| Access {
        os_user: OURSELVES.to_owned(),
        command: access_chain::PRUNE,
        connection_id,
        target,
        detail,
    };
    let away: Vec<Access> = gone
        .iter()
        .filter_map(|past| {
            let copy = past.copy.clone().filter(|copy| may_be_away(Path::new(copy)))?;
            let detail = (!past.has_ended).then(|| backup_outcome::BEGUN.to_owned());
            Some(entry(past.connection_id, Some(copy), detail))
        })
        .collect();
    // Prunes nothing if only entries of earlier prunings would go, or if as many entries would be added as
    // removed.
    if gone.iter().all(|past| past.is_of_pruning) || gone.len() <= away.len() {
        return Ok(());
    }
    let Some(last) = gone.last() else { return Ok(()) };
    if let Some(beginning) = access_chain::cut(&transaction, last.id)? {
        enter(&transaction, &entry(None, None, Some(beginning)), now)?;
        for copy in &away {
            enter(&transaction, copy, now)?;
        }
    }
    transaction.commit().doing(doing)
}

fn past(connection: &Connection, before: &str) -> rusqlite::Result<Vec<Past>> {
    let (begun, failed) = (backup_outcome::BEGUN, backup_outcome::FAILED);
    let mut statement = connection.prepare(PAST)?;
    let past = statement.query_map([before, begun, failed], |row| {
        Ok(Past {
            id: row.get(0)?,
            is_old: row.get(1)?,
            is_of_pruning: row.get(2)?,
            connection_id: row.get(3)?,
            copy: row.get(4)?,
            has_ended: row.get(5)?,
        })
    })?;
    past.collect()
}

fn insert(
    connection: &Connection,
    access: &Access,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "INSERT INTO access_log (at, os_user, command, connection_id, target, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                clock::text(now),
                access.os_user,
                access.command,
                access.connection_id,
                access.target,
                access.detail
            ],
        )
        .doing("cannot write the access log")
        .map(drop)
}
