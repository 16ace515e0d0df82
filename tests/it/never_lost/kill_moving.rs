//! SIGKILL while a sync makes sure: in the second pass over pages that moved, and in the reads that
//! prove deletions. The next run comes to what an undisturbed one does, and buries nothing alive.
#![cfg(target_os = "linux")]

use crate::{
    never_lost::kill_steps::kill_at_each_step,
    support::{Asked, Home, Reply, Scripted, Watched, bundle},
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

const TYPE: &str = "Condition";
const FULL: [&str; 2] = ["sync", "--full"];
const GONE: [&str; 3] = ["c00", "c11", "c24"];

fn condition(id: &str) -> String {
    format!(
        "{{\"resourceType\":\"Condition\",\"id\":\"{id}\",\"meta\":{{\"lastUpdated\":\"2026-01-02T00:00:00Z\"}}}}"
    )
}

fn at_first() -> Vec<String> {
    (0..25).map(|number| format!("c{number:02}")).collect()
}

fn at_last() -> Vec<String> {
    let mut ids = at_first();
    ids.retain(|id| !GONE.contains(&id.as_str()));
    ids.insert(0, "new".to_owned());
    ids
}

fn page(asked: &Asked, ids: &[String]) -> Reply {
    if let Some(id) = &asked.id {
        return if ids.contains(id) { (200, condition(id)) } else { (404, String::new()) };
    }
    let from = asked.number("from");
    let page: Vec<String> = ids.iter().skip(from).take(10).map(|id| condition(id)).collect();
    let next = (from + 10 < ids.len()).then(|| format!("{}/{TYPE}?from={}", asked.base, from + 10));
    bundle(&page, Some(ids.len()), next)
}

/// From now on the rows move once, after two requests; before the answer of each request `wait` is
/// told its number.
fn move_once(payer: &Scripted, mut wait: impl FnMut(usize) + Send + 'static) {
    let mut requests = 0;
    payer.play(move |asked| {
        requests += 1;
        wait(requests);
        page(asked, &if requests > 2 { at_last() } else { at_first() })
    });
}

fn synced() -> (Scripted, Home) {
    let payer = Scripted::start(&[TYPE], |asked| page(asked, &at_first()));
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&FULL, "nothing");
    (payer, home)
}

fn ids(home: &Home, sql: &str) -> BTreeSet<String> {
    home.rows(sql).concat().into_iter().collect()
}

/// Where a killed sync was: whether in a pass after the first, and whether in the proofs.
fn was_in(home: &Home) -> (bool, bool) {
    let passes = "SELECT count(*) > 1 AND max(state = 'running') FROM sync_walk
       WHERE run_id = (SELECT max(id) FROM sync_run)";
    let proofs =
        "SELECT count(*) > 0 AND NOT EXISTS (SELECT 1 FROM sync_walk WHERE state = 'running')
       FROM absent_resource WHERE state = 'pending'";
    (home.value(passes), home.value(proofs))
}

fn assert_finished(payer: &Scripted, home: &Home, when: &str) {
    // What a kill, or a backup at that instant, leaves is no damage.
    home.succeed(&["verify"], when);
    let buried = "SELECT resource_id FROM resource WHERE deleted_at IS NOT NULL";
    let gone: BTreeSet<String> = GONE.map(str::to_owned).into();
    assert!(ids(home, buried).is_subset(&gone), "{when}: {:?}", ids(home, buried));
    payer.play(|asked| page(asked, &at_last()));
    // What the killed run had begun is taken up, then all is walked once more.
    home.run(&["sync"]);
    home.succeed(&FULL, when);
    let truth: BTreeSet<String> = at_last().into_iter().collect();
    assert_eq!(ids(home, "SELECT id FROM condition"), truth, "{when}");
    assert_eq!(ids(home, buried), gone, "{when}");
    let pending = "SELECT count(*) FROM absent_resource WHERE state = 'pending'";
    assert_eq!(home.value::<i64>(pending), 0, "{when}");
    home.succeed(&["verify"], when);
}

#[test]
fn a_sync_killed_at_any_request_while_it_makes_sure_is_finished_by_the_next_one() {
    let (payer, start) = synced();
    let calm = start.copy();
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    move_once(&payer, move |number| count.store(number, Ordering::Relaxed));
    calm.succeed(&FULL, "rows that move");
    let all = requests.load(Ordering::Relaxed);
    let (mut second_passes, mut proofs) = (0, 0);
    for at in 1..=all {
        let home = start.copy();
        let (arrived, arrival) = mpsc::channel();
        let (go_on, held) = mpsc::channel::<()>();
        move_once(&payer, move |number| {
            if number == at {
                arrived.send(()).unwrap();
                // Until the process is dead.
                let _ = held.recv();
            }
        });
        let run = Watched::start(&home, &FULL);
        arrival.recv().unwrap();
        let ended = run.kill();
        assert_eq!(ended.code, -1, "{at} of {all}: {}", ended.stderr);
        drop(go_on);
        let (second_pass, proof) = was_in(&home);
        second_passes += usize::from(second_pass);
        proofs += usize::from(proof);
        assert_finished(&payer, &home, &format!("killed at request {at} of {all}"));
    }
    eprintln!("{all} kills: {second_passes} in a second pass, {proofs} in proofs");
    assert!(second_passes >= 3 && proofs >= 3, "{second_passes} and {proofs} of {all}");
}

#[test]
fn a_sync_killed_at_any_step_while_it_makes_sure_is_finished_by_the_next_one() {
    let (payer, start) = synced();
    let command = |_: &Home| {
        move_once(&payer, |_| ());
        FULL.map(str::to_owned).to_vec()
    };
    kill_at_each_step(&start, command, |home, when| assert_finished(&payer, home, when));
}
