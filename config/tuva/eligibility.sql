-- The Tuva input layer: when was each person covered?
--
-- Grain: one row per person, member number, span, payer, plan and data source. Coverages that agree in
-- all of these are one row. Left out are spans whose days nobody knows: without a start, with an end before
-- the start, with an end that is not a date, and cancelled ones without an end or with an end to come. As in
-- member_month, a start long ago is not taken at its word, and a span that ended before then is left out; so
-- is one that begins after this month.
-- Names, order and types are those of eligibility in Tuva 0.18.0.
--
-- person_id                         VARCHAR: member_id of member: over plans
-- member_id                         VARCHAR: number of the member at the plan, else the id of the patient
-- subscriber_id                     VARCHAR: number of the subscriber
-- gender                            VARCHAR: male, female or unknown
-- race                              VARCHAR: OMB category in the words of Tuva
-- birth_date                        DATE: date of birth
-- death_date                        DATE: day of death, where sent
-- death_flag                        BOOLEAN: 1 when the plan says that the person died
-- enrollment_start_date             DATE: first day of the span, but no earlier than the months of member_month begin
-- enrollment_end_date               DATE: last day of the span; of one that is open or ends later the last day of this month, since Tuva counts months up to a day
-- payer                             VARCHAR: name of the payer, else of the plan in the configuration, else file
-- payer_type                        VARCHAR: medicare, medicaid or commercial, where the kind of coverage says so, in HL7's words or NAHDO's codes (SOPT)
-- plan                              VARCHAR: name of the plan, else its number, else its name in the configuration, else file
-- original_reason_entitlement_code  VARCHAR: why Medicare began, where Medicare sends it (variable orec)
-- dual_status_code                  VARCHAR: of the latest month that has one, where Medicare sends it (variables dual_01 to dual_12)
-- medicare_status_code              VARCHAR: where Medicare sends it (variable ms_cd)
-- enrollment_status                 VARCHAR: not known: Patient Access does not say
-- hospice_flag                      VARCHAR: not known: Patient Access does not say
-- institutional_snp_flag            VARCHAR: not known: Patient Access does not say
-- long_term_institutional_flag      VARCHAR: not known: Patient Access does not say
-- group_id                          VARCHAR: number of the group
-- group_name                        VARCHAR: name of the group
-- name_suffix                       VARCHAR: suffix of the first current name
-- first_name                        VARCHAR: given name, with further ones
-- middle_name                       VARCHAR: not known: further given names stand with the first
-- last_name                         VARCHAR: family name
-- social_security_number            VARCHAR: not known: left out on purpose, even where a plan sends it
-- subscriber_relation               VARCHAR: relationship to the subscriber
-- address                           VARCHAR: street
-- city                              VARCHAR: city
-- state                             VARCHAR: state
-- zip_code                          VARCHAR: ZIP code
-- phone                             VARCHAR: phone number
-- email                             VARCHAR: e-mail address
-- ethnicity                         VARCHAR: OMB category in the words of Tuva
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- file_date                         DATE: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_eligibility AS
WITH today AS (
  SELECT CAST(CURRENT_DATE AS VARCHAR) AS day
), month AS (
  SELECT substr(day, 1, 8) || CASE WHEN substr(day, 6, 2) IN ('04', '06', '09', '11') THEN '30'
           WHEN substr(day, 6, 2) <> '02' THEN '31'
           WHEN CAST(substr(day, 1, 4) AS INTEGER) % 4 = 0 THEN '29' ELSE '28' END AS last
  FROM today
), served AS (
  SELECT member_id, min(service_start_date) AS day FROM claim_current WHERE service_start_date >= '1990-01-01' GROUP BY member_id
), begun AS (
  -- Payers write 1900-01-01 where they do not know the start.
  SELECT s.*, CASE WHEN served.day < '2016-01-01' THEN served.day ELSE '2016-01-01' END AS known
  FROM coverage_span AS s
  LEFT JOIN served ON served.member_id = s.member_id
  WHERE s.coverage_end_date <= (SELECT day FROM today) OR coalesce(s.status, 'active') = 'active'
), dated AS (
  SELECT s.*, CASE WHEN s.coverage_start_date >= s.known THEN s.coverage_start_date WHEN s.birth_date > s.known THEN s.birth_date ELSE s.known END AS since
  FROM begun AS s
), span AS (
  -- They write 9999-12-31 where no end is known, and may leave open what a death has ended.
  SELECT s.*, CASE WHEN s.death_date >= s.coverage_start_date AND s.death_date <= month.last
                     AND (s.death_date < s.coverage_end_date OR s.coverage_end IS NULL) THEN s.death_date
                   WHEN s.coverage_end_date <= month.last THEN s.coverage_end_date ELSE month.last END AS until
  FROM dated AS s CROSS JOIN month
), ranked AS (
  SELECT s.*, row_number() OVER (PARTITION BY s.member_id, coalesce(s.member_number, s.patient_id), s.since, s.until,
           coalesce(s.payer_name, n.plan), coalesce(s.plan_name, s.plan_number, n.plan), n.plan
         ORDER BY coalesce(s.rank, 1000000), s.connection_id, s.coverage_id) AS place
  FROM span AS s
  JOIN connection AS n ON n.id = s.connection_id
  WHERE s.is_backward = 0 AND s.coverage_start_date IS NOT NULL AND s.since <= s.until
    AND (s.coverage_end_date IS NOT NULL OR (s.coverage_end IS NULL AND coalesce(s.status, 'active') = 'active'))
)
SELECT CAST(coalesce(s.member_id, CAST(s.connection_id AS VARCHAR) || '.' || s.patient_id) AS VARCHAR) AS person_id,
       CAST(coalesce(s.member_number, s.patient_id) AS VARCHAR) AS member_id,
       CAST(s.subscriber_number AS VARCHAR) AS subscriber_id,
       CAST(CASE p.gender WHEN 'male' THEN 'male' WHEN 'female' THEN 'female' ELSE 'unknown' END AS VARCHAR) AS gender,
       CAST(CASE p.race_omb_code WHEN '1002-5' THEN 'american indian or alaska native' WHEN '2028-9' THEN 'asian' WHEN '2054-5' THEN 'black or african american' WHEN '2076-8' THEN 'native hawaiian or other pacific islander' WHEN '2106-3' THEN 'white' WHEN '2131-1' THEN 'other race' WHEN 'ASKU' THEN 'asked but unknown' WHEN 'UNK' THEN 'unknown' END AS VARCHAR) AS race,
       date(s.birth_date) AS birth_date,
       date(CASE WHEN substr(p.deceased_date_time, 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(p.deceased_date_time, 6, 2) BETWEEN '01' AND '12' AND substr(p.deceased_date_time, 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(p.deceased_date_time, 6, 2) IN ('04', '06', '09', '11') AND substr(p.deceased_date_time, 9, 2) = '31')
           AND NOT (substr(p.deceased_date_time, 6, 2) = '02' AND (substr(p.deceased_date_time, 9, 2) > '29' OR (substr(p.deceased_date_time, 9, 2) = '29' AND substr(p.deceased_date_time, 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(p.deceased_date_time, 1, 10) END) AS death_date,
       CAST(CASE WHEN p.deceased_date_time IS NOT NULL OR p.deceased_boolean = 1 THEN 1 ELSE 0 END AS BOOLEAN) AS death_flag,
       date(s.since) AS enrollment_start_date,
       date(s.until) AS enrollment_end_date,
       CAST(coalesce(s.payer_name, n.plan, 'file') AS VARCHAR) AS payer,
       CAST(CASE WHEN s.medicare_part IS NOT NULL THEN 'medicare' WHEN lower(s.kind) IN ('mcpol', 'retire') THEN 'commercial' WHEN lower(s.kind) = 'mcd' THEN 'medicaid'
         ELSE CASE substr(CASE WHEN lower(k.type_system) LIKE '%nahdo.org/sopt%' OR k.type_system = 'urn:oid:2.16.840.1.113883.3.221.5' THEN k.type_code
                    WHEN lower(k.type_second_system) LIKE '%nahdo.org/sopt%' OR k.type_second_system = 'urn:oid:2.16.840.1.113883.3.221.5' THEN k.type_second_code END, 1, 1)
                WHEN '1' THEN 'medicare' WHEN '2' THEN 'medicaid' WHEN '5' THEN 'commercial' WHEN '6' THEN 'commercial' END END AS VARCHAR) AS payer_type,
       CAST(coalesce(s.plan_name, s.plan_number, n.plan, 'file') AS VARCHAR) AS plan,
       CAST((SELECT max(x.value_coding_code) FROM coverage_extension AS x WHERE x.connection_id = s.connection_id AND x.coverage_id = s.coverage_id
         AND x.url LIKE '%/resources/variables/orec') AS VARCHAR) AS original_reason_entitlement_code,
       CAST((SELECT substr(max(substr(x.url, -2) || x.value_coding_code), 3) FROM coverage_extension AS x WHERE x.connection_id = s.connection_id AND x.coverage_id = s.coverage_id
         AND x.url LIKE '%/resources/variables/dual_%' AND x.value_coding_code GLOB '[0-9][0-9]') AS VARCHAR) AS dual_status_code,
       CAST((SELECT max(x.value_coding_code) FROM coverage_extension AS x WHERE x.connection_id = s.connection_id AND x.coverage_id = s.coverage_id
         AND x.url LIKE '%/resources/variables/ms_cd') AS VARCHAR) AS medicare_status_code,
       CAST(NULL AS VARCHAR) AS enrollment_status,
       CAST(NULL AS VARCHAR) AS hospice_flag,
       CAST(NULL AS VARCHAR) AS institutional_snp_flag,
       CAST(NULL AS VARCHAR) AS long_term_institutional_flag,
       CAST(s.group_number AS VARCHAR) AS group_id,
       CAST(s.group_name AS VARCHAR) AS group_name,
       CAST(nullif((SELECT substr(min(CASE WHEN a.period_end IS NULL THEN '0' ELSE '1' END || substr('0000' || CAST(a.name_index AS VARCHAR), -5) || coalesce(a.suffix, '')), 7)
         FROM patient_name AS a WHERE a.connection_id = p.connection_id AND a.patient_id = p.id AND coalesce(a."use", 'usual') IN ('official', 'usual')), '') AS VARCHAR) AS name_suffix,
       CAST(p.given_name AS VARCHAR) AS first_name,
       CAST(NULL AS VARCHAR) AS middle_name,
       CAST(p.family_name AS VARCHAR) AS last_name,
       CAST(NULL AS VARCHAR) AS social_security_number,
       CAST(lower(s.relationship) AS VARCHAR) AS subscriber_relation,
       CAST(p.address_line AS VARCHAR) AS address,
       CAST(p.address_city AS VARCHAR) AS city,
       CAST(p.address_state AS VARCHAR) AS state,
       CAST(p.address_postal_code AS VARCHAR) AS zip_code,
       CAST(p.phone AS VARCHAR) AS phone,
       CAST(p.email AS VARCHAR) AS email,
       CAST(CASE p.ethnicity_omb_code WHEN '2135-2' THEN 'hispanic or latino' WHEN '2186-5' THEN 'not hispanic or latino' WHEN 'ASKU' THEN 'asked but unknown' WHEN 'UNK' THEN 'unknown' END AS VARCHAR) AS ethnicity,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       CAST(NULL AS DATE) AS file_date,
       coalesce(CAST(NULL AS TIMESTAMP), date(came.received_at)) AS ingest_datetime
FROM ranked AS s
JOIN connection AS n ON n.id = s.connection_id
JOIN resource AS came ON came.connection_id = s.connection_id AND came.resource_type = 'Coverage' AND came.resource_id = s.coverage_id
LEFT JOIN patient AS p ON p.connection_id = s.connection_id AND p.id = s.patient_id
LEFT JOIN coverage AS k ON k.connection_id = s.connection_id AND k.id = s.coverage_id
WHERE s.place = 1;
