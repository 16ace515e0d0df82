-- For which claims do the amounts not agree?
--
-- Grain: one row per claim and disagreement, and per line where lines disagree with their parts; empty
-- when everything agrees to the cent. Amounts are compared where both sides are stated, in claims that
-- are neither drafts nor entered in error. Where some line states no amount at all, the others are a
-- part of the claim and may come to less. Parts are compared where each of them states the amount.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   the claim
-- problem                     header and lines (the header's amount of a kind is not the sum of the lines'), total and
--                             adjudication (the two amounts of a kind that the header states differ), payment
--                             and header, payment and lines (the payment is not what the amounts paid come to),
--                             line and details, detail and sub-details (the amount is not the sum of its parts'),
--                             ledger and claim (the ledger's sum over a claim's versions is not what its current
--                             version says was paid), mixed currencies, reversal without payment (a void that takes
--                             back nothing that is here: its payment is negative, or a claim of its day
--                             and charge still stands), reversal in another currency (than that of the
--                             claim it takes back)
-- kind                        kind of amount
-- line_key                    the line, as in claim_line; NULL where the claim as a whole disagrees
-- one_amount                  the header's amount, its total, the payment, the line's amount, or the ledger's sum
-- one_cents                   the same in cents
-- other_amount                the sum of the lines, of the parts, of the adjudications, of the amounts paid, or of the current version
-- other_cents                 the same in cents
-- difference_cents            the first less the second, in cents
CREATE TABLE reconciliation (
  connection_id INTEGER NOT NULL,
  explanation_of_benefit_id TEXT NOT NULL,
  problem TEXT NOT NULL,
  kind TEXT NOT NULL,
  line_key INTEGER,
  one_amount REAL,
  one_cents INTEGER,
  other_amount REAL,
  other_cents INTEGER,
  difference_cents INTEGER,
  PRIMARY KEY (connection_id, explanation_of_benefit_id, problem, kind, line_key)
);
INSERT INTO reconciliation
WITH checked AS (
  SELECT c.* FROM temp.mart_scope CROSS JOIN claim AS c ON c.connection_id = mart_scope.connection_id
  WHERE coalesce(c.status, 'active') NOT IN ('draft', 'entered-in-error')
), paid_header AS (
  SELECT connection_id, id, coalesce(sum(CASE WHEN kind <> 'benefit' THEN header_amount END), sum(header_amount)) AS header_amount,
         (SELECT lines_plan_paid FROM temp.claim_money AS m
          WHERE m.connection_id = claim_amount.connection_id AND m.id = claim_amount.id) AS line_amount
  FROM temp.claim_amount
  WHERE kind IN ('paid_to_provider', 'paid_to_patient', 'benefit')
  GROUP BY connection_id, id
), silent AS (
  SELECT c.connection_id, c.explanation_of_benefit_id AS id
  FROM checked AS c
  JOIN claim_line AS l ON l.connection_id = c.connection_id AND l.explanation_of_benefit_id = c.explanation_of_benefit_id
  LEFT JOIN temp.line_money AS m ON m.connection_id = l.connection_id AND m.id = l.explanation_of_benefit_id
    AND m.level = 'item' AND m.line = l.item_index
  WHERE l.item_index IS NOT NULL AND NOT l.is_total AND m.id IS NULL
), found(connection_id, id, problem, kind, line_key, one_amount, other_amount) AS (
  SELECT c.connection_id, c.explanation_of_benefit_id, 'header and lines', a.kind, NULL, a.header_amount, a.line_amount
  FROM checked AS c
  JOIN temp.claim_amount AS a ON a.connection_id = c.connection_id AND a.id = c.explanation_of_benefit_id
  WHERE NOT c.is_mixed_currency
  UNION ALL
  SELECT c.connection_id, c.explanation_of_benefit_id, 'payment and header', 'plan_paid', NULL, c.payment_amount, p.header_amount
  FROM checked AS c
  JOIN paid_header AS p ON p.connection_id = c.connection_id AND p.id = c.explanation_of_benefit_id
  UNION ALL
  SELECT c.connection_id, c.explanation_of_benefit_id, 'payment and lines', 'plan_paid', NULL, c.payment_amount, p.line_amount
  FROM checked AS c
  JOIN paid_header AS p ON p.connection_id = c.connection_id AND p.id = c.explanation_of_benefit_id
  WHERE p.header_amount IS NULL
  UNION ALL
  SELECT c.connection_id, c.explanation_of_benefit_id, 'total and adjudication', a.kind, NULL, a.total_amount, a.adjudicated_amount
  FROM checked AS c
  JOIN temp.claim_amount AS a ON a.connection_id = c.connection_id AND a.id = c.explanation_of_benefit_id
  WHERE NOT c.is_mixed_currency
  UNION ALL
  SELECT c.connection_id, c.explanation_of_benefit_id, b.problem, b.kind, l.line_key, b.amount, b.part_amount
  FROM temp.breakdown AS b
  CROSS JOIN checked AS c ON c.connection_id = b.connection_id AND c.explanation_of_benefit_id = b.id
  CROSS JOIN claim_line AS l ON l.connection_id = b.connection_id AND l.explanation_of_benefit_id = b.id
    AND CASE b.level WHEN 'item' THEN l.item_index ELSE l.add_item_index END = b.line
  WHERE NOT c.is_mixed_currency
), only_source AS (
  SELECT connection_id, min(source_id) AS source_id FROM temp.record_source GROUP BY connection_id
), ledger AS (
  SELECT coalesce(p.source_id, o.source_id) AS source_id, l.claim_key, sum(l.amount) AS amount
  FROM only_source AS o CROSS JOIN payment_ledger AS l ON l.connection_id = o.connection_id
  LEFT JOIN temp.person AS p ON p.connection_id = l.connection_id AND p.patient_id = l.patient_id
  GROUP BY 1, 2
), standing AS (
  SELECT coalesce(p.source_id, o.source_id) AS source_id, c.claim_key, sum(c.plan_paid_amount) AS amount
  FROM only_source AS o CROSS JOIN claim_current AS c ON c.connection_id = o.connection_id
  LEFT JOIN temp.person AS p ON p.connection_id = c.connection_id AND p.patient_id = c.patient_id
  GROUP BY 1, 2
)
SELECT connection_id, id, problem, kind, line_key, one_amount, one_cents, other_amount, other_cents, one_cents - other_cents
FROM (SELECT found.*, cents_of(round(one_amount, 6)) AS one_cents, cents_of(round(other_amount, 6)) AS other_cents FROM found)
WHERE one_cents <> other_cents
  AND NOT (problem IN ('header and lines', 'payment and lines') AND abs(other_amount) < abs(one_amount)
    AND (connection_id, id) IN (SELECT connection_id, id FROM silent))
UNION ALL
-- The versions of a claim may have come through several consents to the same records.
SELECT first.connection_id, l.claim_key, 'ledger and claim', 'plan_paid', NULL,
       l.amount, cents_of(round(l.amount, 6)), s.amount, cents_of(round(s.amount, 6)),
       cents_of(round(l.amount, 6)) - cents_of(round(coalesce(s.amount, 0), 6))
FROM ledger AS l
LEFT JOIN standing AS s ON s.source_id = l.source_id AND s.claim_key = l.claim_key
CROSS JOIN temp.record_source AS o ON o.source_id = l.source_id
CROSS JOIN claim AS first ON first.connection_id = o.connection_id AND first.explanation_of_benefit_id = l.claim_key
WHERE cents_of(round(l.amount, 6)) <> cents_of(round(coalesce(s.amount, 0), 6))
UNION ALL
SELECT connection_id, explanation_of_benefit_id, 'mixed currencies', '', NULL, NULL, NULL, NULL, NULL, NULL
FROM checked
WHERE is_mixed_currency
UNION ALL
SELECT c.connection_id, c.explanation_of_benefit_id,
       CASE WHEN EXISTS (SELECT 1 FROM claim_lineage AS l
              JOIN claim AS o ON o.connection_id = l.connection_id AND o.explanation_of_benefit_id = l.explanation_of_benefit_id
              WHERE l.replaced_by_connection_id = c.connection_id AND l.replaced_by_id = c.explanation_of_benefit_id
                AND l.relationship = 'void' AND upper(o.currency) <> upper(c.currency))
            THEN 'reversal in another currency' ELSE 'reversal without payment' END,
       'plan_paid', NULL, c.plan_paid_amount, c.plan_paid_cents, NULL, NULL, NULL
FROM checked AS c
WHERE c.is_void AND c.reverses_id IS NULL AND coalesce(c.status, 'active') <> 'cancelled'
  AND CASE WHEN c.plan_paid_cents < 0 THEN
    -- What differences left of a payment is taken back by no single claim.
    c.plan_paid_cents IS NOT (SELECT CASE WHEN max(o.is_difference) THEN -sum(o.plan_paid_cents) END
      FROM claim_lineage AS l
      JOIN claim AS o ON o.connection_id = l.connection_id AND o.explanation_of_benefit_id = l.explanation_of_benefit_id
      WHERE l.replaced_by_connection_id = c.connection_id AND l.replaced_by_id = c.explanation_of_benefit_id AND NOT o.is_void)
  ELSE
    -- Without an amount of its own a void ends the claims that it names. Frequency D cancels a notice, which
    -- was never paid. If the voided claim is not here, no amount is wrong.
    c.replaced_by_id IS NULL AND c.frequency_code IS NOT 'D' AND NOT EXISTS (SELECT 1 FROM claim_lineage AS l
      WHERE l.replaced_by_connection_id = c.connection_id AND l.replaced_by_id = c.explanation_of_benefit_id AND l.relationship = 'void')
    AND EXISTS (SELECT 1 FROM temp.record_source AS here
      CROSS JOIN temp.record_source AS beside ON beside.source_id = here.source_id
      CROSS JOIN claim_current AS o ON o.connection_id = beside.connection_id
      WHERE here.connection_id = c.connection_id AND o.patient_id IS c.patient_id AND o.kind IS c.kind
        AND o.service_start_date = c.service_start_date AND abs(o.submitted_cents) = abs(c.submitted_cents)
        AND coalesce(o.created_date <= c.created_date, 1))
  END;
