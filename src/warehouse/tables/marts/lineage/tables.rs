//! Reads the claims in scope, and writes the decisions about them.

use super::{
    claim::{Claim, Fill, Number, NumberKind},
    decide::{Decision, Decisions, decide},
    made::Made,
    number::{Link, Target},
};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, Row, params};
use std::collections::HashMap;

/// The relationships between claims that decide which of them stands.
const RELATIONSHIPS: [&str; 4] = ["prior", "replaces", "replacedby", "replaced"];

/// The claims of one source, and the links that they state.
#[derive(Default)]
struct Source {
    claims: Vec<Claim>,
    links: Vec<Link>,
}

/// Decides about the claims in scope: fills `temp.lineage` and `temp.carried`, and the columns of
/// `claim` that depend on other claims.
pub(in crate::warehouse::tables::marts) fn fill(
    connection: &Connection,
) -> Result<(), WarehouseError> {
    for source in read(connection)? {
        let decisions = decide(&source.claims, &source.links);
        write(connection, &source.claims, &decisions)?;
    }
    Ok(())
}

fn read(connection: &Connection) -> Result<Vec<Source>, WarehouseError> {
    let doing = "cannot read the claims";
    let mut sources: HashMap<i64, Source> = HashMap::new();
    let mut places: HashMap<(i64, String), (i64, usize)> = HashMap::new();
    let mut statement = connection
        .prepare_cached(
            "SELECT coalesce(p.source_id, s.source_id), c.connection_id, c.explanation_of_benefit_id,
               coalesce(c.status, 'active'), c.created, e.meta_last_updated, c.kind, c.patient_id, c.service_start_date,
               e.claim_id, c.plan_paid_cents, c.submitted_cents,
               coalesce(c.frequency_code IN ('8', 'D', 'X'), 0) OR c.adjustment_type IS 'void', c.claim_number,
               m.is_zero IS 1 AND coalesce(c.payment_amount, 0) = 0, c.currency,
               -- NUBC: replacement, void, the adjustments that a payer may begin, a reopened claim, and a
               -- replaced encounter.
               c.frequency_code IN ('6', '7', '8', 'D', 'F', 'G', 'H', 'I', 'J', 'K', 'M', 'P', 'Q', 'X', 'Y')
                 OR c.adjustment_type IN ('adjustment', 'void') OR c.plan_paid_cents < 0,
               m.amounts,
               -- Without any amount, a negative quantity tells that a fill was taken back.
               CASE WHEN coalesce(m.is_zero, 1) THEN
                 (SELECT max(i.quantity_value) < 0 FROM explanation_of_benefit_item i
                  WHERE i.connection_id = c.connection_id
                    AND i.explanation_of_benefit_id = c.explanation_of_benefit_id)
                 ELSE m.is_taken_back END,
               c.frequency_code, c.service_end_date,
               CASE WHEN c.frequency_code IS NOT NULL THEN
                 -- Some payers send the frequency alone.
                 coalesce(substr(c.type_of_bill_code, 1, length(c.type_of_bill_code) - 1), '')
                 || ' ' || c.admission_date
                 || ' ' || coalesce(c.provider_npi, c.provider_id, c.provider_name) END,
               -- What was billed tells fills apart, and claims without any amount.
               CASE WHEN c.kind = 'pharmacy' OR coalesce(m.is_zero, 1) THEN (
                 SELECT group_concat(code, ' ') FROM (
                   SELECT coalesce(ndc11(i.product_or_service_code), i.product_or_service_code) AS code
                   FROM explanation_of_benefit_item i WHERE i.connection_id = c.connection_id
                     AND i.explanation_of_benefit_id = c.explanation_of_benefit_id
                     AND i.product_or_service_code IS NOT NULL
                   ORDER BY 1, coalesce(abs(i.quantity_value), ''))) END,
               CASE WHEN c.kind = 'pharmacy' OR coalesce(m.is_zero, 1) THEN (
                 SELECT group_concat(quantity, ' ') FROM (
                   SELECT coalesce(abs(i.quantity_value), '') AS quantity
                   FROM explanation_of_benefit_item i WHERE i.connection_id = c.connection_id
                     AND i.explanation_of_benefit_id = c.explanation_of_benefit_id
                     AND i.product_or_service_code IS NOT NULL
                   ORDER BY coalesce(ndc11(i.product_or_service_code), i.product_or_service_code), 1)) END
             FROM (SELECT connection_id, min(source_id) AS source_id FROM temp.record_source GROUP BY connection_id) AS s
             CROSS JOIN claim c ON c.connection_id = s.connection_id
             LEFT JOIN temp.person p ON p.connection_id = c.connection_id AND p.patient_id = c.patient_id
             JOIN explanation_of_benefit e ON e.connection_id = c.connection_id
               AND e.id = c.explanation_of_benefit_id
             LEFT JOIN (
               SELECT connection_id, id, cents_of(round(sum(amount), 6)) AS amounts,
                 max(amount <> 0) = 0 AS is_zero,
                 min(amount) < 0 AND max(amount) <= 0 AS is_taken_back
               FROM temp.claim_amount GROUP BY connection_id, id
             ) AS m ON m.connection_id = c.connection_id AND m.id = c.explanation_of_benefit_id",
        )
        .doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let source_id: i64 = row.get(0).doing(doing)?;
        let claim = claim_of(row).doing(doing)?;
        let source = sources.entry(source_id).or_default();
        let place = (source_id, source.claims.len());
        places.insert((claim.connection_id, claim.id.clone()), place);
        source.claims.push(claim);
    }
    read_numbers(connection, &mut sources, &places)?;
    read_links(connection, &mut sources, &places)?;
    let mut sources: Vec<(i64, Source)> = sources.into_iter().collect();
    sources.sort_by_key(|(id, _)| *id);
    Ok(sources.into_iter().map(|(_, source)| source).collect())
}

fn claim_of(row: &Row<'_>) -> rusqlite::Result<Claim> {
    let status: String = row.get(3)?;
    // The shown number comes first; its kind and system are read with the other numbers.
    let shown: Option<String> = row.get(13)?;
    let (created, updated): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    Ok(Claim {
        connection_id: row.get(1)?,
        id: row.get(2)?,
        is_live: !matches!(status.as_str(), "draft" | "entered-in-error"),
        is_cancelled: status == "cancelled",
        made: Made::of(created.as_deref(), updated.as_deref()),
        kind: row.get(6)?,
        patient_id: row.get(7)?,
        day: row.get(8)?,
        explains: row.get(9)?,
        paid: row.get(10)?,
        submitted: row.get(11)?,
        says_void: row.get(12)?,
        numbers: shown
            .map(|value| Number::new(NumberKind::Other, None, &value))
            .into_iter()
            .collect(),
        is_zero: row.get(14)?,
        currency: row.get(15)?,
        revises: row.get::<_, Option<bool>>(16)?.unwrap_or(false),
        amounts: row.get::<_, Option<i64>>(17)?.unwrap_or(0),
        is_taken_back: row.get::<_, Option<bool>>(18)?.unwrap_or(false),
        frequency: row.get::<_, Option<String>>(19)?.and_then(|text| text.chars().next()),
        last_day: row.get(20)?,
        stay: row.get(21)?,
        fill: fill_of(row.get(22)?, row.get(23)?),
    })
}

fn fill_of(codes: Option<String>, quantities: Option<String>) -> Option<Fill> {
    Some(Fill { codes: codes?, quantities: quantities? })
}

type Places = HashMap<(i64, String), (i64, usize)>;

fn read_numbers(
    connection: &Connection,
    sources: &mut HashMap<i64, Source>,
    places: &Places,
) -> Result<(), WarehouseError> {
    let doing = "cannot read the numbers of claims";
    let mut statement = connection
        .prepare_cached(
            "SELECT i.connection_id, i.explanation_of_benefit_id, i.system, i.value,
               CASE WHEN lower(i.type_code) IN ('uc', 'cn') THEN lower(i.type_code) ELSE (
                 SELECT lower(k.code) FROM explanation_of_benefit_coding k
                 WHERE k.connection_id = i.connection_id
                   AND k.explanation_of_benefit_id = i.explanation_of_benefit_id
                   AND k.element = 'identifier.type' AND k.element_index = i.identifier_index
                   AND lower(k.code) IN ('uc', 'cn')
                 ORDER BY k.coding_index LIMIT 1) END
             FROM temp.mart_scope s CROSS JOIN explanation_of_benefit_identifier i
               ON i.connection_id = s.connection_id
             WHERE i.value IS NOT NULL",
        )
        .doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let key = (row.get(0).doing(doing)?, row.get(1).doing(doing)?);
        let Some((source_id, at)) = places.get(&key) else { continue };
        let value: String = row.get(3).doing(doing)?;
        let kind = match row.get::<_, Option<String>>(4).doing(doing)?.as_deref() {
            Some("uc") => NumberKind::Unique,
            Some("cn") => NumberKind::Control,
            _ => NumberKind::Other,
        };
        let claim = sources.get_mut(source_id).and_then(|source| source.claims.get_mut(*at));
        if let Some(claim) = claim {
            claim.numbers.push(Number::new(kind, row.get(2).doing(doing)?, &value));
        }
    }
    for claim in sources.values_mut().flat_map(|source| &mut source.claims) {
        show_first(&mut claim.numbers);
    }
    Ok(())
}

/// Replaces the first number, the bare value that a claim shows, by the same number with its kind and
/// system.
///
/// If several numbers have that value, the unique one is shown.
fn show_first(numbers: &mut Vec<Number>) {
    let Some(shown) = numbers.first() else { return };
    let equal = (1..numbers.len()).filter(|at| numbers[*at].value == shown.value);
    if let Some(at) = equal.min_by_key(|at| numbers[*at].kind) {
        numbers[0] = numbers.remove(at);
    }
}

fn read_links(
    connection: &Connection,
    sources: &mut HashMap<i64, Source>,
    places: &Places,
) -> Result<(), WarehouseError> {
    let doing = "cannot read the relations of claims";
    let mut statement = connection
        .prepare_cached(
            "SELECT r.connection_id, r.explanation_of_benefit_id, r.related_claim_explanation_of_benefit_id,
               r.reference_system, r.reference_value,
               r.related_claim_identifier_system, r.related_claim_identifier_value,
               lower(coalesce(
                 (SELECT k.code FROM explanation_of_benefit_coding k
                  WHERE k.connection_id = r.connection_id
                    AND k.explanation_of_benefit_id = r.explanation_of_benefit_id
                    AND k.element = 'related.relationship' AND k.element_index = r.related_index
                    AND lower(k.code) IN ('prior', 'replaces', 'replacedby', 'replaced')
                  ORDER BY k.coding_index LIMIT 1),
                 r.relationship_code, r.relationship_text)),
               k.identifier_system, k.identifier_value, k.second_identifier_system, k.second_identifier_value,
               r.related_claim_claim_id
             FROM temp.mart_scope s CROSS JOIN explanation_of_benefit_related r
               ON r.connection_id = s.connection_id
             LEFT JOIN explanation_of_benefit_contained k ON k.connection_id = r.connection_id
               AND k.explanation_of_benefit_id = r.explanation_of_benefit_id
               AND '#' || k.contained_id = r.related_claim_reference",
        )
        .doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let key = (row.get(0).doing(doing)?, row.get(1).doing(doing)?);
        let Some((source_id, from)) = places.get(&key) else { continue };
        let Some(source) = sources.get_mut(source_id) else { continue };
        let relationship = match row.get::<_, Option<String>>(7).doing(doing)? {
            // A claim that revises another one names it, perhaps without a relationship.
            None if source.claims[*from].revises => "prior".to_owned(),
            Some(known) if RELATIONSHIPS.contains(&known.trim()) => known.trim().to_owned(),
            _ => continue,
        };
        let mut targets = Vec::new();
        if let Some(id) = row.get(2).doing(doing)? {
            targets.push(Target::Id(id));
        }
        if let Some(id) = row.get(12).doing(doing)? {
            targets.push(Target::Explained(id));
        }
        for (system, value) in [(3, 4), (5, 6), (8, 9), (10, 11)] {
            let system = row.get(system).doing(doing)?;
            if let Some(value) = row.get::<_, Option<String>>(value).doing(doing)? {
                targets.push(Target::number(system, &value));
            }
        }
        source.links.extend(targets.into_iter().map(|target| Link {
            from: *from,
            relationship: relationship.clone(),
            target,
        }));
    }
    Ok(())
}

fn write(
    connection: &Connection,
    claims: &[Claim],
    decisions: &Decisions,
) -> Result<(), WarehouseError> {
    let doing = "cannot note which claims stand";
    let id = |at: Option<usize>| at.map(|at| claims[at].id.as_str());
    let connection_id = |at: Option<usize>| at.map(|at| claims[at].connection_id);
    let mut update = connection
        .prepare_cached(
            "UPDATE claim SET claim_key = ?3, is_void = ?4, is_difference = ?5, is_current = ?6,
               replaced_by_id = ?7, reverses_id = ?8, reversed_by_id = ?9, replaces_count = ?10,
               replacement_missing = ?11, same_number_count = ?12, replaced_by_connection_id = ?13,
               reverses_connection_id = ?14, reversed_by_connection_id = ?15
             WHERE connection_id = ?1 AND explanation_of_benefit_id = ?2",
        )
        .doing(doing)?;
    let mut carry = connection
        .prepare_cached("INSERT INTO temp.carried VALUES (?1, ?2, ?3, ?4)")
        .doing(doing)?;
    let mut pair = connection
        .prepare_cached("INSERT OR IGNORE INTO temp.lineage VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .doing(doing)?;
    for (at, (claim, decision)) in claims.iter().zip(&decisions.claims).enumerate() {
        // For a claim that stands alone, the row says so already.
        if *decision != Decision::alone(at) {
            update
                .execute(params![
                    claim.connection_id,
                    claim.id,
                    claims[decision.first].id,
                    decision.is_void,
                    decision.is_difference,
                    decision.is_current,
                    id(decision.replaced_by),
                    id(decision.reverses),
                    id(decision.reversed_by),
                    decision.replaces_count,
                    decision.replacement_missing,
                    decision.same_number_count,
                    connection_id(decision.replaced_by),
                    connection_id(decision.reverses),
                    connection_id(decision.reversed_by),
                ])
                .doing(doing)?;
        }
        if let Some(by) = decision.carried_by {
            let by = &claims[by];
            carry
                .execute(params![claim.connection_id, claim.id, by.connection_id, by.id])
                .doing(doing)?;
        }
    }
    for edge in &decisions.lineage {
        let (older, newer) = (&claims[edge.older], &claims[edge.newer]);
        let relationship = edge.relationship.name();
        pair.execute(params![
            older.connection_id,
            older.id,
            newer.connection_id,
            newer.id,
            relationship,
            edge.is_direct
        ])
        .doing(doing)?;
    }
    Ok(())
}
