-- When did a member run out of a drug before the next fill?
--
-- Grain: one row per gap: days between two fills of one drug that no supply covers. How fills are laid
-- out, and what makes two fills the same drug, is said at medication_adherence, which counts these. A gap has
-- the connection_id, source, member_id, patient_id and drug of its row there.
--
-- connection_id             whose consent the fills of the drug came through; the first one, where several did
-- source                    claim or dispense, as in medication_fill; filter on source, never add the two up
-- member_id                 the person, id in member
-- patient_id                the member, id in patient; of linked patients the first one
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
WITH fill AS (
  SELECT f.connection_id, f.source, f.member_id, f.patient_id, f.drug_name, coalesce(p.source_id, f.connection_id) AS origin_id,
         coalesce(f.rxnorm_code, CASE length(f.ndc_code) WHEN 11 THEN substr(f.ndc_code, 1, 9) END,
                  CASE lower(f.drug_code) WHEN 'compound' THEN NULL ELSE coalesce(f.drug_code, f.drug_name) END) AS drug,
         CAST(julianday(f.fill_date) + 0.5 AS INTEGER) AS day, CAST(f.days_supply AS INTEGER) AS days
  FROM temp.mart_scope CROSS JOIN medication_fill AS f ON f.connection_id = mart_scope.connection_id
  LEFT JOIN temp.person AS p ON p.connection_id = f.connection_id AND p.patient_id = f.patient_id
), owned AS (
  SELECT fill.*, min(connection_id) OVER (PARTITION BY origin_id, source, member_id, drug) AS owner_id
  FROM fill WHERE drug IS NOT NULL AND member_id IS NOT NULL
), named AS (
  SELECT origin_id, source, member_id, drug, owner_id, min(CASE connection_id WHEN owner_id THEN patient_id END) AS patient_id,
         max(drug_name) AS drug_name
  FROM owned
  GROUP BY origin_id, source, member_id, drug, owner_id
), daily AS (
  SELECT origin_id, source, member_id, drug, day, sum(days) AS days
  FROM owned WHERE day IS NOT NULL AND days > 0
  GROUP BY origin_id, source, member_id, drug, day
), ordered AS (
  SELECT daily.*, coalesce(sum(days) OVER (PARTITION BY origin_id, source, member_id, drug ORDER BY day
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS supplied_before
  FROM daily
), laid AS (
  SELECT ordered.*, supplied_before + max(day - supplied_before)
           OVER (PARTITION BY origin_id, source, member_id, drug ORDER BY day) AS begin
  FROM ordered
), beside AS (
  SELECT laid.*, lag(begin + days) OVER (PARTITION BY origin_id, source, member_id, drug ORDER BY day) AS free
  FROM laid
)
SELECT n.owner_id, n.source, n.member_id, n.patient_id, n.drug, n.drug_name, date(b.free - 0.5), date(b.begin - 1.5), b.begin - b.free
FROM beside AS b
JOIN named AS n ON n.origin_id = b.origin_id AND n.source = b.source AND n.member_id = b.member_id AND n.drug = b.drug
WHERE b.begin > b.free;
