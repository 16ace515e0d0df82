"""Runs the SQL of the marts and of the Tuva layer on Sail over a Delta Lake, and compares the rows with SQLite's.

Usage: sail_check.py LAKE SHARD WAREHOUSE CONFIG

CONFIG has the folders marts/ and tuva/. Sail runs its driver and workers as docs/lake.md says (SAIL_MODE). Prints
which views agreed and their rows; the first difference ends it with an error.
"""

import collections
import datetime
import decimal
import pathlib
import re
import sqlite3
import sys

from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

lake, shard, file, config = sys.argv[1:]
# What these need is not in the lake: the ledger, the lists of codes, JSON within SQL; or not in Sail: recursion.
NOT_HERE = {"changes", "data_freshness", "provider", "provider_npi", "contained_resource", "member_month"}


def of_sqlite(text):
    """The SELECT of a view, with the words that Spark has for SQLite's."""
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    found = re.search(r"CREATE VIEW (\w+) AS\n(.*?);\s*$", text, re.S)
    if not found:
        return None, None
    sql = re.sub(r'"(\w+)"', r"`\1`", found[2])
    sql = re.sub(r"\bAS (TEXT|VARCHAR|TIMESTAMP)\b", "AS STRING", sql)
    sql = re.sub(r"\bAS REAL\b", "AS DOUBLE", sql)
    sql = re.sub(r"\bAS INTEGER\b", "AS BIGINT", sql)
    sql = re.sub(r"\bAS (NOT )?MATERIALIZED\b", "AS", sql)
    sql = re.sub(r"\bGLOB '([^']*)'", lambda glob: "RLIKE '^%s$'" % glob[1].replace("*", ".*"), sql)
    sql = re.sub(r"\bdate\((\w+\.received_at)\)", r"substr(\1, 1, 10)", sql)
    return found[1], sql


def plain(cell):
    """A cell as SQLite would hold it: amounts to the cent, flags as numbers."""
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, (decimal.Decimal, float)):
        return round(float(cell), 4) + 0.0
    if isinstance(cell, datetime.datetime):
        return cell.strftime("%Y-%m-%d" if cell.time() == datetime.time() else "%Y-%m-%d %H:%M:%S")
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    return cell


def as_number(cell):
    return float(cell) if isinstance(cell, int) else cell


server = SparkConnectServer(port=0)
server.start(background=True)
spark = SparkSession.builder.remote("sc://localhost:%d" % server.listening_address[1]).getOrCreate()
warehouse = sqlite3.connect(file)
views = {}
for path in sorted(pathlib.Path(config).glob("*/*.sql")):
    name, sql = of_sqlite(path.read_text())
    if name and name not in NOT_HERE:
        views[name] = sql
read = set(re.findall(r"\b(?:FROM|JOIN)\s+`?(\w+)`?", " ".join(views.values())))
for folder in pathlib.Path(lake).iterdir():
    if folder.name not in read:
        continue
    frame = spark.read.format("delta").load(str(folder)).where("lake_shard = '%s'" % shard)
    # SQLite's SQL knows flags as numbers and days as texts.
    casts = {"boolean": "CAST(`%s` AS INT) AS `%s`", "date": "CAST(`%s` AS STRING) AS `%s`"}
    columns = [casts.get(kind, "`%s` AS `%s`") % (column, column) for column, kind in frame.dtypes]
    frame.selectExpr(*columns).drop("lake_shard", "lake_plan").createOrReplaceTempView(folder.name)
failed = 0
for name, sql in views.items():
    told = warehouse.execute('SELECT * FROM "%s"' % name)
    header = [column[0] for column in told.description]
    wanted = collections.Counter(tuple(as_number(plain(cell)) for cell in row) for row in told)
    try:
        frame = spark.sql(sql)
        assert frame.columns == header, (name, frame.columns)
        found = collections.Counter(tuple(as_number(plain(cell)) for cell in row) for row in frame.collect())
    except Exception as error:
        print(name, "FAILED", str(error)[:300].replace("\n", " "))
        failed += 1
        continue
    lacking, surplus = wanted - found, found - wanted
    if lacking or surplus:
        failed += 1
        a, b = list(lacking)[:1], list(surplus)[:1]
        print(name, "DIFFERS", sum(lacking.values()), sum(surplus.values()),
              [(c, x, y) for c, x, y in zip(header, a[0], b[0]) if x != y][:6] if a and b else (a, b))
        continue
    print(name, sum(wanted.values()))
spark.stop()
server.stop()
sys.exit(1 if failed else 0)
