//! Cents, dates and names in marts, where the first that comes to hand is not the right one.

use crate::{
    marts::mart_spellings::{ask, claim, imported},
    support::Home,
};
use serde_json::{Value, json};

const NPI: &str = "http://hl7.org/fhir/sid/us-npi";

/// An amount of a kind; the value is the JSON number as it is written.
fn amount(kind: &str, value: &str) -> Value {
    let value: Value = serde_json::from_str(value).unwrap();
    json!({"category": {"coding": [{"system": "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudication", "code": kind}]},
        "amount": {"value": value, "currency": "USD"}})
}

#[test]
fn half_a_cent_goes_away_from_zero_as_it_was_sent() {
    let sent = [
        ("1.005", 101),
        ("2.675", 268),
        ("0.285", 29),
        ("35.855", 3586),
        ("-1.005", -101),
        ("1234567.125", 123_456_713),
        ("1.1e-2", 1),
    ];
    let mut claims: Vec<Value> = (0..)
        .zip(sent)
        .map(|(at, (value, _)): (usize, _)| {
            claim(&at.to_string(), json!({"total": [amount("submitted", value)]}))
        })
        .collect();
    let line = |sequence: u8| json!({"sequence": sequence, "adjudication": [amount("deductible", "0.335")]});
    claims.push(claim("lines", json!({"item": [line(1), line(2), line(3)]})));
    let home = imported(&claims);
    let expected: Vec<String> = sent.iter().map(|(_, cents)| cents.to_string()).collect();
    let asked = "SELECT submitted_cents FROM claim WHERE explanation_of_benefit_id <> 'lines' ORDER BY 1 + explanation_of_benefit_id";
    assert_eq!(ask(&home, asked), expected);
    let asked = "SELECT deductible_cents FROM claim WHERE explanation_of_benefit_id = 'lines'
                 UNION ALL SELECT sum(deductible_cents) FROM claim_line";
    assert_eq!(ask(&home, asked), ["101", "102"]);
    home.succeed(&["verify"], "verifying the marts");
}

#[test]
fn the_header_of_a_claim_must_agree_with_itself() {
    let header = |total: &str, stated: &str| {
        json!({"total": [amount("deductible", total)],
            "adjudication": [amount("deductible", stated)]})
    };
    let home = imported(&[
        claim("same-total", header("10", "10.00")),
        claim("other-total", header("10", "9")),
    ]);
    let asked =
        "SELECT explanation_of_benefit_id, problem, kind, difference_cents FROM reconciliation";
    assert_eq!(ask(&home, asked), ["other-total|total and adjudication|deductible|100"]);
}

#[test]
fn a_date_that_is_none_hides_no_other() {
    let line = |sequence: u8, day: &str| json!({"sequence": sequence, "servicedDate": day});
    let home = imported(&[
        claim(
            "period",
            json!({"billablePeriod": {"start": "2020-13-01", "end": "x"}, "item": [line(1, "2025-03-01")]}),
        ),
        claim(
            "line",
            json!({"billablePeriod": {}, "item": [line(1, "01/05/2025"), line(2, "2025-03-01")]}),
        ),
        claim("junk", json!({"billablePeriod": {"start": "soon"}, "item": [line(1, "later")]})),
        claim("created", json!({"created": "2025-01-31T24:00:00Z"})),
        claim("words", json!({"created": "2025-01-31Tgarbage"})),
    ]);
    let asked = "SELECT explanation_of_benefit_id, service_start, service_start_date, service_end_date, created_date
                 FROM claim ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "created|2025-01-02|2025-01-02|2025-01-02|",
            "junk|soon|||2025-01-10",
            "line|2025-03-01|2025-03-01|2025-03-01|2025-01-10",
            "period|2025-03-01|2025-03-01|2025-03-01|2025-01-10",
            "words|2025-01-02|2025-01-02|2025-01-02|",
        ]
    );
}

#[test]
fn a_provider_has_name_and_number_however_the_role_tells_them() {
    let numbered = |number: &str| json!([{"system": NPI, "value": number}]);
    let by = |id: &str, role: Value| {
        let mut role = role;
        (role["resourceType"], role["id"]) = (json!("PractitionerRole"), json!("r"));
        claim(id, json!({"provider": {"reference": "#r"}, "contained": [role]}))
    };
    let led = |id: &str, reference: &str| claim(id, json!({"provider": {"reference": reference}}));
    let home = Home::new();
    let file = crate::files::import::put(&home, "in/all.ndjson", {
        let resources = [
            json!({"resourceType": "Patient", "id": "p"}),
            json!({"resourceType": "Organization", "id": "o", "name": "By number",
                "identifier": [{"system": "urn:oid:2.16.840.1.113883.4.6", "value": "1000000004"}]}),
            json!({"resourceType": "Practitioner", "id": "d", "name": [{"family": "Local", "given": ["Ann"]}],
                "identifier": numbered("1888888888")}),
            json!({"resourceType": "PractitionerRole", "id": "own", "identifier": numbered("1666666666"),
                "practitioner": {"display": "Dr Own"}, "organization": {"reference": "Organization/o"}}),
            led("organization", "Organization/o"),
            led("role", "PractitionerRole/own"),
            by(
                "number",
                json!({"practitioner": {"display": "Dr Number", "identifier": {"system": NPI, "value": "1777777777"}}}),
            ),
            by(
                "versioned",
                json!({"practitioner": {"reference": "https://plan.example/fhir/Practitioner/d/_history/2"}}),
            ),
            by(
                "elsewhere",
                json!({"practitioner": {"reference": "https://other.example/fhir/Practitioner/d", "display": "Out Side"}}),
            ),
            by("for-organization", json!({"organization": {"reference": "Organization/o"}})),
        ];
        resources.iter().map(|resource| format!("{resource}\n")).collect::<String>()
    });
    home.succeed(
        &["import", "c", &file, "--base", "https://plan.example/fhir"],
        "importing providers",
    );
    let asked =
        "SELECT explanation_of_benefit_id, provider_name, provider_npi FROM claim ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "elsewhere|Out Side|",
            "for-organization|By number|1000000004",
            "number|Dr Number|1777777777",
            "organization|By number|1000000004",
            "role|Dr Own|1666666666",
            "versioned|Ann Local|1888888888",
        ]
    );
}

#[test]
fn name_and_number_of_a_provider_are_not_those_of_two() {
    let number = |value: &str| json!({"system": NPI, "value": value});
    let role = |id: &str, practitioner: Value| {
        json!({"resourceType": "PractitionerRole", "id": id, "practitioner": practitioner,
            "organization": {"reference": "Organization/o"}})
    };
    let led = |id: &str, reference: &str| claim(id, json!({"provider": {"reference": reference}}));
    let mut contained = led("contained", "#r");
    contained["contained"] = json!([role("r", json!({"display": "Dr Own"}))]);
    let mut billed = led("lines", "Organization/o");
    billed["careTeam"] = json!([{"sequence": 1, "provider": {"identifier": number("1777777777")},
        "role": {"coding": [{"code": "performing"}]}}]);
    billed["item"] = json!([{"sequence": 1, "careTeamSequence": [1]}]);
    billed["addItem"] = json!([{"provider": [{"display": "Dr Added"}]}, {"itemSequence": [1]},
        {"provider": [{"identifier": number("1666666666")}]}]);
    let home = imported(&[
        json!({"resourceType": "Organization", "id": "o", "name": "Clinic", "identifier": [number("1000000004")]}),
        json!({"resourceType": "Practitioner", "id": "d", "name": [{"family": "Local", "given": ["Ann"]}]}),
        role("r", json!({"reference": "Practitioner/d"})),
        role("unknown", json!({"reference": "Practitioner/lost"})),
        led("role", "PractitionerRole/r"),
        led("unknown", "PractitionerRole/unknown"),
        contained,
        billed,
    ]);
    let asked =
        "SELECT explanation_of_benefit_id, provider_name, provider_npi FROM claim ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "contained|Dr Own|",
            "lines|Clinic|1000000004",
            "role|Ann Local|",
            "unknown|Clinic|1000000004"
        ]
    );
    let lines = "SELECT line_key, provider_name, provider_npi FROM claim_line ORDER BY 1";
    assert_eq!(
        ask(&home, lines),
        ["0||1777777777", "1|Dr Added|", "2|Clinic|1000000004", "3||1666666666"]
    );
}

#[test]
fn a_providers_number_is_known_by_its_system_or_type_in_any_spelling() {
    let number = |id: usize, value: &str, identifier: Value| {
        let mut identifier = identifier;
        identifier["value"] = json!(value);
        let reference = json!({"reference": format!("Organization/o{id}")});
        [
            json!({"resourceType": "Organization", "id": format!("o{id}"), "name": "Clinic", "identifier": [identifier]}),
            claim(&format!("c{id}"), json!({"provider": reference})),
        ]
    };
    let known = [
        json!({"system": "HTTP://hl7.org/fhir/sid/US-NPI"}),
        json!({"system": "2.16.840.1.113883.4.6"}),
        json!({"system": "https://bluebutton.cms.gov/resources/codesystem/npi"}),
        json!({"system": "https://bluebutton.cms.gov/resources/variables/carr_clm_blg_npi_num"}),
        json!({"system": "https://bluebutton.cms.gov/resources/variables/org_npi"}),
        json!({"system": "https://bluebutton.cms.gov/resources/variables/npi"}),
        json!({"system": "NPI"}),
        json!({"type": {"text": "NPI"}}),
        json!({"type": {"coding": [{"code": "npi"}]}}),
    ];
    let resources: Vec<Value> =
        known.into_iter().enumerate().flat_map(|(id, it)| number(id, " 1234567893", it)).collect();
    let home = imported(&resources);
    let asked = "SELECT count(*), sum(provider_npi = '1234567893') FROM claim";
    assert_eq!(ask(&home, asked), ["9|9"]);
    // A number under a system that is only called so, without the check digit, is none.
    for system in [
        "https://payer.example/npi",
        "https://bluebutton.cms.gov/resources/variables/carr_clm_blg_npi_num",
    ] {
        let home = imported(&number(0, "1234567890", json!({"system": system})));
        assert_eq!(ask(&home, "SELECT provider_npi IS NULL FROM claim"), ["1"], "{system}");
    }
    // Medicare's other variables are no NPI, whatever number is there.
    let other = "https://bluebutton.cms.gov/resources/variables/carr_clm_cntl_num";
    let home = imported(&number(0, "1234567893", json!({"system": other})));
    assert_eq!(ask(&home, "SELECT provider_npi IS NULL FROM claim"), ["1"]);
}

/// A line with these members.
fn line(members: Value) -> Value {
    let mut line = json!({"sequence": 1});
    line.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    line
}

#[test]
fn a_currency_is_one_in_any_case() {
    let money = |currency: &str| json!({"value": 20, "currency": currency});
    let total = |currency: &str| {
        let mut total = amount("submitted", "20");
        total["amount"] = money(currency);
        json!({"total": [total], "payment": {"amount": money("USD")}})
    };
    let home = imported(&[claim("lower", total("usd")), claim("other", total("CAD"))]);
    let asked = "SELECT explanation_of_benefit_id, is_mixed_currency, submitted_cents, currency FROM claim ORDER BY 1";
    assert_eq!(ask(&home, asked), ["lower|0|2000|USD", "other|1||"]);
}

#[test]
fn a_kind_of_amount_is_known_by_its_words() {
    let kinds = |category: Value| json!({"total": [{"category": category, "amount": {"value": 5, "currency": "USD"}}]});
    let coded = |code: &str| kinds(json!({"coding": [{"code": code}]}));
    let home = imported(&[
        claim("blanks", coded("Paid To Provider")),
        claim("dashes", coded("paid-to-provider")),
        claim("text", kinds(json!({"text": "Paid to provider"}))),
        claim("display", kinds(json!({"coding": [{"display": "Paid to provider"}]}))),
        // A payer's own code is told by its text or its display, if that is the whole name of a kind.
        claim("own", kinds(json!({"coding": [{"code": "X1"}], "text": "Paid to provider"}))),
        claim(
            "own display",
            kinds(
                json!({"coding": [{"code": "X1", "display": "Paid to provider"}], "text": "Line 7"}),
            ),
        ),
        claim(
            "other",
            kinds(json!({"coding": [{"code": "X1"}], "text": "Paid to provider by others"})),
        ),
        // A code that is known says more than a text.
        claim("known", kinds(json!({"coding": [{"code": "copay"}], "text": "Paid to provider"}))),
    ]);
    let asked = "SELECT explanation_of_benefit_id, paid_to_provider_cents FROM claim ORDER BY 1";
    let paid = [
        "blanks|500",
        "dashes|500",
        "display|500",
        "known|",
        "other|",
        "own|500",
        "own display|500",
        "text|500",
    ];
    assert_eq!(ask(&home, asked), paid);
    // The displays of HL7's code system.
    let total = |text: &str, value: i64| json!({"category": {"text": text}, "amount": {"value": value, "currency": "USD"}});
    let home = imported(&[claim(
        "words",
        json!({"total": [total("Submitted Amount", 6), total("CoPay", 1), total("Eligible Amount", 5), total("Deductible", 2),
            total("Benefit Amount", 3)]}),
    )]);
    let asked = "SELECT submitted_cents, copay_cents, allowed_cents, deductible_cents, benefit_cents FROM claim";
    assert_eq!(ask(&home, asked), ["600|100|500|200|300"]);
    // What CARIN's names are with the word that version 0.1.0 puts behind them.
    let names = ["disallowedamount", "paidbypatientamount", "paidtopatientamount", "coinsamount"];
    let coded = |code: &str| json!({"category": {"coding": [{"code": code}]}, "amount": {"value": 5, "currency": "USD"}});
    let named = claim("e", json!({"total": names.map(coded)}));
    let asked = "SELECT noncovered_cents, paid_by_patient_cents, paid_to_patient_cents, coinsurance_cents FROM claim";
    assert_eq!(ask(&imported(&[named]), asked), ["500|500|500|500"]);
    let copayment = claim("e", json!({"total": [total("Co-payment", 4)]}));
    assert_eq!(ask(&imported(&[copayment]), "SELECT copay_cents FROM claim"), ["400"]);
}

#[test]
fn revenue_centers_and_places_have_zeros_in_front() {
    let at = |place: &str| {
        let place = json!({"coding": [{"code": place}]});
        json!({"item": [line(json!({"locationCodeableConcept": place}))]})
    };
    let charge = |revenue: &str| {
        let revenue = json!({"coding": [{"code": revenue}]});
        line(json!({"revenue": revenue, "adjudication": [amount("submitted", "100")]}))
    };
    let mut bills: Vec<Value> = ["1", "01", "001", "0001"]
        .iter()
        .map(|total| claim(total, json!({"item": [charge("0450"), charge(total)]})))
        .collect();
    bills.extend([claim("one-digit", at("1")), claim("two-digits", at("01"))]);
    let home = imported(&bills);
    let asked = "SELECT explanation_of_benefit_id, submitted_cents FROM claim WHERE submitted_cents > 0 ORDER BY 1";
    assert_eq!(ask(&home, asked), ["0001|10000", "001|10000", "01|10000", "1|10000"]);
    let asked = "SELECT DISTINCT l.place_of_service_code, m.place_of_service_code FROM claim_line AS l
                 JOIN medical_claim AS m ON m.explanation_of_benefit_id = l.explanation_of_benefit_id
                 WHERE l.place_of_service_code IS NOT NULL";
    assert_eq!(ask(&home, asked), ["01|01"]);
    let asked = "SELECT category, sum(claim_count) FROM spend_by_month WHERE category = 'pharmacy' GROUP BY 1";
    assert_eq!(ask(&home, asked), ["pharmacy|2"]);
}

#[test]
fn a_date_of_a_line_that_is_none_hides_no_other() {
    let served = |members: Value| json!({"billablePeriod": {"start": "2025-01-02"}, "item": [line(members)]});
    let period = |start: &str, end: &str| json!({"start": start, "end": end});
    let home = imported(&[
        claim(
            "period",
            served(
                json!({"servicedDate": "01/05/2025", "servicedPeriod": period("2025-03-01", "x")}),
            ),
        ),
        claim("claim", served(json!({"servicedPeriod": period("soon", "later")}))),
    ]);
    let asked = "SELECT explanation_of_benefit_id, service_start_date, service_end_date FROM claim_line ORDER BY 1";
    assert_eq!(ask(&home, asked), ["claim|2025-01-02|", "period|2025-03-01|2025-03-01"]);
}

#[test]
fn explain_names_the_amounts_that_gave_an_amount_with_several_sources() {
    let total = |amounts: &[(&str, &str)]| {
        let total: Vec<Value> = amounts.iter().map(|(kind, value)| amount(kind, value)).collect();
        json!({"total": total})
    };
    let home = imported(&[
        claim("owed", total(&[("memberliability", "9"), ("copay", "4")])),
        claim("parts", total(&[("deductible", "10"), ("coinsurance", "2.5")])),
        claim("paid", total(&[("paidbypatient", "7"), ("benefit", "80")])),
    ]);
    for (id, column, told) in [
        ("owed", "member_cost_share_amount", "member_liability_amount"),
        ("parts", "member_cost_share_amount", "deductible_amount + coinsurance_amount"),
        ("parts", "member_cost_share_cents", "deductible_cents + coinsurance_cents"),
        ("paid", "member_cost_share_amount", "paid_by_patient_amount"),
        ("paid", "plan_paid_amount", "benefit_amount"),
    ] {
        let explained = home.run(&["explain", "claim", id, column]).stdout;
        let told = format!("In this row {column} is {told}\n");
        assert!(explained.contains(&told), "{id} {column}: {explained}");
    }
    let explained = home.run(&["explain", "claim", "owed", "copay_amount"]).stdout;
    assert!(!explained.contains("In this row"), "one source needs no note: {explained}");
}
