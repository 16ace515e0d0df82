//! Reversals and corrections of the same day: how their order is known.

use super::*;

fn numbered(claims: &[Claim], value: &str) -> Vec<Claim> {
    let numbers = vec![number(NumberKind::Unique, None, value)];
    claims.iter().map(|claim| Claim { numbers: numbers.clone(), ..claim.clone() }).collect()
}

/// Sets the last update to a day of January, too.
fn updated(claim: Claim, made: &str, updated: &str) -> Claim {
    let made = format!("2025-01-{made}");
    Claim { made: Made::of(Some(&made), Some(&format!("2025-01-{updated}T00:00:00Z"))), ..claim }
}

#[test]
fn a_correction_of_the_reversals_day_and_amount_stands() {
    for (first, reversal, correction) in [("o", "r", "a"), ("3", "2", "1"), ("1", "3", "2")] {
        let (o, r, a) =
            (claim(first, "10", 100), claim(reversal, "20", -100), claim(correction, "20", 100));
        let claims = numbered(&[o.clone(), r.clone(), a.clone()], "n");
        assert_eq!(outcome(&claims, &[]), stand(&[correction], 100));
        let cancelled = Claim { is_cancelled: true, ..claims[0].clone() };
        let claims = [cancelled, claims[1].clone(), claims[2].clone()];
        assert_eq!(outcome(&claims, &[]), stand(&[correction], 100));
        // All three are of one day, as if a fill, its reversal and a second fill.
        let day = numbered(&[claim(first, "20", 100), r.clone(), a.clone()], "n");
        let (standing, sum) = outcome(&day, &[]);
        assert_eq!((standing.len(), sum), (1, 100));
        // Reversal and correction are of one day, and their updates come in the opposite order.
        let bulk = [updated(o, "10", "22"), updated(r, "20", "24"), updated(a, "20", "23")];
        assert_eq!(outcome(&numbered(&bulk, "n"), &[]), stand(&[correction], 100));
    }
}

#[test]
fn a_reversal_without_a_link_belongs_to_the_correction_that_came_with_it() {
    // Of two equal visits, one is corrected; the reversal names neither.
    let claims = [
        claim("o1", "10", 50),
        claim("o2", "11", 50),
        claim("r", "20", -50),
        claim("a1", "20", 50),
    ];
    assert_eq!(outcome(&claims, &[("a1", "prior", "o1")]), stand(&["a1", "o2"], 100));
}

#[test]
fn a_reversal_takes_back_what_stood_and_not_what_follows() {
    let claims =
        [claim("o", "10", 100), claim("a", "11", 80), claim("r", "20", -80), claim("b", "20", 80)];
    let says = [("a", "prior", "o"), ("r", "prior", "o"), ("b", "prior", "o")];
    assert_eq!(outcome(&claims, &says), stand(&["b"], 80));
    // The reversed claim is not stored; the correction names the reversal, or the reversal names the
    // correction.
    for day in ["20", "21"] {
        let pair = [claim("r", "20", -100), claim("a", day, 100)];
        assert_eq!(outcome(&pair, &[("a", "prior", "r")]), stand(&["a"], 100));
        assert_eq!(outcome(&pair, &[("r", "replacedby", "a")]), stand(&["a"], 100));
        assert_eq!(
            outcome(&numbered(&pair, "n"), &[("a", "prior", "ExplanationOfBenefit/r")]),
            stand(&["a"], 100)
        );
    }
    // Both name a claim that is not stored.
    let pair = [claim("r", "20", -100), claim("a", "20", 100)];
    let says = [("r", "prior", "gone"), ("a", "prior", "gone")];
    assert_eq!(outcome(&pair, &says), stand(&["a"], 100));
}

#[test]
fn a_payment_made_after_a_reversal_of_its_number_is_a_correction() {
    let later = numbered(&[claim("r", "20", -100), claim("a", "21", 100)], "n");
    assert_eq!(outcome(&later, &[]), stand(&["a"], 100));
    // On one day they are a payment and its reversal, as at a pharmacy.
    let day = numbered(&[claim("a", "20", 100), claim("r", "20", -100)], "n");
    assert_eq!(outcome(&day, &[]), stand(&[], 0));
}

#[test]
fn replaced_on_one_day_is_the_payment_and_not_its_reversal() {
    let claims = [claim("o", "20", 100), claim("r", "20", -100)];
    assert_eq!(outcome(&claims, &[("r", "replaced", "o")]), stand(&[], 0));
    assert_eq!(outcome(&claims, &[("o", "replaced", "r")]), stand(&[], 0));
}

#[test]
fn a_void_takes_back_one_claim_of_its_number() {
    let copy = |id: &str, day: &str| Claim { says_void: true, ..claim(id, day, 100) };
    for id in ["v", "1"] {
        let claims = [claim("o", "10", 100), copy(id, "20"), claim("a", "20", 100)];
        assert_eq!(outcome(&numbered(&claims, "n"), &[]), stand(&["a"], 100));
    }
    // Without a link there is one more version, and the void takes back the last.
    let claims = [claim("o", "10", 100), claim("a", "11", 80), copy("v", "20")];
    let bare = Claim { paid: None, submitted: None, ..claims[2].clone() };
    let bare = numbered(&[claims[0].clone(), claims[1].clone(), bare], "n");
    assert_eq!(outcome(&bare, &[]), stand(&[], 0));
    // Nothing was paid; the charges tell which claim is taken back.
    let unpaid = |id: &str, day: &str, charged| Claim {
        submitted: Some(charged),
        is_zero: false,
        ..claim(id, day, 0)
    };
    let claims = [unpaid("o", "10", 200), unpaid("r", "20", -200), unpaid("a", "20", 200)];
    assert_eq!(outcome(&numbered(&claims, "n"), &[]), stand(&["a"], 0));
    // No claim of that day has its amounts.
    let claims = [claim("r", "20", -100), claim("a", "20", 80)];
    assert_eq!(outcome(&numbered(&claims, "n"), &[]), stand(&["a"], 80));
}

#[test]
fn a_difference_of_the_same_number_needs_no_link() {
    for charged in [None, Some(0), Some(200)] {
        let difference =
            |id: &str, day: &str, paid| Claim { submitted: charged, ..claim(id, day, paid) };
        let two = [claim("o", "10", 100), difference("d", "20", -20)];
        assert_eq!(outcome(&numbered(&two, "n"), &[]), stand(&["d"], 80));
        let three = [two[0].clone(), two[1].clone(), difference("e", "21", -5)];
        assert_eq!(outcome(&numbered(&three, "n"), &[]), stand(&["d", "e"], 75));
        let whole = [two[0].clone(), two[1].clone(), claim("a", "22", 70)];
        assert_eq!(outcome(&numbered(&whole, "n"), &[]), stand(&["a"], 70));
    }
}

#[test]
fn currencies_are_kept_apart() {
    let of = |claim: Claim, currency: &str| Claim { currency: Some(currency.to_owned()), ..claim };
    let claims = [of(claim("o", "10", 100), "CAD"), of(claim("r", "20", -100), "USD")];
    let decisions = decide(
        &claims,
        &[Link { from: 1, relationship: "prior".to_owned(), target: Target::Id("o".to_owned()) }],
    );
    assert_eq!(decisions.claims[1].reverses, None);
    assert!(decisions.claims.iter().all(|made| !made.is_current && made.carried_by.is_none()));
    let part = [of(claim("o", "10", 100), "CAD"), of(claim("d", "20", -20), "USD")];
    let (standing, _) = outcome(&part, &[("d", "prior", "o")]);
    assert!(standing.is_empty(), "{standing:?}");
    let alike = [of(claim("o", "10", 100), "usd"), of(claim("r", "20", -100), "USD")];
    assert_eq!(outcome(&alike, &[("r", "prior", "o")]), stand(&[], 0));
}

#[test]
fn the_last_version_is_the_last_by_instant() {
    let at = |id: &str, created: &str, updated: &str| Claim {
        made: Made::of(Some(created), Some(&format!("{updated}T00:00:00Z"))),
        ..claim(id, "01", 100)
    };
    for (one, other, standing) in [
        (at("o", "2025-01-10", "2025-01-10"), at("a", "02/01/2025", "2025-02-01"), "a"),
        (
            at("o", "2025-01-10T23:00:00-08:00", "2025-01-10"),
            at("a", "2025-01-11T01:00:00Z", "2025-01-11"),
            "o",
        ),
        (at("o", "2025-02-01T10:00:00Z", "2025-02-01"), at("a", "2025-02-01", "2025-02-03"), "a"),
    ] {
        assert_eq!(outcome(&numbered(&[one, other], "n"), &[]), stand(&[standing], 100));
    }
}

#[test]
fn a_number_is_the_same_whatever_is_written_around_it() {
    let of = |id: &str, day: &str, system: Option<&str>, value: &str| Claim {
        numbers: vec![Number::new(NumberKind::Unique, system.map(str::to_owned), value)],
        ..claim(id, day, 100)
    };
    let plain = of("o", "10", Some("https://plan.example/number"), "n");
    for (system, value) in [
        (Some("https://plan.example/number"), "n "),
        (Some("https://plan.example/number/"), "n"),
        (None, "n"),
        (Some(" "), " n"),
    ] {
        let claims = [plain.clone(), of("a", "20", system, value)];
        assert_eq!(outcome(&claims, &[]), stand(&["a"], 100), "{system:?} {value:?}");
    }
    // The number exists in two systems, so it cannot be told which one is meant.
    let other = of("x", "11", Some("https://other.example/number"), "n");
    let claims = [plain, other, of("a", "20", None, "n")];
    assert_eq!(outcome(&claims, &[]), stand(&["a", "o", "x"], 300));
}

#[test]
fn a_number_leads_to_no_claim_of_another_patient() {
    let own = |id: &str, system: &str, value: &str| {
        Number::new(NumberKind::Other, Some(system.to_owned()), &format!("{id}{value}"))
    };
    let of = |claim: Claim, patient: &str| Claim { patient_id: Some(patient.to_owned()), ..claim };
    // Each claim shows a number of its own, and has a second number that the payer counts from 1 for each
    // family member.
    let numbered = |claim: Claim, second: &str| Claim {
        numbers: vec![own(&claim.id, "shown", ""), own("", "second", second)],
        ..claim
    };
    let jan = of(numbered(claim("o", "10", 100), "1"), "jan");
    let eva = of(numbered(claim("e", "10", 70), "1"), "eva");
    let correction = of(numbered(claim("a", "20", 80), "2"), "jan");
    let bare = Target::Number { system: None, value: "1".to_owned() };
    let second = Target::Number { system: Some("second".to_owned()), value: "1".to_owned() };
    for target in [bare, second] {
        let current = |claims: &[Claim]| -> Vec<String> {
            let link = Link {
                from: claims.len() - 1,
                relationship: "prior".to_owned(),
                target: target.clone(),
            };
            let made = decide(claims, &[link]).claims;
            let standing = claims.iter().zip(&made).filter(|(_, made)| made.is_current);
            standing.map(|(claim, _)| claim.id.clone()).collect()
        };
        assert_eq!(current(&[jan.clone(), eva.clone(), correction.clone()]), ["e", "a"]);
        assert_eq!(current(&[eva.clone(), correction.clone()]), ["e", "a"]);
    }
    // A number that is unique in its system identifies the claim, although it is another member's.
    let eva = Claim { numbers: vec![number(NumberKind::Unique, Some("s"), "e")], ..eva };
    assert_eq!(outcome(&[eva, correction], &[("a", "prior", "e")]), stand(&["a"], 80));
}
