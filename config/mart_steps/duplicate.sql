-- Of a resource that came through several consents to the same records, the copy counts that was
-- updated last, then the one of the connection made first.
INSERT OR IGNORE INTO temp.duplicate
SELECT connection_id, resource_type, resource_id
FROM (
  SELECT r.connection_id, r.resource_type, r.resource_id,
         row_number() OVER (PARTITION BY s.source_id, r.resource_type, r.resource_id
                            ORDER BY coalesce(r.last_updated, '') DESC, r.connection_id) AS place
  FROM temp.record_source AS s
  CROSS JOIN resource AS r ON r.connection_id = s.connection_id AND r.deleted_at IS NULL
   AND r.resource_type IN ('ExplanationOfBenefit', 'Coverage', 'Condition', 'MedicationDispense', 'Observation', 'Procedure')
  WHERE s.source_id IN (SELECT source_id FROM temp.record_source GROUP BY source_id HAVING count(*) > 1)
)
WHERE place > 1;
