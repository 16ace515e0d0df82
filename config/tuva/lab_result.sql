-- The Tuva input layer: what did the laboratory find?
--
-- Grain: one row per row of lab_result. Names, order and types are those of lab_result in Tuva 0.18.0.
--
-- lab_result_id                     VARCHAR: source_connection_id of member, a point, the observation's id; for a component also # and its position
-- person_id                         VARCHAR: member_id of member: over plans
-- patient_id                        VARCHAR: source_connection_id of member, a point, the id of the patient
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
-- result                            VARCHAR: the value with its comparator in front (<20.0), else the words
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
-- An id of FHIR may hold points but no #. The id of a component is therefore no id of another observation.
SELECT CAST(CAST(coalesce(m.source_connection_id, l.connection_id) AS VARCHAR) || '.' || l.observation_id || coalesce('#' || CAST(l.component_index AS VARCHAR), '') AS VARCHAR) AS lab_result_id,
       CAST(coalesce(l.member_id, CAST(l.connection_id AS VARCHAR) || '.' || l.patient_id) AS VARCHAR) AS person_id,
       CAST(CAST(coalesce(m.source_connection_id, l.connection_id) AS VARCHAR) || '.' || l.patient_id AS VARCHAR) AS patient_id,
       CAST(CASE WHEN v.encounter_id IS NOT NULL THEN CAST(coalesce(m.source_connection_id, l.connection_id) AS VARCHAR) || '.' || v.encounter_id END AS VARCHAR) AS encounter_id,
       CAST(sp.accession_identifier_value AS VARCHAR) AS accession_number,
       CAST(NULL AS VARCHAR) AS source_order_type,
       CAST(NULL AS VARCHAR) AS source_order_code,
       CAST(NULL AS VARCHAR) AS source_order_description,
       CAST(CASE
           WHEN l.system_name LIKE '%/icd-10-pcs' OR l.system_name LIKE '%icd10pcs%' OR l.system_name = '/2.16.840.1.113883.6.4' THEN 'icd-10-pcs'
           WHEN l.system_name LIKE '%/icd-10-cm' OR l.system_name LIKE '%/icd10cm' OR l.system_name LIKE '%/icd-10' OR l.system_name LIKE '%/icd10'
             OR l.system_name IN ('/2.16.840.1.113883.6.90', '/2.16.840.1.113883.6.3') THEN 'icd-10-cm'
           WHEN l.system_name LIKE '%/icd-9-cm' OR l.system_name LIKE '%/icd-9-cm/%' OR l.system_name LIKE '%/icd-9cm%' OR l.system_name LIKE '%/icd9cm' OR l.system_name LIKE '%/icd-9'
             OR l.system_name LIKE '%/icd9' OR l.system_name IN ('/2.16.840.1.113883.6.103', '/2.16.840.1.113883.6.104') THEN 'icd-9-cm'
           WHEN l.system_name LIKE '%snomed.info/sct%' OR l.system_name LIKE '%/sct' OR l.system_name LIKE '%/snomedct' OR l.system_name LIKE '%/snomed-ct' OR l.system_name LIKE '%/snomed ct'
             OR l.system_name = '/2.16.840.1.113883.6.96' THEN 'snomed-ct'
           WHEN l.system_name LIKE '%/loinc' OR l.system_name LIKE '%/loinc.org' OR l.system_name = '/2.16.840.1.113883.6.1' THEN 'loinc'
           WHEN l.system_name LIKE '%ama-assn.org/go/cpt%' OR l.system_name LIKE '%/cpt' OR l.system_name LIKE '%hcpcs%'
             OR l.system_name IN ('/2.16.840.1.113883.6.12', '/2.16.840.1.113883.6.285') THEN 'hcpcs'
           WHEN l.system_name LIKE '%/rxnorm' OR l.system_name = '/2.16.840.1.113883.6.88' THEN 'rxnorm'
           WHEN l.system_name LIKE '%/ndc' OR l.system_name LIKE '%/fdandcorcompound' OR l.system_name LIKE '%/fdanationaldrugcode' OR l.system_name LIKE '%/ucm142438.htm'
             OR l.system_name = '/2.16.840.1.113883.6.69' THEN 'ndc'
           WHEN l.system_name LIKE '%/cvx' OR l.system_name = '/2.16.840.1.113883.12.292' THEN 'cvx'
           ELSE l.test_system END AS VARCHAR) AS source_component_type,
       CAST(l.test_code AS VARCHAR) AS source_component_code,
       CAST(l.test_name AS VARCHAR) AS source_component_description,
       CAST(NULL AS VARCHAR) AS normalized_order_type,
       CAST(NULL AS VARCHAR) AS normalized_order_code,
       CAST(NULL AS VARCHAR) AS normalized_order_description,
       CAST(CASE WHEN l.test_system = 'http://loinc.org' THEN 'loinc' END AS VARCHAR) AS normalized_component_type,
       CAST(CASE WHEN l.test_system = 'http://loinc.org' THEN l.test_code END AS VARCHAR) AS normalized_component_code,
       CAST(NULL AS VARCHAR) AS normalized_component_description,
       CAST(l.status AS VARCHAR) AS status,
       CAST(coalesce(l.comparator || CAST(l.value AS VARCHAR), CAST(l.value AS VARCHAR), l.value_text) AS VARCHAR) AS result,
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
FROM (SELECT *, '/' || replace(replace(replace(replace(replace(lower(trim(CASE instr(test_system, '|') WHEN 0 THEN test_system
    ELSE substr(test_system, 1, instr(test_system, '|') - 1) END)), 'urn:oid:', ''), 'oid:', '') || '|', '//|', '|'), '/|', '|'), '|', '') AS system_name
  FROM lab_result) AS l
JOIN connection AS n ON n.id = l.connection_id
JOIN resource AS came ON came.connection_id = l.connection_id AND came.resource_type = 'Observation' AND came.resource_id = l.observation_id
LEFT JOIN observation AS v ON v.connection_id = l.connection_id AND v.id = l.observation_id
LEFT JOIN member AS m ON m.connection_id = l.connection_id AND m.patient_id = l.patient_id
LEFT JOIN specimen AS sp ON sp.connection_id = v.connection_id AND sp.id = v.specimen_id;
