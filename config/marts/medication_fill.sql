-- Which drugs did a member get, when, how many and for how long?
--
-- Grain: one row per line of a current pharmacy claim, and one row per completed dispense
-- record. The same fill can be in both: filter on source, never add the two up.
--
-- connection_id     whose consent the row came through
-- source            claim or dispense
-- source_id         id in explanation_of_benefit or medication_dispense
-- item_index        position of the line of the claim, from 0; NULL for a dispense
-- patient_id        the member, id in patient
-- fill_date         when it was handed out (for a claim, the day of service)
-- drug_code         first code of the drug
-- drug_system       its code system
-- drug_name         its name
-- ndc_code          National Drug Code, where sent
-- rxnorm_code       RxNorm code, where sent
-- quantity          quantity handed out
-- quantity_unit     its unit
-- days_supply       days it is meant to last
-- refill_number     0 is the first fill
-- pharmacy_name     who handed it out or is paid for it
-- prescriber_name   who prescribed it, as sent with the claim
-- prescriber_npi    NPI of the prescriber, where sent
-- submitted_amount, allowed_amount, plan_paid_amount, member_paid_amount  amounts of the line,
--                   of a one-line claim those of the claim; NULL for a dispense
-- currency          currency of the amounts
CREATE VIEW medication_fill AS
SELECT c.connection_id,
       'claim' AS source,
       c.explanation_of_benefit_id AS source_id,
       i.item_index,
       c.patient_id,
       coalesce(i.serviced_date, i.serviced_period_start, c.service_start) AS fill_date,
       i.product_or_service_code AS drug_code,
       i.product_or_service_system AS drug_system,
       coalesce(i.product_or_service_display, i.product_or_service_text) AS drug_name,
       coalesce(i.ndc_code, (SELECT d.ndc_code FROM explanation_of_benefit_item_detail AS d
                             WHERE d.connection_id = i.connection_id AND d.explanation_of_benefit_id = i.explanation_of_benefit_id
                               AND d.item_index = i.item_index AND d.ndc_code IS NOT NULL ORDER BY d.row_no LIMIT 1)) AS ndc_code,
       NULL AS rxnorm_code,
       i.quantity_value AS quantity,
       coalesce(i.quantity_unit, i.quantity_code) AS quantity_unit,
       e.days_supply,
       e.refill_number,
       c.provider_name AS pharmacy_name,
       coalesce(nullif(trim(coalesce(p.given_name, '') || ' ' || coalesce(p.family_name, '')), ''), p.name_text, t.provider_display) AS prescriber_name,
       coalesce(p.npi, CASE WHEN t.provider_identifier_system = 'http://hl7.org/fhir/sid/us-npi'
                              OR lower(t.provider_identifier_type_code) = 'npi' THEN t.provider_identifier_value END) AS prescriber_npi,
       coalesce(i.submitted_amount, i.drug_cost_amount, i.net_amount, CASE WHEN c.line_count <= 1 THEN c.submitted_amount END) AS submitted_amount,
       coalesce(i.allowed_amount, i.eligible_amount, CASE WHEN c.line_count <= 1 THEN c.allowed_amount END) AS allowed_amount,
       coalesce(i.paid_to_provider_amount, i.benefit_amount, CASE WHEN c.line_count <= 1 THEN c.plan_paid_amount END) AS plan_paid_amount,
       coalesce(i.paid_by_patient_amount, CASE WHEN c.line_count <= 1 THEN c.paid_by_patient_amount END) AS member_paid_amount,
       c.currency
FROM claim_current AS c
JOIN explanation_of_benefit AS e ON e.connection_id = c.connection_id AND e.id = c.explanation_of_benefit_id
LEFT JOIN explanation_of_benefit_item AS i
  ON i.connection_id = c.connection_id AND i.explanation_of_benefit_id = c.explanation_of_benefit_id
LEFT JOIN explanation_of_benefit_care_team AS t
  ON t.connection_id = c.connection_id AND t.explanation_of_benefit_id = c.explanation_of_benefit_id
 AND t.row_no = (SELECT f.row_no FROM explanation_of_benefit_care_team AS f
                 WHERE f.connection_id = c.connection_id AND f.explanation_of_benefit_id = c.explanation_of_benefit_id
                   AND f.role_code IN ('prescribing', 'prescriber') ORDER BY f.row_no LIMIT 1)
LEFT JOIN practitioner AS p ON p.connection_id = t.connection_id AND p.id = t.provider_practitioner_id
WHERE c.kind = 'pharmacy'
UNION ALL
SELECT d.connection_id,
       'dispense',
       d.id,
       NULL,
       d.patient_id,
       coalesce(d.when_handed_over, d.when_prepared),
       coalesce(d.medication_code, m.code_code),
       coalesce(d.medication_system, m.code_system),
       coalesce(d.medication_display, d.medication_text, m.code_display, m.code_text, d.medication_reference_display),
       coalesce(d.ndc_code, m.ndc_code),
       coalesce(d.rxnorm_code, m.rxnorm_code),
       d.quantity_value,
       coalesce(d.quantity_unit, d.quantity_code),
       d.days_supply_value,
       NULL,
       coalesce(o.name, d.performer_actor_display),
       NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM medication_dispense AS d
LEFT JOIN medication AS m ON m.connection_id = d.connection_id AND m.id = d.medication_id
LEFT JOIN organization AS o ON o.connection_id = d.connection_id AND o.id = d.performer_actor_organization_id
WHERE coalesce(d.status, 'completed') = 'completed';
