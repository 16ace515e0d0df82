//! Resources without an instant in `meta.lastUpdated`: two changes of which a walk could see only the
//! later one are both found.

use crate::support::{Asked, Home, Reply, Scripted, bundle};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const TYPE: &str = "Condition";
/// The dates of all resources; no date is `""`.
const DATES: [&str; 4] = ["", "2026-03-01", "2026-03-01T08:00:00", "yesterday"];

/// What the plan holds, and what it becomes once the page from some position is answered.
#[derive(Default)]
struct World {
    held: BTreeMap<String, String>,
    then: Option<(usize, BTreeMap<String, String>)>,
    /// Of which resources the content is another one each time they are asked for.
    restless: Option<fn(&str) -> bool>,
    answers: usize,
}

type Shared = Arc<Mutex<World>>;

fn thirty() -> Shared {
    let held = (0..30).map(|number| (format!("c{number:02}"), "0".to_owned())).collect();
    Arc::new(Mutex::new(World { held, ..World::default() }))
}

fn condition(id: &str, content: &str, date: &str) -> String {
    let meta = match date {
        "" => String::new(),
        date => format!(r#""meta":{{"lastUpdated":"{date}"}},"#),
    };
    format!(r#"{{"resourceType":"{TYPE}","id":"{id}",{meta}"code":{{"text":"{content}"}}}}"#)
}

fn start(world: &Shared, date: &'static str) -> Scripted {
    let world = Arc::clone(world);
    Scripted::start(&[TYPE], move |asked| answer(&mut world.lock().unwrap(), asked, date))
}

fn answer(world: &mut World, asked: &Asked, date: &str) -> Reply {
    let from = asked.number("from");
    world.answers += 1;
    let of = |(id, content): (&String, &String)| match world.restless {
        Some(is_restless) if is_restless(id) => condition(id, &world.answers.to_string(), date),
        _ => condition(id, content, date),
    };
    let page: Vec<String> = world.held.iter().skip(from).take(10).map(of).collect();
    let next = (from + 10 < world.held.len())
        .then(|| format!("{}/{TYPE}?_count=10&from={}", asked.base, from + 10));
    let reply = bundle(&page, Some(world.held.len()), next);
    if world.then.as_ref().is_some_and(|(after, _)| *after == from) {
        let (_, changes) = world.then.take().unwrap();
        world.held.extend(changes);
    }
    reply
}

fn contents(home: &Home) -> BTreeMap<String, String> {
    let all = "SELECT resource_id, json ->> '$.code.text' FROM resource WHERE deleted_at IS NULL";
    let pairs = home.rows(all).into_iter();
    pairs.map(|row| (row[0].clone(), row[1].clone())).collect()
}

fn night(home: &Home, payer: &Scripted, what: &str) -> usize {
    payer.asked();
    home.succeed(&["sync", "--full"], what);
    payer.asked().iter().filter(|asked| asked.id.is_none()).count()
}

#[test]
fn two_changes_of_which_the_walk_sees_the_later_one_are_both_found() {
    for date in DATES {
        let world = thirty();
        let payer = start(&world, date);
        let home = payer.connected_home(&[TYPE], "");
        assert_eq!(night(&home, &payer, "a first walk asks no page twice"), 3, "{date}");
        assert_eq!(night(&home, &payer, "nor does a calm one"), 3, "{date}");
        for later in ["c25", "new"] {
            let changes = ["c03", later].map(|id| (id.to_owned(), format!("with {later}")));
            world.lock().unwrap().then = Some((0, BTreeMap::from(changes)));
            let asked = night(&home, &payer, "two changes behind the first page");
            assert!(asked >= 6, "{date}: {asked}");
            assert_eq!(contents(&home), world.lock().unwrap().held, "{date}");
        }
        assert_eq!(night(&home, &payer, "calm again"), 4, "{date}");
        home.succeed(&["verify"], "changes between pages");
    }
}

#[test]
fn content_that_is_another_each_time_ends_after_one_more_pass() {
    let every: fn(&str) -> bool = |_| true;
    let some: fn(&str) -> bool = |id| id.ends_with('5');
    for (restless, expected) in [(every, 3), (some, 6)] {
        let world = thirty();
        world.lock().unwrap().restless = Some(restless);
        let payer = start(&world, "");
        let home = payer.connected_home(&[TYPE], "");
        assert_eq!(night(&home, &payer, "a first walk"), 3);
        for _ in 0..2 {
            assert_eq!(night(&home, &payer, "a later one"), expected);
        }
    }
}
