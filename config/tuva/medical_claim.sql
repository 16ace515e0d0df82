-- The Tuva input layer: which services were billed, line by line?
--
-- Grain: one row per line of a claim that stands today (claim_current) and is not a pharmacy claim; a claim
-- without lines has one row. Names, order and types are those of medical_claim in Tuva 0.18.0.
--
-- Amounts are those of claim_current, to the cent: what the lines state, and what they lack of the claim's
-- amount (a claim without lines, a total on the claim alone, an adjustment) on the first line. Tuva's
-- amounts have no currency: those of a claim in another one than the US dollar are NULL.
--
-- claim_id                          VARCHAR: number of the connection, a point, the claim's id: unique over plans
-- claim_line_number                 INTEGER: 1 to the number of lines, in the order of line_key; a claim without lines has one
-- claim_type                        VARCHAR: institutional (also where a type of bill or a revenue code is sent), professional, dental, vision or undetermined
-- person_id                         VARCHAR: member_id of member: over plans; NULL where the claim names no patient that is understood
-- member_id                         VARCHAR: number of the member at the plan, else the id of the patient
-- payer                             VARCHAR: name of the payer: of the coverage, as in eligibility, else of the claim; else of the plan in the configuration, else file
-- plan                              VARCHAR: name of the plan, else its number, else its name in the configuration, else file
-- claim_start_date                  DATE: first day of service
-- claim_end_date                    DATE: last day of service
-- claim_line_start_date             DATE: first day of service of the line
-- claim_line_end_date               DATE: last day of service of the line
-- admission_date                    DATE: start of the admission
-- discharge_date                    DATE: end of the admission
-- admit_source_code                 VARCHAR: point of origin, one character
-- admit_type_code                   VARCHAR: type of admission, one digit
-- discharge_disposition_code        VARCHAR: state at discharge, two digits
-- place_of_service_code             VARCHAR: place of service of the line, two digits
-- bill_type_code                    VARCHAR: type of bill without its leading zero, three characters
-- drg_code_type                     VARCHAR: ms-drg or apr-drg where the code system is called so; drg_system of claim has any other
-- drg_code                          VARCHAR: diagnosis related group, three digits; of APR-DRG without its severity
-- revenue_center_code               VARCHAR: revenue center, four digits
-- service_unit_quantity             DOUBLE: units of service
-- hcpcs_code                        VARCHAR: HCPCS or CPT code, else another code, of five characters
-- hcpcs_modifier_1                  VARCHAR: modifier
-- hcpcs_modifier_2                  VARCHAR: modifier
-- hcpcs_modifier_3                  VARCHAR: modifier
-- hcpcs_modifier_4                  VARCHAR: modifier
-- hcpcs_modifier_5                  VARCHAR: not known: the plans send at most four as columns; see explanation_of_benefit_item_modifier
-- rendering_npi                     VARCHAR: who performed the line, else who is paid
-- rendering_tin                     VARCHAR: tax number of the same, where sent
-- billing_npi                       VARCHAR: who is paid
-- billing_tin                       VARCHAR: tax number of whoever is paid, where sent, without hyphens
-- facility_npi                      VARCHAR: of an institutional claim: who is paid
-- paid_date                         DATE: day of the payment
-- paid_amount                       DOUBLE: paid by the plan
-- allowed_amount                    DOUBLE: allowed by the plan
-- charge_amount                     DOUBLE: charged
-- coinsurance_amount                DOUBLE: coinsurance
-- copayment_amount                  DOUBLE: copayment
-- deductible_amount                 DOUBLE: deductible
-- total_cost_amount                 DOUBLE: allowed; without it paid, coinsurance, copayment and deductible together; NULL where neither allowed nor paid is known
-- diagnosis_code_type               VARCHAR: icd-10-cm or icd-9-cm: of the first diagnosis
-- diagnosis_code_1                  VARCHAR: diagnosis 1 (ICD) of the claim without its point, the principal one first
-- diagnosis_code_2                  VARCHAR: diagnosis 2 of the claim without its point, the principal one first
-- diagnosis_code_3                  VARCHAR: diagnosis 3 of the claim without its point, the principal one first
-- diagnosis_code_4                  VARCHAR: diagnosis 4 of the claim without its point, the principal one first
-- diagnosis_code_5                  VARCHAR: diagnosis 5 of the claim without its point, the principal one first
-- diagnosis_code_6                  VARCHAR: diagnosis 6 of the claim without its point, the principal one first
-- diagnosis_code_7                  VARCHAR: diagnosis 7 of the claim without its point, the principal one first
-- diagnosis_code_8                  VARCHAR: diagnosis 8 of the claim without its point, the principal one first
-- diagnosis_code_9                  VARCHAR: diagnosis 9 of the claim without its point, the principal one first
-- diagnosis_code_10                 VARCHAR: diagnosis 10 of the claim without its point, the principal one first
-- diagnosis_code_11                 VARCHAR: diagnosis 11 of the claim without its point, the principal one first
-- diagnosis_code_12                 VARCHAR: diagnosis 12 of the claim without its point, the principal one first
-- diagnosis_code_13                 VARCHAR: diagnosis 13 of the claim without its point, the principal one first
-- diagnosis_code_14                 VARCHAR: diagnosis 14 of the claim without its point, the principal one first
-- diagnosis_code_15                 VARCHAR: diagnosis 15 of the claim without its point, the principal one first
-- diagnosis_code_16                 VARCHAR: diagnosis 16 of the claim without its point, the principal one first
-- diagnosis_code_17                 VARCHAR: diagnosis 17 of the claim without its point, the principal one first
-- diagnosis_code_18                 VARCHAR: diagnosis 18 of the claim without its point, the principal one first
-- diagnosis_code_19                 VARCHAR: diagnosis 19 of the claim without its point, the principal one first
-- diagnosis_code_20                 VARCHAR: diagnosis 20 of the claim without its point, the principal one first
-- diagnosis_code_21                 VARCHAR: diagnosis 21 of the claim without its point, the principal one first
-- diagnosis_code_22                 VARCHAR: diagnosis 22 of the claim without its point, the principal one first
-- diagnosis_code_23                 VARCHAR: diagnosis 23 of the claim without its point, the principal one first
-- diagnosis_code_24                 VARCHAR: diagnosis 24 of the claim without its point, the principal one first
-- diagnosis_code_25                 VARCHAR: diagnosis 25 of the claim without its point, the principal one first
-- diagnosis_poa_1                   VARCHAR: whether it was present on admission
-- diagnosis_poa_2                   VARCHAR: whether it was present on admission
-- diagnosis_poa_3                   VARCHAR: whether it was present on admission
-- diagnosis_poa_4                   VARCHAR: whether it was present on admission
-- diagnosis_poa_5                   VARCHAR: whether it was present on admission
-- diagnosis_poa_6                   VARCHAR: whether it was present on admission
-- diagnosis_poa_7                   VARCHAR: whether it was present on admission
-- diagnosis_poa_8                   VARCHAR: whether it was present on admission
-- diagnosis_poa_9                   VARCHAR: whether it was present on admission
-- diagnosis_poa_10                  VARCHAR: whether it was present on admission
-- diagnosis_poa_11                  VARCHAR: whether it was present on admission
-- diagnosis_poa_12                  VARCHAR: whether it was present on admission
-- diagnosis_poa_13                  VARCHAR: whether it was present on admission
-- diagnosis_poa_14                  VARCHAR: whether it was present on admission
-- diagnosis_poa_15                  VARCHAR: whether it was present on admission
-- diagnosis_poa_16                  VARCHAR: whether it was present on admission
-- diagnosis_poa_17                  VARCHAR: whether it was present on admission
-- diagnosis_poa_18                  VARCHAR: whether it was present on admission
-- diagnosis_poa_19                  VARCHAR: whether it was present on admission
-- diagnosis_poa_20                  VARCHAR: whether it was present on admission
-- diagnosis_poa_21                  VARCHAR: whether it was present on admission
-- diagnosis_poa_22                  VARCHAR: whether it was present on admission
-- diagnosis_poa_23                  VARCHAR: whether it was present on admission
-- diagnosis_poa_24                  VARCHAR: whether it was present on admission
-- diagnosis_poa_25                  VARCHAR: whether it was present on admission
-- procedure_code_type               VARCHAR: icd-10-pcs
-- procedure_code_1                  VARCHAR: ICD-10-PCS procedure 1 of the claim
-- procedure_code_2                  VARCHAR: ICD-10-PCS procedure 2 of the claim
-- procedure_code_3                  VARCHAR: ICD-10-PCS procedure 3 of the claim
-- procedure_code_4                  VARCHAR: ICD-10-PCS procedure 4 of the claim
-- procedure_code_5                  VARCHAR: ICD-10-PCS procedure 5 of the claim
-- procedure_code_6                  VARCHAR: ICD-10-PCS procedure 6 of the claim
-- procedure_code_7                  VARCHAR: ICD-10-PCS procedure 7 of the claim
-- procedure_code_8                  VARCHAR: ICD-10-PCS procedure 8 of the claim
-- procedure_code_9                  VARCHAR: ICD-10-PCS procedure 9 of the claim
-- procedure_code_10                 VARCHAR: ICD-10-PCS procedure 10 of the claim
-- procedure_code_11                 VARCHAR: ICD-10-PCS procedure 11 of the claim
-- procedure_code_12                 VARCHAR: ICD-10-PCS procedure 12 of the claim
-- procedure_code_13                 VARCHAR: ICD-10-PCS procedure 13 of the claim
-- procedure_code_14                 VARCHAR: ICD-10-PCS procedure 14 of the claim
-- procedure_code_15                 VARCHAR: ICD-10-PCS procedure 15 of the claim
-- procedure_code_16                 VARCHAR: ICD-10-PCS procedure 16 of the claim
-- procedure_code_17                 VARCHAR: ICD-10-PCS procedure 17 of the claim
-- procedure_code_18                 VARCHAR: ICD-10-PCS procedure 18 of the claim
-- procedure_code_19                 VARCHAR: ICD-10-PCS procedure 19 of the claim
-- procedure_code_20                 VARCHAR: ICD-10-PCS procedure 20 of the claim
-- procedure_code_21                 VARCHAR: ICD-10-PCS procedure 21 of the claim
-- procedure_code_22                 VARCHAR: ICD-10-PCS procedure 22 of the claim
-- procedure_code_23                 VARCHAR: ICD-10-PCS procedure 23 of the claim
-- procedure_code_24                 VARCHAR: ICD-10-PCS procedure 24 of the claim
-- procedure_code_25                 VARCHAR: ICD-10-PCS procedure 25 of the claim
-- procedure_date_1                  DATE: its day
-- procedure_date_2                  DATE: its day
-- procedure_date_3                  DATE: its day
-- procedure_date_4                  DATE: its day
-- procedure_date_5                  DATE: its day
-- procedure_date_6                  DATE: its day
-- procedure_date_7                  DATE: its day
-- procedure_date_8                  DATE: its day
-- procedure_date_9                  DATE: its day
-- procedure_date_10                 DATE: its day
-- procedure_date_11                 DATE: its day
-- procedure_date_12                 DATE: its day
-- procedure_date_13                 DATE: its day
-- procedure_date_14                 DATE: its day
-- procedure_date_15                 DATE: its day
-- procedure_date_16                 DATE: its day
-- procedure_date_17                 DATE: its day
-- procedure_date_18                 DATE: its day
-- procedure_date_19                 DATE: its day
-- procedure_date_20                 DATE: its day
-- procedure_date_21                 DATE: its day
-- procedure_date_22                 DATE: its day
-- procedure_date_23                 DATE: its day
-- procedure_date_24                 DATE: its day
-- procedure_date_25                 DATE: its day
-- in_network_flag                   BOOLEAN: whether it was paid as in the network, else whether the provider is in it; where sent
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- file_date                         DATE: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_medical_claim AS
SELECT claim_id,
       CAST(claim_line_number AS INTEGER) AS claim_line_number,
       claim_type,
       person_id,
       member_id,
       payer,
       plan,
       claim_start_date,
       claim_end_date,
       claim_line_start_date,
       claim_line_end_date,
       admission_date,
       discharge_date,
       admit_source_code,
       admit_type_code,
       discharge_disposition_code,
       place_of_service_code,
       bill_type_code,
       drg_code_type,
       drg_code,
       revenue_center_code,
       service_unit_quantity,
       hcpcs_code,
       hcpcs_modifier_1,
       hcpcs_modifier_2,
       hcpcs_modifier_3,
       hcpcs_modifier_4,
       CAST(NULL AS VARCHAR) AS hcpcs_modifier_5,
       rendering_npi,
       rendering_tin,
       billing_npi,
       billing_tin,
       facility_npi,
       paid_date,
       paid_amount,
       allowed_amount,
       charge_amount,
       coinsurance_amount,
       copayment_amount,
       deductible_amount,
       total_cost_amount,
       diagnosis_code_type,
       diagnosis_code_1,
       diagnosis_code_2,
       diagnosis_code_3,
       diagnosis_code_4,
       diagnosis_code_5,
       diagnosis_code_6,
       diagnosis_code_7,
       diagnosis_code_8,
       diagnosis_code_9,
       diagnosis_code_10,
       diagnosis_code_11,
       diagnosis_code_12,
       diagnosis_code_13,
       diagnosis_code_14,
       diagnosis_code_15,
       diagnosis_code_16,
       diagnosis_code_17,
       diagnosis_code_18,
       diagnosis_code_19,
       diagnosis_code_20,
       diagnosis_code_21,
       diagnosis_code_22,
       diagnosis_code_23,
       diagnosis_code_24,
       diagnosis_code_25,
       diagnosis_poa_1,
       diagnosis_poa_2,
       diagnosis_poa_3,
       diagnosis_poa_4,
       diagnosis_poa_5,
       diagnosis_poa_6,
       diagnosis_poa_7,
       diagnosis_poa_8,
       diagnosis_poa_9,
       diagnosis_poa_10,
       diagnosis_poa_11,
       diagnosis_poa_12,
       diagnosis_poa_13,
       diagnosis_poa_14,
       diagnosis_poa_15,
       diagnosis_poa_16,
       diagnosis_poa_17,
       diagnosis_poa_18,
       diagnosis_poa_19,
       diagnosis_poa_20,
       diagnosis_poa_21,
       diagnosis_poa_22,
       diagnosis_poa_23,
       diagnosis_poa_24,
       diagnosis_poa_25,
       procedure_code_type,
       procedure_code_1,
       procedure_code_2,
       procedure_code_3,
       procedure_code_4,
       procedure_code_5,
       procedure_code_6,
       procedure_code_7,
       procedure_code_8,
       procedure_code_9,
       procedure_code_10,
       procedure_code_11,
       procedure_code_12,
       procedure_code_13,
       procedure_code_14,
       procedure_code_15,
       procedure_code_16,
       procedure_code_17,
       procedure_code_18,
       procedure_code_19,
       procedure_code_20,
       procedure_code_21,
       procedure_code_22,
       procedure_code_23,
       procedure_code_24,
       procedure_code_25,
       procedure_date_1,
       procedure_date_2,
       procedure_date_3,
       procedure_date_4,
       procedure_date_5,
       procedure_date_6,
       procedure_date_7,
       procedure_date_8,
       procedure_date_9,
       procedure_date_10,
       procedure_date_11,
       procedure_date_12,
       procedure_date_13,
       procedure_date_14,
       procedure_date_15,
       procedure_date_16,
       procedure_date_17,
       procedure_date_18,
       procedure_date_19,
       procedure_date_20,
       procedure_date_21,
       procedure_date_22,
       procedure_date_23,
       procedure_date_24,
       procedure_date_25,
       CAST(in_network_flag AS BOOLEAN) AS in_network_flag,
       data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       CAST(NULL AS DATE) AS file_date,
       ingest_datetime
FROM medical_claim;
