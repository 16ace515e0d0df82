-- When was each member covered, by which plan and payer?
--
-- Grain: one row per coverage, without drafts and those entered in error. Each part of Medicare is a
-- coverage of its own. A member may have several coverages at once (medical and pharmacy, primary and
-- secondary). Payers may send a coverage per year or per renewal: these rows are not merged.
--
-- Columns that end in _date have ten characters: a start of lower precision is its first day, an end
-- its last; what is not a date is NULL.
--
-- connection_id               whose consent the row came through
-- coverage_id                 the coverage, id in coverage
-- member_id                   the person, id in member
-- patient_id                  the covered member, id in patient
-- member_name                 name of the member
-- birth_date                  date of birth of the member
-- status                      active or cancelled
-- coverage_start              first day as sent
-- coverage_start_date         the same as a date
-- coverage_end                last day as sent; NULL when open
-- coverage_end_date           the same as a date
-- is_open                     1 when the coverage is active and its end is today or later, or not stated
-- is_backward                 1 when the end is before the start: no day is covered
-- medicare_part               A, B, C or D when it is a part of Medicare
-- kind                        kind of coverage
-- kind_display                kind of coverage in words
-- member_number               member number at the plan
-- subscriber_number           number of the subscriber
-- relationship                relationship of the member to the subscriber
-- payer_id                    the payer, id in organization
-- payer_name                  name of the payer
-- group_number                number of the employer group
-- group_name                  name of the employer group
-- plan_number                 number of the plan
-- plan_name                   name of the plan
-- rank                        1 is the primary coverage
CREATE VIEW enrollment AS
SELECT connection_id,
       coverage_id,
       member_id,
       patient_id,
       member_name,
       birth_date,
       status,
       coverage_start,
       coverage_start_date,
       coverage_end,
       coverage_end_date,
       CAST(CASE WHEN coalesce(status, 'active') = 'active' AND is_backward = 0
              AND (coverage_end IS NULL OR coverage_end_date >= CAST(CURRENT_DATE AS TEXT)) THEN 1 ELSE 0 END AS INTEGER) AS is_open,
       is_backward,
       medicare_part,
       kind,
       kind_display,
       member_number,
       subscriber_number,
       relationship,
       payer_id,
       payer_name,
       group_number,
       group_name,
       plan_number,
       plan_name,
       rank
FROM coverage_span;
