-- The Tuva input layer: who gave care?
--
-- Grain: one row per practitioner record of a connection. Names, order and types are those of practitioner
-- in Tuva 0.18.0.
--
-- practitioner_id                   VARCHAR: number of the connection, a point, the resource's id
-- npi                               VARCHAR: NPI, where sent
-- first_name                        VARCHAR: given name
-- last_name                         VARCHAR: family name
-- practice_affiliation              VARCHAR: an organization for which the person works
-- specialty                         VARCHAR: a specialty
-- sub_specialty                     VARCHAR: not known: Patient Access does not say
-- data_source                       VARCHAR: name of the plan in the configuration, else file
CREATE VIEW tuva_practitioner AS
SELECT CAST(CAST(p.connection_id AS VARCHAR) || '.' || p.id AS VARCHAR) AS practitioner_id,
       CAST(CASE WHEN length(p.npi) = 10 THEN p.npi END AS VARCHAR) AS npi,
       CAST(p.given_name AS VARCHAR) AS first_name,
       CAST(p.family_name AS VARCHAR) AS last_name,
       CAST((SELECT min(coalesce(o.name, r.organization_display)) FROM practitioner_role AS r LEFT JOIN organization AS o ON o.connection_id = r.connection_id AND o.id = r.organization_id WHERE r.connection_id = p.connection_id AND r.practitioner_id = p.id) AS VARCHAR) AS practice_affiliation,
       CAST((SELECT min(coalesce(r.specialty_display, r.specialty_text, r.specialty_code)) FROM practitioner_role AS r WHERE r.connection_id = p.connection_id AND r.practitioner_id = p.id) AS VARCHAR) AS specialty,
       CAST(NULL AS VARCHAR) AS sub_specialty,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source
FROM practitioner AS p
JOIN connection AS n ON n.id = p.connection_id;
