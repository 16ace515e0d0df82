-- What in the data looks wrong, how bad is it, and in which row?
--
-- Grain: one row per rule and record (and line of a claim) that breaks it. Empty where nothing looks
-- wrong. The rules look at what the payer sent, not at what payersync did with it: whether
-- everything came is in data_freshness and completeness.
--
-- Severity: an error makes a sum or a date wrong, a warning makes an answer incomplete, a notice is
-- worth knowing. Amounts that do not agree come from reconciliation, which has the figures.
--
-- The rules. Errors: amounts disagree, mixed currencies, reversal without payment, reversal in another
-- currency, end before start, service before birth, invalid day. Warnings: coverage not here, coverage of an unknown member,
-- patient not here, service outside coverage, undated claim, undated fill, fill without days of
-- supply, invalid NPI, invalid NDC, negative amount, replacement not here. Notices: number repeats,
-- claim without lines.
--
-- connection_id             whose consent the row came through
-- rule                      which rule
-- severity                  error, warning or notice
-- table_name                the table or mart that shows it
-- record_id                 id of the record: explanation_of_benefit, coverage, organization and so on
-- line_key                  line of the claim (line_key in claim_line), where the rule is about one
-- member_id                 the person, id in member
-- detail                    the values that break the rule
CREATE TABLE data_quality (
  connection_id INTEGER NOT NULL,
  rule TEXT NOT NULL,
  severity TEXT NOT NULL,
  table_name TEXT NOT NULL,
  record_id TEXT NOT NULL,
  line_key INTEGER,
  member_id TEXT,
  detail TEXT
);
CREATE INDEX data_quality_by_connection ON data_quality (connection_id, record_id);
CREATE INDEX data_quality_by_rule ON data_quality (rule);
INSERT INTO data_quality
WITH mine AS (
  SELECT c.*, person.source_id FROM temp.mart_scope CROSS JOIN claim AS c ON c.connection_id = mart_scope.connection_id
  LEFT JOIN temp.person ON person.connection_id = c.connection_id AND person.patient_id = c.patient_id
  WHERE coalesce(c.status, 'active') NOT IN ('draft', 'entered-in-error')
), reader AS (
  -- What another consent to the same records brought is here, too.
  SELECT here.connection_id AS here, here.source_id, beside.connection_id AS beside
  FROM temp.record_source AS here
  JOIN temp.record_source AS beside ON beside.source_id = here.source_id
), line AS (
  SELECT l.* FROM temp.mart_scope CROSS JOIN claim_line AS l ON l.connection_id = mart_scope.connection_id
  WHERE coalesce(l.claim_status, 'active') NOT IN ('draft', 'entered-in-error')
), span AS (
  SELECT s.* FROM temp.mart_scope CROSS JOIN coverage_span AS s ON s.connection_id = mart_scope.connection_id
), fill AS (
  SELECT f.* FROM temp.mart_scope CROSS JOIN medication_fill AS f ON f.connection_id = mart_scope.connection_id
)
SELECT r.connection_id,
       CASE WHEN r.problem IN ('mixed currencies', 'reversal without payment', 'reversal in another currency') THEN r.problem ELSE 'amounts disagree' END,
       'error', 'claim', r.explanation_of_benefit_id, NULL, c.member_id,
       r.problem || coalesce(' (' || nullif(r.kind, '') || ')', '')
         || CASE WHEN r.one_amount IS NULL THEN '' ELSE ': ' || printf('%.2f', r.one_amount) END
         || CASE WHEN r.other_amount IS NULL THEN '' ELSE ' and ' || printf('%.2f', r.other_amount) END
FROM temp.mart_scope CROSS JOIN reconciliation AS r ON r.connection_id = mart_scope.connection_id
LEFT JOIN claim AS c ON c.connection_id = r.connection_id AND c.explanation_of_benefit_id = r.explanation_of_benefit_id
UNION ALL
SELECT connection_id, 'end before start', 'error', 'claim', explanation_of_benefit_id, NULL, member_id,
       'service from ' || service_start || ' to ' || service_end
FROM mine WHERE service_start_date > service_end_date
UNION ALL
SELECT connection_id, 'end before start', 'error', 'claim', explanation_of_benefit_id, NULL, member_id,
       'admission from ' || admission_sent || ' to ' || discharge_sent
FROM mine WHERE admission_date > discharge_date
UNION ALL
SELECT l.connection_id, 'end before start', 'error', 'claim_line', l.explanation_of_benefit_id, l.line_key, l.member_id,
       'service from ' || l.service_start || ' to ' || l.service_end
FROM line AS l
JOIN claim AS c ON c.connection_id = l.connection_id AND c.explanation_of_benefit_id = l.explanation_of_benefit_id
WHERE l.service_start_date > l.service_end_date
  AND NOT (l.service_start IS c.service_start AND l.service_end IS c.service_end)
UNION ALL
SELECT connection_id, 'end before start', 'error', 'coverage_span', coverage_id, NULL, member_id,
       'coverage from ' || coverage_start || ' to ' || coverage_end
FROM span WHERE is_backward
UNION ALL
SELECT connection_id, 'invalid day', 'error', 'claim', explanation_of_benefit_id, NULL, member_id,
       'service from ' || coalesce(service_start, 'nowhere') || ' to ' || coalesce(service_end, 'nowhere')
FROM mine
WHERE (service_start IS NOT NULL AND service_start_date IS NULL) OR (service_end IS NOT NULL AND service_end_date IS NULL)
UNION ALL
SELECT connection_id, 'invalid day', 'error', 'coverage_span', coverage_id, NULL, member_id,
       'coverage from ' || coalesce(coverage_start, 'nowhere') || ' to ' || coalesce(coverage_end, 'nowhere')
FROM span
WHERE (coverage_start IS NOT NULL AND coverage_start_date IS NULL) OR (coverage_end IS NOT NULL AND coverage_end_date IS NULL)
UNION ALL
SELECT c.connection_id, 'service before birth', 'error', 'claim', c.explanation_of_benefit_id, NULL, c.member_id,
       'service on ' || c.service_start_date || ', born on ' || m.birth_date
FROM mine AS c
JOIN member AS m ON m.connection_id = c.connection_id AND m.patient_id = c.patient_id
WHERE c.service_start_date < m.birth_date
UNION ALL
SELECT c.connection_id, 'coverage not here', 'warning', 'claim', c.explanation_of_benefit_id, NULL, c.member_id,
       coalesce('coverage ' || c.coverage_id, 'no coverage')
FROM mine AS c
WHERE NOT EXISTS (SELECT 1 FROM reader AS r
  JOIN coverage AS k ON k.connection_id = r.beside AND k.id = c.coverage_id
  WHERE r.here = c.connection_id AND r.source_id = coalesce(c.source_id, r.source_id))
UNION ALL
SELECT s.connection_id, 'coverage of an unknown member', 'warning', 'coverage_span', s.coverage_id, NULL, s.member_id,
       coalesce('patient ' || s.patient_id, 'no patient')
FROM span AS s
LEFT JOIN temp.person ON person.connection_id = s.connection_id AND person.patient_id = s.patient_id
WHERE NOT EXISTS (SELECT 1 FROM reader AS r
  JOIN patient AS p ON p.connection_id = r.beside AND p.id = s.patient_id
  WHERE r.here = s.connection_id AND r.source_id = coalesce(person.source_id, r.source_id))
UNION ALL
SELECT c.connection_id, 'patient not here', 'warning', 'claim', c.explanation_of_benefit_id, NULL, c.member_id,
       coalesce('patient ' || c.patient_id, 'no patient')
FROM mine AS c
WHERE NOT EXISTS (SELECT 1 FROM reader AS r
  JOIN patient AS p ON p.connection_id = r.beside AND p.id = c.patient_id
  WHERE r.here = c.connection_id AND r.source_id = coalesce(c.source_id, r.source_id))
UNION ALL
SELECT DISTINCT c.connection_id, 'service outside coverage', 'warning', 'claim', c.explanation_of_benefit_id, NULL, c.member_id,
       'service on ' || c.service_start_date || ', coverage from ' || coalesce(s.coverage_start_date, 'nowhere')
         || ' to ' || coalesce(s.coverage_end_date, 'nowhere')
FROM mine AS c
CROSS JOIN reader AS r ON r.here = c.connection_id AND r.source_id = coalesce(c.source_id, r.source_id)
CROSS JOIN coverage_span AS s ON s.connection_id = r.beside AND s.coverage_id = c.coverage_id
WHERE NOT s.is_backward AND (c.service_start_date < s.coverage_start_date OR c.service_start_date > s.coverage_end_date)
UNION ALL
SELECT connection_id, 'undated claim', 'warning', 'claim', explanation_of_benefit_id, NULL, member_id, 'no day of service'
FROM mine WHERE service_start IS NULL
UNION ALL
SELECT connection_id, 'undated fill', 'warning', 'medication_fill', source_id, NULL, member_id,
       source || coalesce(' of ' || coalesce(drug_name, ndc_code, drug_code), '')
FROM fill WHERE fill_date IS NULL
UNION ALL
SELECT connection_id, 'fill without days of supply', 'warning', 'medication_fill', source_id, NULL, member_id,
       source || coalesce(' of ' || coalesce(drug_name, ndc_code, drug_code), '')
FROM fill WHERE coalesce(days_supply, 0) <= 0
UNION ALL
SELECT connection_id, 'invalid NDC', 'warning', 'medication_fill', source_id, NULL, member_id, coalesce(ndc_sent_code, drug_code)
FROM fill WHERE ndc_code IS NULL AND (ndc_sent_code IS NOT NULL OR drug_system LIKE '%/sid/ndc')
UNION ALL
SELECT p.connection_id, 'invalid NPI', 'warning', p.provider_type, p.provider_id, NULL, NULL, p.npi
FROM temp.mart_scope CROSS JOIN provider AS p ON p.connection_id = mart_scope.connection_id
WHERE NOT npi_is_valid(p.npi)
UNION ALL
SELECT connection_id, 'invalid NPI', 'warning', 'claim', explanation_of_benefit_id, NULL, member_id, provider_npi
FROM mine WHERE NOT npi_is_valid(provider_npi)
UNION ALL
SELECT connection_id, 'negative amount', 'warning', 'claim_current', explanation_of_benefit_id, NULL, member_id,
       'plan paid ' || printf('%.2f', plan_paid_amount)
FROM mine WHERE is_current AND NOT is_difference AND plan_paid_cents < 0
UNION ALL
SELECT connection_id, 'replacement not here', 'warning', 'claim', explanation_of_benefit_id, NULL, member_id, 'claim ' || coalesce(claim_number, '')
FROM mine WHERE replacement_missing
UNION ALL
SELECT connection_id, 'number repeats', 'notice', 'claim', explanation_of_benefit_id, NULL, member_id,
       alike || ' claims have the number ' || claim_number
FROM (
  -- A stay's interim bills and late charges may have one number.
  SELECT c.*, c.same_number_count - (SELECT count(*) FROM claim AS o
           WHERE o.claim_number = c.claim_number AND o.connection_id = c.connection_id AND o.patient_id IS c.patient_id
             AND o.frequency_code IN ('2', '3', '4', '5')) AS alike
  FROM mine AS c
  WHERE c.same_number_count > 1 AND coalesce(c.frequency_code, '') NOT IN ('2', '3', '4', '5')
)
WHERE alike > 1
UNION ALL
SELECT c.connection_id, 'claim without lines', 'notice', 'claim', c.explanation_of_benefit_id, NULL, c.member_id, NULL
FROM mine AS c
WHERE c.line_count = 0 AND NOT EXISTS (SELECT 1 FROM claim_line AS l WHERE l.connection_id = c.connection_id
  AND l.explanation_of_benefit_id = c.explanation_of_benefit_id);
