"""Compares every table of a Delta Lake with the warehouse, row for row, as delta-rs reads the lake.

Usage: lake_check.py LAKE SHARD=WAREHOUSE…
With LAKE_READER=duckdb it is DuckDB's extension that reads the lake.

Rows are compared as a multiset, since a table has no order. Prints how many tables and rows agreed; the
first difference ends it with an error.
"""

import collections
import datetime
import decimal
import os
import pathlib
import sqlite3
import sys

import deltalake

duckdb = None
if os.environ.get("LAKE_READER") == "duckdb":
    import duckdb as package
    import duckdb_extension_delta

    extension = next(pathlib.Path(duckdb_extension_delta.__file__).parent.glob("extensions/*/*"))
    duckdb = package.connect(config={"allow_unsigned_extensions": True})
    duckdb.execute("LOAD '%s'" % extension)
    duckdb.execute("SET TimeZone = 'UTC'")

lake = sys.argv[1]
homes = dict(argument.split("=", 1) for argument in sys.argv[2:])
options = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "AZURE_"))}
RESOURCE = "SELECT connection_id, resource_type, resource_id, version_id, last_updated, received_at, json FROM resource"
CONNECTION = "SELECT id AS connection_id, id, name, plan, member, patient_id FROM connection"


def in_lake(cell):
    """A cell of the lake, as SQLite would hold it."""
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, decimal.Decimal):
        return float(cell)
    if isinstance(cell, datetime.datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    return cell


def stored(cell, kind):
    """A cell of the warehouse, as the type of its column has it."""
    if cell is None:
        return None
    if kind.startswith("decimal"):
        return round(float(cell), int(kind.rstrip(")").split(",")[1]))
    if kind == "string" and not isinstance(cell, str):
        return format(cell, "g") if isinstance(cell, float) else str(cell)
    if kind == "double":
        return float(cell)
    if kind == "timestamp":
        return (cell if len(cell) > 10 else cell + " 00:00:00").replace("T", " ")[:19]
    return cell


def tables(warehouse):
    """Name and statement of each table that the lake has to have."""
    names = [row[0] for row in warehouse.execute("SELECT name FROM view_table UNION SELECT name FROM mart_table")]
    for name in names:
        columns = [row[1] for row in warehouse.execute('SELECT * FROM pragma_table_info(?)', [name])]
        if "connection_id" in columns:
            yield name, 'SELECT * FROM "%s"' % name
    yield "connection", CONNECTION
    yield "resource", RESOURCE + " WHERE deleted_at IS NULL"


opened = {shard: sqlite3.connect(path) for shard, path in homes.items()}
wanted_tables = {shard: dict(tables(warehouse)) for shard, warehouse in opened.items()}
names = sorted(set().union(*wanted_tables.values()))
rows = 0
for name in names:
    try:
        table = deltalake.DeltaTable(lake + "/" + name, storage_options=options)
    except Exception as error:
        raise AssertionError(name) from error
    kinds = {field.name: field.type.type for field in table.schema().fields}
    if duckdb:
        frame = duckdb.execute("SELECT * FROM delta_scan('%s/%s')" % (lake, name)).fetch_arrow_table()
    else:
        frame = table.to_pyarrow_table()
    found = {shard: collections.Counter() for shard in homes}
    plans = {shard: collections.Counter() for shard in homes}
    columns = frame.column_names
    for row in zip(*[column.to_pylist() for column in frame.columns]):
        cells = dict(zip(columns, row))
        shard, plan = cells.pop("lake_shard"), cells.pop("lake_plan")
        plans[shard][(cells["connection_id"], plan)] += 1
        found[shard][tuple(sorted((column, in_lake(cell)) for column, cell in cells.items() if cell is not None))] += 1
    for shard, warehouse in opened.items():
        told = warehouse.execute(wanted_tables[shard][name])
        header = [column[0] for column in told.description]
        assert set(header) <= set(columns), (name, set(header) - set(columns))
        wanted = collections.Counter(
            tuple(sorted((c, stored(cell, kinds[c])) for c, cell in zip(header, row) if cell is not None)) for row in told)
        lacking, surplus = wanted - found[shard], found[shard] - wanted
        assert not lacking and not surplus, (shard, name, list(lacking)[:1], list(surplus)[:1])
        of_plan = dict(warehouse.execute("SELECT id, plan FROM connection"))
        assert all(of_plan[connection] == plan for connection, plan in plans[shard]), (shard, name, plans[shard])
        rows += sum(wanted.values())
for folder in [] if "://" in lake else sorted(pathlib.Path(lake).iterdir()):
    assert folder.name == "_payersync" or folder.name in names or not deltalake.DeltaTable(str(folder)).file_uris(), folder
print("%d tables, %d rows" % (len(names), rows))
