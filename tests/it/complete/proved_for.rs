//! A watermark and a cursor are of one consent, one search and one base: of another one nothing is
//! known, and the whole type is walked.

use crate::support::{Asked, Home, Reply, Scripted, bundle};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

const TYPE: &str = "Condition";

fn condition(id: usize) -> String {
    format!(
        "{{\"resourceType\":\"{TYPE}\",\"id\":\"c{id:02}\",\"meta\":{{\"lastUpdated\":\"2026-01-{:02}T08:00:00Z\"}},\
          \"subject\":{{\"reference\":\"Patient/p\"}}}}",
        28 - id % 28
    )
}

/// The first conditions, so many; a search with a category brings those below twenty alone.
fn serve(asked: &Asked, count: usize) -> Reply {
    let count = if asked.query.contains_key("category") { count.min(20) } else { count };
    if let Some(id) = &asked.id {
        let number: usize = id[1..].parse().unwrap();
        return if number < count { (200, condition(number)) } else { (404, String::new()) };
    }
    let since = asked.query.get("_lastUpdated").map(|bound| bound[2..12].to_owned());
    let is_asked = |json: &String| {
        since
            .as_ref()
            .is_none_or(|since| json.split("lastUpdated\":\"").nth(1).unwrap()[..10] >= **since)
    };
    let found: Vec<String> = (0..count).map(condition).filter(is_asked).collect();
    let from = asked.number("from");
    let bound = asked.query.iter().filter(|(name, _)| *name != "from");
    let more: String = bound.map(|(name, value)| format!("&{name}={value}")).collect();
    let next = (from + 10 < found.len())
        .then(|| format!("{}/{TYPE}?from={}{more}", asked.base, from + 10));
    let page: Vec<String> = found.iter().skip(from).take(10).cloned().collect();
    bundle(&page, Some(found.len()), next)
}

fn live(home: &Home) -> i64 {
    home.value("SELECT count(*) FROM condition")
}

fn mode(home: &Home) -> String {
    home.value(
        "SELECT mode FROM sync_walk WHERE resource_type = 'Condition' ORDER BY id DESC LIMIT 1",
    )
}

/// A home whose consent shows so many conditions.
fn showing(count: &Arc<AtomicUsize>) -> (Scripted, Home) {
    let shown = Arc::clone(count);
    let payer = Scripted::start(&[TYPE], move |asked| serve(asked, shown.load(Ordering::Relaxed)));
    let home = payer.connected_home(&[TYPE], "");
    (payer, home)
}

#[test]
fn since_a_new_consent_older_resources_may_be_there() {
    let count = Arc::new(AtomicUsize::new(25));
    let (_payer, home) = showing(&count);
    home.succeed(&["sync"], "the first night");
    home.succeed(&["sync"], "the second night");
    assert_eq!((live(&home), mode(&home)), (25, "incremental".to_owned()));
    count.store(40, Ordering::Relaxed);
    home.succeed(&["connect", "c", "--plan", "p"], "a new consent");
    home.succeed(&["sync"], "the night after it");
    assert_eq!((live(&home), mode(&home)), (40, "full".to_owned()));
    home.succeed(&["sync"], "an ordinary night");
    assert_eq!(mode(&home), "incremental");
}

#[test]
fn another_search_is_another_walk_and_no_cursor_of_the_old_one_goes_on() {
    for first in [&["sync"][..], &["sync", "--max-requests", "3"]] {
        let count = Arc::new(AtomicUsize::new(40));
        let (_payer, home) = showing(&count);
        let file = home.file("payersync.toml");
        let bare = fs::read_to_string(&file).unwrap();
        let narrow = format!("{bare}search = {{ Condition = \"category=x\" }}\n");
        fs::write(&file, narrow).unwrap();
        home.run(first);
        fs::write(&file, bare).unwrap();
        home.succeed(&["sync"], "the whole type");
        assert_eq!((live(&home), mode(&home)), (40, "full".to_owned()), "{first:?}");
        home.succeed(&["sync"], "an ordinary night");
        assert_eq!(mode(&home), "incremental", "{first:?}");
        home.succeed(&["verify"], "another search");
    }
}
