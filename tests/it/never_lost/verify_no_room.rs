//! Comparing the marts takes temporary tables. Where these cannot be written, `verify` says that the
//! marts were not compared; it calls nothing damaged, and checks everything else.
#![cfg(target_os = "linux")]

use crate::support::{Faulty, Payer};
use payersync::sandbox::Options;

#[test]
fn marts_that_cannot_be_compared_are_said_to_be_so_and_not_damaged() {
    let Some(faulty) = Faulty::build() else { return };
    // So many that the temporary tables do not fit the cache.
    let payer = Payer::start(Options { claims_per_member: 300, ..Options::default() });
    let home = payer.connected_home();
    let types = ["sync", "--type", "Patient", "--type", "ExplanationOfBenefit"];
    home.succeed(&types, "many claims");
    let calm = faulty.count(&home, &["verify"]);
    assert_eq!(calm.ended.code, 0, "{}", calm.ended.stderr);
    assert!(!calm.ended.stdout.contains("not compared"), "{}", calm.ended.stdout);
    // SQLite takes the name away from its temporary file as soon as it is open.
    let is_spill = |step: &&String| step.starts_with("write ") && step.ends_with("(deleted)");
    let spills = calm.steps.iter().take_while(|step| !is_spill(step)).count() + 1;
    assert!(calm.steps.iter().filter(is_spill).count() > 50, "{:?}", calm.steps);
    for (at, what) in [
        (spills, "ENOSPC"),
        (spills, "once:EIO"),
        (spills + 1, "ENOSPC"),
        (spills + 1, "EDQUOT"),
        (spills + 40, "once:EDQUOT"),
    ] {
        let when = format!("{what} at {}", calm.step(at));
        let verified = faulty.run(&home, &["verify"], at, what).ended;
        assert_eq!(verified.code, 0, "{when}: {}{}", verified.stdout, verified.stderr);
        let said = &verified.stdout;
        assert!(
            said.contains("note: not compared: no room for temporary tables"),
            "{when}: {said}"
        );
        assert!(!said.contains("damaged"), "{when}: {said}");
        assert!(said.contains("live resources against their rows"), "{when}: {said}");
    }
    // What is damaged is still found, whatever the marts cannot tell.
    home.warehouse().execute_batch("UPDATE patient SET gender = 'x'").unwrap();
    let damaged = faulty.run(&home, &["verify"], spills, "ENOSPC").ended;
    assert_eq!(damaged.code, 5, "{}", damaged.stdout);
    assert!(damaged.stdout.contains("not compared"), "{}", damaged.stdout);
}
