-- Who are the providers, over all plans, by their NPI?
--
-- Grain: one row per National Provider Identifier and connection that it came through, on a provider's
-- record or on a claim that it is paid for. What a row says of the provider itself (is_valid, name, kind,
-- specialty, phone, address_state, connection_count, plan_count) comes from all connections and is the
-- same in each of its rows: count the rows with is_first = 1 to count providers, and join on connection_id and npi.
-- Providers without an NPI are in provider alone. Of several names the first by the alphabet
-- is shown; likewise the other words.
--
-- connection_id             whose consent the row came through
-- npi                       National Provider Identifier as sent
-- is_valid                  1 when it has ten digits, begins with 1 or 2, and its check digit is right
-- name                      name
-- kind                      kind of organization, or first qualification of a practitioner
-- specialty                 specialty
-- phone                     phone number
-- address_state             state of the address
-- provider_count            records of the provider in this connection, in provider
-- claim_count               current claims of this connection that it is paid for, see claim_current
-- last_service_date         first day of service of the latest of these claims
-- connection_count          in how many connections it is
-- plan_count                at how many plans
-- is_first                  1 in the first of the connections that have the provider
CREATE VIEW provider_npi AS
WITH seen AS (
  SELECT connection_id, npi, name, kind, specialty, phone, address_state, 1 AS providers, 0 AS claims, CAST(NULL AS TEXT) AS service_date
  FROM provider
  WHERE npi IS NOT NULL
  UNION ALL
  SELECT connection_id, provider_npi, min(provider_name), NULL, NULL, NULL, NULL, 0, count(*), max(service_start_date)
  FROM claim_current
  WHERE provider_npi IS NOT NULL
  GROUP BY connection_id, provider_npi
), here AS (
  SELECT connection_id, npi, sum(providers) AS providers, sum(claims) AS claims, max(service_date) AS service_date
  FROM seen
  GROUP BY connection_id, npi
), anywhere AS (
  -- Double every second digit, from the first; the sum of the digits, and 24 for the prefix 80840.
  SELECT seen.npi, min(seen.name) AS name, min(seen.kind) AS kind, min(seen.specialty) AS specialty, min(seen.phone) AS phone,
         min(seen.address_state) AS address_state, count(DISTINCT seen.connection_id) AS connections, count(DISTINCT connection.plan) AS plans,
         CASE WHEN length(seen.npi) = 10 AND trim(seen.npi, '0123456789') = '' AND substr(seen.npi, 1, 1) IN ('1', '2')
           AND (24 + instr('0516273849', substr(seen.npi, 1, 1)) + instr('0123456789', substr(seen.npi, 2, 1))
             + instr('0516273849', substr(seen.npi, 3, 1)) + instr('0123456789', substr(seen.npi, 4, 1))
             + instr('0516273849', substr(seen.npi, 5, 1)) + instr('0123456789', substr(seen.npi, 6, 1))
             + instr('0516273849', substr(seen.npi, 7, 1)) + instr('0123456789', substr(seen.npi, 8, 1))
             + instr('0516273849', substr(seen.npi, 9, 1)) + instr('0123456789', substr(seen.npi, 10, 1)) - 10) % 10 = 0
           THEN 1 ELSE 0 END AS is_valid
  FROM seen
  JOIN connection ON connection.id = seen.connection_id
  GROUP BY seen.npi
)
SELECT h.connection_id,
       h.npi,
       CAST(a.is_valid AS INTEGER) AS is_valid,
       a.name,
       a.kind,
       a.specialty,
       a.phone,
       a.address_state,
       CAST(h.providers AS INTEGER) AS provider_count,
       CAST(h.claims AS INTEGER) AS claim_count,
       h.service_date AS last_service_date,
       CAST(a.connections AS INTEGER) AS connection_count,
       CAST(a.plans AS INTEGER) AS plan_count,
       CASE row_number() OVER (PARTITION BY h.npi ORDER BY h.connection_id) WHEN 1 THEN 1 ELSE 0 END AS is_first
FROM here AS h
JOIN anywhere AS a ON a.npi = h.npi;
