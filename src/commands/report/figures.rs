//! The report's sections on coverage, spend by month and kind, deductible and out-of-pocket maximum.

use super::{
    member::{MOST_ROWS, Member},
    money::{amount, stated},
    pictures::{Span, Stack, meter, stacks, timeline},
    table::{Head, said, table},
};
use crate::commands::asked::Row;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// The timeline of coverages shows at most this many days of the past (30 years) and the future (2 years).
const FURTHEST_BACK: i64 = 30 * 366;
const FURTHEST_ON: i64 = 2 * 366;

/// The most columns of a picture by month; with more months, a column is a year.
const MOST_MONTHS: usize = 120;

/// The sum of the amounts that are stated; `None` if no amount is stated.
fn sum(values: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    values.flatten().fold(None, |sum, value| Some(sum.unwrap_or(0) + value))
}

fn day(text: &str) -> Option<i64> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(i64::from(date.num_days_from_ce()))
}

/// The coverages with their periods, as a timeline and a table.
pub(super) fn coverage(member: &Member, now: DateTime<Utc>) -> Markup {
    let today = i64::from(now.date_naive().num_days_from_ce());
    let rows: Vec<Row<'_>> = member.coverages.rows().take(MOST_ROWS).collect();
    let plan = |row: &Row<'_>| {
        let name = ["plan_name", "payer_name", "kind_display", "coverage_id"];
        name.iter().find_map(|name| row.text(name)).unwrap_or_default().to_owned()
    };
    let spans: Vec<Span> = rows
        .iter()
        .filter(|row| row.integer("is_backward") != Some(1))
        .filter_map(|row| {
            let from = day(row.word("coverage_start_date"))?;
            let to = day(row.word("coverage_end_date"));
            let to = match to {
                Some(to) => to,
                None if row.word("status") == "active" => today.max(from),
                None => return None,
            };
            let label = format!("{}, {}", said(&plan(row)), dates(*row));
            // Payers write 9999-12-31 for an open end, and 0001-01-01 for an unknown start.
            let (from, to) = (from.max(today - FURTHEST_BACK), to.min(today + FURTHEST_ON));
            (from <= to).then_some(Span { label, from, to, is_ended: to < today })
        })
        .collect();
    let first = spans.iter().map(|span| span.from).min().unwrap_or(today);
    let last = spans.iter().map(|span| span.to).max().unwrap_or(today).max(today);
    let year = |day: i64| {
        let date = i32::try_from(day).ok().and_then(NaiveDate::from_num_days_from_ce_opt);
        date.map_or(1, |date| date.year())
    };
    let start = |year: i32| {
        NaiveDate::from_ymd_opt(year, 1, 1).map_or(0, |date| i64::from(date.num_days_from_ce()))
    };
    let years: Vec<(i32, i64)> =
        (year(first)..=year(last)).map(|year| (year, start(year))).collect();
    let head = ["Plan", "Payer", "Kind", "Status", "Covered", "Member number"].map(Head::Text);
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let kind = ["kind_display", "kind"].iter().find_map(|name| row.text(name));
            let part = row.text("medicare_part").map(|part| format!("Medicare part {part}"));
            vec![
                plan(row),
                row.word("payer_name").to_owned(),
                part.or_else(|| kind.map(str::to_owned)).unwrap_or_default(),
                row.word("status").to_owned(),
                dates(*row),
                row.word("member_number").to_owned(),
            ]
        })
        .collect();
    html! {
        @if cells.is_empty() { p.none { "No coverage is stored." } } @else {
            @if !spans.is_empty() {
                (timeline("The period of each coverage; the table below has the dates", &spans, &years, last))
            }
            (table("Coverages, the latest first", &head, &cells))
            (left_out(member.coverages.rows().len(), "coverage_span", &member.id))
        }
    }
}

fn dates(row: Row<'_>) -> String {
    let told = |name: &str| match row.word(name) {
        "" => "not stated".to_owned(),
        date => date.to_owned(),
    };
    let end = match row.text("coverage_end") {
        None => "open".to_owned(),
        Some(_) => told("coverage_end"),
    };
    format!("{} to {end}", told("coverage_start"))
}

/// Whether an id can be put in quotes within a command that is pasted into a shell.
pub(super) fn is_pasted_safely(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte))
}

/// A note that the table has more rows, with the query that shows them.
pub(super) fn left_out(rows: usize, mart: &str, member: &str) -> Markup {
    html! {
        @if rows > MOST_ROWS {
            p.note {
                "Only the first " (MOST_ROWS) " are shown."
                @if is_pasted_safely(member) {
                    " All of them: "
                    code { "payersync query \"SELECT * FROM " (mart) " WHERE member_id = '" (member) "'\"" }
                }
            }
        }
    }
}

/// The spend by month and kind of service, as pictures and tables.
pub(super) fn spend(member: &Member) -> Markup {
    let currencies: BTreeSet<&str> = member.spend.rows().map(|row| row.word("currency")).collect();
    html! {
        @if currencies.is_empty() { p.none { "No current claim is stored." } }
        @for currency in currencies {
            (spend_in(member, currency))
        }
    }
}

fn spend_in(member: &Member, currency: &str) -> Markup {
    let rows: Vec<Row<'_>> =
        member.spend.rows().filter(|row| row.word("currency") == currency).collect();
    let kinds: Vec<&str> =
        rows.iter().map(|row| row.word("kind")).collect::<BTreeSet<_>>().into_iter().collect();
    let paid = |row: &Row<'_>| row.integer("plan_paid_cents");
    let share = |row: &Row<'_>| row.integer("member_cost_share_cents");
    let by = |length: usize| {
        let mut groups: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
        for row in &rows {
            let month = row.word("month_date");
            groups.entry(month.get(..length).unwrap_or("")).or_default().push(*row);
        }
        groups
    };
    let is_by_month = months(&by(7)).len() <= MOST_MONTHS;
    let groups = if is_by_month { by(7) } else { by(4) };
    let labels = if is_by_month { months(&groups) } else { years(&groups) };
    let columns: Vec<Stack> = labels
        .iter()
        .enumerate()
        .map(|(position, label)| {
            let of = groups.get(label.as_str()).map(Vec::as_slice).unwrap_or_default();
            let value = |kind: &&str| {
                sum(of.iter().filter(|row| row.word("kind") == *kind).map(paid)).unwrap_or_default()
            };
            Stack {
                values: kinds.iter().map(value).collect(),
                is_marked: position.is_multiple_of(labels.len() / 8 + 1),
                label: label.clone(),
            }
        })
        .collect();
    let most =
        columns.iter().map(|column| column.values.iter().map(|one| (*one).max(0)).sum::<i64>());
    let scale = format!("{} {currency}", amount(most.max().unwrap_or_default()));
    let mut head = vec![Head::Text("Year")];
    head.extend(["Claims", "Allowed", "Plan paid", "Member owes"].map(Head::Number));
    let line = |name: String, of: &[Row<'_>]| {
        vec![
            name,
            of.iter().filter_map(|row| row.integer("claim_count")).sum::<i64>().to_string(),
            stated(sum(of.iter().map(|row| row.integer("allowed_cents"))), ""),
            stated(sum(of.iter().map(paid)), ""),
            stated(sum(of.iter().map(share)), ""),
        ]
    };
    let named =
        |label: &str| if label.is_empty() { "undated".to_owned() } else { label.to_owned() };
    let mut by_year: Vec<Vec<String>> =
        by(4).iter().map(|(year, of)| line(named(year), of)).collect();
    by_year.push(line("all".to_owned(), &rows));
    let mut by_kind: Vec<Vec<String>> = kinds
        .iter()
        .map(|kind| {
            let of: Vec<Row<'_>> =
                rows.iter().filter(|row| row.word("kind") == *kind).copied().collect();
            line((*kind).to_owned(), &of)
        })
        .collect();
    by_kind.push(line("all".to_owned(), &rows));
    let by_month: Vec<Vec<String>> =
        by(7).iter().map(|(month, of)| line(named(month), of)).collect();
    let kind_head: Vec<Head> = std::iter::once(Head::Text("Kind of service"))
        .chain(head.iter().skip(1).copied())
        .collect();
    let month_head: Vec<Head> =
        std::iter::once(Head::Text("Month")).chain(head.iter().skip(1).copied()).collect();
    let unit =
        if currency.is_empty() { "amounts not stated".to_owned() } else { currency.to_owned() };
    html! {
        (stacks(&format!("What the plan paid by {} and kind of service; the tables below have the sums",
            if is_by_month { "month" } else { "year" }), &columns, &scale))
        ul.legend { @for (series, kind) in kinds.iter().enumerate() {
            li { svg.key viewBox="0 0 12 12" aria-hidden="true" { rect class=(format!("k{series}")) width="12" height="12" {} } " " (said(kind)) }
        } }
        (table(&format!("By year of service ({unit})"), &head, &by_year))
        (table(&format!("By kind of service ({unit})"), &kind_head, &by_kind))
        @if by_month.len() <= MOST_MONTHS + 1 {
            details { summary { "By month of service" }
                (table(&format!("By month of service ({unit})"), &month_head, &by_month)) }
        }
    }
}

/// Every month from the first to the last, including months without spend.
fn months(groups: &BTreeMap<&str, Vec<Row<'_>>>) -> Vec<String> {
    let number = |month: &str| {
        let (year, month) = month.split_once('-')?;
        Some(year.parse::<usize>().ok()? * 12 + month.parse::<usize>().ok()? - 1)
    };
    let known: Vec<usize> = groups.keys().filter_map(|month| number(month)).collect();
    let (Some(first), Some(last)) = (known.iter().min(), known.iter().max()) else {
        return Vec::new();
    };
    (*first..=*last).map(|at| format!("{:04}-{:02}", at / 12, at % 12 + 1)).collect()
}

fn years(groups: &BTreeMap<&str, Vec<Row<'_>>>) -> Vec<String> {
    groups.keys().filter(|year| !year.is_empty()).map(|year| (*year).to_owned()).collect()
}

/// Deductible and out-of-pocket amounts per plan year, as computed from the claims and as the payer states.
pub(super) fn accumulators(member: &Member) -> Markup {
    let rows: Vec<Row<'_>> = member.accumulators.rows().take(MOST_ROWS).collect();
    html! {
        @if rows.is_empty() { p.none { "Neither the claims nor the payer state a deductible or \
                                        an out-of-pocket amount." } }
        @else {
            p.note {
                "Out of pocket is deductible, copayment and coinsurance. "
                "'Member owes' above also includes charges that the plan does not cover."
            }
            div.scroll tabindex="0" role="group" aria-label="Deductible and out of pocket by plan year" {
                table {
                    caption { span { "Deductible and out of pocket, the latest plan year first" } }
                    thead { tr {
                        th scope="col" { "Plan year" } th scope="col" { "What" } th scope="col" { "Plan" }
                        th.number scope="col" { "Used by the claims" } th.number scope="col" { "Used as the payer says" }
                        th.number scope="col" { "Limit" } th.number scope="col" { "Remaining" } th scope="col" { "Used of the limit" }
                    } }
                    tbody { @for row in &rows { (accumulator(*row)) } }
                }
            }
            (left_out(member.accumulators.rows().len(), "accumulator", &member.id))
        }
    }
}

fn accumulator(row: Row<'_>) -> Markup {
    let currency = row.word("currency");
    let money = |name: &str| stated(row.integer(name), currency);
    let used = row.integer("payer_used_cents").or(row.integer("used_cents"));
    let year = match (row.word("plan_year_start_date"), row.word("plan_year_end_date")) {
        ("", _) => "undated".to_owned(),
        (start, end) => format!("{start} to {end}"),
    };
    html! {
        tr {
            th scope="row" { (said(&year)) }
            td { (said(&of_whom(row))) }
            td { (said(row.word("plan_name"))) }
            td.number { (money("used_cents")) }
            td.number { (money("payer_used_cents")) }
            td.number { (money("limit_cents")) }
            td.number { (money("remaining_cents")) }
            td { @if let (Some(used), Some(limit)) = (used, row.integer("limit_cents")) {
                (meter(&format!("{} of {}", amount(used), amount(limit)), used, limit))
            } }
        }
    }
}

/// An accumulator's kind, with its unit, network, term and benefit category if they are stated.
fn of_whom(row: Row<'_>) -> String {
    let network = match row.word("network") {
        "in" => "in the network",
        "out" => "outside the network",
        "both" => "in and outside the network",
        other => other,
    };
    let category = match row.word("benefit_category") {
        "" => String::new(),
        category => format!("benefit category {category}"),
    };
    let words = [row.word("kind"), row.word("unit"), network, row.word("term"), &category];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
}
