-- What came, changed and went between two runs?
--
-- Grain: one row per event of a resource: it came, changed, went or came back. Take the events between
-- two runs by run_id (run_id > 12 AND run_id <= 15) or by day. The first run brings everything.
-- Versions that were pruned (keep_versions_days) are gone from here, too: such a resource's history
-- begins with the first version that is kept.
--
-- connection_id             whose consent the row came through
-- run_id                    the run in which it was noticed, id in sync_run
-- changed_at                the moment, UTC
-- changed_date              its day
-- change                    came, changed, went or came back
-- resource_type             FHIR type
-- resource_id               id of the resource
-- patient_id                the member, of a claim or coverage that is held now
-- what                      what it is in words, as it is held now; of what went, its type
-- before_words              before a change or the end: its status, and what was paid for a claim
-- after_words               after a change: the same
CREATE VIEW changes AS
WITH event AS (
  SELECT r.connection_id, r.resource_type, r.resource_id, r.received_at AS at,
         CASE WHEN EXISTS (SELECT 1 FROM resource_version AS v WHERE v.connection_id = r.connection_id
                AND v.resource_type = r.resource_type AND v.resource_id = r.resource_id
                AND v.valid_from < v.valid_to AND v.valid_to = r.received_at) THEN 'changed'
              WHEN EXISTS (SELECT 1 FROM resource_version AS v WHERE v.connection_id = r.connection_id
                AND v.resource_type = r.resource_type AND v.resource_id = r.resource_id
                AND v.valid_from < v.valid_to AND v.valid_to < r.received_at) THEN 'came back'
              ELSE 'came' END AS change
  FROM resource AS r
  WHERE r.deleted_at IS NULL
  UNION ALL
  SELECT r.connection_id, r.resource_type, r.resource_id, r.deleted_at, 'went'
  FROM resource AS r
  WHERE r.deleted_at IS NOT NULL
  UNION ALL
  SELECT w.connection_id, w.resource_type, w.resource_id, w.valid_from,
         CASE WHEN EXISTS (SELECT 1 FROM resource_version AS v WHERE v.connection_id = w.connection_id
                AND v.resource_type = w.resource_type AND v.resource_id = w.resource_id
                AND v.valid_from < v.valid_to AND v.valid_to = w.valid_from) THEN 'changed'
              WHEN EXISTS (SELECT 1 FROM resource_version AS v WHERE v.connection_id = w.connection_id
                AND v.resource_type = w.resource_type AND v.resource_id = w.resource_id
                AND v.valid_from < v.valid_to AND v.valid_to < w.valid_from) THEN 'came back'
              ELSE 'came' END
  FROM resource_version AS w
  WHERE w.valid_from < w.valid_to
  UNION ALL
  -- It went and came back: nothing begins where this version ends.
  SELECT w.connection_id, w.resource_type, w.resource_id, w.valid_to, 'went'
  FROM resource_version AS w
  JOIN resource AS r ON r.connection_id = w.connection_id AND r.resource_type = w.resource_type AND r.resource_id = w.resource_id
  WHERE w.valid_from < w.valid_to AND r.received_at <> w.valid_to AND coalesce(r.deleted_at, '') <> w.valid_to
    AND NOT EXISTS (SELECT 1 FROM resource_version AS v WHERE v.connection_id = w.connection_id
      AND v.resource_type = w.resource_type AND v.resource_id = w.resource_id
      AND v.valid_from < v.valid_to AND v.valid_from = w.valid_to)
)
SELECT e.connection_id,
       (SELECT max(n.id) FROM sync_run AS n WHERE n.started_at <= e.at) AS run_id,
       e.at AS changed_at,
       substr(e.at, 1, 10) AS changed_date,
       e.change,
       e.resource_type,
       e.resource_id,
       coalesce(c.patient_id, s.patient_id) AS patient_id,
       CASE WHEN c.connection_id IS NOT NULL
              THEN coalesce(c.kind || ' ', '') || 'claim of ' || coalesce(c.service_start_date, 'an unknown day')
                || coalesce(' by ' || c.provider_name, '')
                || CASE WHEN c.plan_paid_amount IS NULL THEN '' ELSE ', plan paid ' || printf('%.2f', c.plan_paid_amount) END
            WHEN s.connection_id IS NOT NULL
              THEN 'coverage' || coalesce(' by ' || s.payer_name, '') || coalesce(' from ' || s.coverage_start_date, '')
                || coalesce(' to ' || s.coverage_end_date, '')
            ELSE e.resource_type || coalesce(': ' || CASE e.resource_type
           WHEN 'Condition' THEN (SELECT max(coalesce(x.code_display, x.code_text)) FROM condition AS x
             WHERE x.connection_id = e.connection_id AND x.id = e.resource_id)
           WHEN 'Observation' THEN (SELECT max(coalesce(x.code_display, x.code_text)) FROM observation AS x
             WHERE x.connection_id = e.connection_id AND x.id = e.resource_id)
           WHEN 'MedicationRequest' THEN (SELECT max(coalesce(x.medication_display, x.medication_text)) FROM medication_request AS x
             WHERE x.connection_id = e.connection_id AND x.id = e.resource_id)
           WHEN 'Procedure' THEN (SELECT max(coalesce(x.code_display, x.code_text)) FROM "procedure" AS x
             WHERE x.connection_id = e.connection_id AND x.id = e.resource_id)
           WHEN 'Immunization' THEN (SELECT max(coalesce(x.vaccine_code_display, x.vaccine_code_text)) FROM immunization AS x
             WHERE x.connection_id = e.connection_id AND x.id = e.resource_id)
           WHEN 'Organization' THEN (SELECT max(x.name) FROM organization AS x
             WHERE x.connection_id = e.connection_id AND x.id = e.resource_id)
           END, '') END AS what,
       -- SQLite refuses JSON that is nested more than 1,000 deep, and with it the whole answer.
       CASE WHEN e.change IN ('changed', 'went') THEN
         (SELECT max(coalesce((CASE WHEN json_valid(v.json) THEN v.json END) ->> '$.status', CASE WHEN json_valid(v.json) THEN 'without a status' ELSE 'nested too deep to read' END)
            || coalesce(', paid ' || ((CASE WHEN json_valid(v.json) THEN v.json END) ->> '$.payment.amount.value'), ''))
          FROM resource_version AS v WHERE v.connection_id = e.connection_id AND v.resource_type = e.resource_type
            AND v.resource_id = e.resource_id AND v.valid_from < v.valid_to AND v.valid_to = e.at) END AS before_words,
       CASE WHEN e.change = 'changed' THEN coalesce(
         (SELECT max(coalesce((CASE WHEN json_valid(v.json) THEN v.json END) ->> '$.status', CASE WHEN json_valid(v.json) THEN 'without a status' ELSE 'nested too deep to read' END)
            || coalesce(', paid ' || ((CASE WHEN json_valid(v.json) THEN v.json END) ->> '$.payment.amount.value'), ''))
          FROM resource_version AS v WHERE v.connection_id = e.connection_id AND v.resource_type = e.resource_type
            AND v.resource_id = e.resource_id AND v.valid_from < v.valid_to AND v.valid_from = e.at),
         (SELECT max(coalesce((CASE WHEN json_valid(r.json) THEN r.json END) ->> '$.status', CASE WHEN json_valid(r.json) THEN 'without a status' ELSE 'nested too deep to read' END)
            || coalesce(', paid ' || ((CASE WHEN json_valid(r.json) THEN r.json END) ->> '$.payment.amount.value'), ''))
          FROM resource AS r WHERE r.connection_id = e.connection_id AND r.resource_type = e.resource_type
            AND r.resource_id = e.resource_id AND r.received_at = e.at)) END AS after_words
FROM event AS e
LEFT JOIN claim AS c ON e.resource_type = 'ExplanationOfBenefit' AND c.connection_id = e.connection_id
  AND c.explanation_of_benefit_id = e.resource_id AND e.change <> 'went'
LEFT JOIN coverage_span AS s ON e.resource_type = 'Coverage' AND s.connection_id = e.connection_id
  AND s.coverage_id = e.resource_id AND e.change <> 'went';
