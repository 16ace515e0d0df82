-- From when until when does each coverage reach, with dates that compare?
--
-- enrollment has the same rows, with columns that depend on today's date.
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
-- death_date                  day of the member's death, where sent; member_month counts no later day
-- status                      active or cancelled
-- coverage_start              first day as sent
-- coverage_start_date         the same as a date
-- coverage_end                last day as sent; NULL when open
-- coverage_end_date           the same as a date
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
CREATE TABLE coverage_span (
  connection_id INTEGER NOT NULL,
  coverage_id TEXT NOT NULL,
  member_id TEXT,
  patient_id TEXT,
  member_name TEXT,
  birth_date TEXT,
  death_date TEXT,
  status TEXT,
  coverage_start TEXT,
  coverage_start_date TEXT,
  coverage_end TEXT,
  coverage_end_date TEXT,
  is_backward INTEGER NOT NULL,
  medicare_part TEXT,
  kind TEXT,
  kind_display TEXT,
  member_number TEXT,
  subscriber_number TEXT,
  relationship TEXT,
  payer_id TEXT,
  payer_name TEXT,
  group_number TEXT,
  group_name TEXT,
  plan_number TEXT,
  plan_name TEXT,
  rank INTEGER,
  PRIMARY KEY (connection_id, coverage_id)
);
CREATE INDEX coverage_span_by_member ON coverage_span (member_id, coverage_start_date);
INSERT INTO coverage_span
SELECT c.connection_id,
       c.id,
       person.member_id,
       c.beneficiary_id,
       coalesce(nullif(trim(coalesce(p.given_name, '') || ' ' || coalesce(p.family_name, '')), ''), p.name_text, c.beneficiary_display),
       first_day(p.birth_date),
       last_day(p.deceased_date_time),
       c.status,
       c.period_start,
       first_day(c.period_start),
       c.period_end,
       last_day(c.period_end),
       coalesce(first_day(c.period_start) > last_day(c.period_end), 0),
       coalesce(
         (SELECT medicare_part(coalesce(k.value, k.name)) FROM coverage_class AS k
          WHERE k.connection_id = c.connection_id AND k.coverage_id = c.id
            AND medicare_part(coalesce(k.value, k.name)) IS NOT NULL ORDER BY k.row_no LIMIT 1),
         medicare_part(c.plan_name), medicare_part(c.type_display), medicare_part(c.type_text),
         CASE WHEN c.id LIKE 'part-a-%' THEN 'A' WHEN c.id LIKE 'part-b-%' THEN 'B'
              WHEN c.id LIKE 'part-c-%' THEN 'C' WHEN c.id LIKE 'part-d-%' THEN 'D' END),
       c.type_code,
       coalesce(c.type_display, c.type_text),
       coalesce(c.member_id, p.member_id),
       c.subscriber_number,
       coalesce(c.relationship_code, c.relationship_text),
       c.payor_organization_id,
       coalesce(o.name,
         (SELECT k.name FROM coverage_contained AS k WHERE k.connection_id = c.connection_id AND k.coverage_id = c.id
          AND '#' || k.contained_id = c.payor_organization_reference AND k.name IS NOT NULL ORDER BY k.row_no LIMIT 1),
         c.payor_display, c.payor_identifier_value),
       c.group_value,
       c.group_name,
       c.plan_value,
       c.plan_name,
       c.coverage_order
FROM temp.mart_scope CROSS JOIN coverage AS c ON c.connection_id = mart_scope.connection_id
LEFT JOIN patient AS p ON p.connection_id = c.connection_id AND p.id = c.beneficiary_id
LEFT JOIN organization AS o ON o.connection_id = c.connection_id AND o.id = c.payor_organization_id
LEFT JOIN temp.person ON person.connection_id = c.connection_id AND person.patient_id = c.beneficiary_id
WHERE coalesce(c.status, 'active') NOT IN ('draft', 'entered-in-error')
  AND NOT EXISTS (SELECT 1 FROM temp.duplicate AS d WHERE d.connection_id = c.connection_id
    AND d.resource_type = 'Coverage' AND d.resource_id = c.id);
