-- Who are the organizations and practitioners that claims and records refer to?
--
-- Grain: one row per organization and one row per practitioner, under one connection. The same
-- provider comes again under every connection: group by npi to count providers. Payers are
-- organizations too (kind pay, or ins). Providers that senders give only by name or number, or inside another
-- record, are not here: see explanation_of_benefit_care_team and explanation_of_benefit_contained.
--
-- connection_id    whose consent the row came through
-- provider_type    organization or practitioner
-- provider_id      id in organization or practitioner
-- npi              National Provider Identifier, where sent
-- tax_id           federal tax number, where sent
-- name             name
-- kind             kind of organization, or first qualification of a practitioner
-- specialty        first specialty from the practitioner's roles: its name from `code` where NUCC's list is loaded, else as sent
-- phone            first phone number
-- address_line     street of the first address
-- address_city     its city
-- address_state    its state
-- address_postal_code  its postal code
CREATE VIEW provider AS
SELECT o.connection_id,
       'organization' AS provider_type,
       o.id AS provider_id,
       trim(o.npi) AS npi,
       o.tax_id,
       o.name,
       coalesce(o.type_display, o.type_text, o.type_code) AS kind,
       CAST(NULL AS TEXT) AS specialty,
       o.phone,
       o.address_line,
       o.address_city,
       o.address_state,
       o.address_postal_code
FROM organization AS o
UNION ALL
SELECT p.connection_id,
       'practitioner',
       p.id,
       trim(p.npi),
       p.tax_id,
       coalesce(nullif(trim(coalesce(p.given_name, '') || ' ' || coalesce(p.family_name, '')), ''), p.name_text),
       coalesce(p.qualification_display, p.qualification_text, p.qualification_code),
       (SELECT coalesce(n.display, r.specialty_display, r.specialty_text, r.specialty_code) FROM practitioner_role AS r
        LEFT JOIN code AS n ON n.system = 'http://nucc.org/provider-taxonomy' AND n.system = r.specialty_system AND n.code = r.specialty_code
        WHERE r.connection_id = p.connection_id AND r.practitioner_id = p.id
          AND coalesce(r.specialty_display, r.specialty_text, r.specialty_code) IS NOT NULL
        ORDER BY r.id LIMIT 1),
       p.phone,
       p.address_line,
       p.address_city,
       p.address_state,
       p.address_postal_code
FROM practitioner AS p;
