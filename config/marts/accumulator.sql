-- How much of the deductible and of the out-of-pocket maximum is used, by the claims and by the payer's own account?
--
-- Grain: one row per member at a payer, coverage, plan year, kind, unit, network, term, benefit category and
-- currency, where the claims or the payer state an amount. Consents to the same records (see member) share one
-- account. So do two Patients of one person at one plan. The sum of used_cents counts each current claim
-- (see claim_current) once, in the plan year in which its service began. Never add the payer's figures of
-- several rows: the family's include the individual's, and a lifetime the year's.
--
-- Out of pocket is deductible, copayment and coinsurance; a claim that states none of the three counts
-- with what the member owes (member_cost_share in claim). A claim that mixes currencies has no amounts
-- to count.
--
-- The plan year is the span of the coverage, if it has both ends and is no longer than a year, and the
-- service began in it; else the calendar year. Without a usable date of service it is NULL.
--
-- The payer's figure comes from the benefit balances: of each unit, network, term and category, from the
-- plan year's latest claim that has one: the one created last by instant, in any time zone. Of a date
-- without a time the last update decides, as far as that day reaches. Medicare's balances are not running
-- account: they are amounts of one claim, under the names of Medicare's variables, and count for that claim.
--
-- The claims' sum is that of one member in one plan year, so it stands beside the payer's annual figure for
-- the individual, and nothing is compared with a family's or a lifetime's. Where the payer's figures tell
-- networks apart, claims that say they were paid out of the network, or else that their provider is out of
-- it, are summed apart, beside the payer's figure outside it; all other claims stand beside the figure in
-- the network, else the one without a network. Of several categories the claims stand beside the general
-- one (30, none or 1); else beside none, unless there is only one. The limit is the payer's, else that of
-- the coverage where the coverage states one amount. A figure without a currency has that of the claim.
-- All balances are in explanation_of_benefit_benefit_balance_financial.
--
-- connection_id             whose consent the payer's figure came through, else the first with a claim
-- member_id                 the person, id in member
-- patient_id                the member, id in patient; of several of one person the first with a claim
-- coverage_id               the coverage used, id in coverage; NULL where the claims name none
-- plan_year_start_date      first day of the plan year
-- plan_year_end_date        last day of the plan year
-- kind                      deductible or out of pocket
-- unit                      individual or family, else as sent; the claims alone are the individual's
-- network                   in, out or both, else as sent
-- term                      annual or lifetime, else as sent
-- benefit_category          category of the benefit (30 is the whole plan, 1 medical care) as sent
-- claim_count               current claims in used_amount; 0 where the payer's figure stands alone
-- used_amount               used, by the claims; NULL where the payer's figure is not a sum of them
-- used_cents                the same in cents
-- payer_used_amount         used, as the payer says
-- payer_used_cents          the same in cents
-- difference_cents          used by the claims less used as the payer says, in cents
-- limit_amount              the most that the member has to pay
-- limit_cents               the same in cents
-- remaining_cents           limit less used by the payer's figure, else by the claims, in cents; never below 0; NULL where neither is known
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
  unit TEXT,
  network TEXT,
  term TEXT,
  benefit_category TEXT,
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
WITH covered AS MATERIALIZED (
  -- A coverage may have come through another consent to the same records than its claim. One of them counts:
  -- that of the claim's own connection, else of its person.
  SELECT c.connection_id AS here, c.explanation_of_benefit_id AS claim_id, s.connection_id,
         CASE WHEN NOT s.is_backward AND julianday(s.coverage_end_date) - julianday(s.coverage_start_date) <= 365
                AND c.service_start_date BETWEEN s.coverage_start_date AND s.coverage_end_date THEN 1 ELSE 0 END AS is_year,
         s.coverage_start_date AS first, s.coverage_end_date AS last,
         row_number() OVER (PARTITION BY mart_scope.connection_id, c.explanation_of_benefit_id
           ORDER BY s.connection_id <> c.connection_id, s.member_id IS NOT c.member_id, s.connection_id) AS place
  FROM temp.mart_scope CROSS JOIN claim_current AS c ON c.connection_id = mart_scope.connection_id
  LEFT JOIN temp.person ON person.connection_id = c.connection_id AND person.patient_id = c.patient_id
  CROSS JOIN temp.record_source AS here ON here.connection_id = c.connection_id AND here.source_id = coalesce(person.source_id, here.source_id)
  CROSS JOIN temp.record_source AS beside ON beside.source_id = here.source_id
  CROSS JOIN coverage_span AS s ON s.connection_id = beside.connection_id AND s.coverage_id = c.coverage_id
), placed AS MATERIALIZED (
  SELECT c.connection_id AS claim_connection_id, coalesce(person.source_id, c.connection_id) AS source_id,
         coalesce(s.connection_id, c.connection_id) AS coverage_connection_id,
         c.explanation_of_benefit_id, c.member_id, c.patient_id AS claim_patient_id, c.coverage_id, c.created_date, c.currency,
         made_at(c.created, e.meta_last_updated) AS created_at,
         CASE WHEN s.is_year THEN s.first ELSE substr(c.service_start_date, 1, 4) || '-01-01' END AS first,
         CASE WHEN s.is_year THEN s.last ELSE substr(c.service_start_date, 1, 4) || '-12-31' END AS last,
         -- How the claim was paid, if that is said of the claim or alike of its lines; else whether the
         -- provider is in the network. CARIN's versions say it in an adjudication, in supporting information
         -- or in a total.
         coalesce(coalesce(benefit_network(e.benefit_payment_status_code), benefit_network(e.benefit_payment_status_info_code),
             benefit_network(e.payer_network_status_code),
           (SELECT CASE WHEN min(coalesce(benefit_network(i.benefit_payment_status_code), benefit_network(i.payer_network_status_code)))
                           = max(coalesce(benefit_network(i.benefit_payment_status_code), benefit_network(i.payer_network_status_code)))
                   THEN min(coalesce(benefit_network(i.benefit_payment_status_code), benefit_network(i.payer_network_status_code))) END
            FROM explanation_of_benefit_item AS i WHERE i.connection_id = e.connection_id AND i.explanation_of_benefit_id = e.id),
           benefit_network(e.billing_network_status_code)) = 'out', 0) AS is_out,
         c.deductible_cents, c.copay_cents, c.coinsurance_cents, c.member_cost_share_cents
  FROM temp.mart_scope CROSS JOIN claim_current AS c ON c.connection_id = mart_scope.connection_id
  LEFT JOIN explanation_of_benefit AS e ON e.connection_id = c.connection_id AND e.id = c.explanation_of_benefit_id
  LEFT JOIN temp.person ON person.connection_id = c.connection_id AND person.patient_id = c.patient_id
  LEFT JOIN covered AS s ON s.here = c.connection_id AND s.claim_id = c.explanation_of_benefit_id AND s.place = 1
), dated AS MATERIALIZED (
  -- Consents to the same records share one account. So do several Patients of one person, since a plan may have
  -- merged them. The account of a year is under the first connection with a claim of it, and that claim's Patient.
  SELECT placed.*, first_value(claim_connection_id) OVER account AS connection_id, first_value(claim_patient_id) OVER account AS patient_id
  FROM placed
  WINDOW account AS (PARTITION BY source_id, member_id, CASE WHEN member_id IS NULL THEN claim_patient_id END,
                       coverage_id, first, last
                     ORDER BY claim_connection_id, claim_patient_id)
), balance AS (
  SELECT f.connection_id, f.explanation_of_benefit_id, f.benefit_balance_index, f.financial_index,
         coalesce(benefit_kind(f.type_code), benefit_kind(f.type_display), benefit_kind(f.type_text)) AS kind,
         f.allowed_money_amount AS limit_amount, f.used_money_amount AS used_amount,
         coalesce(upper(trim(f.used_money_currency)), upper(trim(f.allowed_money_currency))) AS currency,
         coalesce(benefit_unit(b.unit_code), benefit_unit(b.unit_display), benefit_unit(b.unit_text),
                  b.unit_code, b.unit_text, benefit_unit(f.type_text), benefit_unit(f.type_display),
                  benefit_unit(f.type_code), benefit_unit(b.name)) AS unit,
         coalesce(benefit_network(b.network_code), benefit_network(b.network_display), benefit_network(b.network_text),
                  b.network_code, b.network_text, benefit_network(f.type_text), benefit_network(f.type_display),
                  benefit_network(f.type_code), benefit_network(b.name)) AS network,
         coalesce(benefit_term(b.term_code), benefit_term(b.term_display), benefit_term(b.term_text), b.term_code, b.term_text) AS term,
         coalesce(b.category_code, b.category_text, b.category_display) AS category
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_benefit_balance_financial AS f ON f.connection_id = mart_scope.connection_id
  JOIN explanation_of_benefit_benefit_balance AS b ON b.connection_id = f.connection_id
    AND b.explanation_of_benefit_id = f.explanation_of_benefit_id AND b.benefit_balance_index = f.benefit_balance_index
  -- Blue Button puts amounts of this one claim here, such as its deductible.
  WHERE coalesce(f.type_system, '') NOT LIKE '%bluebutton.cms.gov/resources/codesystem/benefit-balance'
    AND coalesce(f.type_code, '') NOT LIKE '%bluebutton.cms.gov/resources/variables/%'
), stated AS (
  SELECT d.connection_id, d.member_id, d.patient_id, d.coverage_id, d.first, d.last, b.kind, b.unit, b.network, b.term, b.category,
         coalesce(b.currency, d.currency) AS currency, b.limit_amount, b.used_amount,
         d.claim_connection_id, d.explanation_of_benefit_id, d.created_date, d.created_at,
         coalesce(b.network, '') = 'out' AS is_out,
         row_number() OVER (
           PARTITION BY d.connection_id, d.patient_id, d.coverage_id, d.first, d.last, b.kind, b.unit, b.network, b.term, b.category,
             coalesce(b.currency, d.currency)
           ORDER BY d.created_at DESC, d.explanation_of_benefit_id DESC, d.claim_connection_id,
             b.benefit_balance_index, b.financial_index) AS place
  FROM balance AS b
  JOIN dated AS d ON d.claim_connection_id = b.connection_id AND d.explanation_of_benefit_id = b.explanation_of_benefit_id
  WHERE b.kind IS NOT NULL AND coalesce(b.used_amount, b.limit_amount) IS NOT NULL
), told AS MATERIALIZED (
  SELECT stated.*, max(coalesce(network, '') IN ('in', 'out')) OVER (
           PARTITION BY connection_id, patient_id, coverage_id, first, last, kind, currency) AS tells_networks
  FROM stated WHERE place = 1
), comparable AS (
  SELECT told.*, CASE WHEN category = '30' THEN 0 WHEN category IS NULL THEN 1 WHEN category = '1' THEN 2 ELSE 3 END AS width
  FROM told
  WHERE coalesce(unit, 'individual') = 'individual' AND coalesce(term, 'annual') = 'annual'
), ranked AS (
  SELECT comparable.*,
         row_number() OVER (year ORDER BY width, unit IS NULL, created_at DESC, explanation_of_benefit_id DESC,
           network IS NOT 'in', network IS NOT NULL, network, category) AS nearest,
         min(coalesce(category, '')) OVER year = max(coalesce(category, '')) OVER year AS is_sole
  FROM comparable
  WINDOW year AS (PARTITION BY connection_id, patient_id, coverage_id, first, last, kind, currency, is_out)
), beside AS MATERIALIZED (
  SELECT * FROM ranked WHERE nearest = 1 AND (width < 3 OR is_sole)
), counted AS (
  SELECT connection_id, member_id, patient_id, coverage_id, first, last, currency, is_out, 'deductible' AS kind, deductible_cents AS cents
  FROM dated
  UNION ALL
  SELECT connection_id, member_id, patient_id, coverage_id, first, last, currency, is_out, 'out of pocket',
         CASE WHEN coalesce(deductible_cents, copay_cents, coinsurance_cents) IS NULL THEN member_cost_share_cents
              ELSE coalesce(deductible_cents, 0) + coalesce(copay_cents, 0) + coalesce(coinsurance_cents, 0) END
  FROM dated
), apart AS MATERIALIZED (
  SELECT DISTINCT connection_id, patient_id, coverage_id, first, last, kind, currency FROM told WHERE tells_networks
), used AS (
  SELECT c.connection_id, c.member_id, c.patient_id, c.coverage_id, c.first, c.last, c.kind, c.currency,
         c.is_out AND a.connection_id IS NOT NULL AS is_out, count(*) AS claims, sum(c.cents) AS cents
  FROM counted AS c
  LEFT JOIN apart AS a ON a.connection_id = c.connection_id AND a.patient_id IS c.patient_id AND a.coverage_id IS c.coverage_id
    AND a.first IS c.first AND a.last IS c.last AND a.kind = c.kind AND a.currency IS c.currency
  GROUP BY c.connection_id, c.member_id, c.patient_id, c.coverage_id, c.first, c.last, c.kind, c.currency,
           c.is_out AND a.connection_id IS NOT NULL
), of_coverage AS (
  SELECT connection_id, coverage_id, kind, currency, CASE WHEN min(amount) = max(amount) THEN min(amount) END AS amount
  FROM (
    SELECT d.connection_id, d.coverage_id, coalesce(upper(trim(k.value_money_currency)), d.currency) AS currency, k.value_money_amount AS amount,
           coalesce(benefit_kind(k.type_code), benefit_kind(k.type_display), benefit_kind(k.type_text)) AS kind,
           coalesce(benefit_unit(k.type_text), benefit_unit(k.type_display), benefit_unit(k.type_code)) AS unit,
           coalesce(benefit_network(k.type_text), benefit_network(k.type_display), benefit_network(k.type_code)) AS network
    FROM (SELECT DISTINCT connection_id, coverage_id, coverage_connection_id, currency FROM dated) AS d
    CROSS JOIN coverage_cost_to_beneficiary AS k ON k.connection_id = d.coverage_connection_id AND k.coverage_id = d.coverage_id
    WHERE k.value_money_amount IS NOT NULL
  )
  WHERE kind IS NOT NULL AND unit IS NOT 'family' AND network IS NOT 'out'
  GROUP BY connection_id, coverage_id, kind, currency
), together AS (
  SELECT u.connection_id, u.member_id, u.patient_id, u.coverage_id, u.first, u.last, u.kind, u.currency, u.claims, u.cents,
         CASE WHEN b.place IS NULL THEN 'individual' ELSE b.unit END AS unit,
         CASE WHEN b.place IS NULL AND u.is_out THEN 'out' ELSE b.network END AS network, b.term, b.category,
         NULL AS payer_used, NULL AS payer_limit, NULL AS payer_connection_id, NULL AS payer_claim_id, NULL AS payer_date
  FROM used AS u
  LEFT JOIN beside AS b ON b.connection_id = u.connection_id AND b.patient_id IS u.patient_id AND b.coverage_id IS u.coverage_id
    AND b.first IS u.first AND b.last IS u.last AND b.kind = u.kind AND b.currency IS u.currency AND b.is_out = u.is_out
  UNION ALL
  SELECT connection_id, member_id, patient_id, coverage_id, first, last, kind, currency, NULL, NULL,
         unit, network, term, category, used_amount, limit_amount, claim_connection_id, explanation_of_benefit_id, created_date
  FROM told
), summed AS (
  SELECT connection_id, member_id, patient_id, coverage_id, first, last, kind, unit, network, term, category, currency,
         coalesce(max(claims), 0) AS claims, max(cents) AS used, cents_of(max(payer_used)) AS payer_used,
         cents_of(max(payer_limit)) AS payer_limit, max(payer_connection_id) AS payer_connection_id,
         max(payer_claim_id) AS payer_claim_id, max(payer_date) AS payer_date
  FROM together
  GROUP BY connection_id, member_id, patient_id, coverage_id, first, last, kind, unit, network, term, category, currency
), limited AS (
  SELECT s.*, coalesce(s.payer_limit, cents_of(o.amount)) AS most
  FROM summed AS s
  LEFT JOIN of_coverage AS o ON o.connection_id = s.connection_id AND o.coverage_id = s.coverage_id
    AND o.kind = s.kind AND o.currency IS s.currency AND s.claims > 0 AND s.network IS NOT 'out'
)
SELECT coalesce(payer_connection_id, connection_id),
       member_id,
       patient_id,
       coverage_id,
       first,
       last,
       kind,
       unit,
       network,
       term,
       category,
       claims,
       used / 100.0,
       used,
       payer_used / 100.0,
       payer_used,
       used - payer_used,
       most / 100.0,
       most,
       max(most - coalesce(payer_used, used), 0),
       payer_claim_id,
       payer_date,
       currency
FROM limited
WHERE coalesce(used, payer_used, payer_limit) IS NOT NULL;
