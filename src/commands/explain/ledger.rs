//! What the ledger says about a row of the marts `changes` and `data_freshness`.
//!
//! For a change: the run that noticed it; for the freshness of a type: the type's last walks.

use crate::{
    commands::asked::{Row, ask, number, text},
    plural::count,
    warehouse::{Snapshot, WarehouseError},
};

/// A sentence for each run or walk that the row comes from; nothing for the rows of other marts.
pub(super) fn notes(
    snapshot: &Snapshot<'_>,
    mart: &str,
    row: Row<'_>,
) -> Result<Vec<String>, WarehouseError> {
    match mart {
        "changes" => run(snapshot, row),
        "data_freshness" => walks(snapshot, row),
        _ => Ok(Vec::new()),
    }
}

fn run(snapshot: &Snapshot<'_>, row: Row<'_>) -> Result<Vec<String>, WarehouseError> {
    let Some(id) = row.integer("run_id") else { return Ok(Vec::new()) };
    let sql = "SELECT command, version, started_at FROM sync_run WHERE id = :run";
    let found = ask(snapshot, sql, &[number("run", id)])?;
    let told = |run: Row<'_>| {
        let (command, version) = (run.word("command"), run.word("version"));
        format!(
            "Noticed by run {id}: {command} of payersync {version}, begun {}",
            run.word("started_at")
        )
    };
    Ok(found.first().map(told).into_iter().collect())
}

/// The last walk of the row's type, and the last complete walk if that was an earlier one.
fn walks(snapshot: &Snapshot<'_>, row: Row<'_>) -> Result<Vec<String>, WarehouseError> {
    let parameters = [
        number("connection", row.integer("connection_id").unwrap_or_default()),
        text("type", row.word("resource_type")),
    ];
    let sql = "SELECT id, run_id, mode, state, pages_before + pages AS pages, started_at
               FROM sync_walk WHERE connection_id = :connection AND resource_type = :type
                 AND (state = 'complete' OR :state = '')
               ORDER BY id DESC LIMIT 1";
    let mut notes = Vec::new();
    let mut told = None;
    for (state, which) in [("", "Last walk"), ("complete", "Last complete walk")] {
        let found = ask(snapshot, sql, &[&parameters[..], &[text("state", state)]].concat())?;
        let Some(walk) = found.first() else { continue };
        let id = walk.integer("id");
        if told == id {
            continue;
        }
        told = id;
        let pages = u64::try_from(walk.integer("pages").unwrap_or_default()).unwrap_or_default();
        notes.push(format!(
            "{which}: walk {} of run {}, {}, {}, {}, begun {}",
            id.unwrap_or_default(),
            walk.integer("run_id").unwrap_or_default(),
            walk.word("mode"),
            walk.word("state"),
            count(pages, "page"),
            walk.word("started_at"),
        ));
    }
    Ok(notes)
}
