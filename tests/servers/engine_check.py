"""Runs the marts and the Tuva layer on another engine over a Delta Lake, and compares every row with SQLite's.

Usage: engine_check.py sail|spark|duckdb LAKE SHARD WAREHOUSE CONFIG

CONFIG has the folders marts/ and tuva/. A view is run from its own SQL; a mart that is a table, or whose SQL needs
what the engine or the lake has not (see FROM_THE_LAKE), is read as the rows that the lake has of it. Sail runs its
driver and workers as SAIL_MODE says. Spark runs a driver and two workers as processes of their own, and reads the
Parquet files that the Delta log names. Prints a line per mart and view: how it was made, its name, its rows.
"""

import collections
import datetime
import decimal
import json
import os
import pathlib
import re
import sqlite3
import sys
import time
import urllib.parse

engine, lake, shard, file, config = sys.argv[1:]
os.environ["TZ"] = "UTC"
time.tzset()
# Marts whose SQL needs what the lake has not: versions, the ledger, the lists of codes.
FROM_THE_LAKE = {"changes", "data_freshness", "provider"}
if engine in ("sail", "spark"):
    # Sail has no recursion, and Spark makes a job of each of a thousand steps.
    FROM_THE_LAKE |= {"member_month"}


def select_of(text):
    """Name and SELECT of a view; a mart that is a table has a name alone."""
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    name = re.search(r"CREATE (?:VIEW|TABLE) (\w+)", text)[1]
    found = re.search(r"CREATE VIEW \w+ AS\n(.*?);\s*$", text, re.S)
    return name, found and found[1]


def for_spark(sql):
    """SQLite's SQL with the words that Spark has for it: the table of docs/lake.md."""
    sql = re.sub(r'"(\w+)"', r"`\1`", sql)
    sql = re.sub(r"\bAS (TEXT|VARCHAR|TIMESTAMP)\b", "AS STRING", sql)
    sql = re.sub(r"\bAS REAL\b", "AS DOUBLE", sql)
    sql = re.sub(r"\bAS INTEGER\b", "AS BIGINT", sql)
    sql = re.sub(r"\bAS (NOT )?MATERIALIZED\b", "AS", sql)
    sql = re.sub(r"\bGLOB '([^']*)'", lambda glob: "RLIKE '^%s$'" % glob[1].replace("*", ".*"), sql)
    sql = re.sub(r"\btrim\(([\w.]+), ", r"btrim(\1, ", sql)
    return re.sub(r"\bdate\((\w+\.received_at)\)", r"substr(\1, 1, 10)", sql)


# SQLite's SQL knows flags as numbers and days as texts.
CASTS = {"boolean": "CAST({0} AS INT) AS {0}", "date": "CAST({0} AS {1}) AS {0}"}


class Cluster:
    """Sail or Spark: the same Python, the same SQL."""

    def __init__(self, spark, load, server=None):
        # A server that nobody holds is shut down.
        self.spark, self.load, self.server = spark, load, server

    def table(self, folder):
        frame = self.load(folder).where("lake_shard = '%s'" % shard)
        names = [(CASTS.get(kind, "{0}")).format("`%s`" % name, "STRING") for name, kind in frame.dtypes]
        frame = frame.selectExpr(*names).drop("lake_shard", "lake_plan")
        frame.createOrReplaceTempView(folder.name)

    def run(self, sql):
        frame = self.spark.sql(for_spark(sql))
        return frame.columns, frame.collect()


def sail():
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer(port=0)
    server.start(background=True)
    spark = SparkSession.builder.remote("sc://localhost:%d" % server.listening_address[1]).getOrCreate()
    return Cluster(spark, lambda folder: spark.read.format("delta").load(str(folder)), server)


def snapshot(folder):
    """The schema and the files of a table's newest version, as its log has them."""
    import pyarrow.parquet

    log, files, schema, checkpoint = folder / "_delta_log", {}, None, -1
    last = log / "_last_checkpoint"
    if last.exists():
        checkpoint = json.loads(last.read_text())["version"]
        actions = pyarrow.parquet.read_table(log / ("%020d.checkpoint.parquet" % checkpoint)).to_pylist()
    else:
        actions = []
    for commit in sorted(log.glob("*.json")):
        if int(commit.stem) > checkpoint:
            actions += map(json.loads, commit.read_text().splitlines())
    for action in actions:
        if action.get("metaData"):
            schema = json.loads(action["metaData"]["schemaString"])
        if action.get("add"):
            files[action["add"]["path"]] = True
        if action.get("remove"):
            files.pop(action["remove"]["path"], None)
    return schema, [str(folder / urllib.parse.unquote(path)) for path in files]


def spark():
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

    spark = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        # A text that is no number is no error in SQLite either.
        .config("spark.sql.ansi.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")

    def load(folder):
        schema, files = snapshot(folder)
        schema = StructType.fromJson(schema)
        if not files:
            return spark.createDataFrame([], schema)
        return spark.read.schema(schema).option("basePath", str(folder)).parquet(*files)

    return Cluster(spark, load)


class DuckDb:
    def __init__(self):
        import duckdb
        import duckdb_extension_delta

        extension = next(pathlib.Path(duckdb_extension_delta.__file__).parent.glob("extensions/*/*"))
        self.db = duckdb.connect(config={"allow_unsigned_extensions": True})
        self.db.execute("LOAD '%s'" % extension)
        self.db.execute("SET TimeZone = 'UTC'")

    def table(self, folder):
        scan = "FROM delta_scan('%s')" % folder
        names = [row[:2] for row in self.db.execute("DESCRIBE SELECT * " + scan).fetchall()]
        names = [
            CASTS.get(kind.lower(), "{0}").format('"%s"' % name, "VARCHAR")
            for name, kind in names if name not in ("lake_shard", "lake_plan")
        ]
        sql = 'CREATE VIEW "%s" AS SELECT %s %s WHERE lake_shard = \'%s\'' % (folder.name, ", ".join(names), scan, shard)
        self.db.execute(sql)

    def run(self, sql):
        answer = self.db.execute(sql)
        return [column[0] for column in answer.description], answer.fetchall()


def plain(cell):
    """A cell as SQLite would hold it: amounts to the cent, flags as numbers."""
    if isinstance(cell, (bool, int, decimal.Decimal, float)):
        return round(float(cell), 4) + 0.0
    if isinstance(cell, datetime.datetime):
        return cell.strftime("%Y-%m-%d" if cell.time() == datetime.time() else "%Y-%m-%d %H:%M:%S")
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    return cell


def rows_of(rows):
    return collections.Counter(tuple(plain(cell) for cell in row) for row in rows)


def difference(header, lacking, surplus):
    """What differs in the two rows that are most alike."""
    if not lacking or not surplus:
        return "%d lacking, %d too many: %s" % (sum(lacking.values()), sum(surplus.values()), str(lacking or surplus)[:600])
    one = next(iter(lacking))
    other = max(surplus, key=lambda row: sum(a == b for a, b in zip(one, row)))
    cells = [(name, a, b) for name, a, b in zip(header, one, other) if a != b]
    return "%d lacking, %d too many: %s" % (sum(lacking.values()), sum(surplus.values()), str(cells)[:600])


def main():
    warehouse = sqlite3.connect(file)
    selects = dict(select_of(path.read_text()) for path in sorted(pathlib.Path(config).glob("*/*.sql"))
                   if path.parent.name in ("marts", "tuva"))
    own = {name: sql for name, sql in selects.items() if sql and name not in FROM_THE_LAKE}
    from_lake = [name for name in selects if name not in own]
    read = set(re.findall(r'\b(?:FROM|JOIN)\s+"?(\w+)"?', " ".join(own.values()))) | set(from_lake)
    running = {"sail": sail, "spark": spark, "duckdb": DuckDb}[engine]()
    began = time.time()
    for folder in pathlib.Path(lake).iterdir():
        # A view that another one reads is, like any mart, in the lake as rows.
        if folder.name in read:
            running.table(folder)
    failed = 0
    for name in selects:
        how, sql = ("own SQL", own[name]) if name in own else ("lake", None)
        told = warehouse.execute('SELECT * FROM "%s"' % name)
        header = [column[0] for column in told.description]
        wanted = rows_of(told)
        try:
            listed = ", ".join('"%s"' % column for column in header)
            columns, found = running.run(sql or 'SELECT %s FROM "%s"' % (listed, name))
        except Exception as error:
            print(how, name, "FAILED", str(error)[:400].replace("\n", " "), flush=True)
            failed += 1
            continue
        found = rows_of(found)
        if columns != header or wanted != found:
            failed += 1
            print(how, name, "DIFFERS", columns if columns != header else difference(header, wanted - found, found - wanted), flush=True)
            continue
        print(how, name, sum(wanted.values()), flush=True)
    print("%s: %.0f s, failed: %d" % (engine, time.time() - began, failed))
    sys.stdout.flush()
    # The engines' own threads would keep Python from ending.
    os._exit(1 if failed else 0)


main()
