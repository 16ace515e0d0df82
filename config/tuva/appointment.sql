-- The Tuva input layer: appointments.
--
-- Grain: no rows. Patient Access gives no such data; the view is here so that Tuva finds all its
-- tables. Names, order and types are those of appointment in Tuva 0.18.0.
--
-- appointment_id                    VARCHAR: not known: Patient Access does not say
-- person_id                         VARCHAR: not known: Patient Access does not say
-- patient_id                        VARCHAR: not known: Patient Access does not say
-- encounter_id                      VARCHAR: not known: Patient Access does not say
-- start_datetime                    TIMESTAMP: not known: Patient Access does not say
-- end_datetime                      TIMESTAMP: not known: Patient Access does not say
-- duration                          INTEGER: not known: Patient Access does not say
-- location_id                       VARCHAR: not known: Patient Access does not say
-- practitioner_id                   VARCHAR: not known: Patient Access does not say
-- type_code                         VARCHAR: not known: Patient Access does not say
-- type_description                  VARCHAR: not known: Patient Access does not say
-- status_code                       VARCHAR: not known: Patient Access does not say
-- status_description                VARCHAR: not known: Patient Access does not say
-- reason                            VARCHAR: not known: Patient Access does not say
-- cancellation_reason               VARCHAR: not known: Patient Access does not say
-- data_source                       VARCHAR: not known: Patient Access does not say
CREATE VIEW tuva_appointment AS
SELECT CAST(NULL AS VARCHAR) AS appointment_id,
       CAST(NULL AS VARCHAR) AS person_id,
       CAST(NULL AS VARCHAR) AS patient_id,
       CAST(NULL AS VARCHAR) AS encounter_id,
       CAST(NULL AS TIMESTAMP) AS start_datetime,
       CAST(NULL AS TIMESTAMP) AS end_datetime,
       CAST(NULL AS INTEGER) AS duration,
       CAST(NULL AS VARCHAR) AS location_id,
       CAST(NULL AS VARCHAR) AS practitioner_id,
       CAST(NULL AS VARCHAR) AS type_code,
       CAST(NULL AS VARCHAR) AS type_description,
       CAST(NULL AS VARCHAR) AS status_code,
       CAST(NULL AS VARCHAR) AS status_description,
       CAST(NULL AS VARCHAR) AS reason,
       CAST(NULL AS VARCHAR) AS cancellation_reason,
       CAST(NULL AS VARCHAR) AS data_source
FROM connection AS n
WHERE n.id IS NULL;
