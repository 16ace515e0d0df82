-- The Tuva input layer: which encounters are on the clinical record?
--
-- Grain: one row per encounter record that was not entered in error, cancelled or only planned. Names, order
-- and types are those of encounter in Tuva 0.18.0.
--
-- Of copies that came through several connections to the same records, the one that was updated last is here,
-- else that of a plan's connection, else the one that came last. A record that one connection has found
-- deleted is here as long as another connection has a copy of it.
--
-- encounter_id                      VARCHAR: source_connection_id of member, a point, the resource's id
-- person_id                         VARCHAR: member_id of member: over plans
-- patient_id                        VARCHAR: source_connection_id of member, a point, the id of the patient
-- encounter_type                    VARCHAR: class of the encounter as sent
-- encounter_start_date              DATE: start
-- encounter_end_date                DATE: end
-- length_of_stay                    DOUBLE: not known: Patient Access does not say
-- admit_source_code                 VARCHAR: admission source as sent
-- admit_source_description          VARCHAR: its words
-- admit_type_code                   VARCHAR: not known: Patient Access does not say
-- admit_type_description            VARCHAR: not known: Patient Access does not say
-- discharge_disposition_code        VARCHAR: as sent
-- discharge_disposition_description  VARCHAR: its words
-- attending_provider_id             VARCHAR: the first participant who attends (ATND), else the first main performer (PPRF), else the first secondary performer (SPRF), else the only practitioner, if sent without a role: practitioner_id of practitioner. Of several roles the first one counts
-- attending_provider_name           VARCHAR: that participant's name as sent
-- facility_npi                      VARCHAR: NPI of the service provider
-- facility_name                     VARCHAR: its name
-- primary_diagnosis_code_type       VARCHAR: not known: Patient Access does not say
-- primary_diagnosis_code            VARCHAR: not known: Patient Access does not say
-- primary_diagnosis_description     VARCHAR: not known: Patient Access does not say
-- drg_code_type                     VARCHAR: not known: Patient Access does not say
-- drg_code                          VARCHAR: not known: Patient Access does not say
-- drg_description                   VARCHAR: not known: Patient Access does not say
-- paid_amount                       DOUBLE: not known: Patient Access does not say
-- allowed_amount                    DOUBLE: not known: Patient Access does not say
-- charge_amount                     DOUBLE: not known: Patient Access does not say
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_encounter AS
SELECT CAST(CAST(v.origin_id AS VARCHAR) || '.' || v.id AS VARCHAR) AS encounter_id,
       CAST(coalesce(v.member_id, CAST(v.origin_id AS VARCHAR) || '.' || v.patient_id) AS VARCHAR) AS person_id,
       CAST(CAST(v.origin_id AS VARCHAR) || '.' || v.patient_id AS VARCHAR) AS patient_id,
       CAST(coalesce(v.class_display, v.class_code) AS VARCHAR) AS encounter_type,
       date(CASE WHEN substr(v.period_start, 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(v.period_start, 6, 2) BETWEEN '01' AND '12' AND substr(v.period_start, 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(v.period_start, 6, 2) IN ('04', '06', '09', '11') AND substr(v.period_start, 9, 2) = '31')
           AND NOT (substr(v.period_start, 6, 2) = '02' AND (substr(v.period_start, 9, 2) > '29' OR (substr(v.period_start, 9, 2) = '29' AND substr(v.period_start, 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(v.period_start, 1, 10) END) AS encounter_start_date,
       date(CASE WHEN substr(v.period_end, 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(v.period_end, 6, 2) BETWEEN '01' AND '12' AND substr(v.period_end, 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(v.period_end, 6, 2) IN ('04', '06', '09', '11') AND substr(v.period_end, 9, 2) = '31')
           AND NOT (substr(v.period_end, 6, 2) = '02' AND (substr(v.period_end, 9, 2) > '29' OR (substr(v.period_end, 9, 2) = '29' AND substr(v.period_end, 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(v.period_end, 1, 10) END) AS encounter_end_date,
       CAST(NULL AS DOUBLE) AS length_of_stay,
       CAST(v.hospitalization_admit_source_code AS VARCHAR) AS admit_source_code,
       CAST(coalesce(v.hospitalization_admit_source_display, v.hospitalization_admit_source_text) AS VARCHAR) AS admit_source_description,
       CAST(NULL AS VARCHAR) AS admit_type_code,
       CAST(NULL AS VARCHAR) AS admit_type_description,
       CAST(v.hospitalization_discharge_disposition_code AS VARCHAR) AS discharge_disposition_code,
       CAST(coalesce(v.hospitalization_discharge_disposition_display, v.hospitalization_discharge_disposition_text) AS VARCHAR) AS discharge_disposition_description,
       CAST(CASE WHEN a.individual_practitioner_id IS NOT NULL THEN CAST(v.connection_id AS VARCHAR) || '.' || a.individual_practitioner_id END AS VARCHAR) AS attending_provider_id,
       CAST(a.individual_display AS VARCHAR) AS attending_provider_name,
       CAST(CASE WHEN length(o.npi) = 10 THEN o.npi END AS VARCHAR) AS facility_npi,
       CAST(coalesce(o.name, v.service_provider_display) AS VARCHAR) AS facility_name,
       CAST(NULL AS VARCHAR) AS primary_diagnosis_code_type,
       CAST(NULL AS VARCHAR) AS primary_diagnosis_code,
       CAST(NULL AS VARCHAR) AS primary_diagnosis_description,
       CAST(NULL AS VARCHAR) AS drg_code_type,
       CAST(NULL AS VARCHAR) AS drg_code,
       CAST(NULL AS VARCHAR) AS drg_description,
       CAST(NULL AS DOUBLE) AS paid_amount,
       CAST(NULL AS DOUBLE) AS allowed_amount,
       CAST(NULL AS DOUBLE) AS charge_amount,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       coalesce(CAST(NULL AS TIMESTAMP), date(came.received_at)) AS ingest_datetime
FROM (SELECT r.*, m.member_id, coalesce(m.source_connection_id, r.connection_id) AS origin_id
  FROM encounter AS r
  LEFT JOIN member AS m ON m.connection_id = r.connection_id AND m.patient_id = r.patient_id) AS v
JOIN connection AS n ON n.id = v.connection_id
JOIN resource AS came ON came.connection_id = v.connection_id AND came.resource_type = 'Encounter' AND came.resource_id = v.id
LEFT JOIN organization AS o ON o.connection_id = v.connection_id AND o.id = v.service_provider_id
-- A participant without a role may be anybody: who referred, an escort. A sole practitioner counts.
LEFT JOIN (SELECT connection_id, encounter_id, individual_practitioner_id, individual_display, row_number() OVER (PARTITION BY connection_id, encounter_id
    ORDER BY CASE upper(type_code) WHEN 'ATND' THEN 0 WHEN 'PPRF' THEN 1 WHEN 'SPRF' THEN 2 ELSE 3 END, participant_index) AS place
  FROM encounter_participant AS p
  WHERE individual_related_person_id IS NULL AND (upper(type_code) IN ('ATND', 'PPRF', 'SPRF')
    OR (coalesce(type_code, type_display, type_text) IS NULL AND individual_practitioner_id IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM encounter_participant AS b
      WHERE b.connection_id = p.connection_id AND b.encounter_id = p.encounter_id
        AND b.individual_practitioner_id <> p.individual_practitioner_id)))) AS a
  ON a.connection_id = v.connection_id AND a.encounter_id = v.id AND a.place = 1
LEFT JOIN (SELECT r.connection_id, r.id, row_number() OVER (PARTITION BY b.source_connection_id, r.id
    ORDER BY coalesce(r.meta_last_updated, '') DESC, CASE WHEN b.plan IS NULL THEN 1 ELSE 0 END, c.received_at DESC, r.connection_id) AS place
  -- Few members have records that two connections read: CROSS JOIN looks for their records alone.
  FROM member AS b CROSS JOIN encounter AS r CROSS JOIN resource AS c
  WHERE b.is_repeated = 1 AND r.connection_id = b.connection_id AND r.patient_id = b.patient_id
    AND c.connection_id = r.connection_id AND c.resource_type = 'Encounter' AND c.resource_id = r.id) AS twin
  ON twin.connection_id = v.connection_id AND twin.id = v.id
WHERE coalesce(v.status, '') NOT IN ('entered-in-error', 'cancelled', 'planned')
  AND coalesce(twin.place, 1) = 1;
