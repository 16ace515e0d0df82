//! What the warehouse claims after a sync, held against what the payer held.

use super::{
    night::Played,
    payer::{Paging, Payer},
    world::{Content, TYPES, text},
};
use crate::support::Home;
use std::collections::{BTreeMap, BTreeSet};

/// The syncs played so far, by their run in the ledger.
pub(super) type Runs = BTreeMap<i64, Played>;

/// A walk as the ledger tells of it.
struct Walk {
    is_full: bool,
    since: Option<String>,
    /// The run in which its first page was fetched.
    began_in: i64,
    is_resumed: bool,
    /// Whether it is the only walk of its type in the run.
    is_alone: bool,
}

/// The live resources of a type, as stored.
pub(super) fn stored(home: &Home, name: &str) -> Content {
    let sql = format!(
        "SELECT resource_id, json FROM resource WHERE resource_type = '{name}' AND deleted_at IS NULL"
    );
    home.rows(&sql).into_iter().map(|row| (row[0].clone(), row[1].as_str().into())).collect()
}

fn ids(home: &Home, sql: &str) -> BTreeSet<String> {
    home.rows(sql).concat().into_iter().collect()
}

/// What must hold at every moment: nothing is invented, nothing that is alive is buried, and the
/// tables are what the stored bytes say.
pub(super) fn check_always(home: &Home, payer: &Payer, played: &Played, when: &str) {
    let left: i64 = home.value(
        "SELECT count(*) FROM walk_page p WHERE page > 0
           AND NOT EXISTS (SELECT 1 FROM walk_cursor k WHERE k.walk_id = p.walk_id)",
    );
    assert_eq!(left, 0, "{when}: notes of the pages of walks that go on nowhere");
    for name in TYPES {
        let held = stored(home, name);
        for (id, json) in &held {
            let key = (name.to_owned(), id.clone(), json.clone());
            assert!(payer.served.contains(&key), "{when}: {name}/{id} was never sent so");
        }
        let truth = payer.world.content(name, payer.world.version(name));
        let buried = format!(
            "SELECT resource_id FROM resource WHERE resource_type = '{name}' AND deleted_at IS NOT NULL"
        );
        let alive: Vec<String> =
            ids(home, &buried).into_iter().filter(|id| truth.contains_key(id)).collect();
        assert!(alive.is_empty(), "{when}: {name} {alive:?} are alive and were buried");
        let expected: BTreeSet<String> = held.keys().cloned().collect();
        let (table, column, path) = match name {
            "Patient" => ("patient", "language", "$.language"),
            "Coverage" => ("coverage", "dependent", "$.dependent"),
            "Condition" => ("condition", "code_text", "$.code.text"),
            _ => ("explanation_of_benefit", "payment_amount", "$.payment.amount.value"),
        };
        assert_eq!(ids(home, &format!("SELECT id FROM {table}")), expected, "{when}: {table}");
        let different: i64 = home.value(&format!(
            "SELECT count(*) FROM {table} t JOIN resource r ON r.connection_id = t.connection_id
               AND r.resource_type = '{name}' AND r.resource_id = t.id
             WHERE CAST(t.{column} AS TEXT) IS NOT
               CAST(iif('{column}' = 'payment_amount', r.json ->> '{path}' + 0.0, r.json ->> '{path}') AS TEXT)"
        ));
        assert_eq!(different, 0, "{when}: rows of {table} that are not what the bytes say");
        if table == "explanation_of_benefit" && !played.was_killed {
            let current = "SELECT explanation_of_benefit_id FROM claim_current";
            assert_eq!(ids(home, current), expected, "{when}: claim_current");
        }
    }
}

/// What a sync that came to its end claims: each walk told as complete, and the exit code.
pub(super) fn check_claims(home: &Home, payer: &Payer, runs: &Runs, run_id: i64, when: &str) {
    let played = &runs[&run_id];
    for name in TYPES {
        for walk in complete_walks(home, name, run_id) {
            check_walk(home, payer, runs, (name, run_id), &walk, when);
        }
    }
    if played.is_backfill && played.ended.code == 0 {
        check_backfill(home, payer, played, when);
    }
    let code = played.ended.code;
    assert!([0, 2, 4].contains(&code), "{when}: exit code {code}: {}", played.ended.stderr);
    if code == 0 {
        let open: i64 = home.value(&format!(
            "SELECT (SELECT count(*) FROM rejected_resource WHERE resolved_at IS NULL)
               + (SELECT count(*) FROM sync_walk w WHERE run_id = {run_id} AND state <> 'complete'
                  AND id IN (SELECT max(id) FROM sync_walk GROUP BY resource_type)
                  -- A plan that refuses a search from the start does not serve it.
                  AND NOT (state = 'not_served' AND NOT EXISTS (SELECT 1 FROM sync_walk o
                    WHERE o.resource_type = w.resource_type AND o.pages > 0)))"
        ));
        let walks = || TYPES.map(|name| told(home, name, played)).concat();
        assert_eq!(open, 0, "{when}: exit code 0 beside what is open\n{}", walks());
    }
}

/// What a backfill over all time claims: what was there all the while is stored, as it was at some
/// instant of it, also where its date moved from window to window.
fn check_backfill(home: &Home, payer: &Payer, played: &Played, when: &str) {
    let name = "Condition";
    let habits = payer.habits[name];
    if !habits.totals || !habits.honours_last_updated {
        return;
    }
    let first = played.lags_from.as_ref().unwrap_or(&played.before)[name];
    let instants: Vec<Content> =
        (first..=played.after[name]).map(|version| payer.world.content(name, version)).collect();
    let held = stored(home, name);
    for id in instants[0].keys().filter(|id| instants.iter().all(|it| it.contains_key(*id))) {
        let is_so = instants.iter().any(|it| held.get(id) == it.get(id));
        assert!(
            is_so,
            "{when}: a backfill is complete and {name}/{id} was at no instant of it as {:?}\n{}",
            held.get(id),
            told(home, name, played)
        );
    }
}

/// The last walk of each kind in a run, where it is told as complete. What is read by reference is
/// complete when all that is named has come.
fn complete_walks(home: &Home, name: &str, run_id: i64) -> Vec<Walk> {
    let rows = home.rows(&format!(
        "SELECT w.mode, w.since, pages_before > 0, (
           WITH RECURSIVE part (id, run) AS (
             SELECT w.id, w.run_id UNION ALL
             SELECT p.id, p.run_id FROM sync_walk s JOIN part ON s.id = part.id
               JOIN sync_walk p ON p.id = s.resumed_from)
           SELECT run FROM part ORDER BY id LIMIT 1),
           (SELECT count(*) FROM sync_walk o WHERE o.run_id = {run_id}
              AND o.resource_type = '{name}')
         FROM sync_walk w WHERE w.state = 'complete' AND w.mode NOT IN ('window', 'reference') AND w.id IN (
           SELECT max(id) FROM sync_walk WHERE run_id = {run_id} AND resource_type = '{name}'
           GROUP BY mode)"
    ));
    rows.iter()
        .map(|row| Walk {
            is_full: row[0] == "full",
            since: (!row[1].is_empty()).then(|| row[1].clone()),
            is_resumed: row[2] == "1",
            began_in: row[3].parse().unwrap(),
            is_alone: row[4] == "1",
        })
        .collect()
}

fn check_walk(
    home: &Home,
    payer: &Payer,
    runs: &Runs,
    (name, run_id): (&'static str, i64),
    walk: &Walk,
    when: &str,
) {
    let root = &runs[&walk.began_in];
    let parts = || runs.range(walk.began_in..=run_id).map(|(_, run)| run);
    let is_first = |entry: &&super::payer::Logged| {
        entry.listed.as_ref().is_some_and(|listed| {
            listed.name == name && listed.is_first && listed.is_filtered != walk.is_full
        })
    };
    let first = root.log.iter().rev().find(is_first).map_or(&root.before, |entry| &entry.versions);
    let last = runs[&run_id].after[name];
    // A replica that is behind shows any version that the day has had.
    let lagging = parts().find_map(|run| run.lags_from.as_ref());
    let first = lagging.map_or(first[name], |versions| versions[name].min(first[name]));
    let held = stored(home, name);
    let pending = ids(
        home,
        &format!(
            "SELECT resource_id FROM absent_resource WHERE resource_type = '{name}' AND state = 'pending'"
        ),
    );
    let damaged: BTreeSet<&String> =
        parts().filter_map(|run| run.damaged.get(name)).flatten().collect();
    let excused = |id: &String| pending.contains(id) || damaged.contains(id);
    // Rows that shift between two servers are missed unseen where no total tells, and what a walk missed
    // beside an entry that it could not read is not entered as absent.
    if lagging.is_some() && !damaged.is_empty() && !payer.habits[name].totals {
        return;
    }
    // A walk that met what it could not read proves the absence of nothing.
    let is_whole = walk.is_full && damaged.is_empty();
    // What each instant of the walk had that the walk speaks of.
    let instants: Vec<Content> = (first..=last)
        .map(|version| {
            let rows = payer.world.rows(name, version);
            let is_asked =
                |updated| walk.since.as_ref().is_none_or(|since| text(updated) >= *since);
            let rows = rows.iter().filter(|row| is_asked(row.updated) && !excused(&row.id));
            rows.map(|row| (row.id.clone(), row.json.clone())).collect()
        })
        .collect();
    let what = format!(
        "{when}: {name} is told complete, {} of versions {first} to {last}, {:?}\n{}",
        if walk.is_full { "full" } else { "changes" },
        payer.habits[name],
        told(home, name, &runs[&run_id])
    );
    let mut everything: BTreeSet<&String> = instants.iter().flat_map(Content::keys).collect();
    if is_whole {
        everything.extend(held.keys().filter(|id| !excused(id)));
    }
    // Between two replicas rows shift as by a deletion: what no walk ever brought is missed unseen where no total
    // tells, or one that both of them give.
    let (habits, total) = (payer.habits[name], |version| payer.world.rows(name, version).len());
    let may_agree =
        || (first..last).any(|one| (one + 1..=last).any(|two| total(one) == total(two)));
    let may_miss = |id: &String| {
        let is_shifted = lagging.is_some() && habits.paging == Paging::Offset;
        is_shifted && !held.contains_key(id) && (!habits.totals || may_agree())
    };
    // One by one: each resource is as it was at some instant of the walk.
    for id in everything.iter().filter(|id| !may_miss(id)) {
        let fits = instants.iter().any(|truth| match truth.get(*id) {
            Some(json) => held.get(*id) == Some(json),
            None => !is_whole || !held.contains_key(*id),
        });
        assert!(fits, "{what}: {name}/{id} was at no instant of it as {:?}", held.get(*id));
    }
    // All together: where the server shows what it holds, at one instant.
    // A walk that took several nights for want of requests speaks of its beginning.
    let is_at_once = !walk.is_resumed || !runs[&run_id].is_limited;
    let is_provable = payer.habits[name].totals && lagging.is_none() && is_at_once;
    if is_provable && (walk.is_full || walk.is_alone) {
        let fits = instants.iter().any(|truth| match is_whole {
            true => everything.iter().all(|id| held.get(*id) == truth.get(*id)),
            false => truth.iter().all(|(id, json)| held.get(id) == Some(json)),
        });
        assert!(
            fits,
            "{what}: what is stored never was so at one instant: {}",
            shown(&held, &instants)
        );
    }
}

/// What the ledger says of a type, and what was asked for in a run.
fn told(home: &Home, name: &str, played: &Played) -> String {
    let walks = home.rows(&format!(
        "SELECT id, run_id, mode, state, reason, detail, pages_before, pages, distinct_resources,
           declared_total, resources_deleted, resources_absent, walk_started_at
         FROM sync_walk WHERE resource_type = '{name}' ORDER BY id DESC LIMIT 8"
    ));
    let walks: String = walks.iter().rev().map(|row| format!("  {}\n", row.join(" · "))).collect();
    let asked: String = played
        .log
        .iter()
        .filter(|entry| entry.listed.as_ref().is_none_or(|listed| listed.name == name))
        .map(|entry| format!("  {} at {}\n", entry.what, entry.versions[name]))
        .collect();
    format!("{walks}{asked}")
}

/// What differs from each instant.
fn shown(held: &Content, instants: &[Content]) -> String {
    let differs = |truth: &Content| {
        let ids: BTreeSet<&String> = held.keys().chain(truth.keys()).collect();
        let told = |id: &&String| match (held.get(*id), truth.get(*id)) {
            (None, Some(_)) => Some(format!("-{id}")),
            (Some(_), None) => Some(format!("+{id}")),
            (one, other) if one != other => Some(format!("~{id}")),
            _ => None,
        };
        ids.iter().filter_map(told).collect::<Vec<_>>().join(" ")
    };
    instants.iter().map(differs).collect::<Vec<_>>().join(" | ")
}
