-- The Tuva input layer: where was care given?
--
-- Grain: one row per location record of a connection. Names, order and types are those of location in Tuva
-- 0.18.0.
--
-- location_id                       VARCHAR: number of the connection, a point, the resource's id
-- npi                               VARCHAR: NPI, where sent
-- name                              VARCHAR: name
-- facility_type                     VARCHAR: kind of place
-- parent_organization               VARCHAR: the organization
-- address                           VARCHAR: street
-- city                              VARCHAR: city
-- state                             VARCHAR: state
-- zip_code                          VARCHAR: ZIP code
-- latitude                          DOUBLE: latitude
-- longitude                         DOUBLE: longitude
-- data_source                       VARCHAR: name of the plan in the configuration, else file
CREATE VIEW tuva_location AS
SELECT CAST(CAST(l.connection_id AS VARCHAR) || '.' || l.id AS VARCHAR) AS location_id,
       CAST(CASE WHEN length(l.npi) = 10 THEN l.npi END AS VARCHAR) AS npi,
       CAST(l.name AS VARCHAR) AS name,
       CAST(coalesce(l.type_display, l.type_text, l.type_code) AS VARCHAR) AS facility_type,
       CAST(coalesce(o.name, l.managing_organization_display) AS VARCHAR) AS parent_organization,
       CAST(l.address_line AS VARCHAR) AS address,
       CAST(l.address_city AS VARCHAR) AS city,
       CAST(l.address_state AS VARCHAR) AS state,
       CAST(l.address_postal_code AS VARCHAR) AS zip_code,
       CAST(l.position_latitude AS DOUBLE) AS latitude,
       CAST(l.position_longitude AS DOUBLE) AS longitude,
       CAST(coalesce(n.plan, 'file') AS VARCHAR) AS data_source
FROM location AS l
JOIN connection AS n ON n.id = l.connection_id
LEFT JOIN organization AS o ON o.connection_id = l.connection_id AND o.id = l.managing_organization_id;
