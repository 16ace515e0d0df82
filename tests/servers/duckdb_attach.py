"""Answers SQL from stdin, a statement a line, over a SQLite file that DuckDB attaches.

Usage: duckdb_attach.py WAREHOUSE <STATEMENTS

Prints a line per row, values separated by bars. A cell that is not of its column's declared type
ends it with an error, and so does a view that DuckDB cannot read: it lists them all first.
"""

import pathlib
import sys

import duckdb
import duckdb_extension_sqlite_scanner

extension = next(pathlib.Path(duckdb_extension_sqlite_scanner.__file__).parent.glob("extensions/*/*"))
db = duckdb.connect(config={"allow_unsigned_extensions": True})
db.execute("LOAD '%s'" % extension)
db.execute("ATTACH '%s' AS warehouse (TYPE sqlite, READ_ONLY)" % sys.argv[1])
db.execute("USE warehouse")
db.execute("SHOW ALL TABLES").fetchall()
for line in sys.stdin:
    for row in db.execute(line).fetchall():
        print("|".join(str(value) for value in row))
