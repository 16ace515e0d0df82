"""The rows of a finished warehouse, inserted anew: what SQLite alone takes for them.

No FHIR, no JSON, no requests, no values handed to SQLite: the same tables and indexes, prepared statements, the
resources in the order in which they came and a transaction per 10,000 of them, which are 100 pages; then the marts.
What is counted has in it that SQLite reads the rows. Prints the processor seconds, and those for the empty tables.
"""

import pathlib
import sqlite3
import sys
import time

warehouse, file = sys.argv[1:]
pathlib.Path(file).unlink(missing_ok=True)
PER_TRANSACTION = 10_000
db = sqlite3.connect(file, isolation_level=None)
db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384")
db.execute("ATTACH ? AS source", [warehouse])
schema = db.execute("SELECT type, name, sql FROM source.sqlite_schema WHERE type IN ('table', 'index') AND name NOT LIKE 'sqlite_%'").fetchall()
normalised = {name for (name,) in db.execute("SELECT name FROM source.view_table")}
statements, others = [], []
for kind, name, _ in schema:
    if kind == "table" and name in normalised:
        key = db.execute('PRAGMA source.table_info("%s")' % name).fetchall()[1][1]
        of = 'SELECT resource_type FROM source.resource WHERE resource_id = (SELECT "%s" FROM source."%s" LIMIT 1)' % (key, name)
        for (type,) in db.execute(of).fetchall():
            # CROSS JOIN: resource by resource, in the order of their numbers.
            statements.append("INSERT INTO main.\"%s\" SELECT t.* FROM source.resource r CROSS JOIN source.\"%s\" t ON t.connection_id = r.connection_id"
                              " AND t.\"%s\" = r.resource_id WHERE r.resource_type = '%s' AND r.id BETWEEN ?1 AND ?2" % (name, name, key, type))
    elif name == "resource":
        statements.append("INSERT INTO main.resource SELECT * FROM source.resource WHERE id BETWEEN ?1 AND ?2")
    elif kind == "table":
        # The LIMIT: else SQLite copies whole records, which no program that has values can.
        others.append('INSERT INTO main."%s" SELECT * FROM source."%s" LIMIT -1' % (name, name))
(last,) = db.execute("SELECT max(id) FROM source.resource").fetchone()
began = time.process_time()
db.executescript("BEGIN;" + ";".join(sql for _, _, sql in schema if sql) + "; COMMIT")
empty = time.process_time() - began
for first in range(1, last + 1, PER_TRANSACTION):
    db.execute("BEGIN")
    for statement in statements:
        db.execute(statement, [first, first + PER_TRANSACTION - 1])
    db.execute("COMMIT")
db.execute("BEGIN")
for statement in others:
    db.execute(statement)
db.execute("COMMIT")
db.close()
print("%.3f %.3f" % (time.process_time() - began, empty))
