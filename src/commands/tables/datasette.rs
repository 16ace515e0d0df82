//! The metadata that Datasette shows with the tables: descriptions, facets, and example queries.
//!
//! Source: <https://docs.datasette.io/en/stable/metadata.html>.

use super::described::{Described, Kind};
use serde_json::{Map, Value, json};
use std::{io, io::Write};

/// The database's name in Datasette, which is that of its file, `warehouse.db`.
const DATABASE: &str = "warehouse";
/// Columns with few different values, the most useful first.
const FACETS: [&str; 13] = [
    "kind",
    "category",
    "rule",
    "severity",
    "problem",
    "change",
    "relationship",
    "source",
    "vocabulary",
    "claim_status",
    "record_status",
    "status",
    "is_current",
];
/// The most facets of a mart: each facet reads all rows whenever the mart's page is opened.
const MOST_FACETS: usize = 2;

/// A query that Datasette offers on the page of the database.
struct Question {
    name: &'static str,
    title: &'static str,
    sql: &'static str,
}

/// The queries in their order on the page. A `:name` becomes a field of the form.
const QUESTIONS: [Question; 7] = [
    Question {
        name: "what_members_owe",
        title: "What does each member owe, by month and kind of service?",
        sql: "SELECT member_id, month_date, kind, category, sum(claim_count) AS claims,
       sum(plan_paid_cents) / 100.0 AS plan_paid,
       sum(member_cost_share_cents) / 100.0 AS member_owes
FROM spend_by_month
GROUP BY member_id, month_date, kind, category
ORDER BY month_date DESC, member_id, kind, category",
    },
    Question {
        name: "claims_of_a_member",
        title: "Which claims of a member stand, the newest first?",
        sql: "SELECT service_start_date, kind, provider_name, plan_paid_amount, member_cost_share_amount,
       claim_number, explanation_of_benefit_id
FROM claim_current
WHERE member_id = :member_id
ORDER BY service_start_date DESC",
    },
    Question {
        name: "lines_of_a_claim",
        title: "What was billed, line by line?",
        sql: "SELECT line_number, service_start_date, code, code_display, quantity, submitted_amount,
       allowed_amount, plan_paid_amount, denial_reason_code
FROM claim_line
WHERE explanation_of_benefit_id = :explanation_of_benefit_id
ORDER BY line_key",
    },
    Question {
        name: "accumulators",
        title: "How much of deductible and out-of-pocket limit is used?",
        sql: "SELECT member_id, plan_year_start_date, kind, unit, network, term, benefit_category,
       used_amount, payer_used_amount, limit_amount, currency
FROM accumulator
ORDER BY plan_year_start_date DESC, member_id, kind, unit, network, term, benefit_category",
    },
    Question {
        name: "drugs_with_gaps",
        title: "Which drugs have gaps?",
        sql: "SELECT drug, drug_name, gap_start_date, gap_end_date, gap_days, source, member_id
FROM medication_gap
ORDER BY gap_days DESC",
    },
    Question {
        name: "what_is_missing",
        title: "What is missing, and why?",
        sql: "SELECT connection, resource_type, state, reason, hint, complete_as_of
FROM completeness
WHERE state <> 'complete'
ORDER BY connection, resource_type",
    },
    Question {
        name: "doubtful_data",
        title: "Which data looks wrong?",
        sql: "SELECT rule, severity, count(*) AS records, min(record_id) AS example
FROM data_quality
GROUP BY rule, severity
ORDER BY severity, records DESC",
    },
];

/// The SQL query of the question that a table answers, on one line.
pub(super) fn question_of(table: &str) -> Option<String> {
    let asks = |one: &&Question| {
        let mut words = one.sql.split_whitespace().skip_while(|word| *word != "FROM").skip(1);
        words.next() == Some(table) && !one.sql.contains(" :")
    };
    let question = QUESTIONS.iter().find(asks)?;
    Some(question.sql.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Writes the metadata: the description of every table, the facets of marts, and the queries.
pub(super) fn write(out: &mut dyn Write, all: &[Described<'_>]) -> io::Result<()> {
    let tables: Map<String, Value> =
        all.iter().map(|one| (one.name.to_owned(), table(one))).collect();
    let queries: Map<String, Value> = QUESTIONS
        .iter()
        .map(|one| (one.name.to_owned(), json!({ "title": one.title, "sql": one.sql })))
        .collect();
    let metadata = json!({
        "title": "payersync",
        "description": "What health plans know about their members. Begin with the questions, then the marts.",
        "databases": { DATABASE: { "tables": tables, "queries": queries } },
    });
    serde_json::to_writer_pretty(&mut *out, &metadata)?;
    writeln!(out)
}

fn table(one: &Described<'_>) -> Value {
    let columns: Map<String, Value> = one
        .columns
        .iter()
        .map(|column| (column.name.clone(), described(one, &column.name, &column.description)))
        .collect();
    let mut told = json!({ "description": description(one), "columns": columns });
    // A view has no types. It is computed again for every facet, which takes longer than Datasette waits.
    let is_view = one.columns.iter().all(|column| column.kind.is_empty());
    if one.kind == Kind::Mart && !is_view {
        let has = |name: &&&str| one.columns.iter().any(|column| column.name == **name);
        let facets: Vec<&str> = FACETS.iter().filter(has).take(MOST_FACETS).copied().collect();
        told["facets"] = json!(facets);
    }
    told
}

fn description(one: &Described<'_>) -> String {
    match &one.grain {
        Some(grain) => format!("{} Grain: {grain}.", one.description),
        None => one.description.clone(),
    }
}

/// The meaning of a column, with its unit if the name contains one.
fn described(one: &Described<'_>, name: &str, meaning: &str) -> Value {
    let has = |wanted: &str| one.columns.iter().any(|column| column.name == wanted);
    let stem = name.strip_suffix("amount").filter(|stem| stem.is_empty() || stem.ends_with('_'));
    let currencies = stem.map(|stem| [format!("{stem}currency"), "currency".to_owned()]);
    let unit = match currencies.into_iter().flatten().find(|name| has(name)) {
        Some(currency) => format!("its currency is in the column {currency}"),
        None if name.ends_with("_cents") => "in cents".to_owned(),
        None if name.ends_with("_days") || name == "days_supply" => "in days".to_owned(),
        None => return meaning.into(),
    };
    match meaning.contains(&unit) {
        true => meaning.into(),
        false => format!("{meaning}; {unit}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::tables::described::all, warehouse::Catalog};
    use std::collections::HashMap;

    #[test]
    fn every_table_is_described_and_units_are_said() {
        let catalog = Catalog::embedded();
        let all = all(&catalog, &HashMap::new());
        let mut written = Vec::new();
        write(&mut written, &all).unwrap();
        let told: Value = serde_json::from_slice(&written).unwrap();
        let tables = &told["databases"]["warehouse"]["tables"];
        assert_eq!(tables.as_object().unwrap().len(), all.len());
        for (name, table) in tables.as_object().unwrap() {
            assert!(table["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        }
        let claim = &tables["claim_current"];
        assert_eq!(claim["facets"], json!(["kind", "status"]));
        assert_eq!(
            claim["columns"]["plan_paid_amount"],
            "what the plan paid: payment, else paid to provider and patient, else benefit; where the \
             header is silent, so of each line; its currency is in the column currency"
        );
        assert_eq!(claim["columns"]["plan_paid_cents"], "the same in cents");
        let net = &tables["explanation_of_benefit_item"]["columns"]["net_amount"];
        assert!(
            net.as_str().unwrap().ends_with("; its currency is in the column net_currency"),
            "{net}"
        );
    }
}
