-- What was done, line by line, for how much and for which diagnosis?
--
-- Grain: one row per line of a claim. Claims without lines have no row here. Superseded and
-- cancelled claims are included: join to claim_current for lines that stand today.
--
-- The diagnosis is the first one the line points at, else the principal or first one of the
-- claim. Each amount is the first of its category on the line; every one of them is in
-- explanation_of_benefit_item_adjudication.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   the claim
-- item_index                  position of the line, from 0; unique within the claim
-- line_number                 number the payer gives the line
-- claim_number                number of the claim
-- claim_status                status of the claim
-- kind                        kind of claim
-- patient_id                  the member, id in patient
-- service_start               first day of service: of the line, else of the claim
-- service_end                 last day of service: of the line, else of the claim
-- code                        service, product or drug: first code
-- code_system                 its code system
-- code_display                its display text
-- cpt_code, hcpcs_code        the same in these code systems, where sent
-- ndc_code                    National Drug Code of the drug sold or given, where sent
-- modifier_1_code, modifier_2_code  first and second modifier
-- revenue_code                revenue center
-- place_of_service_code       place of service
-- quantity, quantity_unit     units of service
-- diagnosis_code, diagnosis_system, diagnosis_display  diagnosis of the line
-- provider_name               who performed the line, else who is paid for the claim
-- provider_npi                NPI of the same
-- submitted_amount            charged by the provider, else the net of the line
-- allowed_amount              allowed by the plan (allowed, else eligible)
-- noncovered_amount, discount_amount, deductible_amount, copay_amount, coinsurance_amount,
-- member_liability_amount, paid_by_patient_amount, prior_payer_paid_amount,
-- paid_to_provider_amount, paid_to_patient_amount, benefit_amount, drug_cost_amount  as in claim
-- denial_reason_code          why the line was denied
-- currency                    currency of the amounts
CREATE VIEW claim_line AS
SELECT i.connection_id,
       i.explanation_of_benefit_id,
       i.item_index,
       i.sequence AS line_number,
       coalesce(e.unique_claim_id, e.claim_control_number, e.identifier_value) AS claim_number,
       e.status AS claim_status,
       coalesce(e.claim_type_code, e.type_code) AS kind,
       e.patient_id,
       coalesce(i.serviced_date, i.serviced_period_start, e.billable_period_start) AS service_start,
       coalesce(i.serviced_date, i.serviced_period_end, i.serviced_period_start, e.billable_period_end) AS service_end,
       i.product_or_service_code AS code,
       i.product_or_service_system AS code_system,
       coalesce(i.product_or_service_display, i.product_or_service_text) AS code_display,
       i.cpt_code,
       i.hcpcs_code,
       coalesce(i.ndc_code, i.administered_ndc_code) AS ndc_code,
       i.modifier_1_code,
       i.modifier_2_code,
       i.revenue_code,
       i.location_code AS place_of_service_code,
       i.quantity_value AS quantity,
       coalesce(i.quantity_unit, i.quantity_code) AS quantity_unit,
       coalesce(d.diagnosis_code, condition.code_code) AS diagnosis_code,
       coalesce(d.diagnosis_system, condition.code_system) AS diagnosis_system,
       coalesce(d.diagnosis_display, d.diagnosis_text, condition.code_display, condition.code_text) AS diagnosis_display,
       coalesce(nullif(trim(coalesce(practitioner.given_name, '') || ' ' || coalesce(practitioner.family_name, '')), ''),
                practitioner.name_text, organization.name, t.provider_display, e.provider_display) AS provider_name,
       coalesce(practitioner.npi, organization.npi,
                CASE WHEN t.provider_identifier_system = 'http://hl7.org/fhir/sid/us-npi'
                       OR lower(t.provider_identifier_type_code) = 'npi' THEN t.provider_identifier_value END,
                CASE WHEN t.row_no IS NULL
                      AND (e.provider_identifier_system = 'http://hl7.org/fhir/sid/us-npi'
                           OR lower(e.provider_identifier_type_code) = 'npi') THEN e.provider_identifier_value END) AS provider_npi,
       coalesce(i.submitted_amount, i.net_amount) AS submitted_amount,
       coalesce(i.allowed_amount, i.eligible_amount) AS allowed_amount,
       i.noncovered_amount,
       i.discount_amount,
       i.deductible_amount,
       i.copay_amount,
       i.coinsurance_amount,
       i.member_liability_amount,
       i.paid_by_patient_amount,
       i.prior_payer_paid_amount,
       i.paid_to_provider_amount,
       i.paid_to_patient_amount,
       i.benefit_amount,
       i.drug_cost_amount,
       i.denial_reason_code,
       coalesce(i.adjudication_currency, i.net_currency) AS currency
FROM explanation_of_benefit_item AS i
JOIN explanation_of_benefit AS e ON e.connection_id = i.connection_id AND e.id = i.explanation_of_benefit_id
LEFT JOIN explanation_of_benefit_diagnosis AS d
  ON d.connection_id = i.connection_id AND d.explanation_of_benefit_id = i.explanation_of_benefit_id
 AND d.row_no = (SELECT f.row_no FROM explanation_of_benefit_diagnosis AS f
                 WHERE f.connection_id = i.connection_id AND f.explanation_of_benefit_id = i.explanation_of_benefit_id
                   AND (i.diagnosis_sequence IS NULL OR f.sequence = i.diagnosis_sequence)
                 ORDER BY coalesce(f.type_code, '') <> 'principal', f.sequence, f.row_no LIMIT 1)
LEFT JOIN condition ON condition.connection_id = d.connection_id AND condition.id = d.diagnosis_condition_id
LEFT JOIN explanation_of_benefit_care_team AS t
  ON t.connection_id = i.connection_id AND t.explanation_of_benefit_id = i.explanation_of_benefit_id
 AND t.row_no = (SELECT f.row_no FROM explanation_of_benefit_care_team AS f
                 WHERE f.connection_id = i.connection_id AND f.explanation_of_benefit_id = i.explanation_of_benefit_id
                   AND f.sequence = i.care_team_sequence
                 ORDER BY f.row_no LIMIT 1)
LEFT JOIN practitioner
  ON practitioner.connection_id = i.connection_id
 AND practitioner.id = CASE WHEN t.row_no IS NULL THEN e.provider_practitioner_id ELSE t.provider_practitioner_id END
LEFT JOIN organization
  ON organization.connection_id = i.connection_id
 AND organization.id = CASE WHEN t.row_no IS NULL THEN e.provider_organization_id ELSE t.provider_organization_id END
WHERE coalesce(e."use", 'claim') = 'claim';
