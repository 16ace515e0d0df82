"""dlt, fully nested: a table per type and one for each list in it; merged by id, into SQLite or DuckDB."""

import sys

import dlt
from dlt.sources.helpers import requests

verb, base, folder, *kinds = sys.argv[1:]
into = {
    "duckdb": lambda: dlt.destinations.duckdb(folder + "/dlt.duckdb"),
    "sqlite": lambda: dlt.destinations.sqlalchemy("sqlite:///%s/dlt.db" % folder),
}[kinds.pop(0)]()


def pages(kind):
    url = "%s/%s" % (base, kind)
    while url:
        bundle = requests.get(url, headers={"Authorization": "Bearer a-token-for-the-bench"}).json()
        yield [entry["resource"] for entry in bundle["entry"]]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)


pipeline = dlt.pipeline("bench", pipelines_dir=folder + "/pipelines", destination=into, dataset_name="bench")
if verb == "count":
    count = 0
    try:
        with pipeline.sql_client() as client:
            for kind in kinds:
                name = client.make_qualified_table_name(pipeline.default_schema.naming.normalize_table_identifier(kind))
                count += client.execute_sql("SELECT count(*) FROM %s" % name)[0][0]
    except Exception:
        # Nothing has been loaded, so that there is no schema or table yet.
        pass
    print(count)
else:
    source = [dlt.resource(pages(kind), name=kind, primary_key="id", write_disposition="merge") for kind in kinds]
    pipeline.run(source)
