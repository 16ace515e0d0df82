//! Pages that move while a walk goes through them: it notices, makes sure, or says that it cannot.

use crate::support::{Asked, Home, Reply, Scripted, bundle};
use payersync::clock::{self, Clock};
use std::collections::BTreeSet;

const TYPE: &str = "Condition";

fn condition(id: &str) -> String {
    format!(
        "{{\"resourceType\":\"Condition\",\"id\":\"{id}\",\"meta\":{{\"lastUpdated\":\"2026-01-02T00:00:00Z\"}}}}"
    )
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("c{number:02}")).collect()
}

/// One page by position, as a server without snapshots makes it.
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

fn held(home: &Home) -> BTreeSet<String> {
    home.rows("SELECT id FROM condition").concat().into_iter().collect()
}

fn reason(home: &Home) -> String {
    home.value("SELECT coalesce(reason, state) FROM completeness WHERE resource_type = 'Condition'")
}

/// A first or second full walk over 45 resources, during which `change` happens once, after the
/// second page.
fn during(change: fn(&mut Vec<String>), total: bool, is_first: bool) -> (Home, BTreeSet<String>) {
    let mut now = ids(45);
    let payer = Scripted::start(&[TYPE], {
        let now = now.clone();
        move |asked| page(asked, &now, total)
    });
    let home = payer.connected_home(&[TYPE], "");
    if !is_first {
        home.succeed(&["sync", "--full"], "a calm walk");
    }
    let mut truth = now.clone();
    change(&mut truth);
    let mut pages = 0;
    payer.play(move |asked| {
        let reply = page(asked, &now, total);
        pages += usize::from(asked.id.is_none());
        if pages == 2 {
            change(&mut now);
            pages += 100;
        }
        reply
    });
    let outcome = home.run(&["sync", "--full"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    (home, truth.into_iter().collect())
}

#[test]
fn rows_that_come_and_go_during_a_walk_are_all_there_at_its_end() {
    type Change = fn(&mut Vec<String>);
    let changes: [(&str, Change); 4] = [
        ("inserted before", |ids| ids.insert(0, "new".into())),
        ("deleted before", |ids| drop(ids.remove(0))),
        ("several deleted before", |ids| drop(ids.drain(0..5))),
        ("reversed", |ids| ids.reverse()),
    ];
    for (what, change) in changes {
        for is_first in [true, false] {
            let (home, truth) = during(change, true, is_first);
            assert_eq!(held(&home), truth, "{what}, first walk: {is_first}");
        }
        // Without a total a repeated resource, or the read of one that is stored, tells.
        if what != "deleted before" && what != "several deleted before" {
            let (home, truth) = during(change, false, true);
            assert_eq!(held(&home), truth, "{what}, no total");
        }
        let (home, truth) = during(change, false, false);
        assert_eq!(held(&home), truth, "{what}, no total, second walk");
    }
}

#[test]
fn a_row_that_goes_while_another_comes_is_noticed_by_the_date_of_the_new_one() {
    // Neither a repeat nor the total shows it: the row that slid over the page's edge is missing.
    for total in [true, false] {
        let (mut now, mut requests) = (ids(45), 0);
        let mut stamp = String::new();
        let payer = Scripted::start(&[TYPE], move |asked| {
            requests += usize::from(asked.id.is_none());
            if requests == 3 && stamp.is_empty() {
                now.remove(0);
                now.push("new".to_owned());
                stamp = clock::text(Clock::system().now() + chrono::Duration::milliseconds(1));
            }
            let (status, body) = page(asked, &now, total);
            let dated = condition("new").replace("2026-01-02T00:00:00Z", &stamp);
            (status, body.replace(&condition("new"), &dated))
        });
        let home = payer.connected_home(&[TYPE], "");
        home.succeed(&["sync"], "a first walk");
        let mut truth: BTreeSet<String> = ids(45).drain(1..).collect();
        truth.insert("new".to_owned());
        assert_eq!(held(&home), truth, "total: {total}");
        let passes = home.rows("SELECT state, reason FROM sync_walk ORDER BY id");
        assert_eq!(passes, [["incomplete", "pages_moved"], ["complete", ""]]);
        payer.asked();
        home.succeed(&["sync", "--full"], "a calm night");
        let lists = payer.asked().iter().filter(|asked| asked.id.is_none()).count();
        assert_eq!(lists, 5, "a calm server is asked for no page twice");
    }
}

#[test]
fn an_entry_that_cannot_be_read_and_comes_twice_stands_for_no_other_one() {
    let misspelt = condition("c09").replace("Condition", "Conditon");
    comes_twice(misspelt);
    // Nobody can tell one of these from another.
    comes_twice("null".to_owned());
}

fn comes_twice(damaged: String) {
    let mut is_odd = true;
    let payer = Scripted::start(&[TYPE], move |asked| {
        let mut now = ids(20);
        if asked.number("from") == 10 && std::mem::take(&mut is_odd) {
            // The last one of the page before, in place of the first one of this page.
            now[10] = now[9].clone();
        }
        let (status, body) = page(asked, &now, true);
        (status, body.replace(&condition("c09"), &damaged))
    });
    let home = payer.connected_home(&[TYPE], "");
    assert_eq!(home.run(&["sync"]).code, 2, "one is rejected");
    let mut truth: BTreeSet<String> = ids(20).into_iter().collect();
    truth.remove("c09");
    assert_eq!(held(&home), truth);
    let passes = home.rows("SELECT state, reason FROM sync_walk ORDER BY id");
    assert_eq!(passes, [["incomplete", "pages_moved"], ["complete", ""]]);
}

#[test]
fn an_order_that_changes_with_each_request_is_never_complete_and_never_deletes() {
    let payer = Scripted::start(&[TYPE], |asked| page(asked, &ids(45), true));
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync", "--full"], "a calm walk");
    let mut turn = 0;
    payer.play(move |asked| {
        let mut now = ids(45);
        turn += 7;
        now.rotate_left(turn % 45);
        page(asked, &now, true)
    });
    let outcome = home.run(&["sync", "--full"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert_eq!(reason(&home), "pages_moved");
    assert_eq!(held(&home).len(), 45);
}

#[test]
fn a_page_with_another_ones_content_or_fewer_entries_is_not_believed() {
    for short in [true, false] {
        let mut first = true;
        let payer = Scripted::start(&[TYPE], move |asked| {
            let now = ids(45);
            let is_third = asked.id.is_none() && asked.number("from") == 20;
            if is_third && std::mem::take(&mut first) {
                let (from, to) = if short { (20, 23) } else { (10, 20) };
                let entries: Vec<String> = now[from..to].iter().map(|id| condition(id)).collect();
                let next = format!("{}/{TYPE}?from=30", asked.base);
                return bundle(&entries, Some(45), Some(next));
            }
            page(asked, &now, true)
        });
        let home = payer.connected_home(&[TYPE], "");
        home.succeed(&["sync"], "a walk with one odd page");
        assert_eq!(held(&home).len(), 45, "short: {short}");
        let passes = home.rows("SELECT state FROM sync_walk WHERE resource_type = 'Condition'");
        assert_eq!(passes, [["incomplete"], ["complete"]]);
    }
}

#[test]
fn a_next_link_that_is_lost_while_the_total_says_more_is_no_end() {
    let payer = Scripted::start(&[TYPE], |asked| {
        let now = ids(45);
        if asked.number("from") == 10 {
            let entries: Vec<String> = now[10..20].iter().map(|id| condition(id)).collect();
            return bundle(&entries, Some(45), None);
        }
        page(asked, &now, true)
    });
    let home = payer.connected_home(&[TYPE], "");
    let outcome = home.run(&["sync"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert_eq!(reason(&home), "total_mismatch");
}

#[test]
fn a_total_that_is_always_wrong_is_told_and_one_that_was_right_decides() {
    let payer = Scripted::start(&[TYPE], |asked| {
        let entries: Vec<String> = ids(9).iter().map(|id| condition(id)).collect();
        if asked.id.is_some() { (404, String::new()) } else { bundle(&entries, Some(109), None) }
    });
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync", "--full"], "a total that is a habit");
    let gap = "SELECT total_gap FROM completeness WHERE resource_type = 'Condition'";
    assert_eq!(home.value::<i64>(gap), 100);
    payer.asked();
    let again = home.run(&["sync", "--full"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("declares 109 resources"), "{}", again.stderr);
    assert_eq!(payer.asked().len(), 1, "a known habit costs no second pass");
    let file = home.file("payersync.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("[sync]\nstrict_totals = true\n{text}")).unwrap();
    assert_eq!(home.run(&["sync", "--full"]).code, 2);

    let payer = Scripted::start(&[TYPE], |asked| page(asked, &ids(9), true));
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync", "--full"], "a total that is right");
    payer.play(|asked| {
        let entries: Vec<String> = ids(8).iter().map(|id| condition(id)).collect();
        if asked.id.is_some() {
            page(asked, &ids(9), true)
        } else {
            bundle(&entries, Some(9), None)
        }
    });
    assert_eq!(home.run(&["sync", "--full"]).code, 2);
    assert_eq!(reason(&home), "total_mismatch");
    assert_eq!(held(&home).len(), 9);
}

#[test]
fn a_second_pass_that_is_refused_is_open_for_the_first_one_was_answered() {
    for (moved, status) in [(true, 403), (true, 404), (false, 403), (false, 400)] {
        let mut begun = 0;
        let payer = Scripted::start(&[TYPE], move |asked| {
            let from = asked.number("from");
            begun +=
                usize::from(asked.id.is_none() && from == 0 && asked.query.contains_key("_count"));
            match from {
                0 if begun > 1 => (status, String::new()),
                // The second page has another total, or the server has forgotten the search.
                10 if moved => page(asked, &ids(21), true),
                10 => (410, String::new()),
                _ => page(asked, &ids(20), true),
            }
        });
        let home = payer.connected_home(&[TYPE], "");
        let ended = home.run(&["sync"]);
        let when = format!("moved {moved}, {status}: {}", ended.stderr);
        assert_eq!(ended.code, 2, "{when}");
        let last = "SELECT state FROM sync_walk ORDER BY id DESC LIMIT 1";
        assert_eq!(home.value::<String>(last), "incomplete", "{when}");
        payer.play(|asked| page(asked, &ids(20), true));
        home.succeed(&["sync"], &when);
        assert_eq!(held(&home).len(), 20, "{when}");
    }
}

/// A walk over 45 that was cut short after two pages.
fn cut_short() -> (Scripted, Home) {
    let payer = Scripted::start(&[TYPE], |asked| match asked.number("from") {
        20 => (400, String::new()),
        _ => page(asked, &ids(45), true),
    });
    let home = payer.connected_home(&[TYPE], "");
    assert_eq!(home.run(&["sync"]).code, 2);
    assert_eq!(held(&home).len(), 20);
    (payer, home)
}

#[test]
fn a_cursor_that_never_works_again_is_given_up_after_two_runs() {
    type Answer = fn() -> Reply;
    let answers: [(&str, Answer); 6] = [
        ("401", || (401, String::new())),
        ("403", || (403, String::new())),
        ("429", || (429, String::new())),
        ("500", || (500, String::new())),
        ("html", || (200, "<html>".to_owned())),
        ("outcome", || (200, r#"{"resourceType":"OperationOutcome"}"#.to_owned())),
    ];
    for (what, answer) in answers {
        let (payer, home) = cut_short();
        payer.play(move |asked| match asked.number("from") {
            // Only the old cursor is dead: a new walk is given others.
            20 if !asked.query.contains_key("fresh") => answer(),
            _ => fresh(asked),
        });
        let mut codes = Vec::new();
        for _ in 0..3 {
            codes.push(home.run(&["sync"]).code);
        }
        assert_eq!(codes.last(), Some(&0), "{what}: {codes:?}");
        assert_eq!(held(&home).len(), 45, "{what}");
    }
}

/// Pages whose links a new walk alone is given.
fn fresh(asked: &Asked) -> Reply {
    let (status, body) = page(asked, &ids(45), true);
    (status, body.replace("?from=", "?fresh=1&from="))
}

#[test]
fn an_end_that_contradicts_the_counts_is_no_end_of_a_resumed_walk() {
    let (payer, home) = cut_short();
    payer.play(|asked| match asked.number("from") {
        20 if !asked.query.contains_key("fresh") => bundle(&[], None, None),
        _ => fresh(asked),
    });
    home.succeed(&["sync"], "an empty page where 25 resources were");
    assert_eq!(held(&home).len(), 45);
}

#[test]
fn rows_that_shifted_between_two_runs_of_a_walk_are_found() {
    for total in [true, false] {
        let payer = Scripted::start(&[TYPE], move |asked| match asked.number("from") {
            20 => (400, String::new()),
            _ => page(asked, &ids(45), total),
        });
        let home = payer.connected_home(&[TYPE], "");
        assert_eq!(home.run(&["sync"]).code, 2);
        payer.play(move |asked| page(asked, &ids(45)[3..], total));
        home.succeed(&["sync"], "three rows went before the cursor");
        home.succeed(&["sync", "--full"], "a calm walk");
        let truth: BTreeSet<String> = ids(45).drain(3..).collect();
        assert_eq!(held(&home), truth, "total: {total}");
    }
}

/// Two servers behind one address: one of them lacks a row, and twice answers for the same pages. Their
/// totals differ, what came adds up to the latest one, and the two passes agree.
#[test]
fn two_servers_that_err_alike_twice_are_not_believed() {
    let (new, mut behind) = (ids(25), ids(25));
    behind.remove(12);
    let mut lists = 0;
    let payer = Scripted::start(&[TYPE], move |asked| {
        lists += usize::from(asked.id.is_none());
        let lags = lists <= 6 && asked.number("from") > 0;
        page(asked, if lags { &behind } else { &new }, true)
    });
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync"], "two servers, then one");
    assert_eq!(held(&home), ids(25).into_iter().collect());
    assert_eq!(payer.asked().iter().filter(|asked| asked.resource_type == TYPE).count(), 9);
}

/// A total that is guessed anew for each page is the server's habit once three passes agree; later walks
/// take two.
#[test]
fn a_total_that_is_estimated_is_known_by_three_passes_that_agree() {
    let mut guess = 20;
    let payer = Scripted::start(&[TYPE], move |asked| {
        guess += 1;
        let from = asked.number("from");
        let list: Vec<String> =
            ids(25).iter().skip(from).take(10).map(|id| condition(id)).collect();
        let next = (from < 20).then(|| format!("{}/{TYPE}?from={}", asked.base, from + 10));
        bundle(&list, Some(guess), next)
    });
    let home = payer.connected_home(&[TYPE], "");
    for pages in [9, 6, 6] {
        payer.asked();
        home.succeed(&["sync", "--full"], "an estimate");
        let lists = payer.asked().iter().filter(|asked| asked.resource_type == TYPE).count();
        assert_eq!((lists, held(&home).len()), (pages, 25));
    }
}
