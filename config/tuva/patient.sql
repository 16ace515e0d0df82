-- The Tuva input layer: who are the patients?
--
-- Grain: one row per patient of a connection. Of the Patients of connections that read the same records, the one
-- that was updated last; if that is not known, a plan's before a file's, then the one that came last.
-- Names, order and types are those of patient in Tuva 0.18.0.
--
-- person_id                         VARCHAR: member_id of member: over plans
-- patient_id                        VARCHAR: source_connection_id of member, a point, the id of the patient
-- name_suffix                       VARCHAR: suffix of the first current name
-- first_name                        VARCHAR: given name, with further ones
-- middle_name                       VARCHAR: not known: further given names stand with the first
-- last_name                         VARCHAR: family name
-- sex                               VARCHAR: male, female or unknown
-- race                              VARCHAR: OMB category in the words of Tuva
-- birth_date                        DATE: date of birth
-- death_date                        DATE: day of death, where sent
-- death_flag                        DOUBLE: 1 when the plan says that the person died
-- social_security_number            VARCHAR: not known: left out on purpose, even where a plan sends it
-- address                           VARCHAR: street
-- city                              VARCHAR: city
-- state                             VARCHAR: state
-- zip_code                          VARCHAR: ZIP code
-- county                            VARCHAR: not known: Patient Access does not say
-- latitude                          DOUBLE: not known: Patient Access does not say
-- longitude                         DOUBLE: not known: Patient Access does not say
-- phone                             VARCHAR: phone number
-- email                             VARCHAR: e-mail address
-- ethnicity                         VARCHAR: OMB category in the words of Tuva
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_patient AS
SELECT CAST(m.member_id AS VARCHAR) AS person_id,
       CAST(CAST(m.source_connection_id AS VARCHAR) || '.' || p.id AS VARCHAR) AS patient_id,
       CAST(nullif((SELECT substr(min(CASE WHEN a.period_end IS NULL THEN '0' ELSE '1' END || substr('0000' || CAST(a.name_index AS VARCHAR), -5) || coalesce(a.suffix, '')), 7)
         FROM patient_name AS a WHERE a.connection_id = p.connection_id AND a.patient_id = p.id AND coalesce(a."use", 'usual') IN ('official', 'usual')), '') AS VARCHAR) AS name_suffix,
       CAST(p.given_name AS VARCHAR) AS first_name,
       CAST(NULL AS VARCHAR) AS middle_name,
       CAST(p.family_name AS VARCHAR) AS last_name,
       CAST(CASE p.gender WHEN 'male' THEN 'male' WHEN 'female' THEN 'female' ELSE 'unknown' END AS VARCHAR) AS sex,
       CAST(CASE p.race_omb_code WHEN '1002-5' THEN 'american indian or alaska native' WHEN '2028-9' THEN 'asian' WHEN '2054-5' THEN 'black or african american' WHEN '2076-8' THEN 'native hawaiian or other pacific islander' WHEN '2106-3' THEN 'white' WHEN '2131-1' THEN 'other race' WHEN 'ASKU' THEN 'asked but unknown' WHEN 'UNK' THEN 'unknown' END AS VARCHAR) AS race,
       date(m.birth_date) AS birth_date,
       date(CASE WHEN substr(p.deceased_date_time, 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(p.deceased_date_time, 6, 2) BETWEEN '01' AND '12' AND substr(p.deceased_date_time, 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(p.deceased_date_time, 6, 2) IN ('04', '06', '09', '11') AND substr(p.deceased_date_time, 9, 2) = '31')
           AND NOT (substr(p.deceased_date_time, 6, 2) = '02' AND (substr(p.deceased_date_time, 9, 2) > '29' OR (substr(p.deceased_date_time, 9, 2) = '29' AND substr(p.deceased_date_time, 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(p.deceased_date_time, 1, 10) END) AS death_date,
       CAST(CASE WHEN p.deceased_date_time IS NOT NULL OR p.deceased_boolean = 1 THEN 1 ELSE 0 END AS DOUBLE) AS death_flag,
       CAST(NULL AS VARCHAR) AS social_security_number,
       CAST(p.address_line AS VARCHAR) AS address,
       CAST(p.address_city AS VARCHAR) AS city,
       CAST(p.address_state AS VARCHAR) AS state,
       CAST(p.address_postal_code AS VARCHAR) AS zip_code,
       CAST(NULL AS VARCHAR) AS county,
       CAST(NULL AS DOUBLE) AS latitude,
       CAST(NULL AS DOUBLE) AS longitude,
       CAST(p.phone AS VARCHAR) AS phone,
       CAST(p.email AS VARCHAR) AS email,
       CAST(CASE p.ethnicity_omb_code WHEN '2135-2' THEN 'hispanic or latino' WHEN '2186-5' THEN 'not hispanic or latino' WHEN 'ASKU' THEN 'asked but unknown' WHEN 'UNK' THEN 'unknown' END AS VARCHAR) AS ethnicity,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       coalesce(CAST(NULL AS TIMESTAMP), date(came.received_at)) AS ingest_datetime
FROM (SELECT m.*, row_number() OVER (PARTITION BY m.source_connection_id, m.patient_id
    ORDER BY coalesce(r.meta_last_updated, '') DESC, CASE WHEN m.plan IS NULL THEN 1 ELSE 0 END, c.received_at DESC, m.connection_id) AS place
  FROM member AS m
  JOIN patient AS r ON r.connection_id = m.connection_id AND r.id = m.patient_id
  JOIN resource AS c ON c.connection_id = r.connection_id AND c.resource_type = 'Patient' AND c.resource_id = r.id) AS m
JOIN patient AS p ON p.connection_id = m.connection_id AND p.id = m.patient_id
JOIN connection AS n ON n.id = p.connection_id
JOIN resource AS came ON came.connection_id = p.connection_id AND came.resource_type = 'Patient' AND came.resource_id = p.id
WHERE m.place = 1;
