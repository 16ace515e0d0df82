//! Memory is bounded by the bytes in flight, whatever a plan sends and however many walks get it.

use crate::support::{Home, Payer, Watched};
use payersync::sandbox::{Fault, Options};

const SYNC: [&str; 5] = ["sync", "--type", "Patient", "--type", "ExplanationOfBenefit"];

/// The reasons of the walks over claims.
fn reasons(home: &Home) -> Vec<Vec<String>> {
    home.rows(
        "SELECT DISTINCT state, reason FROM completeness
         WHERE resource_type = 'ExplanationOfBenefit'",
    )
}

#[test]
fn a_page_of_four_million_empty_entries_takes_little_more_than_its_bytes() {
    let faults = vec![Fault::ManyEntries];
    let payer = Payer::start(Options { faults, many_entries: 4_000_000, ..Options::default() });
    let home = payer.connected_home();
    let ended = Watched::start(&home, &SYNC).end();
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert_eq!(reasons(&home), [["incomplete", "too_many_entries"]]);
    eprintln!("peak: {} MiB", ended.peak_kib >> 10);
    assert!(ended.peak_kib < 120 << 10, "{} KiB", ended.peak_kib);
}

#[test]
fn large_pages_of_several_connections_share_one_budget() {
    let members = 4;
    let huge_page_bytes = 120 << 20;
    let payer = Payer::start(Options { members, huge_page_bytes, ..Options::default() });
    let home = Home::new();
    payer.configure(&home, "");
    for member in 0..members {
        payer.connect(&home, &format!("member{member}"), member);
    }
    payer.set_faults(vec![Fault::HugePage]);
    let ended = Watched::start(&home, &SYNC).end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(reasons(&home), [["complete", ""]]);
    eprintln!("peak: {} MiB", ended.peak_kib >> 10);
    // Four of these pages are 480 MiB.
    assert!(ended.peak_kib < 400 << 10, "{} KiB", ended.peak_kib);
}
