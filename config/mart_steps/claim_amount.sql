-- Each kind of amount of a claim: what the header states, what its lines come to, and which counts.
CREATE TEMP TABLE claim_amount AS
WITH summed AS (
  SELECT connection_id, id, kind,
         sum(CASE level WHEN 'total' THEN amount END) AS total_amount,
         sum(CASE level WHEN 'claim' THEN amount END) AS adjudicated_amount,
         -- A total line has zeroes for what it does not sum up.
         coalesce(sum(CASE level WHEN 'claim' THEN amount END),
           CASE WHEN kind IN ('submitted', 'noncovered') THEN max(CASE level WHEN 'total line' THEN amount END) END) AS claim_amount,
         sum(CASE WHEN level IN ('item', 'added') THEN amount END) AS line_amount,
         min(currency) AS currency, max(last_currency) AS last_currency
  FROM temp.amount
  GROUP BY connection_id, id, kind
)
SELECT connection_id, id, kind, total_amount, adjudicated_amount, coalesce(total_amount, claim_amount) AS header_amount,
       round(line_amount, 6) AS line_amount,
       coalesce(total_amount, claim_amount, round(line_amount, 6)) AS amount, currency, last_currency
FROM summed;
CREATE INDEX temp.claim_amount_of ON claim_amount (connection_id, id);

-- The same with a column per kind.
CREATE TEMP TABLE claim_money AS
SELECT connection_id, id, min(currency) AS currency,
       coalesce(min(currency) <> max(last_currency), 0) AS is_mixed,
       max(CASE kind WHEN 'submitted' THEN amount END) AS submitted,
       max(CASE kind WHEN 'allowed' THEN amount END) AS allowed,
       max(CASE kind WHEN 'noncovered' THEN amount END) AS noncovered,
       max(CASE kind WHEN 'discount' THEN amount END) AS discount,
       max(CASE kind WHEN 'deductible' THEN amount END) AS deductible,
       max(CASE kind WHEN 'copay' THEN amount END) AS copay,
       max(CASE kind WHEN 'coinsurance' THEN amount END) AS coinsurance,
       max(CASE kind WHEN 'member_liability' THEN amount END) AS member_liability,
       max(CASE kind WHEN 'paid_by_patient' THEN amount END) AS paid_by_patient,
       max(CASE kind WHEN 'prior_payer_paid' THEN amount END) AS prior_payer_paid,
       max(CASE kind WHEN 'paid_to_provider' THEN amount END) AS paid_to_provider,
       max(CASE kind WHEN 'paid_to_patient' THEN amount END) AS paid_to_patient,
       max(CASE kind WHEN 'benefit' THEN amount END) AS benefit,
       max(CASE kind WHEN 'drug_cost' THEN amount END) AS drug_cost,
       max(CASE kind WHEN 'tax' THEN amount END) AS tax
FROM temp.claim_amount
GROUP BY connection_id, id;
CREATE UNIQUE INDEX temp.claim_money_of ON claim_money (connection_id, id);

CREATE TEMP TABLE line_money AS
SELECT connection_id, id, level, line, min(currency) AS currency,
       coalesce(min(currency) <> max(last_currency), 0) AS is_mixed,
       max(CASE kind WHEN 'submitted' THEN amount END) AS submitted,
       max(CASE kind WHEN 'allowed' THEN amount END) AS allowed,
       max(CASE kind WHEN 'noncovered' THEN amount END) AS noncovered,
       max(CASE kind WHEN 'discount' THEN amount END) AS discount,
       max(CASE kind WHEN 'deductible' THEN amount END) AS deductible,
       max(CASE kind WHEN 'copay' THEN amount END) AS copay,
       max(CASE kind WHEN 'coinsurance' THEN amount END) AS coinsurance,
       max(CASE kind WHEN 'member_liability' THEN amount END) AS member_liability,
       max(CASE kind WHEN 'paid_by_patient' THEN amount END) AS paid_by_patient,
       max(CASE kind WHEN 'prior_payer_paid' THEN amount END) AS prior_payer_paid,
       max(CASE kind WHEN 'paid_to_provider' THEN amount END) AS paid_to_provider,
       max(CASE kind WHEN 'paid_to_patient' THEN amount END) AS paid_to_patient,
       max(CASE kind WHEN 'benefit' THEN amount END) AS benefit,
       max(CASE kind WHEN 'drug_cost' THEN amount END) AS drug_cost,
       max(CASE kind WHEN 'tax' THEN amount END) AS tax
FROM temp.amount
WHERE level IN ('item', 'added')
GROUP BY connection_id, id, level, line;
CREATE UNIQUE INDEX temp.line_money_of ON line_money (connection_id, id, level, line);
