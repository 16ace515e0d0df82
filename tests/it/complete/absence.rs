//! A stored resource is gone only when that is proved: by a read, or by two walks that agree.

use crate::support::{Asked, Faulty, Home, Reply, Scripted, bundle};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

const TYPE: &str = "Condition";

pub(super) fn condition(id: usize) -> String {
    format!(
        "{{\"resourceType\":\"Condition\",\"id\":\"c{id}\",\"meta\":{{\"lastUpdated\":\"2026-01-{:02}T00:00:00Z\"}}}}",
        id % 28 + 1
    )
}

/// All pages of the resources, by position, and their reads.
pub(super) fn serve(asked: &Asked, resources: &[String]) -> Reply {
    if let Some(id) = &asked.id {
        let id = format!("\"id\":\"{id}\"");
        return match resources.iter().find(|json| json.contains(&id)) {
            Some(json) => (200, json.clone()),
            None => (404, String::new()),
        };
    }
    let from = asked.number("from");
    let page: Vec<String> = resources.iter().skip(from).take(10).cloned().collect();
    let next =
        (from + 10 < resources.len()).then(|| format!("{}/{TYPE}?from={}", asked.base, from + 10));
    bundle(&page, Some(resources.len()), next)
}

pub(super) fn synced(count: usize) -> (Scripted, Home) {
    let all: Vec<String> = (0..count).map(condition).collect();
    let payer = Scripted::start(&[TYPE], move |asked| serve(asked, &all));
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync", "--full"], "a first walk");
    assert_eq!(live(&home), count as i64);
    payer.asked();
    (payer, home)
}

pub(super) fn live(home: &Home) -> i64 {
    home.value("SELECT count(*) FROM condition")
}

#[test]
fn what_could_not_be_taken_in_is_not_deleted() {
    type Damage = fn(String) -> String;
    let sick: [(&str, Damage); 5] = [
        ("invalid UTF-8 cannot stand in a text, so a raw control stands for it", |json| {
            json.replace("Condition\",", "Condition\",\"x\":\"\u{1}\",")
        }),
        ("a misspelt type", |json| json.replace("\"Condition\"", "\"Conditon\"")),
        ("null", |_| "null".to_owned()),
        ("no id", |json| json.replace("\"id\":\"c3\",", "")),
        ("a list", |json| format!("[{json}]")),
    ];
    for (what, damage) in sick {
        for reads_work in [true, false] {
            let (payer, home) = synced(10);
            payer.play(move |asked| {
                let mut all: Vec<String> = (0..10).map(condition).collect();
                if asked.id.is_some() && !reads_work {
                    return (404, String::new());
                }
                if asked.id.is_none() {
                    all[3] = damage(all[3].clone());
                }
                serve(asked, &all)
            });
            let outcome = home.run(&["sync", "--full"]);
            assert_eq!(outcome.code, 2, "{what}: {}", outcome.stderr);
            assert_eq!(live(&home), 10, "{what}: {}", outcome.stderr);
            let deleted = "SELECT sum(resources_deleted) FROM sync_walk";
            assert_eq!(home.value::<i64>(deleted), 0, "{what}");
        }
    }
}

#[test]
fn a_read_proves_a_deletion_and_refutes_one() {
    let (payer, home) = synced(30);
    // c4 is gone. c5 is left out of the list, and a read brings it with other content.
    payer.play(|asked| {
        let mut all: Vec<String> = (0..30).filter(|id| *id != 4).map(condition).collect();
        if asked.id.is_some() {
            all[4] = all[4].replace("\"id\":\"c5\"", "\"id\":\"c5\",\"language\":\"en\"");
        } else {
            all.remove(4);
        }
        serve(asked, &all)
    });
    home.succeed(&["sync", "--full"], "one deletion and one omission");
    let held = home.rows("SELECT id FROM condition WHERE id IN ('c4', 'c5')").concat();
    assert_eq!(held, ["c5"]);
    let ledger = "SELECT resource_id, state, coalesce(proof, '') FROM absent_resource ORDER BY 1";
    assert_eq!(home.rows(ledger), [["c4", "deleted", "read"], ["c5", "present", ""]]);
    let language = "SELECT json FROM resource WHERE resource_id = 'c5'";
    assert!(home.value::<String>(language).contains("\"en\""));
    home.succeed(&["verify"], "a deletion and a refuted one");
}

#[test]
fn a_server_that_answers_404_to_every_read_proves_nothing_by_it() {
    let Some(faulty) = Faulty::build() else { return };
    let (payer, home) = synced(30);
    payer.play(|asked| match asked.id {
        Some(_) => (404, String::new()),
        None => serve(asked, &(0..29).map(condition).collect::<Vec<_>>()),
    });
    home.succeed(&["sync", "--full"], "the first walk that misses it");
    assert_eq!(live(&home), 30);
    home.succeed(&["sync", "--full"], "a second one right after it");
    assert_eq!(live(&home), 30, "two walks on one day");
    payer.set_clock(3 * 24 * 3600);
    let later = faulty.run_at(&home, &["sync", "--full"], 3 * 24 * 3600);
    assert_eq!(later.code, 0, "{}", later.stderr);
    assert_eq!(live(&home), 29, "two walks days apart");
    let ledger = "SELECT resource_id, state, proof FROM absent_resource";
    assert_eq!(home.rows(ledger), [["c29", "deleted", "two_walks"]]);
}

#[test]
fn a_clock_that_was_weeks_ahead_for_one_walk_puts_off_no_proof() {
    let Some(faulty) = Faulty::build() else { return };
    let (payer, home) = synced(30);
    payer.play(|asked| match asked.id {
        Some(_) => (404, String::new()),
        None => serve(asked, &(0..29).map(condition).collect::<Vec<_>>()),
    });
    let day = 24 * 3600;
    for (clock, left) in [(40 * day, 30), (day, 30), (3 * day, 29)] {
        // The plan's clock goes on as it should.
        payer.set_clock(clock % (40 * day));
        let ended = faulty.run_at(&home, &["sync", "--full"], clock);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(live(&home), left, "{clock} seconds ahead");
    }
}

#[test]
fn an_absence_that_no_read_answers_stays_and_is_asked_about_again() {
    let (payer, home) = synced(30);
    let status = Arc::new(Mutex::new(503));
    let answers = Arc::clone(&status);
    payer.play(move |asked| {
        let all: Vec<String> = (0..29).map(condition).collect();
        let status = *answers.lock().unwrap();
        match (&asked.id, status) {
            (Some(_), 503) => (503, String::new()),
            (Some(id), 403) if id == "c29" => (403, String::new()),
            _ => serve(asked, &all),
        }
    });
    let told = home.run(&["sync", "--full"]);
    assert_eq!(told.code, 0, "reads that are out of order: {}", told.stderr);
    assert_eq!(live(&home), 30);
    let sentence = "1 resource that the plan no longer lists and that is not proved to be deleted; see \
         absent_resource";
    assert!(told.stderr.contains(&format!("Warning: c has {sentence}")), "{}", told.stderr);
    let shown = home.run(&["status"]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(sentence), "{shown}");
    let pending = "SELECT absent FROM completeness WHERE resource_type = 'Condition'";
    assert_eq!(home.value::<i64>(pending), 1);
    *status.lock().unwrap() = 403;
    home.succeed(&["sync"], "a read that is refused");
    assert_eq!(live(&home), 30);
    *status.lock().unwrap() = 200;
    home.succeed(&["sync"], "a read that is answered, beside a walk over what changed");
    assert_eq!(live(&home), 29);
    assert_eq!(home.value::<i64>(pending), 0);
    assert!(!home.run(&["status"]).stdout.contains("no longer lists"));
    home.succeed(&["sync", "--full"], "a quiet night");
    payer.asked();
    home.succeed(&["sync", "--full"], "another one");
    let asked = payer.asked();
    assert_eq!(asked.len(), 3, "a calm server is asked for no page twice: {asked:?}");
}

#[test]
fn few_missing_resources_are_no_alarm_and_many_are() {
    let (payer, home) = synced(3);
    payer.play(|asked| serve(asked, &(0..2).map(condition).collect::<Vec<_>>()));
    home.succeed(&["sync", "--full"], "one of three gone");
    assert_eq!(live(&home), 2);
    let (payer, home) = synced(30);
    payer.play(|asked| serve(asked, &(0..12).map(condition).collect::<Vec<_>>()));
    let outcome = home.run(&["sync", "--full"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--accept-shrink"), "{}", outcome.stderr);
    assert_eq!(live(&home), 30);
}

/// Thirty conditions, of which the list lacks c3, while reads are answered by `read`.
fn sync_without_c3(read: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (Home, i64) {
    let (payer, home) = synced(30);
    payer.play(move |asked| match &asked.id {
        Some(id) => read(id),
        None => serve(asked, &(0..30).filter(|id| *id != 3).map(condition).collect::<Vec<_>>()),
    });
    home.succeed(&["sync", "--full"], "one is not in the list");
    let held = live(&home);
    home.succeed(&["verify"], "an absence");
    (home, held)
}

fn brought(id: &str) -> Reply {
    (200, condition(id[1..].parse().unwrap()))
}

#[test]
fn neither_404_nor_410_to_every_read_proves_anything() {
    for status in [404, 410] {
        let (_, held) = sync_without_c3(move |_| (status, String::new()));
        assert_eq!(held, 30, "{status}");
    }
}

#[test]
fn a_404_at_the_end_of_a_redirect_proves_nothing() {
    let (home, held) = sync_without_c3(|id| match id {
        "c3" => (302, "/r4/Portal/login".to_owned()),
        "login" => (404, "<html>no such page</html>".to_owned()),
        _ => brought(id),
    });
    assert_eq!(held, 30);
    let ledger = "SELECT resource_id, state FROM absent_resource";
    assert_eq!(home.rows(ledger), [["c3", "pending"]]);
}

/// What a cache in front of the plan has kept for so many seconds of reads, and the plan itself says of
/// others.
fn with_cache(payer: &Scripted, kept: i64, is_kept: fn(&str) -> bool, is_gone: fn(&str) -> bool) {
    let age = payer.age();
    payer.play(move |asked| {
        let is_kept = asked.id.as_deref().is_some_and(is_kept);
        age.store(if is_kept { kept } else { 0 }, Ordering::Relaxed);
        match &asked.id {
            Some(id) if !is_kept && is_gone(id) => (404, String::new()),
            Some(id) => brought(id),
            None => serve(asked, &(0..30).filter(|id| *id != 3).map(condition).collect::<Vec<_>>()),
        }
    });
}

#[test]
fn a_copy_that_a_cache_kept_refutes_no_deletion() {
    let (payer, home) = synced(30);
    with_cache(&payer, 5400, |id| id == "c3", |id| id == "c3");
    home.succeed(&["sync", "--full"], "a cache still has what is gone");
    assert_eq!(live(&home), 30);
    let ledger = "SELECT resource_id, state FROM absent_resource";
    assert_eq!(home.rows(ledger), [["c3", "pending"]]);
    with_cache(&payer, 0, |_| false, |id| id == "c3");
    home.succeed(&["sync"], "the cache has forgotten it");
    assert_eq!(live(&home), 29);
    assert_eq!(home.rows(ledger), [["c3", "deleted"]]);
    home.succeed(&["verify"], "a deletion behind a cache");
}

#[test]
fn copies_that_a_cache_kept_do_not_show_that_reads_work() {
    for kept in [1, 60, 5400] {
        let (payer, home) = synced(30);
        // The plan answers 404 to every read, and a cache has all but what the list lacks.
        with_cache(&payer, kept, |id| id != "c3", |_| true);
        home.succeed(&["sync", "--full"], "a cache has what is surely there");
        assert_eq!(live(&home), 30, "{kept} seconds");
        // One of them is no longer kept.
        with_cache(&payer, kept, |id| id != "c3" && id != "c29", |_| true);
        home.succeed(&["sync"], "a cache has some of it");
        assert_eq!(live(&home), 30, "{kept} seconds");
        let ledger = "SELECT resource_id, state FROM absent_resource";
        assert_eq!(home.rows(ledger), [["c3", "pending"]], "{kept} seconds");
    }
}

/// A cache answers each read but the first of a resource, and then the plan answers 404 to all of them.
/// With an age or, where `is_dated`, under the date of the first answer.
fn with_cache_of_what_was_read(payer: &Scripted, is_dated: bool, then_refuses: bool) {
    let (age, clock) = (payer.age(), payer.clock());
    let mut read = Vec::new();
    payer.play(move |asked| {
        let Some(id) = &asked.id else {
            let all: Vec<String> = (0..30).filter(|id| *id != 3).map(condition).collect();
            return serve(asked, &all);
        };
        let is_kept = read.contains(id);
        let is_refused = then_refuses && !read.is_empty();
        read.push(id.clone());
        age.store(i64::from(is_kept && !is_dated), Ordering::Relaxed);
        clock.store(if is_kept && is_dated { -7200 } else { 0 }, Ordering::Relaxed);
        match id == "c3" || is_refused && !is_kept {
            true => (404, String::new()),
            false => brought(id),
        }
    });
}

#[test]
fn where_a_cache_repeats_a_read_another_one_shows_whether_reads_still_work() {
    for is_dated in [false, true] {
        for then_refuses in [false, true] {
            let (payer, home) = synced(30);
            with_cache_of_what_was_read(&payer, is_dated, then_refuses);
            home.succeed(&["sync", "--full"], "a cache of what was read");
            let held = if then_refuses { 30 } else { 29 };
            assert_eq!(live(&home), held, "dated {is_dated}, refuses {then_refuses}");
        }
    }
}

#[test]
fn what_is_said_to_be_gone_is_believed_only_if_reads_work_before_and_behind_it() {
    let reads = AtomicUsize::new(0);
    let (home, held) = sync_without_c3(move |id| match reads.fetch_add(1, Ordering::SeqCst) {
        0 => brought(id),
        _ => (404, "<html>no such route</html>".to_owned()),
    });
    assert_eq!(held, 30);
    let ledger = "SELECT resource_id, state FROM absent_resource";
    assert_eq!(home.rows(ledger), [["c3", "pending"]]);
}

#[test]
fn the_body_of_a_404_may_say_that_it_proves_nothing() {
    let outcome = |code: &str| {
        format!(
            "{{\"resourceType\":\"OperationOutcome\",\"issue\":[{{\"severity\":\"error\",\"code\":\"{code}\"}}]}}"
        )
    };
    let open =
        ["security", "login", "forbidden", "suppressed", "transient", "throttled", "timeout"];
    let gone = ["not-found", "deleted", "processing", "unknown", "no-such-code"];
    let bodies = open.iter().map(|code| (outcome(code), 30)).chain([(condition(3), 30)]);
    let others = ["", "<html>404</html>", "{\"message\":\"Not Found\"}"].map(str::to_owned);
    let proofs = gone.iter().map(|code| outcome(code)).chain(others).map(|body| (body, 29));
    for (position, (body, expected)) in bodies.chain(proofs).enumerate() {
        let status = if position % 2 == 0 { 404 } else { 410 };
        let answer = body.clone();
        let (_, held) = sync_without_c3(move |id| match id {
            "c3" => (status, answer.clone()),
            _ => brought(id),
        });
        assert_eq!(held, expected, "{status} {body}");
    }
}

#[test]
fn one_more_deletion_since_the_walk_does_not_hide_the_others() {
    let gone = Mutex::new(vec!["c3".to_owned()]);
    let (_, held) = sync_without_c3(move |id| {
        let mut gone = gone.lock().unwrap();
        // The first two that are read to see whether reads work have gone, too.
        if gone.len() < 3 && !gone.iter().any(|known| known == id) {
            gone.push(id.to_owned());
        }
        match gone.iter().any(|known| known == id) {
            true => (404, String::new()),
            false => brought(id),
        }
    });
    assert_eq!(held, 29);
}

/// An id that is no segment of a path, and one that no URL holds: nothing can be asked, and nothing is.
#[test]
fn what_no_url_can_name_is_deleted_once_two_walks_days_apart_miss_it() {
    let Some(faulty) = Faulty::build() else { return };
    let long = "x".repeat(70_000);
    let odd = [".", "..", long.as_str()];
    let named = |id: &str| condition(3).replace("\"c3\"", &format!("\"{id}\""));
    let all: Vec<String> = (0..8).map(condition).chain(odd.map(named)).collect();
    let payer = Scripted::start(&["Condition"], move |asked| serve(asked, &all));
    let home = payer.connected_home(&["Condition"], "");
    home.succeed(&["sync"], "the first night");
    payer.play(|asked| serve(asked, &(0..8).map(condition).collect::<Vec<_>>()));
    for (days, left) in [(0, 11), (0, 11), (3, 8)] {
        payer.set_clock(days * 24 * 3600);
        payer.asked();
        faulty.run_at(&home, &["sync", "--full"], days * 24 * 3600);
        assert_eq!(live(&home), left, "day {days}");
        let asked = payer.asked();
        let searches = asked.iter().filter(|asked| asked.id.is_none()).count();
        assert_eq!(searches, 1, "an id of `.` would ask for the whole type: {asked:?}");
    }
    let proofs = home.rows("SELECT DISTINCT state, proof FROM absent_resource");
    assert_eq!(proofs, [["deleted", "two_walks"]]);
}
