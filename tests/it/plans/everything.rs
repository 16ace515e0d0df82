//! `search = "everything"`: types out of a Patient's `$everything`.

use crate::support::{Asked, Home, Payer, Reply, Scripted, bundle};
use payersync::sandbox::Options;
use std::sync::{Arc, Mutex};

const TYPES: &str = "types = [\"Patient\", \"Coverage\", \"ExplanationOfBenefit\"]\n\
    patient_from = \"userinfo\"\npage_size = 0\n\
    search = { Patient = \"everything\", Coverage = \"everything\", ExplanationOfBenefit = \"everything\" }\n";

fn live(home: &Home) -> i64 {
    home.value("SELECT count(*) FROM resource WHERE deleted_at IS NULL")
}

#[test]
fn everything_of_a_patient_is_walked_and_what_is_gone_is_proved_to_be() {
    let like = "cigna".parse().unwrap();
    let payer = Payer::start(Options { like, claims_per_member: 12, ..Options::plain() });
    let home = payer.connected_home_with(TYPES);
    // The token answer names nobody, and no search was made to find out.
    let patient: String = home.value("SELECT patient_id FROM connection");
    assert_eq!(patient, payer.patient_id(0));
    home.succeed(&["sync"], "a consent");
    let all: usize = payer.types().iter().map(|name| payer.resources(0, name).len()).sum();
    assert_eq!(live(&home), all as i64);
    let asked: Vec<String> = payer
        .requests()
        .iter()
        .filter(|request| request.path.contains("/Patient/") && request.status == 200)
        .map(|request| request.query.clone())
        .collect();
    let mut expected = ["", "_type=Coverage", "_type=ExplanationOfBenefit"];
    expected.sort_unstable();
    let mut sorted = asked.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    // Gone: a claim, whose type is walked, and a place, whose type only came along.
    let id_of = |name: &str| {
        let text = payer.resources(0, name).pop().unwrap();
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        parsed["id"].as_str().unwrap().to_owned()
    };
    let (claim, place) = (id_of("ExplanationOfBenefit"), id_of("Location"));
    assert!(payer.withdraw(0, "ExplanationOfBenefit", &claim));
    assert!(payer.withdraw(0, "Location", &place));
    home.succeed(&["sync"], "a claim and a place went");
    let gone = "SELECT resource_type FROM resource WHERE deleted_at IS NOT NULL ORDER BY 1";
    assert_eq!(home.rows(gone).concat(), ["ExplanationOfBenefit", "Location"]);
    let along = "SELECT mode, state, resources > 0 FROM completeness
                 WHERE resource_type IN ('Location', 'Practitioner')";
    assert_eq!(
        home.rows(along),
        [["everything", "complete", "1"], ["everything", "complete", "1"]]
    );
    let skipped = "SELECT count(*) FROM sync_walk WHERE resource_type = 'Practitioner'
                   AND mode <> 'everything' AND run_id = (SELECT max(run_id) FROM sync_walk)";
    assert_eq!(home.value::<i64>(skipped), 0);
    // Changed: what is walked and what came along.
    let coverage = id_of("Coverage");
    let practitioner = id_of("Practitioner");
    assert!(payer.amend(0, "Coverage", &coverage));
    assert!(payer.amend(0, "Practitioner", &practitioner));
    home.succeed(&["sync"], "two changes");
    let changed = "SELECT resource_type FROM resource
                   WHERE json LIKE '%x-amended-1%' ORDER BY resource_type";
    assert_eq!(home.rows(changed).concat(), ["Coverage", "Practitioner"]);
    let third = home.run(&["sync"]);
    assert_eq!(third.code, 0, "{}", third.stderr);
    assert!(third.stderr.contains(" 0 rows written"), "{}", third.stderr);
    let plan = home.run(&["plan"]).stdout;
    assert!(plan.contains("$everything"), "{plan}");
    let doctor = home.run(&["doctor"]);
    assert!(doctor.stdout.contains("declares it for Patient"), "{}", doctor.stdout);
    home.succeed(&["verify"], "types that come along");
}

#[test]
fn a_plan_that_does_not_declare_it_is_searched_in_the_ordinary_way_and_says_so() {
    let payer = Payer::small();
    let home = payer.connected_home_with("");
    home.succeed(&["sync"], "bare searches");
    let before = live(&home);
    let search = "search = { Coverage = \"everything\" }\n";
    payer.configure(&home, search);
    home.succeed(&["sync"], "an ordinary search");
    assert_eq!(live(&home), before);
    let told = "SELECT state || ': ' || warning FROM completeness WHERE resource_type = 'Coverage'";
    let told: String = home.value(told);
    assert!(told.starts_with("complete: ") && told.contains("$everything"), "{told}");
    let doctor = home.run(&["doctor"]);
    assert!(doctor.stdout.contains("does not declare it for Patient"), "{}", doctor.stdout);
}

#[test]
fn a_plan_that_refuses_the_search_it_declares_is_asked_for_everything_and_from_then_on_at_once() {
    for status in [400, 403, 404, 500] {
        let payer = Scripted::start(&["Patient", "Condition"], move |asked| {
            let everything = asked.all.iter().any(|(name, _)| name == "_type" || name == "from");
            match (&asked.id, everything) {
                (None, false) => (status, String::new()),
                _ => everything_of(&World { places: 2, with_stranger: false, total: None }, asked),
            }
        });
        let home = payer.connected_home(&["Condition"], "");
        let config = std::fs::read_to_string(home.file("payersync.toml")).unwrap();
        let everything = "search = { Condition = \"everything\" }\n";
        std::fs::write(home.file("payersync.toml"), config + everything).unwrap();
        home.succeed(&["connect", "c", "--plan", "p", "--patient", "me"], "one patient");
        home.succeed(&["sync"], "a declared search that is refused");
        assert_eq!(live(&home), 5, "{status}");
        assert!(payer.asked().len() > 2, "{status}");
        let night = home.run(&["sync"]);
        assert_eq!(night.code, 0, "{status}: {}", night.stderr);
        assert!(night.stderr.contains(" 0 rows written"), "{}", night.stderr);
        assert!(
            payer
                .asked()
                .iter()
                .all(|asked| asked.query.contains_key("_type") || asked.query.contains_key("from")),
            "{status}"
        );
        let warning = "SELECT warning FROM completeness WHERE resource_type = 'Condition'";
        let warning: String = home.value(warning);
        assert!(warning.contains("refuses to search the type"), "{warning}");
        // And back, should the plan take it away.
        payer.play(|asked| {
            let about = |id: &str| {
                format!(
                    r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/me"}}}}"#
                )
            };
            match asked.query.contains_key("_type") {
                true => (404, String::new()),
                false => bundle(&["c1", "c2"].map(about), None, None),
            }
        });
        home.succeed(&["sync"], "an operation that is gone");
        home.succeed(&["verify"], "two ways");
    }
}

#[test]
fn the_whole_record_is_one_walk_and_a_plan_that_refuses_it_is_a_gap() {
    let world = || World { places: 2, with_stranger: false, total: None };
    let payer = Scripted::start(&["Patient", "Condition"], move |asked| {
        // Of a type that is named, it brings nothing else.
        match asked.query.contains_key("_type") {
            true => bundle(&[], Some(0), None),
            false => everything_of(&world(), asked),
        }
    });
    let home = payer.connected_home(&["Patient"], "");
    let config = std::fs::read_to_string(home.file("payersync.toml")).unwrap();
    let everything = "search = { Patient = \"everything\" }\n";
    std::fs::write(home.file("payersync.toml"), config + everything).unwrap();
    home.succeed(&["connect", "c", "--plan", "p", "--patient", "me"], "one patient");
    home.succeed(&["sync"], "a whole record");
    assert_eq!(live(&home), 5);
    let states = "SELECT resource_type, state FROM completeness WHERE resources > 0 ORDER BY 1";
    let complete = ["Condition", "Location", "Patient"].map(|name| [name, "complete"]);
    assert_eq!(home.rows(states), complete);
    for status in [400, 403, 404, 500] {
        payer.play(move |asked| match &asked.id {
            Some(_) => (200, r#"{"resourceType":"Patient","id":"me"}"#.to_owned()),
            None => (status, String::new()),
        });
        let refused = home.run(&["sync", "--full"]);
        assert_eq!(refused.code, 2, "{status}: {}", refused.stderr);
        assert!(refused.stderr.contains("may not serve $everything"), "{}", refused.stderr);
        assert_eq!(live(&home), 5, "{status}");
    }
    // A plan that is away is away for the types that come along, too.
    payer.play(|_| (503, String::new()));
    let away = home.run(&["sync", "--full"]);
    assert_eq!(away.code, 4, "{}", away.stderr);
    home.succeed(&["verify"], "a record that was refused");
}

/// A plan whose `$everything` brings all of a patient on pages of three, with what a test adds to it.
struct World {
    places: usize,
    with_stranger: bool,
    total: Option<usize>,
}

fn everything_of(world: &World, asked: &Asked) -> Reply {
    let about = |name: &str, id: &str| {
        format!(r#"{{"resourceType":"{name}","id":"{id}","subject":{{"reference":"Patient/me"}}}}"#)
    };
    let mut all = vec![r#"{"resourceType":"Patient","id":"me"}"#.to_owned()];
    all.extend(["c1", "c2"].map(|id| about("Condition", id)));
    let place = |id: usize| format!(r#"{{"resourceType":"Location","id":"l{id}"}}"#);
    all.extend((0..world.places).map(place));
    if world.with_stranger {
        all.push(r#"{"resourceType":"Patient","id":"other"}"#.to_owned());
    }
    if let Some(id) = &asked.id {
        let wanted = format!(r#""{}","id":"{id}""#, asked.resource_type);
        let found = all.iter().find(|one| one.contains(&wanted));
        return found.map_or((404, String::new()), |one| (200, one.clone()));
    }
    let from = asked.number("from");
    let next = (from + 3 < all.len())
        .then(|| format!("{}/Patient/me/$everything?from={}", asked.base, from + 3));
    let page: Vec<String> = all.iter().skip(from).take(3).cloned().collect();
    bundle(&page, Some(world.total.unwrap_or(all.len())), next)
}

#[test]
fn what_comes_along_is_buried_when_all_came_and_a_read_proves_it_whoever_else_comes_along() {
    let world = Arc::new(Mutex::new(World { places: 4, with_stranger: false, total: None }));
    let shared = Arc::clone(&world);
    let payer =
        Scripted::start(&["Patient"], move |asked| everything_of(&shared.lock().unwrap(), asked));
    let home = payer.connected_home(&["Condition"], "");
    let config = std::fs::read_to_string(home.file("payersync.toml")).unwrap();
    let everything = "search = { Condition = \"everything\" }\n";
    std::fs::write(home.file("payersync.toml"), config + everything).unwrap();
    home.succeed(&["connect", "c", "--plan", "p", "--patient", "me"], "one patient");
    home.succeed(&["sync"], "all of a patient");
    let places = "SELECT count(*) FROM resource WHERE resource_type = 'Location'
                  AND deleted_at IS NULL";
    let told = || {
        home.rows("SELECT resource_type, mode, state FROM completeness ORDER BY 1")
            .concat()
            .join(" ")
    };
    assert_eq!(home.value::<i64>(places), 4);
    assert!(told().contains("Location everything complete"), "{}", told());
    // One went, and the last page is full, though the server declares more: its next link is lost.
    *world.lock().unwrap() = World { places: 3, with_stranger: false, total: Some(99) };
    let short = home.run(&["sync"]);
    assert_eq!(short.code, 2, "{}", short.stderr);
    assert!(short.stderr.contains("99 resources in $everything"), "{}", short.stderr);
    assert_eq!(home.value::<i64>(places), 4, "{}", told());
    assert!(told().contains("Location everything incomplete"), "{}", told());
    // Another Patient comes along: rejected, and no reason to keep what is gone.
    *world.lock().unwrap() = World { places: 3, with_stranger: true, total: None };
    let conditions = "SELECT count(*) FROM resource WHERE resource_type = 'Condition'
                      AND deleted_at IS NULL";
    home.run(&["sync", "--full"]);
    assert_eq!(home.value::<i64>(places), 3, "{}", told());
    assert_eq!(home.value::<i64>(conditions), 2);
    home.succeed(&["verify"], "what came along");
}
