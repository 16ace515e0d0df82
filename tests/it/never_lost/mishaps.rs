//! What a machine does to a home: a journal that a power cut tore, a damaged page, a clock that is a
//! year off, a folder that cannot be written. A clear message, and nothing that was committed is
//! lost. What is wrong with a vault, its key and a file that is no warehouse is in `bad_input`.
#![cfg(target_os = "linux")]

use crate::support::{Faulty, Payer, SHORT_SYNC, state};
use std::fs;

const YEAR: i64 = 365 * 24 * 60 * 60;

#[test]
fn a_torn_journal_costs_whole_pages_at_most_and_they_come_again() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Payer::rich();
    let start = payer.connected_home();
    let calm = start.copy();
    let counted = faulty.count(&calm, &SHORT_SYNC);
    assert_eq!(counted.ended.code, 0, "{}", counted.ended.stderr);
    let expected = state(&calm);
    // Late in the run and before anything is folded into the file.
    let folded = |step: &String| step == "write warehouse.db";
    let journal_ends = counted.steps.iter().rposition(|step| step == "write warehouse.db-wal");
    let first_fold = counted.steps.iter().skip(20).position(folded).map(|at| at + 20);
    let at = first_fold.unwrap().min(journal_ends.unwrap()) - 10;
    let killed = start.copy();
    assert_eq!(faulty.run(&killed, &SHORT_SYNC, at, "kill-before").ended.code, -1);
    let journal = fs::read(killed.file("warehouse.db-wal")).unwrap();
    assert!(journal.len() > 100_000, "{}", journal.len());
    for tear in 0..16 {
        let home = killed.copy();
        let offset = journal.len() * (tear * 7919 % 97) / 97;
        let mut torn = journal.clone();
        match tear % 3 {
            0 => torn.truncate(offset),
            1 => torn[offset..].fill(0),
            _ => {
                let end = (offset + 600).min(torn.len());
                torn[offset..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
            }
        }
        fs::write(home.file("warehouse.db-wal"), torn).unwrap();
        // The index of the journal that was lost with the power.
        let _ = fs::remove_file(home.file("warehouse.db-shm"));
        let when = format!("a tear at {offset} of {}", journal.len());
        home.succeed(&["verify"], &when);
        home.succeed(&SHORT_SYNC, &when);
        assert_eq!(state(&home), expected, "{when}");
        home.succeed(&["verify"], &when);
    }
}

#[test]
fn a_damaged_page_is_named_with_the_way_out_and_takes_nothing_else_along() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "nothing");
    let expected = state(&home);
    let patients = home.rows("SELECT * FROM patient");
    let copy = home.file("copy.db").to_str().unwrap().to_owned();
    home.succeed(&["backup", &copy], "nothing");
    let page: usize = home.value(
        "SELECT pageno FROM dbstat WHERE name = 'explanation_of_benefit' AND pagetype = 'leaf'
         LIMIT 1",
    );
    let mut bytes = fs::read(home.file("warehouse.db")).unwrap();
    bytes[(page - 1) * 4096..][..2048].fill(0x5a);
    fs::write(home.file("warehouse.db"), bytes).unwrap();
    for arguments in [
        &["query", "SELECT * FROM explanation_of_benefit"][..],
        // The old table cannot even be dropped.
        &["rebuild", "explanation_of_benefit"],
        &["backup", home.file("second.db").to_str().unwrap()],
        &["verify"],
    ] {
        let outcome = home.run(arguments);
        assert_eq!(outcome.code, 5, "{arguments:?}: {}", outcome.stderr);
        let hint = outcome.stderr.lines().find(|line| line.starts_with("hint: "));
        assert!(hint.is_some_and(|hint| hint.contains("`payersync")), "{}", outcome.stderr);
    }
    assert_eq!(home.rows("SELECT * FROM patient"), patients);
    let query = home.run(&["query", "SELECT count(*) FROM patient", "--format", "csv"]);
    assert_eq!(query.code, 0, "{}", query.stderr);
    // The way out that the hints name.
    fs::rename(home.file("warehouse.db"), home.file("damaged.db")).unwrap();
    home.succeed(&["restore", &copy], "the damage");
    home.succeed(&SHORT_SYNC, "the restore");
    assert_eq!(state(&home), expected);
    home.succeed(&["verify"], "the restore");
}

#[test]
fn a_clock_that_is_a_year_off_loses_nothing_and_what_changes_meanwhile_is_taken_in() {
    let Some(faulty) = Faulty::build() else { return };
    for seconds in [-YEAR, YEAR] {
        let payer = Payer::rich();
        let home = payer.connected_home();
        home.succeed(&SHORT_SYNC, "nothing");
        let claims = "SELECT resource_id FROM resource
                      WHERE resource_type = 'ExplanationOfBenefit' ORDER BY 1";
        let claims = home.rows(claims).concat();
        assert!(payer.amend(0, "ExplanationOfBenefit", &claims[0]));
        let off = faulty.run_at(&home, &SHORT_SYNC, seconds);
        assert_eq!(off.code, 0, "{seconds}: {}", off.stderr);
        let live = "SELECT json FROM resource WHERE resource_type = 'ExplanationOfBenefit'
                      AND deleted_at IS NULL ORDER BY 1";
        let served = || {
            let mut served = payer.resources(0, "ExplanationOfBenefit");
            served.sort();
            served
        };
        assert_eq!(home.rows(live).concat(), served(), "{seconds}: while the clock is wrong");
        assert!(payer.amend(0, "ExplanationOfBenefit", &claims[1]));
        home.succeed(&SHORT_SYNC, "the clock was set right");
        assert_eq!(home.rows(live).concat(), served(), "{seconds}: when it is right again");
        home.succeed(&["verify"], "the clock was set right");
        // The second run's token is a year old, or in a year: the plan's word counts, not the clock.
        payer.expire_access_tokens();
        let off = faulty.run_at(&home, &SHORT_SYNC, seconds);
        assert_eq!(off.code, 0, "{seconds}: {}", off.stderr);
        home.succeed(&SHORT_SYNC, "a refresh with a wrong clock");
    }
}

#[test]
fn a_home_that_cannot_be_written_is_said_to_be_one_and_stays_as_it_is() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "nothing");
    let before = (state(&home), home.names());
    let copy = home.file("copy.db");
    for arguments in [
        &SHORT_SYNC[..],
        &["rebuild", "patient"],
        &["purge", "john", "--yes"],
        &["get", "Patient", "--connection", "john"],
        &["backup", copy.to_str().unwrap()],
        &["status"],
        &["query", "SELECT 1"],
        &["verify"],
    ] {
        let run = faulty.run(&home, arguments, 1, "EROFS");
        let said = &run.ended.stderr;
        let count = |start: &str| said.lines().filter(|line| line.starts_with(start)).count();
        assert!([0, 1, 5].contains(&run.ended.code), "{arguments:?}: {said}");
        if run.ended.code != 0 {
            assert_eq!((count("error: "), count("hint: ")), (1, 1), "{arguments:?}: {said}");
        }
    }
    assert_eq!((state(&home), home.names()), before);
    home.succeed(&SHORT_SYNC, "the folder was made writable");
}
