//! Claims for which the plan paid nothing: their reversals show only in what the member paid.

use super::*;

/// A claim whose amounts are all the member's; negative amounts take money back.
fn unpaid(id: &str, made: &str, member: i64) -> Claim {
    Claim {
        submitted: None,
        is_zero: false,
        amounts: member,
        is_taken_back: member < 0,
        ..claim(id, made, 0)
    }
}

fn same_number(claim: Claim) -> Claim {
    Claim { numbers: vec![number(NumberKind::Unique, Some("s"), "n")], ..claim }
}

#[test]
fn a_reversal_takes_it_back_whatever_links_them() {
    let says = [("r", "prior", "f")];
    let (first, back) = (unpaid("f", "02", 50), unpaid("r", "03", -50));
    assert_eq!(outcome(&[first.clone(), back.clone()], &says), stand(&[], 0));
    let numbered = [same_number(first.clone()), same_number(back.clone())];
    assert_eq!(outcome(&numbered, &[]), stand(&[], 0));
    // They are matched by day and amounts, if nothing is named.
    assert_eq!(outcome(&[first.clone(), back.clone()], &[]), stand(&[], 0));
    let other = unpaid("g", "02", 30);
    assert_eq!(outcome(&[first, other, back], &[]), stand(&["g"], 0));
}

#[test]
fn a_reversal_without_its_claim_does_not_stand() {
    assert_eq!(outcome(&[unpaid("r", "03", -50)], &[]), stand(&[], 0));
}

#[test]
fn what_is_partly_negative_is_no_reversal() {
    let discounted = Claim { amounts: 40, is_taken_back: false, ..unpaid("f", "02", 50) };
    assert_eq!(outcome(&[discounted], &[]), stand(&["f"], 0));
}

#[test]
fn without_any_amount_drug_and_quantity_tell() {
    let fill = |id: &str, made: &str, drug: &str, quantity: i64| Claim {
        fill: Some(Fill { codes: drug.to_owned(), quantities: quantity.abs().to_string() }),
        is_zero: true,
        submitted: Some(0),
        is_taken_back: quantity < 0,
        ..unpaid(id, made, 0)
    };
    let (a, b) = (fill("a", "02", "00093310905", 30), fill("b", "02", "00093310905", 60));
    let other = fill("o", "02", "00078010105", 30);
    let all = [a.clone(), b.clone(), other.clone()];
    for (back, standing) in [
        (fill("r", "02", "00093310905", -30), vec!["b", "o"]),
        (fill("r", "02", "00093310905", -60), vec!["a", "o"]),
        (fill("r", "03", "00078010105", -30), vec!["a", "b"]),
        (fill("r", "03", "00078010105", -60), vec!["a", "b", "o"]),
    ] {
        let claims = [all.to_vec(), vec![back]].concat();
        assert_eq!(outcome(&claims, &[]).0, standing);
    }
    // A claim without an amount and without a dispensed drug is not a fill.
    let bare = Claim { fill: None, ..a.clone() };
    let back = fill("r", "03", "00093310905", -30);
    assert_eq!(outcome(&[bare, back.clone()], &[]).0, ["a"]);
    // Two reversals never take each other back.
    let again = fill("s", "03", "00093310905", -30);
    let made = decide(&[again.clone(), back.clone()], &[]).claims;
    assert!(made.iter().all(|made| made.reverses.is_none() && made.is_void));
    let numbered = [back, again].map(same_number);
    assert!(decide(&numbered, &[]).claims.iter().all(|made| made.reverses.is_none()));
}

#[test]
fn a_reversal_of_a_day_takes_back_a_fill_of_its_drug() {
    let of = |claim: Claim, drug: &str| Claim {
        fill: Some(Fill { codes: drug.to_owned(), quantities: String::new() }),
        ..claim
    };
    let fills = [of(claim("a", "02", 10), "x"), of(claim("b", "02", 10), "y")];
    let back = |drug: &str| of(claim("r", "03", -10), drug);
    for (drug, standing) in [("x", "b"), ("y", "a")] {
        let claims = [fills[0].clone(), fills[1].clone(), back(drug)];
        assert_eq!(outcome(&claims, &[]), stand(&[standing], 10));
    }
    let unknown = Claim { fill: None, ..back("x") };
    let claims = [fills[0].clone(), fills[1].clone(), unknown];
    assert_eq!(outcome(&claims, &[]).1, 10);
}
