-- How old is what the warehouse says, per connection and type?
--
-- Grain: one row per connection and resource type that a plan was asked for, but for types that it
-- does not serve. A type is complete as of the moment at which its last complete walk began: what
-- the plan has changed since is not here yet. More is in completeness.
--
-- connection_id             whose consent the row came through
-- connection_name           name of the connection
-- plan                      its plan
-- member                    label of the member, where given
-- resource_type             FHIR type
-- state                     complete, incomplete, running or skipped: the last walk
-- reason                    a word for why it is not complete
-- hint                      what to do about it
-- complete_as_of_date       day of the last complete walk; NULL before the first complete walk
-- days_since_complete       days from then to today
-- deletions_as_of_date      day up to which deletions are known
-- checked_date              day of the last walk, complete or not
-- last_change_date          day of the last walk that brought something new, changed or deleted
-- newest_service_date       for ExplanationOfBenefit: first day of service of the latest current claim
-- resource_count            resources held
-- reject_count              resources in quarantine
-- absent_count              resources that the plan no longer lists, not yet proved to be deleted
CREATE VIEW data_freshness AS
WITH moved AS (
  SELECT connection_id, resource_type, max(coalesce(finished_at, started_at)) AS at
  FROM sync_walk
  WHERE resources_new + resources_changed + resources_deleted > 0
  GROUP BY connection_id, resource_type
), served AS (
  SELECT connection_id, max(service_start_date) AS date
  FROM claim_current
  GROUP BY connection_id
), known AS (
  SELECT c.*, substr(c.complete_as_of, 1, 10) AS day, CAST(CURRENT_DATE AS TEXT) AS today
  FROM completeness AS c
  WHERE c.state <> 'not_served'
), split AS (
  SELECT known.*, CAST(substr(day, 1, 4) AS INTEGER) AS y, CAST(substr(day, 6, 2) AS INTEGER) AS m, CAST(substr(day, 9, 2) AS INTEGER) AS d,
         CAST(substr(today, 1, 4) AS INTEGER) AS ty, CAST(substr(today, 6, 2) AS INTEGER) AS tm, CAST(substr(today, 9, 2) AS INTEGER) AS td
  FROM known
), shifted AS (
  -- Years that begin in March end with the leap day.
  SELECT split.*, CASE WHEN m > 2 THEN y ELSE y - 1 END AS a, CASE WHEN m > 2 THEN m - 3 ELSE m + 9 END AS b,
         CASE WHEN tm > 2 THEN ty ELSE ty - 1 END AS ta, CASE WHEN tm > 2 THEN tm - 3 ELSE tm + 9 END AS tb
  FROM split
)
SELECT s.connection_id,
       s.connection AS connection_name,
       s.plan,
       s.member,
       s.resource_type,
       s.state,
       s.reason,
       s.hint,
       s.day AS complete_as_of_date,
       CAST(365 * (ta - a) + (ta - ta % 4) / 4 - (a - a % 4) / 4 - (ta - ta % 100) / 100 + (a - a % 100) / 100
         + (ta - ta % 400) / 400 - (a - a % 400) / 400
         + (153 * tb + 2 - (153 * tb + 2) % 5) / 5 - (153 * b + 2 - (153 * b + 2) % 5) / 5 + td - d AS INTEGER) AS days_since_complete,
       substr(s.deletions_known_as_of, 1, 10) AS deletions_as_of_date,
       substr(s.checked_at, 1, 10) AS checked_date,
       substr(moved.at, 1, 10) AS last_change_date,
       CASE s.resource_type WHEN 'ExplanationOfBenefit' THEN served.date END AS newest_service_date,
       s.resources AS resource_count,
       s.rejects AS reject_count,
       s.absent AS absent_count
FROM shifted AS s
LEFT JOIN moved ON moved.connection_id = s.connection_id AND moved.resource_type = s.resource_type
LEFT JOIN served ON served.connection_id = s.connection_id;
