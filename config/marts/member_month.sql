-- In which months was each member covered?
--
-- Grain: one row per connection, member and month of which a coverage covers at least a day, up to
-- the current month. Count the rows with is_first = 1 to count each person once a month, however many
-- connections there are. Spend per member and month: join spend_by_month on connection_id, patient_id
-- and month_date.
--
-- A coverage counts from its start to its end. An active one without an end, or with an end to come (payers
-- write 9999-12-31), counts up to the current month; a cancelled one without an end or with an end to come,
-- one without a start and one whose end is before its start do not count, since nobody knows which days
-- they cover. No coverage counts beyond the day of the member's death, unless the death is before its start.
--
-- Many payers write 1900-01-01 or another day long ago where they do not know the start. The months of a
-- member therefore begin no earlier than January 2016 (payers need not share older records:
-- 42 CFR 422.119(h)), or the member's first current claim where that is earlier; and of a coverage that
-- starts before then no earlier than the member's birth. No month before 1990 is listed. coverage_span and
-- enrollment have the start as sent.
--
-- connection_id             whose consent the row came through
-- member_id                 the person, id in member
-- patient_id                the covered member, id in patient
-- month_date                first day of the month
-- coverage_count            coverages of the month
-- coverage_id               the first of them, by rank, then by start: id in coverage
-- payer_name                its payer
-- plan_name                 name of its plan
-- first_covered_date        first day covered in the month
-- last_covered_date         last day covered in the month
-- is_whole_month            1 when one coverage covers every day of the month
-- is_first                  1 in the first of the person's connections that has the month
CREATE VIEW member_month AS
WITH RECURSIVE number(y, m) AS (
  SELECT 1990, 1
  UNION ALL
  SELECT CASE m WHEN 12 THEN y + 1 ELSE y END, CASE m WHEN 12 THEN 1 ELSE m + 1 END FROM number WHERE y < 2100
), named AS (
  SELECT CAST(y AS TEXT) || CASE WHEN m < 10 THEN '-0' ELSE '-' END || CAST(m AS TEXT) AS name,
         CASE WHEN m IN (4, 6, 9, 11) THEN '-30'
              WHEN m <> 2 THEN '-31'
              WHEN y % 4 = 0 AND (y % 100 <> 0 OR y % 400 = 0) THEN '-29'
              ELSE '-28' END AS last
  FROM number
), span AS (
  SELECT s.*, CASE WHEN s.death_date >= s.coverage_start_date AND (s.death_date < s.coverage_end_date OR s.coverage_end IS NULL)
           THEN s.death_date ELSE s.coverage_end_date END AS ends,
         coalesce((SELECT min(c.service_start_date) FROM claim_current AS c
           WHERE c.member_id = s.member_id AND c.service_start_date >= '1990-01-01'), '2016-01-01') AS served
  FROM coverage_span AS s
  WHERE s.is_backward = 0
    AND (s.coverage_end_date <= CAST(CURRENT_DATE AS TEXT) OR coalesce(s.status, 'active') = 'active')
), begun AS (
  SELECT s.*, CASE WHEN s.served < '2016-01-01' THEN s.served ELSE '2016-01-01' END AS known FROM span AS s
), counted AS MATERIALIZED (
  -- A start within the time that is known is taken at its word. The first place of a month is the coverage
  -- that counts; it is a number over all, so that few columns are sorted by month.
  SELECT s.*, row_number() OVER (ORDER BY coalesce(s.rank, 1000000), s.coverage_start_date, s.coverage_id, s.connection_id) AS place,
         CASE WHEN s.birth_date > s.known AND s.coverage_start_date < s.known THEN s.birth_date ELSE s.known END AS earliest,
         CASE WHEN s.birth_date > s.known AND s.coverage_start_date < s.known THEN s.birth_date ELSE s.coverage_start_date END AS start
  FROM begun AS s
), month AS MATERIALIZED (
  SELECT name || '-01' AS first, name || last AS last
  FROM named
  WHERE name || '-01' <= CAST(CURRENT_DATE AS TEXT)
    AND name || last >= (SELECT min(CASE WHEN s.start > s.earliest THEN s.start ELSE s.earliest END) FROM counted AS s)
), covered AS (
  SELECT s.connection_id, s.patient_id, s.place, month.first AS month_date,
         CASE WHEN s.start > month.first THEN s.start ELSE month.first END AS first,
         CASE WHEN s.ends < month.last THEN s.ends ELSE month.last END AS last,
         CASE WHEN s.start <= month.first AND coalesce(s.ends, month.last) >= month.last THEN 1 ELSE 0 END AS is_whole
  FROM counted AS s
  JOIN month ON s.start <= month.last AND s.earliest <= month.last
    AND (s.ends >= month.first OR (s.ends IS NULL AND s.coverage_end IS NULL AND coalesce(s.status, 'active') = 'active'))
), monthly AS MATERIALIZED (
  SELECT month_date, count(*) AS coverages, min(place) AS place, min(first) AS first, max(last) AS last, max(is_whole) AS is_whole
  FROM covered
  GROUP BY connection_id, patient_id, month_date
)
SELECT s.connection_id,
       s.member_id,
       s.patient_id,
       m.month_date,
       CAST(m.coverages AS INTEGER) AS coverage_count,
       s.coverage_id,
       s.payer_name,
       s.plan_name,
       m.first AS first_covered_date,
       m.last AS last_covered_date,
       CAST(m.is_whole AS INTEGER) AS is_whole_month,
       CASE row_number() OVER (PARTITION BY s.member_id, m.month_date ORDER BY s.connection_id, s.patient_id) WHEN 1 THEN 1 ELSE 0 END AS is_first
FROM monthly AS m
JOIN counted AS s ON s.place = m.place;
