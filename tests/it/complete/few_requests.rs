//! Runs with few requests: every type has its turn, and a walk goes on over as many nights as it
//! takes, its passes included.

use super::model::dice::Dice;
use crate::support::{Asked, Faulty, Home, Reply, Scripted, bundle};
use std::sync::{Arc, Mutex};

const TYPE: &str = "Condition";

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("c{number:02}")).collect()
}

fn condition(id: &str) -> String {
    format!(
        "{{\"resourceType\":\"Condition\",\"id\":\"{id}\",\"meta\":{{\"lastUpdated\":\"2026-01-02T00:00:00Z\"}}}}"
    )
}

/// One page by position, or a read.
fn page(asked: &Asked, ids: &[String], total: bool) -> Reply {
    if let Some(id) = &asked.id {
        let status = if ids.contains(id) { 200 } else { 404 };
        return (status, if status == 200 { condition(id) } else { String::new() });
    }
    let from = asked.number("from");
    let page: Vec<String> = ids.iter().skip(from).take(10).map(|id| condition(id)).collect();
    let next = (from + 10 < ids.len()).then(|| format!("{}/{TYPE}?from={}", asked.base, from + 10));
    bundle(&page, total.then_some(ids.len()), next)
}

fn held(home: &Home) -> usize {
    home.value::<i64>("SELECT count(*) FROM condition") as usize
}

/// Which type's turn it is goes round: a budget below one night's need still reaches every type of
/// every connection.
#[test]
fn a_small_budget_reaches_every_type_of_every_connection() {
    let types = ["Condition", "Encounter", "Goal", "Procedure", "Observation"];
    let payer = Scripted::start(&types, |_| bundle(&[], Some(0), None));
    let home = payer.connected_home(&types, "");
    home.succeed(&["connect", "d", "--plan", "p"], "another member");
    for _ in 0..12 {
        assert_eq!(home.run(&["sync", "--full", "--max-requests", "3"]).code, 2);
    }
    let reached = home.rows(
        "SELECT connection_id, resource_type, count(*), max(run_id) FROM sync_walk
         WHERE requests > 0 GROUP BY 1, 2",
    );
    assert_eq!(reached.len(), 2 * types.len(), "{reached:?}");
    for row in &reached {
        assert!(row[3].parse::<i64>().unwrap() > 6, "{row:?} of twelve nights");
    }
}

/// A connection that got only a rest comes first in the next run, though its Patient was asked for.
#[test]
fn connections_take_turns_too() {
    let types = ["Patient", TYPE];
    let payer = Scripted::start(&types, |asked| match asked.resource_type.as_str() {
        "Patient" => bundle(&[r#"{"resourceType":"Patient","id":"p"}"#.to_owned()], Some(1), None),
        _ => page(asked, &ids(45), true),
    });
    let home = payer.connected_home(&types, "");
    home.succeed(&["connect", "d", "--plan", "p"], "another consent");
    for _ in 0..3 {
        home.run(&["sync", "--full", "--max-requests", "9"]);
    }
    let held = home.rows("SELECT connection_id, count(*) FROM condition GROUP BY 1 ORDER BY 1");
    assert_eq!(held, [["1", "45"], ["2", "45"]]);
}

/// One request a night is the Patient's only until its turn is over; and where it is too little for a
/// proof, what is gone keeps no change from coming.
#[test]
fn one_request_a_night_still_brings_what_is_new() {
    let all = Arc::new(Mutex::new(ids(4)));
    let told = Arc::clone(&all);
    let payer =
        Scripted::start(&["Patient", TYPE], move |asked| match asked.resource_type.as_str() {
            "Patient" => {
                bundle(&[r#"{"resourceType":"Patient","id":"p"}"#.to_owned()], Some(1), None)
            }
            _ => page(asked, &told.lock().unwrap(), true),
        });
    let home = payer.connected_home(&["Patient", TYPE], "");
    home.succeed(&["connect", "c", "--plan", "p", "--patient", "p"], "one patient's");
    home.succeed(&["sync"], "all");
    all.lock().unwrap().remove(0);
    for night in 0..4 {
        home.run(&["sync", "--max-requests", "1"]);
        all.lock().unwrap().push(format!("new-{night}"));
    }
    for _ in 0..2 {
        home.run(&["sync", "--max-requests", "1"]);
    }
    let missing = "SELECT count(*) FROM condition WHERE id LIKE 'new-%'";
    assert_eq!(home.value::<i64>(missing), 4);
}

#[test]
fn a_walk_goes_on_over_several_nights_with_all_its_passes() {
    let Some(faulty) = Faulty::build() else { return };
    for total in [true, false] {
        let payer = Scripted::start(&[TYPE], move |asked| page(asked, &ids(45), total));
        let home = payer.connected_home(&[TYPE], "");
        // Without a total it takes two passes that agree, of five pages each.
        let mut nights = 0;
        while home.run(&["sync", "--max-requests", "2"]).code != 0 {
            nights += 1;
            assert!(nights < 6, "total {total}: the first walk never ends");
        }
        assert_eq!(held(&home), 45);
        assert_eq!(home.value::<i64>("SELECT count(*) FROM walk_page"), 0);
        // A week later a full walk is due, which alone can tell that a row is gone.
        payer.play(move |asked| page(asked, &ids(44), total));
        let mut nights = 0;
        while held(&home) > 44 {
            nights += 1;
            assert!(nights < 8, "total {total}: the full walk never ends");
            faulty.run_at(&home, &["sync", "--max-requests", "3"], (8 * 24 + nights) * 3600);
        }
        home.succeed(&["verify"], "a full walk of several nights");
    }
}

#[test]
fn what_is_gone_is_found_by_reads_where_each_night_brings_something_new() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Scripted::start(&[TYPE], |asked| page(asked, &ids(45), false));
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync"], "a first walk");
    let mut nights = 0;
    while home.value::<i64>("SELECT count(*) FROM condition WHERE id = 'c05'") > 0 {
        nights += 1;
        assert!(nights < 16, "the row that is gone is not found");
        let mut now = ids(45);
        now.remove(5);
        (0..nights).for_each(|night| now.insert(0, format!("new-{night}")));
        payer.play(move |asked| page(asked, &now, false));
        let at = (8 + nights) * 24 * 3600;
        faulty.run_at(&home, &["sync", "--max-requests", "3"], at);
        let gone: i64 = home.value("SELECT count(*) FROM resource WHERE deleted_at IS NOT NULL");
        assert!(gone <= 1, "{gone} are called deleted");
    }
    home.succeed(&["verify"], "passes in doubt");
}

#[test]
fn reads_that_a_plan_refuses_cost_two_requests_for_each_full_walk() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Scripted::start(&[TYPE], |asked| page(asked, &ids(45), true));
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync"], "a first walk");
    payer.play(|asked| match asked.id {
        Some(_) => (403, String::new()),
        None => page(asked, &ids(38), true),
    });
    let mut reads = Vec::new();
    for night in 8..17 {
        payer.asked();
        payer.set_clock(night * 24 * 3600);
        faulty.run_at(&home, &["sync", "--max-requests", "8"], night * 24 * 3600);
        reads.push(payer.asked().iter().filter(|asked| asked.id.is_some()).count());
    }
    // One of a resource that is there, and one of the seven that are gone.
    let (first, second) = (reads[0], reads.iter().sum::<usize>() - reads[0]);
    assert!(first <= 2 && second <= 2, "{reads:?}");
    assert_eq!(held(&home), 38, "two full walks days apart prove it");
}

/// A type that wants more than the rest that another one leaves has the next night for itself: what is
/// gone is found, though its pages move from night to night.
#[test]
fn what_got_only_a_rest_comes_first_in_the_next_run_and_is_walked_whole() {
    let Some(faulty) = Faulty::build() else { return };
    let types = [TYPE, "Goal"];
    let answer = |asked: &Asked, gone: bool, news: i64| {
        let is_goal = asked.resource_type == "Goal";
        let mut now = ids(if is_goal { 14 } else { 35 });
        if is_goal && gone {
            now.remove(5);
            (0..news).for_each(|night| now.insert(0, format!("new-{night}")));
        }
        let (status, body) = page(asked, &now, true);
        (status, body.replace(TYPE, &asked.resource_type))
    };
    let payer = Scripted::start(&types, move |asked| answer(asked, false, 0));
    let home = payer.connected_home(&types, "");
    home.succeed(&["sync"], "all");
    for night in 1..=5 {
        payer.play(move |asked| answer(asked, true, night));
        faulty.run_at(&home, &["sync", "--max-requests", "5"], night * 24 * 3600);
    }
    let gone = home.rows("SELECT resource_id FROM resource WHERE deleted_at IS NOT NULL").concat();
    assert_eq!(gone, ["c05"]);
    assert!(home.value::<i64>("SELECT count(*) FROM goal WHERE id LIKE 'new-%'") >= 4);
    home.succeed(&["verify"], "few requests");
}

/// The night on which a run with so many requests has buried `c01`, beside a Patient and while each night
/// brings something new, which must not wait for it.
fn night_of_the_burial(faulty: &Faulty, budget: usize, count: usize, reads: u16) -> i64 {
    let answer = move |asked: &Asked, night: i64| {
        if asked.resource_type == "Patient" {
            let patient = r#"{"resourceType":"Patient","id":"p"}"#.to_owned();
            return bundle(&[patient], Some(1), None);
        }
        if asked.id.is_some() && reads != 200 {
            return (reads, String::new());
        }
        let mut now = ids(count);
        if night > 0 {
            now.remove(1);
            now.extend((1..=night).map(|night| format!("new-{night}")));
        }
        page(asked, &now, true)
    };
    let payer = Scripted::start(&["Patient", TYPE], move |asked| answer(asked, 0));
    let home = payer.connected_home(&["Patient", TYPE], "");
    home.succeed(&["connect", "c", "--plan", "p", "--patient", "p"], "one patient's");
    home.succeed(&["sync"], "all");
    for night in 1..40 {
        payer.play(move |asked| answer(asked, night));
        payer.set_clock(night * 24 * 3600);
        let requests = budget.to_string();
        faulty.run_at(&home, &["sync", "--max-requests", &requests], night * 24 * 3600);
        let gone = home.rows("SELECT resource_id FROM resource WHERE deleted_at IS NOT NULL");
        if !gone.is_empty() {
            assert_eq!(gone, [["c01"]]);
            let came: i64 = home.value("SELECT count(*) FROM condition WHERE id LIKE 'new-%'");
            let late = night - came;
            assert!(late <= 8, "{budget} requests: {late} of {night} have not come");
            home.succeed(&["verify"], "few requests");
            return night;
        }
    }
    panic!("{budget} requests for {count}, reads {reads}: c01 is not buried")
}

/// Patient takes its turn where it would leave too little for a proof, and where no run has requests
/// for three reads, two walks and a read prove a deletion.
#[test]
fn deletions_are_found_with_one_to_three_requests_a_night_beside_a_patient() {
    let Some(faulty) = Faulty::build() else { return };
    for (budget, reads, latest) in
        [(3, 200, 4), (2, 200, 8), (1, 200, 10), (3, 403, 6), (2, 403, 8), (1, 403, 10)]
    {
        let night = night_of_the_burial(&faulty, budget, 4, reads);
        assert!(night <= latest, "{budget} requests, reads {reads}: night {night}");
    }
}

/// Walks over changes that take all requests of a night leave the next one to the full walk.
#[test]
fn a_full_walk_of_several_nights_takes_turns_with_the_walks_beside_it() {
    let Some(faulty) = Faulty::build() else { return };
    for (budget, latest) in [(3, 34), (4, 24), (6, 16)] {
        let night = night_of_the_burial(&faulty, budget, 35, 200);
        assert!(night <= latest, "{budget} requests: night {night}");
    }
}

/// What the pages of a walk brought is noted until the walk ends. A walk that is begun anew leaves the
/// notes of the one before it to nobody.
#[test]
fn no_note_of_a_page_outlives_its_walk() {
    let Some(faulty) = Faulty::build() else { return };
    let notes = |home: &Home| home.value::<i64>("SELECT count(*) FROM walk_page");
    let lost = "SELECT count(*) FROM walk_page p WHERE page > 0
                  AND NOT EXISTS (SELECT 1 FROM walk_cursor k WHERE k.walk_id = p.walk_id)";
    for seed in 0..4 {
        let mut dice = Dice::new(seed);
        let now = Arc::new(Mutex::new(ids(45)));
        let there = Arc::clone(&now);
        let total = seed % 2 == 0;
        let payer =
            Scripted::start(&[TYPE], move |asked| page(asked, &there.lock().unwrap(), total));
        let home = payer.connected_home(&[TYPE], "");
        let mut at_most = 0;
        for night in 0..14 {
            now.lock().unwrap().rotate_left(dice.roll(2) * 7);
            let requests = (1 + dice.roll(6)).to_string();
            let mut command = vec!["sync", "--max-requests", &requests];
            command.extend(dice.one_in(3).then_some("--full"));
            let seconds = night * 24 * 3600;
            if dice.one_in(3) {
                let (mut running, mut asked) = (faulty.start_at(&home, &command, seconds), 0);
                let at = 1 + dice.roll(4);
                running.until(|| {
                    asked += payer.asked().len();
                    asked >= at
                });
                running.kill();
            } else {
                faulty.run_at(&home, &command, seconds);
            }
            assert_eq!(home.value::<i64>(lost), 0, "seed {seed}, night {night}: {command:?}");
            at_most = at_most.max(notes(&home));
        }
        assert!(at_most > 0, "seed {seed}: no walk took two nights");
        for week in 3..5 {
            faulty.run_at(&home, &["sync", "--full"], week * 7 * 24 * 3600);
        }
        let state: String = home.value("SELECT state FROM completeness");
        assert_eq!((state.as_str(), notes(&home)), ("complete", 0), "seed {seed}");
    }
}
