//! Which amounts of a claim count, and their sums.

use super::{
    kind::{Category, Kind, NET},
    sum::{Level, Place, Sent, Sums, sum},
    third_party,
};

fn sent(level: Level, line: i64, code: &str, cents: i64) -> Sent {
    let category = Category { code: Some(code), ..Category::default() };
    let (kind, preference) = category.meaning().unwrap();
    Sent {
        place: Place { level, line, part: 0, depth: 1 },
        kind,
        preference,
        detail: String::new(),
        position: 0,
        amount: cents as f64 / 100.0,
        currency: Some("USD".to_owned()),
    }
}

/// The amount of a kind that counts.
fn amount(sums: &Sums<'_>, kind: Kind) -> Option<f64> {
    sums.claim.iter().find(|it| it.kind == kind).and_then(|it| it.amount())
}

#[test]
fn a_kind_is_known_by_code_second_code_and_text() {
    let named = |code, second, text| {
        let codings = [(None, code), (Some("x"), second)];
        Category { code, codings, texts: [text, None] }.meaning().map(|(kind, _)| kind)
    };
    assert_eq!(named(Some("Eligible"), None, None), Some(Kind::Allowed));
    assert_eq!(named(Some("OWN-1"), Some("copay"), None), Some(Kind::Copay));
    assert_eq!(named(Some("Paid_To-Provider"), None, None), Some(Kind::PaidToProvider));
    assert_eq!(named(None, None, Some(" Member Liability")), Some(Kind::MemberLiability));
    // A payer's own code is understood by its text, if the text is the name of a kind.
    assert_eq!(named(Some("OWN-1"), None, Some("Co-pay")), Some(Kind::Copay));
    assert_eq!(named(Some("OWN-1"), None, Some("copay of the pharmacy")), None);
    assert_eq!(named(Some("deductible"), None, Some("copay")), Some(Kind::Deductible));
    let url = "https://bluebutton.cms.gov/resources/variables/LINE_NCH_PMT_AMT";
    assert_eq!(named(Some(url), None, None), Some(Kind::Benefit));
    // Medicare's third version names these alone.
    for code in ["CLM_MDCR_INSTNL_PRMRY_PYR_AMT", "CLM_LINE_OTHR_TP_PD_AMT", "CLM_LINE_PLRO_AMT"] {
        assert_eq!(named(Some(code), None, None), Some(Kind::PriorPayerPaid), "{code}");
    }
    let system = Some("https://bluebutton.CMS.gov/resources/codesystem/adjudication");
    let codings = [(system, Some("first")), (Some("other"), Some("second"))];
    assert_eq!(Category { codings, ..Category::default() }.detail(), "first");
}

#[test]
fn the_preferred_code_counts_and_the_same_code_adds_up() {
    let list = [
        sent(Level::Claim, 0, "eligible", 900),
        sent(Level::Claim, 0, "allowed", 500),
        sent(Level::Claim, 0, "allowed", 25),
    ];
    assert_eq!(amount(&sum(&list, |_| false), Kind::Allowed), Some(5.25));
    // If Medicare tells two amounts apart, the first counts; of prior payers both count.
    let detailed = |code: &str, details: [&str; 2]| {
        let each = details.iter().enumerate().map(|(at, detail)| Sent {
            detail: (*detail).to_owned(),
            position: at as i64,
            ..sent(Level::Claim, 0, code, 100 * (at as i64 + 1))
        });
        each.collect::<Vec<_>>()
    };
    let two = detailed("submitted", ["z", "a"]);
    assert_eq!(amount(&sum(&two, |_| false), Kind::Submitted), Some(1.0));
    let variables = "https://bluebutton.cms.gov/resources/variables";
    let part_d = ["othr_troop_amt", "plro_amt"].map(|name| format!("{variables}/{name}"));
    for payers in [
        ["CLM_LINE_INSTNL_MSP1_PD_AMT", "CLM_LINE_INSTNL_MSP2_PD_AMT"],
        ["CLM_LINE_OTHR_TP_PD_AMT", "CLM_LINE_PLRO_AMT"],
        [part_d[0].as_str(), part_d[1].as_str()],
    ] {
        let two = detailed("priorpayerpaid", payers);
        assert_eq!(amount(&sum(&two, |_| false), Kind::PriorPayerPaid), Some(3.0), "{payers:?}");
    }
}

#[test]
fn a_third_partys_total_hides_nothing_that_others_paid() {
    let total = || Sent {
        detail: "CLM_OTHR_TP_PD_AMT".to_owned(),
        ..sent(Level::Total, 0, "priorpayerpaid", 967)
    };
    let primary = || sent(Level::Claim, 0, "CLM_MDCR_INSTNL_PRMRY_PYR_AMT", 500);
    let of_line =
        |code: &str, cents| Sent { detail: code.to_owned(), ..sent(Level::Item, 0, code, cents) };
    let plro = || of_line("CLM_LINE_PLRO_AMT", 3000);
    let other = || of_line("CLM_LINE_OTHR_TP_PD_AMT", 900);
    let plain = || sent(Level::Item, 0, "priorpayerpaid", 100);
    // What the header and the lines state: of both, the first counts, and they are compared.
    for (mut list, header, lines) in [
        (vec![total(), primary(), plain()], Some(5.0), Some(1.0)),
        (vec![total(), plro()], None, Some(39.67)),
        (vec![total(), plro(), other()], None, Some(39.0)),
        (vec![total(), plain()], Some(9.67), Some(1.0)),
        (vec![total()], Some(9.67), None),
    ] {
        third_party::place(&mut list);
        let sums = sum(&list, |_| false);
        let claim = sums.claim.first().unwrap();
        assert_eq!((claim.header, claim.lines), (header, lines), "{list:?}");
        assert!(claim.total.is_none() || claim.adjudicated.is_none(), "{list:?}");
        assert!(sums.lines.iter().all(|it| it.level == Level::Item), "{list:?}");
    }
}

#[test]
fn medicares_own_code_counts_where_it_is_another_amount_than_its_category() {
    let of = |category, variable: &str| {
        let code = format!("https://bluebutton.cms.gov/resources/variables/{variable}");
        let medicare = Some("https://bluebutton.cms.gov/resources/codesystem/adjudication");
        let codings = [(Some("c4bb"), Some(category)), (medicare, Some(code.as_str()))];
        let named = Category { code: Some(category), codings, texts: [None, None] }.meaning();
        named.map(|(kind, _)| kind)
    };
    assert_eq!(of("submitted", "rev_cntr_tot_chrg_amt"), Some(Kind::Submitted));
    assert_eq!(of("submitted", "rev_cntr_pmt_amt_amt"), Some(Kind::Benefit));
    assert_eq!(of("submitted", "rev_cntr_rate_amt"), None);
    assert_eq!(of("deductible", "rev_cntr_blood_ddctbl_amt"), None);
    assert_eq!(of("priorpayerpaid", "clm_tot_chrg_amt"), Some(Kind::PriorPayerPaid));
}

#[test]
fn the_header_counts_before_the_lines_and_the_total_line_is_no_line() {
    let lines = [
        sent(Level::Item, 0, "submitted", 10),
        sent(Level::Item, 1, "submitted", 20),
        sent(Level::Item, 2, "submitted", 30),
        sent(Level::Item, 2, "benefit", 7),
        sent(Level::Added, 0, "submitted", 5),
    ];
    let all = sum(&lines, |_| false);
    assert_eq!(amount(&all, Kind::Submitted), Some(0.65));
    assert_eq!(all.lines.len(), 5);
    assert!(all.stated.is_empty());
    let billed = sum(&lines, |line| line == 2);
    assert_eq!(amount(&billed, Kind::Submitted), Some(0.3));
    assert_eq!(
        billed.claim.iter().find(|it| it.kind == Kind::Submitted).unwrap().lines,
        Some(0.35)
    );
    // A total line counts for charges alone.
    assert_eq!(amount(&billed, Kind::Benefit), None);
    assert_eq!(billed.lines.len(), 3);
    let mut with_total = lines.to_vec();
    with_total.push(sent(Level::Total, 0, "submitted", 99));
    assert_eq!(amount(&sum(&with_total, |line| line == 2), Kind::Submitted), Some(0.99));
}

#[test]
fn a_balance_of_medicare_counts_if_nothing_else_does() {
    let url = "https://bluebutton.cms.gov/resources/variables/nch_bene_ptb_ddctbl_amt";
    let balance = || sent(Level::Balance, 0, url, 500);
    assert_eq!(amount(&sum(&[balance()], |_| false), Kind::Deductible), Some(5.0));
    for level in [Level::Total, Level::Claim, Level::Item, Level::Added] {
        let list = [balance(), sent(level, 0, "deductible", 300)];
        assert_eq!(amount(&sum(&list, |_| false), Kind::Deductible), Some(3.0), "{level:?}");
    }
}

#[test]
fn a_line_without_an_amount_of_its_own_is_the_sum_of_its_parts() {
    let part = |part, depth, cents| Sent {
        place: Place { level: Level::Item, line: 0, part, depth },
        preference: NET,
        ..sent(Level::Item, 0, "net", cents)
    };
    let mut parts = vec![part(0, 2, 100), part(0, 3, 70), part(1, 3, 40), part(1, 4, 2)];
    let sums = sum(&parts, |_| false);
    assert_eq!(amount(&sums, Kind::Submitted), Some(1.42));
    assert_eq!(sums.stated.len(), 4);
    assert!(sums.stated.iter().all(|it| it.is_net));
    parts.push(sent(Level::Item, 0, "submitted", 300));
    assert_eq!(amount(&sum(&parts, |_| false), Kind::Submitted), Some(3.0));
}

#[test]
fn currencies_are_mixed_when_there_are_two() {
    let mut list = [sent(Level::Item, 0, "submitted", 10), sent(Level::Item, 0, "copay", 20)];
    let is_mixed = |list: &[Sent]| {
        let sums = sum(list, |_| false);
        let currencies = sums.lines.iter().map(|it| it.currency);
        currencies.reduce(|all, one| all.and(one)).unwrap().is_mixed()
    };
    assert!(!is_mixed(&list));
    list[1].currency = None;
    assert!(!is_mixed(&list));
    list[1].currency = Some("EUR".to_owned());
    assert!(is_mixed(&list));
}
