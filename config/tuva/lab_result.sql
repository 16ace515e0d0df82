-- The Tuva input layer: what did the laboratory find?
--
-- Grain: one row per row of lab_result. Names, order and types are those of lab_result in Tuva 0.18.0.
--
-- lab_result_id                     VARCHAR: number of the connection, the observation's id and the position of the component, with points between
-- person_id                         VARCHAR: member_id of member: over plans
-- patient_id                        VARCHAR: number of the connection, a point, the id of the patient
-- encounter_id                      VARCHAR: the encounter
-- accession_number                  VARCHAR: accession number of the specimen
-- source_order_type                 VARCHAR: not known: Patient Access does not say
-- source_order_code                 VARCHAR: not known: Patient Access does not say
-- source_order_description          VARCHAR: not known: Patient Access does not say
-- source_component_type             VARCHAR: code system in the words of Tuva, else its address
-- source_component_code             VARCHAR: what was measured
-- source_component_description      VARCHAR: its words
-- normalized_order_type             VARCHAR: not known: mapping is Tuva's work
-- normalized_order_code             VARCHAR: not known: mapping is Tuva's work
-- normalized_order_description      VARCHAR: not known: mapping is Tuva's work
-- normalized_component_type         VARCHAR: loinc, where sent
-- normalized_component_code         VARCHAR: that code
-- normalized_component_description  VARCHAR: not known: mapping is Tuva's work
-- status                            VARCHAR: status
-- result                            VARCHAR: the value, else the words
-- result_datetime                   TIMESTAMP: day of the result; its time is in lab_result
-- collection_datetime               TIMESTAMP: day on which the specimen was taken
-- source_units                      VARCHAR: unit
-- normalized_units                  VARCHAR: not known: mapping is Tuva's work
-- source_reference_range_low        VARCHAR: lower end of the range
-- source_reference_range_high       VARCHAR: upper end of the range
-- normalized_reference_range_low    VARCHAR: not known: mapping is Tuva's work
-- normalized_reference_range_high   VARCHAR: not known: mapping is Tuva's work
-- source_abnormal_flag              DOUBLE: 1 outside the range, 0 within
-- normalized_abnormal_flag          DOUBLE: not known: mapping is Tuva's work
-- specimen                          VARCHAR: kind of specimen
-- ordering_practitioner_id          VARCHAR: not known: Patient Access does not say
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_lab_result AS
SELECT CAST(CAST(l.connection_id AS VARCHAR) || '.' || l.observation_id || coalesce('.' || CAST(l.component_index AS VARCHAR), '') AS VARCHAR) AS lab_result_id,
       CAST(coalesce(l.member_id, CAST(l.connection_id AS VARCHAR) || '.' || l.patient_id) AS VARCHAR) AS person_id,
       CAST(CAST(l.connection_id AS VARCHAR) || '.' || l.patient_id AS VARCHAR) AS patient_id,
       CAST(CASE WHEN v.encounter_id IS NOT NULL THEN CAST(v.connection_id AS VARCHAR) || '.' || v.encounter_id END AS VARCHAR) AS encounter_id,
       CAST(sp.accession_identifier_value AS VARCHAR) AS accession_number,
       CAST(NULL AS VARCHAR) AS source_order_type,
       CAST(NULL AS VARCHAR) AS source_order_code,
       CAST(NULL AS VARCHAR) AS source_order_description,
       CAST((SELECT CASE
           WHEN it.n LIKE '%/icd-10-pcs' OR it.n LIKE '%icd10pcs%' OR it.n = '/2.16.840.1.113883.6.4' THEN 'icd-10-pcs'
           WHEN it.n LIKE '%/icd-10-cm' OR it.n LIKE '%/icd10cm' OR it.n LIKE '%/icd-10' OR it.n LIKE '%/icd10'
             OR it.n IN ('/2.16.840.1.113883.6.90', '/2.16.840.1.113883.6.3') THEN 'icd-10-cm'
           WHEN it.n LIKE '%/icd-9-cm' OR it.n LIKE '%/icd-9-cm/%' OR it.n LIKE '%/icd-9cm%' OR it.n LIKE '%/icd9cm' OR it.n LIKE '%/icd-9'
             OR it.n LIKE '%/icd9' OR it.n IN ('/2.16.840.1.113883.6.103', '/2.16.840.1.113883.6.104') THEN 'icd-9-cm'
           WHEN it.n LIKE '%snomed.info/sct%' OR it.n LIKE '%/sct' OR it.n LIKE '%/snomedct' OR it.n LIKE '%/snomed-ct' OR it.n LIKE '%/snomed ct'
             OR it.n = '/2.16.840.1.113883.6.96' THEN 'snomed-ct'
           WHEN it.n LIKE '%/loinc' OR it.n LIKE '%/loinc.org' OR it.n = '/2.16.840.1.113883.6.1' THEN 'loinc'
           WHEN it.n LIKE '%ama-assn.org/go/cpt%' OR it.n LIKE '%/cpt' OR it.n LIKE '%hcpcs%'
             OR it.n IN ('/2.16.840.1.113883.6.12', '/2.16.840.1.113883.6.285') THEN 'hcpcs'
           WHEN it.n LIKE '%/rxnorm' OR it.n = '/2.16.840.1.113883.6.88' THEN 'rxnorm'
           WHEN it.n LIKE '%/ndc' OR it.n LIKE '%/fdandcorcompound' OR it.n LIKE '%/fdanationaldrugcode' OR it.n LIKE '%/ucm142438.htm'
             OR it.n = '/2.16.840.1.113883.6.69' THEN 'ndc'
           WHEN it.n LIKE '%/cvx' OR it.n = '/2.16.840.1.113883.12.292' THEN 'cvx'
           ELSE l.test_system END
         FROM (SELECT '/' || rtrim(replace(replace(lower(trim(CASE instr(l.test_system, '|') WHEN 0 THEN l.test_system
           ELSE substr(l.test_system, 1, instr(l.test_system, '|') - 1) END)), 'urn:oid:', ''), 'oid:', ''), '/') AS n) AS it) AS VARCHAR) AS source_component_type,
       CAST(l.test_code AS VARCHAR) AS source_component_code,
       CAST(l.test_name AS VARCHAR) AS source_component_description,
       CAST(NULL AS VARCHAR) AS normalized_order_type,
       CAST(NULL AS VARCHAR) AS normalized_order_code,
       CAST(NULL AS VARCHAR) AS normalized_order_description,
       CAST(CASE WHEN l.test_system = 'http://loinc.org' THEN 'loinc' END AS VARCHAR) AS normalized_component_type,
       CAST(CASE WHEN l.test_system = 'http://loinc.org' THEN l.test_code END AS VARCHAR) AS normalized_component_code,
       CAST(NULL AS VARCHAR) AS normalized_component_description,
       CAST(l.status AS VARCHAR) AS status,
       CAST(coalesce(CAST(l.value AS VARCHAR), l.value_text) AS VARCHAR) AS result,
       coalesce(CAST(NULL AS TIMESTAMP), date(l.result_date)) AS result_datetime,
       coalesce(CAST(NULL AS TIMESTAMP), date(CASE WHEN substr(coalesce(sp.collection_collected_date_time, sp.collection_collected_period_start), 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(coalesce(sp.collection_collected_date_time, sp.collection_collected_period_start), 6, 2) BETWEEN '01' AND '12' AND substr(coalesce(sp.collection_collected_date_time, sp.collection_collected_period_start), 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(coalesce(sp.collection_collected_date_time, sp.collection_collected_period_start), 6, 2) IN ('04', '06', '09', '11') AND substr(coalesce(sp.collection_collected_date_time, sp.collection_collected_period_start), 9, 2) = '31')
           AND NOT (substr(coalesce(sp.collection_collected_date_time, sp.collection_collected_period_start), 6, 2) = '02' AND (substr(coalesce(sp.collection_collected_date_time, sp.collection_collected_period_start), 9, 2) > '29' OR (substr(coalesce(sp.collection_collected_date_time, sp.collection_collected_period_start), 9, 2) = '29' AND substr(coalesce(sp.collection_collected_date_time, sp.collection_collected_period_start), 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(coalesce(sp.collection_collected_date_time, sp.collection_collected_period_start), 1, 10) END)) AS collection_datetime,
       CAST(l.unit AS VARCHAR) AS source_units,
       CAST(NULL AS VARCHAR) AS normalized_units,
       CAST(l.range_low AS VARCHAR) AS source_reference_range_low,
       CAST(l.range_high AS VARCHAR) AS source_reference_range_high,
       CAST(NULL AS VARCHAR) AS normalized_reference_range_low,
       CAST(NULL AS VARCHAR) AS normalized_reference_range_high,
       CAST(l.is_abnormal AS DOUBLE) AS source_abnormal_flag,
       CAST(NULL AS DOUBLE) AS normalized_abnormal_flag,
       CAST(coalesce(sp.type_display, sp.type_text, v.specimen_display) AS VARCHAR) AS specimen,
       CAST(NULL AS VARCHAR) AS ordering_practitioner_id,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       coalesce(CAST(NULL AS TIMESTAMP), date(came.received_at)) AS ingest_datetime
FROM lab_result AS l
JOIN connection AS n ON n.id = l.connection_id
JOIN resource AS came ON came.connection_id = l.connection_id AND came.resource_type = 'Observation' AND came.resource_id = l.observation_id
LEFT JOIN observation AS v ON v.connection_id = l.connection_id AND v.id = l.observation_id
LEFT JOIN specimen AS sp ON sp.connection_id = v.connection_id AND sp.id = v.specimen_id;
