"""How a dsnd of a test is made up: $DSN_TEST_DSND says it, so that the same suites run on all of them.

    file      one process with a file (the default)
    postgres  one process on a PostgreSQL server
    apart     each service in a process of its own, on a PostgreSQL server; callers come to the one that hosts only mail, so that
              every other call is passed on
"""
import atexit
import contextlib
import os
import pathlib
import sqlite3
import unittest

import postgres

NAMES = ("file", "postgres", "apart")
LEASE = "3s"  # so long nobody leads after a crash


def name():
    chosen = os.environ.get("DSN_TEST_DSND", "file")
    if chosen not in NAMES:
        raise ValueError(f"DSN_TEST_DSND={chosen}: none of {', '.join(NAMES)}")
    return chosen


class File:
    """dsnd.db in its state folder; read and written here as dsnd does, which may be away."""

    flags = ()

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "dsnd.db"

    def write(self, statement, rows=((),)):
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as db, db:
            db.executemany(statement, rows)

    def read(self, question):
        """Rows of texts."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as db:
            return [tuple(str(value) for value in row) for row in db.execute(question)]


class Schema:
    """A schema of its own on a server that all tests of this process share."""

    server, made = None, 0

    def __init__(self):
        if not postgres.available():
            raise unittest.SkipTest("postgresql is not installed")
        if not Schema.server:
            Schema.server = postgres.Postgres(port=postgres.free_port(last=True), password="a secret's word")
            atexit.register(Schema.server.stop)
        Schema.made += 1
        self.name = f"dsn{Schema.made}"
        self.server.sql(f"create schema {self.name}")
        self.flags = "--store", self.server.url(options=f"-csearch_path%3D{self.name}"), "--lease", LEASE

    def sql(self, text):
        return self.server.sql(f"set search_path = {self.name}; {text}")

    def write(self, statement, rows=((),)):
        parts = statement.split("?")
        self.sql("\n".join(["begin;"] + [
            parts[0] + "".join(self.literal(value) + part for value, part in zip(row, parts[1:], strict=True)) + ";"
            for row in rows] + ["commit;"]))
        if statement.startswith("insert into event("):  # whose ids are a sequence's
            self.sql("select setval('dsn_event_id', (select max(id) from event))")

    def read(self, question):
        return [tuple(line.split("|")) for line in self.sql(question).splitlines()]

    @staticmethod
    def literal(value):
        return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def database(folder):
    return File(folder) if name() == "file" else Schema()


FRONT = "mail"
PEERS = {"registry": (), "jobs": ("registry",), "play": ("jobs",), "payments": ("jobs",), "sessions": ("registry",),
         "mail": ("registry", "jobs", "play", "payments", "sessions")}
TOKEN = "peer-" + "p" * 20


def parts():
    """The services that have processes of their own beside the one that callers come to."""
    return [service for service in PEERS if service != FRONT] if name() == "apart" else []


def part_flags(dsnd, service):
    """What the process of a service is told, beside what all of them are."""
    if not dsnd.parts:
        return ()
    path = dsnd.net.folder / "peer.token"
    if not path.exists():
        path.touch(0o600)
        path.write_text(TOKEN + "\n")
    words = ["--services", service, "--peer-token-file", str(path), "--public-url", f"http://127.0.0.1:{dsnd.port}"]
    for peer in PEERS[service]:
        words += ["--peer", f"{peer}=http://127.0.0.1:{dsnd.parts[peer].port}"]
    return words
