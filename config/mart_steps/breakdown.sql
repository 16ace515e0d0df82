-- Amounts of lines and of their details that are broken down once more, beside what the parts come to.
--
-- Only where every part states the amount of that kind, itself or in all of its own parts. A net is
-- compared with nets alone. Of several details of a line the one that differs most stands here.
CREATE TEMP TABLE breakdown AS
WITH detail(connection_id, id, level, line, part) AS (
  SELECT d.connection_id, d.explanation_of_benefit_id, 'item', d.item_index, d.detail_index
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item_detail AS d ON d.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT d.connection_id, d.explanation_of_benefit_id, 'added', d.add_item_index, d.detail_index
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_add_item_detail AS d ON d.connection_id = mart_scope.connection_id
), sub_detail(connection_id, id, level, line, part) AS (
  SELECT d.connection_id, d.explanation_of_benefit_id, 'item', d.item_index, d.detail_index
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item_sub_detail AS d ON d.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT d.connection_id, d.explanation_of_benefit_id, 'added', d.add_item_index, d.detail_index
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_add_item_sub_detail AS d ON d.connection_id = mart_scope.connection_id
), detail_count AS MATERIALIZED (
  SELECT connection_id, id, level, line, count(*) AS parts FROM detail GROUP BY connection_id, id, level, line
), sub_detail_count AS MATERIALIZED (
  SELECT connection_id, id, level, line, part, count(*) AS parts FROM sub_detail GROUP BY connection_id, id, level, line, part
), stated AS MATERIALIZED (
  SELECT connection_id, id, level, line, part, depth, kind, amount, is_net
  FROM temp.stated_amount
  WHERE depth > 1 OR (connection_id, id, level, line) IN (SELECT connection_id, id, level, line FROM detail_count)
), by_sub_details AS MATERIALIZED (
  SELECT s.connection_id, s.id, s.level, s.line, s.part, s.kind, sum(s.amount) AS amount, min(s.is_net) AS is_net
  FROM stated AS s
  JOIN sub_detail_count AS n USING (connection_id, id, level, line, part)
  WHERE s.depth > 2
  GROUP BY s.connection_id, s.id, s.level, s.line, s.part, s.kind
  HAVING count(*) = n.parts AND min(s.is_net) = max(s.is_net)
), by_details AS (
  SELECT p.connection_id, p.id, p.level, p.line, p.kind, sum(p.amount) AS amount, min(p.is_net) AS is_net
  FROM (
    SELECT connection_id, id, level, line, kind, amount, is_net FROM stated WHERE depth = 2
    UNION ALL
    SELECT s.connection_id, s.id, s.level, s.line, s.kind, s.amount, s.is_net
    FROM by_sub_details AS s
    LEFT JOIN stated AS d ON d.connection_id = s.connection_id AND d.id = s.id AND d.level = s.level
      AND d.line = s.line AND d.part = s.part AND d.kind = s.kind AND d.depth = 2
    WHERE d.id IS NULL
  ) AS p
  JOIN detail_count AS n USING (connection_id, id, level, line)
  GROUP BY p.connection_id, p.id, p.level, p.line, p.kind
  HAVING count(*) = n.parts AND min(p.is_net) = max(p.is_net)
)
SELECT 'line and details' AS problem, s.connection_id, s.id, s.level, s.line, s.kind,
       round(s.amount, 6) AS amount, round(p.amount, 6) AS part_amount
FROM stated AS s
JOIN by_details AS p USING (connection_id, id, level, line, kind, is_net)
WHERE s.depth = 1
UNION ALL
SELECT problem, connection_id, id, level, line, kind, amount, part_amount
FROM (
  SELECT 'detail and sub-details' AS problem, s.connection_id, s.id, s.level, s.line, s.kind,
         round(s.amount, 6) AS amount, round(p.amount, 6) AS part_amount, max(abs(s.amount - p.amount))
  FROM stated AS s
  JOIN by_sub_details AS p USING (connection_id, id, level, line, part, kind, is_net)
  WHERE s.depth = 2
  GROUP BY s.connection_id, s.id, s.level, s.line, s.kind
);
CREATE INDEX temp.breakdown_of ON breakdown (connection_id, id);
