-- What was spent each month, by plan, member, kind of service and category?
--
-- Grain: one row per connection, member, month of service, kind, category and currency. Every current
-- claim (see claim_current) counts in one row, so any sum over this mart is that over claim_current,
-- to the cent. A prior authorization is not a claim and counts nowhere. A claim without a usable date
-- of service counts in a row whose month_date is NULL, a claim that mixes currencies in one without
-- amounts.
--
-- The category is that of the whole claim. An institutional claim's comes from its type of bill, else from
-- its finer kind; with an emergency room's revenue code (045x, 0981) it is emergency, unless the member
-- stayed. A professional claim's comes from the place of service of its first line that states one. If no
-- line states a place, the category comes from the type of bill.
--
-- connection_id             whose consent the row came through
-- plan                      name of the plan in the configuration; NULL for what came from files alone
-- member_id                 the person, id in member
-- patient_id                the member, id in patient
-- month_date                first day of the month of the first day of service
-- kind                      institutional, pharmacy, professional, oral or vision
-- category                  ambulance, ambulatory surgery, clinic, dental, dialysis, emergency, home, hospice, inpatient,
--                           laboratory, office, other, outpatient, pharmacy, skilled nursing, telehealth, urgent care, vision
-- claim_count               claims
-- line_count                lines of these claims
-- submitted_amount          charged by the providers
-- submitted_cents           the same in cents
-- allowed_amount            allowed by the plan
-- allowed_cents             the same in cents
-- noncovered_amount         not covered
-- noncovered_cents          the same in cents
-- deductible_amount         applied to the deductible
-- deductible_cents          the same in cents
-- copay_amount              copayments
-- copay_cents               the same in cents
-- coinsurance_amount        coinsurance
-- coinsurance_cents         the same in cents
-- member_cost_share_amount  what the member owes, as in claim
-- member_cost_share_cents   the same in cents
-- paid_by_patient_amount    paid by the member, where sent
-- paid_by_patient_cents     the same in cents
-- prior_payer_paid_amount   paid by earlier payers
-- prior_payer_paid_cents    the same in cents
-- plan_paid_amount          paid by the plan, as in claim
-- plan_paid_cents           the same in cents
-- currency                  currency of the amounts
CREATE TABLE spend_by_month (
  connection_id INTEGER NOT NULL,
  plan TEXT,
  member_id TEXT,
  patient_id TEXT,
  month_date TEXT,
  kind TEXT,
  category TEXT NOT NULL,
  claim_count INTEGER NOT NULL,
  line_count INTEGER NOT NULL,
  submitted_amount REAL,
  submitted_cents INTEGER,
  allowed_amount REAL,
  allowed_cents INTEGER,
  noncovered_amount REAL,
  noncovered_cents INTEGER,
  deductible_amount REAL,
  deductible_cents INTEGER,
  copay_amount REAL,
  copay_cents INTEGER,
  coinsurance_amount REAL,
  coinsurance_cents INTEGER,
  member_cost_share_amount REAL,
  member_cost_share_cents INTEGER,
  paid_by_patient_amount REAL,
  paid_by_patient_cents INTEGER,
  prior_payer_paid_amount REAL,
  prior_payer_paid_cents INTEGER,
  plan_paid_amount REAL,
  plan_paid_cents INTEGER,
  currency TEXT
);
CREATE INDEX spend_by_month_by_connection ON spend_by_month (connection_id, patient_id, month_date);
CREATE INDEX spend_by_month_by_member ON spend_by_month (member_id, month_date);
INSERT INTO spend_by_month
WITH place AS (
  -- A bare column beside min() comes from the row that has the minimum.
  SELECT l.connection_id, l.explanation_of_benefit_id, l.place_of_service_code, min(l.line_key)
  FROM temp.mart_scope CROSS JOIN claim_line AS l ON l.connection_id = mart_scope.connection_id
  WHERE l.place_of_service_code IS NOT NULL
  GROUP BY mart_scope.connection_id, l.explanation_of_benefit_id
), emergency AS (
  SELECT DISTINCT l.connection_id, l.explanation_of_benefit_id
  FROM temp.mart_scope CROSS JOIN claim_line AS l ON l.connection_id = mart_scope.connection_id
  WHERE ltrim(l.revenue_code, '0') LIKE '45_' OR ltrim(l.revenue_code, '0') = '981'
), counted AS (
  SELECT c.*, connection.plan, substr(c.service_start_date, 1, 8) || '01' AS month_date,
         substr(ltrim(c.type_of_bill_code, '0'), 1, 2) AS bill, p.place_of_service_code AS place,
         e.explanation_of_benefit_id IS NOT NULL AS is_emergency
  FROM temp.mart_scope CROSS JOIN claim_current AS c ON c.connection_id = mart_scope.connection_id
  JOIN connection ON connection.id = c.connection_id
  LEFT JOIN place AS p ON p.connection_id = c.connection_id AND p.explanation_of_benefit_id = c.explanation_of_benefit_id
  LEFT JOIN emergency AS e ON e.connection_id = c.connection_id AND e.explanation_of_benefit_id = c.explanation_of_benefit_id
), told AS (
  SELECT counted.*,
         CASE WHEN kind = 'pharmacy' THEN 'pharmacy'
              WHEN kind = 'oral' THEN 'dental'
              WHEN kind = 'vision' THEN 'vision'
              -- Medicare calls home health professional: it has a type of bill and no place of service. Some
              -- payers send the place with a digit for the frequency as the type of bill: a place says more.
              WHEN kind = 'institutional' OR (bill IS NOT NULL AND place IS NULL) THEN
                CASE WHEN bill IN ('11', '12', '41') THEN 'inpatient'
                     WHEN bill IN ('18', '21', '22', '23', '28') THEN 'skilled nursing'
                     WHEN bill IN ('32', '33', '34') THEN 'home'
                     WHEN bill IN ('81', '82') THEN 'hospice'
                     WHEN bill IS NULL AND sub_kind LIKE 'inpatient%' THEN 'inpatient'
                     WHEN bill IS NULL AND sub_kind IN ('snf', 'hospice', 'hha') THEN
                       CASE sub_kind WHEN 'snf' THEN 'skilled nursing' WHEN 'hha' THEN 'home' ELSE sub_kind END
                     WHEN is_emergency THEN 'emergency'
                     WHEN bill = '72' THEN 'dialysis'
                     WHEN bill IN ('71', '73', '76', '77') THEN 'clinic'
                     WHEN bill = '83' THEN 'ambulatory surgery'
                     WHEN bill IN ('13', '14', '74', '75', '85') OR sub_kind LIKE 'outpatient%' THEN 'outpatient'
                     ELSE 'other' END
              WHEN place IN ('11') THEN 'office'
              WHEN place IN ('02', '10') THEN 'telehealth'
              WHEN place IN ('20') THEN 'urgent care'
              WHEN place IN ('21', '51', '61') THEN 'inpatient'
              WHEN place IN ('19', '22', '52', '62') THEN 'outpatient'
              WHEN place IN ('23') THEN 'emergency'
              WHEN place IN ('24') THEN 'ambulatory surgery'
              WHEN place IN ('31', '32') THEN 'skilled nursing'
              WHEN place IN ('12', '13', '14', '33') THEN 'home'
              WHEN place IN ('34') THEN 'hospice'
              WHEN place IN ('41', '42') THEN 'ambulance'
              WHEN place IN ('17', '49', '50', '71', '72') THEN 'clinic'
              WHEN place IN ('65') THEN 'dialysis'
              WHEN place IN ('81') THEN 'laboratory'
              WHEN place IN ('01') THEN 'pharmacy'
              ELSE 'other' END AS category
  FROM counted
)
SELECT connection_id,
       plan,
       member_id,
       patient_id,
       month_date,
       kind,
       category,
       count(*),
       sum(line_count),
       sum(submitted_cents) / 100.0,
       sum(submitted_cents),
       sum(allowed_cents) / 100.0,
       sum(allowed_cents),
       sum(noncovered_cents) / 100.0,
       sum(noncovered_cents),
       sum(deductible_cents) / 100.0,
       sum(deductible_cents),
       sum(copay_cents) / 100.0,
       sum(copay_cents),
       sum(coinsurance_cents) / 100.0,
       sum(coinsurance_cents),
       sum(member_cost_share_cents) / 100.0,
       sum(member_cost_share_cents),
       sum(paid_by_patient_cents) / 100.0,
       sum(paid_by_patient_cents),
       sum(prior_payer_paid_cents) / 100.0,
       sum(prior_payer_paid_cents),
       sum(plan_paid_cents) / 100.0,
       sum(plan_paid_cents),
       currency
FROM told
GROUP BY connection_id, plan, member_id, patient_id, month_date, kind, category, currency;
