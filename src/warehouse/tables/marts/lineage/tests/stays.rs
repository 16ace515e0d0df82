//! Interim bills and late charges: which bills add to a stay's bills, and which replace them.

use super::*;

/// A bill for some days of January 2025, with a number of its own.
fn bill(id: &str, made: &str, paid: i64, frequency: char, days: [&str; 2]) -> Claim {
    let [first, last] = days.map(|day| Some(format!("2025-01-{day}")));
    Claim {
        frequency: Some(frequency),
        revises: matches!(frequency, '7' | '8'),
        kind: Some("institutional".to_owned()),
        day: first,
        last_day: last,
        ..claim(id, made, paid)
    }
}

fn same_number(claim: &Claim) -> Claim {
    Claim { numbers: vec![number(NumberKind::Unique, Some("s"), "n")], ..claim.clone() }
}

fn stay() -> [Claim; 3] {
    [
        bill("i1", "10", 1000, '2', ["01", "09"]),
        bill("i2", "20", 900, '3', ["10", "19"]),
        bill("i3", "29", 500, '4', ["20", "28"]),
    ]
}

const CHAIN: [Say; 2] = [("i2", "prior", "i1"), ("i3", "prior", "i2")];

#[test]
fn interim_bills_stand_beside_each_other_whatever_links_them() {
    let all = stand(&["i1", "i2", "i3"], 2400);
    assert_eq!(outcome(&stay(), &CHAIN), all);
    assert_eq!(outcome(&stay().each_ref().map(same_number), &[]), all);
    // The payer's own word for a replacement decides.
    assert_eq!(outcome(&stay()[..2], &[("i1", "replacedby", "i2")]), stand(&["i2"], 900));
}

#[test]
fn a_bill_of_the_same_days_comes_again_and_takes_the_place_of_the_first() {
    let [first, second, _] = stay().each_ref().map(same_number);
    let again = same_number(&bill("j2", "25", 850, '3', ["10", "19"]));
    assert_eq!(outcome(&[first, second, again], &[]), stand(&["i1", "j2"], 1850));
    let [first, second, _] = stay();
    let again = bill("j2", "25", 850, '3', ["10", "19"]);
    let says = [CHAIN[0], ("j2", "prior", "i2")];
    assert_eq!(outcome(&[first, second, again], &says), stand(&["i1", "j2"], 1850));
}

#[test]
fn a_replacement_and_a_final_bill_take_the_place_of_all_whose_days_they_bill() {
    let [first, second, third] = stay();
    let anew = bill("r", "30", 2000, '7', ["01", "19"]);
    let says = [CHAIN[0], CHAIN[1], ("r", "prior", "i2")];
    let claims = [first.clone(), second.clone(), third.clone(), anew.clone()];
    assert_eq!(outcome(&claims, &says), stand(&["i3", "r"], 2500));
    assert_eq!(outcome(&claims.each_ref().map(same_number), &[]), stand(&["i3", "r"], 2500));
    // Home health: the request for anticipated payment, then the final claim.
    let last = bill("f", "30", 300, '9', ["01", "28"]);
    let claims = [first, last].each_ref().map(same_number);
    assert_eq!(outcome(&claims, &[]), stand(&["f"], 300));
}

#[test]
fn late_charges_add_to_the_bill_until_it_is_billed_anew() {
    let first = bill("o", "10", 1000, '1', ["01", "05"]);
    let late = bill("l", "20", 50, '5', ["01", "05"]);
    let pair = [first.clone(), late.clone()];
    let numbered = pair.each_ref().map(same_number);
    assert_eq!(outcome(&numbered, &[]), stand(&["l", "o"], 1050));
    assert_eq!(outcome(&pair, &[("l", "prior", "o")]), stand(&["l", "o"], 1050));
    // If the first bill is decided again, that is another version of it; the late charges are not part of
    // it.
    let decided = same_number(&bill("p", "25", 990, '1', ["01", "05"]));
    let [o, l] = numbered;
    assert_eq!(outcome(&[o.clone(), l.clone(), decided], &[]), stand(&["l", "p"], 1040));
    let anew = same_number(&bill("q", "26", 1060, '7', ["01", "05"]));
    assert_eq!(outcome(&[o.clone(), l.clone(), anew], &[]), stand(&["q"], 1060));
    // The same charges again are the same late charges; different charges are others.
    let again = same_number(&bill("l2", "21", 40, '5', ["01", "05"]));
    let again = Claim { submitted: l.submitted, ..again };
    assert_eq!(outcome(&[o.clone(), l.clone(), again], &[]), stand(&["l2", "o"], 1040));
    let other = same_number(&bill("l3", "21", 7, '5', ["01", "05"]));
    assert_eq!(outcome(&[o, l, other], &[]), stand(&["l", "l3", "o"], 1057));
}

#[test]
fn a_reversal_of_a_stays_number_takes_back_the_bill_of_its_days() {
    let [first, second, _] = stay().each_ref().map(same_number);
    let second = Claim { paid: first.paid, submitted: first.submitted, ..second };
    let back = same_number(&bill("r", "27", -1000, '3', ["10", "19"]));
    assert_eq!(outcome(&[first, second, back], &[]), stand(&["i1"], 1000));
}

#[test]
fn a_correction_of_one_interim_bill_leaves_the_others() {
    let [first, second, third] = stay();
    let anew = bill("r", "30", 850, '7', ["10", "19"]);
    let claims = [first.clone(), second.clone(), third.clone(), anew];
    let expected = stand(&["i1", "i3", "r"], 2350);
    assert_eq!(outcome(&claims.each_ref().map(same_number), &[]), expected);
    let says = [CHAIN[0], CHAIN[1], ("r", "prior", "i2")];
    assert_eq!(outcome(&claims, &says), expected);
    // Only the mark of an adjustment tells: days and charge differ, and the payment is not higher.
    let marked = Claim { revises: true, ..bill("r", "30", 850, '3', ["11", "19"]) };
    assert_eq!(outcome(&[first, second, third, marked], &says), expected);
}

#[test]
fn whatever_bill_of_the_stay_is_named_the_whole_of_it_is_billed_anew_or_taken_back() {
    let anew = bill("r", "30", 2000, '7', ["01", "28"]);
    let void = bill("v", "30", 0, '8', ["01", "28"]);
    let void = Claim { says_void: true, paid: None, submitted: None, ..void };
    for named in ["i1", "i2", "i3"] {
        let [first, second, third] = stay();
        let says = |by| [CHAIN[0], CHAIN[1], (by, "prior", named)];
        let claims = [first.clone(), second.clone(), third.clone(), anew.clone()];
        assert_eq!(outcome(&claims, &says("r")), stand(&["r"], 2000), "{named}");
        let claims = [first, second, third, void.clone()];
        assert_eq!(outcome(&claims, &says("v")), stand(&[], 0), "{named}");
    }
    let [first, second, third] = stay().each_ref().map(same_number);
    let numbered = [first, second, third, same_number(&void)];
    assert_eq!(outcome(&numbered, &[]), stand(&[], 0));
}

#[test]
fn a_bill_that_repeats_earlier_days_takes_the_place_of_theirs() {
    let claims = [
        bill("i1", "10", 1000, '2', ["01", "09"]),
        bill("i2", "20", 1900, '3', ["01", "19"]),
        bill("i3", "29", 2400, '4', ["01", "28"]),
    ];
    let last = stand(&["i3"], 2400);
    assert_eq!(outcome(&claims, &CHAIN), last);
    assert_eq!(outcome(&claims, &[("i2", "prior", "i1"), ("i3", "prior", "i1")]), last);
    assert_eq!(outcome(&claims.each_ref().map(same_number), &[]), last);
    let of_stay =
        claims.each_ref().map(|claim| Claim { stay: Some("11 a".to_owned()), ..claim.clone() });
    assert_eq!(outcome(&of_stay, &[]), last);
    // No number, link or stay shows that they belong together.
    assert_eq!(outcome(&claims, &[]).1, 5300);
    // The last bill has days of its own.
    let own = [claims[0].clone(), claims[1].clone(), bill("i3", "29", 500, '4', ["20", "28"])];
    assert_eq!(outcome(&own, &CHAIN), stand(&["i2", "i3"], 2400));
    // Two bills are created on the same day: the longer one is the later one.
    let day = [bill("z", "20", 1000, '2', ["01", "09"]), bill("a", "20", 1900, '3', ["01", "19"])];
    assert_eq!(outcome(&day.each_ref().map(same_number), &[]), stand(&["a"], 1900));
}

#[test]
fn a_cumulative_bill_that_does_not_stand_repeats_nothing() {
    let first = bill("i1", "10", 1000, '2', ["01", "09"]);
    let second = bill("i2", "20", 1900, '3', ["01", "19"]);
    let cancelled = Claim { is_cancelled: true, ..second.clone() };
    let says = [("i2", "prior", "i1")];
    assert_eq!(outcome(&[first.clone(), cancelled], &says), stand(&["i1"], 1000));
    let back = bill("r", "25", -1900, '3', ["01", "19"]);
    let says = [says[0], ("r", "prior", "i2")];
    assert_eq!(outcome(&[first.clone(), second.clone(), back], &says), stand(&["i1"], 1000));
    // The second bill has another patient, claim type or currency.
    for other in [
        Claim { patient_id: Some("q".to_owned()), ..second.clone() },
        Claim { kind: Some("professional".to_owned()), ..second.clone() },
        Claim { currency: Some("CAD".to_owned()), ..second.clone() },
    ] {
        let first = Claim { currency: Some("USD".to_owned()), ..first.clone() };
        assert_eq!(outcome(&[first, other], &says[..1]), stand(&["i1", "i2"], 2900));
    }
}

#[test]
fn a_cumulative_bill_repeats_a_corrected_one_too() {
    let first = bill("i1", "10", 1000, '2', ["01", "09"]);
    let corrected = bill("r", "15", 950, '7', ["01", "09"]);
    let second = bill("i2", "20", 1850, '3', ["01", "19"]);
    let says = [("r", "prior", "i1"), ("i2", "prior", "r")];
    assert_eq!(outcome(&[first, corrected, second], &says), stand(&["i2"], 1850));
}

#[test]
fn a_shorter_replacement_of_a_cumulative_bill_stands_alone() {
    let first = bill("i1", "10", 1000, '2', ["01", "09"]);
    let second = bill("i2", "20", 1900, '3', ["01", "19"]);
    let anew = bill("r", "25", 1400, '7', ["01", "14"]);
    let claims = [first.clone(), second.clone(), anew.clone()];
    let alone = stand(&["r"], 1400);
    let of_stay = |claim: &Claim| Claim { stay: Some("11 a".to_owned()), ..claim.clone() };
    let says = [("i2", "prior", "i1"), ("r", "prior", "i1")];
    assert_eq!(outcome(&claims, &says), alone, "names the first");
    assert_eq!(outcome(&claims, &[says[0], ("r", "prior", "i2")]), alone, "names the second");
    assert_eq!(outcome(&claims.each_ref().map(of_stay), &says[1..]), alone, "a stay and a name");
    assert_eq!(outcome(&claims.each_ref().map(of_stay), &[]), alone, "a stay");
    assert_eq!(outcome(&claims.each_ref().map(same_number), &[]), alone, "a number");
    // The last bill repeats the replacement, too. A replacement made before the second bill changes
    // nothing.
    let last = bill("i3", "29", 2400, '4', ["01", "28"]);
    let four = [first.clone(), second.clone(), anew.clone(), last].each_ref().map(of_stay);
    assert_eq!(outcome(&four, &[]), stand(&["i3"], 2400));
    let early = bill("r", "15", 950, '7', ["01", "09"]);
    let three = [first, second, early].each_ref().map(of_stay);
    assert_eq!(outcome(&three, &[]), stand(&["i2"], 1900));
    // If each bill has days of its own, a replacement replaces the bill that begins within its days.
    let [first, second, third] = stay().each_ref().map(of_stay);
    let shorter = of_stay(&bill("r", "30", 500, '7', ["10", "14"]));
    assert_eq!(outcome(&[first, second, third, shorter], &[]), stand(&["i1", "i3", "r"], 2000));
}

#[test]
fn a_notice_takes_no_bills_place_and_a_cancelled_notice_takes_back_no_bill() {
    let paid = bill("b", "10", 1000, '1', ["01", "09"]);
    for frequency in ['A', 'B', 'C', 'E'] {
        let notice = bill("n", "20", 0, frequency, ["01", "01"]);
        let both = [paid.clone(), notice.clone()];
        let beside = stand(&["b", "n"], 1000);
        assert_eq!(outcome(&both.each_ref().map(same_number), &[]), beside, "{frequency}");
        assert_eq!(outcome(&both, &[("n", "prior", "b")]), beside, "{frequency}");
        let cancel = Claim { says_void: true, ..bill("d", "25", 0, 'D', ["01", "01"]) };
        let three = [paid.clone(), notice, cancel].each_ref().map(same_number);
        assert_eq!(outcome(&three, &[]), stand(&["b"], 1000), "{frequency}");
    }
}
