-- Every amount of a claim's totals, claim-level adjudications and lines, by kind of amount.
--
-- Payers name a kind with a CARIN or an HL7 code, an older spelling of these, or a variable of
-- Medicare's. Of the codes of one kind in one list the preferred code counts (allowed before
-- eligible); amounts under the same code add up. Where a coding of Medicare's says that two amounts
-- of one category are different things, the first of them counts, and some never do. What each of
-- several prior payers paid adds up.
--
-- The line of revenue center 0001 states the total of a bill's other lines: it is no line to add to
-- them, and speaks for the claim where the header does not.
--
-- A line's amount is its own, else the sum of its details; a detail's is its own, else the sum of
-- its sub-details. Where both are stated, breakdown.sql compares them.
CREATE TEMP TABLE total_line AS
SELECT i.connection_id, i.explanation_of_benefit_id AS id, i.item_index AS line
FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item AS i ON i.connection_id = mart_scope.connection_id
WHERE ltrim(i.revenue_code, '0') = '1'
  AND EXISTS (SELECT 1 FROM explanation_of_benefit_item AS o
    WHERE o.connection_id = i.connection_id AND o.explanation_of_benefit_id = i.explanation_of_benefit_id
      AND coalesce(ltrim(o.revenue_code, '0'), '') <> '1');
CREATE UNIQUE INDEX temp.total_line_of ON total_line (connection_id, id, line);
CREATE TEMP TABLE stated_amount AS
WITH meaning(code, kind, preference) AS (VALUES
  ('submitted', 'submitted', 0),
  ('submittedamount', 'submitted', 1),
  ('https://bluebutton.cms.gov/resources/variables/line_sbmtd_chrg_amt', 'submitted', 2),
  ('https://bluebutton.cms.gov/resources/variables/rev_cntr_tot_chrg_amt', 'submitted', 3),
  ('https://bluebutton.cms.gov/resources/variables/clm_tot_chrg_amt', 'submitted', 4),
  ('net', 'submitted', 9),
  ('allowed', 'allowed', 0),
  ('allowedamount', 'allowed', 1),
  ('https://bluebutton.cms.gov/resources/variables/line_alowd_chrg_amt', 'allowed', 2),
  ('eligible', 'allowed', 3),
  ('eligibleamount', 'allowed', 4),
  ('noncovered', 'noncovered', 0),
  ('noncoveredamount', 'noncovered', 1),
  ('disallowed', 'noncovered', 2),
  ('https://bluebutton.cms.gov/resources/variables/rev_cntr_ncvrd_chrg_amt', 'noncovered', 3),
  ('discount', 'discount', 0),
  ('discountamount', 'discount', 1),
  ('deductible', 'deductible', 0),
  ('deductibleamount', 'deductible', 1),
  ('https://bluebutton.cms.gov/resources/variables/line_bene_ptb_ddctbl_amt', 'deductible', 2),
  ('https://bluebutton.cms.gov/resources/variables/rev_cntr_cash_ddctbl_amt', 'deductible', 3),
  ('copay', 'copay', 0),
  ('copayamount', 'copay', 1),
  ('copaymentamount', 'copay', 2),
  ('copayment', 'copay', 3),
  ('coinsurance', 'coinsurance', 0),
  ('coinsuranceamount', 'coinsurance', 1),
  ('coins', 'coinsurance', 2),
  ('https://bluebutton.cms.gov/resources/variables/line_coinsrnc_amt', 'coinsurance', 3),
  ('memberliability', 'member_liability', 0),
  ('memberliabilityamount', 'member_liability', 1),
  ('paidbypatient', 'paid_by_patient', 0),
  ('patientpayamount', 'paid_by_patient', 1),
  ('paidbypatientcash', 'paid_by_patient', 2),
  ('paidbypatientother', 'paid_by_patient', 2),
  ('paidbypatienthealthaccount', 'paid_by_patient', 2),
  ('priorpayerpaid', 'prior_payer_paid', 0),
  ('priorpayerpaidamount', 'prior_payer_paid', 1),
  ('cobamount', 'prior_payer_paid', 2),
  ('https://bluebutton.cms.gov/resources/variables/line_bene_prmry_pyr_pd_amt', 'prior_payer_paid', 3),
  ('paidtoprovider', 'paid_to_provider', 0),
  ('paidtoprovideramount', 'paid_to_provider', 1),
  ('https://bluebutton.cms.gov/resources/variables/line_prvdr_pmt_amt', 'paid_to_provider', 2),
  ('https://bluebutton.cms.gov/resources/variables/rev_cntr_prvdr_pmt_amt', 'paid_to_provider', 3),
  ('paidtopatient', 'paid_to_patient', 0),
  ('memberreimbursement', 'paid_to_patient', 1),
  ('https://bluebutton.cms.gov/resources/variables/line_bene_pmt_amt', 'paid_to_patient', 2),
  ('https://bluebutton.cms.gov/resources/variables/rev_cntr_bene_pmt_amt', 'paid_to_patient', 3),
  ('benefit', 'benefit', 0),
  ('payment', 'benefit', 1),
  ('paymentamount', 'benefit', 2),
  ('benefitamount', 'benefit', 5),
  ('https://bluebutton.cms.gov/resources/variables/line_nch_pmt_amt', 'benefit', 3),
  ('https://bluebutton.cms.gov/resources/variables/rev_cntr_pmt_amt_amt', 'benefit', 4),
  ('drugcost', 'drug_cost', 0),
  ('drugcostamount', 'drug_cost', 1),
  ('https://bluebutton.cms.gov/resources/variables/tot_rx_cst_amt', 'drug_cost', 2),
  ('tax', 'tax', 0),
  ('the payment', 'payment', 0)
), other(kind, detail) AS (VALUES
  ('submitted', 'https://bluebutton.cms.gov/resources/variables/rev_cntr_rate_amt'),
  ('submitted', 'https://bluebutton.cms.gov/resources/variables/rev_cntr_pmt_amt_amt'),
  ('submitted', 'https://bluebutton.cms.gov/resources/variables/line_dme_prchs_price_amt'),
  ('allowed', 'https://bluebutton.cms.gov/resources/variables/line_prmry_alowd_chrg_amt'),
  ('deductible', 'https://bluebutton.cms.gov/resources/variables/rev_cntr_blood_ddctbl_amt'),
  ('coinsurance', 'https://bluebutton.cms.gov/resources/variables/rev_cntr_rdcd_coinsrnc_amt'),
  ('coinsurance', 'https://bluebutton.cms.gov/resources/variables/gdc_blw_oopt_amt'),
  ('coinsurance', 'https://bluebutton.cms.gov/resources/variables/gdc_abv_oopt_amt'),
  ('discount', 'https://bluebutton.cms.gov/resources/variables/lics_amt')
), one_of_several_payers(detail) AS (VALUES
  ('https://bluebutton.cms.gov/resources/variables/rev_cntr_1st_msp_pd_amt'),
  ('https://bluebutton.cms.gov/resources/variables/rev_cntr_2nd_msp_pd_amt'),
  ('CLM_LINE_INSTNL_MSP1_PD_AMT'),
  ('CLM_LINE_INSTNL_MSP2_PD_AMT')
), sent(connection_id, id, level, line, part, depth, position, code, first, first_system, second, second_system, text, amount, currency) AS (
  SELECT a.connection_id, explanation_of_benefit_id, 'total', 0, 0, 1, total_index,
         coalesce(category_c4bb_code, category_hl7_code, category_code),
         category_code, category_system, category_second_code, category_second_system,
         coalesce(category_text, category_display), amount, currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_total AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'claim', 0, 0, 1, adjudication_index,
         coalesce(category_c4bb_code, category_hl7_code, category_code),
         category_code, category_system, category_second_code, category_second_system,
         coalesce(category_text, category_display), amount, currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_adjudication AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'item', item_index, 0, 1, adjudication_index,
         coalesce(category_c4bb_code, category_hl7_code, category_code),
         category_code, category_system, category_second_code, category_second_system,
         coalesce(category_text, category_display), amount, currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item_adjudication AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'item', item_index, 0, 1, 0, 'net', NULL, NULL, NULL, NULL, NULL, net_amount, net_currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'item', item_index, detail_index, 2, adjudication_index,
         coalesce(category_c4bb_code, category_hl7_code, category_code),
         category_code, category_system, category_second_code, category_second_system,
         coalesce(category_text, category_display), amount, currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item_detail_adjudication AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'item', item_index, detail_index, 2, 0, 'net', NULL, NULL, NULL, NULL, NULL, net_amount, net_currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item_detail AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'item', item_index, detail_index, 3 + sub_detail_index, adjudication_index,
         coalesce(category_c4bb_code, category_hl7_code, category_code),
         category_code, category_system, category_second_code, category_second_system,
         coalesce(category_text, category_display), amount, currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item_sub_detail_adjudication AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'added', add_item_index, 0, 1, adjudication_index,
         coalesce(category_c4bb_code, category_hl7_code, category_code),
         category_code, category_system, category_second_code, category_second_system,
         coalesce(category_text, category_display), amount, currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_add_item_adjudication AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'added', add_item_index, 0, 1, 0, 'net', NULL, NULL, NULL, NULL, NULL, net_amount, net_currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_add_item AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'added', add_item_index, detail_index, 2, adjudication_index,
         coalesce(category_c4bb_code, category_hl7_code, category_code),
         category_code, category_system, category_second_code, category_second_system,
         coalesce(category_text, category_display), amount, currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_add_item_detail_adjudication AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'item', item_index, detail_index, 3 + sub_detail_index, 0, 'net', NULL, NULL, NULL, NULL, NULL, net_amount, net_currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item_sub_detail AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'added', add_item_index, detail_index, 2, 0, 'net', NULL, NULL, NULL, NULL, NULL, net_amount, net_currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_add_item_detail AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'added', add_item_index, detail_index, 3 + sub_detail_index, adjudication_index,
         coalesce(category_c4bb_code, category_hl7_code, category_code),
         category_code, category_system, category_second_code, category_second_system,
         coalesce(category_text, category_display), amount, currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_add_item_sub_detail_adjudication AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT a.connection_id, explanation_of_benefit_id, 'added', add_item_index, detail_index, 3 + sub_detail_index, 0, 'net', NULL, NULL, NULL, NULL, NULL, net_amount, net_currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_add_item_sub_detail AS a ON a.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT e.connection_id, id, 'payment', 0, 0, 1, 0, 'the payment', NULL, NULL, NULL, NULL, NULL, payment_amount, payment_currency
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit AS e ON e.connection_id = mart_scope.connection_id
), told AS MATERIALIZED (
  -- A code may stand second, behind a payer's own; Medicare's says more than the category. A code that
  -- means nothing as it is may have blanks or dashes in it. A text or a display in place of a code is read alike.
  SELECT s.connection_id, s.id, s.level, s.line, s.part, s.depth, s.position, s.amount, s.currency,
         coalesce(m.kind, n.kind, t.kind) AS kind, coalesce(m.preference, n.preference, t.preference) AS preference,
         coalesce(CASE WHEN s.second_system LIKE '%cms.gov%' THEN s.second
                       WHEN s.first_system LIKE '%cms.gov%' THEN s.first END, '') AS detail
  FROM sent AS s
  LEFT JOIN meaning AS m ON m.code = lower(s.code)
  LEFT JOIN meaning AS n ON n.code = lower(s.second) AND m.code IS NULL
  LEFT JOIN meaning AS t ON t.code = CASE WHEN m.code IS NULL AND n.code IS NULL
    THEN replace(replace(replace(lower(trim(coalesce(s.code, s.text))), ' ', ''), '-', ''), '_', '') END
  WHERE s.amount IS NOT NULL
), alike AS (
  SELECT told.*, CASE WHEN detail = '' THEN '' WHEN detail IN (SELECT detail FROM one_of_several_payers) THEN 'a prior payer' ELSE detail END AS sort
  FROM told
), listed AS MATERIALIZED (
  SELECT connection_id, id, level, line, part, depth, kind, sum(amount) AS amount,
         min(upper(trim(currency))) AS currency, max(upper(trim(currency))) AS last_currency, preference, min(position) AS position
  FROM alike
  WHERE kind IS NOT NULL AND (detail = '' OR (kind, detail) NOT IN (SELECT kind, detail FROM other))
  GROUP BY connection_id, id, level, line, part, depth, kind, preference, sort
)
-- A bare column beside min() comes from the row that has the minimum. Depth is 1 of the claim or line
-- itself, 2 of a detail, more of a sub-detail.
SELECT connection_id, id, level, line, part, depth, kind, amount, currency, last_currency,
       min(preference * 1000000 + position) AS place
FROM listed
GROUP BY connection_id, id, level, line, part, depth, kind;
CREATE TEMP TABLE amount AS
WITH part_of_line AS (
  SELECT connection_id, id, level, line, kind, 0 AS is_part, amount, currency, last_currency
  FROM temp.stated_amount
  WHERE depth = 1
  UNION ALL
  SELECT connection_id, id, level, line, kind, 1,
         coalesce(sum(CASE WHEN depth = 2 THEN amount END), sum(amount)), min(currency), max(last_currency)
  FROM temp.stated_amount
  WHERE depth > 1
  GROUP BY connection_id, id, level, line, part, kind
)
SELECT connection_id, id,
       CASE WHEN level = 'item' AND (connection_id, id, line) IN (SELECT connection_id, id, line FROM temp.total_line)
            THEN 'total line' ELSE level END AS level,
       line, kind,
       round(coalesce(sum(CASE WHEN NOT is_part THEN amount END), sum(amount)), 6) AS amount,
       min(currency) AS currency, max(last_currency) AS last_currency
FROM part_of_line
GROUP BY connection_id, id, level, line, kind;
CREATE INDEX temp.amount_of ON amount (connection_id, id, kind);
