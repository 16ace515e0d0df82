"""tap-rest-api-msdk into target-duckdb: a table per type, nested members as flat columns, lists as JSON in them.

The tap cannot follow a link, so it counts pages as long as there is a link, and needs a server that allows that.
"""

import json
import subprocess
import sys

verb, base, folder, tap, target, *kinds = sys.argv[1:]
FILE = folder + "/singer.duckdb"
COUNT = """
import duckdb, sys
db = duckdb.connect(sys.argv[1])
found = db.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'bench' AND NOT contains(table_name, '__')").fetchall()
print(sum(db.execute('SELECT count(*) FROM bench."%s"' % name).fetchone()[0] for (name,) in found))
"""
if verb == "count":
    sys.exit(subprocess.run([target + "/bin/python", "-c", COUNT, FILE]).returncode)
streams = [{"name": kind.lower(), "path": "/" + kind} for kind in kinds]
of_tap = {
    "api_url": base, "auth_method": "bearer_token", "bearer_token": "a-token-for-the-bench",
    "pagination_request_style": "page_number_paginator", "pagination_initial_offset": 0,
    "pagination_next_page_param": "page", "next_page_token_path": "$.link[?(@.relation=='next')].url",
    "records_path": "$.entry[*].resource", "primary_keys": ["id"], "num_inference_records": 100, "streams": streams,
}
for name, config in ("tap", of_tap), ("target", {"path": FILE, "default_target_schema": "bench"}):
    with open("%s/%s.json" % (folder, name), "w") as file:
        json.dump(config, file)
reader = subprocess.Popen([tap + "/bin/tap-rest-api-msdk", "--config", folder + "/tap.json"], stdout=subprocess.PIPE)
writer = subprocess.run([target + "/bin/target-duckdb", "-c", folder + "/target.json"], stdin=reader.stdout, stdout=subprocess.DEVNULL)
sys.exit(writer.returncode or reader.wait())
