"""dsnd and its database: a PostgreSQL server that is away, restarted or of a newer dsnd, and several dsnd that share it."""
import contextlib
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

import network
import postgres
from dsnd_test import Case, Dsnd
from network import wait_for

SECRET = "a secret's word"


class Told(Case):
    def ready(self, dsnd, words, seconds=20):
        """Waits until /readyz says these words ("ready": all is well)."""
        wait_for(f"/readyz: {words}", lambda: words in dsnd.get("/readyz")[1], seconds, lambda: dsnd.get("/readyz"))


class Shared(Told):
    @classmethod
    def setUpClass(cls):
        if not postgres.available():
            raise unittest.SkipTest("postgresql is not installed")
        super().setUpClass()

    def setUp(self):
        self.server = postgres.Postgres(port=postgres.free_port(), password=SECRET)
        self.addCleanup(self.server.stop)

    def flags(self, lease="3s"):
        return "--store", self.server.url(), "--lease", lease

    def ended(self, net, *flags):
        done = subprocess.run([str(net.bin / "dsnd"), "--state-dir", str(net.folder / "other"), *flags], env=net.environment,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn(SECRET, done.stderr)
        return done.stderr


class Server(Shared):
    """One dsnd; no node is needed."""

    def test_away_and_back(self):
        net = self.network(start=False, transcoders=0)
        dsnd = Dsnd(net, *self.flags())
        self.server.end()
        dsnd.start()
        self.assertEqual(dsnd.get("/healthz")[0], 200)
        self.ready(dsnd, f"the database is not open: postgresql://127.0.0.1:{self.server.port}/postgres: connecting: ")
        refused = dsnd.call("orders.list")
        self.assertEqual(refused["data"]["error"], "unavailable")
        self.assertIn("the database is not open: ", refused["message"])
        self.assertIn("dsnd_database_open 0", dsnd.get("/metrics")[1])
        self.server.start()
        self.ready(dsnd, "ready\n")
        self.assertEqual(dsnd.call("orders.list"), {"orders": []})

        self.server.kill()
        self.ready(dsnd, "the database: ")
        self.assertEqual(dsnd.get("/readyz")[0], 503)
        self.assertEqual(dsnd.call("orders.list")["data"]["error"], "unavailable")
        self.server.start()
        self.ready(dsnd, "ready\n")
        self.assertEqual(dsnd.call("orders.list"), {"orders": []})
        said = dsnd.log_path.read_text()
        self.assertNotIn(SECRET, said)
        self.assertEqual(dsnd.end(), 0)

    def test_what_is_refused(self):
        net = self.network(start=False, transcoders=0)
        dsnd = Dsnd(net, *self.flags()).start()
        self.ready(dsnd, "ready\n")
        url = self.server.url()
        self.assertIn("has a password in it", self.ended(net, "--store", url.replace("dsn@", "dsn:guess@")))
        self.assertIn("--store: neither a file nor", self.ended(net, "--store", "mysql://here/x"))
        self.assertIn("--lease: ", self.ended(net, "--store", url, "--lease", "1s"))
        self.assertIn("--url: ", self.ended(net, "--url", "here"))
        self.assertEqual(dsnd.end(), 0)

        # A newer dsnd was here.
        schema, jobs = (self.server.sql(f"select version from {what}") for what in ("dsn_schema", "service where name = 'jobs'"))
        self.server.sql("update dsn_schema set version = 99")
        self.assertIn("made by a newer dsn (schema 99, this one knows ", self.ended(net, "--store", url))
        self.server.sql(f"update dsn_schema set version = {schema}")
        self.server.sql("update service set version = 99 where name = 'jobs'")
        self.assertIn("the tables of jobs were made by a newer dsnd (version 99", self.ended(net, "--store", url))
        self.server.sql(f"update service set version = {jobs} where name = 'jobs'")

        # A wrong password is said, and mended in the file.
        right = self.server.passfile.read_text()
        self.server.passfile.write_text(right.replace(SECRET, "another one"))
        dsnd.ready_file.unlink(missing_ok=True)
        dsnd.start()
        self.ready(dsnd, "password authentication failed")
        self.server.passfile.write_text(right)
        self.ready(dsnd, "ready\n")
        self.assertNotIn(SECRET, dsnd.log_path.read_text())
        self.assertNotIn(SECRET, pathlib.Path(f"/proc/{dsnd.process.pid}/cmdline").read_text())


class Copies(Told):
    """Of a file; no node is needed."""

    def copy(self, dsnd, *flags):
        return subprocess.run([str(self.net.bin / "dsnd"), "--state-dir", str(dsnd.folder), *flags], env=self.net.environment,
                              capture_output=True, text=True, timeout=60, check=False)

    def test_backup_and_restore(self):
        net = self.network(start=False, transcoders=0)
        dsnd = Dsnd(net).start()
        self.ready(dsnd, "ready\n")
        database, copy = dsnd.folder / "dsnd.db", net.folder / "copy.db"
        with contextlib.closing(sqlite3.connect(database)) as db, db:
            db.execute("update jobs_number set next = 8")
            db.execute("insert into jobs_order(number, job, owner, state, document, tasks, created_ms, changed_ms) "
                       f"values(7, '0200000000000000000007', '{1:040x}', 'stopped', '{{}}', '{{}}', 1, 1)")
            db.execute(f"insert into sessions_login values('{7:016x}', '{7:064x}', '{1:040x}', 1, 1, 9000000000000, 1)")
        made = self.copy(dsnd, "--backup", str(copy))
        self.assertEqual((made.returncode, copy.stat().st_mode & 0o777), (0, 0o600), made.stderr)
        self.assertIn("there is such a file", self.copy(dsnd, "--backup", str(copy)).stderr)
        refused = self.copy(dsnd, "--restore", str(copy))
        self.assertEqual(refused.returncode, 4, refused.stderr)
        self.assertIn("end the dsnd of this folder first", refused.stderr)
        self.assertIn("pg_dump", self.copy(dsnd, "--store", "postgresql://here/x", "--backup", str(copy)).stderr)
        self.assertEqual(dsnd.end(), 0)

        # It is damaged: that is said, and what was there is kept.
        database.write_bytes(b"noise" * 5000)
        broken = self.copy(dsnd, "--backup", str(net.folder / "other.db"))
        self.assertNotEqual(broken.returncode, 0)
        self.assertIn(f"{database}: ", broken.stderr)
        began_ms = time.time() * 1000
        restored = self.copy(dsnd, "--restore", str(copy))
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.assertEqual(len(list(dsnd.folder.glob("dsnd.db.before-*"))), 1)
        dsnd.ready_file.unlink(missing_ok=True)
        dsnd.start()
        self.assertEqual([o["job"] for o in dsnd.call("orders.list")["orders"]], ["0200000000000000000007"])
        # No number is given twice.
        with contextlib.closing(sqlite3.connect(database)) as db:
            self.assertGreaterEqual(db.execute("select next from jobs_number").fetchone()[0], began_ms - 1)
            # Nor does a login come back that has been ended since.
            self.assertEqual(db.execute("select count(*) from sessions_login").fetchone()[0], 0)

    @unittest.skipUnless(os.geteuid() == 0, "root")
    def test_root_writes_in_nobodys_folder(self):
        net = self.network(start=False, transcoders=0)
        dsnd = Dsnd(net)
        dsnd.folder.mkdir(mode=0o700, exist_ok=True)
        theirs, link, target = net.folder / "theirs", net.folder / "link", net.folder / "precious"
        theirs.mkdir()
        target.write_text("precious\n")
        link.symlink_to(dsnd.folder)
        os.lchown(link, 65534, 65534)
        (dsnd.folder / "dsnd.lock").symlink_to(target)
        os.chown(dsnd.folder, 65534, 65534)
        os.chown(theirs, 65534, 65534)
        for flags in (("--backup", str(net.folder / "copy.db")), ("--restore", str(target))):
            done = self.copy(dsnd, *flags)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn(f"{dsnd.folder}: belongs to user 65534", done.stderr)
            self.assertIn("run this as that user, runuser -u ", done.stderr)
        os.chown(dsnd.folder, 0, 0)
        for words in (("--state-dir", str(link)), ("--store", str(theirs / "dsnd.db"))):
            done = self.copy(dsnd, *words, "--restore", str(target))
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn("belongs to user 65534", done.stderr)
        self.assertEqual([p.name for p in theirs.iterdir()], [])


class Standby(Shared):
    """Two dsnd on one database: one leads."""

    def pair(self, lease, transcoders=1):
        net = self.network(start=False, transcoders=transcoders)
        self.first = Dsnd(net, *self.flags(lease)).start()
        self.second = Dsnd(net, *self.flags(lease), name="dsnd2")
        self.second.folder.mkdir(mode=0o700)
        shutil.copy2(self.first.folder / "identity.key", self.second.folder / "identity.key")
        self.second.start()
        self.assertEqual(self.second.address, self.first.address)
        for agent in net.agents.values():
            agent.flags += ["--manager", self.first.address]
        net.up()
        self.dsnd = self.first
        self.obeyed(transcoders + 2)
        self.ready(self.first, "ready\n")
        self.is_standby(self.second, self.first)
        return net

    def is_standby(self, dsnd, leader):
        self.ready(dsnd, f"registry: this dsnd is a standby for registry: call http://127.0.0.1:{leader.port}, which leads it")
        self.assertEqual(dsnd.get("/readyz")[0], 503)
        self.assertIn('dsnd_leads{service="jobs"} 0', dsnd.get("/metrics")[1])
        for method, params in (("orders.list", {}), ("orders.cancel", {"job": "0200000000000000000001"})):
            refused = dsnd.call(method, **params)
            self.assertEqual(refused["data"]["error"], "unavailable")
            self.assertIn(f"call http://127.0.0.1:{leader.port}", refused["message"])

    def term(self, dsnd):
        return float(next(line for line in dsnd.get("/metrics")[1].splitlines() if line.startswith('dsnd_term{service="jobs"}')).split()[1])

    def order_now(self, job):
        return next(o for o in self.second.call("orders.list")["orders"] if o["job"] == job)

    def test_leader_killed(self):
        """While it starts an order: the other one goes on with it."""
        net = self.pair("15s")
        # It is warm: it knows who is there, and whom it may give work.
        self.dsnd = self.second
        self.obeyed(3)
        first_term = self.term(self.first)
        storage = net.agent_of["s"]
        storage.process.send_signal(signal.SIGSTOP)
        ordering = net.vcli_start(*self.first.words("order", "create", self.order_file(net), "--yes"))
        job = wait_for("the order", lambda: self.first.call("orders.list")["orders"], 20)[0]["job"]
        self.first.kill()
        began = time.monotonic()
        self.ready(self.second, "ready\n", 25)
        self.assertLess(time.monotonic() - began, 20)
        self.assertGreater(self.term(self.second), first_term)
        self.assertEqual(ordering.wait(30), 5)
        storage.process.send_signal(signal.SIGCONT)
        wait_for("the stream", lambda: self.order_now(job)["state"] == "running", 60, lambda: self.order_now(job))
        self.assertEqual(len(self.second.call("orders.list")["orders"]), 1)
        for node in net.ids.values():
            self.assertEqual([j["job_id"] for j in net.vcli("node", "pipeline", node)["jobs"]], [job])

        # Nobody is declared dead by one who has just begun to listen; who goes hands over at once.
        self.assertNotIn("state=offline", self.second.log_path.read_text())
        self.first.start()
        self.is_standby(self.first, self.second)
        self.assertEqual(self.second.end(), 0)
        began = time.monotonic()
        self.ready(self.first, "ready\n", 20)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(self.first.call("orders.cancel", job=job)["state"], "cancelled")

    def test_leader_frozen(self):
        """Longer than its lease: woken, it does nothing more."""
        net = self.pair("3s", transcoders=1)
        one = self.first.call("orders.create", order=self.order(net))
        self.assertEqual(one["state"], "running", one)
        self.first.process.send_signal(signal.SIGSTOP)
        # What it is told while it sleeps waits in its socket.
        late = net.vcli_start(*self.first.words("order", "create", self.order_file(net), "--yes"))
        self.ready(self.second, "ready\n", 20)
        self.assertEqual(self.second.call("pipelines.stop", job=one["job"])["state"], "stopped")
        two = self.second.call("orders.create", order=self.order(net))
        self.assertEqual(two["state"], "running", two)
        self.first.process.send_signal(signal.SIGCONT)
        self.is_standby(self.first, self.second)
        self.assertEqual(late.wait(60), 5)
        self.assertIn("dsnd.standby service=jobs", self.first.log_path.read_text())
        orders = {o["job"]: o["state"] for o in self.second.call("orders.list")["orders"]}
        self.assertEqual(orders, {one["job"]: "stopped", two["job"]: "running"})
        self.assertNotIn("state=suspect", self.second.log_path.read_text())


if __name__ == "__main__":
    network.main()
