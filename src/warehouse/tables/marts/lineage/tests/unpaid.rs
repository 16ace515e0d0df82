//! Claims of which the plan paid nothing: their reversals show only in what the member paid.

use super::*;

/// A claim whose amounts are all the member's; negative where they are taken back.
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
    // By day and amounts, where nothing is named.
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
