-- Who are the people, however often and wherever they are connected?
--
-- Grain: one row per person and connection, and per person in a connection that holds several. Count
-- distinct member_id to count people. Two connections belong to one person when they have the same
-- label, when they hold the same patient of the same plan or of the same server, or when their patients share an identifier
-- (same system, same value) and neither the birth date nor the first given name says otherwise. Accents,
-- hyphens and apostrophes make no other name, and a name sent as one text is read as "Ann Doe" or "Doe, Ann".
-- "Baby Boy" and the like are no names; if the name of either is unknown, a male and a female are two people.
-- Within one connection both must be known and agree, since families share numbers.
--
-- Connections of one person at one payer bring the same resources. The marts count each once: from the copy
-- that was updated last. If that is not known, a plan's copy counts before a file's, then the copy that came
-- last; of equal copies, that of the connection made first. A resource that the plan has deleted no longer
-- counts, although a file or an ended consent still has it.
--
-- member_id                   the person: the label, else c and the number of the first connection (and the
--                             patient, where that connection holds several or a label is called so)
-- connection_id               one of the person's connections, id in connection
-- patient_id                  the person in that connection, id in patient
-- connection_name             name of the connection
-- plan                        its plan, or NULL where only files fill it
-- evidence                    why it belongs to this person: label, same patient, identifier (with its system), or
--                             NULL for the person's first connection
-- same_as_connection_id       the connection that the evidence leads to
-- is_repeated                 1 when another of the person's connections reads the same records
-- source_connection_id        the first connection of a plan, else the first, that reads the same records: resources of one id are copies there
-- member_name                 name of the member
-- birth_date                  date of birth, ten characters
-- gender                      administrative gender
-- connection_count            how many connections the person has
CREATE TABLE member (
  member_id TEXT NOT NULL,
  connection_id INTEGER NOT NULL,
  patient_id TEXT NOT NULL,
  connection_name TEXT NOT NULL,
  plan TEXT,
  evidence TEXT,
  same_as_connection_id INTEGER,
  is_repeated INTEGER NOT NULL,
  source_connection_id INTEGER NOT NULL,
  member_name TEXT,
  birth_date TEXT,
  gender TEXT,
  connection_count INTEGER NOT NULL,
  PRIMARY KEY (connection_id, patient_id)
);
CREATE INDEX member_by_id ON member (member_id);
INSERT INTO member
SELECT person.member_id, person.connection_id, person.patient_id, connection.name, connection.plan,
       person.evidence, person.same_as_connection_id, person.is_repeated, person.source_id,
       coalesce(nullif(trim(coalesce(p.given_name, '') || ' ' || coalesce(p.family_name, '')), ''), p.name_text),
       first_day(p.birth_date), p.gender, person.connection_count
FROM temp.mart_scope
CROSS JOIN temp.person ON person.connection_id = mart_scope.connection_id
JOIN connection ON connection.id = person.connection_id
LEFT JOIN patient AS p ON p.connection_id = person.connection_id AND p.id = person.patient_id;
