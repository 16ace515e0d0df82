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
-- decision_code               decision on the line (X12 306: A1 certified in total, A2 partial, A3 not certified, A4 pended, A6 modified);
--                             of Medicare a code of its own, such as A
-- decision_display            the same in words
-- decision_reason             why
-- decision_sent               when it was decided, else when the explanation was made, as sent
-- decision_date               the same as a date
-- member_id                   the person, id in member
-- patient_id                  the member, id in patient
-- valid_from                  from when the authorization holds, as sent: of the line, else of the request
-- valid_from_date             the same as a date
-- valid_until                 until when it holds, as sent
-- valid_until_date            the same as a date
-- kind                        kind of claim
-- code                        service, product or drug
-- code_system                 its code system
-- code_display                its name: from `code` where its list is loaded, else its display text
-- quantity                    units asked for
-- quantity_unit               their unit
-- diagnosis_code              first diagnosis of the request
-- diagnosis_system            its code system
-- provider_name               who asked
-- insurer_name                the payer
-- submitted_amount            amount asked for
-- submitted_cents             the same in cents
-- allowed_amount              amount allowed (allowed, else eligible)
-- allowed_cents               the same in cents
-- currency                    currency of the amounts
CREATE TABLE prior_authorization (
  connection_id INTEGER NOT NULL,
  explanation_of_benefit_id TEXT NOT NULL,
  item_index INTEGER,
  authorization_number TEXT,
  status TEXT,
  outcome TEXT,
  disposition TEXT,
  decision_code TEXT,
  decision_display TEXT,
  decision_reason TEXT,
  decision_sent TEXT,
  decision_date TEXT,
  member_id TEXT,
  patient_id TEXT,
  valid_from TEXT,
  valid_from_date TEXT,
  valid_until TEXT,
  valid_until_date TEXT,
  kind TEXT,
  code TEXT,
  code_system TEXT,
  code_display TEXT,
  quantity REAL,
  quantity_unit TEXT,
  diagnosis_code TEXT,
  diagnosis_system TEXT,
  provider_name TEXT,
  insurer_name TEXT,
  submitted_amount REAL,
  submitted_cents INTEGER,
  allowed_amount REAL,
  allowed_cents INTEGER,
  currency TEXT
);
CREATE INDEX prior_authorization_by_connection ON prior_authorization (connection_id, explanation_of_benefit_id);
CREATE INDEX prior_authorization_by_member ON prior_authorization (member_id, decision_date);
INSERT INTO prior_authorization
WITH money AS (
  SELECT connection_id, id, line, submitted, allowed, currency, is_mixed FROM temp.line_money WHERE level = 'item'
  UNION ALL
  SELECT connection_id, id, -1, submitted, allowed, currency, is_mixed FROM temp.claim_money
), decided AS (
  -- Medicare's decision on a line is in extensions of its own.
  SELECT x.connection_id, x.explanation_of_benefit_id, x.item_index,
         max(CASE WHEN x.url LIKE '%/PA-DECISION' THEN x.value_coding_code END) AS code,
         max(CASE WHEN x.url LIKE '%/PA-DECISION' THEN x.value_coding_display END) AS display,
         max(CASE WHEN x.url LIKE '%/PA-DECISION-DT' THEN x.value_date END) AS day,
         max(CASE WHEN x.url LIKE '%/PA-DECISION-EXP-DT' THEN x.value_date END) AS last_day
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item_extension AS x ON x.connection_id = mart_scope.connection_id
  WHERE x.url LIKE 'https://bluebutton.cms.gov/fhir/StructureDefinition/PA-DECISION%'
  GROUP BY mart_scope.connection_id, x.explanation_of_benefit_id, x.item_index
)
SELECT e.connection_id,
       e.id,
       i.item_index,
       coalesce(i.review_number, e.pre_auth_ref, e.unique_claim_id, e.identifier_value),
       e.status,
       e.outcome,
       e.disposition,
       coalesce(i.review_action_code, CASE WHEN i.review_action_display IS NULL THEN decided.code END),
       coalesce(i.review_action_display, CASE WHEN i.review_action_code IS NULL THEN decided.display END),
       coalesce(i.review_reason_display, i.review_reason_code, i.denial_reason_display, i.denial_reason_code, e.denial_reason_display, e.denial_reason_code),
       coalesce(i.when_adjudicated, i.pre_auth_issue_date, decided.day, e.created),
       first_day(coalesce(i.when_adjudicated, i.pre_auth_issue_date, decided.day, e.created)),
       person.member_id,
       e.patient_id,
       coalesce(i.pre_auth_period_start, e.pre_auth_ref_period_start),
       first_day(coalesce(i.pre_auth_period_start, e.pre_auth_ref_period_start)),
       coalesce(i.pre_auth_period_end, decided.last_day, e.pre_auth_ref_period_end),
       last_day(coalesce(i.pre_auth_period_end, decided.last_day, e.pre_auth_ref_period_end)),
       coalesce(e.claim_type_code,
         (SELECT claim_kind(k.code) FROM explanation_of_benefit_coding AS k WHERE k.connection_id = e.connection_id
          AND k.explanation_of_benefit_id = e.id AND k.element = 'type' AND claim_kind(k.code) IS NOT NULL
          ORDER BY k.row_no LIMIT 1),
         claim_kind(e.type_text), e.type_code),
       i.product_or_service_code,
       i.product_or_service_system,
       coalesce((SELECT n.display FROM code AS n WHERE n.system = listed_system(i.product_or_service_system, i.product_or_service_code) AND n.code = listed_code(i.product_or_service_system, i.product_or_service_code)),
                i.product_or_service_display, i.product_or_service_text),
       coalesce(i.quantity_value, i.service_count),
       coalesce(i.quantity_unit, i.quantity_code),
       (SELECT coalesce(diagnosis_code(d.diagnosis_system, d.diagnosis_code), diagnosis_code(condition.code_system, condition.code_code)) FROM explanation_of_benefit_diagnosis AS d
        LEFT JOIN condition ON condition.connection_id = d.connection_id AND condition.id = d.diagnosis_condition_id
        LEFT JOIN temp.diagnosis_role AS role ON role.connection_id = d.connection_id AND role.id = d.explanation_of_benefit_id AND role.row_no = d.row_no
        WHERE d.connection_id = e.connection_id AND d.explanation_of_benefit_id = e.id
          AND coalesce(d.diagnosis_code, condition.code_code) IS NOT NULL
        ORDER BY coalesce(role.is_principal, 0) DESC, coalesce(role.is_reason, 0), d.sequence, d.row_no LIMIT 1),
       (SELECT CASE WHEN d.diagnosis_code IS NOT NULL THEN d.diagnosis_system ELSE condition.code_system END
        FROM explanation_of_benefit_diagnosis AS d
        LEFT JOIN condition ON condition.connection_id = d.connection_id AND condition.id = d.diagnosis_condition_id
        LEFT JOIN temp.diagnosis_role AS role ON role.connection_id = d.connection_id AND role.id = d.explanation_of_benefit_id AND role.row_no = d.row_no
        WHERE d.connection_id = e.connection_id AND d.explanation_of_benefit_id = e.id
          AND coalesce(d.diagnosis_code, condition.code_code) IS NOT NULL
        ORDER BY coalesce(role.is_principal, 0) DESC, coalesce(role.is_reason, 0), d.sequence, d.row_no LIMIT 1),
       coalesce(p.name,
         (SELECT name FROM temp.contained_party AS k WHERE k.connection_id = e.connection_id AND k.claim_id = e.id
          AND k.reference = e.provider_reference),
         e.provider_display),
       coalesce(n.name,
         (SELECT name FROM temp.contained_party AS k WHERE k.connection_id = e.connection_id AND k.claim_id = e.id
          AND k.reference = e.insurer_reference),
         e.insurer_display),
       CASE WHEN NOT m.is_mixed THEN m.submitted END,
       cents_of(CASE WHEN NOT m.is_mixed THEN m.submitted END),
       CASE WHEN NOT m.is_mixed THEN m.allowed END,
       cents_of(CASE WHEN NOT m.is_mixed THEN m.allowed END),
       CASE WHEN NOT m.is_mixed THEN m.currency END
FROM temp.mart_scope CROSS JOIN explanation_of_benefit AS e ON e.connection_id = mart_scope.connection_id
LEFT JOIN explanation_of_benefit_item AS i ON i.connection_id = e.connection_id AND i.explanation_of_benefit_id = e.id
LEFT JOIN decided ON decided.connection_id = e.connection_id AND decided.explanation_of_benefit_id = e.id
  AND decided.item_index = i.item_index
LEFT JOIN money AS m ON m.connection_id = e.connection_id AND m.id = e.id AND m.line = coalesce(i.item_index, -1)
LEFT JOIN temp.person ON person.connection_id = e.connection_id AND person.patient_id = e.patient_id
LEFT JOIN temp.party AS p
  ON p.connection_id = e.connection_id AND p.id = e.provider_id
 AND p.type = CASE e.provider_id WHEN e.provider_organization_id THEN 'Organization'
              WHEN e.provider_practitioner_id THEN 'Practitioner'
              WHEN e.provider_practitioner_role_id THEN 'PractitionerRole' END
LEFT JOIN temp.party AS n ON n.connection_id = e.connection_id AND n.type = 'Organization' AND n.id = e.insurer_id
WHERE e."use" = 'preauthorization'
  AND NOT EXISTS (SELECT 1 FROM temp.duplicate AS x WHERE x.connection_id = e.connection_id
    AND x.resource_type = 'ExplanationOfBenefit' AND x.resource_id = e.id);
