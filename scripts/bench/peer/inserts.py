"""The rows of a finished warehouse, inserted anew: what SQLite alone takes for them.

No FHIR, no JSON, no requests: the same tables and indexes, prepared statements, the resources in the order in
which they came and a transaction per 10,000 of them, which are 100 pages. Reading the rows is not counted.
"""

import pathlib
import sqlite3
import sys
import time

warehouse, file = sys.argv[1:]
pathlib.Path(file).unlink(missing_ok=True)
PER_TRANSACTION = 10_000


def tables(source):
    """Each table with rows: its name, its rows, and by which column they belong to a resource."""
    normalised = {name for (name,) in source.execute("SELECT name FROM view_table")}
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    for (name,) in source.execute(sql).fetchall():
        rows = source.execute('SELECT * FROM "%s"' % name).fetchall()
        if rows:
            yield name, rows, 3 if name == "resource" else 1 if name in normalised else None


source = sqlite3.connect("file:%s?mode=ro" % warehouse, uri=True)
rank = {id: number for number, (id,) in enumerate(source.execute("SELECT resource_id FROM resource ORDER BY id"))}
batches = [[] for _ in range(len(rank) // PER_TRANSACTION + 2)]
for name, rows, key in tables(source):
    insert = 'INSERT INTO "%s" VALUES (%s)' % (name, ", ".join("?" * len(rows[0])))
    parts = [[] for _ in batches]
    if key:
        rows.sort(key=lambda row: rank[row[key]])
    for row in rows:
        # Marts and what a run notes come last.
        parts[rank[row[key]] // PER_TRANSACTION if key else -1].append(row)
    for batch, part in zip(batches, parts):
        if part:
            batch.append((insert, part))
schema = [sql for (sql,) in source.execute("SELECT sql FROM sqlite_schema WHERE type IN ('table', 'index') AND name NOT LIKE 'sqlite_%' AND sql IS NOT NULL")]
source.close()

began = time.process_time()
db = sqlite3.connect(file, isolation_level=None)
db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384; BEGIN;" + ";".join(schema) + "; COMMIT")
empty = time.process_time() - began
for batch in batches:
    db.execute("BEGIN")
    for insert, part in batch:
        db.executemany(insert, part)
    db.execute("COMMIT")
db.close()
print("%.3f %.3f" % (time.process_time() - began, empty))
