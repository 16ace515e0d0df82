-- The Tuva input layer: which drugs were prescribed?
--
-- Grain: one row per medication request that was not entered in error, cancelled or left a draft and does not
-- forbid the drug. Names, order and types are those of medication in Tuva 0.18.0.
--
-- Of copies that came through several connections to the same records, the one that was updated last is here,
-- else that of a plan's connection, else the one that came last. A record that one connection has found
-- deleted is here as long as another connection has a copy of it.
--
-- medication_id                     VARCHAR: source_connection_id of member, a point, the resource's id
-- person_id                         VARCHAR: member_id of member: over plans
-- payer                             VARCHAR: name of the plan in the configuration
-- patient_id                        VARCHAR: source_connection_id of member, a point, the id of the patient
-- encounter_id                      VARCHAR: the encounter
-- dispensing_date                   DATE: not known: this is what was prescribed; what was handed out is in tuva_pharmacy_claim
-- prescribing_date                  DATE: when it was prescribed
-- source_code_type                  VARCHAR: code system in the words of Tuva, else its address
-- source_code                       VARCHAR: first code
-- source_description                VARCHAR: its words
-- ndc_code                          VARCHAR: National Drug Code of eleven digits, where sent
-- ndc_description                   VARCHAR: not known: mapping is Tuva's work
-- rxnorm_code                       VARCHAR: RxNorm code, where sent
-- rxnorm_description                VARCHAR: not known: mapping is Tuva's work
-- atc_code                          VARCHAR: not known: Patient Access does not say
-- atc_description                   VARCHAR: not known: Patient Access does not say
-- route                             VARCHAR: not known: Patient Access does not say
-- strength                          VARCHAR: not known: Patient Access does not say
-- quantity                          DOUBLE: quantity to hand out
-- quantity_unit                     VARCHAR: its unit
-- days_supply                       DOUBLE: days it is meant to last; a week has 7, a month 30, a year 365
-- practitioner_id                   VARCHAR: who prescribed it
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_medication AS
SELECT CAST(CAST(q.origin_id AS VARCHAR) || '.' || q.id AS VARCHAR) AS medication_id,
       CAST(coalesce(q.member_id, CAST(q.origin_id AS VARCHAR) || '.' || q.patient_id) AS VARCHAR) AS person_id,
       CAST(n.plan AS VARCHAR) AS payer,
       CAST(CAST(q.origin_id AS VARCHAR) || '.' || q.patient_id AS VARCHAR) AS patient_id,
       CAST(CASE WHEN q.encounter_id IS NOT NULL THEN CAST(q.origin_id AS VARCHAR) || '.' || q.encounter_id END AS VARCHAR) AS encounter_id,
       CAST(NULL AS DATE) AS dispensing_date,
       date(CASE WHEN substr(q.authored_on, 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(q.authored_on, 6, 2) BETWEEN '01' AND '12' AND substr(q.authored_on, 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(q.authored_on, 6, 2) IN ('04', '06', '09', '11') AND substr(q.authored_on, 9, 2) = '31')
           AND NOT (substr(q.authored_on, 6, 2) = '02' AND (substr(q.authored_on, 9, 2) > '29' OR (substr(q.authored_on, 9, 2) = '29' AND substr(q.authored_on, 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(q.authored_on, 1, 10) END) AS prescribing_date,
       CAST(CASE
           WHEN q.system_name LIKE '%/icd-10-pcs' OR q.system_name LIKE '%icd10pcs%' OR q.system_name = '/2.16.840.1.113883.6.4' THEN 'icd-10-pcs'
           WHEN q.system_name LIKE '%/icd-10-cm' OR q.system_name LIKE '%/icd10cm' OR q.system_name LIKE '%/icd-10' OR q.system_name LIKE '%/icd10'
             OR q.system_name IN ('/2.16.840.1.113883.6.90', '/2.16.840.1.113883.6.3') THEN 'icd-10-cm'
           WHEN q.system_name LIKE '%/icd-9-cm' OR q.system_name LIKE '%/icd-9-cm/%' OR q.system_name LIKE '%/icd-9cm%' OR q.system_name LIKE '%/icd9cm' OR q.system_name LIKE '%/icd-9'
             OR q.system_name LIKE '%/icd9' OR q.system_name IN ('/2.16.840.1.113883.6.103', '/2.16.840.1.113883.6.104') THEN 'icd-9-cm'
           WHEN q.system_name LIKE '%snomed.info/sct%' OR q.system_name LIKE '%/sct' OR q.system_name LIKE '%/snomedct' OR q.system_name LIKE '%/snomed-ct' OR q.system_name LIKE '%/snomed ct'
             OR q.system_name = '/2.16.840.1.113883.6.96' THEN 'snomed-ct'
           WHEN q.system_name LIKE '%/loinc' OR q.system_name LIKE '%/loinc.org' OR q.system_name = '/2.16.840.1.113883.6.1' THEN 'loinc'
           WHEN q.system_name LIKE '%ama-assn.org/go/cpt%' OR q.system_name LIKE '%/cpt' OR q.system_name LIKE '%hcpcs%'
             OR q.system_name IN ('/2.16.840.1.113883.6.12', '/2.16.840.1.113883.6.285') THEN 'hcpcs'
           WHEN q.system_name LIKE '%/rxnorm' OR q.system_name = '/2.16.840.1.113883.6.88' THEN 'rxnorm'
           WHEN q.system_name LIKE '%/ndc' OR q.system_name LIKE '%/fdandcorcompound' OR q.system_name LIKE '%/fdanationaldrugcode' OR q.system_name LIKE '%/ucm142438.htm'
             OR q.system_name = '/2.16.840.1.113883.6.69' THEN 'ndc'
           WHEN q.system_name LIKE '%/cvx' OR q.system_name = '/2.16.840.1.113883.12.292' THEN 'cvx'
           ELSE q.drug_system END AS VARCHAR) AS source_code_type,
       CAST(q.drug_code AS VARCHAR) AS source_code,
       CAST(q.drug_name AS VARCHAR) AS source_description,
       -- Ten digits without hyphens lack a zero somewhere: only a zero in front tells where, as in medication_fill.
       CAST(CASE WHEN q.ndc_digits GLOB '[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]'
                 THEN CASE WHEN q.drug_ndc_code LIKE '____-____-__' THEN '0' || q.ndc_digits
                           WHEN q.drug_ndc_code LIKE '_____-___-__' THEN substr(q.ndc_digits, 1, 5) || '0' || substr(q.ndc_digits, 6)
                           WHEN q.drug_ndc_code LIKE '_____-____-_' THEN substr(q.ndc_digits, 1, 9) || '0' || substr(q.ndc_digits, 10)
                           WHEN q.drug_ndc_code = q.ndc_digits AND q.ndc_digits LIKE '0%' THEN '0' || q.ndc_digits END
                 WHEN q.ndc_digits GLOB '[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]' THEN q.ndc_digits
                 WHEN q.ndc_digits GLOB '0[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]' THEN substr(q.ndc_digits, 2) END AS VARCHAR) AS ndc_code,
       CAST(NULL AS VARCHAR) AS ndc_description,
       CAST(q.drug_rxnorm_code AS VARCHAR) AS rxnorm_code,
       CAST(NULL AS VARCHAR) AS rxnorm_description,
       CAST(NULL AS VARCHAR) AS atc_code,
       CAST(NULL AS VARCHAR) AS atc_description,
       CAST(NULL AS VARCHAR) AS route,
       CAST(NULL AS VARCHAR) AS strength,
       CAST(q.dispense_quantity_value AS DOUBLE) AS quantity,
       CAST(q.dispense_quantity_unit AS VARCHAR) AS quantity_unit,
       CAST(q.dispense_expected_supply_duration_value
         * CASE lower(CASE WHEN coalesce(q.dispense_expected_supply_duration_system, 'http://unitsofmeasure.org') LIKE '%unitsofmeasure.org%'
                             OR q.dispense_expected_supply_duration_system LIKE '%2.16.840.1.113883.6.8'
                           THEN coalesce(q.dispense_expected_supply_duration_code, q.dispense_expected_supply_duration_unit, 'd')
                           ELSE coalesce(q.dispense_expected_supply_duration_unit, q.dispense_expected_supply_duration_code, 'd') END)
             WHEN 'd' THEN 1.0 WHEN 'day' THEN 1.0 WHEN 'days' THEN 1.0
             WHEN 'wk' THEN 7.0 WHEN 'week' THEN 7.0 WHEN 'weeks' THEN 7.0
             WHEN 'mo' THEN 30.0 WHEN 'month' THEN 30.0 WHEN 'months' THEN 30.0
             WHEN 'a' THEN 365.0 WHEN 'year' THEN 365.0 WHEN 'years' THEN 365.0
             WHEN 'h' THEN 1.0 / 24.0 WHEN 'hour' THEN 1.0 / 24.0 WHEN 'hours' THEN 1.0 / 24.0 END AS DOUBLE) AS days_supply,
       CAST(CASE WHEN q.requester_practitioner_id IS NOT NULL THEN CAST(q.connection_id AS VARCHAR) || '.' || q.requester_practitioner_id END AS VARCHAR) AS practitioner_id,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       coalesce(CAST(NULL AS TIMESTAMP), date(came.received_at)) AS ingest_datetime
FROM (SELECT s.*, replace(s.drug_ndc_code, '-', '') AS ndc_digits, '/' || replace(replace(replace(replace(replace(lower(trim(CASE instr(drug_system, '|') WHEN 0 THEN drug_system
    ELSE substr(drug_system, 1, instr(drug_system, '|') - 1) END)), 'urn:oid:', ''), 'oid:', '') || '|', '//|', '|'), '/|', '|'), '|', '') AS system_name
  FROM (SELECT r.*, m.member_id, coalesce(m.source_connection_id, r.connection_id) AS origin_id,
      coalesce(r.medication_code, g.code_code, c.code_code) AS drug_code,
      CASE WHEN r.medication_code IS NOT NULL THEN r.medication_system WHEN g.code_code IS NOT NULL THEN g.code_system ELSE c.code_system END AS drug_system,
      coalesce(r.medication_display, r.medication_text, g.code_display, g.code_text, c.code_display, c.code_text, r.medication_reference_display) AS drug_name,
      coalesce(r.ndc_code, g.ndc_code, c.ndc_code) AS drug_ndc_code,
      coalesce(r.rxnorm_code, g.rxnorm_code, c.rxnorm_code) AS drug_rxnorm_code
    FROM medication_request AS r
    LEFT JOIN member AS m ON m.connection_id = r.connection_id AND m.patient_id = r.patient_id
    LEFT JOIN medication AS g ON g.connection_id = r.connection_id AND g.id = r.medication_id
    LEFT JOIN (SELECT f.*, row_number() OVER (PARTITION BY f.connection_id, f.medication_request_id, f.contained_id ORDER BY f.row_no) AS nth
      FROM medication_request_contained_medication AS f) AS c ON c.connection_id = r.connection_id AND c.medication_request_id = r.id
      AND '#' || c.contained_id = r.medication_reference AND c.nth = 1) AS s) AS q
JOIN connection AS n ON n.id = q.connection_id
JOIN resource AS came ON came.connection_id = q.connection_id AND came.resource_type = 'MedicationRequest' AND came.resource_id = q.id
LEFT JOIN (SELECT r.connection_id, r.id, row_number() OVER (PARTITION BY b.source_connection_id, r.id
    ORDER BY coalesce(r.meta_last_updated, '') DESC, CASE WHEN b.plan IS NULL THEN 1 ELSE 0 END, c.received_at DESC, r.connection_id) AS place
  -- Few members have records that two connections read: CROSS JOIN looks for their records alone.
  FROM member AS b CROSS JOIN medication_request AS r CROSS JOIN resource AS c
  WHERE b.is_repeated = 1 AND r.connection_id = b.connection_id AND r.patient_id = b.patient_id
    AND c.connection_id = r.connection_id AND c.resource_type = 'MedicationRequest' AND c.resource_id = r.id) AS twin
  ON twin.connection_id = q.connection_id AND twin.id = q.id
WHERE coalesce(q.status, '') NOT IN ('entered-in-error', 'draft', 'cancelled') AND (q.do_not_perform IS NULL OR q.do_not_perform <> 1)
  AND coalesce(twin.place, 1) = 1;
