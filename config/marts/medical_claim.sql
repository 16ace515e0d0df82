-- Which services were billed, line by line, with the codes and dates of the whole claim beside each?
--
-- Grain: one row per line of a claim that stands today (claim_current) and is not a pharmacy claim; a claim
-- without lines has one row. The view tuva_medical_claim shows these rows with the columns of Tuva alone.
--
-- Amounts are those of claim_current, to the cent: what the lines state, and what they lack of the claim's
-- amount (a claim without lines, a total on the claim alone, an adjustment) on the first line. Amounts in
-- another currency than the US dollar are NULL.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   the claim
-- line_key                    the line, as in claim_line; NULL for a claim without lines
-- claim_id                    number of the connection, a point, the claim's id: unique over plans
-- claim_line_number           1 to the number of lines, in the order of line_key; a claim without lines has one
-- claim_type                  institutional (also where a type of bill or a revenue code is sent), professional, dental, vision or undetermined
-- person_id                   member_id of member: over plans; NULL where the claim names no patient that is understood
-- member_id                   number of the member at the plan, else the id of the patient
-- payer                       name of the payer: of the coverage, as in eligibility, else of the claim; else of the plan in the configuration, else file
-- plan                        name of the plan, else its number, else its name in the configuration, else file
-- claim_start_date            first day of service
-- claim_end_date              last day of service
-- claim_line_start_date       first day of service of the line
-- claim_line_end_date         last day of service of the line
-- admission_date              start of the admission
-- discharge_date              end of the admission
-- admit_source_code           point of origin, one character
-- admit_type_code             type of admission, one digit
-- discharge_disposition_code  state at discharge, two digits
-- place_of_service_code       place of service of the line, two digits
-- bill_type_code              type of bill without its leading zero, three characters
-- drg_code_type               ms-drg or apr-drg where the code system is called so; drg_system of claim has any other
-- drg_code                    diagnosis related group, three digits; of APR-DRG without its severity
-- revenue_center_code         revenue center, four digits
-- service_unit_quantity       units of service
-- hcpcs_code                  HCPCS or CPT code, else another code, of five characters
-- hcpcs_modifier_1            modifier
-- hcpcs_modifier_2            modifier
-- hcpcs_modifier_3            modifier
-- hcpcs_modifier_4            modifier
-- rendering_npi               who performed the line, else who is paid
-- billing_npi                 who is paid
-- rendering_tin               tax number of the same, where sent
-- billing_tin                 tax number of whoever is paid, where sent: of the record that the claim leads to, else of a record
--                             with the same NPI, else the one that the claim states
-- facility_npi                of an institutional claim: who is paid
-- paid_date                   day of the payment
-- paid_amount                 paid by the plan
-- allowed_amount              allowed by the plan
-- charge_amount               charged
-- coinsurance_amount          coinsurance
-- copayment_amount            copayment
-- deductible_amount           deductible
-- total_cost_amount           allowed; without it paid, coinsurance, copayment and deductible together; NULL where neither allowed
--                             nor paid is known
-- diagnosis_code_type         icd-10-cm or icd-9-cm: of the first diagnosis
-- diagnosis_code_1            diagnosis 1 (ICD) of the claim without its point, the principal one first
-- diagnosis_code_2            diagnosis 2 of the claim without its point, the principal one first
-- diagnosis_code_3            diagnosis 3 of the claim without its point, the principal one first
-- diagnosis_code_4            diagnosis 4 of the claim without its point, the principal one first
-- diagnosis_code_5            diagnosis 5 of the claim without its point, the principal one first
-- diagnosis_code_6            diagnosis 6 of the claim without its point, the principal one first
-- diagnosis_code_7            diagnosis 7 of the claim without its point, the principal one first
-- diagnosis_code_8            diagnosis 8 of the claim without its point, the principal one first
-- diagnosis_code_9            diagnosis 9 of the claim without its point, the principal one first
-- diagnosis_code_10           diagnosis 10 of the claim without its point, the principal one first
-- diagnosis_code_11           diagnosis 11 of the claim without its point, the principal one first
-- diagnosis_code_12           diagnosis 12 of the claim without its point, the principal one first
-- diagnosis_code_13           diagnosis 13 of the claim without its point, the principal one first
-- diagnosis_code_14           diagnosis 14 of the claim without its point, the principal one first
-- diagnosis_code_15           diagnosis 15 of the claim without its point, the principal one first
-- diagnosis_code_16           diagnosis 16 of the claim without its point, the principal one first
-- diagnosis_code_17           diagnosis 17 of the claim without its point, the principal one first
-- diagnosis_code_18           diagnosis 18 of the claim without its point, the principal one first
-- diagnosis_code_19           diagnosis 19 of the claim without its point, the principal one first
-- diagnosis_code_20           diagnosis 20 of the claim without its point, the principal one first
-- diagnosis_code_21           diagnosis 21 of the claim without its point, the principal one first
-- diagnosis_code_22           diagnosis 22 of the claim without its point, the principal one first
-- diagnosis_code_23           diagnosis 23 of the claim without its point, the principal one first
-- diagnosis_code_24           diagnosis 24 of the claim without its point, the principal one first
-- diagnosis_code_25           diagnosis 25 of the claim without its point, the principal one first
-- diagnosis_poa_1             whether it was present on admission
-- diagnosis_poa_2             whether it was present on admission
-- diagnosis_poa_3             whether it was present on admission
-- diagnosis_poa_4             whether it was present on admission
-- diagnosis_poa_5             whether it was present on admission
-- diagnosis_poa_6             whether it was present on admission
-- diagnosis_poa_7             whether it was present on admission
-- diagnosis_poa_8             whether it was present on admission
-- diagnosis_poa_9             whether it was present on admission
-- diagnosis_poa_10            whether it was present on admission
-- diagnosis_poa_11            whether it was present on admission
-- diagnosis_poa_12            whether it was present on admission
-- diagnosis_poa_13            whether it was present on admission
-- diagnosis_poa_14            whether it was present on admission
-- diagnosis_poa_15            whether it was present on admission
-- diagnosis_poa_16            whether it was present on admission
-- diagnosis_poa_17            whether it was present on admission
-- diagnosis_poa_18            whether it was present on admission
-- diagnosis_poa_19            whether it was present on admission
-- diagnosis_poa_20            whether it was present on admission
-- diagnosis_poa_21            whether it was present on admission
-- diagnosis_poa_22            whether it was present on admission
-- diagnosis_poa_23            whether it was present on admission
-- diagnosis_poa_24            whether it was present on admission
-- diagnosis_poa_25            whether it was present on admission
-- procedure_code_type         icd-10-pcs
-- procedure_code_1            ICD-10-PCS procedure 1 of the claim
-- procedure_code_2            ICD-10-PCS procedure 2 of the claim
-- procedure_code_3            ICD-10-PCS procedure 3 of the claim
-- procedure_code_4            ICD-10-PCS procedure 4 of the claim
-- procedure_code_5            ICD-10-PCS procedure 5 of the claim
-- procedure_code_6            ICD-10-PCS procedure 6 of the claim
-- procedure_code_7            ICD-10-PCS procedure 7 of the claim
-- procedure_code_8            ICD-10-PCS procedure 8 of the claim
-- procedure_code_9            ICD-10-PCS procedure 9 of the claim
-- procedure_code_10           ICD-10-PCS procedure 10 of the claim
-- procedure_code_11           ICD-10-PCS procedure 11 of the claim
-- procedure_code_12           ICD-10-PCS procedure 12 of the claim
-- procedure_code_13           ICD-10-PCS procedure 13 of the claim
-- procedure_code_14           ICD-10-PCS procedure 14 of the claim
-- procedure_code_15           ICD-10-PCS procedure 15 of the claim
-- procedure_code_16           ICD-10-PCS procedure 16 of the claim
-- procedure_code_17           ICD-10-PCS procedure 17 of the claim
-- procedure_code_18           ICD-10-PCS procedure 18 of the claim
-- procedure_code_19           ICD-10-PCS procedure 19 of the claim
-- procedure_code_20           ICD-10-PCS procedure 20 of the claim
-- procedure_code_21           ICD-10-PCS procedure 21 of the claim
-- procedure_code_22           ICD-10-PCS procedure 22 of the claim
-- procedure_code_23           ICD-10-PCS procedure 23 of the claim
-- procedure_code_24           ICD-10-PCS procedure 24 of the claim
-- procedure_code_25           ICD-10-PCS procedure 25 of the claim
-- procedure_date_1            its day
-- procedure_date_2            its day
-- procedure_date_3            its day
-- procedure_date_4            its day
-- procedure_date_5            its day
-- procedure_date_6            its day
-- procedure_date_7            its day
-- procedure_date_8            its day
-- procedure_date_9            its day
-- procedure_date_10           its day
-- procedure_date_11           its day
-- procedure_date_12           its day
-- procedure_date_13           its day
-- procedure_date_14           its day
-- procedure_date_15           its day
-- procedure_date_16           its day
-- procedure_date_17           its day
-- procedure_date_18           its day
-- procedure_date_19           its day
-- procedure_date_20           its day
-- procedure_date_21           its day
-- procedure_date_22           its day
-- procedure_date_23           its day
-- procedure_date_24           its day
-- procedure_date_25           its day
-- in_network_flag             whether it was paid as in the network, else whether the provider is in it; where sent
-- data_source                 name of the plan in the configuration, else file
-- ingest_datetime             start of the day (UTC) on which this content of the claim came
CREATE TABLE medical_claim (
  connection_id INTEGER NOT NULL,
  explanation_of_benefit_id TEXT NOT NULL,
  line_key INTEGER,
  claim_id TEXT NOT NULL,
  claim_line_number INTEGER NOT NULL,
  claim_type TEXT,
  person_id TEXT,
  member_id TEXT,
  payer TEXT,
  plan TEXT,
  claim_start_date DATE,
  claim_end_date DATE,
  claim_line_start_date DATE,
  claim_line_end_date DATE,
  admission_date DATE,
  discharge_date DATE,
  admit_source_code TEXT,
  admit_type_code TEXT,
  discharge_disposition_code TEXT,
  place_of_service_code TEXT,
  bill_type_code TEXT,
  drg_code_type TEXT,
  drg_code TEXT,
  revenue_center_code TEXT,
  service_unit_quantity REAL,
  hcpcs_code TEXT,
  hcpcs_modifier_1 TEXT,
  hcpcs_modifier_2 TEXT,
  hcpcs_modifier_3 TEXT,
  hcpcs_modifier_4 TEXT,
  rendering_npi TEXT,
  billing_npi TEXT,
  rendering_tin TEXT,
  billing_tin TEXT,
  facility_npi TEXT,
  paid_date DATE,
  paid_amount REAL,
  allowed_amount REAL,
  charge_amount REAL,
  coinsurance_amount REAL,
  copayment_amount REAL,
  deductible_amount REAL,
  total_cost_amount REAL,
  diagnosis_code_type TEXT,
  diagnosis_code_1 TEXT,
  diagnosis_code_2 TEXT,
  diagnosis_code_3 TEXT,
  diagnosis_code_4 TEXT,
  diagnosis_code_5 TEXT,
  diagnosis_code_6 TEXT,
  diagnosis_code_7 TEXT,
  diagnosis_code_8 TEXT,
  diagnosis_code_9 TEXT,
  diagnosis_code_10 TEXT,
  diagnosis_code_11 TEXT,
  diagnosis_code_12 TEXT,
  diagnosis_code_13 TEXT,
  diagnosis_code_14 TEXT,
  diagnosis_code_15 TEXT,
  diagnosis_code_16 TEXT,
  diagnosis_code_17 TEXT,
  diagnosis_code_18 TEXT,
  diagnosis_code_19 TEXT,
  diagnosis_code_20 TEXT,
  diagnosis_code_21 TEXT,
  diagnosis_code_22 TEXT,
  diagnosis_code_23 TEXT,
  diagnosis_code_24 TEXT,
  diagnosis_code_25 TEXT,
  diagnosis_poa_1 TEXT,
  diagnosis_poa_2 TEXT,
  diagnosis_poa_3 TEXT,
  diagnosis_poa_4 TEXT,
  diagnosis_poa_5 TEXT,
  diagnosis_poa_6 TEXT,
  diagnosis_poa_7 TEXT,
  diagnosis_poa_8 TEXT,
  diagnosis_poa_9 TEXT,
  diagnosis_poa_10 TEXT,
  diagnosis_poa_11 TEXT,
  diagnosis_poa_12 TEXT,
  diagnosis_poa_13 TEXT,
  diagnosis_poa_14 TEXT,
  diagnosis_poa_15 TEXT,
  diagnosis_poa_16 TEXT,
  diagnosis_poa_17 TEXT,
  diagnosis_poa_18 TEXT,
  diagnosis_poa_19 TEXT,
  diagnosis_poa_20 TEXT,
  diagnosis_poa_21 TEXT,
  diagnosis_poa_22 TEXT,
  diagnosis_poa_23 TEXT,
  diagnosis_poa_24 TEXT,
  diagnosis_poa_25 TEXT,
  procedure_code_type TEXT,
  procedure_code_1 TEXT,
  procedure_code_2 TEXT,
  procedure_code_3 TEXT,
  procedure_code_4 TEXT,
  procedure_code_5 TEXT,
  procedure_code_6 TEXT,
  procedure_code_7 TEXT,
  procedure_code_8 TEXT,
  procedure_code_9 TEXT,
  procedure_code_10 TEXT,
  procedure_code_11 TEXT,
  procedure_code_12 TEXT,
  procedure_code_13 TEXT,
  procedure_code_14 TEXT,
  procedure_code_15 TEXT,
  procedure_code_16 TEXT,
  procedure_code_17 TEXT,
  procedure_code_18 TEXT,
  procedure_code_19 TEXT,
  procedure_code_20 TEXT,
  procedure_code_21 TEXT,
  procedure_code_22 TEXT,
  procedure_code_23 TEXT,
  procedure_code_24 TEXT,
  procedure_code_25 TEXT,
  procedure_date_1 DATE,
  procedure_date_2 DATE,
  procedure_date_3 DATE,
  procedure_date_4 DATE,
  procedure_date_5 DATE,
  procedure_date_6 DATE,
  procedure_date_7 DATE,
  procedure_date_8 DATE,
  procedure_date_9 DATE,
  procedure_date_10 DATE,
  procedure_date_11 DATE,
  procedure_date_12 DATE,
  procedure_date_13 DATE,
  procedure_date_14 DATE,
  procedure_date_15 DATE,
  procedure_date_16 DATE,
  procedure_date_17 DATE,
  procedure_date_18 DATE,
  procedure_date_19 DATE,
  procedure_date_20 DATE,
  procedure_date_21 DATE,
  procedure_date_22 DATE,
  procedure_date_23 DATE,
  procedure_date_24 DATE,
  procedure_date_25 DATE,
  in_network_flag INTEGER,
  data_source TEXT,
  ingest_datetime TIMESTAMP
);
CREATE INDEX medical_claim_by_claim ON medical_claim (connection_id, explanation_of_benefit_id);
CREATE INDEX medical_claim_by_id ON medical_claim (claim_id);
CREATE INDEX medical_claim_by_person ON medical_claim (person_id, claim_start_date);
INSERT INTO medical_claim
WITH stated AS (
  SELECT l.connection_id, l.explanation_of_benefit_id,
         sum(plan_paid_cents) AS plan_paid_cents,
         sum(allowed_cents) AS allowed_cents,
         sum(submitted_cents) AS submitted_cents,
         sum(coinsurance_cents) AS coinsurance_cents,
         sum(copay_cents) AS copay_cents,
         sum(deductible_cents) AS deductible_cents,
         max(l.revenue_code IS NOT NULL) AS has_revenue_code,
         max(l.place_of_service_code IS NOT NULL) AS has_place
  FROM temp.mart_scope CROSS JOIN claim_line AS l ON l.connection_id = mart_scope.connection_id
  GROUP BY mart_scope.connection_id, l.explanation_of_benefit_id
), icd AS (
  -- The ICD code of each diagnosis, wherever it stands among the codings. A bare column beside min() comes from the row
  -- that has the minimum.
  SELECT k.connection_id, k.explanation_of_benefit_id AS id, k.element_index AS place, k.code AS code, k.system AS system, min(k.row_no)
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_coding AS k ON k.connection_id = mart_scope.connection_id
  WHERE k.element = 'diagnosis.diagnosis' AND vocabulary(k.system, k.code) LIKE 'ICD%'
  GROUP BY mart_scope.connection_id, k.explanation_of_benefit_id, k.element_index
), icd_of_condition AS (
  SELECT k.connection_id, k.condition_id AS id, k.code AS code, k.system AS system, min(k.row_no)
  FROM temp.mart_scope CROSS JOIN condition_coding AS k ON k.connection_id = mart_scope.connection_id
  WHERE k.element = 'code' AND vocabulary(k.system, k.code) LIKE 'ICD%'
  GROUP BY mart_scope.connection_id, k.condition_id
), named AS (
  SELECT x.connection_id, x.explanation_of_benefit_id, x.row_no, x.sequence, x.on_admission_code AS poa, coalesce(role.is_principal, 0) AS is_principal,
         coalesce(icd.code, x.diagnosis_code, beside.code, k.code_code) AS code,
         CASE WHEN icd.code IS NOT NULL THEN icd.system WHEN x.diagnosis_code IS NOT NULL THEN x.diagnosis_system
              WHEN beside.code IS NOT NULL THEN beside.system ELSE k.code_system END AS system
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_diagnosis AS x ON x.connection_id = mart_scope.connection_id
  LEFT JOIN icd ON icd.connection_id = x.connection_id AND icd.id = x.explanation_of_benefit_id AND icd.place = x.diagnosis_index
  LEFT JOIN condition AS k ON k.connection_id = x.connection_id AND k.id = x.diagnosis_condition_id
  LEFT JOIN icd_of_condition AS beside ON beside.connection_id = k.connection_id AND beside.id = k.id
  LEFT JOIN temp.diagnosis_role AS role ON role.connection_id = x.connection_id AND role.id = x.explanation_of_benefit_id AND role.row_no = x.row_no
  WHERE coalesce(role.is_reason, 0) = 0
), coded AS (
  SELECT connection_id, explanation_of_benefit_id, poa, upper(replace(code, '.', '')) AS code, system,
         row_number() OVER (PARTITION BY connection_id, explanation_of_benefit_id ORDER BY is_principal DESC, sequence, row_no) AS n
  FROM named
  -- A SNOMED CT code is no ICD code. One of a system that is not known may be.
  WHERE code IS NOT NULL AND coalesce(vocabulary(system, code), 'ICD') LIKE 'ICD%'
), diagnosed AS (
  SELECT connection_id, explanation_of_benefit_id,
         max(CASE WHEN n = 1 THEN CASE vocabulary(system, code) WHEN 'ICD-9-CM' THEN 'icd-9-cm'
               -- No diagnosis is of PCS: some senders give CM the address of PCS.
               WHEN 'ICD-10-CM' THEN 'icd-10-cm' WHEN 'ICD-10-PCS' THEN 'icd-10-cm' END END) AS type,
         max(CASE WHEN n = 1 THEN code END) AS code_1, max(CASE WHEN n = 1 THEN poa END) AS poa_1, max(CASE WHEN n = 2 THEN code END) AS code_2, max(CASE WHEN n = 2 THEN poa END) AS poa_2,
         max(CASE WHEN n = 3 THEN code END) AS code_3, max(CASE WHEN n = 3 THEN poa END) AS poa_3, max(CASE WHEN n = 4 THEN code END) AS code_4, max(CASE WHEN n = 4 THEN poa END) AS poa_4,
         max(CASE WHEN n = 5 THEN code END) AS code_5, max(CASE WHEN n = 5 THEN poa END) AS poa_5, max(CASE WHEN n = 6 THEN code END) AS code_6, max(CASE WHEN n = 6 THEN poa END) AS poa_6,
         max(CASE WHEN n = 7 THEN code END) AS code_7, max(CASE WHEN n = 7 THEN poa END) AS poa_7, max(CASE WHEN n = 8 THEN code END) AS code_8, max(CASE WHEN n = 8 THEN poa END) AS poa_8,
         max(CASE WHEN n = 9 THEN code END) AS code_9, max(CASE WHEN n = 9 THEN poa END) AS poa_9, max(CASE WHEN n = 10 THEN code END) AS code_10, max(CASE WHEN n = 10 THEN poa END) AS poa_10,
         max(CASE WHEN n = 11 THEN code END) AS code_11, max(CASE WHEN n = 11 THEN poa END) AS poa_11, max(CASE WHEN n = 12 THEN code END) AS code_12, max(CASE WHEN n = 12 THEN poa END) AS poa_12,
         max(CASE WHEN n = 13 THEN code END) AS code_13, max(CASE WHEN n = 13 THEN poa END) AS poa_13, max(CASE WHEN n = 14 THEN code END) AS code_14, max(CASE WHEN n = 14 THEN poa END) AS poa_14,
         max(CASE WHEN n = 15 THEN code END) AS code_15, max(CASE WHEN n = 15 THEN poa END) AS poa_15, max(CASE WHEN n = 16 THEN code END) AS code_16, max(CASE WHEN n = 16 THEN poa END) AS poa_16,
         max(CASE WHEN n = 17 THEN code END) AS code_17, max(CASE WHEN n = 17 THEN poa END) AS poa_17, max(CASE WHEN n = 18 THEN code END) AS code_18, max(CASE WHEN n = 18 THEN poa END) AS poa_18,
         max(CASE WHEN n = 19 THEN code END) AS code_19, max(CASE WHEN n = 19 THEN poa END) AS poa_19, max(CASE WHEN n = 20 THEN code END) AS code_20, max(CASE WHEN n = 20 THEN poa END) AS poa_20,
         max(CASE WHEN n = 21 THEN code END) AS code_21, max(CASE WHEN n = 21 THEN poa END) AS poa_21, max(CASE WHEN n = 22 THEN code END) AS code_22, max(CASE WHEN n = 22 THEN poa END) AS poa_22,
         max(CASE WHEN n = 23 THEN code END) AS code_23, max(CASE WHEN n = 23 THEN poa END) AS poa_23, max(CASE WHEN n = 24 THEN code END) AS code_24, max(CASE WHEN n = 24 THEN poa END) AS poa_24,
         max(CASE WHEN n = 25 THEN code END) AS code_25, max(CASE WHEN n = 25 THEN poa END) AS poa_25
  FROM coded WHERE n <= 25 GROUP BY connection_id, explanation_of_benefit_id
), listed AS (
  SELECT p.record_id, p.connection_id, replace(p.code, '.', '') AS code, p.procedure_date AS day,
         row_number() OVER (PARTITION BY p.connection_id, p.record_id
           ORDER BY coalesce(lower(t.type_code) = 'principal' OR EXISTS (SELECT 1 FROM explanation_of_benefit_coding AS k
             WHERE k.connection_id = t.connection_id AND k.explanation_of_benefit_id = t.explanation_of_benefit_id
               AND k.element = 'procedure.type' AND k.element_index = t.procedure_index AND lower(k.code) = 'principal'), 0) DESC, p.position) AS n
  FROM temp.mart_scope CROSS JOIN procedure_occurrence AS p ON p.connection_id = mart_scope.connection_id
  LEFT JOIN explanation_of_benefit_procedure AS t ON t.connection_id = p.connection_id AND t.explanation_of_benefit_id = p.record_id
    AND t.procedure_index = p.position
  WHERE p.source = 'claim' AND p.vocabulary = 'ICD-10-PCS'
), operated AS (
  SELECT connection_id, record_id,
         max(CASE WHEN n = 1 THEN code END) AS code_1, max(CASE WHEN n = 1 THEN day END) AS day_1, max(CASE WHEN n = 2 THEN code END) AS code_2, max(CASE WHEN n = 2 THEN day END) AS day_2,
         max(CASE WHEN n = 3 THEN code END) AS code_3, max(CASE WHEN n = 3 THEN day END) AS day_3, max(CASE WHEN n = 4 THEN code END) AS code_4, max(CASE WHEN n = 4 THEN day END) AS day_4,
         max(CASE WHEN n = 5 THEN code END) AS code_5, max(CASE WHEN n = 5 THEN day END) AS day_5, max(CASE WHEN n = 6 THEN code END) AS code_6, max(CASE WHEN n = 6 THEN day END) AS day_6,
         max(CASE WHEN n = 7 THEN code END) AS code_7, max(CASE WHEN n = 7 THEN day END) AS day_7, max(CASE WHEN n = 8 THEN code END) AS code_8, max(CASE WHEN n = 8 THEN day END) AS day_8,
         max(CASE WHEN n = 9 THEN code END) AS code_9, max(CASE WHEN n = 9 THEN day END) AS day_9, max(CASE WHEN n = 10 THEN code END) AS code_10, max(CASE WHEN n = 10 THEN day END) AS day_10,
         max(CASE WHEN n = 11 THEN code END) AS code_11, max(CASE WHEN n = 11 THEN day END) AS day_11, max(CASE WHEN n = 12 THEN code END) AS code_12, max(CASE WHEN n = 12 THEN day END) AS day_12,
         max(CASE WHEN n = 13 THEN code END) AS code_13, max(CASE WHEN n = 13 THEN day END) AS day_13, max(CASE WHEN n = 14 THEN code END) AS code_14, max(CASE WHEN n = 14 THEN day END) AS day_14,
         max(CASE WHEN n = 15 THEN code END) AS code_15, max(CASE WHEN n = 15 THEN day END) AS day_15, max(CASE WHEN n = 16 THEN code END) AS code_16, max(CASE WHEN n = 16 THEN day END) AS day_16,
         max(CASE WHEN n = 17 THEN code END) AS code_17, max(CASE WHEN n = 17 THEN day END) AS day_17, max(CASE WHEN n = 18 THEN code END) AS code_18, max(CASE WHEN n = 18 THEN day END) AS day_18,
         max(CASE WHEN n = 19 THEN code END) AS code_19, max(CASE WHEN n = 19 THEN day END) AS day_19, max(CASE WHEN n = 20 THEN code END) AS code_20, max(CASE WHEN n = 20 THEN day END) AS day_20,
         max(CASE WHEN n = 21 THEN code END) AS code_21, max(CASE WHEN n = 21 THEN day END) AS day_21, max(CASE WHEN n = 22 THEN code END) AS code_22, max(CASE WHEN n = 22 THEN day END) AS day_22,
         max(CASE WHEN n = 23 THEN code END) AS code_23, max(CASE WHEN n = 23 THEN day END) AS day_23, max(CASE WHEN n = 24 THEN code END) AS code_24, max(CASE WHEN n = 24 THEN day END) AS day_24,
         max(CASE WHEN n = 25 THEN code END) AS code_25, max(CASE WHEN n = 25 THEN day END) AS day_25
  FROM listed WHERE n <= 25 GROUP BY connection_id, record_id
), taxed AS MATERIALIZED (
  SELECT p.connection_id, p.npi, replace(min(p.tax_id), '-', '') AS tin
  FROM temp.mart_scope CROSS JOIN provider AS p ON p.connection_id = mart_scope.connection_id
  WHERE p.npi IS NOT NULL AND p.tax_id IS NOT NULL
  GROUP BY p.connection_id, p.npi
), billed AS MATERIALIZED (
  SELECT c.connection_id, c.explanation_of_benefit_id AS id,
         replace(coalesce(o.tax_id, p.tax_id,
           (SELECT k.tax_id FROM explanation_of_benefit_contained AS k WHERE k.connection_id = e.connection_id
            AND k.explanation_of_benefit_id = e.id AND '#' || k.contained_id = e.provider_reference ORDER BY k.row_no LIMIT 1),
           taxed.tin,
           CASE WHEN e.provider_identifier_system = 'urn:oid:2.16.840.1.113883.4.4' OR upper(e.provider_identifier_type_code) = 'TAX'
                THEN e.provider_identifier_value END), '-', '') AS tin
  FROM temp.mart_scope CROSS JOIN claim_current AS c ON c.connection_id = mart_scope.connection_id
  JOIN explanation_of_benefit AS e ON e.connection_id = c.connection_id AND e.id = c.explanation_of_benefit_id
  LEFT JOIN practitioner_role AS r ON r.connection_id = c.connection_id AND r.id = c.provider_id
    AND coalesce(e.provider_organization_id, e.provider_practitioner_id) IS NULL
  LEFT JOIN organization AS o ON o.connection_id = c.connection_id AND o.id = coalesce(e.provider_organization_id, r.organization_id)
  LEFT JOIN practitioner AS p ON p.connection_id = c.connection_id AND p.id = coalesce(e.provider_practitioner_id, r.practitioner_id)
  LEFT JOIN taxed ON taxed.connection_id = c.connection_id AND taxed.npi = c.provider_npi
), filed AS MATERIALIZED (
  -- Revenue codes stand on the UB-04 alone, which is the form of institutions. So does a type of bill, but
  -- some payers send the place of service with a digit for the frequency in its stead.
  SELECT c.connection_id, c.explanation_of_benefit_id AS id,
         CASE WHEN c.kind IN ('oral', 'vision') THEN c.kind
              WHEN c.kind = 'institutional' OR t.has_revenue_code = 1
                OR (coalesce(t.has_place, 0) = 0 AND ltrim(c.type_of_bill_code, '0') GLOB '[0-9][0-9][0-9A-Za-z]') THEN 'institutional'
              ELSE c.kind END AS kind
  FROM temp.mart_scope CROSS JOIN claim_current AS c ON c.connection_id = mart_scope.connection_id
  LEFT JOIN stated AS t ON t.connection_id = c.connection_id AND t.explanation_of_benefit_id = c.explanation_of_benefit_id
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
       CAST(CASE f.kind WHEN 'institutional' THEN 'institutional' WHEN 'professional' THEN 'professional' WHEN 'oral' THEN 'dental' WHEN 'vision' THEN 'vision' ELSE 'undetermined' END AS VARCHAR) AS claim_type,
       CAST(coalesce(c.member_id, CAST(c.connection_id AS VARCHAR) || '.' || c.patient_id) AS VARCHAR) AS person_id,
       CAST(coalesce(s.member_number, whose.member_id, c.patient_id) AS VARCHAR) AS member_id,
       CAST(coalesce(CASE WHEN s.coverage_id IS NULL THEN c.insurer_name ELSE s.payer_name END, n.plan, 'file') AS VARCHAR) AS payer,
       CAST(coalesce(s.plan_name, s.plan_number, n.plan, 'file') AS VARCHAR) AS plan,
       date(c.service_start_date) AS claim_start_date,
       date(c.service_end_date) AS claim_end_date,
       date(coalesce(l.service_start_date, c.service_start_date)) AS claim_line_start_date,
       date(coalesce(l.service_end_date, c.service_end_date)) AS claim_line_end_date,
       date(CASE f.kind WHEN 'institutional' THEN c.admission_date END) AS admission_date,
       date(CASE f.kind WHEN 'institutional' THEN c.discharge_date END) AS discharge_date,
       CASE WHEN e.point_of_origin_code GLOB '[0-9A-Z]' THEN e.point_of_origin_code END AS admit_source_code,
       CASE WHEN e.admission_type_code GLOB '[0-9]' THEN e.admission_type_code END AS admit_type_code,
       CASE WHEN c.discharge_status_code GLOB '[0-9]' OR c.discharge_status_code GLOB '[0-9][0-9]' THEN substr('0' || c.discharge_status_code, -2) END AS discharge_disposition_code,
       CASE WHEN l.place_of_service_code GLOB '[0-9]' OR l.place_of_service_code GLOB '[0-9][0-9]' THEN substr('0' || l.place_of_service_code, -2) END AS place_of_service_code,
       CASE WHEN f.kind = 'institutional' AND ltrim(c.type_of_bill_code, '0') GLOB '[0-9][0-9][0-9A-Za-z]' THEN ltrim(c.type_of_bill_code, '0') END AS bill_type_code,
       -- MS-DRG may be padded to four digits or with blanks.
       CASE WHEN trim(c.drg_code) NOT GLOB '*[^0-9]*' AND (length(trim(c.drg_code)) <= 3
              OR (vocabulary(c.drg_system, c.drg_code) = 'MS-DRG' AND length(ltrim(trim(c.drg_code), '0')) <= 3)) THEN CASE vocabulary(c.drg_system, c.drg_code)
              WHEN 'MS-DRG' THEN 'ms-drg' WHEN 'APR-DRG' THEN 'apr-drg' END
            WHEN vocabulary(c.drg_system, c.drg_code) = 'APR-DRG' AND replace(trim(c.drg_code), '-', '') GLOB '[0-9][0-9][0-9][0-4]' THEN 'apr-drg' END AS drg_code_type,
       -- 3M's group may have its severity behind it.
       CASE WHEN trim(c.drg_code) NOT GLOB '*[^0-9]*' AND (length(trim(c.drg_code)) <= 3
              OR (vocabulary(c.drg_system, c.drg_code) = 'MS-DRG' AND length(ltrim(trim(c.drg_code), '0')) <= 3)) THEN substr('00' || trim(c.drg_code), -3)
            WHEN vocabulary(c.drg_system, c.drg_code) = 'APR-DRG' AND replace(trim(c.drg_code), '-', '') GLOB '[0-9][0-9][0-9][0-4]' THEN substr(trim(c.drg_code), 1, 3) END AS drg_code,
       CASE WHEN length(l.revenue_code) <= 4 AND l.revenue_code NOT GLOB '*[^0-9]*' THEN substr('000' || l.revenue_code, -4) END AS revenue_center_code,
       CAST(l.quantity AS DOUBLE) AS service_unit_quantity,
       CASE WHEN length(l.hcpcs_code) = 5 THEN l.hcpcs_code WHEN length(l.cpt_code) = 5 THEN l.cpt_code WHEN length(l.code) = 5 THEN l.code END AS hcpcs_code,
       CASE WHEN length(coalesce(i.modifier_1_code, added.modifier_1_code)) = 2 THEN coalesce(i.modifier_1_code, added.modifier_1_code) END AS hcpcs_modifier_1,
       CASE WHEN length(coalesce(i.modifier_2_code, added.modifier_2_code)) = 2 THEN coalesce(i.modifier_2_code, added.modifier_2_code) END AS hcpcs_modifier_2,
       CASE WHEN length(coalesce(i.modifier_3_code, added.modifier_3_code)) = 2 THEN coalesce(i.modifier_3_code, added.modifier_3_code) END AS hcpcs_modifier_3,
       CASE WHEN length(coalesce(i.modifier_4_code, added.modifier_4_code)) = 2 THEN coalesce(i.modifier_4_code, added.modifier_4_code) END AS hcpcs_modifier_4,
       CASE WHEN length(coalesce(l.provider_npi, CASE WHEN l.line_key IS NULL THEN c.provider_npi END)) = 10
         THEN coalesce(l.provider_npi, c.provider_npi) END AS rendering_npi,
       CAST(CASE WHEN length(c.provider_npi) = 10 THEN c.provider_npi END AS VARCHAR) AS billing_npi,
       CASE WHEN l.line_key IS NULL OR l.provider_npi IS c.provider_npi AND l.provider_name IS c.provider_name THEN billed.tin ELSE rendering.tin END AS rendering_tin,
       billed.tin AS billing_tin,
       CAST(CASE WHEN f.kind = 'institutional' AND length(c.provider_npi) = 10 THEN c.provider_npi END AS VARCHAR) AS facility_npi,
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
       CAST(CASE WHEN coalesce(c.allowed_cents, c.plan_paid_cents) IS NOT NULL AND coalesce(c.currency, 'USD') = 'USD' THEN CASE WHEN c.allowed_cents IS NOT NULL THEN (coalesce(l.allowed_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.allowed_cents - coalesce(t.allowed_cents, 0) ELSE 0 END)
         ELSE (coalesce(l.plan_paid_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.plan_paid_cents - coalesce(t.plan_paid_cents, 0) ELSE 0 END)
           + coalesce((coalesce(l.coinsurance_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.coinsurance_cents - coalesce(t.coinsurance_cents, 0) ELSE 0 END), 0)
           + coalesce((coalesce(l.copay_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.copay_cents - coalesce(t.copay_cents, 0) ELSE 0 END), 0)
           + coalesce((coalesce(l.deductible_cents, 0) + CASE WHEN coalesce(l.line_key, 0) = 0 THEN c.deductible_cents - coalesce(t.deductible_cents, 0) ELSE 0 END), 0) END / 100.0 END AS DOUBLE) AS total_cost_amount,
       CAST(x.type AS VARCHAR) AS diagnosis_code_type,
       CAST(x.code_1 AS VARCHAR) AS diagnosis_code_1,
       CAST(x.code_2 AS VARCHAR) AS diagnosis_code_2,
       CAST(x.code_3 AS VARCHAR) AS diagnosis_code_3,
       CAST(x.code_4 AS VARCHAR) AS diagnosis_code_4,
       CAST(x.code_5 AS VARCHAR) AS diagnosis_code_5,
       CAST(x.code_6 AS VARCHAR) AS diagnosis_code_6,
       CAST(x.code_7 AS VARCHAR) AS diagnosis_code_7,
       CAST(x.code_8 AS VARCHAR) AS diagnosis_code_8,
       CAST(x.code_9 AS VARCHAR) AS diagnosis_code_9,
       CAST(x.code_10 AS VARCHAR) AS diagnosis_code_10,
       CAST(x.code_11 AS VARCHAR) AS diagnosis_code_11,
       CAST(x.code_12 AS VARCHAR) AS diagnosis_code_12,
       CAST(x.code_13 AS VARCHAR) AS diagnosis_code_13,
       CAST(x.code_14 AS VARCHAR) AS diagnosis_code_14,
       CAST(x.code_15 AS VARCHAR) AS diagnosis_code_15,
       CAST(x.code_16 AS VARCHAR) AS diagnosis_code_16,
       CAST(x.code_17 AS VARCHAR) AS diagnosis_code_17,
       CAST(x.code_18 AS VARCHAR) AS diagnosis_code_18,
       CAST(x.code_19 AS VARCHAR) AS diagnosis_code_19,
       CAST(x.code_20 AS VARCHAR) AS diagnosis_code_20,
       CAST(x.code_21 AS VARCHAR) AS diagnosis_code_21,
       CAST(x.code_22 AS VARCHAR) AS diagnosis_code_22,
       CAST(x.code_23 AS VARCHAR) AS diagnosis_code_23,
       CAST(x.code_24 AS VARCHAR) AS diagnosis_code_24,
       CAST(x.code_25 AS VARCHAR) AS diagnosis_code_25,
       CAST(x.poa_1 AS VARCHAR) AS diagnosis_poa_1,
       CAST(x.poa_2 AS VARCHAR) AS diagnosis_poa_2,
       CAST(x.poa_3 AS VARCHAR) AS diagnosis_poa_3,
       CAST(x.poa_4 AS VARCHAR) AS diagnosis_poa_4,
       CAST(x.poa_5 AS VARCHAR) AS diagnosis_poa_5,
       CAST(x.poa_6 AS VARCHAR) AS diagnosis_poa_6,
       CAST(x.poa_7 AS VARCHAR) AS diagnosis_poa_7,
       CAST(x.poa_8 AS VARCHAR) AS diagnosis_poa_8,
       CAST(x.poa_9 AS VARCHAR) AS diagnosis_poa_9,
       CAST(x.poa_10 AS VARCHAR) AS diagnosis_poa_10,
       CAST(x.poa_11 AS VARCHAR) AS diagnosis_poa_11,
       CAST(x.poa_12 AS VARCHAR) AS diagnosis_poa_12,
       CAST(x.poa_13 AS VARCHAR) AS diagnosis_poa_13,
       CAST(x.poa_14 AS VARCHAR) AS diagnosis_poa_14,
       CAST(x.poa_15 AS VARCHAR) AS diagnosis_poa_15,
       CAST(x.poa_16 AS VARCHAR) AS diagnosis_poa_16,
       CAST(x.poa_17 AS VARCHAR) AS diagnosis_poa_17,
       CAST(x.poa_18 AS VARCHAR) AS diagnosis_poa_18,
       CAST(x.poa_19 AS VARCHAR) AS diagnosis_poa_19,
       CAST(x.poa_20 AS VARCHAR) AS diagnosis_poa_20,
       CAST(x.poa_21 AS VARCHAR) AS diagnosis_poa_21,
       CAST(x.poa_22 AS VARCHAR) AS diagnosis_poa_22,
       CAST(x.poa_23 AS VARCHAR) AS diagnosis_poa_23,
       CAST(x.poa_24 AS VARCHAR) AS diagnosis_poa_24,
       CAST(x.poa_25 AS VARCHAR) AS diagnosis_poa_25,
       CAST(CASE WHEN q.code_1 IS NOT NULL THEN 'icd-10-pcs' END AS VARCHAR) AS procedure_code_type,
       CAST(q.code_1 AS VARCHAR) AS procedure_code_1,
       CAST(q.code_2 AS VARCHAR) AS procedure_code_2,
       CAST(q.code_3 AS VARCHAR) AS procedure_code_3,
       CAST(q.code_4 AS VARCHAR) AS procedure_code_4,
       CAST(q.code_5 AS VARCHAR) AS procedure_code_5,
       CAST(q.code_6 AS VARCHAR) AS procedure_code_6,
       CAST(q.code_7 AS VARCHAR) AS procedure_code_7,
       CAST(q.code_8 AS VARCHAR) AS procedure_code_8,
       CAST(q.code_9 AS VARCHAR) AS procedure_code_9,
       CAST(q.code_10 AS VARCHAR) AS procedure_code_10,
       CAST(q.code_11 AS VARCHAR) AS procedure_code_11,
       CAST(q.code_12 AS VARCHAR) AS procedure_code_12,
       CAST(q.code_13 AS VARCHAR) AS procedure_code_13,
       CAST(q.code_14 AS VARCHAR) AS procedure_code_14,
       CAST(q.code_15 AS VARCHAR) AS procedure_code_15,
       CAST(q.code_16 AS VARCHAR) AS procedure_code_16,
       CAST(q.code_17 AS VARCHAR) AS procedure_code_17,
       CAST(q.code_18 AS VARCHAR) AS procedure_code_18,
       CAST(q.code_19 AS VARCHAR) AS procedure_code_19,
       CAST(q.code_20 AS VARCHAR) AS procedure_code_20,
       CAST(q.code_21 AS VARCHAR) AS procedure_code_21,
       CAST(q.code_22 AS VARCHAR) AS procedure_code_22,
       CAST(q.code_23 AS VARCHAR) AS procedure_code_23,
       CAST(q.code_24 AS VARCHAR) AS procedure_code_24,
       CAST(q.code_25 AS VARCHAR) AS procedure_code_25,
       date(q.day_1) AS procedure_date_1,
       date(q.day_2) AS procedure_date_2,
       date(q.day_3) AS procedure_date_3,
       date(q.day_4) AS procedure_date_4,
       date(q.day_5) AS procedure_date_5,
       date(q.day_6) AS procedure_date_6,
       date(q.day_7) AS procedure_date_7,
       date(q.day_8) AS procedure_date_8,
       date(q.day_9) AS procedure_date_9,
       date(q.day_10) AS procedure_date_10,
       date(q.day_11) AS procedure_date_11,
       date(q.day_12) AS procedure_date_12,
       date(q.day_13) AS procedure_date_13,
       date(q.day_14) AS procedure_date_14,
       date(q.day_15) AS procedure_date_15,
       date(q.day_16) AS procedure_date_16,
       date(q.day_17) AS procedure_date_17,
       date(q.day_18) AS procedure_date_18,
       date(q.day_19) AS procedure_date_19,
       date(q.day_20) AS procedure_date_20,
       date(q.day_21) AS procedure_date_21,
       date(q.day_22) AS procedure_date_22,
       date(q.day_23) AS procedure_date_23,
       date(q.day_24) AS procedure_date_24,
       date(q.day_25) AS procedure_date_25,
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
LEFT JOIN explanation_of_benefit_add_item AS added ON added.connection_id = l.connection_id
  AND added.explanation_of_benefit_id = l.explanation_of_benefit_id AND added.row_no = l.add_item_index
JOIN filed AS f ON f.connection_id = c.connection_id AND f.id = c.explanation_of_benefit_id
LEFT JOIN span AS s ON s.here = c.connection_id AND s.claim_id = c.explanation_of_benefit_id AND s.place = 1
LEFT JOIN patient AS whose ON whose.connection_id = c.connection_id AND whose.id = c.patient_id
LEFT JOIN billed ON billed.connection_id = c.connection_id AND billed.id = c.explanation_of_benefit_id
LEFT JOIN taxed AS rendering ON rendering.connection_id = l.connection_id AND rendering.npi = l.provider_npi
LEFT JOIN diagnosed AS x ON x.connection_id = c.connection_id AND x.explanation_of_benefit_id = c.explanation_of_benefit_id
LEFT JOIN operated AS q ON q.connection_id = c.connection_id AND q.record_id = c.explanation_of_benefit_id
WHERE coalesce(c.kind, '') <> 'pharmacy';
