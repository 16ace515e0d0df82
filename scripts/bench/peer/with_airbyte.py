"""PyAirbyte with a manifest for FHIR: a table per type in DuckDB, what is nested as JSON in columns."""

import json
import os
import sys
import urllib.request

verb, base, folder, *kinds = sys.argv[1:]
# The manifest is here, no list of connectors is needed; and nobody is told.
os.environ |= {"AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1"}
os.chdir(folder)
FILE = folder + "/airbyte.duckdb"
NEXT = "response.link | selectattr('relation', 'equalto', 'next') | list"
JSON_TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}


def stream(kind):
    """A stream whose columns are what the first page has: PyAirbyte makes a column for a declared name alone."""
    first = json.load(urllib.request.urlopen("%s/%s" % (base, kind)))
    names = {name: {"type": JSON_TYPES[type(value)]} for entry in first["entry"] for name, value in entry["resource"].items()}
    retriever = {
        "type": "SimpleRetriever",
        "requester": {
            "type": "HttpRequester", "url_base": base, "path": "/" + kind,
            "authenticator": {"type": "BearerAuthenticator", "api_token": "{{ config['token'] }}"},
        },
        "record_selector": {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": ["entry", "*", "resource"]}},
        "paginator": {
            "type": "DefaultPaginator", "page_token_option": {"type": "RequestPath"},
            "pagination_strategy": {
                "type": "CursorPagination", "cursor_value": "{{ (%s)[0].url }}" % NEXT,
                "stop_condition": "{{ %s | length == 0 }}" % NEXT,
            },
        },
    }
    schema = {"type": "InlineSchemaLoader", "schema": {"type": "object", "properties": names}}
    return {"type": "DeclarativeStream", "name": kind.lower(), "primary_key": ["id"], "schema_loader": schema, "retriever": retriever}


if verb == "count":
    import duckdb

    db, count = duckdb.connect(FILE), 0
    for (name,) in db.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'bench'").fetchall():
        if not name.startswith("_"):
            count += db.execute('SELECT count(*) FROM bench."%s"' % name).fetchone()[0]
    print(count)
else:
    import airbyte
    from airbyte.caches import DuckDBCache

    manifest = {
        "version": "6.0.0", "type": "DeclarativeSource", "check": {"type": "CheckStream", "stream_names": ["patient"]},
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {"token": {"type": "string"}}}},
        "streams": [stream(kind) for kind in kinds],
    }
    source = airbyte.get_source("source-bench", config={"token": "a-token-for-the-bench"}, source_manifest=manifest)
    source.select_all_streams()
    source.read(cache=DuckDBCache(db_path=FILE, schema_name="bench"))
