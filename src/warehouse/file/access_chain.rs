//! The access log as a chain: each entry's digest covers the digest before it and its own fields.
//!
//! The digest covers an entry's target and detail only through salted hashes, the seals, since a purge must
//! be able to blank these two texts. A purge blanks the salt with the text, so that nobody can guess a name
//! from its seal. The purge's own entry lists the entries that it blanked. A table of its own notes the end
//! of the chain, so that a removed tail is noticed. The first entry of the chain also seals all older ones.
//!
//! Old entries may be pruned from the beginning of the chain. An entry of the command `prune` then says
//! how many entries are gone so far, the id of the last of them, and its digest, on which the first
//! remaining entry builds.
//!
//! The chain has no secret: whoever can write the file can make all of it anew. The last digest then
//! differs from the digest that somebody noted elsewhere, which is why `verify` shows it.

use crate::warehouse::{
    error::{Doing, WarehouseError},
    verify::checked::{Checked, Remedy},
};
use rusqlite::{
    Connection, OptionalExtension, Row, params,
    types::{Value, ValueRef},
};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// The digest that stands before the first entry.
const BEGINNING: [u8; 32] = [0; 32];
const DOING: &str = "cannot seal the access log";

/// The end of the chain, as noted beside the entries.
struct End {
    entries: i64,
    digest: Vec<u8>,
}

/// An entry as stored. Whoever tampered with it may have put a value of any type anywhere.
struct Entry {
    id: i64,
    /// Fields that stay for ever: at, os_user, command, connection_id, blanks.
    lasting: Vec<Value>,
    /// Target and detail.
    blankable: [Sealed; 2],
    digest: Value,
}

struct Sealed {
    what: &'static str,
    text: Value,
    salt: Value,
    seal: Value,
}

/// Seals the newest entry; if the chain has no entry yet, seals all the earlier entries, too.
///
/// Must be called in the transaction that wrote the entry. A warehouse of an earlier schema has no chain
/// yet.
pub(crate) fn append(connection: &Connection) -> Result<(), WarehouseError> {
    if !connection.table_exists(None, "access_log_chain").doing(DOING)? {
        return Ok(());
    }
    let newest = connection.last_insert_rowid();
    let end = end(connection)?;
    // Sealed entries without a noted end: somebody removed the note. No new chain begins over them.
    let is_first = end.is_none() && !has_digests(connection)?;
    let mut end = end.unwrap_or(End { entries: 0, digest: BEGINNING.to_vec() });
    let ids: Vec<i64> = connection
        .prepare("SELECT id FROM access_log WHERE id = ?1 OR ?2 ORDER BY id")
        .and_then(|mut ids| ids.query_map(params![newest, is_first], |row| row.get(0))?.collect())
        .doing(DOING)?;
    for id in ids {
        salt(connection, id)?;
        let mut entry = connection
            .query_row(&format!("{SELECT} WHERE id = ?1"), [id], Entry::read)
            .doing(DOING)?;
        for sealed in &mut entry.blankable {
            sealed.seal = sealed.expected().map_or(Value::Null, Value::Blob);
        }
        end = End { entries: end.entries + 1, digest: entry.expected(&end.digest) };
        let [target, detail] = entry.blankable.map(|sealed| sealed.seal);
        connection
            .execute(
                "UPDATE access_log SET target_seal = ?2, detail_seal = ?3, digest = ?4
                 WHERE id = ?1",
                params![id, target, detail, end.digest],
            )
            .doing(DOING)?;
    }
    connection
        .execute(
            "INSERT OR REPLACE INTO access_log_chain (only_row, entries, digest) VALUES (1, ?1, ?2)",
            params![end.entries, end.digest],
        )
        .doing(DOING)
        .map(drop)
}

fn has_digests(connection: &Connection) -> Result<bool, WarehouseError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM access_log WHERE digest IS NOT NULL)";
    connection.query_row(sql, [], |row| row.get(0)).doing(DOING)
}

fn salt(connection: &Connection, id: i64) -> Result<(), WarehouseError> {
    connection
        .execute(
            "UPDATE access_log SET target_salt = iif(target IS NULL, NULL, randomblob(16)),
               detail_salt = iif(detail IS NULL, NULL, randomblob(16)) WHERE id = ?1",
            [id],
        )
        .doing(DOING)
        .map(drop)
}

fn end(connection: &Connection) -> Result<Option<End>, WarehouseError> {
    connection
        .query_row("SELECT entries, digest FROM access_log_chain", [], |row| {
            Ok(End { entries: row.get(0)?, digest: row.get(1)? })
        })
        .optional()
        .doing(DOING)
}

const SELECT: &str = "SELECT id, at, os_user, command, connection_id, blanks,
    target, target_salt, target_seal, detail, detail_salt, detail_seal, digest FROM access_log";

impl Entry {
    fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
        let sealed = |what, from: usize| {
            Ok::<_, rusqlite::Error>(Sealed {
                what,
                text: row.get(from)?,
                salt: row.get(from + 1)?,
                seal: row.get(from + 2)?,
            })
        };
        Ok(Entry {
            id: row.get(0)?,
            lasting: (1..6).map(|at| row.get(at)).collect::<Result<_, _>>()?,
            blankable: [sealed("target", 6)?, sealed("detail", 9)?],
            digest: row.get(12)?,
        })
    }

    /// The digest of this entry if it follows an entry with the digest `before`.
    fn expected(&self, before: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        absorb(&mut hash, ValueRef::Blob(before));
        absorb(&mut hash, ValueRef::Integer(self.id));
        for value in self.lasting.iter().chain(self.blankable.iter().map(|sealed| &sealed.seal)) {
            absorb(&mut hash, value.into());
        }
        hash.finalize().to_vec()
    }

    /// The ids of the entries that this entry says it blanked; none unless a purge or a move wrote it.
    fn blanks(&self) -> impl Iterator<Item = i64> {
        let (command, blanks) = (&self.lasting[2], &self.lasting[4]);
        let ids = match (command, blanks) {
            (Value::Text(command), Value::Text(ids)) if command == "purge" || command == "move" => {
                ids.as_str()
            }
            _ => "",
        };
        ids.split(',').filter_map(|id| id.parse().ok())
    }
}

impl Entry {
    /// Where the chain begins, if this entry was written by a pruning.
    fn cut(&self) -> Option<Cut> {
        match (&self.lasting[2], &self.blankable[1].text) {
            (Value::Text(command), Value::Text(text)) if command == PRUNE => Cut::parse(text),
            _ => None,
        }
    }
}

impl Sealed {
    /// The seal that the present text and salt give.
    fn expected(&self) -> Option<Vec<u8>> {
        if self.text == Value::Null {
            return None;
        }
        let mut hash = Sha256::new();
        absorb(&mut hash, (&self.salt).into());
        absorb(&mut hash, (&self.text).into());
        Some(hash.finalize().to_vec())
    }

    /// Whether there was a text that has been blanked.
    fn is_blank(&self) -> bool {
        self.text == Value::Null && self.salt == Value::Null && self.seal != Value::Null
    }

    fn is_sound(&self) -> bool {
        self.is_blank() || self.seal == self.expected().map_or(Value::Null, Value::Blob)
    }
}

/// Hashes a value with its type and length, so that no two lists of values give the same bytes.
fn absorb(hash: &mut Sha256, value: ValueRef<'_>) {
    let (kind, bytes): (u8, &[u8]) = match value {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(number) => return absorb_fixed(hash, 1, number.to_be_bytes()),
        ValueRef::Real(number) => return absorb_fixed(hash, 2, number.to_be_bytes()),
        ValueRef::Text(text) => (3, text),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

fn absorb_fixed(hash: &mut Sha256, kind: u8, bytes: [u8; 8]) {
    hash.update([kind]);
    hash.update(bytes);
}

/// The command of the entry that says where a pruned chain begins.
pub(super) const PRUNE: &str = "prune";

/// Where a pruned chain begins.
struct Cut {
    /// How many entries have gone so far.
    entries: i64,
    /// The id of the last entry that has gone.
    id: i64,
    digest: Vec<u8>,
}

impl Cut {
    fn text(&self) -> String {
        format!(
            "{} entries up to {}, digest {}",
            self.entries,
            self.id,
            base16ct::lower::encode_string(&self.digest)
        )
    }

    fn parse(text: &str) -> Option<Cut> {
        let (entries, rest) = text.split_once(" entries up to ")?;
        let (id, digest) = rest.split_once(", digest ")?;
        let byte = |at: usize| u8::from_str_radix(digest.get(at..at + 2)?, 16).ok();
        let digest = (0..64).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
        Some(Cut { entries: entries.parse().ok()?, id: id.parse().ok()?, digest })
    }
}

/// Removes the entries up to the id `last`, all of which must be sealed; returns the detail for the entry
/// that records the removal.
///
/// `None`: nothing was removed, since there is no intact chain to cut.
pub(super) fn cut(connection: &Connection, last: i64) -> Result<Option<String>, WarehouseError> {
    if !connection.table_exists(None, "access_log_chain").doing(DOING)? {
        return Ok(None);
    }
    // A chain with a fault is not cut, so that the fault stays visible.
    if verify(connection)?.problems > 0 {
        return Ok(None);
    }
    let Some(end) = end(connection)? else { return Ok(None) };
    let digest = connection
        .query_row("SELECT digest FROM access_log WHERE id = ?1", [last], |row| row.get(0))
        .doing(DOING)?;
    connection.execute("DELETE FROM access_log WHERE id <= ?1", [last]).doing(DOING)?;
    let left: i64 = connection
        .query_row("SELECT count(*) FROM access_log", [], |row| row.get(0))
        .doing(DOING)?;
    Ok(Some(Cut { entries: end.entries - left, id: last, digest }.text()))
}

/// Follows the chain from its beginning to its end.
pub(crate) fn verify(connection: &Connection) -> Result<Checked, WarehouseError> {
    let doing = "cannot read the access log";
    let mut checked = Checked::new(CHECKED).undone_by(Remedy::EarlierLog);
    let end = end(connection)?;
    let mut statement = connection.prepare(&format!("{SELECT} ORDER BY id")).doing(doing)?;
    let entries: Vec<Entry> = statement
        .query_map([], Entry::read)
        .and_then(Iterator::collect::<Result<_, _>>)
        .doing(doing)?;
    checked.count = entries.len() as u64;
    let Some(end) = end else {
        if entries.iter().any(|entry| entry.digest != Value::Null) {
            checked.problem(|| "the record of its last entry is missing".to_owned());
        } else if !entries.is_empty() {
            checked.note =
                Some("from before entries were chained; the next entry seals them".to_owned());
        }
        return Ok(checked);
    };
    let cut = entries.iter().rev().find_map(Entry::cut);
    let pruned = cut.as_ref().map_or(0, |cut| cut.entries);
    let (mut before, mut previous) = match cut {
        Some(Cut { digest, id, .. }) => (digest, Some(id)),
        None => (BEGINNING.to_vec(), None),
    };
    for entry in &entries {
        let expected = entry.expected(&before);
        if entry.digest != Value::Blob(expected.clone()) {
            checked.problem(|| not_following(entry.id, previous));
        }
        for sealed in entry.blankable.iter().filter(|sealed| !sealed.is_sound()) {
            checked.problem(|| format!("the {} of entry {} was changed", sealed.what, entry.id));
        }
        before = match &entry.digest {
            Value::Blob(digest) => digest.clone(),
            _ => expected,
        };
        previous = Some(entry.id);
    }
    let mut announced = BTreeSet::new();
    for entry in entries.iter().rev() {
        for sealed in entry.blankable.iter().filter(|sealed| sealed.is_blank()) {
            if !announced.contains(&entry.id) {
                checked.problem(|| {
                    format!("the {} of entry {} was blanked by no purge", sealed.what, entry.id)
                });
            }
        }
        announced.extend(entry.blanks());
    }
    if end.entries - pruned != entries.len() as i64 {
        checked.problem(|| {
            let made = end.entries - pruned;
            format!("entries made: {made}, entries left: {}", entries.len())
        });
    } else if end.digest != before {
        checked.problem(|| "the last entry is not the newest one made".to_owned());
    }
    if let (Some(last), 0) = (previous, checked.problems) {
        checked.note =
            Some(format!("hash up to entry {last}: {}", base16ct::lower::encode_string(&before)));
    }
    Ok(checked)
}

/// The name of this check in a [`Checked`].
pub(crate) const CHECKED: &str = "entries of the access log, each after the one before it";

fn not_following(id: i64, previous: Option<i64>) -> String {
    match previous {
        Some(previous) if previous + 1 < id => format!(
            "entry {id} does not follow entry {previous}: an entry between them is missing, or \
             entry {id} was changed"
        ),
        None if id > 1 => {
            format!(
                "entry {id} is not the first: an earlier entry is missing, or entry {id} was \
                     changed"
            )
        }
        _ => format!("entry {id} was changed or put in"),
    }
}
