"""The floor: each page fetched over one connection, and its bytes stored in SQLite."""

import http.client
import re
import sqlite3
import sys
import urllib.parse

verb, base, folder, *kinds = sys.argv[1:]
db = sqlite3.connect(folder + "/floor.db", isolation_level=None)
if verb == "count":
    # Each entry of these pages has one.
    print(db.execute("""SELECT sum((length(body) - length(replace(body, '"fullUrl"', ''))) / 9) FROM page""").fetchone()[0])
else:
    db.executescript("""
        PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
        CREATE TABLE IF NOT EXISTS page (url TEXT PRIMARY KEY, body BLOB)""")
    base = urllib.parse.urlparse(base)
    server = http.client.HTTPConnection(base.netloc)
    for kind in kinds:
        url = "%s/%s" % (base.path, kind)
        while url:
            server.request("GET", url)
            body = server.getresponse().read()
            db.execute("INSERT OR REPLACE INTO page VALUES (?, ?)", (url, body))
            link = re.search(rb'"relation":"next","url":"http://[^/]+([^"]+)"', body[:1000])
            url = link and link[1].decode()
db.close()
