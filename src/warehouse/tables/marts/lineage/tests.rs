//! Families of claims, in every order of arrival.

mod differences;
mod random;
mod same_day;
mod stays;
mod unpaid;

use super::{
    claim::{Claim, Fill, Number, NumberKind},
    decide::{Decisions, decide},
    graph::Relationship,
    made::Made,
    number::{Link, Target},
};

fn number(kind: NumberKind, system: Option<&str>, value: &str) -> Number {
    Number { kind, system: system.map(str::to_owned), value: value.to_owned() }
}

/// A claim made on a day of January 2025. Its charge is twice its payment; its one number is unique and equal
/// to its id.
fn claim(id: &str, made: &str, paid: i64) -> Claim {
    Claim {
        connection_id: 1,
        id: id.to_owned(),
        is_live: true,
        made: Made::of(Some(&format!("2025-01-{made}")), None),
        kind: Some("professional".to_owned()),
        patient_id: Some("p".to_owned()),
        day: Some("2025-01-01".to_owned()),
        numbers: vec![number(NumberKind::Unique, Some("s"), id)],
        paid: Some(paid),
        submitted: Some(paid * 2),
        is_zero: paid == 0,
        amounts: paid * 3,
        is_taken_back: paid < 0,
        ..Claim::default()
    }
}

type Say = (&'static str, &'static str, &'static str);

/// Decides for every order of the claims and asserts that all agree; returns the claims that stand and
/// the sum of the ledger.
fn outcome(claims: &[Claim], says: &[Say]) -> (Vec<String>, i64) {
    let mut outcomes: Vec<(Vec<String>, i64)> = Vec::new();
    let mut orders = Vec::new();
    permutations(&mut (0..claims.len()).collect(), 0, &mut orders);
    for order in orders {
        let claims: Vec<Claim> = order.iter().map(|at| claims[*at].clone()).collect();
        let from = |id: &str| claims.iter().position(|claim| claim.id == id).unwrap();
        let links: Vec<Link> = says
            .iter()
            .map(|(id, relationship, value)| Link {
                from: from(id),
                relationship: (*relationship).to_owned(),
                target: Target::Number { system: Some("s".to_owned()), value: (*value).to_owned() },
            })
            .collect();
        let decisions = decide(&claims, &links);
        let mut current = Vec::new();
        let mut sum = 0;
        for (claim, made) in claims.iter().zip(&decisions.claims) {
            let is_paired = made.reverses.is_some() || made.reversed_by.is_some();
            if made.is_current {
                current.push(claim.id.clone());
            }
            if made.is_current || made.carried_by.is_some() || is_paired {
                sum += claim.paid.unwrap_or(0);
            }
        }
        current.sort();
        outcomes.push((current, sum));
    }
    assert!(outcomes.windows(2).all(|two| two[0] == two[1]), "{outcomes:?}");
    outcomes.swap_remove(0)
}

fn permutations(items: &mut Vec<usize>, from: usize, found: &mut Vec<Vec<usize>>) {
    if from == items.len() {
        found.push(items.clone());
    }
    for at in from..items.len() {
        items.swap(from, at);
        permutations(items, from + 1, found);
        items.swap(from, at);
    }
}

fn stand(ids: &[&str], sum: i64) -> (Vec<String>, i64) {
    (ids.iter().map(|id| (*id).to_owned()).collect(), sum)
}

#[test]
fn a_reversal_goes_with_what_it_reverses() {
    let claims = [claim("o", "01", 100), claim("r", "02", -100), claim("a", "03", 80)];
    assert_eq!(outcome(&claims, &[("r", "prior", "o"), ("a", "prior", "o")]), stand(&["a"], 80));
    assert_eq!(outcome(&claims, &[("r", "prior", "o"), ("a", "prior", "r")]), stand(&["a"], 80));
    assert_eq!(outcome(&claims[..2], &[("r", "prior", "o")]), stand(&[], 0));
    assert_eq!(outcome(&claims[..2], &[("o", "replacedby", "r")]), stand(&[], 0));
    // The original was cancelled, too.
    let cancelled = Claim { is_cancelled: true, ..claims[0].clone() };
    assert_eq!(outcome(&[cancelled, claims[1].clone()], &[("r", "prior", "o")]), stand(&[], 0));
}

#[test]
fn a_reversal_that_names_nothing_is_known_by_its_number_or_its_day_and_amounts() {
    let same =
        |claim: Claim| Claim { numbers: vec![number(NumberKind::Unique, None, "n")], ..claim };
    let claims = [same(claim("o", "01", 100)), same(claim("r", "02", -100))];
    assert_eq!(outcome(&claims, &[]), stand(&[], 0));
    let claims = [claim("o", "01", 100), claim("r", "02", -100)];
    assert_eq!(outcome(&claims, &[]), stand(&[], 0));
    let elsewhere = Claim { day: Some("2025-05-05".to_owned()), ..claims[1].clone() };
    assert_eq!(outcome(&[claims[0].clone(), elsewhere], &[]), stand(&["o"], 100));
}

#[test]
fn one_payment_is_reversed_by_one_reversal() {
    let same =
        |claim: Claim| Claim { numbers: vec![number(NumberKind::Unique, None, "n")], ..claim };
    let claims = [
        same(claim("o", "01", 100)),
        same(claim("r", "02", -100)),
        same(claim("again", "03", 100)),
    ];
    assert_eq!(outcome(&claims, &[]), stand(&["again"], 100));
    let claims = [claim("o", "01", 100), claim("x", "01", 100), claim("r", "02", -100)];
    assert_eq!(outcome(&claims, &[("r", "prior", "x")]), stand(&["o"], 100));
}

#[test]
fn a_reversal_leaves_a_payment_of_another_amount_that_it_names() {
    let claims = [claim("o", "01", 100), claim("a", "02", 80), claim("r", "02", -100)];
    assert_eq!(outcome(&claims, &[("a", "prior", "o"), ("r", "prior", "a")]), stand(&["a"], 80));
    // The payment is looked for by name first, and then in the family.
    let claims = [claim("o", "01", 100), claim("a", "02", 100), claim("r", "03", -100)];
    assert_eq!(
        outcome(&claims, &[("a", "prior", "o"), ("r", "prior", "a")]).0,
        Vec::<String>::new()
    );
}

#[test]
fn a_reversal_whose_payment_is_not_here_stands_for_nothing() {
    assert_eq!(outcome(&[claim("r", "02", -100)], &[("r", "prior", "gone")]), stand(&[], 0));
}

#[test]
fn a_reversal_that_was_cancelled_takes_nothing_back() {
    let cancelled = |claim: Claim| Claim { is_cancelled: true, ..claim };
    let (paid, back) = (claim("o", "01", 100), cancelled(claim("r", "02", -100)));
    assert_eq!(outcome(&[paid.clone(), back.clone()], &[("r", "prior", "o")]), stand(&["o"], 100));
    let whole = [cancelled(paid), back, claim("a", "03", 80)];
    assert_eq!(outcome(&whole, &[("r", "prior", "o"), ("a", "prior", "r")]), stand(&["a"], 80));
}

#[test]
fn a_void_without_amounts_voids() {
    let void = Claim { says_void: true, paid: None, submitted: None, ..claim("v", "02", 0) };
    assert_eq!(
        outcome(&[claim("o", "01", 100), void.clone()], &[("v", "prior", "o")]),
        stand(&[], 0)
    );
    let same =
        |claim: Claim| Claim { numbers: vec![number(NumberKind::Unique, None, "n")], ..claim };
    assert_eq!(outcome(&[same(claim("o", "01", 100)), same(void)], &[]), stand(&[], 0));
    // A claim of zeroes that replaces another is a void; a claim of zeroes alone is a claim.
    let zero = claim("v", "02", 0);
    assert_eq!(
        outcome(&[claim("o", "01", 100), zero.clone()], &[("v", "prior", "o")]),
        stand(&[], 0)
    );
    assert_eq!(outcome(std::slice::from_ref(&zero), &[]), stand(&["v"], 0));
    // Under capitation, the amounts of a claim and of its correction are equal.
    let (first, last) = (claim("o", "01", 0), claim("x", "03", 0));
    assert_eq!(outcome(&[first.clone(), zero.clone()], &[("v", "prior", "o")]), stand(&["v"], 0));
    let chain = [("v", "prior", "o"), ("x", "prior", "v")];
    assert_eq!(outcome(&[first, zero.clone(), last.clone()], &chain), stand(&["x"], 0));
    // A claim of zeroes that replaces a void is a void again.
    assert_eq!(outcome(&[claim("o", "01", 100), zero, last], &chain), stand(&[], 0));
    // A copy of the amounts, marked as a void.
    let copy = Claim { says_void: true, ..claim("v", "02", 100) };
    assert_eq!(outcome(&[claim("o", "01", 100), copy], &[("v", "prior", "o")]), stand(&[], 0));
}

#[test]
fn a_denied_adjustment_is_no_void() {
    let denied = Claim { submitted: Some(200), is_zero: false, ..claim("a", "02", 0) };
    assert_eq!(outcome(&[claim("o", "01", 100), denied], &[("a", "prior", "o")]), stand(&["a"], 0));
}

#[test]
fn a_negative_payment_for_a_positive_charge_is_a_claim() {
    let odd = Claim { submitted: Some(500), ..claim("m", "01", -7) };
    assert_eq!(outcome(&[odd], &[]), stand(&["m"], -7));
}

#[test]
fn chains_end_at_their_last_claim_whichever_way_the_links_point() {
    let claims = [claim("o", "01", 100), claim("a1", "02", 120), claim("a2", "03", 90)];
    let back = [("a1", "prior", "o"), ("a2", "replaces", "a1")];
    assert_eq!(outcome(&claims, &back), stand(&["a2"], 90));
    let forth = [("o", "replacedby", "a1"), ("a1", "replacedby", "a2"), ("a1", "prior", "o")];
    assert_eq!(outcome(&claims, &forth), stand(&["a2"], 90));
    let circle = [("o", "prior", "a2"), ("a1", "prior", "o"), ("a2", "prior", "a1")];
    assert_eq!(outcome(&claims, &circle), stand(&["a2"], 90));
    // The word `replaced` may mean either direction: the dates decide.
    for says in [("o", "replaced", "a1"), ("a1", "replaced", "o")] {
        assert_eq!(outcome(&claims[..2], &[says]), stand(&["a1"], 120));
    }
    // If both were made at the same time, the payer's other links decide, or else it is a replacement.
    let tied = [claims[0].clone(), claims[1].clone(), claim("a0", "02", 70)];
    let back = [("a1", "replaced", "o"), ("a0", "replaced", "a1")];
    assert_eq!(outcome(&tied, &back), stand(&["a0"], 70));
    let forth = [("o", "replaced", "a1"), ("a1", "replaced", "a0")];
    assert_eq!(outcome(&tied, &forth), stand(&["a0"], 70));
    let all = [claim("o", "02", 100), claim("a1", "02", 120), claim("a0", "02", 70)];
    assert_eq!(outcome(&all, &forth), stand(&["a0"], 70));
    // The adjustment was reversed, too: nothing stands.
    let more = [claims[0].clone(), claims[1].clone(), claim("r", "04", -120)];
    assert_eq!(outcome(&more, &[("a1", "prior", "o"), ("r", "prior", "o")]), stand(&[], 0));
}

#[test]
fn of_several_replacements_of_one_claim_the_last_stands_unless_it_was_split() {
    let claims = [claim("o", "01", 100), claim("a1", "02", 120), claim("a2", "03", 90)];
    let says = [("a1", "prior", "o"), ("a2", "prior", "o")];
    assert_eq!(outcome(&claims, &says), stand(&["a2"], 90));
    let four = [&claims[..], &[claim("a3", "04", 95)]].concat();
    assert_eq!(outcome(&four, &[says[0], says[1], ("a3", "replaces", "o")]), stand(&["a3"], 95));
    // Two parts whose charges add up to that of the whole.
    let split = [claim("o", "01", 100), claim("a1", "02", 60), claim("a2", "03", 40)];
    assert_eq!(outcome(&split, &says), stand(&["a1", "a2"], 100));
    // Parts of other days or of another patient, or the last part was cancelled or taken back.
    let day = Claim { day: Some("2025-01-05".to_owned()), ..claims[2].clone() };
    assert_eq!(
        outcome(&[claims[0].clone(), claims[1].clone(), day], &says),
        stand(&["a1", "a2"], 210)
    );
    let cancelled = Claim { is_cancelled: true, ..claims[2].clone() };
    assert_eq!(
        outcome(&[claims[0].clone(), claims[1].clone(), cancelled], &says),
        stand(&["a1"], 120)
    );
    let back = [&claims[..], &[claim("r", "04", -90)]].concat();
    assert_eq!(outcome(&back, &[says[0], says[1], ("r", "prior", "a2")]), stand(&["a1"], 120));
}

#[test]
fn of_one_number_the_last_version_stands() {
    let same =
        |claim: Claim| Claim { numbers: vec![number(NumberKind::Unique, Some("s"), "n")], ..claim };
    let claims = [same(claim("o", "01", 100)), same(claim("a", "02", 80))];
    assert_eq!(outcome(&claims, &[]), stand(&["a"], 80));
    let decisions = decide(&claims, &[]);
    assert_eq!(decisions.claims[0].same_number_count, 2);
    assert_eq!(decisions.claims[0].replaced_by, Some(1));
    assert_eq!(decisions.lineage[0].relationship, Relationship::SameNumber);
    // A number of another kind, system or claim type is another number.
    for other in
        [number(NumberKind::Control, None, "n"), number(NumberKind::Unique, Some("other"), "n")]
    {
        let apart = Claim { numbers: vec![other], ..claims[1].clone() };
        assert_eq!(outcome(&[claims[0].clone(), apart], &[]), stand(&["a", "o"], 180));
    }
    let drug = Claim { kind: Some("pharmacy".to_owned()), ..claims[1].clone() };
    assert_eq!(outcome(&[claims[0].clone(), drug], &[]), stand(&["a", "o"], 180));
    // A number of an unknown kind counts only on the same day.
    let group =
        |claim: Claim| Claim { numbers: vec![number(NumberKind::Other, None, "g")], ..claim };
    let later = Claim { day: Some("2025-06-01".to_owned()), ..claim("a", "02", 80) };
    assert_eq!(
        outcome(&[group(claim("o", "01", 100)), group(later)], &[]),
        stand(&["a", "o"], 180)
    );
}

#[test]
fn a_link_leads_by_system_and_number_not_by_any_equal_value() {
    let mut grouped = claim("x", "01", 100);
    grouped.numbers.push(number(NumberKind::Other, Some("group"), "900"));
    let claims = [grouped, claim("b", "02", 50)];
    assert_eq!(outcome(&claims, &[("b", "prior", "900")]), stand(&["b", "x"], 150));
    let link = |target| Link { from: 1, relationship: "prior".to_owned(), target };
    let without_system = link(Target::Number { system: None, value: "900".to_owned() });
    let lineage =
        |claims: &[Claim]| decide(claims, std::slice::from_ref(&without_system)).lineage.len();
    assert_eq!(lineage(&claims), 0, "it is not the number shown");
    // The group's number leads nowhere from a claim that has this number, too. It leads to a claim from one
    // with another number of the group's system.
    for (own, found) in [("900", 0), ("901", 1)] {
        let mut naming = claims[1].clone();
        naming.numbers.push(number(NumberKind::Other, Some("group"), own));
        assert_eq!(lineage(&[claims[0].clone(), naming.clone()]), found, "{own}");
        let third = Claim {
            numbers: vec![
                number(NumberKind::Unique, Some("s"), "y"),
                number(NumberKind::Other, Some("group"), "900"),
            ],
            ..claim("y", "01", 100)
        };
        assert_eq!(lineage(&[claims[0].clone(), naming, third]), 0, "two claims have it");
    }
    let shown = link(Target::Number { system: None, value: "x".to_owned() });
    assert_eq!(decide(&claims, &[shown]).lineage.len(), 1);
    let by_id = link(Target::Number { system: None, value: "ExplanationOfBenefit/x".to_owned() });
    assert_eq!(decide(&claims, &[by_id]).lineage.len(), 1);
}

#[test]
fn a_difference_stands_beside_what_it_changes() {
    let claims = [claim("o", "01", 100), claim("d", "02", -20)];
    assert_eq!(outcome(&claims, &[("d", "prior", "o")]), stand(&["d"], 80));
    let two = [claims[0].clone(), claims[1].clone(), claim("e", "03", -5)];
    assert_eq!(outcome(&two, &[("d", "prior", "o"), ("e", "prior", "o")]), stand(&["d", "e"], 75));
    // A later whole adjustment replaces both parts.
    let whole = [claims[0].clone(), claims[1].clone(), claim("a", "03", 70)];
    let says = [("d", "prior", "o"), ("a", "prior", "d"), ("a", "prior", "o")];
    assert_eq!(outcome(&whole, &says), stand(&["a"], 70));
}

#[test]
fn what_is_missing_is_told() {
    let decisions = decide(
        &[claim("o", "01", 100)],
        &[Link {
            from: 0,
            relationship: "replacedby".to_owned(),
            target: Target::Number { system: None, value: "gone".to_owned() },
        }],
    );
    assert!(decisions.claims[0].replacement_missing && decisions.claims[0].is_current);
}
