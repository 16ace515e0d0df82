//! The report's section on current claims with their lines, and the one on paid providers.

use super::{
    figures::{is_pasted_safely, left_out},
    member::{MOST_ROWS, Member},
    money::stated,
    table::{Head, said, table},
};
use crate::{commands::asked::Row, plural::count};
use maud::{Markup, html};
use std::collections::HashMap;

/// The most claims on the whole page, then the most and the fewest of each member.
const MOST_OF_PAGE: usize = 2_000;
const MOST_OF_MEMBER: usize = 300;
const LEAST_OF_MEMBER: usize = 10;

/// The number of claims that are shown of each member, on a page with this many members.
pub(super) fn share(members: usize) -> usize {
    (MOST_OF_PAGE / members.max(1)).clamp(LEAST_OF_MEMBER, MOST_OF_MEMBER)
}

type Lines<'a> = HashMap<(Option<i64>, &'a str), Vec<Row<'a>>>;

/// The claims as a list whose entries can be opened.
pub(super) fn claims(member: &Member) -> Markup {
    let mut lines: Lines<'_> = HashMap::new();
    for row in member.lines.rows() {
        let key = (row.integer("connection_id"), row.word("explanation_of_benefit_id"));
        lines.entry(key).or_default().push(row);
    }
    let shown = member.claims.rows().len() as i64;
    html! {
        @if shown == 0 { p.none { "No current claim is stored." } } @else {
            p { (count(member.claim_count.unsigned_abs(), "claim")) " stand today: cancelled and replaced ones are left out." }
            @if shown < member.claim_count {
                p.note {
                    "The latest " (shown) " are shown."
                    @if is_pasted_safely(&member.id) {
                        " All of them: "
                        code { "payersync query \"SELECT * FROM claim_current WHERE member_id = '" (member.id) "'\"" }
                    }
                }
            }
            @for row in member.claims.rows() { (claim(row, &lines)) }
        }
    }
}

fn claim<'a>(row: Row<'a>, lines: &Lines<'a>) -> Markup {
    let currency = row.word("currency");
    let money = |name: &str| stated(row.integer(name), currency);
    let id = row.word("explanation_of_benefit_id");
    let of = lines.get(&(row.integer("connection_id"), id)).map(Vec::as_slice).unwrap_or_default();
    let date = row.text("service_start_date").unwrap_or("undated");
    let provider = row.text("provider_name").unwrap_or("provider not named");
    let facts = [
        ("Charged", money("submitted_cents")),
        ("Allowed", money("allowed_cents")),
        ("Plan paid", money("plan_paid_cents")),
        ("Member owes", money("member_cost_share_cents")),
        ("Deductible", money("deductible_cents")),
        ("Copayment", money("copay_cents")),
        ("Coinsurance", money("coinsurance_cents")),
        ("Service", period(row)),
        ("Claim number", row.word("claim_number").to_owned()),
        ("Principal diagnosis", row.word("principal_diagnosis_code").to_owned()),
        ("Payer", row.word("insurer_name").to_owned()),
        ("Explanation of benefits", id.to_owned()),
    ];
    html! {
        details.claim {
            summary {
                span.when { (said(date)) } " " span { (said(row.word("kind"))) ", " (said(provider)) } " "
                span.number { "plan paid " (money("plan_paid_cents")) ", member owes " (money("member_cost_share_cents")) }
            }
            dl { @for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
                div { dt { (name) } dd { (said(value)) } }
            } }
            @if of.is_empty() { p.none { "The claim has no lines." } } @else { (lines_of(id, of)) }
            @let more = row.integer("line_count").unwrap_or_default() - of.len() as i64;
            @if !of.is_empty() && more > 0 {
                p.note { "The first " (count(of.len(), "line")) " are shown; all are in claim_line." }
            }
            @if is_pasted_safely(id) {
                p.note { code { "payersync explain claim_current '" (id) "'" } }
            }
        }
    }
}

fn period(row: Row<'_>) -> String {
    let (start, end) = (row.word("service_start_date"), row.word("service_end_date"));
    match end.is_empty() || end == start {
        true => start.to_owned(),
        false => format!("{start} to {end}"),
    }
}

fn lines_of(id: &str, rows: &[Row<'_>]) -> Markup {
    let head = [
        Head::Text("Line"),
        Head::Text("Service"),
        Head::Text("Day"),
        Head::Number("Quantity"),
        Head::Number("Charged"),
        Head::Number("Allowed"),
        Head::Number("Plan paid"),
        Head::Text("Reason"),
    ];
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let money = |name: &str| stated(row.integer(name), row.word("currency"));
            let service = [row.word("code"), row.word("code_display")];
            let quantity = row.value("quantity");
            vec![
                line_name(
                    row.integer("add_item_index").is_some(),
                    row.integer("line_number"),
                    row.integer("line_key"),
                ),
                match row.integer("is_total") {
                    Some(1) => "total of the other lines".to_owned(),
                    _ => service.join(" ").trim().to_owned(),
                },
                row.word("service_start_date").to_owned(),
                if quantity.is_null() { String::new() } else { quantity.to_string() },
                money("submitted_cents"),
                money("allowed_cents"),
                money("plan_paid_cents"),
                reason(row.word("denial_reason_code"), row.integer("plan_paid_cents")).to_owned(),
            ]
        })
        .collect();
    table(&format!("Lines of claim {}", said(id)), &head, &cells)
}

/// The text for a line's number; a line added by the payer names the line that it belongs to.
fn line_name(is_added: bool, number: Option<i64>, key: Option<i64>) -> String {
    match (is_added, number) {
        (true, Some(number)) => format!("added by the payer for line {number}"),
        (true, None) => "added by the payer".to_owned(),
        (false, number) => number.or(key).map(|number| number.to_string()).unwrap_or_default(),
    }
}

/// The reason why the plan paid nothing; empty if it paid.
///
/// A line that was paid may have such a code as well, for a part of its charge.
fn reason(code: &str, plan_paid_cents: Option<i64>) -> &str {
    match plan_paid_cents {
        None | Some(0) => code,
        Some(_) => "",
    }
}

/// A table of providers with their number of claims.
pub(super) fn providers(member: &Member) -> Markup {
    let head = [
        Head::Text("Provider"),
        Head::Text("NPI"),
        Head::Text("Specialty"),
        Head::Text("Phone"),
        Head::Number("Claims"),
        Head::Text("Latest service"),
    ];
    let cells: Vec<Vec<String>> = member
        .providers
        .rows()
        .take(MOST_ROWS)
        .map(|row| {
            let count = row.integer("claim_count").unwrap_or_default().to_string();
            let [name, npi, specialty, phone, latest] =
                ["name", "npi", "specialty", "phone", "latest"]
                    .map(|name| row.word(name).to_owned());
            vec![name, npi, specialty, phone, count, latest]
        })
        .collect();
    html! {
        @if cells.is_empty() { p.none { "No current claim names a provider." } } @else {
            (table("Providers paid for current claims, those with most claims first", &head, &cells))
            (left_out(member.providers.rows().len(), "claim_current", &member.id))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_many_members_shows_few_claims_of_each() {
        assert_eq!([0, 1, 20, 200, 100_000].map(share), [300, 300, 100, 10, 10]);
    }

    #[test]
    fn a_line_that_the_payer_added_is_not_a_second_line_of_that_number() {
        assert_eq!(line_name(false, Some(1), Some(0)), "1");
        assert_eq!(line_name(false, None, Some(0)), "0");
        assert_eq!(line_name(true, Some(1), Some(3)), "added by the payer for line 1");
        assert_eq!(line_name(true, None, Some(3)), "added by the payer");
    }

    #[test]
    fn only_a_line_that_was_not_paid_has_a_reason() {
        let told = [Some(0), None, Some(1250)].map(|paid| reason("96", paid));
        assert_eq!(told, ["96", "96", ""]);
    }
}
