-- When was each member covered, by which plan and payer?
--
-- Grain: one row per coverage that is neither a draft nor entered in error. A member may have
-- several at once (medical and pharmacy, primary and secondary), and payers may send one row
-- per year or per renewal: spans are not merged. Dates are the text that was sent.
--
-- connection_id          whose consent the row came through
-- coverage_id            the coverage, id in coverage
-- patient_id             the covered member, id in patient
-- member_name            name of the member
-- birth_date             date of birth of the member
-- status                 active or cancelled
-- coverage_start         first day
-- coverage_end           last day; NULL when open
-- is_open                1 when there is no end, or the end is the year 9999
-- kind, kind_display     kind of coverage
-- member_number          member number at the plan
-- subscriber_number      number of the subscriber
-- relationship           relationship of the member to the subscriber
-- payer_id               the payer, id in organization
-- payer_name             name of the payer
-- group_number, group_name    employer group
-- plan_number, plan_name      plan
-- rank                   1 is the primary coverage
CREATE VIEW enrollment AS
SELECT c.connection_id,
       c.id AS coverage_id,
       c.beneficiary_id AS patient_id,
       coalesce(nullif(trim(coalesce(p.given_name, '') || ' ' || coalesce(p.family_name, '')), ''), p.name_text, c.beneficiary_display) AS member_name,
       p.birth_date,
       c.status,
       c.period_start AS coverage_start,
       c.period_end AS coverage_end,
       c.period_end IS NULL OR c.period_end LIKE '9999%' AS is_open,
       c.type_code AS kind,
       coalesce(c.type_display, c.type_text) AS kind_display,
       coalesce(c.member_id, p.member_id) AS member_number,
       c.subscriber_number,
       coalesce(c.relationship_code, c.relationship_text) AS relationship,
       c.payor_organization_id AS payer_id,
       coalesce(o.name, c.payor_display, c.payor_identifier_value) AS payer_name,
       c.group_value AS group_number,
       c.group_name,
       c.plan_value AS plan_number,
       c.plan_name,
       c.coverage_order AS rank
FROM coverage AS c
LEFT JOIN patient AS p ON p.connection_id = c.connection_id AND p.id = c.beneficiary_id
LEFT JOIN organization AS o ON o.connection_id = c.connection_id AND o.id = c.payor_organization_id
WHERE coalesce(c.status, 'active') NOT IN ('draft', 'entered-in-error');
