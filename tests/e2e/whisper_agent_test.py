#!/usr/bin/env python3
"""dsn-agent and vcli over Whisper, with no broker: with nodes of their own and by an shhd, what they hold in memory, and
that answers of a client that has gone are not repeated for ever."""
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent import Agent  # noqa: E402
from sealed_test import Person, VCLI  # noqa: E402
from whisper_bus_test import Shhd, figure, wait_for  # noqa: E402

SETTLED = 4  # seconds until an agent gives back what it needed to start
IDLE_MB = 8


class Url:
    """In the place of a broker: what Agent asks it for."""

    def __init__(self, url):
        self.text = url

    def url(self):
        return self.text


def resident_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Rss:")) / 1024


class WhisperAgent(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dsn-whisper-agent-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.boot = Shhd(self.folder)
        self.addCleanup(self.boot.stop)
        self.boot.start()
        self.embedded = f"shh:///?bootnode={self.boot.enode}"

    def agent(self, url, owner, *flags):
        agent = Agent(Url(url), "--owner", owner.address(), "--status-every", "1s", *flags)
        self.addCleanup(agent.close)
        self.node = owner.ask("key", "new", os.path.join(agent.state, "keys"))["id"]
        agent.argv += ["--node", self.node]
        return agent.start()

    def answered(self, person, *words):
        def ask():
            done = person.run(*words)
            return done.returncode == 0

        wait_for(" ".join(words), ask, 60)

    def orders(self, agent_url, person_url):
        owner, stranger = Person(self, person_url), Person(self, person_url)
        agent = self.agent(agent_url, owner)
        self.answered(owner, "node", "create", "storage", self.node)
        began = time.monotonic()
        self.assertEqual(owner.ask("node", "status", self.node)["state"], "running")
        figure(f"vcli node status over Whisper, from its start to its end: {time.monotonic() - began:.2f} s")
        refused = stranger.ask("node", "status", self.node, code=4)
        self.assertIn("obeys its owners only", refused["error"]["message"])
        # Its answers have been acknowledged by who asked, before he exited.
        with open(agent.log) as f:
            self.assertNotIn("whisper.not-posted", f.read())
        return agent

    def test_nodes_of_their_own(self):
        self.orders(self.embedded + "&listen=127.0.0.1:0", self.embedded)

    def test_by_an_shhd(self):
        self.orders(f"shh://127.0.0.1:{self.boot.port}", f"shh://127.0.0.1:{self.boot.port}")

    def test_agent_with_a_node_client_by_shhd(self):
        self.orders(self.embedded, f"shh://127.0.0.1:{self.boot.port}")

    def test_answer_to_a_client_that_was_killed(self):
        """Nobody will ever acknowledge it: it is given up, as a broker would say that there is no such mailbox."""
        owner = Person(self, self.embedded)
        agent = self.agent(self.embedded, owner, "--log-level", "debug")
        self.answered(owner, "node", "create", "storage", self.node)
        with contextlib.closing(sqlite3.connect(os.path.join(agent.state, "agent.db"))) as db:
            def count(table):
                return db.execute(f"select count(*) from {table}").fetchone()[0]

            # Killed between its command and its acknowledgement of the answer; a few tries, since that is short.
            for n in range(40):
                before = count("seen")
                asking = subprocess.Popen([VCLI, "node", "maintenance", "on" if n % 2 else "off", self.node], env=owner.environment,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                wait_for("the command is there", lambda: count("seen") > before)
                asking.kill()
                asking.wait()
                if count("outbox"):
                    break
            self.assertTrue(count("outbox"), "an answer that nobody takes")
            wait_for("it is given up", lambda: not count("outbox"), 100)

    def test_memory_of_an_idle_agent(self):
        owner = Person(self, self.embedded)
        agent = self.agent(self.embedded + "&listen=127.0.0.1:0", owner)
        self.answered(owner, "node", "hardware", self.node)
        time.sleep(SETTLED)
        mb = resident_mb(agent.process.pid)
        figure(f"idle agent with a Whisper node of its own: {mb:.1f} MB resident")
        if "asan" not in os.environ.get("DSN_BIN", ""):
            self.assertLess(mb, IDLE_MB)


if __name__ == "__main__":
    unittest.main(verbosity=2)
