//! The page of the report: its head, the table of contents, and a section per member.

use super::{
    claims::{claims, providers},
    figures::{accumulators, coverage, spend},
    health::{conditions, labs, medications},
    member::Member,
    table::{Head, said, table},
};
use crate::{
    commands::asked::{Asked, Row},
    plural::count,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// A type that was last complete more than this many days ago is called stale.
const STALE_DAYS: i64 = 7;

/// The anchor and the title of each section of a member.
const SECTIONS: [(&str, &str); 9] = [
    ("coverage", "Coverage"),
    ("spend", "Spend by month and kind of service"),
    ("accumulators", "Deductible and out-of-pocket maximum"),
    ("claims", "Claims"),
    ("medications", "Medications"),
    ("conditions", "Conditions"),
    ("labs", "Laboratory results"),
    ("providers", "Providers"),
    ("missing", "What is incomplete or stale"),
];

/// The beginning of every page, up to what only payersync writes: another page of HTML5 begins otherwise.
pub(super) const BEGINNING: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-";

/// The whole page. It runs no script and loads nothing; a policy tells the browser to refuse both.
pub(super) fn page(members: &[Member], freshness: &Asked, now: DateTime<Utc>) -> String {
    let title = match members {
        [one] => format!("Claims and health of {}", said(&one.name)),
        _ => format!("Claims and health of {}", count(members.len(), "member")),
    };
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p { "Made by payersync " (env!("CARGO_PKG_VERSION")) " at " time datetime=(now.to_rfc3339()) { (now.format("%Y-%m-%d %H:%M UTC")) }
                        " from the marts of the warehouse. It holds health data." }
                }
                nav aria-label="Contents" { (contents(members)) }
                main {
                    @if members.is_empty() {
                        p.none { "No member is stored yet. Connect one and run a sync, or import files." }
                    }
                    @for (number, member) in members.iter().enumerate() {
                        (section(member, number, freshness, now))
                    }
                }
            }
        }
    };
    page.into_string()
}

fn contents(members: &[Member]) -> Markup {
    html! {
        @match members {
            [] => {},
            [_] => ul { @for (anchor, title) in SECTIONS { li { a href=(format!("#m0-{anchor}")) { (title) } } } },
            many => ol { @for (number, member) in many.iter().enumerate() {
                li { a href=(format!("#m{number}")) { (said(&member.name)) } " " small { (said(&member.id)) } }
            } },
        }
    }
}

fn section(member: &Member, number: usize, freshness: &Asked, now: DateTime<Utc>) -> Markup {
    let person = member.connections.first();
    let facts = person.map(|row| [row.word("birth_date"), row.word("gender")]).unwrap_or_default();
    html! {
        article id=(format!("m{number}")) aria-labelledby=(format!("m{number}-name")) {
            h2 id=(format!("m{number}-name")) { (said(&member.name)) }
            dl {
                div { dt { "Member" } dd { (said(&member.id)) } }
                @for (name, value) in ["Born", "Gender"].iter().zip(facts) {
                    @if !value.is_empty() { div { dt { (name) } dd { (said(value)) } } }
                }
                div { dt { "Connections" } dd { @for (position, row) in member.connections.rows().enumerate() {
                    @if position > 0 { "; " } (said(&connection(row)))
                } } }
            }
            @for (anchor, title) in SECTIONS {
                section {
                    h3 id=(format!("m{number}-{anchor}")) { (title) }
                    (content(anchor, member, freshness, now))
                }
            }
        }
    }
}

fn connection(row: Row<'_>) -> String {
    let name = row.word("connection_name");
    let plan = row.text("plan").map_or_else(|| "files".to_owned(), |plan| format!("plan {plan}"));
    let evidence = row.text("evidence").map(|why| format!(", the same person by {why}"));
    format!("{name} ({plan}{})", evidence.unwrap_or_default())
}

fn content(anchor: &str, member: &Member, freshness: &Asked, now: DateTime<Utc>) -> Markup {
    match anchor {
        "coverage" => coverage(member, now),
        "spend" => spend(member),
        "accumulators" => accumulators(member),
        "claims" => claims(member),
        "medications" => medications(member),
        "conditions" => conditions(member),
        "labs" => labs(member),
        "providers" => providers(member),
        _ => missing(member, freshness),
    }
}

/// The types that are incomplete or old, and the rows of the mart `data_quality`, by rule.
fn missing(member: &Member, freshness: &Asked) -> Markup {
    let days = |row: &Row<'_>| row.integer("days_since_complete");
    let number = |row: &Row<'_>, name: &str| row.integer(name).unwrap_or_default();
    let is_poor = |row: &Row<'_>| {
        row.word("state") != "complete"
            // It is never known when a source of files is complete.
            || (row.text("plan").is_some() && days(row).is_none_or(|days| days > STALE_DAYS))
            || number(row, "reject_count") + number(row, "absent_count") > 0
    };
    let held: Vec<i64> =
        member.connections.rows().filter_map(|row| row.integer("connection_id")).collect();
    let rows: Vec<Row<'_>> = freshness
        .rows()
        .filter(|row| row.integer("connection_id").is_some_and(|id| held.contains(&id)))
        .collect();
    let asked = rows.iter().filter(|row| row.text("plan").is_some()).count();
    let poor: Vec<Row<'_>> = rows.iter().copied().filter(is_poor).collect();
    let oldest = rows.iter().filter_map(|row| row.text("complete_as_of_date")).min();
    let head = [
        Head::Text("Type"),
        Head::Text("Connection"),
        Head::Text("State"),
        Head::Text("Complete as of"),
        Head::Number("Resources"),
        Head::Number("In quarantine"),
        Head::Number("No longer listed"),
        Head::Text("What to do"),
    ];
    let cells: Vec<Vec<String>> = poor
        .iter()
        .map(|row| {
            let reason = row.text("reason").map(|why| format!(": {why}")).unwrap_or_default();
            let since = days(row).filter(|days| *days > STALE_DAYS);
            let since = since.map(|days| format!(" ({} ago)", count(days, "day")));
            let as_of = row.text("complete_as_of_date").unwrap_or("never");
            vec![
                row.word("resource_type").to_owned(),
                row.word("connection_name").to_owned(),
                format!("{}{reason}", row.word("state")),
                format!("{as_of}{}", since.unwrap_or_default()),
                number(row, "resource_count").to_string(),
                number(row, "reject_count").to_string(),
                number(row, "absent_count").to_string(),
                row.word("hint").to_owned(),
            ]
        })
        .collect();
    let quality_head =
        [Head::Text("Rule"), Head::Text("Severity"), Head::Text("Table"), Head::Number("Rows")];
    let quality: Vec<Vec<String>> = member
        .quality
        .rows()
        .map(|row| {
            let [rule, severity, table] =
                ["rule", "severity", "table_name"].map(|name| row.word(name).to_owned());
            vec![rule, severity, table, number(&row, "rows").to_string()]
        })
        .collect();
    html! {
        @if asked == 0 {
            p { "This member's data comes from files alone, so it is not known what is missing." }
        } @else if poor.is_empty() {
            p { "All " (count(asked, "type")) " that the plans serve are complete, as of " (oldest.unwrap_or("today")) " or later." }
        }
        @if !poor.is_empty() {
            p { strong { (poor.len()) " of " (count(rows.len(), "type")) } " are not complete, older than " (count(STALE_DAYS, "day")) ", \
                or have open problems." }
            (table("Types that are incomplete or stale", &head, &cells))
        }
        @if quality.is_empty() { p { "Nothing in the data looks wrong (data_quality)." } } @else {
            (table("Data that looks wrong; data_quality has the rows", &quality_head, &quality))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::earlier::refuse_other;
    use std::fs;

    #[test]
    fn a_report_takes_the_place_of_a_report_and_of_no_other_page() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("index.html");
        let ours = page(&[], &Asked::default(), DateTime::UNIX_EPOCH);
        fs::write(&file, ours).unwrap();
        assert!(refuse_other(&file, BEGINNING, "report").is_ok());
        let other = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Home";
        fs::write(&file, other).unwrap();
        assert!(refuse_other(&file, BEGINNING, "report").is_err());
    }
}
