-- Which claims stand today? Use this one for spend and utilization.
--
-- Grain: one row per claim that is not cancelled, not a draft, not entered in error and not
-- replaced by a later claim that is in the warehouse (see claim_lineage).
--
-- A claim whose payer names a replacement that has not arrived stays, marked, since nothing
-- better is known. A claim that voids another without a payment stays as well, with its own amounts.
--
-- All columns of claim, and
-- replaces_count          how many earlier claims this one takes the place of
-- replacement_missing     1 when the payer says it was replaced by a claim that is not here
CREATE VIEW claim_current AS
WITH lineage AS MATERIALIZED (
  SELECT connection_id, explanation_of_benefit_id, replaced_by_id FROM claim_lineage
), replaces AS (
  SELECT connection_id, replaced_by_id, count(*) AS replaces_count
  FROM lineage
  GROUP BY connection_id, replaced_by_id
), replaced AS (
  SELECT DISTINCT connection_id, explanation_of_benefit_id FROM lineage
)
SELECT c.*,
       coalesce(replaces.replaces_count, 0) AS replaces_count,
       EXISTS (
         SELECT 1 FROM explanation_of_benefit_related AS r
         WHERE r.connection_id = c.connection_id AND r.explanation_of_benefit_id = c.explanation_of_benefit_id
           AND lower(coalesce(r.relationship_code, r.relationship_text)) = 'replacedby'
           AND NOT EXISTS (
             SELECT 1 FROM explanation_of_benefit AS e
             WHERE e.connection_id = r.connection_id
               AND (e.id IN (r.related_claim_id, replace(r.related_claim_reference, 'ExplanationOfBenefit/', ''),
                             replace(r.reference_value, 'ExplanationOfBenefit/', ''))
                    OR e.claim_id = r.related_claim_id))
           AND NOT EXISTS (
             SELECT 1 FROM explanation_of_benefit_identifier AS i
             WHERE i.connection_id = r.connection_id
               AND i.value IN (replace(r.reference_value, 'ExplanationOfBenefit/', ''), r.related_claim_identifier_value))
       ) AS replacement_missing
FROM claim AS c
LEFT JOIN replaces
  ON replaces.connection_id = c.connection_id AND replaces.replaced_by_id = c.explanation_of_benefit_id
LEFT JOIN replaced
  ON replaced.connection_id = c.connection_id AND replaced.explanation_of_benefit_id = c.explanation_of_benefit_id
WHERE coalesce(c.status, 'active') NOT IN ('cancelled', 'draft', 'entered-in-error')
  AND replaced.connection_id IS NULL;
