-- Which diagnoses does a member have, on claims and on the clinical record?
--
-- Grain: one row per diagnosis of an explanation of benefit and one row per condition record.
-- The same diagnosis is on many claims: count distinct codes, not rows. Superseded and
-- cancelled claims are included (see record_status, and claim_current for claims that stand).
-- A claim that only points at a condition shows that condition's code. A condition that was
-- entered in error or refuted is left out.
--
-- connection_id               whose consent the row came through
-- source                      claim, preauthorization, predetermination or condition
-- record_id                   id in explanation_of_benefit or condition
-- member_id                   the person, id in member
-- patient_id                  the member, id in patient
-- code                        first code; of ICD with its dot and in capitals
-- system                      its code system
-- display                     its name: from `code` where its list is loaded, else its display text, else the plain text
-- icd10_code                  ICD-10 code, wherever it stands among the codings, with its dot and in capitals
-- role                        role on the claim, such as principal or admitting; category of a condition
-- sequence                    number on the claim; NULL for a condition
-- diagnosis_sent              first day of service of the claim, else of its lines, else when the payer made this explanation;
--                             onset of a condition, else when it was recorded; as sent
-- diagnosis_date              the same as a date
-- record_status               status of the claim; clinical status of the condition
CREATE TABLE diagnosis (
  connection_id INTEGER NOT NULL,
  source TEXT NOT NULL,
  record_id TEXT NOT NULL,
  member_id TEXT,
  patient_id TEXT,
  code TEXT,
  system TEXT,
  display TEXT,
  icd10_code TEXT,
  role TEXT,
  sequence INTEGER,
  diagnosis_sent TEXT,
  diagnosis_date TEXT,
  record_status TEXT
);
CREATE INDEX diagnosis_by_connection ON diagnosis (connection_id, record_id);
CREATE INDEX diagnosis_by_member ON diagnosis (member_id, icd10_code);
INSERT INTO diagnosis
WITH line AS (
  SELECT connection_id, explanation_of_benefit_id,
         coalesce(min(CASE WHEN first_day(started) IS NOT NULL THEN started END), min(started)) AS service_start
  FROM (
    SELECT mart_scope.connection_id, i.explanation_of_benefit_id, first_dated(serviced_date, serviced_period_start) AS started
    FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item AS i ON i.connection_id = mart_scope.connection_id
  )
  GROUP BY connection_id, explanation_of_benefit_id
)
SELECT connection_id,
       source,
       record_id,
       member_id,
       patient_id,
       code,
       system,
       coalesce((SELECT n.display FROM code AS n WHERE n.system = listed_system(found.system, found.code) AND n.code = listed_code(found.system, found.code)),
                display,
                (SELECT n.display FROM code AS n WHERE n.system = listed_system('ICD-10-CM', found.icd10_code) AND n.code = listed_code('ICD-10-CM', found.icd10_code))),
       diagnosis_code('ICD-10-CM', icd10_code),
       role,
       sequence,
       diagnosis_sent,
       first_day(diagnosis_sent),
       record_status
FROM (
  SELECT e.connection_id, coalesce(e."use", 'claim') AS source, e.id AS record_id, person.member_id, e.patient_id,
         coalesce(diagnosis_code(d.diagnosis_system, d.diagnosis_code), diagnosis_code(c.code_system, c.code_code)) AS code,
         CASE WHEN d.diagnosis_code IS NOT NULL THEN d.diagnosis_system ELSE c.code_system END AS system,
         coalesce(d.diagnosis_display, d.diagnosis_text, c.code_display, c.code_text) AS display,
         coalesce(d.icd10_code, CASE WHEN vocabulary(d.diagnosis_system, d.diagnosis_code) LIKE 'ICD-10-%' THEN d.diagnosis_code END,
                  CASE WHEN d.diagnosis_code IS NOT NULL THEN
                    (SELECT k.code FROM explanation_of_benefit_coding AS k WHERE k.connection_id = d.connection_id
                       AND k.explanation_of_benefit_id = d.explanation_of_benefit_id AND k.element = 'diagnosis.diagnosis'
                       AND k.element_index = d.diagnosis_index AND vocabulary(k.system, k.code) LIKE 'ICD-10-%'
                     ORDER BY k.coding_index LIMIT 1) END,
                  c.icd10_code, CASE WHEN vocabulary(c.code_system, c.code_code) LIKE 'ICD-10-%' THEN c.code_code END,
                  (SELECT k.code FROM condition_coding AS k WHERE k.connection_id = c.connection_id AND k.condition_id = c.id
                     AND k.element = 'code' AND vocabulary(k.system, k.code) LIKE 'ICD-10-%' ORDER BY k.row_no LIMIT 1)) AS icd10_code,
         coalesce(d.type_code, d.type_text) AS role,
         d.sequence,
         first_dated(e.billable_period_start, line.service_start, e.created) AS diagnosis_sent,
         e.status AS record_status
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_diagnosis AS d ON d.connection_id = mart_scope.connection_id
  JOIN explanation_of_benefit AS e ON e.connection_id = d.connection_id AND e.id = d.explanation_of_benefit_id
  LEFT JOIN line ON line.connection_id = d.connection_id AND line.explanation_of_benefit_id = d.explanation_of_benefit_id
  LEFT JOIN condition AS c ON c.connection_id = d.connection_id AND c.id = d.diagnosis_condition_id
  LEFT JOIN temp.person ON person.connection_id = e.connection_id AND person.patient_id = e.patient_id
  WHERE NOT EXISTS (SELECT 1 FROM temp.duplicate AS x WHERE x.connection_id = e.connection_id
    AND x.resource_type = 'ExplanationOfBenefit' AND x.resource_id = e.id)
  UNION ALL
  SELECT c.connection_id, 'condition', c.id, person.member_id, c.patient_id, diagnosis_code(c.code_system, c.code_code), c.code_system,
         coalesce(c.code_display, c.code_text),
         coalesce(c.icd10_code, CASE WHEN vocabulary(c.code_system, c.code_code) LIKE 'ICD-10-%' THEN c.code_code END,
                  (SELECT k.code FROM condition_coding AS k WHERE k.connection_id = c.connection_id AND k.condition_id = c.id
                     AND k.element = 'code' AND vocabulary(k.system, k.code) LIKE 'ICD-10-%' ORDER BY k.row_no LIMIT 1)), coalesce(c.category_code, c.category_text), NULL,
         first_dated(c.onset_date_time, c.onset_period_start, c.recorded_date), c.clinical_status_code
  FROM temp.mart_scope CROSS JOIN condition AS c ON c.connection_id = mart_scope.connection_id
  LEFT JOIN temp.person ON person.connection_id = c.connection_id AND person.patient_id = c.patient_id
  WHERE NOT EXISTS (SELECT 1 FROM temp.duplicate AS x WHERE x.connection_id = c.connection_id
    AND x.resource_type = 'Condition' AND x.resource_id = c.id)
    AND coalesce(c.verification_status_code, '') NOT IN ('entered-in-error', 'refuted')
) AS found;
