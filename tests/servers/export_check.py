"""Compares every file of an export with the warehouse, row for row, as a tool reads the file.

Usage: export_check.py WAREHOUSE DIR [duckdb|pyarrow|polars]

Rows are compared as a multiset, since a table has no order. Prints how many files and rows agreed; the
first difference ends it with an error.
"""

import collections
import datetime
import decimal
import hashlib
import json
import pathlib
import sqlite3
import sys

warehouse = sqlite3.connect(sys.argv[1])
folder = pathlib.Path(sys.argv[2])
manifest = json.loads((folder / "manifest.json").read_text())
tool = sys.argv[3] if len(sys.argv) > 3 else "duckdb"
if tool == "duckdb":
    import duckdb

    db = duckdb.connect()
elif tool == "pyarrow":
    import pyarrow.parquet
else:
    import polars
# What each tool calls the types of a Parquet file; any other has the name that the manifest has.
IN_PARQUET = {
    "duckdb": {"TEXT": "VARCHAR", "INTEGER": "BIGINT"},
    "pyarrow": {
        "TEXT": "string", "INTEGER": "int64", "DOUBLE": "double", "BOOLEAN": "bool", "DATE": "date32[day]",
        "TIMESTAMP": "timestamp[us]", "DECIMAL(18,2)": "decimal128(18, 2)", "DECIMAL(18,6)": "decimal128(18, 6)",
    },
    "polars": {
        "TEXT": "String", "INTEGER": "Int64", "DOUBLE": "Float64", "BOOLEAN": "Boolean", "DATE": "Date",
        "TIMESTAMP": "Datetime(time_unit='us', time_zone=None)", "DECIMAL(18,2)": "Decimal(precision=18, scale=2)",
        "DECIMAL(18,6)": "Decimal(precision=18, scale=6)",
    },
}[tool]


def of_csv(cell, kind):
    """A cell of a file that is text alone."""
    if cell is None:
        return None
    if kind in ("INTEGER", "BOOLEAN"):
        return int(cell)
    if kind == "DOUBLE" or kind.startswith("DECIMAL"):
        return float(cell)
    return cell[1:] if not manifest["is_raw"] and cell.startswith("'") else cell


def of_parquet(cell, kind):
    """A cell of a file that has types, as SQLite would hold it."""
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, decimal.Decimal):
        return float(cell)
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(" ")
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    return cell


def stored(cell, kind):
    """A cell of the warehouse, as the type of its column has it."""
    if kind.startswith("DECIMAL") and cell is not None:
        return round(float(cell), int(kind.rstrip(")").split(",")[1]))
    if kind == "TEXT" and cell is not None and not isinstance(cell, str):
        return format(cell, "g") if isinstance(cell, float) else str(cell)
    if kind == "DOUBLE" and cell is not None:
        return float(cell)
    return cell


def typed(path):
    """Names and types of a Parquet file's columns, and its rows."""
    if tool == "duckdb":
        found = db.execute("SELECT * FROM read_parquet('%s')" % path)
        return [(name, str(kind)) for name, kind, *_ in found.description], found.fetchall()
    if tool == "pyarrow":
        table = pyarrow.parquet.read_table(path)
        columns = [column.to_pylist() for column in table.columns]
        return [(field.name, str(field.type)) for field in table.schema], zip(*columns)
    frame = polars.read_parquet(path)
    return [(name, str(kind)) for name, kind in frame.schema.items()], frame.iter_rows()


def exported(path, columns):
    """Every row of a file."""
    if manifest["format"] == "parquet":
        told, found = typed(path)
        convert = of_parquet
        wanted = [(c["name"], IN_PARQUET.get(c["type"], c["type"])) for c in columns]
        assert told == wanted, (path, [pair for pair in zip(told, wanted) if pair[0] != pair[1]])
    else:
        options = "all_varchar=true, header=true, delim=',', quote='\"', escape='\"', nullstr='', auto_detect=false"
        names = "{" + ", ".join("'%s': 'VARCHAR'" % c["name"] for c in columns) + "}"
        source = "read_csv('%s', %s, columns=%s, allow_quoted_nulls=false, parallel=false, max_line_size=50000000)" % (
            path, options, names)
        convert, found = of_csv, db.execute("SELECT * FROM " + source).fetchall()
    kinds = [c["type"] for c in columns]
    for row in found:
        yield tuple(stored(convert(cell, kind), kind) for cell, kind in zip(row, kinds))


rows = 0
for file in manifest["files"]:
    path = folder / file["name"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"], path
    assert path.stat().st_size == file["bytes"], path
    kinds = [c["type"] for c in file["columns"]]
    told = warehouse.execute('SELECT * FROM "%s"' % file["table"])
    assert [c[0] for c in told.description] == [c["name"] for c in file["columns"]], path
    wanted = collections.Counter(tuple(stored(c, k) for c, k in zip(row, kinds)) for row in told)
    found = collections.Counter(exported(path, file["columns"]))
    lacking, surplus = wanted - found, found - wanted
    assert not lacking and not surplus, (file["name"], list(lacking)[:1], list(surplus)[:1])
    assert sum(found.values()) == file["rows"], path
    rows += file["rows"]
print("%d files, %d rows" % (len(manifest["files"]), rows))
