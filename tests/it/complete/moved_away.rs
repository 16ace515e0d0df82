//! A resource that is another patient's by now: it does not stay current, and the ledger says why.

use crate::support::{Asked, Faulty, Home, Reply, Scripted, bundle};
use std::sync::{Arc, Mutex};

const TYPE: &str = "Coverage";
const DAY: i64 = 24 * 3600;

/// What the plan makes of coverage c3, of eight.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moved {
    No,
    /// The list and reads bring it as somebody else's.
    Listed,
    /// Only reads bring it.
    Unlisted,
    /// The list brings it as somebody else's, and a read as the member's.
    ListErrs,
    /// It is in no list, and its read alone is refused.
    Refused,
    /// It is listed as somebody else's, and all reads are refused.
    NoReads,
    /// Five of the eight are listed as somebody else's.
    Merged,
    /// It is listed as somebody else's, and c7 is gone.
    BesideGone,
    /// The list brings it without its id, and c7 is gone.
    Nameless,
}

fn coverage(number: usize, of: &str) -> String {
    format!(
        "{{\"resourceType\":\"{TYPE}\",\"id\":\"c{number}\",\"status\":\"active\",\
         \"beneficiary\":{{\"reference\":\"Patient/{of}\"}}}}"
    )
}

fn answer(asked: &Asked, moved: Moved) -> Reply {
    if asked.resource_type == "Patient" {
        return bundle(&[r#"{"resourceType":"Patient","id":"p"}"#.to_owned()], Some(1), None);
    }
    let of = |number: usize| match moved {
        Moved::No | Moved::Refused | Moved::Nameless => "p",
        Moved::ListErrs if asked.id.is_some() => "p",
        Moved::Merged if number < 5 => "other",
        Moved::Merged => "p",
        _ if number == 3 => "other",
        _ => "p",
    };
    let is_gone =
        |number: usize| number == 7 && matches!(moved, Moved::BesideGone | Moved::Nameless);
    if let Some(id) = &asked.id {
        let number: usize = id[1..].parse().unwrap();
        if is_gone(number) {
            return (404, String::new());
        }
        let is_refused = moved == Moved::NoReads || moved == Moved::Refused && number == 3;
        return if is_refused { (403, String::new()) } else { (200, coverage(number, of(number))) };
    }
    let is_listed =
        |number: &usize| *number != 3 || !matches!(moved, Moved::Unlisted | Moved::Refused);
    let listed = (0..8).filter(is_listed).filter(|number| !is_gone(*number));
    let mut all: Vec<String> = listed.map(|number| coverage(number, of(number))).collect();
    if moved == Moved::Nameless {
        all[3] = all[3].replace("\"id\":\"c3\",", "");
    }
    bundle(&all, Some(all.len()), None)
}

fn home() -> (Scripted, Home, Arc<Mutex<Moved>>) {
    let moved = Arc::new(Mutex::new(Moved::No));
    let told = Arc::clone(&moved);
    let payer =
        Scripted::start(&["Patient", TYPE], move |asked| answer(asked, *told.lock().unwrap()));
    let home = payer.connected_home(&["Patient", TYPE], "");
    home.succeed(&["connect", "c", "--plan", "p", "--patient", "p"], "one patient's");
    home.succeed(&["sync", "--full"], "the first night");
    assert_eq!(live(&home), 8);
    (payer, home, moved)
}

fn live(home: &Home) -> i64 {
    home.value("SELECT count(*) FROM coverage")
}

fn proof(home: &Home) -> Vec<Vec<String>> {
    home.rows("SELECT resource_id, state, proof, http_status FROM absent_resource")
}

#[test]
fn what_the_list_and_a_read_call_another_patients_leaves_the_tables_and_is_told() {
    for how in [Moved::Listed, Moved::Unlisted] {
        let (_payer, home, moved) = home();
        *moved.lock().unwrap() = how;
        let ended = home.run(&["sync", "--full"]);
        assert_eq!(ended.code, 2, "{how:?}: {}", ended.stderr);
        assert_eq!(live(&home), 7, "{how:?}: {}", ended.stderr);
        assert_eq!(proof(&home), [["c3", "deleted", "read", "200"]], "{how:?}");
        let reason = "SELECT reason FROM rejected_resource WHERE resolved_at IS NULL";
        assert_eq!(home.value::<String>(reason), "foreign_subject", "{how:?}");
        // As long as the plan lists it among the member's own, the run says so.
        let code = if how == Moved::Listed { 2 } else { 0 };
        assert_eq!(home.run(&["sync", "--full"]).code, code, "{how:?}");
        *moved.lock().unwrap() = Moved::No;
        home.succeed(&["sync", "--full"], "it is the member's again");
        assert_eq!(live(&home), 8, "{how:?}");
        home.succeed(&["verify"], "moved");
    }
}

#[test]
fn a_list_that_errs_alone_moves_nothing() {
    let (_payer, home, moved) = home();
    *moved.lock().unwrap() = Moved::ListErrs;
    for _ in 0..2 {
        assert_eq!(home.run(&["sync", "--full"]).code, 2);
        assert_eq!(live(&home), 8);
    }
}

#[test]
fn most_of_a_type_does_not_leave_at_once() {
    let (payer, home, moved) = home();
    *moved.lock().unwrap() = Moved::Merged;
    payer.asked();
    for _ in 0..2 {
        let ended = home.run(&["sync", "--full"]);
        assert_eq!(ended.code, 2);
        assert!(!ended.stderr.contains("accept-shrink"), "{}", ended.stderr);
        assert_eq!(live(&home), 8);
    }
    assert!(payer.asked().iter().all(|asked| asked.id.is_none()));
}

#[test]
fn where_its_read_is_refused_two_walks_days_apart_must_agree() {
    let Some(faulty) = Faulty::build() else { return };
    for how in [Moved::Refused, Moved::NoReads] {
        let (payer, home, moved) = home();
        *moved.lock().unwrap() = how;
        for (days, left) in [(0, 8), (0, 8), (3, 7)] {
            payer.set_clock(days * DAY);
            faulty.run_at(&home, &["sync", "--full"], days * DAY);
            assert_eq!(live(&home), left, "{how:?}, day {days}");
        }
        let proof = "SELECT proof FROM absent_resource";
        assert_eq!(home.value::<String>(proof), "two_walks", "{how:?}");
    }
}

#[test]
fn beside_a_reject_what_is_gone_is_found_or_told() {
    let known = "SELECT deletions_known_as_of, coalesce(warning, '') FROM completeness
                 WHERE resource_type = 'Coverage'";
    for (how, left, told) in [
        (Moved::BesideGone, 6, ""),
        (
            Moved::Nameless,
            8,
            "not met and kept: 2 stored resources, since entries that could not be",
        ),
    ] {
        let (_payer, home, moved) = home();
        let before = home.rows(known).remove(0);
        *moved.lock().unwrap() = how;
        let ended = home.run(&["sync", "--full"]);
        assert_eq!(ended.code, 2, "{how:?}: {}", ended.stderr);
        assert_eq!(live(&home), left, "{how:?}: {}", ended.stderr);
        let now = home.rows(known).remove(0);
        assert!(now[1].starts_with(told), "{how:?}: {now:?}");
        assert_eq!(now[0] > before[0], told.is_empty(), "{how:?}: {before:?}, {now:?}");
        home.succeed(&["verify"], "a reject");
    }
}
