//! The months of a member begin when something can be known of them, whatever start a payer writes, and
//! end with the member's life.

use crate::{
    marts::mart_spellings::{add, ask, claim},
    support::Home,
};
use serde_json::{Value, json};

#[test]
fn months_begin_at_birth_at_the_first_claim_or_in_2016_and_end_today() {
    let home = Home::new();
    let covered = |id: &str, status: &str, period: Value| {
        json!({"resourceType": "Coverage", "id": "k", "status": status, "period": period,
            "beneficiary": {"reference": format!("Patient/{id}")}, "payor": [{"display": "Plan"}]})
    };
    let served = |id: &str, day: &str| {
        claim(
            "e",
            json!({"patient": {"reference": format!("Patient/{id}")}, "billablePeriod": {"start": day, "end": day}}),
        )
    };
    let person = |id: &str| json!({"resourceType": "Patient", "id": id});
    let long_ago = |status: &str| json!({"start": "1900-01-01", "end": status});
    let forever = long_ago("9999-12-31");
    for (id, resources) in [
        ("open", vec![covered("open", "active", json!({"start": "1900-01-01"}))]),
        ("marked", vec![covered("marked", "active", forever.clone())]),
        ("cancelled", vec![covered("cancelled", "cancelled", forever)]),
        (
            "early",
            vec![
                covered("early", "active", json!({"start": "1960-01-01"})),
                served("early", "2012-05-20"),
            ],
        ),
        (
            "mistaken",
            vec![
                covered("mistaken", "active", json!({"start": "1960-01-01"})),
                served("mistaken", "1900-01-01"),
            ],
        ),
        ("known", vec![covered("known", "active", json!({"start": "2018-03-10"}))]),
        (
            "past",
            vec![covered("past", "active", json!({"start": "2001-01-01", "end": "2016-02-10"}))],
        ),
        (
            "over",
            vec![covered("over", "active", json!({"start": "2001-01-01", "end": "2004-02-10"}))],
        ),
    ] {
        add(&home, id, &[vec![person(id)], resources].concat());
    }
    let baby = json!({"resourceType": "Patient", "id": "baby", "birthDate": "2020-03-15"});
    add(&home, "baby", &[baby, covered("baby", "active", json!({"start": "1900-01-01"}))]);
    // Payers leave open, or end much later, what a death has ended. A death before the start is a mistake.
    for (id, start, end, death) in [
        ("dead", "2020-01-01", None, "2023-05-10T08:00:00-05:00"),
        ("late", "2020-01-01", Some("2023-12-31"), "2023-05"),
        ("wrong", "2020-01-01", Some("2020-03-31"), "2019-05-10"),
    ] {
        let person = json!({"resourceType": "Patient", "id": id, "deceasedDateTime": death});
        let mut period = json!({"start": start});
        period.as_object_mut().unwrap().extend(end.map(|end| ("end".to_owned(), json!(end))));
        add(&home, id, &[person, covered(id, "active", period)]);
    }
    let asked = "SELECT patient_id, min(month_date), min(first_covered_date), min(is_whole_month),
                   CASE max(month_date) WHEN strftime('%Y-%m-01', 'now') THEN 'now' ELSE max(month_date) END,
                   count(*) = 1 + 12 * (substr(max(month_date), 1, 4) - substr(min(month_date), 1, 4))
                     + substr(max(month_date), 6, 2) - substr(min(month_date), 6, 2)
                 FROM member_month GROUP BY patient_id ORDER BY patient_id";
    assert_eq!(
        ask(&home, asked),
        [
            "baby|2020-03-01|2020-03-15|0|now|1",
            "dead|2020-01-01|2020-01-01|0|2023-05-01|1",
            "early|2012-05-01|2012-05-01|1|now|1",
            "known|2018-03-01|2018-03-10|0|now|1",
            "late|2020-01-01|2020-01-01|1|2023-05-01|1",
            "marked|2016-01-01|2016-01-01|1|now|1",
            "mistaken|2016-01-01|2016-01-01|1|now|1",
            "open|2016-01-01|2016-01-01|1|now|1",
            "past|2016-01-01|2016-01-01|0|2016-02-01|1",
            "wrong|2020-01-01|2020-01-01|1|2020-03-01|1",
        ]
    );
    let sent = "SELECT count(*) FROM enrollment WHERE coverage_start_date = '1900-01-01'";
    assert_eq!(ask(&home, sent), ["4"]);
    // Tuva counts the same months, up to the end of this one.
    let spans = "SELECT member_id, enrollment_start_date,
                   CASE enrollment_end_date WHEN date('now', 'start of month', '+1 month', '-1 day') THEN 'now' ELSE enrollment_end_date END
                 FROM tuva_eligibility ORDER BY member_id";
    assert_eq!(
        ask(&home, spans),
        [
            "baby|2020-03-15|now",
            "dead|2020-01-01|2023-05-10",
            "early|2012-05-20|now",
            "known|2018-03-10|now",
            "late|2020-01-01|2023-05-31",
            "marked|2016-01-01|now",
            "mistaken|2016-01-01|now",
            "open|2016-01-01|now",
            "past|2016-01-01|2016-02-10",
            "wrong|2020-01-01|2020-03-31",
        ]
    );
}
