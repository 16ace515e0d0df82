-- Who performed each line of a claim, as the number of the row in the care team. Line -1 is the only one who
-- performed a claim of which no line points at anybody.
CREATE TEMP TABLE line_performer (
  connection_id INTEGER, id TEXT, line INTEGER, row_no INTEGER, PRIMARY KEY (connection_id, id, line)
) WITHOUT ROWID;
INSERT INTO temp.line_performer
SELECT connection_id, id, line, row_no
FROM (
  SELECT k.connection_id, k.explanation_of_benefit_id AS id, k.item_index AS line, t.row_no,
         row_number() OVER (
           PARTITION BY mart_scope.connection_id, k.explanation_of_benefit_id, k.item_index
           ORDER BY coalesce(lower(t.role_code), '') NOT IN ('performing', 'rendering'), t.sequence IS NULL, k.row_no, t.row_no) AS place
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item_link AS k ON k.connection_id = mart_scope.connection_id
  CROSS JOIN explanation_of_benefit_care_team AS t
    ON t.connection_id = k.connection_id AND t.explanation_of_benefit_id = k.explanation_of_benefit_id
   AND coalesce(t.sequence, t.care_team_index + 1) = k.target_sequence
  WHERE k.target = 'careTeam'
    AND coalesce(lower(t.role_code), '') NOT IN ('referring', 'prescribing', 'prescriber', 'pcp')
)
WHERE place = 1
UNION ALL
SELECT t.connection_id, t.explanation_of_benefit_id, -1, min(t.row_no)
FROM temp.mart_scope CROSS JOIN explanation_of_benefit_care_team AS t ON t.connection_id = mart_scope.connection_id
WHERE lower(t.role_code) IN ('performing', 'rendering')
  AND NOT EXISTS (SELECT 1 FROM explanation_of_benefit_item_link AS k WHERE k.connection_id = t.connection_id
    AND k.explanation_of_benefit_id = t.explanation_of_benefit_id AND k.target = 'careTeam')
GROUP BY mart_scope.connection_id, t.explanation_of_benefit_id
HAVING count(DISTINCT coalesce(t.provider_reference, t.provider_identifier_value, t.provider_display)) = 1;
