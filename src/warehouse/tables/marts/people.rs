//! Reads which patients the connections are about, and tells the marts which of them are one person.

use super::{
    first_name::given_names,
    identifier::Identifier,
    persons::{Patient, Person, resolve},
};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// Types of identifiers that two persons do not share, unless by mistake (HL7 v2 table 0203).
///
/// A subscriber's number is not among them: the whole family has it.
const KINDS: &str = "'um', 'mb', 'mc', 'ma', 'ss', 'mr', 'dl', 'ppn', 'pi', 'jhn', 'bct', 'nh'";

/// The tables from which the patients of a connection are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Records {
    /// For each connection, all tables with patients.
    All,
    /// All tables with patients, but only for connections whose marts are out of date. For any other
    /// connection, the mart `member` already lists the patients.
    Changed,
}

/// The persons of all connections.
pub(super) fn read(
    connection: &Connection,
    records: Records,
) -> Result<Vec<Person>, WarehouseError> {
    let doing = "cannot read whom the connections are about";
    // Not every plan that covers a family shares the Patients of all the persons whom its claims name. If
    // Patients and Coverages name only one patient, the connection's label belongs to that one, whoever else
    // the claims name.
    let mut patients: Vec<Patient> = connection
        .prepare_cached(
            "WITH told AS (
               SELECT connection_id, id FROM patient
               UNION SELECT id, patient_id FROM connection WHERE patient_id IS NOT NULL
               UNION SELECT connection_id, beneficiary_id FROM coverage WHERE beneficiary_id IS NOT NULL
             ), changed AS (
               SELECT id AS connection_id FROM connection WHERE ?1
               UNION SELECT connection_id FROM mart_due
               UNION SELECT connection_id FROM mart_due_type
             ), one AS (
               SELECT connection_id, id FROM told
               UNION SELECT connection_id, patient_id FROM member
                 WHERE connection_id NOT IN (SELECT connection_id FROM changed)
               UNION SELECT r.connection_id, r.patient_id FROM changed CROSS JOIN explanation_of_benefit AS r
                 ON r.connection_id = changed.connection_id WHERE r.patient_id IS NOT NULL
               UNION SELECT r.connection_id, r.patient_id FROM changed CROSS JOIN condition AS r
                 ON r.connection_id = changed.connection_id WHERE r.patient_id IS NOT NULL
               UNION SELECT r.connection_id, r.patient_id FROM changed CROSS JOIN medication_dispense AS r
                 ON r.connection_id = changed.connection_id WHERE r.patient_id IS NOT NULL
               UNION SELECT r.connection_id, r.patient_id FROM changed CROSS JOIN observation AS r
                 ON r.connection_id = changed.connection_id WHERE r.patient_id IS NOT NULL
               UNION SELECT r.connection_id, r.patient_id FROM changed CROSS JOIN \"procedure\" AS r
                 ON r.connection_id = changed.connection_id WHERE r.patient_id IS NOT NULL
             ), alone AS (
               SELECT connection_id, min(id) AS id FROM told GROUP BY connection_id HAVING count(*) = 1
               UNION ALL SELECT connection_id, min(id) FROM one
                 WHERE connection_id NOT IN (SELECT connection_id FROM told)
                 GROUP BY connection_id HAVING count(*) = 1)
             SELECT one.connection_id, one.id, c.plan,
               CASE WHEN one.id = coalesce(c.patient_id, alone.id) THEN c.member END,
               p.given_name, p.birth_date, c.fhir_bases, p.name_text, p.gender
             FROM one JOIN connection AS c ON c.id = one.connection_id
             LEFT JOIN alone ON alone.connection_id = one.connection_id
             LEFT JOIN patient AS p ON p.connection_id = one.connection_id AND p.id = one.id
             ORDER BY one.connection_id, one.id",
        )
        .and_then(|mut statement| {
            let rows = statement.query_map([records == Records::All], |row| {
                let bases: Option<String> = row.get(6)?;
                let name: Option<String> = row.get(7)?;
                let given = name.as_deref().and_then(given_names).map(str::to_owned);
                Ok(Patient {
                    connection_id: row.get(0)?,
                    id: row.get(1)?,
                    plan: row.get(2)?,
                    label: row.get(3)?,
                    given_name: row.get::<_, Option<String>>(4)?.or(given),
                    birth_date: row.get(5)?,
                    gender: row.get(8)?,
                    bases: bases
                        .iter()
                        .flat_map(|bases| bases.split_whitespace())
                        .map(str::to_owned)
                        .collect(),
                    ..Patient::default()
                })
            })?;
            rows.collect()
        })
        .doing(doing)?;
    let places: HashMap<(i64, String), usize> = patients
        .iter()
        .enumerate()
        .map(|(at, patient)| ((patient.connection_id, patient.id.clone()), at))
        .collect();
    let identifiers = format!(
        "SELECT connection_id, patient_id, value, system, assigner_display, kind FROM (
           SELECT i.*, CASE WHEN lower(type_code) IN ({KINDS}) THEN lower(type_code) ELSE (
             SELECT lower(k.code) FROM patient_coding AS k WHERE k.connection_id = i.connection_id
               AND k.patient_id = i.patient_id AND k.element = 'identifier.type'
               AND k.element_index = i.identifier_index AND lower(k.code) IN ({KINDS})
             ORDER BY k.coding_index LIMIT 1) END AS kind
           FROM patient_identifier AS i)
         WHERE length(value) > 2 AND trim(value, substr(value, 1, 1)) <> ''
           AND (kind IS NOT NULL OR rtrim(system, '/') LIKE '%us-mbi' OR rtrim(system, '/') LIKE '%cmsmbi'
             OR rtrim(system, '/') LIKE '%us-medicare' OR rtrim(system, '/') LIKE '%us-ssn'
             OR replace(system, 'urn:oid:', '') IN ('2.16.840.1.113883.4.1', '2.16.840.1.113883.4.927')
             OR replace(system, 'urn:oid:', '') LIKE '2.16.840.1.113883.4.3.%')"
    );
    pairs(connection, &identifiers, |at, value, [system, assigner, kind]| {
        if let Some(patient) = places.get(&at).and_then(|at| patients.get_mut(*at)) {
            let [system, assigner, kind] = [&system, &assigner, &kind].map(Option::as_deref);
            patient.identifiers.extend(Identifier::new(system, assigner, kind, &value));
        }
    })?;
    let links =
        "SELECT connection_id, patient_id, other_patient_id, NULL, NULL, NULL FROM patient_link
                 WHERE other_patient_id IS NOT NULL";
    pairs(connection, links, |at, other, _| {
        if let Some(patient) = places.get(&at).and_then(|at| patients.get_mut(*at)) {
            patient.links.push(other);
        }
    })?;
    Ok(resolve(&patients))
}

fn pairs(
    connection: &Connection,
    sql: &str,
    mut each: impl FnMut((i64, String), String, [Option<String>; 3]),
) -> Result<(), WarehouseError> {
    let doing = "cannot read how patients are identified";
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let key = (row.get(0).doing(doing)?, row.get(1).doing(doing)?);
        let rest = [row.get(3).doing(doing)?, row.get(4).doing(doing)?, row.get(5).doing(doing)?];
        each(key, row.get(2).doing(doing)?, rest);
    }
    Ok(())
}

/// Fills `temp.person` with the persons of the connections in scope.
///
/// Fills `temp.record_source` with the first connection that reads the same records, for each connection.
pub(super) fn fill(connection: &Connection, persons: &[Person]) -> Result<(), WarehouseError> {
    let doing = "cannot note who the persons are";
    let mut insert = connection
        .prepare_cached("INSERT INTO temp.person VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
        .doing(doing)?;
    for person in persons {
        insert
            .execute(params![
                person.connection_id,
                person.patient_id,
                person.member_id,
                person.evidence,
                person.same_as,
                person.is_repeated,
                person.connection_count,
                person.source_id
            ])
            .doing(doing)?;
    }
    let sources = "INSERT INTO temp.record_source
                   SELECT connection_id, source_id FROM temp.person
                   UNION SELECT connection_id, connection_id FROM temp.mart_scope
                     WHERE connection_id NOT IN (SELECT connection_id FROM temp.person)";
    connection.execute(sources, []).doing(doing)?;
    Ok(())
}

/// The connections whose rows of `member` differ from the persons as they are now.
pub(super) fn changed(
    connection: &Connection,
    persons: &[Person],
) -> Result<Vec<i64>, WarehouseError> {
    let doing = "cannot read the members";
    let mut known: HashMap<(i64, String), _> = HashMap::new();
    let mut statement = connection
        .prepare_cached(
            "SELECT connection_id, patient_id, member_id, evidence, same_as_connection_id,
               is_repeated, connection_count, source_connection_id FROM member",
        )
        .doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let key = (row.get(0).doing(doing)?, row.get(1).doing(doing)?);
        let member_id: String = row.get(2).doing(doing)?;
        let evidence: Option<String> = row.get(3).doing(doing)?;
        let same_as: Option<i64> = row.get(4).doing(doing)?;
        let is_repeated: bool = row.get(5).doing(doing)?;
        let connection_count: usize = row.get(6).doing(doing)?;
        let source_id: i64 = row.get(7).doing(doing)?;
        known.insert(key, (member_id, evidence, same_as, is_repeated, connection_count, source_id));
    }
    let mut changed: Vec<i64> = Vec::new();
    for person in persons {
        let now = (
            person.member_id.clone(),
            person.evidence.clone(),
            person.same_as,
            person.is_repeated,
            person.connection_count,
            person.source_id,
        );
        let before = known.remove(&(person.connection_id, person.patient_id.clone()));
        if before != Some(now) {
            changed.push(person.connection_id);
        }
    }
    changed.extend(known.into_keys().map(|(connection_id, _)| connection_id));
    changed.sort_unstable();
    changed.dedup();
    Ok(changed)
}
