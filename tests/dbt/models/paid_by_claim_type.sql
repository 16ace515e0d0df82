SELECT claim_type, count(DISTINCT claim_id) AS claims, CAST(round(sum(paid_amount) * 100) AS BIGINT) AS paid_cents
FROM {{ ref('medical_claim') }}
GROUP BY claim_type
