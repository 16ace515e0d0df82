-- What did the plan approve or deny in advance, for whom and until when?
--
-- Grain: one row per line of an explanation of benefit whose use is preauthorization; a
-- request without lines gives one row. None of these is money spent.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   the request, id in explanation_of_benefit
-- item_index                  position of the line, from 0; NULL when there are no lines
-- authorization_number        prior authorization number, else the first identifier
-- status                      active, cancelled, draft or entered-in-error
-- outcome                     queued, complete, error or partial
-- disposition                 outcome in words
-- decision_code               decision on the line (X12 306: A1 certified in total, A2 partial, A3 not certified, A4 pended, A6 modified)
-- decision_display            the same in words
-- decision_reason             why
-- decision_date               when it was decided, else when the explanation was made
-- patient_id                  the member, id in patient
-- valid_from, valid_until     when the authorization holds: of the line, else of the request
-- kind                        kind of claim
-- code, code_system, code_display  service, product or drug
-- quantity, quantity_unit     units asked for
-- diagnosis_code              first diagnosis of the request
-- provider_name               who asked
-- insurer_name                the payer
-- submitted_amount            amount asked for
-- allowed_amount              amount allowed (allowed, else eligible)
CREATE VIEW prior_authorization AS
SELECT e.connection_id,
       e.id AS explanation_of_benefit_id,
       i.item_index,
       coalesce(i.review_number, e.pre_auth_ref, e.unique_claim_id, e.identifier_value) AS authorization_number,
       e.status,
       e.outcome,
       e.disposition,
       i.review_action_code AS decision_code,
       i.review_action_display AS decision_display,
       coalesce(i.review_reason_display, i.review_reason_code, i.denial_reason_display, i.denial_reason_code, e.denial_reason_display, e.denial_reason_code) AS decision_reason,
       coalesce(i.when_adjudicated, i.pre_auth_issue_date, e.created) AS decision_date,
       e.patient_id,
       coalesce(i.pre_auth_period_start, e.pre_auth_ref_period_start) AS valid_from,
       coalesce(i.pre_auth_period_end, e.pre_auth_ref_period_end) AS valid_until,
       coalesce(e.claim_type_code, e.type_code) AS kind,
       i.product_or_service_code AS code,
       i.product_or_service_system AS code_system,
       coalesce(i.product_or_service_display, i.product_or_service_text) AS code_display,
       i.quantity_value AS quantity,
       coalesce(i.quantity_unit, i.quantity_code) AS quantity_unit,
       (SELECT coalesce(d.diagnosis_code, condition.code_code) FROM explanation_of_benefit_diagnosis AS d
        LEFT JOIN condition ON condition.connection_id = d.connection_id AND condition.id = d.diagnosis_condition_id
        WHERE d.connection_id = e.connection_id AND d.explanation_of_benefit_id = e.id
          AND coalesce(d.diagnosis_code, condition.code_code) IS NOT NULL
        ORDER BY coalesce(d.type_code, '') <> 'principal', d.sequence, d.row_no LIMIT 1) AS diagnosis_code,
       coalesce(o.name, nullif(trim(coalesce(p.given_name, '') || ' ' || coalesce(p.family_name, '')), ''), p.name_text,
                (SELECT coalesce(name, name_text, family_name) FROM explanation_of_benefit_contained AS k
                 WHERE k.connection_id = e.connection_id AND k.explanation_of_benefit_id = e.id
                   AND '#' || k.contained_id = e.provider_reference LIMIT 1),
                e.provider_display) AS provider_name,
       coalesce(n.name,
                (SELECT name FROM explanation_of_benefit_contained AS k
                 WHERE k.connection_id = e.connection_id AND k.explanation_of_benefit_id = e.id
                   AND '#' || k.contained_id = e.insurer_reference LIMIT 1),
                e.insurer_display) AS insurer_name,
       coalesce(i.submitted_amount, i.net_amount, CASE WHEN i.item_index IS NULL THEN e.total_submitted_amount END) AS submitted_amount,
       coalesce(i.allowed_amount, i.eligible_amount, CASE WHEN i.item_index IS NULL THEN coalesce(e.total_allowed_amount, e.total_eligible_amount) END) AS allowed_amount
FROM explanation_of_benefit AS e
LEFT JOIN explanation_of_benefit_item AS i ON i.connection_id = e.connection_id AND i.explanation_of_benefit_id = e.id
LEFT JOIN organization AS o ON o.connection_id = e.connection_id AND o.id = e.provider_organization_id
LEFT JOIN practitioner AS p ON p.connection_id = e.connection_id AND p.id = e.provider_practitioner_id
LEFT JOIN organization AS n ON n.connection_id = e.connection_id AND n.id = e.insurer_id
WHERE e."use" = 'preauthorization';
