-- The Tuva input layer: which procedures are on the clinical record?
--
-- Grain: one row per procedure record that was done and not entered in error. Names, order and types are
-- those of procedure in Tuva 0.18.0.
--
-- procedure_id                      VARCHAR: source_connection_id of member, a point, the resource's id
-- person_id                         VARCHAR: member_id of member: over plans
-- patient_id                        VARCHAR: source_connection_id of member, a point, the id of the patient
-- encounter_id                      VARCHAR: the encounter
-- claim_id                          VARCHAR: not known: a record names no claim; those of claims are in tuva_medical_claim
-- procedure_date                    DATE: day
-- source_code_type                  VARCHAR: code system in the words of Tuva, else its address
-- source_code                       VARCHAR: first code
-- source_description                VARCHAR: its words
-- normalized_code_type              VARCHAR: not known: mapping is Tuva's work
-- normalized_code                   VARCHAR: not known: mapping is Tuva's work
-- normalized_description            VARCHAR: not known: mapping is Tuva's work
-- modifier_1                        VARCHAR: not known: Patient Access does not say
-- modifier_2                        VARCHAR: not known: Patient Access does not say
-- modifier_3                        VARCHAR: not known: Patient Access does not say
-- modifier_4                        VARCHAR: not known: Patient Access does not say
-- modifier_5                        VARCHAR: not known: Patient Access does not say
-- practitioner_id                   VARCHAR: who performed it
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_procedure AS
SELECT CAST(CAST(coalesce(m.source_connection_id, r.connection_id) AS VARCHAR) || '.' || v.id AS VARCHAR) AS procedure_id,
       CAST(coalesce(r.member_id, CAST(r.connection_id AS VARCHAR) || '.' || r.patient_id) AS VARCHAR) AS person_id,
       CAST(CAST(coalesce(m.source_connection_id, r.connection_id) AS VARCHAR) || '.' || r.patient_id AS VARCHAR) AS patient_id,
       CAST(CASE WHEN v.encounter_id IS NOT NULL THEN CAST(coalesce(m.source_connection_id, r.connection_id) AS VARCHAR) || '.' || v.encounter_id END AS VARCHAR) AS encounter_id,
       CAST(NULL AS VARCHAR) AS claim_id,
       date(r.procedure_date) AS procedure_date,
       CAST(CASE
           WHEN r.system_name LIKE '%/icd-10-pcs' OR r.system_name LIKE '%icd10pcs%' OR r.system_name = '/2.16.840.1.113883.6.4' OR r.system_name LIKE '%cms.gov/medicare/coding/icd10' THEN 'icd-10-pcs'
           WHEN r.system_name LIKE '%/icd-10-cm' OR r.system_name LIKE '%/icd10cm' OR r.system_name LIKE '%/icd-10' OR r.system_name LIKE '%/icd10'
             OR r.system_name IN ('/2.16.840.1.113883.6.90', '/2.16.840.1.113883.6.3') THEN 'icd-10-cm'
           WHEN r.system_name LIKE '%/icd-9-cm' OR r.system_name LIKE '%/icd-9-cm/%' OR r.system_name LIKE '%/icd-9cm%' OR r.system_name LIKE '%/icd9cm' OR r.system_name LIKE '%/icd-9'
             OR r.system_name LIKE '%/icd9' OR r.system_name IN ('/2.16.840.1.113883.6.103', '/2.16.840.1.113883.6.104') THEN 'icd-9-cm'
           WHEN r.system_name LIKE '%snomed.info/sct%' OR r.system_name LIKE '%/sct' OR r.system_name LIKE '%/snomedct' OR r.system_name LIKE '%/snomed-ct' OR r.system_name LIKE '%/snomed ct'
             OR r.system_name = '/2.16.840.1.113883.6.96' THEN 'snomed-ct'
           WHEN r.system_name LIKE '%/loinc' OR r.system_name LIKE '%/loinc.org' OR r.system_name = '/2.16.840.1.113883.6.1' THEN 'loinc'
           WHEN r.system_name LIKE '%ama-assn.org/go/cpt%' OR r.system_name LIKE '%/cpt' OR r.system_name LIKE '%hcpcs%'
             OR r.system_name IN ('/2.16.840.1.113883.6.12', '/2.16.840.1.113883.6.285') THEN 'hcpcs'
           WHEN r.system_name LIKE '%/rxnorm' OR r.system_name = '/2.16.840.1.113883.6.88' THEN 'rxnorm'
           WHEN r.system_name LIKE '%/ndc' OR r.system_name LIKE '%/fdandcorcompound' OR r.system_name LIKE '%/fdanationaldrugcode' OR r.system_name LIKE '%/ucm142438.htm'
             OR r.system_name = '/2.16.840.1.113883.6.69' THEN 'ndc'
           WHEN r.system_name LIKE '%/cvx' OR r.system_name = '/2.16.840.1.113883.12.292' THEN 'cvx'
           ELSE r.system END AS VARCHAR) AS source_code_type,
       CAST(r.code AS VARCHAR) AS source_code,
       CAST(r.display AS VARCHAR) AS source_description,
       CAST(NULL AS VARCHAR) AS normalized_code_type,
       CAST(NULL AS VARCHAR) AS normalized_code,
       CAST(NULL AS VARCHAR) AS normalized_description,
       CAST(NULL AS VARCHAR) AS modifier_1,
       CAST(NULL AS VARCHAR) AS modifier_2,
       CAST(NULL AS VARCHAR) AS modifier_3,
       CAST(NULL AS VARCHAR) AS modifier_4,
       CAST(NULL AS VARCHAR) AS modifier_5,
       CAST(CASE WHEN v.performer_actor_practitioner_id IS NOT NULL THEN CAST(v.connection_id AS VARCHAR) || '.' || v.performer_actor_practitioner_id END AS VARCHAR) AS practitioner_id,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       coalesce(CAST(NULL AS TIMESTAMP), date(came.received_at)) AS ingest_datetime
FROM (SELECT *, '/' || replace(replace(replace(replace(replace(lower(trim(CASE instr(system, '|') WHEN 0 THEN system
    ELSE substr(system, 1, instr(system, '|') - 1) END)), 'urn:oid:', ''), 'oid:', '') || '|', '//|', '|'), '/|', '|'), '|', '') AS system_name
  FROM procedure_occurrence) AS r
JOIN connection AS n ON n.id = r.connection_id
JOIN "procedure" AS v ON v.connection_id = r.connection_id AND v.id = r.record_id
JOIN resource AS came ON came.connection_id = v.connection_id AND came.resource_type = 'Procedure' AND came.resource_id = v.id
LEFT JOIN member AS m ON m.connection_id = r.connection_id AND m.patient_id = r.patient_id
WHERE r.source = 'procedure' AND r.is_current = 1;
