"""Reads exported CSV as a spreadsheet does, into a workbook, and compares the workbook with the warehouse.

Usage: sheet_check.py WAREHOUSE DIR

A spreadsheet makes numbers and days of what looks like them, whatever the column, and computes what begins
like a formula. Prints how many sheets, texts and dates agreed; the first difference ends it with an error.
"""

import csv
import datetime
import json
import pathlib
import re
import sqlite3
import sys
import tempfile

import openpyxl

warehouse = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
folder = pathlib.Path(sys.argv[2])
NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?$")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}$")


def entered(text):
    """What a cell holds once this text is entered."""
    if text == "":
        return None
    if DAY.match(text):
        return datetime.datetime.fromisoformat(text)
    if NUMBER.match(text):
        # It keeps fifteen digits.
        return float("%.15g" % float(text))
    assert text[0] not in "=+-@", "a formula: " + text
    return text


def same(found, stored, kind):
    """Whether a cell of the sheet is what the warehouse holds; a text whole, a day as a day."""
    if stored is None or stored == "":
        return found is None
    if kind == "DATE":
        return found == datetime.datetime.fromisoformat(stored)
    if not isinstance(stored, str):
        return isinstance(found, (int, float)) and abs(found - stored) < 1e-9
    if isinstance(found, datetime.datetime):
        return found.date().isoformat() == stored
    if isinstance(found, (int, float)):
        return "%.15g" % found == stored
    return found.removeprefix("'") == stored


manifest = json.loads((folder / "manifest.json").read_text())
book = openpyxl.Workbook(write_only=True)
for file in manifest["files"]:
    sheet = book.create_sheet(file["table"])
    with (folder / file["name"]).open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.reader(lines):
            sheet.append([entered(cell) for cell in row])
texts = dates = 0
with tempfile.TemporaryDirectory() as work:
    book.save(work + "/book.xlsx")
    book = openpyxl.load_workbook(work + "/book.xlsx")
    for file in manifest["files"]:
        width = len(file["columns"])
        rows = book[file["table"]].iter_rows(min_row=2, max_row=file["rows"] + 1, max_col=width, values_only=True)
        found = list(rows) if file["rows"] else []
        wanted = warehouse.execute('SELECT * FROM "%s"' % file["table"]).fetchall()
        assert len(found) == len(wanted) == file["rows"], file["table"]
        for one, other in zip(found, wanted):
            for column, cell, stored in zip(file["columns"], one, other):
                assert same(cell, stored, column["type"]), (file["table"], column, cell, stored)
                texts += isinstance(stored, str)
                dates += isinstance(cell, datetime.datetime)
print("%d sheets, %d texts, %d dates" % (len(manifest["files"]), texts, dates))
