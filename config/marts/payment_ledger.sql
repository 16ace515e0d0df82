-- How much money moved, reversals included, so that a plain sum is right?
--
-- Grain: one row per entry. Each claim with a payment gives one entry. A payment that no
-- longer stands, because its claim was cancelled or replaced, gives a second entry that takes
-- it back, unless the payer already sent the opposite amount in a related claim or in one with
-- the same number. Sum amount per claim number, member or month and the reversals net out.
--
-- Caveats: payers that send only the difference in an adjusted claim are overcorrected; look
-- at entries of kind implied reversal. Drafts and claims entered in error are left out.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   the claim of the entry
-- kind                        payment, reversal (the payer sent a negative amount) or implied reversal
-- claim_number                number of the claim
-- patient_id                  the member, id in patient
-- entry_date                  date of the payment, else of the explanation; of an implied reversal,
--                             that of the replacing claim, else of the claim itself
-- amount                      what the plan paid; negative when taken back
-- currency                    currency of the amount
-- provider_name               who is paid
-- claim_status                status of the claim
-- replaced_by_id              the claim that made the reversal necessary, id in explanation_of_benefit
CREATE VIEW payment_ledger AS
WITH lineage AS MATERIALIZED (
  SELECT connection_id, explanation_of_benefit_id, replaced_by_id, is_direct FROM claim_lineage
), paid AS MATERIALIZED (
  SELECT connection_id, explanation_of_benefit_id, claim_number, patient_id, status, currency, provider_name,
         coalesce(payment_date, created) AS entry_date, created, plan_paid_amount AS amount
  FROM claim
  WHERE plan_paid_amount IS NOT NULL AND coalesce(status, 'active') NOT IN ('draft', 'entered-in-error')
), opposite AS MATERIALIZED (
  SELECT connection_id, explanation_of_benefit_id, claim_number, amount FROM paid WHERE amount < 0
), replaced AS (
  SELECT connection_id, explanation_of_benefit_id,
         coalesce(min(CASE WHEN is_direct THEN replaced_by_id END), min(replaced_by_id)) AS replaced_by_id
  FROM lineage
  GROUP BY connection_id, explanation_of_benefit_id
), taken_back AS (
  SELECT p.connection_id, p.explanation_of_benefit_id
  FROM opposite AS o
  JOIN paid AS p ON p.connection_id = o.connection_id AND p.claim_number = o.claim_number
  WHERE abs(o.amount + p.amount) < 0.005
  UNION
  SELECT p.connection_id, p.explanation_of_benefit_id
  FROM opposite AS o
  JOIN lineage AS l ON l.connection_id = o.connection_id AND l.replaced_by_id = o.explanation_of_benefit_id
  JOIN paid AS p ON p.connection_id = l.connection_id AND p.explanation_of_benefit_id = l.explanation_of_benefit_id
  WHERE abs(o.amount + p.amount) < 0.005
  UNION
  SELECT p.connection_id, p.explanation_of_benefit_id
  FROM opposite AS o
  JOIN lineage AS l ON l.connection_id = o.connection_id AND l.explanation_of_benefit_id = o.explanation_of_benefit_id
  JOIN paid AS p ON p.connection_id = l.connection_id AND p.explanation_of_benefit_id = l.replaced_by_id
  WHERE abs(o.amount + p.amount) < 0.005
)
SELECT connection_id, explanation_of_benefit_id,
       CASE WHEN amount < 0 THEN 'reversal' ELSE 'payment' END AS kind,
       claim_number, patient_id, entry_date, amount, currency, provider_name,
       status AS claim_status, NULL AS replaced_by_id
FROM paid
UNION ALL
SELECT p.connection_id, p.explanation_of_benefit_id,
       'implied reversal',
       p.claim_number, p.patient_id,
       coalesce(n.created, p.entry_date),
       -p.amount, p.currency, p.provider_name, p.status, r.replaced_by_id
FROM paid AS p
LEFT JOIN replaced AS r
  ON r.connection_id = p.connection_id AND r.explanation_of_benefit_id = p.explanation_of_benefit_id
LEFT JOIN taken_back AS t
  ON t.connection_id = p.connection_id AND t.explanation_of_benefit_id = p.explanation_of_benefit_id
LEFT JOIN explanation_of_benefit AS n
  ON n.connection_id = r.connection_id AND n.id = r.replaced_by_id
WHERE p.amount > 0
  AND (p.status = 'cancelled' OR r.replaced_by_id IS NOT NULL)
  AND t.connection_id IS NULL;
