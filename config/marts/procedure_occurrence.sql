-- Which procedures were done to a member, on claims and on the clinical record?
--
-- Grain: one row per procedure of a claim's header, one per line of a claim that has a service code,
-- and one per procedure record. The same procedure is often in several of them: count distinct codes and days,
-- not rows. Lines of pharmacy claims are in medication_fill. Claims that no longer stand are included: see
-- is_current. A prior authorization is not here: nothing was done yet.
--
-- The name is that of OMOP's table of the same content; procedure is the table of FHIR's Procedure.
--
-- connection_id             whose consent the row came through
-- source                    claim (header), claim line or procedure
-- record_id                 id in explanation_of_benefit or procedure
-- position                  position in the header's list from 0, or line_key of the line; NULL for a record
-- member_id                 the person, id in member
-- patient_id                the member, id in patient
-- code                      first code; of a claim's header the first of ICD-10-PCS, where sent
-- system                    its code system
-- vocabulary                ICD-10-PCS, CPT, HCPCS, CDT, SNOMED CT or NULL, from the code system; CARIN's of both CPT and HCPCS leaves it to the code
-- display                   its name: from `code` where its list is loaded, else its display text, else the plain text
-- modifier_1_code           first modifier, of a line
-- procedure_sent            when it was done, as sent: of the procedure or line, else the claim's first day of service
-- procedure_date            the same as a date
-- procedure_end_sent        when it ended, as sent
-- procedure_end_date        the same as a date
-- performer_name            who performed it
-- performer_npi             NPI of the same, where sent
-- record_status             status of the claim or of the record
-- is_current                1 when the claim stands today; of a record, when it was done: neither entered in error nor not done nor still in preparation
CREATE TABLE procedure_occurrence (
  connection_id INTEGER NOT NULL,
  source TEXT NOT NULL,
  record_id TEXT NOT NULL,
  position INTEGER,
  member_id TEXT,
  patient_id TEXT,
  code TEXT,
  system TEXT,
  vocabulary TEXT,
  display TEXT,
  modifier_1_code TEXT,
  procedure_sent TEXT,
  procedure_date TEXT,
  procedure_end_sent TEXT,
  procedure_end_date TEXT,
  performer_name TEXT,
  performer_npi TEXT,
  record_status TEXT,
  is_current INTEGER NOT NULL
);
CREATE INDEX procedure_occurrence_by_connection ON procedure_occurrence (connection_id, record_id);
CREATE INDEX procedure_occurrence_by_member ON procedure_occurrence (member_id, procedure_date);
INSERT INTO procedure_occurrence
WITH pcs AS (
  -- A bare column beside min() comes from the row that has the minimum.
  SELECT k.connection_id, k.explanation_of_benefit_id AS id, k.element_index AS place, k.code AS code, k.system AS system, k.display AS display, min(k.row_no)
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_coding AS k ON k.connection_id = mart_scope.connection_id
  WHERE k.element = 'procedure.procedure' AND vocabulary(k.system, k.code) = 'ICD-10-PCS'
  GROUP BY mart_scope.connection_id, k.explanation_of_benefit_id, k.element_index
), found AS (
  SELECT c.connection_id, 'claim' AS source, c.explanation_of_benefit_id AS record_id, p.procedure_index AS position,
         c.member_id, c.patient_id,
         coalesce(pcs.code, p.procedure_code, r.code_code) AS code,
         CASE WHEN pcs.code IS NOT NULL THEN pcs.system ELSE coalesce(p.procedure_system, r.code_system) END AS system,
         coalesce(pcs.display, p.procedure_display, p.procedure_text, r.code_display, r.code_text) AS display, NULL AS modifier,
         first_dated(p.date, r.performed_date_time, r.performed_period_start, c.service_start) AS started,
         first_dated(p.date, r.performed_period_end) AS ended,
         NULL AS performer_name, NULL AS performer_npi, c.status AS record_status, c.is_current
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_procedure AS p ON p.connection_id = mart_scope.connection_id
  JOIN claim AS c ON c.connection_id = p.connection_id AND c.explanation_of_benefit_id = p.explanation_of_benefit_id
  LEFT JOIN pcs ON pcs.connection_id = p.connection_id AND pcs.id = p.explanation_of_benefit_id AND pcs.place = p.procedure_index
  LEFT JOIN "procedure" AS r ON r.connection_id = p.connection_id AND r.id = p.procedure_procedure_id
  UNION ALL
  SELECT l.connection_id, 'claim line', l.explanation_of_benefit_id, l.line_key, l.member_id, l.patient_id,
         l.code, l.code_system, l.code_display, l.modifier_1_code, l.service_start, l.service_end,
         l.provider_name, l.provider_npi, l.claim_status, l.claim_is_current
  FROM temp.mart_scope CROSS JOIN claim_line AS l ON l.connection_id = mart_scope.connection_id
  WHERE l.code IS NOT NULL AND coalesce(l.kind, '') <> 'pharmacy' AND NOT l.is_total
  UNION ALL
  SELECT r.connection_id, 'procedure', r.id, NULL, person.member_id, r.patient_id,
         r.code_code, r.code_system, coalesce(r.code_display, r.code_text), NULL,
         first_dated(r.performed_date_time, r.performed_period_start), first_dated(r.performed_period_end, r.performed_date_time),
         coalesce(o.name, r.performer_actor_display), o.npi, r.status,
         coalesce(r.status, '') NOT IN ('entered-in-error', 'not-done', 'preparation')
  FROM temp.mart_scope CROSS JOIN "procedure" AS r ON r.connection_id = mart_scope.connection_id
  LEFT JOIN temp.party AS o ON o.connection_id = r.connection_id AND o.id = r.performer_actor_id
    AND o.type = CASE r.performer_actor_id WHEN r.performer_actor_organization_id THEN 'Organization'
                 WHEN r.performer_actor_practitioner_id THEN 'Practitioner'
                 WHEN r.performer_actor_practitioner_role_id THEN 'PractitionerRole' END
  LEFT JOIN temp.person ON person.connection_id = r.connection_id AND person.patient_id = r.patient_id
  WHERE NOT EXISTS (SELECT 1 FROM temp.duplicate AS x WHERE x.connection_id = r.connection_id
    AND x.resource_type = 'Procedure' AND x.resource_id = r.id)
)
SELECT connection_id,
       source,
       record_id,
       position,
       member_id,
       patient_id,
       code,
       system,
       CASE WHEN vocabulary(system, code) IN ('ICD-10-PCS', 'CPT', 'HCPCS', 'CDT', 'SNOMED CT') THEN vocabulary(system, code) END,
       coalesce((SELECT n.display FROM code AS n WHERE n.system = listed_system(found.system, found.code) AND n.code = listed_code(found.system, found.code)), display),
       modifier,
       started,
       first_day(started),
       ended,
       last_day(ended),
       performer_name,
       performer_npi,
       record_status,
       is_current
FROM found;
