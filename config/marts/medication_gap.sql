-- When did a member run out of a drug before the next fill?
--
-- Grain: one row per gap: days between two fills of one drug that no supply covers. How fills are laid
-- out, and what makes two fills the same drug, is said at medication_adherence, which counts these.
--
-- connection_id             whose consent the row came through
-- source                    claim or dispense, as in medication_fill; filter on source, never add the two up
-- member_id                 the person, id in member
-- patient_id                the member, id in patient
-- drug                      the drug, as in medication_adherence
-- drug_name                 a name of it, where sent
-- gap_start_date            first day without the drug
-- gap_end_date              last day without it; the next fill came the day after
-- gap_days                  how many days these are
CREATE TABLE medication_gap (
  connection_id INTEGER NOT NULL,
  source TEXT NOT NULL,
  member_id TEXT,
  patient_id TEXT,
  drug TEXT NOT NULL,
  drug_name TEXT,
  gap_start_date TEXT NOT NULL,
  gap_end_date TEXT NOT NULL,
  gap_days INTEGER NOT NULL
);
CREATE INDEX medication_gap_by_connection ON medication_gap (connection_id, patient_id);
CREATE INDEX medication_gap_by_member ON medication_gap (member_id, drug);
INSERT INTO medication_gap
WITH daily AS (
  SELECT f.connection_id, f.source, f.member_id, f.patient_id,
         coalesce(f.rxnorm_code, CASE length(f.ndc_code) WHEN 11 THEN substr(f.ndc_code, 1, 9) END,
                  CASE lower(f.drug_code) WHEN 'compound' THEN NULL ELSE coalesce(f.drug_code, f.drug_name) END) AS drug,
         CAST(julianday(f.fill_date) + 0.5 AS INTEGER) AS day, sum(CAST(f.days_supply AS INTEGER)) AS days,
         max(f.drug_name) AS drug_name
  FROM temp.mart_scope CROSS JOIN medication_fill AS f ON f.connection_id = mart_scope.connection_id
  WHERE f.fill_date IS NOT NULL AND CAST(f.days_supply AS INTEGER) > 0
  GROUP BY 1, 2, 3, 4, 5, 6
), ordered AS (
  SELECT daily.*, coalesce(sum(days) OVER (PARTITION BY connection_id, source, patient_id, drug ORDER BY day
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS supplied_before
  FROM daily WHERE drug IS NOT NULL
), laid AS (
  SELECT ordered.*, supplied_before + max(day - supplied_before)
           OVER (PARTITION BY connection_id, source, patient_id, drug ORDER BY day) AS begin
  FROM ordered
), beside AS (
  SELECT laid.*, lag(begin + days) OVER (PARTITION BY connection_id, source, patient_id, drug ORDER BY day) AS free
  FROM laid
)
SELECT connection_id, source, member_id, patient_id, drug, drug_name, date(free - 0.5), date(begin - 1.5), begin - free
FROM beside
WHERE begin > free;
