-- The Tuva input layer: which vaccines were given?
--
-- Grain: one row per immunization record that was not entered in error. Names, order and types are those
-- of immunization in Tuva 0.18.0.
--
-- Of copies that came through several connections to the same records, the one that was updated last is here,
-- else that of a plan's connection, else the one that came last. A record that one connection has found
-- deleted is here as long as another connection has a copy of it.
--
-- immunization_id                   VARCHAR: source_connection_id of member, a point, the resource's id
-- person_id                         VARCHAR: member_id of member: over plans
-- patient_id                        VARCHAR: source_connection_id of member, a point, the id of the patient
-- encounter_id                      VARCHAR: the encounter
-- source_code_type                  VARCHAR: code system in the words of Tuva, else its address
-- source_code                       VARCHAR: first code
-- source_description                VARCHAR: its words
-- normalized_code_type              VARCHAR: cvx, where sent
-- normalized_code                   VARCHAR: that code
-- normalized_description            VARCHAR: not known: mapping is Tuva's work
-- status                            VARCHAR: completed or not-done
-- status_reason                     VARCHAR: why not
-- occurrence_date                   DATE: day
-- source_dose                       VARCHAR: dose as sent
-- normalized_dose                   VARCHAR: not known: Patient Access does not say
-- lot_number                        VARCHAR: lot
-- body_site                         VARCHAR: body site
-- route                             VARCHAR: route
-- location_id                       VARCHAR: the place
-- practitioner_id                   VARCHAR: who gave it
-- data_source                       VARCHAR: name of the plan in the configuration, else file
-- file_name                         VARCHAR: not kept
-- ingest_datetime                   TIMESTAMP: start of the day (UTC) on which this content came; to the second it is in changes
CREATE VIEW tuva_immunization AS
SELECT CAST(CAST(v.origin_id AS VARCHAR) || '.' || v.id AS VARCHAR) AS immunization_id,
       CAST(coalesce(v.member_id, CAST(v.origin_id AS VARCHAR) || '.' || v.patient_id) AS VARCHAR) AS person_id,
       CAST(CAST(v.origin_id AS VARCHAR) || '.' || v.patient_id AS VARCHAR) AS patient_id,
       CAST(CASE WHEN v.encounter_id IS NOT NULL THEN CAST(v.origin_id AS VARCHAR) || '.' || v.encounter_id END AS VARCHAR) AS encounter_id,
       CAST(CASE
           WHEN v.system_name LIKE '%/icd-10-pcs' OR v.system_name LIKE '%icd10pcs%' OR v.system_name = '/2.16.840.1.113883.6.4' THEN 'icd-10-pcs'
           WHEN v.system_name LIKE '%/icd-10-cm' OR v.system_name LIKE '%/icd10cm' OR v.system_name LIKE '%/icd-10' OR v.system_name LIKE '%/icd10'
             OR v.system_name IN ('/2.16.840.1.113883.6.90', '/2.16.840.1.113883.6.3') THEN 'icd-10-cm'
           WHEN v.system_name LIKE '%/icd-9-cm' OR v.system_name LIKE '%/icd-9-cm/%' OR v.system_name LIKE '%/icd-9cm%' OR v.system_name LIKE '%/icd9cm' OR v.system_name LIKE '%/icd-9'
             OR v.system_name LIKE '%/icd9' OR v.system_name IN ('/2.16.840.1.113883.6.103', '/2.16.840.1.113883.6.104') THEN 'icd-9-cm'
           WHEN v.system_name LIKE '%snomed.info/sct%' OR v.system_name LIKE '%/sct' OR v.system_name LIKE '%/snomedct' OR v.system_name LIKE '%/snomed-ct' OR v.system_name LIKE '%/snomed ct'
             OR v.system_name = '/2.16.840.1.113883.6.96' THEN 'snomed-ct'
           WHEN v.system_name LIKE '%/loinc' OR v.system_name LIKE '%/loinc.org' OR v.system_name = '/2.16.840.1.113883.6.1' THEN 'loinc'
           WHEN v.system_name LIKE '%ama-assn.org/go/cpt%' OR v.system_name LIKE '%/cpt' OR v.system_name LIKE '%hcpcs%'
             OR v.system_name IN ('/2.16.840.1.113883.6.12', '/2.16.840.1.113883.6.285') THEN 'hcpcs'
           WHEN v.system_name LIKE '%/rxnorm' OR v.system_name = '/2.16.840.1.113883.6.88' THEN 'rxnorm'
           WHEN v.system_name LIKE '%/ndc' OR v.system_name LIKE '%/fdandcorcompound' OR v.system_name LIKE '%/fdanationaldrugcode' OR v.system_name LIKE '%/ucm142438.htm'
             OR v.system_name = '/2.16.840.1.113883.6.69' THEN 'ndc'
           WHEN v.system_name LIKE '%/cvx' OR v.system_name = '/2.16.840.1.113883.12.292' THEN 'cvx'
           ELSE v.vaccine_code_system END AS VARCHAR) AS source_code_type,
       CAST(v.vaccine_code_code AS VARCHAR) AS source_code,
       CAST(coalesce(v.vaccine_code_display, v.vaccine_code_text) AS VARCHAR) AS source_description,
       CAST(CASE WHEN v.cvx_code IS NOT NULL THEN 'cvx' END AS VARCHAR) AS normalized_code_type,
       CAST(v.cvx_code AS VARCHAR) AS normalized_code,
       CAST(NULL AS VARCHAR) AS normalized_description,
       CAST(v.status AS VARCHAR) AS status,
       CAST(coalesce(v.status_reason_display, v.status_reason_text, v.status_reason_code) AS VARCHAR) AS status_reason,
       date(CASE WHEN substr(v.occurrence_date_time, 1, 10) GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND substr(v.occurrence_date_time, 6, 2) BETWEEN '01' AND '12' AND substr(v.occurrence_date_time, 9, 2) BETWEEN '01' AND '31'
           AND NOT (substr(v.occurrence_date_time, 6, 2) IN ('04', '06', '09', '11') AND substr(v.occurrence_date_time, 9, 2) = '31')
           AND NOT (substr(v.occurrence_date_time, 6, 2) = '02' AND (substr(v.occurrence_date_time, 9, 2) > '29' OR (substr(v.occurrence_date_time, 9, 2) = '29' AND substr(v.occurrence_date_time, 3, 2) NOT IN (
             '00', '04', '08', '12', '16', '20', '24', '28', '32', '36', '40', '44', '48', '52', '56', '60', '64', '68', '72', '76', '80', '84', '88', '92', '96'))))
         THEN substr(v.occurrence_date_time, 1, 10) END) AS occurrence_date,
       CAST(CAST(v.dose_quantity_value AS VARCHAR) || coalesce(' ' || v.dose_quantity_unit, '') AS VARCHAR) AS source_dose,
       CAST(NULL AS VARCHAR) AS normalized_dose,
       CAST(v.lot_number AS VARCHAR) AS lot_number,
       CAST(coalesce(v.site_display, v.site_text, v.site_code) AS VARCHAR) AS body_site,
       CAST(coalesce(v.route_display, v.route_text, v.route_code) AS VARCHAR) AS route,
       CAST(CASE WHEN v.location_id IS NOT NULL THEN CAST(v.connection_id AS VARCHAR) || '.' || v.location_id END AS VARCHAR) AS location_id,
       CAST(CASE WHEN v.performer_actor_practitioner_id IS NOT NULL THEN CAST(v.connection_id AS VARCHAR) || '.' || v.performer_actor_practitioner_id END AS VARCHAR) AS practitioner_id,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source,
       CAST(NULL AS VARCHAR) AS file_name,
       coalesce(CAST(NULL AS TIMESTAMP), date(came.received_at)) AS ingest_datetime
FROM (SELECT r.*, m.member_id, coalesce(m.source_connection_id, r.connection_id) AS origin_id, '/' || replace(replace(replace(replace(replace(lower(trim(CASE instr(vaccine_code_system, '|') WHEN 0 THEN vaccine_code_system
    ELSE substr(vaccine_code_system, 1, instr(vaccine_code_system, '|') - 1) END)), 'urn:oid:', ''), 'oid:', '') || '|', '//|', '|'), '/|', '|'), '|', '') AS system_name
  FROM immunization AS r
  LEFT JOIN member AS m ON m.connection_id = r.connection_id AND m.patient_id = r.patient_id) AS v
JOIN connection AS n ON n.id = v.connection_id
JOIN resource AS came ON came.connection_id = v.connection_id AND came.resource_type = 'Immunization' AND came.resource_id = v.id
LEFT JOIN (SELECT r.connection_id, r.id, row_number() OVER (PARTITION BY b.source_connection_id, r.id
    ORDER BY coalesce(r.meta_last_updated, '') DESC, CASE WHEN b.plan IS NULL THEN 1 ELSE 0 END, c.received_at DESC, r.connection_id) AS place
  -- Few members have records that two connections read: CROSS JOIN looks for their records alone.
  FROM member AS b CROSS JOIN immunization AS r CROSS JOIN resource AS c
  WHERE b.is_repeated = 1 AND r.connection_id = b.connection_id AND r.patient_id = b.patient_id
    AND c.connection_id = r.connection_id AND c.resource_type = 'Immunization' AND c.resource_id = r.id) AS twin
  ON twin.connection_id = v.connection_id AND twin.id = v.id
WHERE coalesce(v.status, '') <> 'entered-in-error'
  AND coalesce(twin.place, 1) = 1;
