-- What was done, line by line, for how much and for which diagnosis?
--
-- Grain: one row per line of a claim, and one per line that the payer added to it. Claims without
-- lines have no row here. Superseded and cancelled claims are included: ask for claim_is_current.
--
-- The diagnosis is the first one the line points at that is there. Of a line that points at none it is the
-- principal or first one of the claim; a line that points only at diagnoses that are missing has none,
-- since the payer said that it was for another one. The provider is the one the line points at as performing or rendering, else the first one it points at, but
-- for who referred or prescribed; else who is paid. Of a claim of which no line points at anybody it is the
-- only one who performed or rendered the claim. An entry without a number has that of its place, from 1.
-- Amounts of one kind on a line add up; the amount of a line without any of its own is the sum of its
-- details. Every one of them is in explanation_of_benefit_item_adjudication and its siblings.
--
-- Lines have the amounts that their own claim states. Where a claim only changes another claim's amounts
-- (is_difference in claim), they are the change alone, so add up claim_current for what a claim came to.
--
-- The line of revenue center 0001, which states the total of a bill's other lines, is here without
-- its amounts, so that a sum over the lines counts nothing twice: see is_total.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   the claim
-- line_key                    unique within the claim: the lines of the claim, then those that the payer added, from 0
-- item_index                  position of the line among the items, from 0; NULL for a line that the payer added
-- add_item_index              position of the line among those that the payer added, from 0
-- line_number                 number the payer gives the line
-- member_id                   the person, id in member
-- claim_number                number of the claim
-- claim_key                   the claim over all its versions
-- claim_status                status of the claim
-- claim_is_current            1 when the claim stands today, see claim_current
-- kind                        kind of claim
-- patient_id                  the member, id in patient
-- service_start               first day of service as sent: of the line, else of the claim
-- service_start_date          the same as a date
-- service_end                 last day of service as sent: of the line, else of the claim
-- service_end_date            the same as a date
-- code                        service, product or drug: first code
-- code_system                 its code system
-- code_display                its name: from `code` where its list is loaded, else its display text
-- cpt_code                    the code in CPT, where sent
-- hcpcs_code                  the code in HCPCS, where sent
-- ndc_code                    National Drug Code of the drug sold or given: eleven digits; NULL where what was sent cannot be made one
-- ndc_sent_code               the same as sent
-- modifier_1_code             first modifier
-- modifier_2_code             second modifier
-- revenue_code                revenue center
-- place_of_service_code       place of service, two digits
-- place_of_service_display    its name: from `code` where its list is loaded, else as sent
-- quantity                    units of service
-- quantity_unit               their unit
-- diagnosis_code              diagnosis of the line
-- diagnosis_system            its code system
-- diagnosis_display           its name: from `code` where its list is loaded, else its display text
-- provider_name               who performed the line, else the claim, else who is paid for it
-- provider_npi                NPI of the same
-- submitted_amount            charged by the provider, else the net of the line
-- submitted_cents             the same in cents
-- allowed_amount              allowed by the plan (allowed, else eligible)
-- allowed_cents               the same in cents
-- noncovered_amount           as in claim
-- noncovered_cents            the same in cents
-- discount_amount             as in claim
-- discount_cents              the same in cents
-- deductible_amount           as in claim
-- deductible_cents            the same in cents
-- copay_amount                as in claim
-- copay_cents                 the same in cents
-- coinsurance_amount          as in claim
-- coinsurance_cents           the same in cents
-- member_liability_amount     as in claim
-- member_liability_cents      the same in cents
-- paid_by_patient_amount      as in claim
-- paid_by_patient_cents       the same in cents
-- prior_payer_paid_amount     as in claim
-- prior_payer_paid_cents      the same in cents
-- paid_to_provider_amount     as in claim
-- paid_to_provider_cents      the same in cents
-- paid_to_patient_amount      as in claim
-- paid_to_patient_cents       the same in cents
-- benefit_amount              as in claim
-- benefit_cents               the same in cents
-- drug_cost_amount            as in claim
-- drug_cost_cents             the same in cents
-- plan_paid_amount            paid to provider and patient, else benefit
-- plan_paid_cents             the same in cents
-- denial_reason_code          why the line was denied or its charge reduced (X12 CARC, or as sent): a paid line may have one
-- is_total                    1 when the line states the total of the other lines; it has no amounts here then
-- currency                    currency of the amounts
-- is_mixed_currency           1 when amounts of this line are in different currencies; it has none then
CREATE TABLE claim_line (
  connection_id INTEGER NOT NULL,
  explanation_of_benefit_id TEXT NOT NULL,
  line_key INTEGER NOT NULL,
  item_index INTEGER,
  add_item_index INTEGER,
  line_number INTEGER,
  member_id TEXT,
  claim_number TEXT,
  claim_key TEXT,
  claim_status TEXT,
  claim_is_current INTEGER NOT NULL,
  kind TEXT,
  patient_id TEXT,
  service_start TEXT,
  service_start_date TEXT,
  service_end TEXT,
  service_end_date TEXT,
  code TEXT,
  code_system TEXT,
  code_display TEXT,
  cpt_code TEXT,
  hcpcs_code TEXT,
  ndc_code TEXT,
  ndc_sent_code TEXT,
  modifier_1_code TEXT,
  modifier_2_code TEXT,
  revenue_code TEXT,
  place_of_service_code TEXT,
  place_of_service_display TEXT,
  quantity REAL,
  quantity_unit TEXT,
  diagnosis_code TEXT,
  diagnosis_system TEXT,
  diagnosis_display TEXT,
  provider_name TEXT,
  provider_npi TEXT,
  submitted_amount REAL,
  submitted_cents INTEGER,
  allowed_amount REAL,
  allowed_cents INTEGER,
  noncovered_amount REAL,
  noncovered_cents INTEGER,
  discount_amount REAL,
  discount_cents INTEGER,
  deductible_amount REAL,
  deductible_cents INTEGER,
  copay_amount REAL,
  copay_cents INTEGER,
  coinsurance_amount REAL,
  coinsurance_cents INTEGER,
  member_liability_amount REAL,
  member_liability_cents INTEGER,
  paid_by_patient_amount REAL,
  paid_by_patient_cents INTEGER,
  prior_payer_paid_amount REAL,
  prior_payer_paid_cents INTEGER,
  paid_to_provider_amount REAL,
  paid_to_provider_cents INTEGER,
  paid_to_patient_amount REAL,
  paid_to_patient_cents INTEGER,
  benefit_amount REAL,
  benefit_cents INTEGER,
  drug_cost_amount REAL,
  drug_cost_cents INTEGER,
  plan_paid_amount REAL,
  plan_paid_cents INTEGER,
  denial_reason_code TEXT,
  is_total INTEGER NOT NULL,
  currency TEXT,
  is_mixed_currency INTEGER NOT NULL,
  PRIMARY KEY (connection_id, explanation_of_benefit_id, line_key)
);
CREATE INDEX claim_line_by_code ON claim_line (code, service_start_date);
CREATE INDEX claim_line_by_member ON claim_line (member_id, service_start_date);
INSERT INTO claim_line
WITH line AS (
  SELECT i.connection_id, i.explanation_of_benefit_id, i.row_no AS line_key, i.item_index AS line, 'item' AS level,
         i.item_index AS item_index, NULL AS add_item_index, i.sequence AS line_number,
         c.member_id, c.claim_number, c.claim_key, c.status AS claim_status, c.is_current AS claim_is_current, c.kind, c.patient_id,
         first_dated(i.serviced_date, i.serviced_period_start, c.service_start) AS service_start,
         first_dated(i.serviced_date, i.serviced_period_end, i.serviced_period_start, c.service_end) AS service_end,
         i.product_or_service_code AS code, i.product_or_service_system AS code_system,
         coalesce(i.product_or_service_display, i.product_or_service_text) AS code_display,
         coalesce(k.cpt, i.cpt_code) AS cpt_code, coalesce(k.hcpcs, i.hcpcs_code) AS hcpcs_code,
         coalesce(k.ndc, i.ndc_code, i.administered_ndc_code) AS ndc_code, i.modifier_1_code, i.modifier_2_code, i.revenue_code AS revenue_code,
         CASE WHEN length(trim(i.location_code)) = 1 THEN '0' || trim(i.location_code) ELSE trim(i.location_code) END AS place_of_service_code,
         coalesce(i.location_display, i.location_text) AS place_of_service_display, i.quantity_value AS quantity,
         coalesce(i.quantity_unit, i.quantity_code) AS quantity_unit,
         coalesce(diagnosis_code(d.diagnosis_system, d.diagnosis_code),
                  diagnosis_code(condition.code_system, condition.code_code)) AS diagnosis_code,
         CASE WHEN d.diagnosis_code IS NOT NULL THEN d.diagnosis_system ELSE condition.code_system END AS diagnosis_system,
         coalesce(d.diagnosis_display, d.diagnosis_text, condition.code_display, condition.code_text) AS diagnosis_display,
         CASE WHEN t.row_no IS NULL THEN c.provider_name ELSE coalesce(performer.name, contained_performer.name, t.provider_display) END AS provider_name,
         CASE WHEN t.row_no IS NULL THEN c.provider_npi ELSE coalesce(performer.npi, contained_performer.npi,
              npi_of(t.provider_identifier_system, t.provider_identifier_type_code, t.provider_identifier_value)) END AS provider_npi,
         i.denial_reason_code AS denial_reason_code
  FROM temp.mart_scope CROSS JOIN claim AS c ON c.connection_id = mart_scope.connection_id
  CROSS JOIN explanation_of_benefit_item AS i ON i.connection_id = c.connection_id AND i.explanation_of_benefit_id = c.explanation_of_benefit_id
  LEFT JOIN temp.line_code AS k
    ON k.connection_id = i.connection_id AND k.id = i.explanation_of_benefit_id AND k.line = i.item_index
  LEFT JOIN explanation_of_benefit_diagnosis AS d
    ON d.connection_id = i.connection_id AND d.explanation_of_benefit_id = i.explanation_of_benefit_id
   AND d.row_no = coalesce(
     (SELECT f.row_no FROM explanation_of_benefit_diagnosis AS f
      LEFT JOIN temp.diagnosis_role AS role ON role.connection_id = f.connection_id AND role.id = f.explanation_of_benefit_id AND role.row_no = f.row_no
      WHERE f.connection_id = i.connection_id AND f.explanation_of_benefit_id = i.explanation_of_benefit_id
        AND CASE WHEN i.diagnosis_sequence IS NULL THEN coalesce(role.is_reason, 0) = 0
                 ELSE coalesce(f.sequence, f.diagnosis_index + 1) = i.diagnosis_sequence END
      ORDER BY i.diagnosis_sequence IS NOT NULL AND f.sequence IS NULL,
               coalesce(role.is_principal, 0) DESC, f.sequence, f.row_no LIMIT 1),
     -- The first one that the line points at is not there.
     (SELECT f.row_no FROM explanation_of_benefit_item_link AS k
      JOIN explanation_of_benefit_diagnosis AS f
        ON f.connection_id = k.connection_id AND f.explanation_of_benefit_id = k.explanation_of_benefit_id
       AND coalesce(f.sequence, f.diagnosis_index + 1) = k.target_sequence
      WHERE k.connection_id = i.connection_id AND k.explanation_of_benefit_id = i.explanation_of_benefit_id
        AND k.item_index = i.item_index AND k.target = 'diagnosis'
      ORDER BY k.row_no, f.sequence IS NULL, f.row_no LIMIT 1))
  LEFT JOIN condition ON condition.connection_id = d.connection_id AND condition.id = d.diagnosis_condition_id
  LEFT JOIN temp.line_performer AS own
    ON own.connection_id = i.connection_id AND own.id = i.explanation_of_benefit_id AND own.line = i.item_index
  LEFT JOIN temp.line_performer AS shared
    ON shared.connection_id = i.connection_id AND shared.id = i.explanation_of_benefit_id AND shared.line = -1
  LEFT JOIN explanation_of_benefit_care_team AS t
    ON t.connection_id = i.connection_id AND t.explanation_of_benefit_id = i.explanation_of_benefit_id
   AND t.row_no = coalesce(own.row_no, shared.row_no)
  LEFT JOIN temp.party AS performer
    ON performer.connection_id = t.connection_id AND performer.id = t.provider_id
   AND performer.type = CASE t.provider_id WHEN t.provider_practitioner_id THEN 'Practitioner'
                        WHEN t.provider_organization_id THEN 'Organization'
                        WHEN t.provider_practitioner_role_id THEN 'PractitionerRole' END
  LEFT JOIN temp.contained_party AS contained_performer
    ON contained_performer.connection_id = t.connection_id AND contained_performer.claim_id = t.explanation_of_benefit_id
   AND contained_performer.reference = t.provider_reference
  UNION ALL
  SELECT i.connection_id, i.explanation_of_benefit_id,
         i.row_no + (SELECT count(*) FROM explanation_of_benefit_item AS o WHERE o.connection_id = i.connection_id
                     AND o.explanation_of_benefit_id = i.explanation_of_benefit_id) AS line_key,
         i.add_item_index AS line, 'added' AS level,
         NULL AS item_index, i.add_item_index AS add_item_index, i.item_sequence AS line_number,
         c.member_id, c.claim_number, c.claim_key, c.status AS claim_status, c.is_current AS claim_is_current, c.kind, c.patient_id,
         first_dated(i.serviced_date, i.serviced_period_start, c.service_start) AS service_start,
         first_dated(i.serviced_date, i.serviced_period_end, i.serviced_period_start, c.service_end) AS service_end,
         i.product_or_service_code AS code, i.product_or_service_system AS code_system,
         coalesce(i.product_or_service_display, i.product_or_service_text) AS code_display,
         coalesce(i.cpt_code, CASE WHEN vocabulary(i.product_or_service_system, i.product_or_service_code) = 'CPT'
                                   THEN i.product_or_service_code END) AS cpt_code,
         coalesce(i.hcpcs_code, CASE WHEN vocabulary(i.product_or_service_system, i.product_or_service_code) = 'HCPCS'
                                     THEN i.product_or_service_code END) AS hcpcs_code,
         coalesce(i.ndc_code, CASE WHEN vocabulary(i.product_or_service_system, i.product_or_service_code) = 'NDC'
                                   THEN i.product_or_service_code END) AS ndc_code, i.modifier_1_code, i.modifier_2_code, NULL AS revenue_code,
         CASE WHEN length(trim(i.location_code)) = 1 THEN '0' || trim(i.location_code) ELSE trim(i.location_code) END AS place_of_service_code,
         coalesce(i.location_display, i.location_text) AS place_of_service_display, i.quantity_value AS quantity,
         coalesce(i.quantity_unit, i.quantity_code) AS quantity_unit,
         coalesce(diagnosis_code(d.diagnosis_system, d.diagnosis_code),
                  diagnosis_code(condition.code_system, condition.code_code)) AS diagnosis_code,
         CASE WHEN d.diagnosis_code IS NOT NULL THEN d.diagnosis_system ELSE condition.code_system END AS diagnosis_system,
         coalesce(d.diagnosis_display, d.diagnosis_text, condition.code_display, condition.code_text) AS diagnosis_display,
         CASE WHEN coalesce(i.provider_reference, i.provider_display, i.provider_identifier_value) IS NULL THEN c.provider_name
              ELSE coalesce(performer.name, contained_performer.name, i.provider_display) END AS provider_name,
         CASE WHEN coalesce(i.provider_reference, i.provider_display, i.provider_identifier_value) IS NULL THEN c.provider_npi
              ELSE coalesce(performer.npi, contained_performer.npi,
                npi_of(i.provider_identifier_system, i.provider_identifier_type_code, i.provider_identifier_value)) END AS provider_npi,
         i.denial_reason_code AS denial_reason_code
  FROM temp.mart_scope CROSS JOIN claim AS c ON c.connection_id = mart_scope.connection_id
  CROSS JOIN explanation_of_benefit_add_item AS i ON i.connection_id = c.connection_id AND i.explanation_of_benefit_id = c.explanation_of_benefit_id
  LEFT JOIN explanation_of_benefit_diagnosis AS d
    ON d.connection_id = i.connection_id AND d.explanation_of_benefit_id = i.explanation_of_benefit_id
   AND d.row_no = (SELECT f.row_no FROM explanation_of_benefit_diagnosis AS f
                   LEFT JOIN temp.diagnosis_role AS role ON role.connection_id = f.connection_id AND role.id = f.explanation_of_benefit_id AND role.row_no = f.row_no
                   WHERE f.connection_id = i.connection_id AND f.explanation_of_benefit_id = i.explanation_of_benefit_id
                     AND coalesce(role.is_reason, 0) = 0
                   ORDER BY coalesce(role.is_principal, 0) DESC, f.sequence, f.row_no LIMIT 1)
  LEFT JOIN condition ON condition.connection_id = d.connection_id AND condition.id = d.diagnosis_condition_id
  LEFT JOIN temp.party AS performer
    ON performer.connection_id = i.connection_id AND performer.id = i.provider_id
   AND performer.type = CASE i.provider_id WHEN i.provider_practitioner_id THEN 'Practitioner'
                        WHEN i.provider_organization_id THEN 'Organization'
                        WHEN i.provider_practitioner_role_id THEN 'PractitionerRole' END
  LEFT JOIN temp.contained_party AS contained_performer
    ON contained_performer.connection_id = i.connection_id AND contained_performer.claim_id = i.explanation_of_benefit_id
   AND contained_performer.reference = i.provider_reference
)
SELECT connection_id,
       explanation_of_benefit_id,
       line_key,
       item_index,
       add_item_index,
       line_number,
       member_id,
       claim_number,
       claim_key,
       claim_status,
       claim_is_current,
       kind,
       patient_id,
       service_start,
       first_day(service_start),
       service_end,
       last_day(service_end),
       code,
       code_system,
       coalesce((SELECT n.display FROM code AS n WHERE n.system = listed_system(of_line.code_system, of_line.code) AND n.code = listed_code(of_line.code_system, of_line.code)),
                code_display,
                (SELECT n.display FROM code AS n WHERE n.system = listed_system('HCPCS', of_line.hcpcs_code) AND n.code = listed_code('HCPCS', of_line.hcpcs_code))),
       cpt_code,
       hcpcs_code,
       ndc11(ndc_code),
       ndc_code,
       modifier_1_code,
       modifier_2_code,
       revenue_code,
       place_of_service_code,
       coalesce((SELECT n.display FROM code AS n WHERE n.code = of_line.place_of_service_code
                 AND n.system = 'https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set'),
                place_of_service_display),
       quantity,
       quantity_unit,
       diagnosis_code,
       diagnosis_system,
       coalesce((SELECT n.display FROM code AS n WHERE n.system = listed_system(of_line.diagnosis_system, of_line.diagnosis_code) AND n.code = listed_code(of_line.diagnosis_system, of_line.diagnosis_code)),
                diagnosis_display),
       provider_name,
       provider_npi,
       submitted,
       cents_of(submitted),
       allowed,
       cents_of(allowed),
       noncovered,
       cents_of(noncovered),
       discount,
       cents_of(discount),
       deductible,
       cents_of(deductible),
       copay,
       cents_of(copay),
       coinsurance,
       cents_of(coinsurance),
       member_liability,
       cents_of(member_liability),
       paid_by_patient,
       cents_of(paid_by_patient),
       prior_payer_paid,
       cents_of(prior_payer_paid),
       paid_to_provider,
       cents_of(paid_to_provider),
       paid_to_patient,
       cents_of(paid_to_patient),
       benefit,
       cents_of(benefit),
       drug_cost,
       cents_of(drug_cost),
       plan_paid,
       cents_of(plan_paid),
       denial_reason_code,
       is_total,
       CASE WHEN NOT is_mixed THEN currency END,
       coalesce(is_mixed, 0)
FROM (
  SELECT line.*, m.currency, m.is_mixed, t.line IS NOT NULL AS is_total,
         CASE WHEN NOT m.is_mixed THEN m.submitted END AS submitted,
         CASE WHEN NOT m.is_mixed THEN m.allowed END AS allowed,
         CASE WHEN NOT m.is_mixed THEN m.noncovered END AS noncovered,
         CASE WHEN NOT m.is_mixed THEN m.discount END AS discount,
         CASE WHEN NOT m.is_mixed THEN m.deductible END AS deductible,
         CASE WHEN NOT m.is_mixed THEN m.copay END AS copay,
         CASE WHEN NOT m.is_mixed THEN m.coinsurance END AS coinsurance,
         CASE WHEN NOT m.is_mixed THEN m.member_liability END AS member_liability,
         CASE WHEN NOT m.is_mixed THEN m.paid_by_patient END AS paid_by_patient,
         CASE WHEN NOT m.is_mixed THEN m.prior_payer_paid END AS prior_payer_paid,
         CASE WHEN NOT m.is_mixed THEN m.paid_to_provider END AS paid_to_provider,
         CASE WHEN NOT m.is_mixed THEN m.paid_to_patient END AS paid_to_patient,
         CASE WHEN NOT m.is_mixed THEN m.benefit END AS benefit,
         CASE WHEN NOT m.is_mixed THEN m.drug_cost END AS drug_cost,
         CASE WHEN NOT m.is_mixed THEN m.plan_paid END AS plan_paid
  FROM line
  LEFT JOIN temp.line_money AS m ON m.connection_id = line.connection_id AND m.id = line.explanation_of_benefit_id
    AND m.level = line.level AND m.line = line.line
  LEFT JOIN temp.total_line AS t ON t.connection_id = line.connection_id AND t.id = line.explanation_of_benefit_id
    AND line.level = 'item' AND t.line = line.line
) AS of_line;
