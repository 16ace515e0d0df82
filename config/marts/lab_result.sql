-- What did the laboratory find, is it within the reference range, and where is it going?
--
-- Grain: one row per laboratory observation, and one per component of it that has a code. Observations that
-- were entered in error or cancelled are left out. So is a panel, which has components and no result of its
-- own. An observation counts as the laboratory's when any of its categories says so.
--
-- The previous result is the last one before of the same member in the same records, of the same test in
-- the same unit, however it is spelled; two of one moment are put in the order of their ids. If two consents
-- read the same records, the previous result may have come through the other consent. A result without a usable
-- date, without a number or without a known patient has no previous one and is nobody's.
--
-- connection_id             whose consent the row came through
-- observation_id            the observation, id in observation
-- component_index           position of the component, from 0; NULL for the observation itself
-- member_id                 the person, id in member
-- patient_id                the member, id in patient
-- test_code                 what was measured: LOINC where sent, else the first code
-- test_system               its code system
-- test_name                 its display text, else the plain text
-- result_sent               when the sample was taken, else when the result was issued; as sent
-- result_date               the same as a date
-- value                     the result, when it is a number
-- comparator                how the value is meant (<, <=, >=, >) where it is a limit of what can be measured
-- value_text                the result in words or as a code, when it is not a number. A ratio is written 1:128, or <1:10 where it
--                           is a limit; a range 5-10, or <=5 and >=5 where only one end was sent
-- unit                      unit of the value: UCUM code where sent, else as written; of a range or a ratio (mg/g) as written
-- range_low                 lower end of the reference range: the normal one, never one of critical or therapeutic values;
--                           of several the one in the unit of the value, for everybody rather than for a sex or an age
-- range_high                upper end of the reference range
-- range_unit                unit of the range: UCUM code where sent, else as written; NULL where not stated
-- range_text                the reference range in words, where sent
-- interpretation_code       how the laboratory reads it (N normal, H high, L low, A for abnormal …): the first such code, else the first code
-- is_abnormal               1 when the value is outside the reference range, 0 when it is within. Where that cannot be told (no
--                           range, one in another unit, one of several for some people, no number, or a comparator that
--                           leaves it open), the laboratory's interpretation counts; NULL without one
-- abnormal_by               what is_abnormal comes from: range or laboratory
-- status                    registered, preliminary, final, amended or corrected
-- previous_value            previous result of the same test in the same unit
-- previous_comparator       how the previous value is meant (<, <=, >=, >) where it is a limit
-- previous_date             when that was
-- change_value              value less previous value; NULL where one of them is a limit
-- trend                     up, down or same; NULL without a previous result, and where a limit leaves it open
CREATE TABLE lab_result (
  connection_id INTEGER NOT NULL,
  observation_id TEXT NOT NULL,
  component_index INTEGER,
  member_id TEXT,
  patient_id TEXT,
  test_code TEXT,
  test_system TEXT,
  test_name TEXT,
  result_sent TEXT,
  result_date TEXT,
  value REAL,
  comparator TEXT,
  value_text TEXT,
  unit TEXT,
  range_low REAL,
  range_high REAL,
  range_unit TEXT,
  range_text TEXT,
  interpretation_code TEXT,
  is_abnormal INTEGER,
  abnormal_by TEXT,
  status TEXT,
  previous_value REAL,
  previous_comparator TEXT,
  previous_date TEXT,
  change_value REAL,
  trend TEXT
);
CREATE INDEX lab_result_by_connection ON lab_result (connection_id, observation_id);
CREATE INDEX lab_result_by_member ON lab_result (member_id, test_code, result_date);
INSERT INTO lab_result
WITH lab AS (
  SELECT o.*, person.member_id, coalesce(person.source_id, o.connection_id) AS origin_id,
         first_dated(o.effective_date_time, o.effective_instant, o.effective_period_start, o.issued) AS sent
  FROM temp.mart_scope CROSS JOIN observation AS o ON o.connection_id = mart_scope.connection_id
  LEFT JOIN temp.person ON person.connection_id = o.connection_id AND person.patient_id = o.patient_id
  WHERE coalesce(o.status, '') NOT IN ('entered-in-error', 'cancelled')
    AND (lower(o.category_code) IN ('laboratory', 'lab') OR lower(trim(o.category_text)) IN ('laboratory', 'lab')
      OR EXISTS (SELECT 1 FROM observation_coding AS k WHERE k.connection_id = o.connection_id AND k.observation_id = o.id
        AND k.element = 'category' AND lower(k.code) IN ('laboratory', 'lab')))
    AND NOT EXISTS (SELECT 1 FROM temp.duplicate AS x WHERE x.connection_id = o.connection_id
      AND x.resource_type = 'Observation' AND x.resource_id = o.id)
), loinc AS (
  -- A bare column beside min() comes from the row that has the minimum.
  SELECT k.connection_id, k.observation_id AS id, k.element, k.element_index, k.code AS code, min(k.row_no)
  FROM temp.mart_scope CROSS JOIN observation_coding AS k ON k.connection_id = mart_scope.connection_id
  WHERE k.element IN ('code', 'component.code') AND vocabulary(k.system, k.code) = 'LOINC'
  GROUP BY mart_scope.connection_id, k.observation_id, k.element, k.element_index
), reading AS (
  SELECT k.connection_id, k.observation_id AS id, k.element, k.element_index, interpretation_of(k.code) AS code, min(k.row_no)
  FROM temp.mart_scope CROSS JOIN observation_coding AS k ON k.connection_id = mart_scope.connection_id
  WHERE k.element IN ('interpretation', 'component.interpretation') AND interpretation_of(k.code) IS NOT NULL
  GROUP BY mart_scope.connection_id, k.observation_id, k.element, CASE k.element WHEN 'interpretation' THEN 0 ELSE k.element_index END
), usual AS (
  -- The ranges of normal values, the one that says most first.
  SELECT r.*, row_number() OVER (PARTITION BY connection_id, id
           ORDER BY fits DESC, is_normal DESC, is_typed, is_for_all DESC, row_no) AS place,
         count(*) OVER (PARTITION BY connection_id, id) = 1 AS is_sole
  FROM (
    SELECT r.connection_id, r.observation_id AS id, r.row_no, r.low_value, r.high_value, r.low_code, r.low_unit, r.high_code, r.high_unit, r.text,
           coalesce(same_unit(l.value_quantity_code, l.value_quantity_unit, r.low_code, r.low_unit), 1)
             AND coalesce(same_unit(l.value_quantity_code, l.value_quantity_unit, r.high_code, r.high_unit), 1) AS fits,
           lower(r.type_code) IS 'normal' AS is_normal, coalesce(r.type_code, r.type_text) IS NOT NULL AS is_typed,
           coalesce(r.applies_to_code, r.applies_to_text, r.age_low_value, r.age_high_value) IS NULL AS is_for_all
    FROM lab AS l
    JOIN observation_reference_range AS r ON r.connection_id = l.connection_id AND r.observation_id = l.id
    WHERE coalesce(r.low_value, r.high_value) IS NOT NULL
      AND lower(coalesce(r.type_code, r.type_text, '')) NOT IN
        ('critical', 'panic', 'absolute', 'recommended', 'treatment', 'therapeutic', 'pre', 'post')
  ) AS r
), result AS (
  SELECT l.connection_id, l.origin_id, l.id, NULL AS component, l.member_id, l.patient_id,
         coalesce(loinc.code, l.code_code) AS test_code,
         CASE WHEN loinc.code IS NOT NULL THEN 'http://loinc.org' ELSE l.code_system END AS test_system,
         coalesce(l.code_display, l.code_text) AS test_name, l.sent,
         coalesce(l.value_quantity_value, l.value_integer) AS value, l.value_quantity_comparator AS comparator,
         coalesce(l.value_codeable_concept_display, l.value_codeable_concept_text, l.value_codeable_concept_code, l.value_string,
                  CASE l.value_boolean WHEN 1 THEN 'true' WHEN 0 THEN 'false' END,
                  l.value_date_time, l.value_time,
                  -- Whole numbers lose their ".0": a titer is 1:128.
                  coalesce(l.value_ratio_numerator_comparator, '') || replace(l.value_ratio_numerator_value || ':', '.0:', ':')
                    || coalesce(l.value_ratio_denominator_comparator, '')
                    || replace(replace(l.value_ratio_denominator_value || '|', '.0|', '|'), '|', ''),
                  replace(replace(l.value_range_low_value || '|', '.0|', '|'), '|', '-')
                    || replace(replace(l.value_range_high_value || '|', '.0|', '|'), '|', ''),
                  replace(replace('>=' || l.value_range_low_value || '|', '.0|', '|'), '|', ''),
                  replace(replace('<=' || l.value_range_high_value || '|', '.0|', '|'), '|', '')) AS value_text,
         coalesce(CASE WHEN coalesce(l.value_quantity_system, 'http://unitsofmeasure.org') LIKE '%unitsofmeasure.org%'
                         OR l.value_quantity_system LIKE '%2.16.840.1.113883.6.8'
                       THEN coalesce(l.value_quantity_code, l.value_quantity_unit)
                       ELSE coalesce(l.value_quantity_unit, l.value_quantity_code) END,
                  l.value_range_low_unit, l.value_range_high_unit,
                  nullif(coalesce(l.value_ratio_numerator_unit, l.value_ratio_numerator_code, '')
                    || coalesce('/' || coalesce(l.value_ratio_denominator_unit, l.value_ratio_denominator_code), ''), '')) AS unit,
         usual.low_value AS low, usual.high_value AS high,
         coalesce(usual.low_code, usual.low_unit, usual.high_code, usual.high_unit) AS range_unit,
         usual.fits AND (usual.is_for_all OR usual.is_sole) AS range_decides,
         coalesce(usual.text, (SELECT r.text FROM observation_reference_range AS r WHERE r.connection_id = l.connection_id
            AND r.observation_id = l.id AND r.text IS NOT NULL ORDER BY r.row_no LIMIT 1)) AS range_text,
         coalesce(reading.code, l.interpretation_code) AS interpretation, l.status
  FROM lab AS l
  LEFT JOIN loinc ON loinc.connection_id = l.connection_id AND loinc.id = l.id AND loinc.element = 'code'
  LEFT JOIN reading ON reading.connection_id = l.connection_id AND reading.id = l.id AND reading.element = 'interpretation'
  LEFT JOIN usual ON usual.connection_id = l.connection_id AND usual.id = l.id AND usual.place = 1
  UNION ALL
  SELECT l.connection_id, l.origin_id, l.id, k.component_index, l.member_id, l.patient_id, coalesce(loinc.code, k.code_code),
         CASE WHEN loinc.code IS NOT NULL THEN 'http://loinc.org' ELSE k.code_system END,
         coalesce(k.code_display, k.code_text), l.sent,
         coalesce(k.value_quantity_value, k.value_integer), k.value_quantity_comparator,
         coalesce(k.value_codeable_concept_display, k.value_codeable_concept_text, k.value_codeable_concept_code, k.value_string,
                  CASE k.value_boolean WHEN 1 THEN 'true' WHEN 0 THEN 'false' END,
                  k.value_date_time, k.value_time,
                  coalesce(k.value_ratio_numerator_comparator, '') || replace(k.value_ratio_numerator_value || ':', '.0:', ':')
                    || coalesce(k.value_ratio_denominator_comparator, '')
                    || replace(replace(k.value_ratio_denominator_value || '|', '.0|', '|'), '|', ''),
                  replace(replace(k.value_range_low_value || '|', '.0|', '|'), '|', '-')
                    || replace(replace(k.value_range_high_value || '|', '.0|', '|'), '|', ''),
                  replace(replace('>=' || k.value_range_low_value || '|', '.0|', '|'), '|', ''),
                  replace(replace('<=' || k.value_range_high_value || '|', '.0|', '|'), '|', '')),
         coalesce(CASE WHEN coalesce(k.value_quantity_system, 'http://unitsofmeasure.org') LIKE '%unitsofmeasure.org%'
                         OR k.value_quantity_system LIKE '%2.16.840.1.113883.6.8'
                       THEN coalesce(k.value_quantity_code, k.value_quantity_unit)
                       ELSE coalesce(k.value_quantity_unit, k.value_quantity_code) END,
                  k.value_range_low_unit, k.value_range_high_unit,
                  nullif(coalesce(k.value_ratio_numerator_unit, k.value_ratio_numerator_code, '')
                    || coalesce('/' || coalesce(k.value_ratio_denominator_unit, k.value_ratio_denominator_code), ''), '')),
         k.normal_range_low_value, k.normal_range_high_value,
         coalesce(k.normal_range_low_code, k.normal_range_low_unit, k.normal_range_high_code, k.normal_range_high_unit),
         coalesce(same_unit(k.value_quantity_code, k.value_quantity_unit, k.normal_range_low_code, k.normal_range_low_unit), 1)
           AND coalesce(same_unit(k.value_quantity_code, k.value_quantity_unit, k.normal_range_high_code, k.normal_range_high_unit), 1),
         NULL, coalesce(reading.code, k.interpretation_code), l.status
  FROM lab AS l
  JOIN observation_component AS k ON k.connection_id = l.connection_id AND k.observation_id = l.id
  LEFT JOIN loinc ON loinc.connection_id = l.connection_id AND loinc.id = l.id AND loinc.element = 'component.code'
   AND loinc.element_index = k.component_index
  LEFT JOIN reading ON reading.connection_id = l.connection_id AND reading.id = l.id AND reading.element = 'component.interpretation'
   AND reading.element_index = k.component_index
  WHERE coalesce(k.code_code, k.code_text) IS NOT NULL
), dated AS (
  SELECT result.*, first_day(sent) AS day,
         value IS NOT NULL AND first_day(sent) IS NOT NULL AND test_code IS NOT NULL AND member_id IS NOT NULL AS is_in_line
  FROM result
  WHERE component IS NOT NULL OR value IS NOT NULL OR value_text IS NOT NULL
    OR NOT EXISTS (SELECT 1 FROM observation_component AS k WHERE k.connection_id = result.connection_id AND k.observation_id = result.id)
), judged AS (
  SELECT dated.*,
         CASE WHEN NOT range_decides OR value IS NULL THEN NULL
              WHEN comparator IS NULL AND coalesce(low, high) IS NOT NULL
                THEN coalesce(value < low, 0) OR coalesce(value > high, 0)
              -- A limit tells where the result is outside for certain, and within where the range is open.
              WHEN comparator IN ('>', '>=') AND (value > high OR (value = high AND comparator = '>')) THEN 1
              WHEN comparator IN ('<', '<=') AND (value < low OR (value = low AND comparator = '<')) THEN 1
              WHEN comparator IN ('>', '>=') AND high IS NULL AND value >= low THEN 0
              WHEN comparator IN ('<', '<=') AND low IS NULL AND value <= high THEN 0 END AS by_range,
         CASE WHEN interpretation IN ('N', 'NEG', 'ND') THEN 0
              WHEN interpretation IN ('A', 'AA', 'H', 'HH', 'HU', 'L', 'LL', 'LU', '<', '>', 'POS', 'DET') THEN 1 END AS by_laboratory
  FROM dated
), beside AS (
  -- By the instant where the time is stated, since a day may have several. To julianday a year alone is a number of days.
  SELECT judged.*,
         CASE WHEN is_in_line THEN lag(value) OVER line END AS previous_value,
         CASE WHEN is_in_line THEN lag(comparator) OVER line END AS previous_comparator,
         CASE WHEN is_in_line THEN lag(day) OVER line END AS previous_date
  FROM judged
  WINDOW line AS (PARTITION BY origin_id, member_id, test_code, test_system, unit_word(unit), is_in_line
                  ORDER BY coalesce(CASE WHEN length(sent) > 10 THEN julianday(sent) END, julianday(day)), id, component)
)
SELECT connection_id,
       id,
       component,
       member_id,
       patient_id,
       test_code,
       test_system,
       test_name,
       sent,
       day,
       value,
       comparator,
       CASE WHEN value IS NULL THEN value_text END,
       unit,
       low,
       high,
       range_unit,
       range_text,
       interpretation,
       coalesce(by_range, by_laboratory),
       CASE WHEN by_range IS NOT NULL THEN 'range' WHEN by_laboratory IS NOT NULL THEN 'laboratory' END,
       status,
       previous_value,
       previous_comparator,
       previous_date,
       CASE WHEN coalesce(comparator, previous_comparator) IS NULL THEN round(value - previous_value, 9) END,
       -- A limit is a lower or an upper bound: ">60" may have been 95, and 75 is neither more nor less.
       CASE WHEN coalesce(comparator, previous_comparator) IS NULL AND value = previous_value THEN 'same'
            WHEN coalesce(comparator, '>=') IN ('>', '>=') AND coalesce(previous_comparator, '<=') IN ('<', '<=')
             AND (value > previous_value OR (value = previous_value AND (comparator = '>' OR previous_comparator = '<'))) THEN 'up'
            WHEN coalesce(comparator, '<=') IN ('<', '<=') AND coalesce(previous_comparator, '>=') IN ('>', '>=')
             AND (value < previous_value OR (value = previous_value AND (comparator = '<' OR previous_comparator = '>'))) THEN 'down' END
FROM beside;
