//! A type that is searched in parts, over several nights: what was stored before the parts were, rejects
//! beside a part that the plan has never known, and few requests.

use crate::support::{Asked, Home, Reply, Scripted, bundle};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

const TYPE: &str = "Condition";
const PARTS: &str = "search = { Condition = [\"category=a\", \"category=b\"] }\n";

fn condition(id: usize, is_odd: bool) -> String {
    let id = if is_odd { String::new() } else { format!(",\"id\":\"c{id:02}\"") };
    format!("{{\"resourceType\":\"{TYPE}\"{id}}}")
}

/// Forty conditions: category a has the even ones, b the odd ones.
fn serve(asked: &Asked, is_odd: bool) -> Reply {
    serve_all_but(asked, is_odd, &[])
}

/// The same, but for those that are gone; reads by id are answered.
fn serve_all_but(asked: &Asked, is_odd: bool, gone: &[usize]) -> Reply {
    if let Some(id) = &asked.id {
        let number: usize = id[1..].parse().unwrap();
        let is_there = number < 40 && !gone.contains(&number);
        return if is_there { (200, condition(number, false)) } else { (404, String::new()) };
    }
    let category = asked.query.get("category");
    let is_asked = |id: &usize| category.is_none_or(|it| (it == "a") == id.is_multiple_of(2));
    let found: Vec<String> = (0..40)
        .filter(|id| is_asked(id) && !gone.contains(id))
        .map(|id| condition(id, is_odd && id == 4))
        .collect();
    let from = asked.number("from");
    let more = category.map(|it| format!("&category={it}")).unwrap_or_default();
    let next = (from + 10 < found.len())
        .then(|| format!("{}/{TYPE}?from={}{more}", asked.base, from + 10));
    let page: Vec<String> = found.iter().skip(from).take(10).cloned().collect();
    bundle(&page, Some(found.len()), next)
}

/// A home at a plan that refuses category b, if told so, and sends one of a without an id, if told so.
fn home() -> (Scripted, Home, Arc<AtomicBool>, Arc<AtomicBool>) {
    let (refuses, is_odd) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let told = (Arc::clone(&refuses), Arc::clone(&is_odd));
    let payer = Scripted::start(&[TYPE], move |asked| {
        let is_b = asked.query.get("category").is_some_and(|it| it == "b");
        match told.0.load(Ordering::Relaxed) && is_b {
            true => (400, String::new()),
            false => serve(asked, told.1.load(Ordering::Relaxed)),
        }
    });
    let home = payer.connected_home(&[TYPE], "");
    (payer, home, refuses, is_odd)
}

fn search_in_parts(home: &Home) {
    let file = home.file("payersync.toml");
    let bare = fs::read_to_string(&file).unwrap();
    fs::write(&file, bare + PARTS).unwrap();
}

fn live(home: &Home) -> i64 {
    home.value("SELECT count(*) FROM condition")
}

#[test]
fn a_part_of_what_came_whole_is_a_gap_where_the_plan_refuses_it() {
    let (_payer, home, refuses, _) = home();
    home.succeed(&["sync"], "the whole type");
    search_in_parts(&home);
    refuses.store(true, Ordering::Relaxed);
    for night in 0..2 {
        let ended = home.run(&["sync"]);
        assert_eq!(ended.code, 2, "night {night}: {}", ended.stderr);
        assert!(ended.stderr.contains("category=b"), "{}", ended.stderr);
    }
    refuses.store(false, Ordering::Relaxed);
    home.succeed(&["sync"], "both parts");
    assert_eq!(live(&home), 40);
}

#[test]
fn a_reject_is_settled_beside_a_part_that_never_came() {
    let (_payer, home, refuses, is_odd) = home();
    search_in_parts(&home);
    refuses.store(true, Ordering::Relaxed);
    is_odd.store(true, Ordering::Relaxed);
    assert_eq!(home.run(&["sync"]).code, 2, "a reject");
    is_odd.store(false, Ordering::Relaxed);
    home.succeed(&["sync"], "it is mended");
    assert_eq!(live(&home), 20);
}

#[test]
fn with_few_requests_the_parts_are_complete_after_some_nights() {
    let (_payer, home, _, _) = home();
    search_in_parts(&home);
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(home.run(&["sync", "--max-requests", "3"]).code);
    }
    assert!(codes.contains(&0), "{codes:?}");
    assert_eq!(live(&home), 40);
    home.succeed(&["verify"], "parts over nights");
}

#[test]
fn with_few_requests_what_is_gone_from_a_part_is_found_after_some_nights() {
    for budget in ["3", "4", "5"] {
        let (payer, home, _, _) = home();
        search_in_parts(&home);
        home.succeed(&["sync"], "the first night");
        payer.play(|asked| serve_all_but(asked, false, &[4, 7, 9]));
        let mut nights = 0;
        while live(&home) > 37 {
            nights += 1;
            assert!(nights < 8, "with {budget} requests a night they are never found");
            home.run(&["sync", "--max-requests", budget]);
        }
        let (ids, all) =
            ("SELECT id FROM condition", home.value::<i64>("SELECT count(*) FROM resource"));
        let left = home.rows(ids).concat();
        assert!(
            !["c04", "c07", "c09"].iter().any(|id| left.contains(&(*id).to_owned())),
            "{left:?}"
        );
        assert_eq!(all, 40, "they stay, marked");
        home.run(&["sync", "--max-requests", budget]);
        home.succeed(&["sync"], "a night without a limit");
        assert_eq!((live(&home), home.value::<i64>("SELECT count(*) FROM walk_page")), (37, 0));
        home.succeed(&["verify"], "deletions over nights");
    }
}

/// What moves into a part that is done, from one still to come, is in neither: a read finds it.
#[test]
fn with_few_requests_what_moved_from_part_to_part_between_nights_stays() {
    let (payer, home, _, _) = home();
    search_in_parts(&home);
    home.succeed(&["sync"], "the first night");
    // c05 is in no list, as if it moved each night.
    payer.play(|asked| {
        let gone: &[usize] = if asked.id.is_some() { &[] } else { &[5] };
        serve_all_but(asked, false, gone)
    });
    for _ in 0..8 {
        home.run(&["sync", "--max-requests", "3"]);
        assert_eq!(live(&home), 40);
    }
    home.succeed(&["verify"], "a row between the parts");
}

#[test]
fn a_reject_in_a_part_of_another_night_proves_no_absence() {
    let (payer, home, _, is_odd) = home();
    search_in_parts(&home);
    home.succeed(&["sync"], "the first night");
    // c04, of the first part, is sent without its id.
    is_odd.store(true, Ordering::Relaxed);
    for _ in 0..6 {
        home.run(&["sync", "--max-requests", "3"]);
        assert_eq!(live(&home), 40);
    }
    assert!(payer.asked().iter().all(|asked| asked.id.is_none()), "no read: nothing is missed");
}

/// A status 503 may be of this one search alone, which is too slow for the plan.
#[test]
fn a_part_that_fails_keeps_no_other_from_its_turn() {
    for status in [500, 503] {
        let (payer, home, _, _) = home();
        search_in_parts(&home);
        payer.play(move |asked| match asked.query.get("category").is_some_and(|it| it == "a") {
            true => (status, String::new()),
            false => serve(asked, false),
        });
        assert_eq!(home.run(&["sync"]).code, 2, "{status}");
        assert_eq!(live(&home), 20, "the other part, beside {status}");
    }
    // If no search at all is answered, two parts show that the plan is away.
    let (payer, home, _, _) = home();
    let file = home.file("payersync.toml");
    let parts = PARTS.replace("b\"]", "b\", \"category=c\", \"category=d\"]");
    fs::write(&file, fs::read_to_string(&file).unwrap() + &parts).unwrap();
    payer.play(|_| (503, String::new()));
    payer.asked();
    assert_eq!(home.run(&["sync"]).code, 4, "nothing was answered");
    let asked = payer.asked();
    let is_of =
        |part: &str| asked.iter().any(|it| it.query.get("category").is_some_and(|its| its == part));
    assert_eq!(["a", "b", "c", "d"].map(is_of), [true, true, false, false]);
}

/// Some plans say by a 404 that the consent has ended: a part refused so is no part that the plan does not
/// know.
#[test]
fn a_grant_that_is_gone_is_no_refused_part() {
    let (payer, home, _, _) = home();
    search_in_parts(&home);
    payer.play(|asked| match asked.query.get("category").is_some_and(|it| it == "b") {
        true => (404, "Data Access Grant was Not Found".to_owned()),
        false => serve(asked, false),
    });
    let ended = home.run(&["sync"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
}

/// A part that is refused for good must not keep the others from being asked for again.
#[test]
fn with_few_requests_parts_that_are_done_are_asked_for_again_though_one_is_refused() {
    let (payer, home, refuses, _) = home();
    search_in_parts(&home);
    home.succeed(&["sync"], "both parts");
    refuses.store(true, Ordering::Relaxed);
    payer.asked();
    for night in 0..4 {
        let ended = home.run(&["sync", "--max-requests", "3"]);
        assert_eq!(ended.code, 2, "night {night}: {}", ended.stderr);
        let of_a = |asked: &Asked| asked.query.get("category").is_some_and(|it| it == "a");
        assert!(payer.asked().iter().any(of_a), "night {night}");
    }
    refuses.store(false, Ordering::Relaxed);
    home.succeed(&["sync"], "both parts again");
    assert_eq!((live(&home), home.value::<i64>("SELECT count(*) FROM walk_page")), (40, 0));
    home.succeed(&["verify"], "a part that was refused");
}
