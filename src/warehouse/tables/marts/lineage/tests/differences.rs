//! Claims that state only the amount by which another claim changed.

use super::*;

/// A claim that changes only what the plan paid, and charges nothing.
fn change(id: &str, made: &str, paid: i64) -> Claim {
    Claim { submitted: Some(0), amounts: paid, is_taken_back: false, ..claim(id, made, paid) }
}

#[test]
fn a_replacement_ends_the_differences_of_what_it_replaces() {
    let claims = [claim("o", "02", 100), change("d", "03", -20), claim("a", "04", 90)];
    let says = [("d", "prior", "o"), ("a", "prior", "o")];
    assert_eq!(outcome(&claims, &says), stand(&["a"], 90));
    let says = [("d", "prior", "o"), ("a", "prior", "d")];
    assert_eq!(outcome(&claims, &says), stand(&["a"], 90));
}

#[test]
fn a_reversal_of_the_whole_ends_the_differences_of_what_it_takes_back() {
    let claims = [claim("o", "02", 100), change("d", "03", -20), claim("r", "04", -100)];
    let says = [("d", "prior", "o"), ("r", "prior", "o")];
    assert_eq!(outcome(&claims, &says), stand(&[], 0));
    // The reversal takes back what is left of the claim, or its whole amount.
    for back in [-80, -100] {
        let claims = [claims[0].clone(), claims[1].clone(), claim("r", "04", back)];
        for other in ["o", "d"] {
            let says = [("d", "prior", "o"), ("r", "prior", other)];
            assert_eq!(outcome(&claims, &says), stand(&[], 0), "{back} by {other}");
        }
    }
}

#[test]
fn what_a_difference_changed_falls_with_it() {
    let claims = [
        claim("o", "02", 57),
        change("d1", "03", -37),
        claim("a", "04", 123),
        change("d2", "05", -7),
        change("d3", "06", -51),
    ];
    let says =
        [("d1", "prior", "o"), ("a", "prior", "d1"), ("d2", "prior", "a"), ("d3", "prior", "d2")];
    assert_eq!(outcome(&claims, &says), stand(&["d3"], 65));
}

#[test]
fn differences_of_differences_add_up() {
    let claims = [
        claim("o", "02", 100),
        change("d1", "03", -20),
        change("d2", "04", -30),
        change("d3", "05", -40),
    ];
    for (two, three) in [("d1", "d2"), ("o", "o"), ("d1", "o"), ("o", "d1")] {
        let says = [("d1", "prior", "o"), ("d2", "prior", two), ("d3", "prior", three)];
        let (current, sum) = outcome(&claims, &says);
        assert_eq!(sum, 10, "{two} {three}: {current:?}");
    }
    // Together they take back more than was paid.
    let claims = [claims[0].clone(), change("d1", "03", -70), change("d2", "04", -40)];
    let says = [("d1", "prior", "o"), ("d2", "prior", "d1")];
    assert_eq!(outcome(&claims, &says), stand(&[], 0));
}

#[test]
fn a_difference_that_is_taken_back_leaves_the_claim_as_it_was() {
    let claims = [claim("o", "02", 100), change("d", "03", -20), change("u", "04", 20)];
    let says = [("d", "prior", "o"), ("u", "prior", "d")];
    assert_eq!(outcome(&claims, &says), stand(&["u"], 100));
}

#[test]
fn a_difference_changes_what_stood_when_it_was_made() {
    let claims = [claim("o", "02", 100), claim("a", "03", 90), change("d", "04", -20)];
    let says = [("a", "prior", "o"), ("d", "prior", "o")];
    assert_eq!(outcome(&claims, &says), stand(&["d"], 70));
}

#[test]
fn a_difference_of_what_was_cancelled_does_not_stand_alone() {
    let cancelled = Claim { is_cancelled: true, ..claim("o", "02", 100) };
    let claims = [cancelled, change("d", "03", -20)];
    assert_eq!(outcome(&claims, &[("d", "prior", "o")]).0, Vec::<String>::new());
}
