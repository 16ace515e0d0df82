-- Which drugs did a member get, when, how many and for how long?
--
-- Grain: one row per line of a current pharmacy claim, and one row per completed dispense
-- record. The same fill can be in both: filter on source, never add the two up. A fill that was
-- reversed is not here.
--
-- Amounts are those of the line. Where a claim only changes another claim's amounts (a difference), its first
-- line has the amounts of both, as in claim_current.
--
-- connection_id               whose consent the row came through
-- source                      claim or dispense
-- source_id                   id in explanation_of_benefit or medication_dispense
-- item_index                  position of the line of the claim, from 0; NULL for a dispense
-- member_id                   the person, id in member
-- patient_id                  the member, id in patient
-- fill_sent                   when it was handed out, as sent (for a claim, the day of service)
-- fill_date                   the same as a date
-- drug_code                   first code of the drug
-- drug_system                 its code system
-- drug_name                   its name: of the NDC's product or the RxNorm code from `code` where the list is loaded, else as sent
-- ndc_code                    National Drug Code, where sent: eleven digits; of the parts of a line without a code of its own
--                             where they are of one drug: a compound of several has none
-- ndc_sent_code               the same as sent
-- rxnorm_code                 RxNorm code, where sent
-- quantity                    quantity handed out
-- quantity_unit               its unit
-- days_supply                 days it is meant to last, whether sent as a number, a text, a code or in hours, weeks or months (of 30
--                             days); of a line that refers to pieces of supporting information what these say;
--                             more than a hundred years is not a supply
-- refill_number               0 is the first fill
-- pharmacy_name               who handed it out or is paid for it
-- prescriber_name             who prescribed it, as sent with the claim
-- prescriber_npi              NPI of the prescriber, where sent
-- submitted_amount            charged for the line, of a one-line claim that of the claim; NULL for a dispense
-- submitted_cents             the same in cents
-- allowed_amount              allowed by the plan, as above
-- allowed_cents               the same in cents
-- plan_paid_amount            paid by the plan, as above
-- plan_paid_cents             the same in cents
-- member_paid_amount          paid by the member, as above
-- member_paid_cents           the same in cents
-- currency                    currency of the amounts
CREATE TABLE medication_fill (
  connection_id INTEGER NOT NULL,
  source TEXT NOT NULL,
  source_id TEXT NOT NULL,
  item_index INTEGER,
  member_id TEXT,
  patient_id TEXT,
  fill_sent TEXT,
  fill_date TEXT,
  drug_code TEXT,
  drug_system TEXT,
  drug_name TEXT,
  ndc_code TEXT,
  ndc_sent_code TEXT,
  rxnorm_code TEXT,
  quantity REAL,
  quantity_unit TEXT,
  days_supply REAL,
  refill_number INTEGER,
  pharmacy_name TEXT,
  prescriber_name TEXT,
  prescriber_npi TEXT,
  submitted_amount REAL,
  submitted_cents INTEGER,
  allowed_amount REAL,
  allowed_cents INTEGER,
  plan_paid_amount REAL,
  plan_paid_cents INTEGER,
  member_paid_amount REAL,
  member_paid_cents INTEGER,
  currency TEXT
);
CREATE INDEX medication_fill_by_connection ON medication_fill (connection_id, source_id);
CREATE INDEX medication_fill_by_member ON medication_fill (member_id, fill_date);
INSERT INTO medication_fill
WITH said AS (
  -- An entry without a number has that of its place, from 1.
  SELECT s.connection_id, s.explanation_of_benefit_id, coalesce(s.sequence, s.supporting_info_index + 1) AS number,
         prescription_of(s.category_code, s.category_second_code, s.category_text, s.category_display) AS kind,
         s.value_quantity_value AS value,
         -- A code of another system than UCUM may mean anything: then the unit's word comes first.
         CASE WHEN coalesce(s.value_quantity_system, 'http://unitsofmeasure.org') LIKE '%unitsofmeasure.org%'
                OR s.value_quantity_system LIKE '%2.16.840.1.113883.6.8'
              THEN coalesce(s.value_quantity_code, s.value_quantity_unit)
              ELSE coalesce(s.value_quantity_unit, s.value_quantity_code) END AS unit,
         coalesce(s.value_string, s.code_text, s.code_code, s.code_display) AS words
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_supporting_info AS s ON s.connection_id = mart_scope.connection_id
), info AS (
  SELECT connection_id, explanation_of_benefit_id, number,
         max(CASE kind WHEN 'days supply' THEN days_of(value, unit, words) END) AS days_supply,
         max(CASE kind WHEN 'refill number' THEN coalesce(value, CAST(whole_number(words) AS INTEGER)) END) AS refill_number
  FROM said
  WHERE kind IS NOT NULL
  GROUP BY connection_id, explanation_of_benefit_id, number
  HAVING coalesce(days_supply, refill_number) IS NOT NULL
), line_info AS (
  SELECT i.connection_id, i.explanation_of_benefit_id, k.item_index,
         max(i.days_supply) AS days_supply, max(i.refill_number) AS refill_number
  FROM info AS i
  JOIN explanation_of_benefit_item_link AS k ON k.connection_id = i.connection_id
   AND k.explanation_of_benefit_id = i.explanation_of_benefit_id
   AND k.target = 'supportingInfo' AND k.target_sequence = i.number
  GROUP BY i.connection_id, i.explanation_of_benefit_id, k.item_index
), claim_info AS (
  -- What no line refers to is said of all of them.
  SELECT i.connection_id, i.explanation_of_benefit_id,
         max(i.days_supply) AS days_supply, max(i.refill_number) AS refill_number
  FROM info AS i
  WHERE NOT EXISTS (SELECT 1 FROM explanation_of_benefit_item_link AS k WHERE k.connection_id = i.connection_id
    AND k.explanation_of_benefit_id = i.explanation_of_benefit_id
    AND k.target = 'supportingInfo' AND k.target_sequence = i.number)
  GROUP BY i.connection_id, i.explanation_of_benefit_id
), changed AS MATERIALIZED (
  -- What the current claim has beyond its own lines: the amounts of the claims that it changes, and what its
  -- header alone states.
  SELECT c.connection_id, c.explanation_of_benefit_id,
         coalesce(c.submitted_amount, c.drug_cost_amount) - coalesce(sum(coalesce(l.submitted_amount, l.drug_cost_amount)), 0) AS submitted,
         c.allowed_amount - coalesce(sum(l.allowed_amount), 0) AS allowed,
         c.plan_paid_amount - coalesce(sum(l.plan_paid_amount), 0) AS plan_paid,
         c.paid_by_patient_amount - coalesce(sum(l.paid_by_patient_amount), 0) AS member_paid
  FROM temp.mart_scope CROSS JOIN claim_current AS c ON c.connection_id = mart_scope.connection_id
  LEFT JOIN claim_line AS l
    ON l.connection_id = c.connection_id AND l.explanation_of_benefit_id = c.explanation_of_benefit_id AND l.item_index IS NOT NULL
  WHERE c.kind = 'pharmacy' AND c.is_difference
  GROUP BY mart_scope.connection_id, c.explanation_of_benefit_id
), fill AS (
  SELECT c.connection_id, 'claim' AS source, c.explanation_of_benefit_id AS source_id, l.item_index,
         c.member_id, c.patient_id, coalesce(l.service_start, c.service_start) AS fill_sent,
         l.code AS drug_code, l.code_system AS drug_system, l.code_display AS drug_name,
         coalesce(CASE WHEN l.ndc_code IS NOT NULL THEN l.ndc_sent_code END, (SELECT min(coalesce(d.ndc_code, d.product_or_service_code)) FROM explanation_of_benefit_item_detail AS d
                               WHERE d.connection_id = c.connection_id AND d.explanation_of_benefit_id = c.explanation_of_benefit_id
                                 AND d.item_index = l.item_index
                                 AND (d.ndc_code IS NOT NULL OR vocabulary(d.product_or_service_system, d.product_or_service_code) = 'NDC')
                               HAVING count(DISTINCT ndc11(coalesce(d.ndc_code, d.product_or_service_code))) = 1), l.ndc_sent_code) AS ndc_code,
         k.rxnorm AS rxnorm_code, l.quantity, l.quantity_unit,
         coalesce(line_info.days_supply, claim_info.days_supply) AS days_supply,
         CAST(coalesce(line_info.refill_number, claim_info.refill_number) AS INTEGER) AS refill_number, c.provider_name AS pharmacy_name,
         coalesce(prescriber.name, contained_prescriber.name, t.provider_display) AS prescriber_name,
         coalesce(prescriber.npi, contained_prescriber.npi,
                  npi_of(t.provider_identifier_system, t.provider_identifier_type_code, t.provider_identifier_value)) AS prescriber_npi,
         coalesce(coalesce(l.submitted_amount, l.drug_cost_amount, 0) + changed.submitted, l.submitted_amount, l.drug_cost_amount,
                  CASE WHEN c.line_count <= 1 THEN c.submitted_amount END) AS submitted,
         coalesce(coalesce(l.allowed_amount, 0) + changed.allowed, l.allowed_amount,
                  CASE WHEN c.line_count <= 1 THEN c.allowed_amount END) AS allowed,
         coalesce(coalesce(l.plan_paid_amount, 0) + changed.plan_paid, l.plan_paid_amount,
                  CASE WHEN c.line_count <= 1 THEN c.plan_paid_amount END) AS plan_paid,
         coalesce(coalesce(l.paid_by_patient_amount, 0) + changed.member_paid, l.paid_by_patient_amount,
                  CASE WHEN c.line_count <= 1 THEN c.paid_by_patient_amount END) AS member_paid,
         c.currency
  FROM temp.mart_scope CROSS JOIN claim_current AS c ON c.connection_id = mart_scope.connection_id
  LEFT JOIN claim_line AS l
    ON l.connection_id = c.connection_id AND l.explanation_of_benefit_id = c.explanation_of_benefit_id AND l.item_index IS NOT NULL
  LEFT JOIN changed
    ON changed.connection_id = c.connection_id AND changed.explanation_of_benefit_id = c.explanation_of_benefit_id
   AND coalesce(l.line_key, 0) = 0
  LEFT JOIN temp.line_code AS k
    ON k.connection_id = c.connection_id AND k.id = c.explanation_of_benefit_id AND k.line = l.item_index
  LEFT JOIN line_info
    ON line_info.connection_id = c.connection_id AND line_info.explanation_of_benefit_id = c.explanation_of_benefit_id
   AND line_info.item_index = l.item_index
  LEFT JOIN claim_info
    ON claim_info.connection_id = c.connection_id AND claim_info.explanation_of_benefit_id = c.explanation_of_benefit_id
  LEFT JOIN explanation_of_benefit_care_team AS t
    ON t.connection_id = c.connection_id AND t.explanation_of_benefit_id = c.explanation_of_benefit_id
   AND t.row_no = (SELECT f.row_no FROM explanation_of_benefit_care_team AS f
                   WHERE f.connection_id = c.connection_id AND f.explanation_of_benefit_id = c.explanation_of_benefit_id
                     AND f.role_code IN ('prescribing', 'prescriber') ORDER BY f.row_no LIMIT 1)
  LEFT JOIN temp.party AS prescriber
    ON prescriber.connection_id = t.connection_id AND prescriber.id = t.provider_id
   AND prescriber.type = CASE t.provider_id WHEN t.provider_practitioner_id THEN 'Practitioner'
                         WHEN t.provider_organization_id THEN 'Organization'
                         WHEN t.provider_practitioner_role_id THEN 'PractitionerRole' END
  LEFT JOIN temp.contained_party AS contained_prescriber
    ON contained_prescriber.connection_id = t.connection_id AND contained_prescriber.claim_id = t.explanation_of_benefit_id
   AND contained_prescriber.reference = t.provider_reference
  WHERE c.kind = 'pharmacy'
  UNION ALL
  SELECT d.connection_id, 'dispense', d.id, NULL, person.member_id, d.patient_id,
         first_dated(d.when_handed_over, d.when_prepared),
         coalesce(d.medication_code, m.code_code, n.code_code), coalesce(d.medication_system, m.code_system, n.code_system),
         coalesce(d.medication_display, d.medication_text, m.code_display, m.code_text, n.code_display, n.code_text,
                  d.medication_reference_display),
         coalesce(d.ndc_code,
           (SELECT k.code FROM medication_dispense_coding AS k WHERE k.connection_id = d.connection_id AND k.medication_dispense_id = d.id
            AND k.element = 'medication' AND vocabulary(k.system, k.code) = 'NDC' ORDER BY k.row_no LIMIT 1),
           m.ndc_code,
           (SELECT k.code FROM medication_coding AS k WHERE k.connection_id = m.connection_id AND k.medication_id = m.id
            AND k.element = 'code' AND vocabulary(k.system, k.code) = 'NDC' ORDER BY k.row_no LIMIT 1),
           n.ndc_code, CASE WHEN vocabulary(n.code_system, n.code_code) = 'NDC' THEN n.code_code END),
         coalesce(d.rxnorm_code,
           (SELECT k.code FROM medication_dispense_coding AS k WHERE k.connection_id = d.connection_id AND k.medication_dispense_id = d.id
            AND k.element = 'medication' AND vocabulary(k.system, k.code) = 'RxNorm' ORDER BY k.row_no LIMIT 1),
           m.rxnorm_code,
           (SELECT k.code FROM medication_coding AS k WHERE k.connection_id = m.connection_id AND k.medication_id = m.id
            AND k.element = 'code' AND vocabulary(k.system, k.code) = 'RxNorm' ORDER BY k.row_no LIMIT 1),
           n.rxnorm_code, CASE WHEN vocabulary(n.code_system, n.code_code) = 'RxNorm' THEN n.code_code END),
         d.quantity_value, coalesce(d.quantity_unit, d.quantity_code),
         days_of(d.days_supply_value,
                 CASE WHEN coalesce(d.days_supply_system, 'http://unitsofmeasure.org') LIKE '%unitsofmeasure.org%'
                        OR d.days_supply_system LIKE '%2.16.840.1.113883.6.8'
                      THEN coalesce(d.days_supply_code, d.days_supply_unit)
                      ELSE coalesce(d.days_supply_unit, d.days_supply_code) END, NULL), NULL,
         coalesce(o.name, d.performer_actor_display),
         NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM temp.mart_scope CROSS JOIN medication_dispense AS d ON d.connection_id = mart_scope.connection_id
  LEFT JOIN medication AS m ON m.connection_id = d.connection_id AND m.id = d.medication_id
  LEFT JOIN medication_dispense_contained_medication AS n
    ON n.connection_id = d.connection_id AND n.medication_dispense_id = d.id
   AND n.row_no = (SELECT f.row_no FROM medication_dispense_contained_medication AS f
                   WHERE f.connection_id = d.connection_id AND f.medication_dispense_id = d.id
                     AND '#' || f.contained_id = d.medication_reference ORDER BY f.row_no LIMIT 1)
  LEFT JOIN temp.party AS o
    ON o.connection_id = d.connection_id AND o.id = d.performer_actor_id
   AND o.type = CASE d.performer_actor_id WHEN d.performer_actor_organization_id THEN 'Organization'
                WHEN d.performer_actor_practitioner_id THEN 'Practitioner'
                WHEN d.performer_actor_practitioner_role_id THEN 'PractitionerRole' END
  LEFT JOIN temp.person ON person.connection_id = d.connection_id AND person.patient_id = d.patient_id
  WHERE coalesce(d.status, 'completed') = 'completed'
    AND NOT EXISTS (SELECT 1 FROM temp.duplicate AS x WHERE x.connection_id = d.connection_id
      AND x.resource_type = 'MedicationDispense' AND x.resource_id = d.id)
)
SELECT connection_id,
       source,
       source_id,
       item_index,
       member_id,
       patient_id,
       fill_sent,
       first_day(fill_sent),
       drug_code,
       drug_system,
       coalesce((SELECT n.display FROM code AS n WHERE n.system = listed_system('NDC', fill.ndc_code) AND n.code = listed_code('NDC', fill.ndc_code)),
                (SELECT n.display FROM code AS n WHERE n.system = listed_system('RxNorm', fill.rxnorm_code) AND n.code = listed_code('RxNorm', fill.rxnorm_code)),
                drug_name),
       ndc11(ndc_code),
       ndc_code,
       rxnorm_code,
       quantity,
       quantity_unit,
       days_supply,
       refill_number,
       pharmacy_name,
       prescriber_name,
       prescriber_npi,
       round(submitted, 6),
       cents_of(round(submitted, 6)),
       round(allowed, 6),
       cents_of(round(allowed, 6)),
       round(plan_paid, 6),
       cents_of(round(plan_paid, 6)),
       round(member_paid, 6),
       cents_of(round(member_paid, 6)),
       currency
FROM fill;
