//! Links that say more, or less, than they lead to: a last page that no link leads to, and another path.

use crate::support::{Asked, Dictated, Home, Reply, Scripted, bundle};
use std::sync::atomic::{AtomicBool, Ordering};

const TYPE: &str = "Condition";

/// A page by position of forty-five, with these links besides.
fn page(
    asked: &Asked,
    total: Option<usize>,
    next: Option<String>,
    links: &[(&str, &str)],
) -> Reply {
    let ids = (0..45).skip(asked.number("from")).take(10);
    let page: Vec<String> =
        ids.map(|id| format!("{{\"resourceType\":\"{TYPE}\",\"id\":\"c{id:02}\"}}")).collect();
    let (status, body) = bundle(&page, total, None);
    let next = next.iter().map(|url| ("next", url.as_str()));
    let links: Vec<String> = next
        .chain(links.iter().copied())
        .map(|(name, url)| format!("{{\"relation\":\"{name}\",\"url\":\"{url}\"}}"))
        .collect();
    (status, body.replacen('{', &format!("{{\"link\":[{}],", links.join(",")), 1))
}

fn next(asked: &Asked) -> Option<String> {
    let from = asked.number("from") + 10;
    (from < 45).then(|| format!("{TYPE}?from={from}"))
}

/// The exit code, how many are held, and the requests of a first sync and a full one.
fn synced(script: impl FnMut(&Asked) -> Reply + Send + 'static) -> (Home, [(i32, i64, usize); 2]) {
    let payer = Scripted::start(&[TYPE], script);
    let home = payer.connected_home(&[TYPE], "");
    let sync = |words: &[&str]| {
        payer.asked();
        let code = home.run(words).code;
        (code, home.value("SELECT count(*) FROM condition"), payer.asked().len())
    };
    let came = [sync(&["sync"]), sync(&["sync", "--full"])];
    (home, came)
}

#[test]
fn a_last_page_that_no_link_leads_to_keeps_a_walk_from_being_complete() {
    // The link is lost behind the third page, or the first; the total counts the page alone.
    for (lost_at, last, total, held) in
        [(20, "?from=40", None, 30), (0, "?from=40", None, 10), (0, "?from=20", Some(10), 10)]
    {
        let (home, came) = synced(move |asked| {
            let link = next(asked).filter(|_| asked.number("from") < lost_at);
            page(asked, total, link, &[("last", last)])
        });
        assert_eq!(came.map(|(code, held, _)| (code, held)), [(2, held); 2], "{last}");
        let why = home.rows("SELECT DISTINCT state, reason FROM completeness");
        assert_eq!(why, [["incomplete", "next_unusable"]], "{last}");
    }
}

#[test]
fn a_last_page_that_is_the_next_one_is_followed() {
    let (_, came) = synced(|asked| {
        let from = asked.number("from");
        let link = next(asked).filter(|_| from != 30);
        page(asked, None, link, &[("last", "?from=40"), ("self", &format!("?from={from}"))])
    });
    assert_eq!(came, [(0, 45, 5); 2]);
}

#[test]
fn a_calm_server_may_name_its_last_page_as_it_likes() {
    for last in
        ["?from=40", "/r4/Condition/?_count=10&from=40", "?_ct=b7d1", "?from=44", "?page=1", ""]
    {
        let (_, came) = synced(move |asked| page(asked, None, next(asked), &[("last", last)]));
        assert_eq!(came, [(0, 45, 5); 2], "{last}");
    }
    // One that counts wrong names an empty page, or an unknown one: that costs a request.
    for (last, status) in [("?from=50", 200), ("?from=90", 200), ("?from=50", 404)] {
        let (_, came) = synced(move |asked| match (asked.number("from") >= 50, status) {
            (true, 404) => (404, String::new()),
            _ => page(asked, Some(45), next(asked), &[("last", last)]),
        });
        assert_eq!(came, [(0, 45, 6); 2], "{last} {status}");
    }
}

/// No total says that more is to come: only the page's own words do.
#[test]
fn a_page_that_names_its_next_one_in_other_words_is_not_the_last() {
    const LINKS: &str = r#""link":[{"relation":"next","url":"Condition?from=30"}]"#;
    let url = r#""Condition?from=30""#;
    for more in [
        format!("\"link\":[{{\"relation\":\"following\",\"url\":{url}}}]"),
        format!("\"link\":[{{\"relation\":\"\u{bb}\",\"url\":{url}}}]"),
        LINKS.replace("link", "links"),
        LINKS.replace("link", "Link"),
        format!("\"_links\":{{\"next\":{{\"href\":{url}}}}}"),
        format!("\"link\":[],\"@odata.nextLink\":{url}"),
        "\"hasMore\":true".to_owned(),
    ] {
        let (home, came) = synced(move |asked| match asked.number("from") {
            20 => {
                let (status, body) = page(asked, None, None, &[]);
                (status, body.replacen("\"link\":[]", &more, 1))
            }
            _ => page(asked, None, next(asked), &[]),
        });
        assert_eq!(came, [(2, 30, 3); 2]);
        let why = home.rows("SELECT DISTINCT state, reason FROM completeness");
        assert_eq!(why, [["incomplete", "next_unusable"]]);
    }
}

/// Nor does a total: the third page looks empty.
#[test]
fn a_page_whose_entries_are_under_another_name_is_not_empty() {
    for (entry, other) in [
        ("\"entry\":[", "\"entries\":["),
        ("\"entry\":[", "\"Entry\":["),
        ("\"entry\":[", "\"entry\":[],\"data\":["),
        ("\"entry\":[", "\"entry\":null,\"x\":["),
    ] {
        let (home, came) = synced(move |asked| {
            let (status, body) = page(asked, None, next(asked), &[]);
            match asked.number("from") {
                20 => (status, body.replacen(entry, other, 1)),
                _ => (status, body),
            }
        });
        assert_eq!(came.map(|(code, held, _)| (code, held)), [(2, 20); 2], "{other}");
        let why = home.rows("SELECT DISTINCT state, reason, failed_page FROM completeness");
        assert_eq!(why, [["incomplete", "not_a_searchset", "3"]], "{other}");
    }
}

/// A warning is enough where it says that not all could be had.
#[test]
fn a_page_that_says_itself_that_it_is_short_keeps_a_walk_from_being_complete() {
    for (severity, code, ended) in [
        ("warning", "incomplete", 2),
        ("warning", "too-costly", 2),
        ("warning", "suppressed", 0),
        ("information", "informational", 0),
    ] {
        let remark = format!(
            "\"entry\":[{{\"search\":{{\"mode\":\"outcome\"}},\"resource\":{{\"resourceType\":\
             \"OperationOutcome\",\"issue\":[{{\"severity\":\"{severity}\",\"code\":\"{code}\"}}]}}}},"
        );
        let (home, came) = synced(move |asked| {
            let (status, body) = page(asked, None, next(asked), &[]);
            match asked.number("from") {
                20 => (status, body.replacen("\"entry\":[", &remark, 1)),
                _ => (status, body),
            }
        });
        assert_eq!(came.map(|(code, held, _)| (code, held)), [(ended, 45); 2], "{code}");
        let reason = home.rows("SELECT DISTINCT coalesce(reason, '-') FROM completeness");
        assert_eq!(reason, [[if ended == 0 { "-" } else { "server_reported_error" }]], "{code}");
    }
}

/// A gateway that leaves its own part out of the links: they are followed under the plan's path.
#[test]
fn a_link_to_another_path_that_is_not_there_costs_few_requests() {
    let elsewhere = |asked: &Asked| next(asked).map(|link| format!("/r4/inner/{link}"));
    let (_, came) = synced(move |asked| match asked.resource_type.as_str() {
        TYPE => page(asked, Some(45), elsewhere(asked), &[]),
        _ => (404, String::new()),
    });
    assert_eq!(came, [(0, 45, 6); 2]);
    // Nor is the page known under the plan's path.
    let (home, came) = synced(move |asked| match asked.number("from") {
        0 if asked.id.is_none() => page(asked, Some(45), elsewhere(asked), &[]),
        _ => (404, String::new()),
    });
    assert_eq!(came, [(2, 10, 3); 2]);
    let why = home.rows("SELECT DISTINCT state, reason FROM completeness");
    assert_eq!(why, [["incomplete", "next_unusable"]]);
}

/// Who throttles says nothing about the place, and the walk goes on there another night.
#[test]
fn a_plan_that_throttles_under_its_own_path_is_not_said_to_name_a_wrong_one() {
    let elsewhere = |asked: &Asked| next(asked).map(|link| format!("/r4/inner/{link}"));
    let (home, _) =
        synced(move |asked| match (asked.number("from"), asked.resource_type.as_str()) {
            (0, TYPE) if asked.id.is_none() => page(asked, Some(45), elsewhere(asked), &[]),
            (_, TYPE) => (429, String::new()),
            _ => (404, String::new()),
        });
    let why = home.rows("SELECT DISTINCT state, reason, resumable FROM completeness");
    assert_eq!(why, [["incomplete", "throttled", "1"]]);
}

/// A place that has worked is one that forgets its cursors, as any other.
#[test]
fn a_link_to_another_path_that_works_is_followed_as_it_is() {
    let is_forgotten = AtomicBool::new(false);
    let (_, came) = synced(move |asked| {
        let at_inner = asked.id.as_deref() == Some(TYPE);
        let link = next(asked).map(|link| format!("/r4/inner/{link}"));
        match asked.number("from") {
            0 if !at_inner => page(asked, Some(45), link, &[]),
            30 if !is_forgotten.swap(true, Ordering::SeqCst) => (404, String::new()),
            _ if at_inner => page(asked, Some(45), link, &[]),
            _ => (400, String::new()),
        }
    });
    assert_eq!(came, [(0, 45, 4 + 5), (0, 45, 5)]);
}

#[test]
fn a_page_that_is_as_long_as_asked_for_and_has_no_links_at_all_is_not_surely_the_last() {
    let payer = Dictated::start();
    let conditions = |number: usize| -> Vec<String> {
        let condition = |id| format!(r#"{{"resourceType":"Condition","id":"c{id}"}}"#);
        (0..number).map(condition).collect()
    };
    payer.serve("Condition", &conditions(3));
    let home = payer.home("page_size = 3\ntypes = [\"Condition\"]\nrequired = []\n");
    let sync = |code: i32, why: &str| {
        let outcome = home.run(&["sync", "--full"]);
        assert_eq!(outcome.code, code, "{why}: {}", outcome.stderr);
        outcome.stderr
    };
    let said = sync(2, "three of three");
    assert!(said.contains("set page_size in the plan's section"), "{said}");
    let ledger = "SELECT state || ' ' || coalesce(reason, '') FROM completeness
                  WHERE resource_type = 'Condition'";
    assert_eq!(home.value::<String>(ledger), "incomplete next_unusable");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM condition"), 3, "what came is stored");
    payer.serve("Condition", &conditions(2));
    sync(0, "fewer than asked for");
    payer.serve("Condition", &conditions(5));
    sync(0, "a server that does not look at _count");
    // A round number is no cut where the server sends the same whatever it is asked for.
    let home = payer.home("types = [\"Condition\"]\nrequired = []\n");
    for number in [50, 51] {
        payer.serve("Condition", &conditions(number));
        let outcome = home.run(&["sync", "--full"]);
        assert_eq!(outcome.code, 0, "{number} of 100: {}", outcome.stderr);
    }
}

/// A server that pages by an offset which none of its answers names, and that knows no dates.
fn by_offset(asked: &Asked, offset: &str, held: usize) -> Reply {
    let found: Vec<String> = (0..held)
        .skip(asked.number(offset))
        .take(asked.number("_count"))
        .map(|id| format!(r#"{{"resourceType":"Condition","id":"c{id}"}}"#))
        .collect();
    bundle(&found, None, None)
}

#[test]
fn a_page_without_links_is_the_last_where_an_offset_brings_its_last_resource_alone() {
    for (offset, held, code) in
        [("_offset", 10, 0), ("_skip", 10, 0), ("_skip", 11, 2), ("from", 10, 2)]
    {
        let payer = Scripted::start(&["Condition"], move |asked| by_offset(asked, offset, held));
        let home = payer.connected_home(&["Condition"], "");
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, code, "{held} by {offset}: {}", outcome.stderr);
        assert_eq!(home.value::<usize>("SELECT count(*) FROM condition"), 10, "{held} by {offset}");
    }
}

#[test]
fn a_limit_of_requests_is_no_sign_that_a_server_links_no_pages() {
    let payer = Scripted::start(&["Condition"], |asked| by_offset(asked, "_skip", 10));
    let home = payer.connected_home(&["Condition"], "");
    let outcome = home.run(&["sync", "--max-requests", "1"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    let ledger = "SELECT reason FROM completeness WHERE resource_type = 'Condition'";
    assert_eq!(home.value::<String>(ledger), "request_limit");
}

#[test]
fn a_server_that_links_a_shorter_page_has_no_other_behind_one_without_links() {
    // Ten are asked for, and as many are there.
    let answer = |asked: &Asked| {
        let count = asked.number("_count");
        let found: Vec<String> = (0..count.min(10))
            .map(|id| format!(r#"{{"resourceType":"Condition","id":"c{id}"}}"#))
            .collect();
        let next = (count < 10).then(|| format!("{}/Condition?from={count}", asked.base));
        bundle(&found, None, next)
    };
    let payer = Scripted::start(&["Condition"], answer);
    let home = payer.connected_home(&["Condition"], "");
    home.succeed(&["sync"], "a full page without links");
    let ledger = "SELECT mode, state, resources_seen FROM sync_walk";
    assert_eq!(home.rows(ledger), [["full", "complete", "10"]]);
    let counts: Vec<usize> = payer.asked().iter().map(|asked| asked.number("_count")).collect();
    assert_eq!(counts, [10, 9]);
}

/// A server that pages by `_skip`, which none of its answers names.
fn skipping(asked: &Asked, number: usize) -> Reply {
    let bounds = asked.all.iter().filter(|(name, _)| name == "_lastUpdated");
    let dates: Vec<&str> = bounds.map(|(_, bound)| bound.as_str()).collect();
    let is_asked = |date: &String| {
        dates.iter().all(|bound| match bound.split_at(2) {
            ("ge", day) => date.as_str() >= day,
            (_, day) => date.as_str() < day,
        })
    };
    let dated = (0..number).map(|id| (id, format!("{}-03-0{}", 2020 + id % 5, 1 + id % 9)));
    let found: Vec<String> = dated
        .filter(|(_, date)| is_asked(date))
        .take(asked.number("_count"))
        .map(|(id, date)| {
            format!(
                r#"{{"resourceType":"Condition","id":"c{id}","meta":{{"lastUpdated":"{date}T00:00:00Z"}}}}"#
            )
        })
        .collect();
    bundle(&found, None, None)
}

#[test]
fn a_server_that_names_no_page_but_the_first_is_walked_by_date() {
    for number in [10, 23] {
        let payer = Scripted::start(&["Condition"], move |asked| skipping(asked, number));
        let home = payer.connected_home(&["Condition"], "");
        for night in 0..2 {
            let outcome = home.run(&["sync", "--full"]);
            assert_eq!(outcome.code, 0, "{number} on night {night}: {}", outcome.stderr);
            assert_eq!(home.value::<usize>("SELECT count(*) FROM condition"), number);
        }
    }
}
