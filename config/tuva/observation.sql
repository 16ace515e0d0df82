-- The Tuva input layer: what else was observed?
--
-- Grain: one row per observation record that is not the laboratory's and was neither entered in error nor
-- cancelled, and one per component of it that has a code: a blood pressure has three rows, itself, systolic
-- and diastolic.
-- Names, order and types are those of observation in Tuva 0.18.0.
--
-- Of copies that came through several connections to the same records, the one that was updated last is here,
-- else that of a plan's connection, else the one that came last. A record that one connection has found
-- deleted is here as long as another connection has a copy of it.
--
-- observation_id                    VARCHAR: source_connection_id of member, a point, the resource's id; for a component also # and its position
-- person_id                         VARCHAR: member_id of member: over plans
-- payer                             VARCHAR: name of the plan in the configuration
-- patient_id                        VARCHAR: source_connection_id of member, a point, the id of the patient
-- encounter_id                      VARCHAR: the encounter
-- panel_id                          VARCHAR: of a component: observation_id of the row of its observation
-- observation_date                  DATE: day of the observation, else of its issue; of a year or a month alone the first day, as in lab_result
-- observation_type                  VARCHAR: category
-- source_code_type                  VARCHAR: code system in the words of Tuva, else its address
-- source_code                       VARCHAR: first code
-- source_description                VARCHAR: its words
-- normalized_code_type              VARCHAR: loinc, where sent
-- normalized_code                   VARCHAR: that code
-- normalized_description            VARCHAR: not known: mapping is Tuva's work
-- result                            VARCHAR: the value with its comparator in front (<20.0), else the words, true or false, a date, a time, a ratio (1:128, <1:10) or a range (5-10, <=5, >=5)
-- source_units                      VARCHAR: unit: UCUM code where sent, else as written; of a range or a ratio (mg/g) as written
-- normalized_units                  VARCHAR: not known: mapping is Tuva's work
-- source_reference_range_low        VARCHAR: lower end of the range
-- source_reference_range_high       VARCHAR: upper end of the range
-- normalized_reference_range_low    VARCHAR: not known: mapping is Tuva's work
-- normalized_reference_range_high   VARCHAR: not known: mapping is Tuva's work
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_observation AS
-- An id of FHIR may hold points but no #. The id of a component is therefore no id of another observation.
SELECT CAST(CAST(v.origin_id AS VARCHAR) || '.' || v.id || coalesce('#' || CAST(v.component_index AS VARCHAR), '') AS VARCHAR) AS observation_id,
       CAST(coalesce(v.member_id, CAST(v.origin_id AS VARCHAR) || '.' || v.patient_id) AS VARCHAR) AS person_id,
       CAST(n.plan AS VARCHAR) AS payer,
       CAST(CAST(v.origin_id AS VARCHAR) || '.' || v.patient_id AS VARCHAR) AS patient_id,
       CAST(CASE WHEN v.encounter_id IS NOT NULL THEN CAST(v.origin_id AS VARCHAR) || '.' || v.encounter_id END AS VARCHAR) AS encounter_id,
       CAST(CASE WHEN v.component_index IS NOT NULL THEN CAST(v.origin_id AS VARCHAR) || '.' || v.id END AS VARCHAR) AS panel_id,
       date(CASE WHEN substr(v.sent, 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(v.sent, 6, 2) BETWEEN '01' AND '12' AND substr(v.sent, 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(v.sent, 6, 2) IN ('04', '06', '09', '11') AND substr(v.sent, 9, 2) = '31')
           AND NOT (substr(v.sent, 6, 2) = '02' AND (substr(v.sent, 9, 2) > '29' OR (substr(v.sent, 9, 2) = '29' AND substr(v.sent, 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(v.sent, 1, 10) END) AS observation_date,
       CAST(v.category_code AS VARCHAR) AS observation_type,
       CAST(CASE
           WHEN v.system_name LIKE '%/icd-10-pcs' OR v.system_name LIKE '%icd10pcs%' OR v.system_name = '/2.16.840.1.113883.6.4' THEN 'icd-10-pcs'
           WHEN v.system_name LIKE '%/icd-10-cm' OR v.system_name LIKE '%/icd10cm' OR v.system_name LIKE '%/icd-10' OR v.system_name LIKE '%/icd10'
             OR v.system_name IN ('/2.16.840.1.113883.6.90', '/2.16.840.1.113883.6.3') THEN 'icd-10-cm'
           WHEN v.system_name LIKE '%/icd-9-cm' OR v.system_name LIKE '%/icd-9-cm/%' OR v.system_name LIKE '%/icd-9cm%' OR v.system_name LIKE '%/icd9cm' OR v.system_name LIKE '%/icd-9'
             OR v.system_name LIKE '%/icd9' OR v.system_name IN ('/2.16.840.1.113883.6.103', '/2.16.840.1.113883.6.104') THEN 'icd-9-cm'
           WHEN v.system_name LIKE '%snomed.info/sct%' OR v.system_name LIKE '%/sct' OR v.system_name LIKE '%/snomedct' OR v.system_name LIKE '%/snomed-ct' OR v.system_name LIKE '%/snomed ct'
             OR v.system_name = '/2.16.840.1.113883.6.96' THEN 'snomed-ct'
           WHEN v.system_name LIKE '%/loinc' OR v.system_name LIKE '%/loinc.org' OR v.system_name = '/2.16.840.1.113883.6.1' THEN 'loinc'
           WHEN v.system_name LIKE '%ama-assn.org/go/cpt%' OR v.system_name LIKE '%/cpt' OR v.system_name LIKE '%hcpcs%'
             OR v.system_name IN ('/2.16.840.1.113883.6.12', '/2.16.840.1.113883.6.285') THEN 'hcpcs'
           WHEN v.system_name LIKE '%/rxnorm' OR v.system_name = '/2.16.840.1.113883.6.88' THEN 'rxnorm'
           WHEN v.system_name LIKE '%/ndc' OR v.system_name LIKE '%/fdandcorcompound' OR v.system_name LIKE '%/fdanationaldrugcode' OR v.system_name LIKE '%/ucm142438.htm'
             OR v.system_name = '/2.16.840.1.113883.6.69' THEN 'ndc'
           WHEN v.system_name LIKE '%/cvx' OR v.system_name = '/2.16.840.1.113883.12.292' THEN 'cvx'
           ELSE v.code_system END AS VARCHAR) AS source_code_type,
       CAST(v.code_code AS VARCHAR) AS source_code,
       CAST(coalesce(v.code_display, v.code_text) AS VARCHAR) AS source_description,
       CAST(CASE WHEN v.loinc_code IS NOT NULL THEN 'loinc' END AS VARCHAR) AS normalized_code_type,
       CAST(v.loinc_code AS VARCHAR) AS normalized_code,
       CAST(NULL AS VARCHAR) AS normalized_description,
       CAST(coalesce(v.value_quantity_comparator || CAST(v.value_quantity_value AS VARCHAR), CAST(v.value_quantity_value AS VARCHAR), v.value_codeable_concept_display, v.value_codeable_concept_text, v.value_codeable_concept_code, v.value_string, CAST(v.value_integer AS VARCHAR),
           CASE v.value_boolean WHEN 1 THEN 'true' WHEN 0 THEN 'false' END, v.value_date_time, v.value_time,
           -- Whole numbers lose their ".0": a titer is 1:128.
           coalesce(v.value_ratio_numerator_comparator, '') || replace(CAST(v.value_ratio_numerator_value AS VARCHAR) || ':', '.0:', ':')
             || coalesce(v.value_ratio_denominator_comparator, '') || replace(replace(CAST(v.value_ratio_denominator_value AS VARCHAR) || '|', '.0|', '|'), '|', ''),
           replace(replace(CAST(v.value_range_low_value AS VARCHAR) || '|', '.0|', '|'), '|', '-') || replace(replace(CAST(v.value_range_high_value AS VARCHAR) || '|', '.0|', '|'), '|', ''),
           replace(replace('>=' || CAST(v.value_range_low_value AS VARCHAR) || '|', '.0|', '|'), '|', ''), replace(replace('<=' || CAST(v.value_range_high_value AS VARCHAR) || '|', '.0|', '|'), '|', '')) AS VARCHAR) AS result,
       CAST(coalesce(CASE WHEN coalesce(v.value_quantity_system, 'http://unitsofmeasure.org') LIKE '%unitsofmeasure.org%' OR v.value_quantity_system LIKE '%2.16.840.1.113883.6.8'
           THEN coalesce(v.value_quantity_code, v.value_quantity_unit) ELSE coalesce(v.value_quantity_unit, v.value_quantity_code) END,
           v.value_range_low_unit, v.value_range_high_unit,
           nullif(coalesce(v.value_ratio_numerator_unit, v.value_ratio_numerator_code, '')
             || coalesce('/' || coalesce(v.value_ratio_denominator_unit, v.value_ratio_denominator_code), ''), '')) AS VARCHAR) AS source_units,
       CAST(NULL AS VARCHAR) AS normalized_units,
       CAST(v.reference_range_low_value AS VARCHAR) AS source_reference_range_low,
       CAST(v.reference_range_high_value AS VARCHAR) AS source_reference_range_high,
       CAST(NULL AS VARCHAR) AS normalized_reference_range_low,
       CAST(NULL AS VARCHAR) AS normalized_reference_range_high,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       coalesce(CAST(NULL AS TIMESTAMP), date(came.received_at)) AS ingest_datetime
-- Of a year or a month alone the first day counts, as in lab_result.
FROM (SELECT r.*, r.stated || CASE length(r.stated) WHEN 4 THEN '-01-01' WHEN 7 THEN '-01' ELSE '' END AS sent,
  m.member_id, coalesce(m.source_connection_id, r.connection_id) AS origin_id, '/' || replace(replace(replace(replace(replace(lower(trim(CASE instr(code_system, '|') WHEN 0 THEN code_system
    ELSE substr(code_system, 1, instr(code_system, '|') - 1) END)), 'urn:oid:', ''), 'oid:', '') || '|', '//|', '|'), '/|', '|'), '|', '') AS system_name
  FROM (SELECT o.connection_id, o.id, o.status, o.category_code, o.category_text, o.patient_id, o.encounter_id,
               coalesce(o.effective_date_time, o.effective_instant, o.effective_period_start, o.issued) AS stated,
               CAST(NULL AS INTEGER) AS component_index, o.loinc_code, o.code_code, o.code_system, o.code_display, o.code_text,
               o.value_quantity_value, o.value_quantity_comparator, o.value_quantity_unit, o.value_quantity_code, o.value_quantity_system,
               o.value_codeable_concept_code, o.value_codeable_concept_display, o.value_codeable_concept_text,
               o.value_string, o.value_boolean, o.value_integer, o.value_date_time, o.value_time,
               o.value_ratio_numerator_comparator, o.value_ratio_numerator_value, o.value_ratio_numerator_unit, o.value_ratio_numerator_code,
               o.value_ratio_denominator_comparator, o.value_ratio_denominator_value, o.value_ratio_denominator_unit, o.value_ratio_denominator_code,
               o.value_range_low_value, o.value_range_low_unit, o.value_range_high_value, o.value_range_high_unit,
               o.reference_range_low_value, o.reference_range_high_value
        FROM observation AS o
        UNION ALL
        SELECT o.connection_id, o.id, o.status, o.category_code, o.category_text, o.patient_id, o.encounter_id,
               coalesce(o.effective_date_time, o.effective_instant, o.effective_period_start, o.issued) AS stated,
               k.component_index,
               CASE WHEN k.code_system IN ('http://loinc.org', 'https://loinc.org', 'http://loinc.org/', 'https://loinc.org/', 'urn:oid:2.16.840.1.113883.6.1') THEN k.code_code
                    WHEN k.code_second_system IN ('http://loinc.org', 'https://loinc.org', 'http://loinc.org/', 'https://loinc.org/', 'urn:oid:2.16.840.1.113883.6.1') THEN k.code_second_code END,
               k.code_code, k.code_system, k.code_display, k.code_text,
               k.value_quantity_value, k.value_quantity_comparator, k.value_quantity_unit, k.value_quantity_code, k.value_quantity_system,
               k.value_codeable_concept_code, k.value_codeable_concept_display, k.value_codeable_concept_text,
               k.value_string, k.value_boolean, k.value_integer, k.value_date_time, k.value_time,
               k.value_ratio_numerator_comparator, k.value_ratio_numerator_value, k.value_ratio_numerator_unit, k.value_ratio_numerator_code,
               k.value_ratio_denominator_comparator, k.value_ratio_denominator_value, k.value_ratio_denominator_unit, k.value_ratio_denominator_code,
               k.value_range_low_value, k.value_range_low_unit, k.value_range_high_value, k.value_range_high_unit,
               k.reference_range_low_value, k.reference_range_high_value
        FROM observation AS o
        JOIN observation_component AS k ON k.connection_id = o.connection_id AND k.observation_id = o.id
        WHERE coalesce(k.code_code, k.code_text) IS NOT NULL) AS r
  LEFT JOIN member AS m ON m.connection_id = r.connection_id AND m.patient_id = r.patient_id) AS v
JOIN connection AS n ON n.id = v.connection_id
JOIN resource AS came ON came.connection_id = v.connection_id AND came.resource_type = 'Observation' AND came.resource_id = v.id
LEFT JOIN (SELECT r.connection_id, r.id, row_number() OVER (PARTITION BY b.source_connection_id, r.id
    ORDER BY coalesce(r.meta_last_updated, '') DESC, CASE WHEN b.plan IS NULL THEN 1 ELSE 0 END, c.received_at DESC, r.connection_id) AS place
  -- Few members have records that two connections read: CROSS JOIN looks for their records alone.
  FROM member AS b CROSS JOIN observation AS r CROSS JOIN resource AS c
  WHERE b.is_repeated = 1 AND r.connection_id = b.connection_id AND r.patient_id = b.patient_id
    AND c.connection_id = r.connection_id AND c.resource_type = 'Observation' AND c.resource_id = r.id) AS twin
  ON twin.connection_id = v.connection_id AND twin.id = v.id
WHERE coalesce(v.status, '') NOT IN ('entered-in-error', 'cancelled')
  AND coalesce(twin.place, 1) = 1
  -- What lab_result has is not here.
  AND coalesce(lower(v.category_code), '') NOT IN ('laboratory', 'lab')
  AND coalesce(lower(trim(v.category_text)), '') NOT IN ('laboratory', 'lab')
  AND NOT EXISTS (SELECT 1 FROM observation_coding AS k WHERE k.connection_id = v.connection_id AND k.observation_id = v.id
    AND k.element = 'category' AND lower(k.code) IN ('laboratory', 'lab'));
