-- What did each claim cost, who was paid, and for which service?
--
-- Grain: one row per explanation of benefit whose use is claim (or not stated).
-- Superseded and cancelled claims are here too: use claim_current for spend, and
-- payment_ledger for money that moved. Prior authorizations are in prior_authorization.
--
-- Amounts: the total the payer states, else the decision on claim level, else the sum of
-- the lines (the first amount of each category per line). A category the payer does not
-- use is NULL, not 0. Dates are the text that was sent, of whatever precision.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   id of the claim; joins to explanation_of_benefit and its children
-- claim_number                payer's unique claim number, else its control number, else its first identifier
-- status                      active, cancelled, draft or entered-in-error
-- outcome                     queued, complete, error or partial
-- kind                        institutional, pharmacy, professional, oral or vision
-- sub_kind                    finer kind, such as inpatient or outpatient
-- patient_id                  the member, id in patient
-- coverage_id                 the coverage used, id in coverage
-- service_start               first day of service: of the claim, else of its lines
-- service_end                 last day of service: of the claim, else of its lines
-- received_date               when the payer received the claim
-- created                     when the payer made this explanation
-- payment_date                when it was paid
-- insurer_name                name of the payer
-- provider_id                 who is paid, id in organization or practitioner
-- provider_name               name of who is paid
-- provider_npi                NPI of who is paid
-- principal_diagnosis_code    diagnosis marked as principal, else the first one
-- drg_code                    diagnosis related group
-- type_of_bill_code           type of bill
-- admission_date              start of the admission
-- discharge_date              end of the admission
-- discharge_status_code       state at discharge
-- line_count                  number of lines
-- submitted_amount            charged by the provider (for want of any other amount, the sum of the lines' net)
-- allowed_amount              allowed by the plan (allowed, else eligible, which CARIN senders use)
-- noncovered_amount           not covered
-- discount_amount             discount
-- deductible_amount           applied to the deductible
-- copay_amount                copayment
-- coinsurance_amount          coinsurance
-- member_liability_amount     owed by the member
-- paid_by_patient_amount      paid by the member
-- prior_payer_paid_amount     paid by an earlier payer
-- paid_to_provider_amount     paid by the plan to the provider
-- paid_to_patient_amount      paid by the plan to the member
-- benefit_amount              benefit payable by the plan
-- drug_cost_amount            cost of the drug
-- payment_amount              the payment of the claim
-- plan_paid_amount            what the plan paid: payment, else paid to provider and patient, else benefit
-- currency                    currency of the amounts
CREATE VIEW claim AS
WITH line AS (
  SELECT connection_id, explanation_of_benefit_id,
         count(*) AS line_count,
         min(coalesce(serviced_date, serviced_period_start)) AS service_start,
         max(coalesce(serviced_date, serviced_period_end, serviced_period_start)) AS service_end,
         sum(coalesce(submitted_amount, net_amount)) AS submitted_amount,
         sum(coalesce(allowed_amount, eligible_amount)) AS allowed_amount,
         sum(noncovered_amount) AS noncovered_amount,
         sum(discount_amount) AS discount_amount,
         sum(deductible_amount) AS deductible_amount,
         sum(copay_amount) AS copay_amount,
         sum(coinsurance_amount) AS coinsurance_amount,
         sum(member_liability_amount) AS member_liability_amount,
         sum(paid_by_patient_amount) AS paid_by_patient_amount,
         sum(prior_payer_paid_amount) AS prior_payer_paid_amount,
         sum(paid_to_provider_amount) AS paid_to_provider_amount,
         sum(paid_to_patient_amount) AS paid_to_patient_amount,
         sum(benefit_amount) AS benefit_amount,
         sum(drug_cost_amount) AS drug_cost_amount,
         max(coalesce(adjudication_currency, net_currency)) AS currency
  FROM explanation_of_benefit_item
  GROUP BY connection_id, explanation_of_benefit_id
), summed AS (
  SELECT e.connection_id, e.id,
         line.line_count, line.service_start, line.service_end,
         coalesce(e.total_submitted_amount, e.submitted_amount, line.submitted_amount) AS submitted_amount,
         coalesce(e.total_allowed_amount, e.total_eligible_amount, e.allowed_amount, e.eligible_amount, line.allowed_amount) AS allowed_amount,
         coalesce(e.total_noncovered_amount, e.noncovered_amount, line.noncovered_amount) AS noncovered_amount,
         coalesce(e.total_discount_amount, e.discount_amount, line.discount_amount) AS discount_amount,
         coalesce(e.total_deductible_amount, e.deductible_amount, line.deductible_amount) AS deductible_amount,
         coalesce(e.total_copay_amount, e.copay_amount, line.copay_amount) AS copay_amount,
         coalesce(e.total_coinsurance_amount, e.coinsurance_amount, line.coinsurance_amount) AS coinsurance_amount,
         coalesce(e.total_member_liability_amount, e.member_liability_amount, line.member_liability_amount) AS member_liability_amount,
         coalesce(e.total_paid_by_patient_amount, e.paid_by_patient_amount, line.paid_by_patient_amount) AS paid_by_patient_amount,
         coalesce(e.total_prior_payer_paid_amount, e.prior_payer_paid_amount, line.prior_payer_paid_amount) AS prior_payer_paid_amount,
         coalesce(e.total_paid_to_provider_amount, e.paid_to_provider_amount, line.paid_to_provider_amount) AS paid_to_provider_amount,
         coalesce(e.total_paid_to_patient_amount, e.paid_to_patient_amount, line.paid_to_patient_amount) AS paid_to_patient_amount,
         coalesce(e.total_benefit_amount, e.benefit_amount, line.benefit_amount) AS benefit_amount,
         coalesce(e.total_drug_cost_amount, e.drug_cost_amount, line.drug_cost_amount) AS drug_cost_amount,
         coalesce(e.payment_currency, e.total_currency, line.currency) AS currency
  FROM explanation_of_benefit AS e
  LEFT JOIN line ON line.connection_id = e.connection_id AND line.explanation_of_benefit_id = e.id
)
SELECT e.connection_id,
       e.id AS explanation_of_benefit_id,
       coalesce(e.unique_claim_id, e.claim_control_number, e.identifier_value) AS claim_number,
       e.status,
       e.outcome,
       coalesce(e.claim_type_code, e.type_code) AS kind,
       coalesce(e.sub_type_code, e.sub_type_text) AS sub_kind,
       e.patient_id,
       e.coverage_id,
       coalesce(e.billable_period_start, s.service_start) AS service_start,
       coalesce(e.billable_period_end, s.service_end) AS service_end,
       e.claim_received_date AS received_date,
       e.created,
       e.payment_date,
       coalesce(insurer.name,
                (SELECT name FROM explanation_of_benefit_contained AS k
                 WHERE k.connection_id = e.connection_id AND k.explanation_of_benefit_id = e.id
                   AND '#' || k.contained_id = e.insurer_reference LIMIT 1),
                e.insurer_display) AS insurer_name,
       e.provider_id,
       coalesce(organization.name,
                nullif(trim(coalesce(practitioner.given_name, '') || ' ' || coalesce(practitioner.family_name, '')), ''),
                practitioner.name_text,
                (SELECT coalesce(name, name_text, family_name) FROM explanation_of_benefit_contained AS k
                 WHERE k.connection_id = e.connection_id AND k.explanation_of_benefit_id = e.id
                   AND '#' || k.contained_id = e.provider_reference LIMIT 1),
                e.provider_display) AS provider_name,
       coalesce(organization.npi, practitioner.npi,
                (SELECT npi FROM explanation_of_benefit_contained AS k
                 WHERE k.connection_id = e.connection_id AND k.explanation_of_benefit_id = e.id
                   AND '#' || k.contained_id = e.provider_reference LIMIT 1),
                CASE WHEN e.provider_identifier_system = 'http://hl7.org/fhir/sid/us-npi'
                       OR lower(e.provider_identifier_type_code) = 'npi'
                     THEN e.provider_identifier_value END) AS provider_npi,
       coalesce(e.principal_diagnosis_code,
                (SELECT coalesce(d.diagnosis_code, condition.code_code) FROM explanation_of_benefit_diagnosis AS d
                 LEFT JOIN condition ON condition.connection_id = d.connection_id AND condition.id = d.diagnosis_condition_id
                 WHERE d.connection_id = e.connection_id AND d.explanation_of_benefit_id = e.id
                   AND coalesce(d.diagnosis_code, condition.code_code) IS NOT NULL
                 ORDER BY coalesce(d.type_code, '') <> 'principal', d.sequence, d.row_no LIMIT 1)) AS principal_diagnosis_code,
       e.drg_code,
       e.type_of_bill_code,
       e.admission_period_start AS admission_date,
       e.admission_period_end AS discharge_date,
       e.discharge_status_code,
       coalesce(s.line_count, 0) AS line_count,
       s.submitted_amount,
       s.allowed_amount,
       s.noncovered_amount,
       s.discount_amount,
       s.deductible_amount,
       s.copay_amount,
       s.coinsurance_amount,
       s.member_liability_amount,
       s.paid_by_patient_amount,
       s.prior_payer_paid_amount,
       s.paid_to_provider_amount,
       s.paid_to_patient_amount,
       s.benefit_amount,
       s.drug_cost_amount,
       e.payment_amount,
       coalesce(e.payment_amount,
                CASE WHEN s.paid_to_provider_amount IS NOT NULL OR s.paid_to_patient_amount IS NOT NULL
                     THEN coalesce(s.paid_to_provider_amount, 0) + coalesce(s.paid_to_patient_amount, 0) END,
                s.benefit_amount) AS plan_paid_amount,
       s.currency
FROM explanation_of_benefit AS e
JOIN summed AS s ON s.connection_id = e.connection_id AND s.id = e.id
LEFT JOIN organization AS insurer ON insurer.connection_id = e.connection_id AND insurer.id = e.insurer_id
LEFT JOIN organization ON organization.connection_id = e.connection_id AND organization.id = e.provider_organization_id
LEFT JOIN practitioner ON practitioner.connection_id = e.connection_id AND practitioner.id = e.provider_practitioner_id
WHERE coalesce(e."use", 'claim') = 'claim';
