//! Reads the data of one member from the marts.

use crate::{
    commands::asked::{Asked, ask, text},
    warehouse::{Snapshot, WarehouseError},
};

/// The most lines of a claim that are shown.
pub(super) const MOST_LINES: i64 = 50;
/// The most rows of any section except the section of claims.
pub(super) const MOST_ROWS: usize = 100;

/// The most results in the picture of a test's trend.
const MOST_RESULTS: usize = 24;

/// How complete and how old each type of each connection is.
///
/// It is read once for all members, since the mart is computed on each query.
pub(super) fn freshness(snapshot: &Snapshot<'_>) -> Result<Asked, WarehouseError> {
    ask(snapshot, "SELECT * FROM data_freshness ORDER BY connection_name, resource_type", &[])
}

/// The data of one member.
#[derive(Debug)]
pub(super) struct Member {
    /// The `member_id` of the marts.
    pub(super) id: String,
    /// The member's name, else the id.
    pub(super) name: String,
    pub(super) connections: Asked,
    pub(super) coverages: Asked,
    pub(super) spend: Asked,
    pub(super) accumulators: Asked,
    pub(super) claims: Asked,
    pub(super) lines: Asked,
    /// The number of current claims, of which `claims` has the latest.
    pub(super) claim_count: i64,
    pub(super) drugs: Asked,
    pub(super) gaps: Asked,
    pub(super) conditions: Asked,
    pub(super) labs: Asked,
    pub(super) providers: Asked,
    pub(super) quality: Asked,
}

/// A person in the warehouse.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) name: String,
    /// The names of the connections that hold the person.
    connections: Vec<String>,
}

impl Person {
    /// Whether `wanted` names this person, by member id or by connection.
    pub(super) fn is_named(&self, wanted: &str) -> bool {
        self.id == wanted || self.connections.iter().any(|name| name == wanted)
    }
}

/// The persons in the warehouse, ordered by name.
pub(super) fn people(snapshot: &Snapshot<'_>) -> Result<Vec<Person>, WarehouseError> {
    let sql = "SELECT member_id, coalesce(max(member_name), member_id) AS name,
                 group_concat(connection_name, char(10)) AS connections
               FROM member GROUP BY member_id ORDER BY name, member_id";
    let asked = ask(snapshot, sql, &[])?;
    Ok(asked
        .rows()
        .map(|row| Person {
            id: row.word("member_id").to_owned(),
            name: row.word("name").to_owned(),
            connections: row.word("connections").lines().map(str::to_owned).collect(),
        })
        .collect())
}

/// Reads all data of a member, with this number of claims.
pub(super) fn read(
    snapshot: &Snapshot<'_>,
    id: String,
    name: String,
    most_claims: usize,
) -> Result<Member, WarehouseError> {
    let member = [text("m", &id)];
    let all = |sql: &str| ask(snapshot, sql, &member);
    let bounded = |sql: &str| ask(snapshot, &format!("{sql} LIMIT {}", MOST_ROWS + 1), &member);
    let latest = format!(
        "SELECT * FROM claim_current WHERE member_id = :m
         ORDER BY service_start_date DESC, connection_id, explanation_of_benefit_id LIMIT {most_claims}"
    );
    let count = all("SELECT count(*) AS n FROM claim_current WHERE member_id = :m")?;
    Ok(Member {
        connections: all(
            "SELECT connection_id, connection_name, plan, evidence, birth_date, gender FROM member
             WHERE member_id = :m ORDER BY connection_id",
        )?,
        coverages: bounded(
            "SELECT * FROM coverage_span WHERE member_id = :m
             ORDER BY coverage_start_date DESC, rank, coverage_id",
        )?,
        spend: all("SELECT month_date, kind, coalesce(currency, '') AS currency,
               sum(claim_count) AS claim_count, sum(plan_paid_cents) AS plan_paid_cents,
               sum(member_cost_share_cents) AS member_cost_share_cents,
               sum(allowed_cents) AS allowed_cents
             FROM spend_by_month WHERE member_id = :m GROUP BY 1, 2, 3 ORDER BY 3, 1, 2")?,
        accumulators: bounded(
            "SELECT a.*, (SELECT c.plan_name FROM coverage_span AS c
                 WHERE c.member_id = a.member_id AND c.coverage_id = a.coverage_id
                   AND (c.connection_id = a.connection_id OR EXISTS (
                     SELECT 1 FROM member AS its JOIN member AS own USING (source_connection_id)
                     WHERE its.connection_id = c.connection_id AND its.patient_id = c.patient_id
                       AND own.connection_id = a.connection_id AND own.patient_id = a.patient_id))
                 ORDER BY c.connection_id <> a.connection_id, c.connection_id LIMIT 1) AS plan_name
             FROM accumulator AS a
             WHERE a.member_id = :m ORDER BY a.plan_year_start_date DESC, a.kind, a.coverage_id,
               a.claim_count = 0, a.unit, a.network, a.term, a.benefit_category",
        )?,
        lines: all(&format!(
            "WITH latest AS ({latest}) SELECT l.* FROM latest AS c CROSS JOIN claim_line AS l
             WHERE l.connection_id = c.connection_id
               AND l.explanation_of_benefit_id = c.explanation_of_benefit_id AND l.line_key < {}
             ORDER BY l.connection_id, l.explanation_of_benefit_id, l.line_key",
            MOST_LINES
        ))?,
        claims: all(&latest)?,
        claim_count: count.first().and_then(|row| row.integer("n")).unwrap_or_default(),
        drugs: bounded(
            "SELECT * FROM medication_adherence WHERE member_id = :m
             ORDER BY last_fill_date DESC, drug, source",
        )?,
        gaps: all("SELECT connection_id, source, drug, gap_start_date, gap_end_date, gap_days
             FROM medication_gap WHERE member_id = :m ORDER BY gap_start_date DESC LIMIT 500")?,
        conditions: bounded(
            "SELECT coalesce(code, '') AS code, max(display) AS display, count(*) AS times,
               max(diagnosis_date) AS latest, group_concat(DISTINCT source) AS sources
             FROM diagnosis AS d WHERE member_id = :m AND (
               source = 'claim' AND EXISTS (SELECT 1 FROM claim_current AS c
                 WHERE c.connection_id = d.connection_id AND c.explanation_of_benefit_id = d.record_id)
               OR source = 'condition' AND EXISTS (SELECT 1 FROM condition AS c
                 WHERE c.connection_id = d.connection_id AND c.id = d.record_id
                   AND coalesce(c.verification_status_code, '') <> 'refuted'))
             GROUP BY coalesce(code, display) ORDER BY latest DESC, code",
        )?,
        labs: all(&format!(
            "WITH aged AS (
               SELECT *, row_number() OVER (PARTITION BY test_code, test_name, unit
                 ORDER BY result_date DESC, result_sent DESC, observation_id DESC) AS age
               FROM lab_result WHERE member_id = :m)
             SELECT * FROM aged WHERE age <= {MOST_RESULTS}
             ORDER BY test_name, test_code, unit, age LIMIT {}",
            (MOST_ROWS + 1) * MOST_RESULTS
        ))?,
        providers: bounded(
            "SELECT coalesce(c.provider_name, p.name, 'not named') AS name, c.provider_npi AS npi,
               max(p.specialty) AS specialty, max(p.phone) AS phone, count(*) AS claim_count,
               max(c.service_start_date) AS latest
             FROM claim_current AS c LEFT JOIN provider_npi AS p
               ON p.connection_id = c.connection_id AND p.npi = c.provider_npi
             WHERE c.member_id = :m GROUP BY 1, 2 ORDER BY claim_count DESC, name, npi",
        )?,
        quality: all("SELECT severity, rule, table_name, count(*) AS rows FROM data_quality
             WHERE member_id = :m GROUP BY 1, 2, 3
             ORDER BY instr('error warning notice', severity), rule, table_name")?,
        id,
        name,
    })
}
