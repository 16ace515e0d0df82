-- Which diagnoses does a member have, on claims and on the clinical record?
--
-- Grain: one row per diagnosis of an explanation of benefit and one row per condition record.
-- The same diagnosis is on many claims: count distinct codes, not rows. Superseded and
-- cancelled claims are included (see record_status, and claim_current for claims that stand).
-- A claim that only points at a condition shows that condition's code.
--
-- connection_id    whose consent the row came through
-- source           claim, preauthorization, predetermination or condition
-- record_id        id in explanation_of_benefit or condition
-- patient_id       the member, id in patient
-- code             first code
-- system           its code system
-- display          its display text, else the plain text
-- icd10_code       ICD-10 code, wherever it stands among the codings
-- role             role on the claim, such as principal or admitting; category of a condition
-- sequence         number on the claim; NULL for a condition
-- diagnosis_date   start of the service; onset of a condition, else when it was recorded
-- record_status    status of the claim; clinical status of the condition
CREATE VIEW diagnosis AS
SELECT d.connection_id,
       coalesce(e."use", 'claim') AS source,
       e.id AS record_id,
       e.patient_id,
       coalesce(d.diagnosis_code, c.code_code) AS code,
       coalesce(d.diagnosis_system, c.code_system) AS system,
       coalesce(d.diagnosis_display, d.diagnosis_text, c.code_display, c.code_text) AS display,
       coalesce(d.icd10_code, c.icd10_code) AS icd10_code,
       coalesce(d.type_code, d.type_text) AS role,
       d.sequence,
       coalesce(e.billable_period_start, e.created) AS diagnosis_date,
       e.status AS record_status
FROM explanation_of_benefit_diagnosis AS d
JOIN explanation_of_benefit AS e ON e.connection_id = d.connection_id AND e.id = d.explanation_of_benefit_id
LEFT JOIN condition AS c ON c.connection_id = d.connection_id AND c.id = d.diagnosis_condition_id
UNION ALL
SELECT c.connection_id,
       'condition',
       c.id,
       c.patient_id,
       c.code_code,
       c.code_system,
       coalesce(c.code_display, c.code_text),
       c.icd10_code,
       coalesce(c.category_code, c.category_text),
       NULL,
       coalesce(c.onset_date_time, c.onset_period_start, c.recorded_date),
       c.clinical_status_code
FROM condition AS c;
