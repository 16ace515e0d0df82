-- What did each claim cost, who was paid, and for which service?
--
-- Grain: one row per explanation of benefit whose use is claim (or not stated). A claim that came
-- through two consents of the same member at the same payer has one row, from the newer copy.
-- Superseded, voided and cancelled claims are here too: use claim_current for spend, and
-- payment_ledger for money that moved. Prior authorizations are in prior_authorization.
--
-- Amounts: the total the payer states, else the decision on claim level, else the sum of the
-- lines, with those that the payer added; where all of these are silent, what Medicare states of the claim
-- as a balance of a benefit, such as the deductible of a stay. Amounts of one kind add up. A kind the payer
-- does not use is NULL, not 0. A claim that mixes currencies has no amounts: see is_mixed_currency. Each
-- amount is there in whole cents, too, unless it is nonsense: ten trillion and more have no cents.
--
-- Dates: columns that end in _date have ten characters; a date of lower precision is its first
-- day (its last, for an end), and what is not a date is NULL. The text that was sent is beside it.
--
-- A void (a reversal) takes back an earlier claim and never stands: the payer says so (bill
-- frequency 8, an adjustment type that cancels), or its amounts are negative, or it replaces a claim that
-- has amounts with nothing but zeroes. A negative amount that is smaller than that of the claim it refers
-- to, or of the version of its number that stood, is a difference: claim_current shows both together.
--
-- Interim bills (bill frequency 2, 3 and 4) and late charges (5) add to the bills of the stay before
-- them, whatever number they have or name: each counts beside the others, until a bill of its days and
-- frequency comes again, or one that bills the days anew (7, 9). Some payers send cumulative interim
-- bills: a later bill (1 to 4) whose days contain those of an earlier interim bill of the same stay takes
-- its place. A replacement (7, 9) states a bill anew, be it of fewer days: it takes the place of the earlier
-- interim bills of its stay that begin within its days. Bills are of one stay if number or links join them, or if type of bill, provider, patient and
-- day of admission are the same.
--
-- Bill frequencies (NUBC, last character of the type of bill): 0, 1 and O are bills like any other, of
-- which the latest of a number stands (0 and O ask for no payment). 2, 3 and 4 are interim bills and 5 late
-- charges, as above. 6, 7 and Y take the place of the bill that they name or whose number they have; 8 and X
-- take it back and never stand. 9 is the final bill of an episode, and takes the place of the bills of its
-- days. A, B, C and E are notices, such as an election, and stand beside the bills of their number; D cancels
-- a notice and never stands. F to K, M and P are adjustments, and Q a claim that is reopened: like 7.
-- L, N and Z have no meaning of their own: like 1. Any other character, and an X in the place of the
-- frequency (013X is any bill of its kind), says nothing of the frequency.
--
-- A reversal takes back one payment, of the opposite amount and the same currency: one that it names,
-- else of its number, its family of linked claims, or (if it names nothing) its day of service, charge
-- and, of a pharmacy, drug. Where no amount tells, drug and quantity must be the same. Of several it is the last one made before; of the same day, the oldest. A payment made
-- after the reversal, or that the payer says follows it, is a correction and stands. A void without a
-- payment of its own takes back one version of its number.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   id of the claim; joins to explanation_of_benefit and its children
-- member_id                   the person, id in member
-- claim_number                payer's unique claim number, else its control number, else its first identifier
-- claim_key                   the claim over all its versions: the id of the first one
-- status                      active, cancelled, draft or entered-in-error
-- outcome                     queued, complete, error or partial
-- kind                        institutional, pharmacy, professional, oral or vision
-- sub_kind                    finer kind, such as inpatient or outpatient
-- patient_id                  the member, id in patient
-- coverage_id                 the coverage used, id in coverage
-- service_start               first day of service as sent: of the claim, else of its lines
-- service_start_date          the same as a date
-- service_end                 last day of service as sent: of the claim, else of its lines
-- service_end_date            the same as a date
-- received                    when the payer received the claim, as sent
-- received_date               the same as a date
-- created                     when the payer made this explanation, as sent
-- created_date                the same as a date
-- payment_sent                when it was paid, as sent
-- payment_date                the same as a date
-- insurer_name                name of the payer
-- provider_id                 who is paid, id in organization, practitioner or practitioner_role
-- provider_name               name of who is paid; of a role, its practitioner
-- provider_npi                NPI of who is paid
-- principal_diagnosis_code    diagnosis marked as principal, else the first one that is more than the reason for the admission or visit
-- principal_diagnosis_system  its code system as sent
-- drg_code                    diagnosis related group; of several systems, that of Medicare (MS-DRG), else of 3M (APR-DRG)
-- drg_system                  its code system as sent
-- drg_display                 its name: of an MS-DRG from `code` where the list is loaded, else as sent
-- type_of_bill_code           type of bill: facility, care and frequency, put together where sent apart
-- frequency_code              bill frequency, the last character of the type of bill: see above
-- adjustment_type             original, adjustment or void, where the payer says so
-- admission_sent              start of the admission as sent
-- admission_date              the same as a date
-- discharge_sent              end of the admission as sent
-- discharge_date              the same as a date
-- discharge_status_code       state at discharge
-- line_count                  number of lines, without those that the payer added
-- submitted_amount            charged by the provider; for want of any other amount, the sum of the lines' net
-- submitted_cents             the same in cents
-- allowed_amount              allowed by the plan (allowed, else eligible, which CARIN senders use)
-- allowed_cents               the same in cents
-- noncovered_amount           not covered
-- noncovered_cents            the same in cents
-- discount_amount             discount
-- discount_cents              the same in cents
-- deductible_amount           applied to the deductible
-- deductible_cents            the same in cents
-- copay_amount                copayment
-- copay_cents                 the same in cents
-- coinsurance_amount          coinsurance
-- coinsurance_cents           the same in cents
-- member_liability_amount     owed by the member
-- member_liability_cents      the same in cents
-- paid_by_patient_amount      paid by the member
-- paid_by_patient_cents       the same in cents
-- prior_payer_paid_amount     paid by an earlier payer
-- prior_payer_paid_cents      the same in cents
-- paid_to_provider_amount     paid by the plan to the provider
-- paid_to_provider_cents      the same in cents
-- paid_to_patient_amount      paid by the plan to the member
-- paid_to_patient_cents       the same in cents
-- benefit_amount              benefit payable by the plan
-- benefit_cents               the same in cents
-- drug_cost_amount            cost of the drug
-- drug_cost_cents             the same in cents
-- payment_amount              the payment of the claim
-- payment_cents               the same in cents
-- plan_paid_amount            what the plan paid: payment, else paid to provider and patient, else benefit; where the
--                             header is silent, so of each line
-- plan_paid_cents             the same in cents
-- member_cost_share_amount    what the member owes: liability, else deductible, copayment and coinsurance, else what the
--                             member paid; where the header is silent, so of each line
-- member_cost_share_cents     the same in cents
-- currency                    currency of the amounts
-- is_mixed_currency           1 when amounts of this claim are in different currencies
-- is_void                     1 when it takes back another claim and never stands
-- is_difference               1 when its amounts only change those of the claim it refers to
-- is_current                  1 when it stands today, see claim_current
-- replaced_by_id              the claim that takes its place
-- replaced_by_connection_id   the connection that it came through: another one where two consents lead to the same records
-- reverses_id                 the claim whose payment this void takes back
-- reverses_connection_id      the connection that it came through
-- reversed_by_id              the void that takes this payment back
-- reversed_by_connection_id   the connection that it came through
-- replaces_count              how many earlier claims this one takes the place of
-- replacement_missing         1 when the payer says it was replaced by a claim that is not here
-- same_number_count           how many claims here have this number; the last of them stands, with
--                             the interim bills and late charges that it does not bill anew
CREATE TABLE claim (
  connection_id INTEGER NOT NULL,
  explanation_of_benefit_id TEXT NOT NULL,
  member_id TEXT,
  claim_number TEXT,
  claim_key TEXT,
  status TEXT,
  outcome TEXT,
  kind TEXT,
  sub_kind TEXT,
  patient_id TEXT,
  coverage_id TEXT,
  service_start TEXT,
  service_start_date TEXT,
  service_end TEXT,
  service_end_date TEXT,
  received TEXT,
  received_date TEXT,
  created TEXT,
  created_date TEXT,
  payment_sent TEXT,
  payment_date TEXT,
  insurer_name TEXT,
  provider_id TEXT,
  provider_name TEXT,
  provider_npi TEXT,
  principal_diagnosis_code TEXT,
  principal_diagnosis_system TEXT,
  drg_code TEXT,
  drg_system TEXT,
  drg_display TEXT,
  type_of_bill_code TEXT,
  frequency_code TEXT,
  adjustment_type TEXT,
  admission_sent TEXT,
  admission_date TEXT,
  discharge_sent TEXT,
  discharge_date TEXT,
  discharge_status_code TEXT,
  line_count INTEGER NOT NULL,
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
  payment_amount REAL,
  payment_cents INTEGER,
  plan_paid_amount REAL,
  plan_paid_cents INTEGER,
  member_cost_share_amount REAL,
  member_cost_share_cents INTEGER,
  currency TEXT,
  is_mixed_currency INTEGER NOT NULL,
  is_void INTEGER NOT NULL,
  is_difference INTEGER NOT NULL,
  is_current INTEGER NOT NULL,
  replaced_by_id TEXT,
  replaced_by_connection_id INTEGER,
  reverses_id TEXT,
  reverses_connection_id INTEGER,
  reversed_by_id TEXT,
  reversed_by_connection_id INTEGER,
  replaces_count INTEGER NOT NULL,
  replacement_missing INTEGER NOT NULL,
  same_number_count INTEGER NOT NULL,
  PRIMARY KEY (connection_id, explanation_of_benefit_id)
);
CREATE INDEX claim_by_member ON claim (member_id, service_start_date);
CREATE INDEX claim_by_number ON claim (claim_number);
CREATE INDEX claim_by_key ON claim (connection_id, claim_key);
INSERT INTO claim
WITH line AS (
  SELECT connection_id, explanation_of_benefit_id, count(*) AS line_count,
         coalesce(min(CASE WHEN first_day(started) IS NOT NULL THEN started END), min(started)) AS service_start,
         coalesce(max(CASE WHEN last_day(ended) IS NOT NULL THEN ended END), max(ended)) AS service_end
  FROM (
    SELECT mart_scope.connection_id, i.explanation_of_benefit_id, first_dated(serviced_date, serviced_period_start) AS started,
           first_dated(serviced_date, serviced_period_end, serviced_period_start) AS ended
    FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item AS i ON i.connection_id = mart_scope.connection_id
  )
  GROUP BY connection_id, explanation_of_benefit_id
), said AS (
  SELECT connection_id, explanation_of_benefit_id,
         max(frequency_code) AS frequency_code, max(adjustment_type) AS adjustment_type, max(type_of_bill) AS type_of_bill,
         max(care_code) AS care_code
  FROM (
    SELECT s.connection_id, s.explanation_of_benefit_id,
           frequency_of(s.category_code, s.category_second_code, s.code_system, coalesce(s.code_code, s.code_text, s.value_string)) AS frequency_code,
           adjustment_of(s.category_code, s.category_second_code, s.code_system, coalesce(s.code_code, s.code_text, s.value_string)) AS adjustment_type,
           CASE WHEN 'typeofbill' IN (lower(s.category_code), lower(s.category_second_code))
                THEN type_of_bill(coalesce(s.code_code, s.value_string, s.code_text)) END AS type_of_bill,
           NULL AS care_code
    FROM temp.mart_scope CROSS JOIN explanation_of_benefit_supporting_info AS s ON s.connection_id = mart_scope.connection_id
    UNION ALL
    SELECT x.connection_id, x.explanation_of_benefit_id,
           frequency_of(x.url, NULL, x.value_coding_system, coalesce(x.value_coding_code, x.value_concept_code, x.value_code, x.value_string)),
           adjustment_of(x.url, NULL, x.value_coding_system, coalesce(x.value_coding_code, x.value_concept_code, x.value_code, x.value_string)),
           NULL,
           CASE WHEN x.url = 'https://bluebutton.cms.gov/resources/variables/clm_srvc_clsfctn_type_cd' THEN x.value_coding_code END
    FROM temp.mart_scope CROSS JOIN explanation_of_benefit_extension AS x ON x.connection_id = mart_scope.connection_id
  )
  WHERE coalesce(frequency_code, adjustment_type, type_of_bill, care_code) IS NOT NULL
  GROUP BY connection_id, explanation_of_benefit_id
), stay_group AS (
  -- Of several groups, be they codings of one entry or entries of their own, that of Medicare, else of 3M.
  SELECT connection_id, explanation_of_benefit_id, code, system, display
  FROM (
    SELECT g.*, row_number() OVER (PARTITION BY connection_id, explanation_of_benefit_id
             ORDER BY CASE vocabulary(system, code) WHEN 'MS-DRG' THEN 0 WHEN 'APR-DRG' THEN 1 ELSE 2 END, is_package, is_second_role, entry, position) AS n
    FROM (
      SELECT s.connection_id, s.explanation_of_benefit_id, k.code, k.system, coalesce(k.display, s.code_text) AS display,
             0 AS is_package, 0 AS is_second_role, s.supporting_info_index AS entry, k.coding_index AS position
      FROM temp.mart_scope CROSS JOIN explanation_of_benefit_supporting_info AS s ON s.connection_id = mart_scope.connection_id
      JOIN explanation_of_benefit_coding AS k ON k.connection_id = s.connection_id
        AND k.explanation_of_benefit_id = s.explanation_of_benefit_id
        AND k.element = 'supportingInfo.code' AND k.element_index = s.supporting_info_index
      -- Blue Button sends Medicare's group under the address of its own variable.
      WHERE ('drg' IN (lower(s.category_code), lower(s.category_second_code))
          OR 'https://bluebutton.cms.gov/resources/variables/clm_drg_cd' IN (lower(s.category_code), lower(s.category_second_code)))
        AND k.code IS NOT NULL
      UNION ALL
      SELECT d.connection_id, d.explanation_of_benefit_id, d.package_code_code, d.package_code_system,
             coalesce(d.package_code_display, d.package_code_text),
             1, coalesce(d.type_code, '') <> 'principal', d.sequence, d.row_no
      FROM temp.mart_scope CROSS JOIN explanation_of_benefit_diagnosis AS d ON d.connection_id = mart_scope.connection_id
      WHERE d.package_code_code IS NOT NULL
    ) AS g
  )
  WHERE n = 1
)
SELECT connection_id,
       explanation_of_benefit_id,
       member_id,
       claim_number,
       claim_key,
       status,
       outcome,
       kind,
       sub_kind,
       patient_id,
       coverage_id,
       service_start,
       service_start_date,
       service_end,
       service_end_date,
       received,
       received_date,
       created,
       created_date,
       payment_sent,
       payment_date,
       insurer_name,
       provider_id,
       provider_name,
       provider_npi,
       principal_diagnosis_code,
       principal_diagnosis_system,
       drg_code,
       drg_system,
       coalesce((SELECT n.display FROM code AS n WHERE n.code = substr('00' || trim(drg_code), -3)
                 AND n.system = 'https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software'
                 AND length(ltrim(trim(drg_code), '0')) <= 3
                 AND vocabulary(drg_system, drg_code) = 'MS-DRG'),
                drg_sent),
       type_of_bill_code,
       frequency_code,
       adjustment_type,
       admission_sent,
       admission_date,
       discharge_sent,
       discharge_date,
       discharge_status_code,
       line_count,
       submitted_amount,
       cents_of(submitted_amount),
       allowed_amount,
       cents_of(allowed_amount),
       noncovered_amount,
       cents_of(noncovered_amount),
       discount_amount,
       cents_of(discount_amount),
       deductible_amount,
       cents_of(deductible_amount),
       copay_amount,
       cents_of(copay_amount),
       coinsurance_amount,
       cents_of(coinsurance_amount),
       member_liability_amount,
       cents_of(member_liability_amount),
       paid_by_patient_amount,
       cents_of(paid_by_patient_amount),
       prior_payer_paid_amount,
       cents_of(prior_payer_paid_amount),
       paid_to_provider_amount,
       cents_of(paid_to_provider_amount),
       paid_to_patient_amount,
       cents_of(paid_to_patient_amount),
       benefit_amount,
       cents_of(benefit_amount),
       drug_cost_amount,
       cents_of(drug_cost_amount),
       payment_amount,
       cents_of(payment_amount),
       plan_paid_amount,
       cents_of(plan_paid_amount),
       member_cost_share_amount,
       cents_of(member_cost_share_amount),
       currency,
       is_mixed_currency,
       is_void,
       is_difference,
       is_current,
       replaced_by_id,
       replaced_by_connection_id,
       reverses_id,
       reverses_connection_id,
       reversed_by_id,
       reversed_by_connection_id,
       replaces_count,
       replacement_missing,
       same_number_count
FROM (
  SELECT e.connection_id AS connection_id,
         e.id AS explanation_of_benefit_id,
         person.member_id AS member_id,
         coalesce(e.unique_claim_id, e.claim_control_number, e.identifier_value) AS claim_number,
         e.id AS claim_key,
         e.status AS status,
         e.outcome AS outcome,
         coalesce(e.claim_type_code,
           (SELECT claim_kind(k.code) FROM explanation_of_benefit_coding AS k WHERE k.connection_id = e.connection_id
            AND k.explanation_of_benefit_id = e.id AND k.element = 'type' AND claim_kind(k.code) IS NOT NULL
            ORDER BY k.row_no LIMIT 1),
           claim_kind(e.type_text), e.type_code) AS kind,
         coalesce(e.sub_type_code, e.sub_type_text) AS sub_kind,
         e.patient_id AS patient_id,
         e.coverage_id AS coverage_id,
         first_dated(e.billable_period_start, line.service_start) AS service_start,
         first_day(first_dated(e.billable_period_start, line.service_start)) AS service_start_date,
         first_dated(e.billable_period_end, line.service_end) AS service_end,
         last_day(first_dated(e.billable_period_end, line.service_end)) AS service_end_date,
         e.claim_received_date AS received,
         first_day(e.claim_received_date) AS received_date,
         e.created AS created,
         first_day(e.created) AS created_date,
         e.payment_date AS payment_sent,
         first_day(e.payment_date) AS payment_date,
         coalesce(insurer.name, contained_insurer.name, e.insurer_display) AS insurer_name,
         coalesce(e.provider_organization_id, e.provider_practitioner_id, e.provider_practitioner_role_id) AS provider_id,
         coalesce(provider.name, contained_provider.name, e.provider_display) AS provider_name,
         coalesce(provider.npi, contained_provider.npi,
                npi_of(e.provider_identifier_system, e.provider_identifier_type_code, e.provider_identifier_value)) AS provider_npi,
         coalesce(diagnosis_code(e.principal_diagnosis_system, e.principal_diagnosis_code),
                (SELECT coalesce(diagnosis_code(d.diagnosis_system, d.diagnosis_code),
                                 diagnosis_code(condition.code_system, condition.code_code)) FROM explanation_of_benefit_diagnosis AS d
                 LEFT JOIN condition ON condition.connection_id = d.connection_id AND condition.id = d.diagnosis_condition_id
                 LEFT JOIN temp.diagnosis_role AS role ON role.connection_id = d.connection_id AND role.id = d.explanation_of_benefit_id AND role.row_no = d.row_no
                 WHERE d.connection_id = e.connection_id AND d.explanation_of_benefit_id = e.id
                   AND coalesce(d.diagnosis_code, condition.code_code) IS NOT NULL AND coalesce(role.is_reason, 0) = 0
                 ORDER BY coalesce(role.is_principal, 0) DESC, d.sequence, d.row_no LIMIT 1)) AS principal_diagnosis_code,
         CASE WHEN e.principal_diagnosis_code IS NOT NULL THEN e.principal_diagnosis_system ELSE
           (SELECT CASE WHEN d.diagnosis_code IS NOT NULL THEN d.diagnosis_system ELSE condition.code_system END
            FROM explanation_of_benefit_diagnosis AS d
            LEFT JOIN condition ON condition.connection_id = d.connection_id AND condition.id = d.diagnosis_condition_id
            LEFT JOIN temp.diagnosis_role AS role ON role.connection_id = d.connection_id AND role.id = d.explanation_of_benefit_id AND role.row_no = d.row_no
            WHERE d.connection_id = e.connection_id AND d.explanation_of_benefit_id = e.id
              AND coalesce(d.diagnosis_code, condition.code_code) IS NOT NULL AND coalesce(role.is_reason, 0) = 0
            ORDER BY coalesce(role.is_principal, 0) DESC, d.sequence, d.row_no LIMIT 1) END AS principal_diagnosis_system,
         coalesce(stay_group.code, e.drg_code) AS drg_code,
         CASE WHEN stay_group.code IS NULL THEN e.drg_system ELSE stay_group.system END AS drg_system,
         stay_group.display AS drg_sent,
         -- Blue Button sends facility, care and frequency apart.
         coalesce(type_of_bill(e.type_of_bill_code), said.type_of_bill,
           type_of_bill(e.facility_type_code || said.care_code || coalesce(said.frequency_code, ''))) AS type_of_bill_code,
         coalesce(bill_frequency(coalesce(type_of_bill(e.type_of_bill_code), said.type_of_bill)), said.frequency_code) AS frequency_code,
         -- NCPDP's transactions: B2 reverses a fill, B3 bills it anew.
         coalesce(said.adjustment_type, CASE WHEN lower(e.sub_type_system) LIKE '%ncpdp%' THEN
           CASE upper(e.sub_type_code) WHEN 'B2' THEN 'void' WHEN 'B3' THEN 'adjustment' END END) AS adjustment_type,
         e.admission_period_start AS admission_sent,
         first_day(e.admission_period_start) AS admission_date,
         e.admission_period_end AS discharge_sent,
         last_day(e.admission_period_end) AS discharge_date,
         e.discharge_status_code AS discharge_status_code,
         coalesce(line.line_count, 0) AS line_count,
         CASE WHEN NOT money.is_mixed THEN money.submitted END AS submitted_amount,
         CASE WHEN NOT money.is_mixed THEN money.allowed END AS allowed_amount,
         CASE WHEN NOT money.is_mixed THEN money.noncovered END AS noncovered_amount,
         CASE WHEN NOT money.is_mixed THEN money.discount END AS discount_amount,
         CASE WHEN NOT money.is_mixed THEN money.deductible END AS deductible_amount,
         CASE WHEN NOT money.is_mixed THEN money.copay END AS copay_amount,
         CASE WHEN NOT money.is_mixed THEN money.coinsurance END AS coinsurance_amount,
         CASE WHEN NOT money.is_mixed THEN money.member_liability END AS member_liability_amount,
         CASE WHEN NOT money.is_mixed THEN money.paid_by_patient END AS paid_by_patient_amount,
         CASE WHEN NOT money.is_mixed THEN money.prior_payer_paid END AS prior_payer_paid_amount,
         CASE WHEN NOT money.is_mixed THEN money.paid_to_provider END AS paid_to_provider_amount,
         CASE WHEN NOT money.is_mixed THEN money.paid_to_patient END AS paid_to_patient_amount,
         CASE WHEN NOT money.is_mixed THEN money.benefit END AS benefit_amount,
         CASE WHEN NOT money.is_mixed THEN money.drug_cost END AS drug_cost_amount,
         CASE WHEN money.is_mixed THEN NULL ELSE e.payment_amount END AS payment_amount,
         CASE WHEN money.is_mixed THEN NULL ELSE coalesce(e.payment_amount, money.plan_paid) END AS plan_paid_amount,
         CASE WHEN NOT money.is_mixed THEN money.member_cost_share END AS member_cost_share_amount,
         CASE WHEN money.is_mixed THEN NULL ELSE coalesce(upper(trim(e.payment_currency)), money.currency) END AS currency,
         coalesce(money.is_mixed, 0) AS is_mixed_currency,
         0 AS is_void,
         0 AS is_difference,
         1 AS is_current,
         NULL AS replaced_by_id,
         NULL AS replaced_by_connection_id,
         NULL AS reverses_id,
         NULL AS reverses_connection_id,
         NULL AS reversed_by_id,
         NULL AS reversed_by_connection_id,
         0 AS replaces_count,
         0 AS replacement_missing,
         1 AS same_number_count
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit AS e ON e.connection_id = mart_scope.connection_id
  LEFT JOIN line ON line.connection_id = e.connection_id AND line.explanation_of_benefit_id = e.id
  LEFT JOIN said ON said.connection_id = e.connection_id AND said.explanation_of_benefit_id = e.id
  LEFT JOIN stay_group ON stay_group.connection_id = e.connection_id AND stay_group.explanation_of_benefit_id = e.id
  LEFT JOIN temp.claim_money AS money ON money.connection_id = e.connection_id AND money.id = e.id
  LEFT JOIN temp.person ON person.connection_id = e.connection_id AND person.patient_id = e.patient_id
  LEFT JOIN temp.party AS insurer
    ON insurer.connection_id = e.connection_id AND insurer.type = 'Organization' AND insurer.id = e.insurer_id
  LEFT JOIN temp.party AS provider
    ON provider.connection_id = e.connection_id AND provider.id = e.provider_id
   AND provider.type = CASE e.provider_id WHEN e.provider_organization_id THEN 'Organization'
                       WHEN e.provider_practitioner_id THEN 'Practitioner'
                       WHEN e.provider_practitioner_role_id THEN 'PractitionerRole' END
  LEFT JOIN temp.contained_party AS contained_insurer
    ON contained_insurer.connection_id = e.connection_id AND contained_insurer.claim_id = e.id
   AND contained_insurer.reference = e.insurer_reference
  LEFT JOIN temp.contained_party AS contained_provider
    ON contained_provider.connection_id = e.connection_id AND contained_provider.claim_id = e.id
   AND contained_provider.reference = e.provider_reference
  WHERE coalesce(e."use", 'claim') = 'claim'
    AND NOT EXISTS (SELECT 1 FROM temp.duplicate AS d WHERE d.connection_id = e.connection_id
      AND d.resource_type = 'ExplanationOfBenefit' AND d.resource_id = e.id)
);
