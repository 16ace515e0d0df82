-- How much of the deductible and of the out-of-pocket maximum is used, by the claims and by the payer's own account?
--
-- Grain: one row per connection, member, coverage, plan year, kind and currency, where either the claims or
-- the payer state an amount. What was used is the sum over the current claims (see claim_current)
-- whose service began in the plan year; each current claim counts in one plan year. Out of pocket is
-- deductible, copayment and coinsurance; a claim that states none of the three counts with what the
-- member owes (member_cost_share in claim). A claim that mixes currencies has no amounts to count.
--
-- The plan year is the span of the coverage, if it has both ends and is no longer than a year, and the
-- service began in it; else the calendar year. Without a usable date of service it is NULL.
--
-- The payer's own figure comes from the benefit balances of the plan year's latest claim that has
-- one: for the individual rather than the family, in the network rather than outside. The limit is
-- theirs, else the coverage's. All balances are in explanation_of_benefit_benefit_balance_financial.
--
-- connection_id             whose consent the row came through
-- member_id                 the person, id in member
-- patient_id                the member, id in patient
-- coverage_id               the coverage used, id in coverage; NULL where the claims name none
-- plan_year_start_date      first day of the plan year
-- plan_year_end_date        last day of the plan year
-- kind                      deductible or out of pocket
-- claim_count               current claims of the plan year
-- used_amount               used, by the claims
-- used_cents                the same in cents
-- payer_used_amount         used, as the payer says
-- payer_used_cents          the same in cents
-- difference_cents          used by the claims less used as the payer says, in cents
-- limit_amount              the most that the member has to pay
-- limit_cents               the same in cents
-- remaining_cents           limit less used by the payer's figure, else by the claims, in cents; never below 0
-- payer_claim_id            the claim with the payer's figure, id in explanation_of_benefit
-- payer_date                when the payer made that claim's explanation
-- currency                  currency of the amounts
CREATE TABLE accumulator (
  connection_id INTEGER NOT NULL,
  member_id TEXT,
  patient_id TEXT,
  coverage_id TEXT,
  plan_year_start_date TEXT,
  plan_year_end_date TEXT,
  kind TEXT NOT NULL,
  claim_count INTEGER NOT NULL,
  used_amount REAL,
  used_cents INTEGER,
  payer_used_amount REAL,
  payer_used_cents INTEGER,
  difference_cents INTEGER,
  limit_amount REAL,
  limit_cents INTEGER,
  remaining_cents INTEGER,
  payer_claim_id TEXT,
  payer_date TEXT,
  currency TEXT
);
CREATE INDEX accumulator_by_connection ON accumulator (connection_id, patient_id, plan_year_start_date);
CREATE INDEX accumulator_by_member ON accumulator (member_id, plan_year_start_date);
INSERT INTO accumulator
WITH span AS (
  SELECT s.connection_id, s.coverage_id, s.coverage_start_date AS first, s.coverage_end_date AS last
  FROM temp.mart_scope CROSS JOIN coverage_span AS s ON s.connection_id = mart_scope.connection_id
  WHERE NOT s.is_backward AND julianday(s.coverage_end_date) - julianday(s.coverage_start_date) <= 365
), dated AS MATERIALIZED (
  SELECT c.connection_id, c.explanation_of_benefit_id, c.member_id, c.patient_id, c.coverage_id, c.created_date, c.currency,
         coalesce(s.first, substr(c.service_start_date, 1, 4) || '-01-01') AS first,
         coalesce(s.last, substr(c.service_start_date, 1, 4) || '-12-31') AS last,
         c.deductible_cents, c.copay_cents, c.coinsurance_cents, c.member_cost_share_cents
  FROM temp.mart_scope CROSS JOIN claim_current AS c ON c.connection_id = mart_scope.connection_id
  LEFT JOIN span AS s ON s.connection_id = c.connection_id AND s.coverage_id = c.coverage_id
    AND c.service_start_date BETWEEN s.first AND s.last
), used AS (
  SELECT connection_id, member_id, patient_id, coverage_id, first, last, 'deductible' AS kind, currency,
         count(*) AS claims, sum(deductible_cents) AS cents
  FROM dated GROUP BY connection_id, member_id, patient_id, coverage_id, first, last, currency
  UNION ALL
  SELECT connection_id, member_id, patient_id, coverage_id, first, last, 'out of pocket', currency, count(*),
         sum(CASE WHEN coalesce(deductible_cents, copay_cents, coinsurance_cents) IS NULL THEN member_cost_share_cents
             ELSE coalesce(deductible_cents, 0) + coalesce(copay_cents, 0) + coalesce(coinsurance_cents, 0) END)
  FROM dated GROUP BY connection_id, member_id, patient_id, coverage_id, first, last, currency
), balance AS (
  -- Senders write the kind in many ways: out-of-pocket, OUT_OF_POCKET, maxoutofpocket.
  SELECT f.connection_id, f.explanation_of_benefit_id, f.benefit_balance_index, f.financial_index,
         replace(replace(replace(lower(coalesce(f.type_code, f.type_text)), '-', ''), '_', ''), ' ', '') AS type,
         f.allowed_money_amount AS limit_amount, f.used_money_amount AS used_amount,
         coalesce(f.used_money_currency, f.allowed_money_currency) AS currency,
         lower(coalesce(b.unit_code, b.unit_text, '')) AS unit, lower(coalesce(b.network_code, b.network_text, '')) AS network
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_benefit_balance_financial AS f ON f.connection_id = mart_scope.connection_id
  JOIN explanation_of_benefit_benefit_balance AS b ON b.connection_id = f.connection_id
    AND b.explanation_of_benefit_id = f.explanation_of_benefit_id AND b.benefit_balance_index = f.benefit_balance_index
), stated AS (
  SELECT d.connection_id, d.member_id, d.patient_id, d.coverage_id, d.first, d.last,
         CASE WHEN b.type LIKE '%deductible%' THEN 'deductible' ELSE 'out of pocket' END AS kind,
         b.currency, b.limit_amount, b.used_amount, d.explanation_of_benefit_id, d.created_date,
         row_number() OVER (
           PARTITION BY d.connection_id, d.patient_id, d.coverage_id, d.first, d.last, b.type LIKE '%deductible%', b.currency
           ORDER BY d.created_date DESC, d.explanation_of_benefit_id DESC, b.unit = 'family', b.network IN ('out', 'outofnetwork', 'out-of-network'),
             b.benefit_balance_index, b.financial_index) AS place
  FROM balance AS b
  JOIN dated AS d ON d.connection_id = b.connection_id AND d.explanation_of_benefit_id = b.explanation_of_benefit_id
  WHERE b.type LIKE '%deductible%' OR b.type LIKE '%outofpocket%' OR b.type IN ('oop', 'oopm', 'moop')
), of_coverage AS (
  SELECT k.connection_id, k.coverage_id, CASE k.type_code WHEN 'deductible' THEN 'deductible' ELSE 'out of pocket' END AS kind,
         k.value_money_currency AS currency, min(k.value_money_amount) AS amount
  FROM temp.mart_scope CROSS JOIN coverage_cost_to_beneficiary AS k ON k.connection_id = mart_scope.connection_id
  WHERE k.type_code IN ('deductible', 'maxoutofpocket') AND k.value_money_amount IS NOT NULL
  GROUP BY k.connection_id, k.coverage_id, k.type_code, k.value_money_currency
), together AS (
  SELECT connection_id, member_id, patient_id, coverage_id, first, last, kind, currency, claims, cents,
         NULL AS payer_used, NULL AS payer_limit, NULL AS payer_claim_id, NULL AS payer_date
  FROM used
  UNION ALL
  SELECT connection_id, member_id, patient_id, coverage_id, first, last, kind, currency, NULL, NULL,
         used_amount, limit_amount, explanation_of_benefit_id, created_date
  FROM stated WHERE place = 1
), summed AS (
  SELECT connection_id, member_id, patient_id, coverage_id, first, last, kind, currency,
         coalesce(max(claims), 0) AS claims, max(cents) AS used, cents_of(max(payer_used)) AS payer_used,
         cents_of(max(payer_limit)) AS payer_limit, max(payer_claim_id) AS payer_claim_id, max(payer_date) AS payer_date
  FROM together
  GROUP BY connection_id, member_id, patient_id, coverage_id, first, last, kind, currency
), limited AS (
  SELECT s.*, coalesce(s.payer_limit, cents_of(o.amount)) AS most
  FROM summed AS s
  LEFT JOIN of_coverage AS o ON o.connection_id = s.connection_id AND o.coverage_id = s.coverage_id
    AND o.kind = s.kind AND o.currency IS s.currency
)
SELECT connection_id,
       member_id,
       patient_id,
       coverage_id,
       first,
       last,
       kind,
       claims,
       used / 100.0,
       used,
       payer_used / 100.0,
       payer_used,
       used - payer_used,
       most / 100.0,
       most,
       max(most - coalesce(payer_used, used, 0), 0),
       payer_claim_id,
       payer_date,
       currency
FROM limited
WHERE used IS NOT NULL OR payer_used IS NOT NULL;
