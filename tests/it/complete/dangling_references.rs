//! References to resources that a plan does not have, and answers by a refusal or an error.

use crate::support::{Asked, Home, Reply, Scripted, bundle};

const TYPES: [&str; 2] = ["Condition", "Practitioner"];

/// A Condition that names the Practitioner of the same number.
fn condition(number: usize) -> String {
    format!(
        "{{\"resourceType\":\"Condition\",\"id\":\"c{number:02}\",\"asserter\":{{\"reference\":\"Practitioner/d{number:02}\"}}}}"
    )
}

/// The answer of a plan with so many Conditions, which answers reads of Practitioners as `read` says.
fn answer(asked: &Asked, conditions: usize, read: impl Fn(&str) -> Option<u16>) -> Reply {
    match (&asked.id, &*asked.resource_type) {
        (None, "Condition") => {
            let from = asked.number("from");
            let page: Vec<String> = (from..conditions.min(from + 10)).map(condition).collect();
            let next = (from + 10 < conditions)
                .then(|| format!("{}/Condition?from={}", asked.base, from + 10));
            bundle(&page, Some(conditions), next)
        }
        (None, _) => (403, String::new()),
        (Some(id), _) => match read(id) {
            Some(status) => (status, String::new()),
            None => (200, format!("{{\"resourceType\":\"Practitioner\",\"id\":\"{id}\"}}")),
        },
    }
}

fn read(home: &Home) -> Vec<String> {
    home.rows("SELECT id FROM practitioner ORDER BY 1").concat()
}

fn state(home: &Home) -> String {
    home.value("SELECT state FROM completeness WHERE resource_type = 'Practitioner'")
}

#[test]
fn many_references_that_lead_nowhere_hide_none_that_leads_somewhere() {
    for status in [403, 500] {
        // d12 to d14 are there, and everything before them is not.
        let is_there = |id: &str| ["d12", "d13", "d14"].contains(&id);
        let refused = move |id: &str| (!is_there(id)).then_some(status);
        let payer = Scripted::start(&TYPES, move |asked| answer(asked, 15, refused));
        let home = payer.connected_home(&TYPES, "");
        // Nothing is known yet by which to tell such a plan from one that refuses all reads.
        let first = home.run(&["sync"]);
        assert_eq!(first.code, 2, "{status}: {}", first.stderr);
        assert_eq!((state(&home), read(&home).len()), ("incomplete".to_owned(), 0), "{status}");
        payer.asked();
        home.run(&["sync"]);
        assert_eq!((state(&home), read(&home).len()), ("complete".to_owned(), 3), "{status}");
        let reads: Vec<String> = payer.asked().into_iter().filter_map(|asked| asked.id).collect();
        assert_eq!(
            reads[0], "d10",
            "{status}: those that were not asked for come first: {reads:?}"
        );
        // Everything is answered for this round.
        home.run(&["sync"]);
        let reads = payer.asked().into_iter().filter(|asked| asked.id.is_some()).count();
        assert_eq!(reads, 0, "{status}");
    }
}

#[test]
fn a_plan_that_refuses_all_reads_for_a_night_settles_nothing() {
    for status in [403, 500] {
        let payer = Scripted::start(&TYPES, |asked| answer(asked, 3, |_| None));
        let home = payer.connected_home(&TYPES, "");
        home.succeed(&["sync"], "three that are there");
        payer.play(move |asked| answer(asked, 15, |_| Some(status)));
        let ill = home.run(&["sync"]);
        assert_eq!(ill.code, 2, "{status}: {}", ill.stderr);
        assert_eq!((state(&home), read(&home).len()), ("incomplete".to_owned(), 3), "{status}");
        payer.play(|asked| answer(asked, 15, |_| None));
        home.succeed(&["sync"], "the plan is well again");
        assert_eq!((state(&home), read(&home).len()), ("complete".to_owned(), 15), "{status}");
    }
}

/// A firewall that refuses reads for one night must not keep the Practitioners away until full walks are due.
#[test]
fn reads_that_a_gateway_refuses_are_made_again_in_the_next_run_unless_it_always_refuses_them() {
    let blocked = |asked: &Asked| match asked.id {
        Some(_) => (403, "<html><head><title>403 Forbidden</title></head></html>".to_owned()),
        None => answer(asked, 3, |_| None),
    };
    let ledger = |home: &Home| {
        home.rows("SELECT state, reason FROM completeness WHERE resource_type = 'Practitioner'")
            .concat()
    };
    for is_well in [true, false] {
        let payer = Scripted::start(&TYPES, blocked);
        let home = payer.connected_home(&TYPES, "");
        let first = home.run(&["sync"]);
        assert_eq!(first.code, 2, "{}", first.stderr);
        assert_eq!(ledger(&home), ["incomplete", "blocked"]);
        assert!(first.stderr.contains("requests_per_second"), "{}", first.stderr);
        if is_well {
            payer.play(|asked| answer(asked, 3, |_| None));
            home.succeed(&["sync"], "the gateway lets reads through");
            assert_eq!((ledger(&home)[0].as_str(), read(&home).len()), ("complete", 3));
            continue;
        }
        home.run(&["sync"]);
        assert_eq!(ledger(&home)[1], "forbidden", "the web server always answers so");
        let told = "SELECT detail LIKE '%full_walk_every_days%--full%' FROM completeness
                    WHERE resource_type = 'Practitioner'";
        assert!(home.value::<bool>(told));
        payer.asked();
        home.run(&["sync"]);
        assert!(payer.asked().iter().all(|asked| asked.id.is_none()), "nothing is asked again");
    }
}
