//! Types that a plan serves by id and refuses to list.

use crate::support::{Asked, Home, Payer, Scripted, bundle};
use payersync::sandbox::{Fault, Options};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, atomic::Ordering},
};

const UNLISTED: [&str; 5] =
    ["Organization", "Practitioner", "Location", "Medication", "PractitionerRole"];

fn payer(faults: Vec<Fault>) -> Payer {
    Payer::start(Options { faults, ..Options::plain() })
}

/// What the member's record names of the unlisted types, at most three references away.
fn referenced(payer: &Payer) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut near: Vec<String> = payer
        .types()
        .into_iter()
        .filter(|name| !UNLISTED.contains(name))
        .flat_map(|name| payer.resources(0, name))
        .collect();
    let mut found: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for _ in 0..3 {
        let mut names = Vec::new();
        for text in &near {
            collect(&serde_json::from_str(text).unwrap(), &mut names);
        }
        near.clear();
        for name in UNLISTED {
            for text in payer.resources(0, name) {
                let resource: Value = serde_json::from_str(&text).unwrap();
                let reference = format!("{name}/{}", resource["id"].as_str().unwrap());
                let known = found.entry(name).or_default();
                if names.contains(&reference) && known.insert(text.clone()) {
                    near.push(text);
                }
            }
        }
    }
    found
}

fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            names.extend(members.get("reference").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect(member, names));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, names)),
        _ => {}
    }
}

fn stored(home: &Home, name: &str) -> BTreeSet<String> {
    let live =
        format!("SELECT json FROM resource WHERE resource_type = '{name}' AND deleted_at IS NULL");
    home.rows(&live).concat().into_iter().collect()
}

fn state(home: &Home, name: &str) -> Vec<String> {
    home.rows(&format!(
        "SELECT mode, state, coalesce(reason, '') FROM completeness WHERE resource_type = '{name}'"
    ))
    .remove(0)
}

fn reads(payer: &Payer) -> usize {
    let is_read = |path: &str| UNLISTED.iter().any(|name| path.contains(&format!("/{name}/")));
    payer.requests().iter().filter(|request| is_read(&request.path)).count()
}

fn searches(payer: &Payer) -> usize {
    let is_search = |path: &str| UNLISTED.iter().any(|name| path.ends_with(&format!("/{name}")));
    payer.requests().iter().filter(|request| is_search(&request.path)).count()
}

#[test]
fn what_the_stored_resources_name_is_read_and_nothing_else() {
    let payer = payer(vec![Fault::NoListing]);
    let home = payer.connected_home();
    let first = home.run(&["sync"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let expected = referenced(&payer);
    for name in UNLISTED {
        assert_eq!(stored(&home, name), expected.get(name).cloned().unwrap_or_default(), "{name}");
        assert_eq!(state(&home, name), ["reference", "complete", ""], "{name}");
    }
    assert!(expected["Location"].len() > 1 && expected["Organization"].len() > 1);
    let names: i64 = home.value("SELECT count(*) FROM organization WHERE name IS NOT NULL");
    assert_eq!(names as usize, expected["Organization"].len());

    payer.clear_requests();
    let written = "SELECT count(*) FROM resource_version";
    let second = home.run(&["sync"]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert!(second.stderr.contains("0 rows written"), "{}", second.stderr);
    assert_eq!((reads(&payer), searches(&payer)), (0, UNLISTED.len()), "one question per type");
    assert_eq!(home.value::<i64>(written), 0);
}

#[test]
fn lists_of_ids_are_used_where_the_first_one_proves_them() {
    let payer = payer(vec![Fault::ListingByIdOnly]);
    let home = payer.connected_home();
    let outcome = home.run(&["sync"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let expected = referenced(&payer);
    for name in UNLISTED {
        assert_eq!(stored(&home, name), expected.get(name).cloned().unwrap_or_default(), "{name}");
    }
    let total: usize = expected.values().map(BTreeSet::len).sum();
    let asked: Vec<_> =
        payer.requests().iter().map(|r| format!("{} {}", r.path, r.status)).collect();
    // Those that the list left out, and one of each type to see that reads still work.
    let most = total / 2 + UNLISTED.len();
    assert!(reads(&payer) < most, "{} of {total}: {asked:#?}", reads(&payer));
    let honoured = "SELECT batches FROM reference_type WHERE resource_type = 'Organization'";
    assert_eq!(home.value::<String>(honoured), "honoured");
}

#[test]
fn a_run_that_ends_early_is_finished_by_the_next_without_reading_twice() {
    let payer = payer(vec![Fault::NoListing]);
    let home = payer.connected_home();
    let limited = home.run(&["sync", "--max-requests", "50"]);
    assert_eq!(limited.code, 2, "{}", limited.stderr);
    let mut runs = 1;
    while home.run(&["sync", "--max-requests", "50"]).code != 0 {
        runs += 1;
        assert!(runs < 10, "no progress");
    }
    let expected = referenced(&payer);
    for name in UNLISTED {
        assert_eq!(stored(&home, name), expected.get(name).cloned().unwrap_or_default(), "{name}");
    }
    let total: usize = expected.values().map(BTreeSet::len).sum();
    let found: Vec<_> = payer.requests().into_iter().filter(|it| it.status == 200).collect();
    let read = found
        .iter()
        .filter(|it| UNLISTED.iter().any(|name| it.path.contains(&format!("/{name}/"))));
    let read: Vec<_> = read.map(|it| &it.path).collect();
    assert_eq!(read.iter().collect::<BTreeSet<_>>().len(), total);
    // Once more one of each type that lacks some: to see that reads still work.
    assert!(read.len() <= total + UNLISTED.len(), "{read:?}");
}

#[test]
fn a_permanent_500_is_one_reject_and_no_loop() {
    let payer = payer(vec![Fault::NoListing, Fault::UnreadableLocation]);
    let home = payer.connected_home();
    let first = home.run(&["sync"]);
    assert_eq!(first.code, 2, "{}", first.stderr);
    assert_eq!(state(&home, "Location")[..2], ["reference", "complete"]);
    let rejects = "SELECT resource_type, reason, resolved_at IS NULL FROM rejected_resource";
    assert_eq!(home.rows(rejects), [["Location", "unreadable", "1"]]);
    payer.clear_requests();
    home.run(&["sync"]);
    assert_eq!(reads(&payer), 0);
    assert_eq!(home.rows(rejects).len(), 1);
    payer.set_faults(vec![Fault::NoListing]);
    let mended = home.run(&["sync", "--full"]);
    assert_eq!(mended.code, 0, "{}", mended.stderr);
    assert_eq!(home.rows(rejects), [["Location", "unreadable", "0"]]);
}

#[test]
fn what_a_read_rejected_is_settled_once_the_resource_comes_whole_or_is_gone() {
    let condition =
        r#"{"resourceType":"Condition","id":"c1","asserter":{"reference":"Practitioner/d1"}}"#;
    let practitioner =
        |more: &str| format!("{{\"resourceType\":\"Practitioner\",\"id\":\"d1\",{more}}}");
    let whole = || (200, practitioner("\"gender\":\"other\""));
    let answer = Arc::new(Mutex::new(whole()));
    let now = Arc::clone(&answer);
    let types = ["Condition", "Practitioner"];
    let payer = Scripted::start(&types, move |asked| match (&asked.id, &*asked.resource_type) {
        (None, "Condition") => bundle(&[condition.to_owned()], Some(1), None),
        (None, _) => (403, String::new()),
        (Some(_), _) => now.lock().unwrap().clone(),
    });
    let home = payer.connected_home(&types, "");
    home.succeed(&["sync"], "it comes whole");
    let open = "SELECT reason FROM rejected_resource WHERE resolved_at IS NULL";
    *answer.lock().unwrap() = (200, practitioner("\"meta\":{\"tag\":[{\"code\":\"SUBSETTED\"}]}"));
    let abridged = home.run(&["sync", "--full"]);
    assert_eq!(abridged.code, 2, "{}", abridged.stderr);
    assert_eq!(home.rows(open), [["subsetted"]]);
    *answer.lock().unwrap() = whole();
    home.succeed(&["sync", "--full"], "it comes whole again");
    assert!(home.rows(open).is_empty());
    home.warehouse()
        .execute(
            "INSERT INTO rejected_resource (connection_id, resource_type, resource_id, reason,
               detail, body, body_hash, run_id, walk_id, page, received_at)
             SELECT connection_id, resource_type, resource_id, 'view_error', 'table own', json,
               content_hash, (SELECT max(id) FROM sync_run), walk_id, 0, received_at
             FROM resource WHERE resource_type = 'Practitioner'",
            [],
        )
        .unwrap();
    *answer.lock().unwrap() = (410, String::new());
    home.succeed(&["sync", "--full"], "it is gone");
    assert!(home.rows(open).is_empty() && stored(&home, "Practitioner").is_empty());
}

#[test]
fn a_resource_that_a_read_calls_deleted_becomes_a_tombstone_in_the_next_round() {
    let payer = payer(vec![Fault::NoListing]);
    let home = payer.connected_home();
    home.run(&["sync"]);
    let id: String =
        home.value("SELECT min(resource_id) FROM resource WHERE resource_type = 'Practitioner'");
    assert!(payer.withdraw(0, "Practitioner", &id));
    assert_eq!(home.run(&["sync"]).code, 0);
    let live = format!("SELECT count(*) FROM practitioner WHERE id = '{id}'");
    assert_eq!(home.value::<i64>(&live), 1, "a night reads only what is new");
    let round = home.run(&["sync", "--full"]);
    assert_eq!(round.code, 0, "{}", round.stderr);
    assert_eq!(home.value::<i64>(&live), 0);
    let queue =
        format!("SELECT state, http_status FROM reference_queue WHERE resource_id = '{id}'");
    assert_eq!(home.rows(&queue), [["absent", "410"]]);
    let kept = format!("SELECT deleted_at IS NOT NULL FROM resource WHERE resource_id = '{id}'");
    assert!(home.value::<bool>(&kept));
}

#[test]
fn what_reads_by_reference_call_gone_counts_only_while_reads_work() {
    let practitioner = |id: &str| format!("{{\"resourceType\":\"Practitioner\",\"id\":\"{id}\"}}");
    let condition = |id: usize| {
        format!(
            "{{\"resourceType\":\"Condition\",\"id\":\"c{id}\",\"asserter\":{{\"reference\":\"Practitioner/d{id}\"}}}}"
        )
    };
    let types = ["Condition", "Practitioner"];
    // A 403 with a web page is a gateway's.
    for status in [403, 404, 410] {
        // Reads that work before the plan refuses all of them; none: it is well.
        let left = Arc::new(Mutex::new(Some(5)));
        let reads = Arc::clone(&left);
        let payer =
            Scripted::start(&types, move |asked| match (&asked.id, &*asked.resource_type) {
                (None, "Condition") => {
                    bundle(&(0..12).map(condition).collect::<Vec<_>>(), None, None)
                }
                (None, _) => (403, String::new()),
                (Some(id), _) => match &mut *reads.lock().unwrap() {
                    Some(0) => (status, "<html>no such route</html>".to_owned()),
                    Some(left) => {
                        *left -= 1;
                        (200, practitioner(id))
                    }
                    None => (200, practitioner(id)),
                },
            });
        let home = payer.connected_home(&types, "");
        let live = || stored(&home, "Practitioner").len();
        let first = home.run(&["sync"]);
        assert_eq!((first.code, live()), (2, 5), "{status}: {}", first.stderr);
        *left.lock().unwrap() = None;
        home.succeed(&["sync"], "the plan is well again");
        assert_eq!(live(), 12, "{status}");
        *left.lock().unwrap() = Some(5);
        home.run(&["sync", "--full"]);
        assert_eq!(live(), 12, "{status}: nothing is buried");
    }
    // A gateway that refuses one resource for ever, beside reads that work, leaves nothing to be done.
    let payer =
        Scripted::start(&types, move |asked| match (asked.id.as_deref(), &*asked.resource_type) {
            (None, "Condition") => bundle(&(0..3).map(condition).collect::<Vec<_>>(), None, None),
            (None, _) => (403, String::new()),
            (Some("d2"), _) => (403, "<html>Forbidden</html>".to_owned()),
            (Some(id), _) => (200, practitioner(id)),
        });
    let home = payer.connected_home(&types, "");
    home.succeed(&["sync"], "one is refused");
    assert_eq!(stored(&home, "Practitioner").len(), 2);
}

/// A cache in front of the plan has what five reads brought, and the plan refuses all reads.
#[test]
fn what_a_cache_kept_shows_not_that_reads_by_reference_work() {
    let practitioner = |id: &str| format!("{{\"resourceType\":\"Practitioner\",\"id\":\"{id}\"}}");
    let condition = |id: usize| {
        format!(
            "{{\"resourceType\":\"Condition\",\"id\":\"c{id}\",\"asserter\":{{\"reference\":\"Practitioner/d{id}\"}}}}"
        )
    };
    let types = ["Condition", "Practitioner"];
    for (status, kept) in [(410, 1), (410, 7200), (404, 30)] {
        let answer = move |asked: &Asked, is_well: bool| match (&asked.id, &*asked.resource_type) {
            (None, "Condition") => bundle(&(0..12).map(condition).collect::<Vec<_>>(), None, None),
            (None, _) => (403, String::new()),
            (Some(id), _) if is_well || id.as_str() < "d5" => (200, practitioner(id)),
            (Some(_), _) => (status, String::new()),
        };
        let payer = Scripted::start(&types, move |asked| answer(asked, true));
        let home = payer.connected_home(&types, "");
        home.succeed(&["sync"], "all is well");
        let age = payer.age();
        payer.play(move |asked| {
            let (status, body) = answer(asked, false);
            age.store(
                if asked.id.is_some() && status == 200 { kept } else { 0 },
                Ordering::Relaxed,
            );
            (status, body)
        });
        home.run(&["sync", "--full"]);
        assert_eq!(stored(&home, "Practitioner").len(), 12, "{status}, {kept} seconds");
    }
}

#[test]
fn the_only_resource_that_was_read_may_be_gone_without_a_read_that_works() {
    let condition =
        r#"{"resourceType":"Condition","id":"c1","asserter":{"reference":"Practitioner/d1"}}"#;
    for (status, left) in [(404, 1), (410, 0)] {
        let answer = Arc::new(Mutex::new(200));
        let now = Arc::clone(&answer);
        let types = ["Condition", "Practitioner"];
        let payer = Scripted::start(&types, move |asked| {
            match (&asked.id, &*asked.resource_type, *now.lock().unwrap()) {
                (None, "Condition", _) => bundle(&[condition.to_owned()], Some(1), None),
                (None, ..) => (403, String::new()),
                (Some(id), _, 200) => {
                    (200, format!("{{\"resourceType\":\"Practitioner\",\"id\":\"{id}\"}}"))
                }
                (Some(_), _, gone) => (gone, String::new()),
            }
        });
        let home = payer.connected_home(&types, "");
        home.succeed(&["sync"], "it is there");
        *answer.lock().unwrap() = status;
        home.succeed(&["sync", "--full"], "it is gone, and nothing else was ever read");
        assert_eq!(stored(&home, "Practitioner").len(), left, "{status}");
        home.succeed(&["sync"], "nothing is left to ask");
    }
}

#[test]
fn a_type_that_is_neither_listed_nor_read_is_incomplete() {
    let payer = payer(vec![Fault::ForbiddenPayerType]);
    let home = payer.connected_home();
    for _ in 0..2 {
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        assert_eq!(state(&home, "Location"), ["reference", "incomplete", "forbidden"]);
    }
}

#[test]
fn a_reference_to_another_server_is_never_followed() {
    let payer = payer(vec![Fault::NoListing]);
    let home = payer.connected_home();
    home.run(&["sync", "--type", "Patient", "--type", "Encounter"]);
    let elsewhere = format!("{}/r4/Location/elsewhere", payer.foreign_origin());
    home.warehouse()
        .execute(
            "UPDATE resource SET json = json_remove(
               json_set(json, '$.location', json_array(json_object('location',
                 json_object('reference', ?1)))), '$.hospitalization')
             WHERE resource_type = 'Encounter'",
            [elsewhere],
        )
        .unwrap();
    assert_eq!(home.run(&["sync", "--type", "Patient", "--type", "Location"]).code, 0);
    assert_eq!(payer.foreign_requests(), (0, 0));
    assert_eq!(home.value::<i64>("SELECT count(*) FROM reference_queue"), 0);
}
