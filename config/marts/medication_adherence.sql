-- How much of the time did a member have each drug at hand, and where are the gaps?
--
-- Grain: one row per plan's records, source, member and drug. Claims and dispense records are kept apart, since
-- the same fill can be in both: filter on source, never add the two up. If two consents read the same records,
-- their fills are in one row, which names the first connection that has one of them. Each gap is a row of
-- medication_gap.
--
-- Fills of one drug follow one another: supply that is left when the next fill comes is used up
-- first, so the same day is never covered twice. Fills of one day add up. The period goes from the
-- first fill to the last day that the supply covers; what comes after it is nobody's gap, as the drug may have
-- been stopped. A drug is its RxNorm code, else the product of its NDC (the first nine digits, whatever
-- the package), else its code or name as sent. A compound of several drugs is not a fill of its
-- ingredients: it goes by its own code or name. A fill without a date, without days of supply or without a
-- known patient cannot be laid out: see unplaced_fill_count.
--
-- connection_id             whose consent the fills came through; the first one, where several did
-- source                    claim or dispense, as in medication_fill
-- member_id                 the person, id in member
-- patient_id                the member, id in patient; of linked patients the first one
-- drug                      what its fills have in common
-- drug_name                 a name of it, where sent
-- fill_count                fills laid out in time
-- unplaced_fill_count       fills of the drug without a date, without days of supply or without a known patient
-- first_fill_date           day of the first fill
-- last_fill_date            day of the last fill
-- covered_until_date        last day that the supply covers
-- supplied_days             days of supply of all fills together
-- period_days               days from the first fill to the last day covered, both included
-- gap_days                  days of the period without the drug
-- gap_count                 how many gaps these days make
-- longest_gap_days          length of the longest gap; 0 without one
-- proportion_of_days_covered  days covered by days of the period, from 0 to 1
CREATE TABLE medication_adherence (
  connection_id INTEGER NOT NULL,
  source TEXT NOT NULL,
  member_id TEXT,
  patient_id TEXT,
  drug TEXT NOT NULL,
  drug_name TEXT,
  fill_count INTEGER NOT NULL,
  unplaced_fill_count INTEGER NOT NULL,
  first_fill_date TEXT,
  last_fill_date TEXT,
  covered_until_date TEXT,
  supplied_days INTEGER,
  period_days INTEGER,
  gap_days INTEGER,
  gap_count INTEGER,
  longest_gap_days INTEGER,
  proportion_of_days_covered REAL
);
CREATE INDEX medication_adherence_by_connection ON medication_adherence (connection_id, patient_id);
CREATE INDEX medication_adherence_by_member ON medication_adherence (member_id, drug);
INSERT INTO medication_adherence
WITH fill AS (
  SELECT f.connection_id, f.source, f.member_id, f.patient_id, f.drug_name, coalesce(p.source_id, f.connection_id) AS origin_id,
         coalesce(f.rxnorm_code, CASE length(f.ndc_code) WHEN 11 THEN substr(f.ndc_code, 1, 9) END,
                  CASE lower(f.drug_code) WHEN 'compound' THEN NULL ELSE coalesce(f.drug_code, f.drug_name) END) AS drug,
         CAST(julianday(f.fill_date) + 0.5 AS INTEGER) AS day, CAST(f.days_supply AS INTEGER) AS days
  FROM temp.mart_scope CROSS JOIN medication_fill AS f ON f.connection_id = mart_scope.connection_id
  LEFT JOIN temp.person AS p ON p.connection_id = f.connection_id AND p.patient_id = f.patient_id
), owned AS (
  SELECT fill.*, min(connection_id) OVER (PARTITION BY origin_id, source, member_id, drug) AS owner_id,
         coalesce(day IS NOT NULL AND days > 0 AND member_id IS NOT NULL, 0) AS is_placed
  FROM fill WHERE drug IS NOT NULL
), named AS (
  SELECT origin_id, source, member_id, drug, owner_id, min(CASE connection_id WHEN owner_id THEN patient_id END) AS patient_id,
         max(drug_name) AS drug_name, sum(NOT is_placed) AS unplaced
  FROM owned
  GROUP BY origin_id, source, member_id, drug, owner_id
), daily AS (
  SELECT origin_id, source, member_id, drug, day, sum(days) AS days, count(*) AS fills
  FROM owned WHERE is_placed
  GROUP BY origin_id, source, member_id, drug, day
), ordered AS (
  SELECT daily.*, coalesce(sum(days) OVER (PARTITION BY origin_id, source, member_id, drug ORDER BY day
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS supplied_before
  FROM daily
), laid AS (
  -- The day on which a fill begins to be used: its own, or the one after all supply before it.
  SELECT ordered.*, supplied_before + max(day - supplied_before)
           OVER (PARTITION BY origin_id, source, member_id, drug ORDER BY day) AS begin
  FROM ordered
), beside AS (
  SELECT laid.*, begin - lag(begin + days) OVER (PARTITION BY origin_id, source, member_id, drug ORDER BY day) AS gap
  FROM laid
), summed AS (
  SELECT origin_id, source, member_id, drug, sum(fills) AS fills, min(day) AS first, max(day) AS last,
         max(begin + days) - 1 AS until, sum(days) AS supplied, coalesce(sum(gap), 0) AS gap_days,
         coalesce(sum(gap > 0), 0) AS gaps, coalesce(max(gap), 0) AS longest
  FROM beside
  GROUP BY origin_id, source, member_id, drug
)
SELECT n.owner_id,
       n.source,
       n.member_id,
       n.patient_id,
       n.drug,
       n.drug_name,
       coalesce(s.fills, 0),
       n.unplaced,
       date(s.first - 0.5),
       date(s.last - 0.5),
       date(s.until - 0.5),
       s.supplied,
       s.until - s.first + 1,
       s.gap_days,
       s.gaps,
       s.longest,
       round(CAST(s.supplied AS REAL) / (s.until - s.first + 1), 6)
FROM named AS n
LEFT JOIN summed AS s ON s.origin_id = n.origin_id AND s.source = n.source AND s.member_id = n.member_id AND s.drug = n.drug;
