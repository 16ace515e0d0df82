//! The report's sections on medications with their gaps, on conditions, and on laboratory results.

use super::{
    figures::left_out,
    member::{MOST_ROWS, Member},
    pictures::trend,
    table::{Head, said, table, words},
};
use crate::{commands::asked::Row, plural::count};
use maud::{Markup, html};

/// The most gaps that are shown of a drug.
const MOST_GAPS: usize = 6;

/// Each drug with the periods that no supply covers.
pub(super) fn medications(member: &Member) -> Markup {
    let head = [
        Head::Text("Drug"),
        Head::Text("From"),
        Head::Number("Fills"),
        Head::Text("First to last fill"),
        Head::Text("Covered until"),
        Head::Number("Days covered"),
        Head::Text("Gaps"),
    ];
    let cells: Vec<Vec<String>> = member
        .drugs
        .rows()
        .take(MOST_ROWS)
        .map(|row| {
            let number = |name: &str| row.integer(name).unwrap_or_default();
            let covered = row.value("proportion_of_days_covered").as_f64();
            let unplaced = match number("unplaced_fill_count") {
                0 => String::new(),
                fills => format!(" and {fills} without date or days of supply"),
            };
            vec![
                row.text("drug_name").unwrap_or(row.word("drug")).to_owned(),
                row.word("source").to_owned(),
                format!("{}{unplaced}", number("fill_count")),
                match (row.word("first_fill_date"), row.word("last_fill_date")) {
                    ("", "") => "not stated".to_owned(),
                    (first, last) => format!("{first} to {last}"),
                },
                row.word("covered_until_date").to_owned(),
                covered.map(|part| format!("{:.0} %", part * 100.0)).unwrap_or_default(),
                gaps(member, row),
            ]
        })
        .collect();
    html! {
        @if cells.is_empty() { p.none { "No fill with a date and days of supply is stored." } } @else {
            p.note { "A fill can be in a claim and in a dispense record: read one source, never both together." }
            (table("Drugs, the last filled first", &head, &cells))
            p.note { "A drug that is recorded under two code systems counts as two drugs." }
            (left_out(member.drugs.rows().len(), "medication_adherence", &member.id))
        }
    }
}

fn gaps(member: &Member, drug: Row<'_>) -> String {
    let same = |gap: &Row<'_>| {
        ["connection_id", "source", "drug"].iter().all(|name| gap.value(name) == drug.value(name))
    };
    let told: Vec<String> = member
        .gaps
        .rows()
        .filter(same)
        .take(MOST_GAPS)
        .map(|gap| {
            let days = gap.integer("gap_days").unwrap_or_default();
            let (start, end) = (gap.word("gap_start_date"), gap.word("gap_end_date"));
            format!("{start} to {end} ({})", count(days, "day"))
        })
        .collect();
    let all = drug.integer("gap_count").unwrap_or_default();
    let more = all - told.len() as i64;
    match (told.is_empty(), more > 0) {
        (true, false) if drug.text("first_fill_date").is_none() => "cannot be told".to_owned(),
        (true, false) => "none".to_owned(),
        (true, true) => format!("{more} in medication_gap"),
        (false, true) => format!("{}; {more} more in medication_gap", told.join("; ")),
        (false, false) => told.join("; "),
    }
}

/// The diagnoses of current claims and of condition records, each once.
pub(super) fn conditions(member: &Member) -> Markup {
    let head = [
        Head::Text("Code"),
        Head::Text("Condition"),
        Head::Text("Latest"),
        Head::Number("Times"),
        Head::Text("From"),
    ];
    let cells: Vec<Vec<String>> = member
        .conditions
        .rows()
        .take(MOST_ROWS)
        .map(|row| {
            let code = match row.word("code") {
                "" => "no code",
                code => code,
            };
            vec![
                code.to_owned(),
                row.word("display").to_owned(),
                row.text("latest").unwrap_or("undated").to_owned(),
                row.integer("times").unwrap_or_default().to_string(),
                row.word("sources").replace(',', ", "),
            ]
        })
        .collect();
    html! {
        @if cells.is_empty() { p.none { "No diagnosis is stored." } } @else {
            (table("Diagnoses of claims and condition records, the latest first", &head, &cells))
            (left_out(member.conditions.rows().len(), "diagnosis", &member.id))
        }
    }
}

/// The latest result of each test, with its reference range and its trend.
pub(super) fn labs(member: &Member) -> Markup {
    let rows: Vec<Row<'_>> = member.labs.rows().collect();
    let tests = rows.iter().filter(|row| row.integer("age") == Some(1));
    let tests: Vec<&Row<'_>> = tests.take(MOST_ROWS + 1).collect();
    html! {
        @if tests.is_empty() { p.none { "No laboratory result is stored." } } @else {
            div.scroll tabindex="0" role="group" aria-label="Latest laboratory results" {
                table {
                    caption { span { "The latest result of each test" } }
                    thead { tr {
                        th scope="col" { "Test" } th scope="col" { "Day" } th.number scope="col" { "Result" }
                        th scope="col" { "Reference range" } th scope="col" { "Reading" }
                        th scope="col" { "Before" } th scope="col" { "Trend" }
                    } }
                    tbody { @for row in tests.iter().take(MOST_ROWS) { (lab(**row, &rows)) } }
                }
            }
            (left_out(tests.len(), "lab_result", &member.id))
        }
    }
}

fn lab(row: Row<'_>, rows: &[Row<'_>]) -> Markup {
    let unit = row.word("unit");
    let number = |name: &str| row.value(name).as_f64();
    let same = |one: &&Row<'_>| {
        ["test_code", "test_name", "unit"].iter().all(|name| one.value(name) == row.value(name))
    };
    // A limit (>60) has no point in the picture: the true value is unknown.
    let (exact, limits): (Vec<&Row<'_>>, Vec<&Row<'_>>) =
        rows.iter().filter(same).partition(|one| one.text("comparator").is_none());
    let kind = if limits.is_empty() { "results" } else { "exact results" };
    // The newest result comes first.
    let mut values: Vec<f64> = exact.iter().filter_map(|one| one.value("value").as_f64()).collect();
    values.reverse();
    let result = match (number("value"), row.text("value_text")) {
        (Some(value), _) => format!("{}{value} {unit}", row.word("comparator")),
        // A range or a ratio has a unit, too.
        (None, Some(text)) => format!("{text} {unit}").trim_end().to_owned(),
        (None, None) => String::new(),
    };
    // A reference range in another unit than the result is not drawn, and is shown with its unit.
    let (low, high) = (number("range_low"), number("range_high"));
    let other_unit = row.text("range_unit").filter(|of| !unit.is_empty() && *of != unit);
    let of = other_unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let range = match (low, high) {
        (Some(low), Some(high)) => format!("{low} to {high}{of}"),
        (Some(low), None) => format!("from {low}{of}"),
        (None, Some(high)) => format!("up to {high}{of}"),
        (None, None) => match row.word("range_text") {
            "" => "not stated".to_owned(),
            text => text.to_owned(),
        },
    };
    let is_by_range = row.word("abnormal_by") == "range";
    let reading = match (row.integer("is_abnormal"), is_by_range) {
        (Some(1), true) => "outside the range",
        (Some(1), false) => "abnormal, as the laboratory says",
        (Some(_), true) => "within the range",
        (Some(_), false) => "normal, as the laboratory says",
        (None, _) => "cannot be told",
    };
    let before = number("previous_value").map(|value| {
        let (limit, date) = (row.word("previous_comparator"), row.word("previous_date"));
        format!("{limit}{value} on {date} ({})", row.text("trend").unwrap_or("cannot be compared"))
    });
    let name = row.text("test_name").unwrap_or(row.word("test_code"));
    html! {
        tr {
            th scope="row" { (said(name)) @if !row.word("test_code").is_empty() { br; small { (said(row.word("test_code"))) } } }
            td { (words(row.text("result_date").unwrap_or("undated"))) }
            td.number { (said(&result)) }
            td { (said(&range)) }
            td { @if row.integer("is_abnormal") == Some(1) { strong { (reading) } } @else { (reading) } }
            td { (words(before.as_deref().unwrap_or("no earlier result"))) }
            td { @if values.len() > 1 {
                (trend(&format!("The last {} {kind}: {}", values.len(), list(&values)), &values,
                    low.filter(|_| other_unit.is_none()), high.filter(|_| other_unit.is_none())))
            } }
        }
    }
}

fn list(values: &[f64]) -> String {
    values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")
}
