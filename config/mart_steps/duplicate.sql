-- Which copies of a resource do not count, of those that came through several connections to the same records.
--
-- The copy counts that was updated last. If no update is known, or both are of one instant, a plan's copy
-- counts before a file's, since the age of a file is not known; then the copy that came last. Of equal
-- copies, that of the connection made first counts. A copy that a file brought is a file's, also in a plan's
-- connection.
--
-- Once a plan has proved through one connection that the resource is deleted, the copies of files count only
-- if they were updated after the copy that is deleted. A plan's copy no longer counts if its connection has
-- not been walked since: if it came before the deletion, and no walk over the type has been completed in the
-- run of the deletion or later. Its consent has then ended, or the plan does not answer it.
--
-- As long as such walks are completed, the copy counts until its own connection proves the deletion: one
-- consent may not see all that another one sees. So a dead copy may count for a while, also a copy that no
-- list brings, or that the last full walk missed. That is better than a live copy that counts nowhere.
--
-- A resource that a plan now gives to another patient is deleted in one connection only. The read has brought
-- it, with status 200. This says nothing about the other copies.
--
-- Files may hold records of two plans, and both plans may have used the same id. A resource is therefore
-- compared with those of its own patient's records only. If the patient is not known, all records of its
-- connection count.
INSERT OR IGNORE INTO temp.duplicate
WITH shared AS (
  SELECT source_id FROM temp.record_source GROUP BY source_id HAVING count(*) > 1
), held AS (
  SELECT r.connection_id, r.resource_type, r.resource_id, r.content_hash, r.received_at,
         made_at(NULL, r.last_updated) AS updated_at,
         NOT EXISTS (SELECT 1 FROM sync_walk AS w WHERE w.id = r.walk_id AND w.mode = 'file') AS is_of_plan,
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
), gone AS MATERIALIZED (
  SELECT s.source_id, r.resource_type, r.resource_id, max(r.deleted_at) AS deleted_at,
         max(made_at(NULL, r.last_updated)) AS updated_at
  FROM temp.record_source AS s
  CROSS JOIN resource AS r ON r.connection_id = s.connection_id AND r.deleted_at > ''
   AND r.resource_type IN ('ExplanationOfBenefit', 'Coverage', 'Condition', 'MedicationDispense', 'Observation', 'Procedure')
  WHERE s.source_id IN (SELECT source_id FROM shared)
    AND NOT EXISTS (SELECT 1 FROM absent_resource AS a WHERE a.connection_id = r.connection_id
      AND a.resource_type = r.resource_type AND a.resource_id = r.resource_id AND a.state = 'deleted' AND a.http_status = 200)
  GROUP BY s.source_id, r.resource_type, r.resource_id
), copy AS MATERIALIZED (
  SELECT h.*, s.source_id,
         CASE WHEN g.deleted_at IS NULL THEN 0
              WHEN NOT h.is_of_plan THEN coalesce(h.updated_at <= g.updated_at, 1)
              WHEN h.received_at >= g.deleted_at THEN 0
              ELSE NOT EXISTS (
                SELECT 1 FROM sync_walk AS w WHERE w.connection_id = h.connection_id AND w.resource_type = h.resource_type
                  AND w.state = 'complete' AND w.mode <> 'file'
                  AND w.started_at >= coalesce((SELECT u.started_at FROM sync_run AS u WHERE u.started_at <= g.deleted_at
                                                ORDER BY u.id DESC LIMIT 1), g.deleted_at))
              END AS is_gone
  FROM held AS h
  LEFT JOIN temp.person AS p ON p.connection_id = h.connection_id AND p.patient_id = h.patient_id
  CROSS JOIN temp.record_source AS s ON s.connection_id = h.connection_id AND s.source_id = coalesce(p.source_id, s.source_id)
  LEFT JOIN gone AS g ON g.source_id = s.source_id AND g.resource_type = h.resource_type AND g.resource_id = h.resource_id
  WHERE s.source_id IN (SELECT source_id FROM shared)
), compared AS (
  SELECT connection_id, source_id, resource_type, resource_id,
         updated_at IS first_value(updated_at) OVER newest
           AND content_hash IS first_value(content_hash) OVER newest AS is_newest
  FROM copy
  WHERE NOT is_gone
  WINDOW newest AS (PARTITION BY source_id, resource_type, resource_id
                    ORDER BY updated_at DESC, is_of_plan DESC, received_at DESC, connection_id)
)
SELECT connection_id, resource_type, resource_id FROM copy WHERE is_gone
UNION ALL
SELECT connection_id, resource_type, resource_id
FROM (
  SELECT connection_id, resource_type, resource_id,
         row_number() OVER (PARTITION BY source_id, resource_type, resource_id
                            ORDER BY is_newest DESC, connection_id) AS place
  FROM compared
)
WHERE place > 1;
