#!/usr/bin/env python3
"""Strangers on the network: whoever has no owner's key may ask as fast as a core can, and is answered a little; the owner
does not notice, and nothing of it stays.

Times that mean something want programs without sanitizers, and bus_stranger beside them:
    cmake --build build --target dsn-agent vcli shhd bus_stranger
    DSN_BIN=build/bin DSN_SOURCE=$PWD python3 tests/e2e/hostile_stranger_test.py OverAmqp.test_floods OverWhisper.test_floods
"""
import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module  # noqa: E402
from agent import Agent, NETWORK, wait_for  # noqa: E402
from amqp_wire import Wire  # noqa: E402
from secp256k1 import public_of  # noqa: E402
from sealed_test import Person  # noqa: E402
from waiting import figure  # noqa: E402
from whisper_agent_test import Url  # noqa: E402
from whisper_bus_test import Shhd  # noqa: E402

BIN = broker_module.BIN
RELEASE = b"__asan_init" not in pathlib.Path(BIN, "dsn-agent").read_bytes()
ROUNDS, ASKED = (4, 6) if RELEASE else (1, 5)
HELLOS, COMMANDS = (6000, 9600) if RELEASE else (1500, 1500)
# Beside sanitizers and other tests no time means much; without them it is the promise.
SLOWER = 2 if RELEASE else 20
PIN = ["taskset", "-c", "0"] if os.cpu_count() > 1 and shutil.which("taskset") else []
SETTLE_S = 1  # a flood is under way


class Case(unittest.TestCase):
    def begin(self, url):
        self.owner, self.stranger = Person(self, url), Person(self, url)
        self.agent = Agent(Url(url), "--owner", self.owner.address(), "--status-every", "60s")
        self.addCleanup(self.agent.close)
        self.node = self.owner.ask("key", "new", os.path.join(self.agent.state, "keys"))["id"]
        self.agent.argv += ["--node", self.node]
        self.agent.start()
        keys = pathlib.Path(self.agent.state, "keys")
        secret, = [path.read_text() for path in keys.iterdir()]
        self.public = public_of(int(secret, 16)).hex()
        wait_for(lambda: self.owner.run("node", "create", "storage", self.node).returncode == 0, 60, "node create")

    def flood(self, url, kind, count=0, *more):
        """Somebody on a core of his own, as far as there is one."""
        process = subprocess.Popen([*PIN, os.path.join(BIN, "bus_stranger"), url, NETWORK, kind, self.node, self.public, str(count),
                                    *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.stdout.closed:
            return 0
        if process.poll() is None:
            process.kill()
        out = process.communicate()[0]
        sent = [line for line in out.splitlines() if line.startswith("sent")]
        assert sent or "error" not in out, out
        return int(sent[-1].split()[1]) if sent else 0

    def count(self, table, where="1"):
        with contextlib.closing(sqlite3.connect(os.path.join(self.agent.state, "agent.db"))) as db:
            return db.execute(f"select count(*) from {table} where {where}").fetchone()[0]

    def status_times(self):
        times = []
        for _ in range(ASKED):
            began = time.monotonic()
            self.assertEqual(self.owner.ask("node", "status", self.node, "--timeout", "60s")["state"], "running")
            times.append((time.monotonic() - began) * 1000)
        return times

    def nothing_stays(self, rows):
        self.assertEqual({t: self.count(t) for t in rows}, rows)
        self.assertEqual(self.count("known_key", f"id != '{self.owner.address()}'"), 0)

    def rows(self):
        wait_for(lambda: not self.count("outbox"), 20, "results are out")
        return {table: self.count(table) for table in ("seen", "command", "outbox", "decision")}

    def busy(self):
        """A program that keeps the stranger's core from us, and does nothing else: he need not be on this machine."""
        process = subprocess.Popen([*PIN, sys.executable, "-c", "while True: pass"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def floods(self, url, kinds):
        """In turn, so that what else the machine does meets all of them."""
        times, sent, rows = {kind: [] for kind in ("quiet", "busy", *kinds)}, dict.fromkeys(kinds, 0), self.rows()
        for _ in range(ROUNDS):
            times["quiet"] += self.status_times()
            process = self.busy()
            times["busy"] += self.status_times()
            process.kill()
            for kind in kinds:
                process = self.flood(url, kind)
                time.sleep(SETTLE_S)
                times[kind] += self.status_times()
                sent[kind] += self.end(process)
        median = {kind: statistics.median(taken) for kind, taken in times.items()}
        for kind in kinds:
            with self.subTest(kind):
                figure(f"{type(self).__name__}: owner's node status beside {sent[kind]} {kind}s of a stranger: {median[kind]:.0f} ms, "
                       f"beside a busy core {median['busy']:.0f} ms, quiet {median['quiet']:.0f} ms")
                self.assertGreater(sent[kind], 0)
                self.assertLess(median[kind], SLOWER * median["busy"] + 5)
        self.nothing_stays(rows)

    def strangers_are_answered(self):
        """One who errs is told so, though floods have passed."""
        def told():
            done = self.stranger.run("node", "status", self.node, "--timeout", "5s")
            return done.returncode == 4 and "obeys its owners only" in json.loads(done.stdout)["error"]["message"]

        wait_for(told, 60, "a refusal")


class OverAmqp(Case):
    @classmethod
    def setUpClass(cls):
        broker_module.require()
        # As RabbitMQ starts by itself: what one connection floods keeps one scheduler busy, and others are served by the rest.
        cls.broker = broker_module.Broker(schedulers=os.cpu_count())
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start()

    def setUp(self):
        self.url = self.broker.url()
        self.begin(self.url)

    def test_floods(self):
        self.floods(self.url, ("hello", "command", "garbage"))
        self.strangers_are_answered()

    def test_hellos_leave_nothing(self):
        rows = self.rows()
        self.assertEqual(self.flood(self.url, "hello", HELLOS).wait(120), 0)
        self.status_times()
        self.nothing_stays(rows)

    def test_huge_messages_are_cut(self):
        """Dead letters hold the head of what is too large."""
        wire = Wire(self.broker.port)
        self.addCleanup(wire.close)
        wire.copy(f"dsn.{NETWORK}.dead", [""])
        for _ in range(6):
            # One after the other: the mailbox is bounded in bytes and has no room for three of them.
            self.assertEqual(self.flood(self.url, "huge", 1, str(30 << 20)).wait(120), 0)
            letter = wire.take(60)
            self.assertIsNotNone(letter, "a dead letter")
            self.assertLessEqual(len(letter[2]), 1024)
        self.assertEqual(self.broker.queue_messages(f"dsn.{NETWORK}.{self.node}"), 0)
        self.assertEqual(self.agent.text().count("bus.too-large"), 6)
        self.status_times()

    def test_commands_leave_nothing(self):
        rows = self.rows()
        self.assertEqual(self.flood(self.url, "command", COMMANDS).wait(120), 0)
        self.status_times()
        self.nothing_stays(rows)
        self.assertLess(self.agent.text().count("obeys its owners only"), 1000)
        self.strangers_are_answered()


class OverWhisper(Case):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dsn-hostile-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.boot = Shhd(self.folder)
        self.addCleanup(self.boot.stop)
        self.boot.start()
        self.url = f"shh://127.0.0.1:{self.boot.port}"
        self.begin(self.url)

    def test_floods(self):
        self.floods(f"shh:///?bootnode={self.boot.enode}", ("hello", "command", "garbage"))
        self.strangers_are_answered()

    def test_commands_leave_nothing(self):
        rows = self.rows()
        self.assertEqual(self.flood(self.url, "command", COMMANDS).wait(200), 0)
        self.status_times()
        self.nothing_stays(rows)
        self.assertLess(self.agent.text().count("obeys its owners only"), 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
