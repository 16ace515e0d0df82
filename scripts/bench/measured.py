"""How a process is measured: whole, from its start to its end, by what the system counted for it."""

import collections
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
Measured = collections.namedtuple("Measured", "wall processor peak written status")


def measure(*command, until=None):
    """Runs a process, its children counted along: wall and processor seconds, peak memory, bytes written.

    `until` says when to kill it.
    """
    start = time.monotonic()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=said, start_new_session=True)
        while until and not until() and child.poll() is None:
            time.sleep(0.001)
        if until and child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if status and not until:
            said.seek(0)
            sys.exit("%s failed: %s" % (" ".join(map(str, command)), said.read().decode()[-2000:]))
    return Measured(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, used.ru_oublock * 512, child.returncode)


def prepare():
    """A folder for temporary homes, which are their owner's alone."""
    os.umask(0o077)
    (ROOT / "target").mkdir(exist_ok=True)


def release_build(words, at=1):
    """The program to measure: the word at that place, or a release build."""
    prepare()
    if len(words) > at:
        return pathlib.Path(words[at]).resolve()
    subprocess.run(["cargo", "build", "--quiet", "--release"], cwd=ROOT, check=True)
    return ROOT / "target/release/payersync"


def ask(file, sql):
    """The first row of an answer of a SQLite file."""
    db = sqlite3.connect("file:%s?mode=ro" % file, uri=True)
    try:
        return db.execute(sql).fetchone()
    finally:
        db.close()
