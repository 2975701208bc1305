"""vcli pipeline stop and close are wanted states: a node that is away is said to be so at once and learns it when it is back,
and nothing of the job stays with the user."""
import os
import pty
import select
import sqlite3
import time
import unittest

import broker as broker_module
from agent import Agent, wait_for
from vcli_test import DISTRIBUTOR, SECOND, STORAGE, TRANSCODER, VCLI, Online

DAY_MS = 24 * 3600 * 1000


class Ends(Online):
    @classmethod
    def setUpClass(cls):
        broker_module.require()
        cls.broker = broker_module.Broker()
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start_if_down()
        flags = ("--status-every", "1s", "--end-after", "2s")
        cls.agent = Agent(cls.broker, *flags, nodes=(DISTRIBUTOR, TRANSCODER, SECOND))
        cls.leaving = Agent(cls.broker, *flags, nodes=(STORAGE,))  # the one that will be away
        for agent in (cls.agent, cls.leaving):
            cls.addClassCleanup(agent.close)
            agent.start()
        cls.bus = cls.broker.url()

    def jobs_of(self, node):
        return {j["job_id"]: j["state"] for j in self.json("node", "pipeline", node)["jobs"]}

    def wanted(self, statement="select job, node, verb from wanted_end", *values):
        path = next((self.state() / "outbox").glob("*/outbox.db"))
        with sqlite3.connect(path, timeout=10) as db:
            return db.execute(statement, values).fetchall()

    def leave(self):
        self.leaving.stop()

    def return_(self):
        self.leaving.start()
        wait_for(lambda: self.vcli_ok("node", "status", STORAGE), 20, "the agent is back")

    def vcli_ok(self, *words):
        try:
            self.vcli(*words, "--timeout", "2s")
            return True
        except AssertionError:
            return False

    def test_one_that_is_away_learns_it(self):
        self.start("ends")
        self.leave()
        try:
            began = time.monotonic()
            text = self.vcli("pipeline", "stop", "ends").stdout
            took = time.monotonic() - began
            self.assertRegex(text, rf"storage +{STORAGE}  away +\d+ ms  it learns it when it is back")
            self.assertIn("told 3 of 4 nodes; 1 is away", text)
            self.assertLess(took, 20)
            answer = self.json("pipeline", "close", "ends")
            self.assertEqual(answer["state"], "kept")
            self.assertEqual({n["node_id"]: n["state"] for n in answer["nodes"]},
                             {DISTRIBUTOR: "applied", TRANSCODER: "applied", SECOND: "applied", STORAGE: "kept"})
            self.assertEqual(list((self.state() / "jobs").iterdir()), [])
            self.assertEqual(self.wanted(), [("ends", STORAGE, "close")])
        finally:
            self.return_()
        wait_for(lambda: self.jobs_of(STORAGE) == {}, 20, "the storage has closed the job")

        # What a mailbox has forgotten is told again, until the node has shown itself after that.
        self.wanted("update wanted_end set told_ms = told_ms - ?, since_ms = since_ms - ?, again_ms = 0", 7 * DAY_MS, 7 * DAY_MS)
        self.vcli("node", "list")
        wait_for(lambda: self.wanted() == [], 20, "a node that was heard of since has learned it")

    def test_what_a_mailbox_forgot_is_told_again(self):
        self.start("again")
        self.leave()
        try:
            self.vcli("pipeline", "close", "again")
            self.broker.ctl("purge_queue", "dsn.test." + STORAGE)
            self.wanted("update wanted_end set again_ms = 0")
            self.vcli("node", "status", DISTRIBUTOR)  # any command that talks to nodes
            wait_for(lambda: self.wanted("select count(*) from detached where what like '%told again' and state = 'sent'") == [(1,)], 20,
                     "told again")
            self.assertEqual(self.wanted("select again_ms > told_ms from wanted_end"), [(1,)])
        finally:
            self.return_()
        wait_for(lambda: self.jobs_of(STORAGE) == {}, 20, "the storage has closed the job")

    def test_a_job_that_is_started_again_is_not_stopped_later(self):
        self.start("anew")
        self.leave()
        try:
            self.vcli("pipeline", "stop", "anew")
            self.assertEqual(self.wanted(), [("anew", STORAGE, "stop")])
        finally:
            self.return_()
        self.json("pipeline", "start", self.path)
        self.assertEqual(self.wanted(), [])
        self.assertEqual(self.jobs_of(STORAGE)["anew"], "running")

    def test_a_node_with_jobs_is_not_removed_unasked(self):
        self.start("kept")
        for verb, words in (("remove", "they end"), ("purge", "all it has stored is deleted")):
            done = self.vcli("node", verb, SECOND, code=4)
            self.assertIn(f"node {SECOND} has 1 job (kept running): they end", done.stderr)
            self.assertIn(words, done.stderr)
            self.assertIn("--force", done.stderr)
        for answer, code in ((b"n\n", 4), (b"\n", 4), (b"y\n", 0)):
            self.assertEqual(self.typed(answer, "node", "purge", SECOND), code, answer)
        self.assertFalse(self.vcli_ok("node", "status", SECOND))

    def typed(self, answer, *words):
        """The exit code of vcli at a terminal whose person answers its question so."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(VCLI, [VCLI, *words], self.environment)
        said = b""
        deadline = time.monotonic() + 60
        sent = False
        while time.monotonic() < deadline:
            try:
                part = os.read(terminal, 4096) if select.select([terminal], [], [], 1)[0] else None
            except OSError:
                break
            if part == b"":
                break
            said += part or b""
            if b"[y/N]" in said and not sent:
                os.write(terminal, answer)
                sent = True
        os.close(terminal)
        self.assertIn(b"Go on?", said)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_one_that_is_no_more(self):
        self.start("gone")
        self.vcli("node", "purge", SECOND, "--timeout", "30s", "--force")
        before = list(self.agent.argv)
        self.agent.stop()
        self.broker.ctl("delete_queue", "dsn.test." + SECOND)
        at = self.agent.argv.index(SECOND)
        del self.agent.argv[at - 1:at + 1]  # with its --node
        self.agent.start()
        self.addCleanup(self.agent.start)
        self.addCleanup(setattr, self.agent, "argv", before)
        self.addCleanup(self.agent.stop)
        wait_for(lambda: self.vcli_ok("node", "status", DISTRIBUTOR), 20, "the agent is back")
        text = self.vcli("pipeline", "close", "gone").stdout
        self.assertIn("nobody serves this id now", text)
        self.assertEqual(list((self.state() / "jobs").iterdir()), [])


if __name__ == "__main__":
    unittest.main()
