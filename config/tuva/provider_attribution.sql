-- The Tuva input layer: to whom each person is attributed.
--
-- Grain: no rows. Patient Access gives no such data; the view is here so that Tuva finds all its
-- tables. Names, order and types are those of provider_attribution in Tuva 0.18.0.
--
-- person_id                         VARCHAR: not known: Patient Access does not say
-- patient_id                        VARCHAR: not known: Patient Access does not say
-- member_id                         VARCHAR: not known: Patient Access does not say
-- year_month                        VARCHAR: not known: Patient Access does not say
-- payer                             VARCHAR: not known: Patient Access does not say
-- plan                              VARCHAR: not known: Patient Access does not say
-- data_source                       VARCHAR: not known: Patient Access does not say
-- payer_attributed_provider         VARCHAR: not known: Patient Access does not say
-- payer_attributed_provider_practice  VARCHAR: not known: Patient Access does not say
-- payer_attributed_provider_organization  VARCHAR: not known: Patient Access does not say
-- payer_attributed_provider_lob     VARCHAR: not known: Patient Access does not say
-- custom_attributed_provider        VARCHAR: not known: Patient Access does not say
-- custom_attributed_provider_practice  VARCHAR: not known: Patient Access does not say
-- custom_attributed_provider_organization  VARCHAR: not known: Patient Access does not say
-- custom_attributed_provider_lob    VARCHAR: not known: Patient Access does not say
CREATE VIEW tuva_provider_attribution AS
SELECT CAST(NULL AS VARCHAR) AS person_id,
       CAST(NULL AS VARCHAR) AS patient_id,
       CAST(NULL AS VARCHAR) AS member_id,
       CAST(NULL AS VARCHAR) AS year_month,
       CAST(NULL AS VARCHAR) AS payer,
       CAST(NULL AS VARCHAR) AS plan,
       CAST(NULL AS VARCHAR) AS data_source,
       CAST(NULL AS VARCHAR) AS payer_attributed_provider,
       CAST(NULL AS VARCHAR) AS payer_attributed_provider_practice,
       CAST(NULL AS VARCHAR) AS payer_attributed_provider_organization,
       CAST(NULL AS VARCHAR) AS payer_attributed_provider_lob,
       CAST(NULL AS VARCHAR) AS custom_attributed_provider,
       CAST(NULL AS VARCHAR) AS custom_attributed_provider_practice,
       CAST(NULL AS VARCHAR) AS custom_attributed_provider_organization,
       CAST(NULL AS VARCHAR) AS custom_attributed_provider_lob
FROM connection AS n
WHERE n.id IS NULL;
