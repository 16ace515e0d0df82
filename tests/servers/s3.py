"""An S3 server that fails now and then: moto's, behind a seeded die.

Usage: s3.py PORT SEED. It has the bucket `bucket`. Of the requests below it one in eight is answered with 503
(throttled) or 500 instead, or is done and answered with 500 all the same.
"""

import random
import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
from werkzeug.test import Client
from werkzeug.wrappers import Response

port, die = int(sys.argv[1]), random.Random(int(sys.argv[2]))
moto = DomainDispatcherApplication(create_backend_app)
Client(moto).put("/bucket", headers={"Host": "s3.us-east-1.amazonaws.com"})
ERROR = "<Error><Code>%s</Code><Message>on purpose</Message></Error>"


def faulty(environ, start_response):
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
