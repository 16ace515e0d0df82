-- Of a resource that came through several consents to the same records, the copy counts that was
-- updated last, then the one of the connection made first.
INSERT OR IGNORE INTO temp.duplicate
SELECT r.connection_id, r.resource_type, r.resource_id
FROM temp.mart_scope AS s
JOIN temp.mart_scope AS t ON t.source_id = s.source_id AND t.connection_id <> s.connection_id
CROSS JOIN resource AS r ON r.connection_id = s.connection_id AND r.deleted_at IS NULL
 AND r.resource_type IN ('ExplanationOfBenefit', 'Coverage', 'Condition', 'MedicationDispense', 'Observation', 'Procedure')
CROSS JOIN resource AS o ON o.connection_id = t.connection_id AND o.resource_type = r.resource_type
 AND o.resource_id = r.resource_id AND o.deleted_at IS NULL
WHERE (coalesce(o.last_updated, ''), -o.connection_id) > (coalesce(r.last_updated, ''), -r.connection_id);
