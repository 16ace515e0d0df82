-- Which claim was replaced by which?
--
-- Grain: one row per pair of a claim and a later claim that takes its place, direct or
-- through others. Both claims are in the warehouse, under the same connection.
--
-- Payers link an adjusted claim to the original with related: prior and replaces point back,
-- replacedby points forward. The other claim is found by its id, by the id of the claim it
-- explains, or by any of its numbers. Links to itself are ignored, and so are links to claims
-- that are not here and replacements that are drafts or entered in error. Where claims point
-- at each other in a circle, the one created last (then the one with the greatest id) wins.
--
-- CROSS JOIN below fixes the order in which SQLite reads: left to it, this view takes minutes
-- on a warehouse of a hundred members instead of a second.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   the claim that was replaced
-- replaced_by_id              the claim that takes its place, id in explanation_of_benefit
-- is_direct                   1 when the payer states this link itself, 0 when it follows from others
CREATE VIEW claim_lineage AS
WITH RECURSIVE stated AS (
  SELECT connection_id, explanation_of_benefit_id AS id,
         lower(coalesce(relationship_code, relationship_text)) AS relationship,
         related_claim_id, related_claim_reference, reference_value, related_claim_identifier_value
  FROM explanation_of_benefit_related
  WHERE lower(coalesce(relationship_code, relationship_text)) IN ('prior', 'replaces', 'replacedby')
), pointer AS MATERIALIZED (
  SELECT connection_id, id, relationship, related_claim_id AS target FROM stated WHERE related_claim_id IS NOT NULL
  UNION
  SELECT connection_id, id, relationship, replace(related_claim_reference, 'ExplanationOfBenefit/', '')
  FROM stated WHERE related_claim_reference IS NOT NULL
  UNION
  SELECT connection_id, id, relationship, replace(reference_value, 'ExplanationOfBenefit/', '')
  FROM stated WHERE reference_value IS NOT NULL
  UNION
  SELECT connection_id, id, relationship, related_claim_identifier_value
  FROM stated WHERE related_claim_identifier_value IS NOT NULL
), found AS (
  SELECT p.connection_id, p.id, p.relationship, e.id AS other
  FROM pointer AS p
  CROSS JOIN explanation_of_benefit AS e ON e.connection_id = p.connection_id AND e.id = p.target
  UNION
  SELECT p.connection_id, p.id, p.relationship, e.id
  FROM explanation_of_benefit AS e
  CROSS JOIN pointer AS p ON p.connection_id = e.connection_id AND p.target = e.claim_id
  UNION
  SELECT p.connection_id, p.id, p.relationship, i.explanation_of_benefit_id
  FROM explanation_of_benefit_identifier AS i
  CROSS JOIN pointer AS p ON p.connection_id = i.connection_id AND p.target = i.value
), directed AS (
  SELECT connection_id,
         CASE relationship WHEN 'replacedby' THEN id ELSE other END AS older,
         CASE relationship WHEN 'replacedby' THEN other ELSE id END AS newer
  FROM found
  WHERE id <> other
), link AS MATERIALIZED (
  SELECT DISTINCT d.connection_id, d.older, d.newer
  FROM directed AS d
  CROSS JOIN explanation_of_benefit AS n ON n.connection_id = d.connection_id AND n.id = d.newer
  CROSS JOIN explanation_of_benefit AS o ON o.connection_id = d.connection_id AND o.id = d.older
  WHERE coalesce(n.status, 'active') NOT IN ('draft', 'entered-in-error')
    AND coalesce(n."use", 'claim') = 'claim' AND coalesce(o."use", 'claim') = 'claim'
), inner_link AS MATERIALIZED (
  -- Links between claims that are both replaced. Only these can form longer chains or circles,
  -- and they are few: SQLite indexes them anew at every step of the recursion.
  SELECT connection_id, older, newer FROM link
  WHERE (connection_id, newer) IN (SELECT connection_id, older FROM link)
), inner_reach(connection_id, older, newer) AS (
  SELECT connection_id, older, newer FROM inner_link
  UNION
  SELECT inner_reach.connection_id, inner_reach.older, inner_link.newer
  FROM inner_reach
  JOIN inner_link ON inner_link.connection_id = inner_reach.connection_id AND inner_link.older = inner_reach.newer
), reach AS (
  SELECT connection_id, older, newer, TRUE AS is_direct FROM link
  UNION ALL
  SELECT i.connection_id, i.older, link.newer, FALSE
  FROM inner_reach AS i
  JOIN link ON link.connection_id = i.connection_id AND link.older = i.newer
), pair AS (
  SELECT connection_id, older, newer, max(is_direct) AS is_direct
  FROM reach
  WHERE older <> newer
  GROUP BY connection_id, older, newer
), told AS MATERIALIZED (
  -- Every CTE is expanded at each mention, and SQLite refuses a statement of a thousand tables:
  -- whether the opposite pair exists is counted here, not looked up in a second mention.
  SELECT *, count(*) OVER (
    PARTITION BY connection_id, min(older, newer), max(older, newer)
  ) = 2 AS is_circle
  FROM pair
)
SELECT r.connection_id,
       r.older AS explanation_of_benefit_id,
       r.newer AS replaced_by_id,
       r.is_direct
FROM told AS r
CROSS JOIN explanation_of_benefit AS o ON o.connection_id = r.connection_id AND o.id = r.older
CROSS JOIN explanation_of_benefit AS n ON n.connection_id = r.connection_id AND n.id = r.newer
WHERE NOT r.is_circle
   OR (coalesce(n.created, ''), n.id) > (coalesce(o.created, ''), o.id);
