-- Name and NPI of whoever a reference may lead to; a role leads to its practitioner, else its organization. Name and
-- NPI are never those of two parties.
CREATE TEMP TABLE party (
  connection_id INTEGER, type TEXT, id TEXT, name TEXT, npi TEXT, PRIMARY KEY (connection_id, type, id)
) WITHOUT ROWID;
INSERT INTO temp.party
-- A view finds the number under the usual systems; others are read as they are called.
SELECT o.connection_id, 'Organization', o.id, o.name,
       coalesce(trim(o.npi), (SELECT coalesce(npi_of(i.system, i.type_code, i.value), npi_of(NULL, i.type_text, i.value)) AS npi FROM organization_identifier AS i
         WHERE i.connection_id = o.connection_id AND i.organization_id = o.id AND coalesce(i.use, '') <> 'old'
           AND coalesce(npi_of(i.system, i.type_code, i.value), npi_of(NULL, i.type_text, i.value)) IS NOT NULL
         ORDER BY i.row_no LIMIT 1))
FROM temp.mart_scope CROSS JOIN organization AS o ON o.connection_id = mart_scope.connection_id;
INSERT INTO temp.party
SELECT p.connection_id, 'Practitioner', p.id,
       coalesce(nullif(trim(coalesce(p.given_name, '') || ' ' || coalesce(p.family_name, '')), ''), p.name_text),
       coalesce(trim(p.npi), (SELECT coalesce(npi_of(i.system, i.type_code, i.value), npi_of(NULL, i.type_text, i.value)) AS npi FROM practitioner_identifier AS i
         WHERE i.connection_id = p.connection_id AND i.practitioner_id = p.id AND coalesce(i.use, '') <> 'old'
           AND coalesce(npi_of(i.system, i.type_code, i.value), npi_of(NULL, i.type_text, i.value)) IS NOT NULL
         ORDER BY i.row_no LIMIT 1))
FROM temp.mart_scope CROSS JOIN practitioner AS p ON p.connection_id = mart_scope.connection_id;
-- What only another consent to the same records brought.
CREATE TEMP TABLE shared_party AS
SELECT s.source_id, p.type, p.id, p.name, p.npi, min(p.connection_id)
FROM temp.record_source AS s
JOIN temp.party AS p ON p.connection_id = s.connection_id
WHERE s.source_id IN (SELECT source_id FROM temp.record_source GROUP BY source_id HAVING count(*) > 1)
GROUP BY s.source_id, p.type, p.id;
INSERT OR IGNORE INTO temp.party
SELECT here.connection_id, p.type, p.id, p.name, p.npi
FROM temp.record_source AS here
JOIN temp.shared_party AS p ON p.source_id = here.source_id
ORDER BY here.source_id;
INSERT INTO temp.party
SELECT connection_id, 'PractitionerRole', id,
       CASE WHEN coalesce(person_name, person_npi) IS NULL THEN organization_name ELSE person_name END,
       coalesce(person_npi, role_npi, CASE WHEN coalesce(person_name, person_npi) IS NULL THEN organization_npi END)
FROM (
  SELECT r.connection_id, r.id,
         coalesce(p.name, r.practitioner_display) AS person_name,
         coalesce(p.npi, npi_of(r.practitioner_identifier_system, r.practitioner_identifier_type_code, r.practitioner_identifier_value)) AS person_npi,
         (SELECT npi_of(i.system, i.type_code, i.value) FROM practitioner_role_identifier AS i
          WHERE i.connection_id = r.connection_id AND i.practitioner_role_id = r.id
            AND npi_of(i.system, i.type_code, i.value) IS NOT NULL ORDER BY i.row_no LIMIT 1) AS role_npi,
         coalesce(o.name, r.organization_display) AS organization_name,
         coalesce(o.npi, npi_of(r.organization_identifier_system, r.organization_identifier_type_code, r.organization_identifier_value)) AS organization_npi
  FROM temp.mart_scope CROSS JOIN practitioner_role AS r ON r.connection_id = mart_scope.connection_id
  LEFT JOIN temp.party AS p ON p.connection_id = r.connection_id AND p.type = 'Practitioner' AND p.id = r.practitioner_id
  LEFT JOIN temp.party AS o ON o.connection_id = r.connection_id AND o.type = 'Organization' AND o.id = r.organization_id
);
DELETE FROM temp.shared_party;
INSERT INTO temp.shared_party
SELECT s.source_id, p.type, p.id, p.name, p.npi, min(p.connection_id)
FROM temp.record_source AS s
JOIN temp.party AS p ON p.connection_id = s.connection_id AND p.type = 'PractitionerRole'
WHERE s.source_id IN (SELECT source_id FROM temp.record_source GROUP BY source_id HAVING count(*) > 1)
GROUP BY s.source_id, p.id;
INSERT OR IGNORE INTO temp.party
SELECT here.connection_id, p.type, p.id, p.name, p.npi
FROM temp.record_source AS here
JOIN temp.shared_party AS p ON p.source_id = here.source_id
ORDER BY here.source_id;

-- The same for resources that a claim contains.
CREATE TEMP TABLE contained_party (
  connection_id INTEGER, claim_id TEXT, reference TEXT, name TEXT, npi TEXT,
  practitioner TEXT, practitioner_id TEXT, practitioner_name TEXT, practitioner_npi TEXT,
  organization TEXT, organization_id TEXT, organization_name TEXT, organization_npi TEXT,
  PRIMARY KEY (connection_id, claim_id, reference)
) WITHOUT ROWID;
INSERT OR IGNORE INTO temp.contained_party
SELECT k.connection_id, k.explanation_of_benefit_id, '#' || k.contained_id,
       coalesce(k.name, nullif(trim(coalesce(k.given_name, '') || ' ' || coalesce(k.family_name, '')), ''), k.name_text),
       k.npi, k.practitioner_reference, k.role_practitioner_id, k.practitioner_display, k.practitioner_npi,
       k.organization_reference, k.role_organization_id, k.organization_display, k.organization_npi
FROM temp.mart_scope CROSS JOIN explanation_of_benefit_contained AS k ON k.connection_id = mart_scope.connection_id
WHERE k.contained_id IS NOT NULL;
-- Whom a role names is contained as well, or a resource of this server, or named in the reference alone.
UPDATE temp.contained_party AS k
SET practitioner_name = coalesce(p.name, k.practitioner_name), practitioner_npi = coalesce(p.npi, k.practitioner_npi)
FROM temp.contained_party AS p
WHERE p.connection_id = k.connection_id AND p.claim_id = k.claim_id AND p.reference = k.practitioner;
UPDATE temp.contained_party AS k
SET practitioner_name = coalesce(p.name, k.practitioner_name), practitioner_npi = coalesce(p.npi, k.practitioner_npi)
FROM temp.party AS p
WHERE p.connection_id = k.connection_id AND p.type = 'Practitioner' AND p.id = k.practitioner_id;
UPDATE temp.contained_party AS k
SET organization_name = coalesce(p.name, k.organization_name), organization_npi = coalesce(p.npi, k.organization_npi)
FROM temp.contained_party AS p
WHERE p.connection_id = k.connection_id AND p.claim_id = k.claim_id AND p.reference = k.organization;
UPDATE temp.contained_party AS k
SET organization_name = coalesce(p.name, k.organization_name), organization_npi = coalesce(p.npi, k.organization_npi)
FROM temp.party AS p
WHERE p.connection_id = k.connection_id AND p.type = 'Organization' AND p.id = k.organization_id;
UPDATE temp.contained_party
SET name = CASE WHEN coalesce(practitioner_name, practitioner_npi) IS NULL THEN coalesce(name, organization_name) ELSE coalesce(practitioner_name, name) END,
    npi = coalesce(practitioner_npi, npi, CASE WHEN coalesce(practitioner_name, name) IS NULL THEN organization_npi END)
WHERE coalesce(practitioner_name, practitioner_npi, organization_name, organization_npi) IS NOT NULL;
