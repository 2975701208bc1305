"""dsnd and its database: a PostgreSQL server that is away, restarted or of a newer dsnd, and several dsnd that share it."""
import pathlib
import subprocess
import unittest

import network
import postgres
from dsnd_test import Case, Dsnd
from network import wait_for

SECRET = "a secret's word"


class Shared(Case):
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

    def ready(self, dsnd, words, seconds=20):
        """Waits until /readyz says these words ("ready": all is well)."""
        wait_for(f"/readyz: {words}", lambda: words in dsnd.get("/readyz")[1], seconds, lambda: dsnd.get("/readyz"))

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
        self.server.sql("update dsn_schema set version = 99")
        self.assertIn("made by a newer dsn (schema 99, this one knows ", self.ended(net, "--store", url))
        self.server.sql("update dsn_schema set version = (select 3)")
        self.server.sql("update service set version = 99 where name = 'jobs'")
        self.assertIn("the tables of jobs were made by a newer dsnd (version 99", self.ended(net, "--store", url))
        self.server.sql("update service set version = 2 where name = 'jobs'")

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


if __name__ == "__main__":
    network.main()
