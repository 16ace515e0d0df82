-- The Tuva input layer: which drugs were billed?
--
-- Grain: one row per line of a pharmacy claim that stands today (claim_current); a claim without lines has
-- one row. Names, order and types are those of pharmacy_claim in Tuva 0.18.0.
--
-- Amounts are those of claim_current, to the cent: what the lines state, and what they lack of the claim's
-- amount (a claim without lines, a total on the claim alone, an adjustment) on the first line. Tuva's
-- amounts have no currency: those of a claim in another one than the US dollar are NULL.
--
-- claim_id                          VARCHAR: number of the connection, a point, the claim's id: unique over plans
-- claim_line_number                 INTEGER: 1 to the number of lines, in the order of line_key; a claim without lines has one
-- person_id                         VARCHAR: member_id of member: over plans; NULL where the claim names no patient that is understood
-- member_id                         VARCHAR: number of the member at the plan, else the id of the patient
-- payer                             VARCHAR: name of the payer: of the coverage, as in eligibility, else of the claim; else of the plan in the configuration, else file
-- plan                              VARCHAR: name of the plan, else its number, else its name in the configuration, else file
-- prescribing_provider_npi          VARCHAR: who prescribed it, where sent
-- dispensing_provider_npi           VARCHAR: the pharmacy, that is who is paid
-- dispensing_date                   DATE: when it was handed out
-- ndc_code                          VARCHAR: National Drug Code of eleven digits; NULL where what was sent cannot be made one
-- quantity                          INTEGER: quantity handed out, rounded: Tuva wants an integer
-- days_supply                       INTEGER: days it is meant to last
-- refills                           INTEGER: 0 is the first fill
-- paid_date                         DATE: day of the payment
-- paid_amount                       DOUBLE: paid by the plan
-- allowed_amount                    DOUBLE: allowed by the plan
-- charge_amount                     DOUBLE: charged
-- coinsurance_amount                DOUBLE: coinsurance
-- copayment_amount                  DOUBLE: copayment
-- deductible_amount                 DOUBLE: deductible
-- in_network_flag                   BOOLEAN: whether it was paid as in the network, else whether the pharmacy is in it; where sent
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- file_date                         DATE: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_pharmacy_claim AS
SELECT claim_id,
       CAST(claim_line_number AS INTEGER) AS claim_line_number,
       person_id,
       member_id,
       payer,
       plan,
       prescribing_provider_npi,
       dispensing_provider_npi,
       dispensing_date,
       ndc_code,
       CAST(quantity AS INTEGER) AS quantity,
       CAST(days_supply AS INTEGER) AS days_supply,
       CAST(refills AS INTEGER) AS refills,
       paid_date,
       paid_amount,
       allowed_amount,
       charge_amount,
       coinsurance_amount,
       copayment_amount,
       deductible_amount,
       CAST(in_network_flag AS BOOLEAN) AS in_network_flag,
       data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       CAST(NULL AS DATE) AS file_date,
       ingest_datetime
FROM pharmacy_claim;
