"""fhirpy and sqlite-utils: a table per type, what is nested as JSON in columns; upserted in hundreds."""

import itertools
import sys

import sqlite_utils
from fhirpy import SyncFHIRClient

verb, base, folder, *kinds = sys.argv[1:]
db = sqlite_utils.Database(folder + "/fhirpy.db")
if verb == "count":
    print(sum(table.count for table in db.tables))
else:
    db.enable_wal()
    client = SyncFHIRClient(base, authorization="Bearer a-token-for-the-bench")
    for kind in kinds:
        found = iter(client.resources(kind))
        while some := [each.serialize() for each in itertools.islice(found, 100)]:
            db[kind].upsert_all(some, pk="id", alter=True)
