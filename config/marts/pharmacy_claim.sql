-- Which drugs were billed, line by line?
--
-- Grain: one row per line of a pharmacy claim that stands today (claim_current); a claim without lines has
-- one row. The view tuva_pharmacy_claim shows these rows with the columns of Tuva alone.
--
-- Amounts are those of claim_current, to the cent: what the lines state, and what they lack of the claim's
-- amount (a claim without lines, a total on the claim alone, an adjustment) on the first line. Amounts in
-- another currency than the US dollar are NULL.
--
-- connection_id              whose consent the row came through
-- explanation_of_benefit_id  the claim
-- line_key                   the line, as in claim_line; NULL for a claim without lines
-- claim_id                   number of the connection, a point, the claim's id: unique over plans
-- claim_line_number          1 to the number of lines, in the order of line_key; a claim without lines has one
-- person_id                  member_id of member: over plans; NULL where the claim names no patient that is understood
-- member_id                  number of the member at the plan, else the id of the patient
-- payer                      name of the payer: of the coverage, as in eligibility, else of the claim; else of the plan in the configuration, else file
-- plan                       name of the plan, else its number, else its name in the configuration, else file
-- prescribing_provider_npi   who prescribed it, where sent
-- dispensing_provider_npi    the pharmacy, that is who is paid
-- dispensing_date            when it was handed out
-- ndc_code                   National Drug Code of eleven digits; NULL where what was sent cannot be made one
-- ndc_sent_code              the same as sent
-- quantity                   quantity handed out, rounded: Tuva wants an integer
-- days_supply                days it is meant to last
-- refills                    0 is the first fill
-- paid_date                  day of the payment
-- paid_amount                paid by the plan
-- allowed_amount             allowed by the plan
-- charge_amount              charged
-- coinsurance_amount         coinsurance
-- copayment_amount           copayment
-- deductible_amount          deductible
-- in_network_flag            whether it was paid as in the network, else whether the pharmacy is in it; where sent
-- data_source                name of the plan in the configuration, else file
-- ingest_datetime            start of the day (UTC) on which this content of the claim came
CREATE TABLE pharmacy_claim (
  connection_id INTEGER NOT NULL,
  explanation_of_benefit_id TEXT NOT NULL,
  line_key INTEGER,
  claim_id TEXT NOT NULL,
  claim_line_number INTEGER NOT NULL,
  person_id TEXT,
  member_id TEXT,
  payer TEXT,
  plan TEXT,
  prescribing_provider_npi TEXT,
  dispensing_provider_npi TEXT,
  dispensing_date DATE,
  ndc_code TEXT,
  ndc_sent_code TEXT,
  quantity INTEGER,
  days_supply INTEGER,
  refills INTEGER,
  paid_date DATE,
  paid_amount REAL,
  allowed_amount REAL,
  charge_amount REAL,
  coinsurance_amount REAL,
  copayment_amount REAL,
  deductible_amount REAL,
  in_network_flag INTEGER,
  data_source TEXT,
  ingest_datetime TIMESTAMP
);
CREATE INDEX pharmacy_claim_by_claim ON pharmacy_claim (connection_id, explanation_of_benefit_id);
CREATE INDEX pharmacy_claim_by_id ON pharmacy_claim (claim_id);
CREATE INDEX pharmacy_claim_by_person ON pharmacy_claim (person_id, dispensing_date);
INSERT INTO pharmacy_claim
WITH stated AS (
  SELECT l.connection_id, l.explanation_of_benefit_id,
         sum(plan_paid_cents) AS plan_paid_cents,
         sum(allowed_cents) AS allowed_cents,
         sum(submitted_cents) AS submitted_cents,
         sum(coinsurance_cents) AS coinsurance_cents,
         sum(copay_cents) AS copay_cents,
         sum(deductible_cents) AS deductible_cents
  FROM temp.mart_scope CROSS JOIN claim_line AS l ON l.connection_id = mart_scope.connection_id
  GROUP BY mart_scope.connection_id, l.explanation_of_benefit_id
), span AS MATERIALIZED (
  -- A coverage may have come through another consent to the same records than its claim. One of them counts: that of the
  -- claim's own connection, else of its person. Of files with two plans' records, each claim has the coverage of its plan.
  SELECT c.connection_id AS here, c.explanation_of_benefit_id AS claim_id, s.coverage_id, s.member_number, s.payer_name, s.plan_name, s.plan_number,
         row_number() OVER (PARTITION BY mart_scope.connection_id, c.explanation_of_benefit_id
           ORDER BY s.connection_id <> c.connection_id, s.member_id IS NOT c.member_id, s.connection_id) AS place
  FROM temp.mart_scope CROSS JOIN claim_current AS c ON c.connection_id = mart_scope.connection_id
  LEFT JOIN temp.person ON person.connection_id = c.connection_id AND person.patient_id = c.patient_id
  CROSS JOIN temp.record_source AS here ON here.connection_id = c.connection_id AND here.source_id = coalesce(person.source_id, here.source_id)
  CROSS JOIN temp.record_source AS beside ON beside.source_id = here.source_id
  CROSS JOIN coverage_span AS s ON s.connection_id = beside.connection_id AND s.coverage_id = c.coverage_id
)
SELECT c.connection_id,
       c.explanation_of_benefit_id,
       l.line_key,
       CAST(CAST(c.connection_id AS VARCHAR) || '.' || c.explanation_of_benefit_id AS VARCHAR) AS claim_id,
       CAST(coalesce(l.line_key, 0) + 1 AS INTEGER) AS claim_line_number,
       CAST(coalesce(c.member_id, CAST(c.connection_id AS VARCHAR) || '.' || c.patient_id) AS VARCHAR) AS person_id,
       CAST(coalesce(s.member_number, whose.member_id, c.patient_id) AS VARCHAR) AS member_id,
       CAST(coalesce(CASE WHEN s.coverage_id IS NULL THEN c.insurer_name ELSE s.payer_name END, n.plan, 'file') AS VARCHAR) AS payer,
       CAST(coalesce(s.plan_name, s.plan_number, n.plan, 'file') AS VARCHAR) AS plan,
       CAST(CASE WHEN length(f.prescriber_npi) = 10 THEN f.prescriber_npi END AS VARCHAR) AS prescribing_provider_npi,
       CAST(CASE WHEN length(c.provider_npi) = 10 THEN c.provider_npi END AS VARCHAR) AS dispensing_provider_npi,
       date(coalesce(f.fill_date, l.service_start_date, c.service_start_date)) AS dispensing_date,
       coalesce(f.ndc_code, l.ndc_code) AS ndc_code,
       coalesce(f.ndc_sent_code, l.ndc_sent_code) AS ndc_sent_code,
       CAST(round(coalesce(f.quantity, l.quantity)) AS INTEGER) AS quantity,
       CAST(round(f.days_supply) AS INTEGER) AS days_supply,
       CAST(f.refill_number AS INTEGER) AS refills,
       date(c.payment_date) AS paid_date,
       CAST(CASE WHEN c.plan_paid_cents IS NOT NULL AND coalesce(c.currency, 'USD') = 'USD'
         THEN (coalesce(l.plan_paid_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.plan_paid_cents - coalesce(t.plan_paid_cents, 0) ELSE 0 END) / 100.0 END AS DOUBLE) AS paid_amount,
       CAST(CASE WHEN c.allowed_cents IS NOT NULL AND coalesce(c.currency, 'USD') = 'USD'
         THEN (coalesce(l.allowed_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.allowed_cents - coalesce(t.allowed_cents, 0) ELSE 0 END) / 100.0 END AS DOUBLE) AS allowed_amount,
       CAST(CASE WHEN c.submitted_cents IS NOT NULL AND coalesce(c.currency, 'USD') = 'USD'
         THEN (coalesce(l.submitted_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.submitted_cents - coalesce(t.submitted_cents, 0) ELSE 0 END) / 100.0 END AS DOUBLE) AS charge_amount,
       CAST(CASE WHEN c.coinsurance_cents IS NOT NULL AND coalesce(c.currency, 'USD') = 'USD'
         THEN (coalesce(l.coinsurance_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.coinsurance_cents - coalesce(t.coinsurance_cents, 0) ELSE 0 END) / 100.0 END AS DOUBLE) AS coinsurance_amount,
       CAST(CASE WHEN c.copay_cents IS NOT NULL AND coalesce(c.currency, 'USD') = 'USD'
         THEN (coalesce(l.copay_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.copay_cents - coalesce(t.copay_cents, 0) ELSE 0 END) / 100.0 END AS DOUBLE) AS copayment_amount,
       CAST(CASE WHEN c.deductible_cents IS NOT NULL AND coalesce(c.currency, 'USD') = 'USD'
         THEN (coalesce(l.deductible_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.deductible_cents - coalesce(t.deductible_cents, 0) ELSE 0 END) / 100.0 END AS DOUBLE) AS deductible_amount,
       CAST(CASE coalesce(benefit_network(i.benefit_payment_status_code), benefit_network(i.payer_network_status_code), benefit_network(e.benefit_payment_status_code),
           benefit_network(e.benefit_payment_status_info_code), benefit_network(e.payer_network_status_code),
           benefit_network(i.billing_network_status_code), benefit_network(e.billing_network_status_code)) WHEN 'in' THEN 1 WHEN 'out' THEN 0 END AS BOOLEAN) AS in_network_flag,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source,
       date(came.received_at) AS ingest_datetime
FROM temp.mart_scope CROSS JOIN claim_current AS c ON c.connection_id = mart_scope.connection_id
LEFT JOIN claim_line AS l ON l.connection_id = c.connection_id AND l.explanation_of_benefit_id = c.explanation_of_benefit_id
LEFT JOIN stated AS t ON t.connection_id = c.connection_id AND t.explanation_of_benefit_id = c.explanation_of_benefit_id
JOIN connection AS n ON n.id = c.connection_id
JOIN resource AS came ON came.connection_id = c.connection_id AND came.resource_type = 'ExplanationOfBenefit'
  AND came.resource_id = c.explanation_of_benefit_id
LEFT JOIN explanation_of_benefit AS e ON e.connection_id = c.connection_id AND e.id = c.explanation_of_benefit_id
LEFT JOIN explanation_of_benefit_item AS i ON i.connection_id = l.connection_id
  AND i.explanation_of_benefit_id = l.explanation_of_benefit_id AND i.row_no = l.item_index
LEFT JOIN medication_fill AS f ON f.connection_id = c.connection_id AND f.source_id = c.explanation_of_benefit_id
  AND f.source = 'claim' AND (f.item_index = l.item_index OR (l.line_key IS NULL AND f.item_index IS NULL))
LEFT JOIN span AS s ON s.here = c.connection_id AND s.claim_id = c.explanation_of_benefit_id AND s.place = 1
LEFT JOIN patient AS whose ON whose.connection_id = c.connection_id AND whose.id = c.patient_id
WHERE c.kind = 'pharmacy';
