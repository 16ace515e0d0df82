"""An S3 server that fails now and then: moto's, behind a seeded die.

Usage: s3.py PORT SEED. It has the bucket `bucket`. Of the requests below it one in eight is answered with 503
(throttled) or 500 instead, or is done and answered with 500 all the same. Every third commit that is put on top of
others finds that another writer was quicker: a commit without any file is put in its place first, and a line is
printed.
"""

import itertools
import random
import re
import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
from werkzeug.test import Client
from werkzeug.wrappers import Response

port, die = int(sys.argv[1]), random.Random(int(sys.argv[2]))
moto = DomainDispatcherApplication(create_backend_app)
Client(moto).put("/bucket", headers={"Host": "s3.us-east-1.amazonaws.com"})
ERROR = "<Error><Code>%s</Code><Message>on purpose</Message></Error>"
COMMIT = re.compile(r"/_delta_log/(?!0{20})\d{20}\.json$")
commits = itertools.count()


def race(environ):
    """Puts a commit of somebody else's where the request is about to put one."""
    if environ["REQUEST_METHOD"] != "PUT" or "HTTP_IF_NONE_MATCH" not in environ or not COMMIT.search(environ["PATH_INFO"]):
        return
    if next(commits) % 3 == 0:
        headers = {"Host": environ["HTTP_HOST"], "If-None-Match": "*"}
        commit = b'{"commitInfo":{"timestamp":0,"operation":"OPTIMIZE"}}\n'
        if Client(moto).put(environ["PATH_INFO"], headers=headers, data=commit).status_code == 200:
            print("taken", environ["PATH_INFO"], flush=True)


def faulty(environ, start_response):
    race(environ)
    face = die.randrange(24) if environ["PATH_INFO"].startswith("/bucket/") and "HTTP_X_HONEST" not in environ else 23
    if face == 0:
        return Response(ERROR % "SlowDown", 503)(environ, start_response)
    if face == 1:
        return Response(ERROR % "InternalError", 500)(environ, start_response)
    if face == 2:
        b"".join(moto(environ, lambda *_: None))
        return Response(ERROR % "InternalError", 500)(environ, start_response)
    return moto(environ, start_response)


# One request at a time: moto looks whether an object is there before it puts it, and not in one step.
run_simple("127.0.0.1", port, faulty, threaded=False)
