//! One connection holds one patient's data, whatever the plan sends and whoever consents.

use crate::support::{Dictated, Home};

fn patient(id: &str, more: &str) -> String {
    format!(r#"{{"resourceType":"Patient","id":"{id}"{more}}}"#)
}

fn links(kind: &str, other: &str) -> String {
    format!(r#","link":[{{"type":"{kind}","other":{{"reference":"Patient/{other}"}}}}]"#)
}

fn coverage(id: &str, of: &str) -> String {
    format!(
        r#"{{"resourceType":"Coverage","id":"{id}","beneficiary":{{"reference":"Patient/{of}"}}}}"#
    )
}

/// Ids of what is live, by type.
fn live(home: &Home) -> Vec<String> {
    let live = "SELECT resource_type || '/' || resource_id FROM resource
                WHERE deleted_at IS NULL ORDER BY 1";
    home.rows(live).concat()
}

fn rejects(home: &Home) -> Vec<String> {
    let open = "SELECT resource_type || '/' || resource_id || ' ' || reason FROM rejected_resource
                WHERE resolved_at IS NULL ORDER BY 1";
    home.rows(open).concat()
}

#[test]
fn the_first_of_two_patients_is_the_connections_and_the_other_is_told_with_what_to_do() {
    let payer = Dictated::start();
    payer.serve("Patient", &[patient("a", ""), patient("b", "")]);
    payer.serve("Coverage", &[coverage("1", "b"), coverage("2", "a")]);
    let home = payer.home("");
    let first = home.run(&["sync"]);
    assert_eq!(first.code, 2, "{}", first.stderr);
    assert!(first.stderr.contains("`dependants = true` in [plans.demo]"), "{}", first.stderr);
    assert!(!first.stderr.contains("--accept-shrink"), "{}", first.stderr);
    assert_eq!(live(&home), ["Coverage/2", "Patient/a"]);
    assert_eq!(rejects(&home), ["Coverage/1 foreign_subject", "Patient/b foreign_subject"]);
    assert_eq!(home.value::<String>("SELECT patient_id FROM connection"), "a");
    // The plan does not say whose consent a renewal is, so `connect` does not either.
    let unnamed = "whose data this is shows with the next sync";
    let renewed = payer.connect(&home, &[]);
    assert!(renewed.stderr.contains(unnamed), "{}", renewed.stderr);
    payer.script().token = r#","patient":"a""#.to_owned();
    let renewed = payer.connect(&home, &[]);
    assert!(renewed.stderr.contains("Connected john"), "{}", renewed.stderr);
    assert!(!renewed.stderr.contains(unnamed), "{}", renewed.stderr);
    payer.script().token.clear();
    // In another order, and however the walk is made, it is still the same patient.
    payer.serve("Patient", &[patient("b", ""), patient("a", "")]);
    for arguments in [&["sync"][..], &["sync", "--full"], &["sync", "--type", "Coverage"]] {
        assert_eq!(home.run(arguments).code, 2);
        assert_eq!(live(&home), ["Coverage/2", "Patient/a"]);
    }
    assert_eq!(home.run(&["status"]).code, 2);
}

#[test]
fn a_plan_for_dependants_holds_them_all() {
    let payer = Dictated::start();
    payer.serve("Patient", &[patient("a", ""), patient("b", "")]);
    payer.serve("Coverage", &[coverage("1", "b"), coverage("2", "a")]);
    let home = payer.home("dependants = true\n");
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(live(&home), ["Coverage/1", "Coverage/2", "Patient/a", "Patient/b"]);
}

#[test]
fn without_a_patient_the_first_subject_is_the_connections_in_later_runs_too() {
    let payer = Dictated::start();
    payer.serve("Coverage", &[coverage("1", "a"), coverage("2", "b")]);
    let home = payer.home("");
    for _ in 0..2 {
        let sync = home.run(&["sync"]);
        assert_eq!(sync.code, 2, "{}", sync.stderr);
        assert_eq!(live(&home), ["Coverage/1"]);
        assert_eq!(rejects(&home), ["Coverage/2 foreign_subject"]);
    }
}

#[test]
fn linked_records_of_one_person_are_one_person_in_either_direction() {
    for (first, second) in [
        (patient("a", &links("replaced-by", "b")), patient("b", "")),
        (patient("a", ""), patient("b", &links("replaces", "a"))),
        (patient("a", &links("seealso", "b")), patient("b", "")),
    ] {
        let payer = Dictated::start();
        payer.serve("Patient", &[first, second.clone()]);
        payer.serve("Coverage", &[coverage("1", "a"), coverage("2", "b")]);
        let home = payer.home("");
        let sync = home.run(&["sync"]);
        assert_eq!(sync.code, 0, "{}", sync.stderr);
        assert_eq!(live(&home), ["Coverage/1", "Coverage/2", "Patient/a", "Patient/b"]);
        // The old record goes, what is new is about the other one.
        payer.serve("Patient", &[second]);
        payer.serve("Coverage", &[coverage("1", "a"), coverage("2", "b"), coverage("3", "b")]);
        home.run(&["sync"]);
        assert!(live(&home).contains(&"Coverage/3".to_owned()), "{:?}", rejects(&home));
    }
}

#[test]
fn a_plan_that_speaks_of_another_patient_asks_for_a_new_consent_and_loses_nothing() {
    let payer = Dictated::start();
    payer.serve("Patient", &[patient("a", "")]);
    payer.serve("Coverage", &[coverage("1", "a"), coverage("2", "a")]);
    let home = payer.home("");
    assert_eq!(home.run(&["sync"]).code, 0);
    let before = live(&home);
    payer.serve("Patient", &[patient("b", "")]);
    payer.serve("Coverage", &[coverage("1", "b"), coverage("2", "b")]);
    for arguments in [&["sync"][..], &["sync", "--full"], &["sync", "--type", "Coverage"]] {
        let sync = home.run(arguments);
        assert_eq!(sync.code, 3, "{}", sync.stderr);
        assert!(sync.stderr.contains("now speaks of another Patient"), "{}", sync.stderr);
        assert!(sync.stderr.contains("payersync connect john"), "{}", sync.stderr);
        assert!(!sync.stderr.contains("shrink"), "{}", sync.stderr);
        assert_eq!(live(&home), before);
    }
    let status = home.run(&["status"]);
    assert_eq!(status.code, 3, "{}", status.stdout);
    let reason = "SELECT DISTINCT reason FROM completeness WHERE state = 'incomplete'";
    assert_eq!(home.rows(reason), [["patient_changed"]]);
    // The member's own data comes back: all is well again.
    payer.serve("Patient", &[patient("a", "")]);
    payer.serve("Coverage", &[coverage("1", "a"), coverage("2", "a")]);
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.stderr);
    assert_eq!(live(&home), before);
}

#[test]
fn one_leaked_resource_beside_the_members_own_is_a_reject_and_no_other_patient() {
    let payer = Dictated::start();
    payer.serve("Patient", &[patient("a", "")]);
    payer.serve("Coverage", &[coverage("1", "a"), coverage("2", "a")]);
    let home = payer.home("");
    assert_eq!(home.run(&["sync"]).code, 0);
    payer.serve("Coverage", &[coverage("1", "b"), coverage("2", "a")]);
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 2, "{}", sync.stderr);
    assert_eq!(rejects(&home), ["Coverage/1 foreign_subject"]);
    assert_eq!(live(&home), ["Coverage/2", "Patient/a"], "the list and a read agree");
    // All of a type, as a plan sends it that merges the member's records, stays.
    payer.serve("Coverage", &[coverage("1", "b"), coverage("2", "b")]);
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 2, "{}", sync.stderr);
    assert_eq!(live(&home), ["Coverage/2", "Patient/a"]);
    payer.serve("Coverage", &[coverage("1", "a"), coverage("2", "a")]);
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(live(&home), ["Coverage/1", "Coverage/2", "Patient/a"]);
}

#[test]
fn a_consent_for_another_patient_asks_before_it_takes_the_place_of_what_is_held() {
    let payer = Dictated::start();
    payer.script().token = r#","patient":"a""#.to_owned();
    payer.serve("Patient", &[patient("a", "")]);
    payer.serve("Coverage", &[coverage("1", "a")]);
    let home = payer.home("");
    assert_eq!(home.run(&["sync"]).code, 0);
    // The same patient, however it is written, is renewed without a word.
    for again in ["a", "Patient/a"] {
        payer.script().token = format!(r#","patient":"{again}""#);
        assert_eq!(payer.connect(&home, &[]).code, 0, "{again}");
        assert_eq!(home.run(&["sync"]).code, 0, "{again}");
    }
    payer.script().token = r#","patient":"b""#.to_owned();
    // This payer's tokens are always the same; those of a new consent are not.
    let vault = payersync::auth::Vault::open(home.path(), None).unwrap();
    let (uid, held) = vault.list().unwrap().pop().unwrap();
    let mut held = held.unwrap();
    held.access = "another-token".into();
    vault.put(&uid, &held).unwrap();
    let refused = payer.connect(&home, &[]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("another patient"), "{}", refused.stderr);
    assert!(refused.stderr.contains("The new consent was not stored"), "{}", refused.stderr);
    assert!(refused.stderr.contains("nothing was revoked"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(live(&home), ["Coverage/1", "Patient/a"]);
    payer.serve("Patient", &[patient("b", "")]);
    payer.serve("Coverage", &[coverage("9", "b")]);
    let replaced = payer.connect(&home, &["--yes"]);
    assert_eq!(replaced.code, 0, "{}", replaced.stderr);
    assert!(!replaced.stderr.contains("was not stored"), "{}", replaced.stderr);
    assert_eq!(home.run(&["sync"]).code, 0);
    let ever = "SELECT resource_id FROM resource ORDER BY 1";
    assert_eq!(home.rows(ever), [["9"], ["b"]]);
    assert_eq!(home.value::<String>("SELECT patient_id FROM connection"), "b");
}

#[test]
fn a_renewal_that_cannot_be_stored_is_not_revoked_and_a_first_consent_is() {
    let payer = Dictated::start();
    payer.script().token = r#","patient":"a""#.to_owned();
    let url = payer.token_url().replace("/token", "/revoke");
    let home = payer.home(&format!("revocation_url = \"{url}\"\n"));
    let mut lock = std::fs::File::create(home.file("consent.lock")).unwrap();
    lock.lock().unwrap();
    // Nobody waits for this owner.
    std::io::Write::write_all(&mut lock, b"`payersync sync`, process 1\n").unwrap();
    // This payer's tokens are always the same; those of a new consent are not.
    let vault = payersync::auth::Vault::open(home.path(), None).unwrap();
    let (uid, held) = vault.list().unwrap().pop().unwrap();
    let mut held = held.unwrap();
    held.access = "another-token".into();
    vault.put(&uid, &held).unwrap();
    let asked = || payer.script().received.iter().filter(|it| it.path == "/revoke").count();

    let renewal = payer.connect(&home, &[]);
    assert_eq!(renewal.code, 6, "{}", renewal.stderr);
    assert!(renewal.stderr.contains("The new consent was not stored"), "{}", renewal.stderr);
    assert!(renewal.stderr.contains("It was not revoked"), "{}", renewal.stderr);
    assert_eq!(asked(), 0);
    assert!(vault.get(&uid).unwrap().is_some());

    let first = home.run(&["connect", "mary", "--plan", "demo", "--code", "a-code"]);
    assert_eq!(first.code, 6, "{}", first.stderr);
    assert!(first.stderr.contains("The new consent was not stored"), "{}", first.stderr);
    assert_ne!(asked(), 0);
}

/// The purge of what was held cannot be finished; the new consent is not lost with it.
#[cfg(feature = "lake")]
#[test]
fn a_consent_for_another_patient_is_kept_if_the_purge_before_it_stays_unfinished() {
    let payer = Dictated::start();
    payer.script().token = r#","patient":"a""#.to_owned();
    payer.serve("Patient", &[patient("a", "")]);
    let home = payer.home("");
    assert_eq!(home.run(&["sync"]).code, 0);
    payer.script().token = r#","patient":"b""#.to_owned();
    let lakes = home.write_private("lake.json", "no list of lakes");
    let replaced = payer.connect(&home, &["--yes"]);
    assert_ne!(replaced.code, 0, "{}", replaced.stderr);
    assert!(replaced.stderr.contains("Connected john"), "{}", replaced.stderr);
    assert!(replaced.stderr.contains("lake.json"), "{}", replaced.stderr);
    assert_eq!(home.rows("SELECT patient_id FROM connection"), [["b"]]);
    let vault = payersync::auth::Vault::open(home.path(), None).unwrap();
    let uid: String = home.value("SELECT uid FROM connection");
    assert!(vault.get(&uid).unwrap().is_some());
    // Neither the same name nor the hint of `verify` takes anything of the new consent.
    let repeated = home.run(&["purge", "john", "--yes"]);
    assert_ne!(repeated.code, 0, "{}", repeated.stderr);
    assert!(repeated.stderr.contains("only that purge is finished now"), "{}", repeated.stderr);
    std::fs::remove_file(lakes).unwrap();
    home.succeed(&["purge", "--finish"], "the list of lakes is in order");
    assert_eq!(home.rows("SELECT patient_id FROM connection"), [["b"]]);
    home.succeed(&["verify"], "the end of the purge");
}
