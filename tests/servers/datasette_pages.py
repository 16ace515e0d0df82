"""Opens the pages of a warehouse in Datasette as a browser does.

Usage: datasette_pages.py WAREHOUSE METADATA

Every mart, every view of Tuva's and every question has a page that is complete: no query met the limit of
one second, and the table's description is there. Prints how many there are and how long the slowest took.
"""

import html
import json
import pathlib
import re
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

warehouse, metadata = sys.argv[1:]
told = json.loads(pathlib.Path(metadata).read_text())["databases"]["warehouse"]
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = subprocess.Popen(
    [pathlib.Path(sys.executable).parent / "datasette", "serve", warehouse, "--metadata", metadata,
     "--setting", "suggest_facets", "off", "--setting", "facet_time_limit_ms", "1000", "--port", str(port)],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def page(path):
    """The page and how many seconds it took."""
    start = time.monotonic()
    try:
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=60) as answer:
            text = html.unescape(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise SystemExit("%s: %d %s" % (path, error.code, error.read().decode()[:500]))
    for wrong in ("SQL Interrupted", "timed out"):
        assert wrong not in text, (path, wrong)
    return text, time.monotonic() - start


try:
    for _ in range(150):
        try:
            page("/-/versions.json")
            break
        except urllib.error.URLError:
            assert server.poll() is None, "datasette has ended"
            time.sleep(0.2)
    slowest = (0, "")
    db = sqlite3.connect("file:%s?mode=ro" % warehouse, uri=True)
    marts = [name for (name,) in db.execute("SELECT name FROM mart_table ORDER BY name")]
    for name in marts:
        text, seconds = page("/warehouse/" + name)
        assert told["tables"][name]["description"] in text, name
        slowest = max(slowest, (seconds, name))
    for name, question in told["queries"].items():
        fields = dict.fromkeys(re.findall(r":([a-z_]+)", question["sql"]), "x")
        values = "&".join("%s=%s" % field for field in fields.items())
        text, seconds = page("/warehouse/%s?%s" % (name, values))
        assert question["title"] in text, name
        slowest = max(slowest, (seconds, name))
        shown = json.loads(page("/warehouse/%s.json?_shape=arrays&%s" % (name, values))[0])["rows"]
        assert shown == [list(row) for row in db.execute(question["sql"], fields)][: len(shown) or None], name
    print("%d pages, %d questions, the slowest %s in %.2f s" % (len(marts), len(told["queries"]), slowest[1], slowest[0]))
finally:
    server.terminate()
    server.wait()
