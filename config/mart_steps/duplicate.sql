-- Of a resource that came through several consents to the same records, the copy counts that was
-- updated last, then the one of the connection made first.
--
-- Files may hold records of two plans, and both plans may have used the same id. A resource is therefore compared
-- with those of its own patient's records only. If the patient is not known, all records of its connection count.
INSERT OR IGNORE INTO temp.duplicate
WITH shared AS (
  SELECT source_id FROM temp.record_source GROUP BY source_id HAVING count(*) > 1
), held AS (
  SELECT r.connection_id, r.resource_type, r.resource_id, r.last_updated,
         CASE r.resource_type
           WHEN 'ExplanationOfBenefit' THEN
             (SELECT max(t.patient_id) FROM explanation_of_benefit AS t WHERE t.connection_id = r.connection_id AND t.id = r.resource_id)
           WHEN 'Coverage' THEN
             (SELECT max(t.beneficiary_id) FROM coverage AS t WHERE t.connection_id = r.connection_id AND t.id = r.resource_id)
           WHEN 'Condition' THEN
             (SELECT max(t.patient_id) FROM condition AS t WHERE t.connection_id = r.connection_id AND t.id = r.resource_id)
           WHEN 'MedicationDispense' THEN
             (SELECT max(t.patient_id) FROM medication_dispense AS t WHERE t.connection_id = r.connection_id AND t.id = r.resource_id)
           WHEN 'Observation' THEN
             (SELECT max(t.patient_id) FROM observation AS t WHERE t.connection_id = r.connection_id AND t.id = r.resource_id)
           WHEN 'Procedure' THEN
             (SELECT max(t.patient_id) FROM "procedure" AS t WHERE t.connection_id = r.connection_id AND t.id = r.resource_id)
         END AS patient_id
  FROM (SELECT DISTINCT connection_id FROM temp.record_source WHERE source_id IN (SELECT source_id FROM shared)) AS s
  CROSS JOIN resource AS r ON r.connection_id = s.connection_id AND r.deleted_at IS NULL
   AND r.resource_type IN ('ExplanationOfBenefit', 'Coverage', 'Condition', 'MedicationDispense', 'Observation', 'Procedure')
)
SELECT connection_id, resource_type, resource_id
FROM (
  SELECT h.connection_id, h.resource_type, h.resource_id,
         row_number() OVER (PARTITION BY s.source_id, h.resource_type, h.resource_id
                            ORDER BY coalesce(h.last_updated, '') DESC, h.connection_id) AS place
  FROM held AS h
  LEFT JOIN temp.person AS p ON p.connection_id = h.connection_id AND p.patient_id = h.patient_id
  CROSS JOIN temp.record_source AS s ON s.connection_id = h.connection_id AND s.source_id = coalesce(p.source_id, s.source_id)
  WHERE s.source_id IN (SELECT source_id FROM shared)
)
WHERE place > 1;
