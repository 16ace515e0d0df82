-- The Tuva input layer: which conditions are on the clinical record?
--
-- Grain: one row per condition record that was neither entered in error nor refuted. The diagnoses of claims
-- are in tuva_medical_claim. Names, order and types are those of condition in Tuva 0.18.0.
--
-- condition_id                      VARCHAR: source_connection_id of member, a point, the resource's id
-- payer                             VARCHAR: name of the plan in the configuration
-- person_id                         VARCHAR: member_id of member: over plans
-- patient_id                        VARCHAR: source_connection_id of member, a point, the id of the patient
-- encounter_id                      VARCHAR: the encounter
-- claim_id                          VARCHAR: not known: Patient Access does not say
-- recorded_date                     DATE: when it was recorded
-- onset_date                        DATE: onset
-- resolved_date                     DATE: end
-- status                            VARCHAR: clinical status
-- condition_type                    VARCHAR: category
-- source_code_type                  VARCHAR: code system in the words of Tuva, else its address
-- source_code                       VARCHAR: first code
-- source_description                VARCHAR: its words
-- normalized_code_type              VARCHAR: icd-10-cm, else snomed-ct, where the plan sends such a code
-- normalized_code                   VARCHAR: that code without its point
-- normalized_description            VARCHAR: not known: mapping is Tuva's work
-- condition_rank                    DOUBLE: not known: Patient Access does not say
-- present_on_admit_code             VARCHAR: not known: Patient Access does not say
-- present_on_admit_description      VARCHAR: not known: Patient Access does not say
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_condition AS
SELECT CAST(CAST(d.origin_id AS VARCHAR) || '.' || d.id AS VARCHAR) AS condition_id,
       CAST(n.plan AS VARCHAR) AS payer,
       CAST(coalesce(d.member_id, CAST(d.origin_id AS VARCHAR) || '.' || d.patient_id) AS VARCHAR) AS person_id,
       CAST(CAST(d.origin_id AS VARCHAR) || '.' || d.patient_id AS VARCHAR) AS patient_id,
       CAST(CASE WHEN d.encounter_id IS NOT NULL THEN CAST(d.origin_id AS VARCHAR) || '.' || d.encounter_id END AS VARCHAR) AS encounter_id,
       CAST(NULL AS VARCHAR) AS claim_id,
       date(CASE WHEN substr(d.recorded_date, 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(d.recorded_date, 6, 2) BETWEEN '01' AND '12' AND substr(d.recorded_date, 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(d.recorded_date, 6, 2) IN ('04', '06', '09', '11') AND substr(d.recorded_date, 9, 2) = '31')
           AND NOT (substr(d.recorded_date, 6, 2) = '02' AND (substr(d.recorded_date, 9, 2) > '29' OR (substr(d.recorded_date, 9, 2) = '29' AND substr(d.recorded_date, 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(d.recorded_date, 1, 10) END) AS recorded_date,
       date(CASE WHEN substr(coalesce(d.onset_date_time, d.onset_period_start), 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(coalesce(d.onset_date_time, d.onset_period_start), 6, 2) BETWEEN '01' AND '12' AND substr(coalesce(d.onset_date_time, d.onset_period_start), 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(coalesce(d.onset_date_time, d.onset_period_start), 6, 2) IN ('04', '06', '09', '11') AND substr(coalesce(d.onset_date_time, d.onset_period_start), 9, 2) = '31')
           AND NOT (substr(coalesce(d.onset_date_time, d.onset_period_start), 6, 2) = '02' AND (substr(coalesce(d.onset_date_time, d.onset_period_start), 9, 2) > '29' OR (substr(coalesce(d.onset_date_time, d.onset_period_start), 9, 2) = '29' AND substr(coalesce(d.onset_date_time, d.onset_period_start), 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(coalesce(d.onset_date_time, d.onset_period_start), 1, 10) END) AS onset_date,
       date(CASE WHEN substr(coalesce(d.abatement_date_time, d.abatement_period_start), 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(coalesce(d.abatement_date_time, d.abatement_period_start), 6, 2) BETWEEN '01' AND '12' AND substr(coalesce(d.abatement_date_time, d.abatement_period_start), 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(coalesce(d.abatement_date_time, d.abatement_period_start), 6, 2) IN ('04', '06', '09', '11') AND substr(coalesce(d.abatement_date_time, d.abatement_period_start), 9, 2) = '31')
           AND NOT (substr(coalesce(d.abatement_date_time, d.abatement_period_start), 6, 2) = '02' AND (substr(coalesce(d.abatement_date_time, d.abatement_period_start), 9, 2) > '29' OR (substr(coalesce(d.abatement_date_time, d.abatement_period_start), 9, 2) = '29' AND substr(coalesce(d.abatement_date_time, d.abatement_period_start), 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(coalesce(d.abatement_date_time, d.abatement_period_start), 1, 10) END) AS resolved_date,
       CAST(d.clinical_status_code AS VARCHAR) AS status,
       CAST(coalesce(d.category_code, d.category_text) AS VARCHAR) AS condition_type,
       CAST(CASE
           WHEN d.system_name LIKE '%/icd-10-pcs' OR d.system_name LIKE '%icd10pcs%' OR d.system_name = '/2.16.840.1.113883.6.4' THEN 'icd-10-pcs'
           WHEN d.system_name LIKE '%/icd-10-cm' OR d.system_name LIKE '%/icd10cm' OR d.system_name LIKE '%/icd-10' OR d.system_name LIKE '%/icd10'
             OR d.system_name IN ('/2.16.840.1.113883.6.90', '/2.16.840.1.113883.6.3') THEN 'icd-10-cm'
           WHEN d.system_name LIKE '%/icd-9-cm' OR d.system_name LIKE '%/icd-9-cm/%' OR d.system_name LIKE '%/icd-9cm%' OR d.system_name LIKE '%/icd9cm' OR d.system_name LIKE '%/icd-9'
             OR d.system_name LIKE '%/icd9' OR d.system_name IN ('/2.16.840.1.113883.6.103', '/2.16.840.1.113883.6.104') THEN 'icd-9-cm'
           WHEN d.system_name LIKE '%snomed.info/sct%' OR d.system_name LIKE '%/sct' OR d.system_name LIKE '%/snomedct' OR d.system_name LIKE '%/snomed-ct' OR d.system_name LIKE '%/snomed ct'
             OR d.system_name = '/2.16.840.1.113883.6.96' THEN 'snomed-ct'
           WHEN d.system_name LIKE '%/loinc' OR d.system_name LIKE '%/loinc.org' OR d.system_name = '/2.16.840.1.113883.6.1' THEN 'loinc'
           WHEN d.system_name LIKE '%ama-assn.org/go/cpt%' OR d.system_name LIKE '%/cpt' OR d.system_name LIKE '%hcpcs%'
             OR d.system_name IN ('/2.16.840.1.113883.6.12', '/2.16.840.1.113883.6.285') THEN 'hcpcs'
           WHEN d.system_name LIKE '%/rxnorm' OR d.system_name = '/2.16.840.1.113883.6.88' THEN 'rxnorm'
           WHEN d.system_name LIKE '%/ndc' OR d.system_name LIKE '%/fdandcorcompound' OR d.system_name LIKE '%/fdanationaldrugcode' OR d.system_name LIKE '%/ucm142438.htm'
             OR d.system_name = '/2.16.840.1.113883.6.69' THEN 'ndc'
           WHEN d.system_name LIKE '%/cvx' OR d.system_name = '/2.16.840.1.113883.12.292' THEN 'cvx'
           ELSE d.code_system END AS VARCHAR) AS source_code_type,
       CAST(d.code_code AS VARCHAR) AS source_code,
       CAST(coalesce(d.code_display, d.code_text) AS VARCHAR) AS source_description,
       CAST(CASE WHEN d.icd10_code IS NOT NULL THEN 'icd-10-cm' WHEN d.snomed_code IS NOT NULL THEN 'snomed-ct' END AS VARCHAR) AS normalized_code_type,
       CAST(replace(coalesce(d.icd10_code, d.snomed_code), '.', '') AS VARCHAR) AS normalized_code,
       CAST(NULL AS VARCHAR) AS normalized_description,
       CAST(NULL AS DOUBLE) AS condition_rank,
       CAST(NULL AS VARCHAR) AS present_on_admit_code,
       CAST(NULL AS VARCHAR) AS present_on_admit_description,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       coalesce(CAST(NULL AS TIMESTAMP), date(came.received_at)) AS ingest_datetime
FROM (SELECT r.*, m.member_id, coalesce(m.source_connection_id, r.connection_id) AS origin_id, '/' || replace(replace(replace(replace(replace(lower(trim(CASE instr(code_system, '|') WHEN 0 THEN code_system
    ELSE substr(code_system, 1, instr(code_system, '|') - 1) END)), 'urn:oid:', ''), 'oid:', '') || '|', '//|', '|'), '/|', '|'), '|', '') AS system_name
  FROM condition AS r
  LEFT JOIN member AS m ON m.connection_id = r.connection_id AND m.patient_id = r.patient_id) AS d
JOIN connection AS n ON n.id = d.connection_id
JOIN resource AS came ON came.connection_id = d.connection_id AND came.resource_type = 'Condition' AND came.resource_id = d.id
-- Of copies from several connections, diagnosis has the one that counts, and none that is deleted.
JOIN diagnosis AS k ON k.connection_id = d.connection_id AND k.record_id = d.id AND k.source = 'condition'
WHERE coalesce(d.verification_status_code, '') NOT IN ('entered-in-error', 'refuted');
