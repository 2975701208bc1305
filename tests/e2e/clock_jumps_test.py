"""Clocks that are set by hours and days while shhd and vcli run: it is told, nothing breaks, and when the clock is right
again so is everything."""
import json
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import unittest

from shhd_node import BIN, Node
from waiting import wait_for

HOUR, DAY = 3600, 24 * 3600
NODE = "ab" * 20


class Clock:
    """A wall clock for a program: it is ahead by so many seconds."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "clock"
        self.path.write_bytes(bytes(8))
        self.env = {"LD_PRELOAD": str(BIN.resolve() / "clock_shift.so"), "DSN_TEST_CLOCK": str(self.path)}

    def set(self, seconds):
        with open(self.path, "r+b") as out:  # the same file: it is mapped
            out.write(struct.pack("=q", seconds * 1000))


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dsn-clock-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.clock = Clock(self.folder)


class Whisper(Case):
    def setUp(self):
        super().setUp()
        self.right = self.start("right")
        self.set_one = self.start("set", env=self.clock.env)
        self.join(self.set_one, self.right)
        self.key = self.right.get("shh_generateSymKeyFromPassword", "p")
        for one in (self.right, self.set_one):
            one.sym = one.get("shh_generateSymKeyFromPassword", "p")
            one.filter = one.get("shh_newMessageFilter", {"symKeyID": one.sym, "topics": ["0x01020304"],
                                                          "allowP2P": True})

    def start(self, name, **more):
        node = Node(self.folder, name, "--min-pow", "0", log="info", **more)
        self.addCleanup(node.stop)
        return node.start()

    def join(self, a, b):
        peers = self.gauge(b, "shhd_peers")
        a.get("admin_addPeer", b.enode)
        wait_for("they are peers", lambda: self.gauge(b, "shhd_peers") == peers + 1)

    def gauge(self, node, name):
        text = node.http(None, "GET", "/metrics")[2]
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.split("{")[0].split()[0] == name)

    def refused(self, node, reason):
        text = node.http(None, "GET", "/metrics")[2]
        return next(int(line.split()[-1]) for line in text.splitlines()
                    if line.startswith("shhd_envelopes_refused_total{") and f'"{reason}"' in line)

    def post(self, node, text, ttl):
        return node.call("shh_post", {"symKeyID": node.sym, "topic": "0x01020304", "payload": "0x" + text.encode().hex(),
                                      "ttl": ttl, "powTarget": 0.001, "powTime": 5})

    def arrives(self, node, text):
        wait_for(f"{text} arrives", lambda: any(bytes.fromhex(m["payload"][2:]).decode() == text
                                                for m in node.get("shh_getFilterMessages", node.filter)))

    def told(self, seconds):
        wait_for("the jump is told", lambda: any(
            "whisper.clock-jumped" in line and abs(int(line.split("by_s=")[1].split()[0]) - seconds) < 10
            for line in self.set_one.log.read_text().splitlines()), why=self.set_one.log.read_text)

    def both_ways(self):
        for sender, receiver in ((self.right, self.set_one), (self.set_one, self.right)):
            text = os.urandom(8).hex()
            self.assertNotIn("error", self.post(sender, text, 60))
            self.arrives(receiver, text)

    def test_ahead_and_right_again(self):
        self.both_ways()
        for ahead in (HOUR, 3 * DAY):
            self.clock.set(ahead)
            self.told(ahead)
            wait_for("all is void", lambda: self.gauge(self.set_one, "shhd_pool_envelopes") == 0)
            old = self.refused(self.set_one, "old")
            self.assertNotIn("error", self.post(self.right, "too early", 60))
            wait_for("a void one is refused", lambda: self.refused(self.set_one, "old") > old)
            self.assertEqual(self.gauge(self.set_one, "shhd_peers"), 1)
            self.clock.set(0)
            self.told(-ahead)
            self.both_ways()

    def test_back_and_right_again(self):
        for back in (HOUR, 3 * DAY):
            self.both_ways()
            self.assertGreater(self.gauge(self.set_one, "shhd_pool_envelopes"), 0)
            self.clock.set(-back)
            self.told(-back)
            # What it would keep for so long is from the future, by its clock.
            wait_for("those of the future are gone", lambda: self.gauge(self.set_one, "shhd_pool_envelopes") == 0,
                     why=self.set_one.log.read_text)
            self.assertEqual(self.gauge(self.set_one, "shhd_peers"), 1)
            self.clock.set(0)
            self.told(back)
            self.both_ways()

    def test_started_ahead_and_set_right(self):
        """As a machine that gets its time a while after it has started."""
        self.clock.set(HOUR)
        self.told(HOUR)
        self.assertNotIn("error", self.post(self.set_one, "of the future", 600))
        wait_for("it is refused", lambda: self.refused(self.right, "future") == 1)
        self.clock.set(0)
        self.told(-HOUR)
        wait_for("it is gone", lambda: self.gauge(self.set_one, "shhd_pool_envelopes") == 0)
        third = self.start("third")
        self.join(self.set_one, third)
        third.sym = third.get("shh_generateSymKeyFromPassword", "p")
        third.filter = third.get("shh_newMessageFilter", {"symKeyID": third.sym, "topics": ["0x01020304"]})
        self.assertNotIn("error", self.post(self.set_one, "of now", 60))
        self.arrives(third, "of now")
        self.assertEqual(self.refused(third, "future"), 0)


class Vcli(Case):
    """Commands in the outbox, whose broker is away."""

    def setUp(self):
        super().setUp()
        self.env = {**os.environ, **self.clock.env, "HOME": str(self.folder)}
        self.broker = socket.create_server(("127.0.0.1", 0))  # takes connections, and says nothing
        self.addCleanup(self.broker.close)
        self.bus = f"amqp://127.0.0.1:{self.broker.getsockname()[1]}"
        self.addCleanup(self.end_senders)

    def vcli(self, *words):
        result = subprocess.run([str(BIN / "vcli"), *words, "--bus", self.bus, "--network", "clock",
                                 "--state-dir", str(self.folder / "state"), "--send-plain", "--json"], env=self.env,
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def senders(self):
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"outbox" in words and b"flush" in words and str(self.folder).encode() in b" ".join(words):
                    yield int(entry.name)

    def end_senders(self):
        for pid in self.senders():
            os.kill(pid, 15)
        wait_for("the senders end", lambda: not list(self.senders()))

    def state(self):
        return [c["state"] for c in self.vcli("outbox", "list")["commands"]]

    def test_a_command_outlives_jumps(self):
        self.vcli("node", "maintenance", "on", NODE, "--detach", "--ttl", "1h")
        self.assertEqual(self.state(), ["waiting"])
        wait_for("a sender works", lambda: list(self.senders()))
        for ahead in (2 * HOUR, 3 * DAY):
            self.clock.set(ahead)
            self.assertEqual(self.state(), ["failed"])  # void, by this clock
            self.clock.set(0)
            self.assertEqual(self.state(), ["waiting"])
        for back in (2 * HOUR, 3 * DAY):
            self.clock.set(-back)
            self.assertEqual(self.state(), ["waiting"])
        self.clock.set(0)
        self.assertEqual(self.state(), ["waiting"])

    def test_the_sender_does_not_give_up_by_a_clock_that_was_set(self):
        self.vcli("node", "maintenance", "on", NODE, "--detach", "--ttl", "1h")
        first = wait_for("a sender works", lambda: list(self.senders()))
        self.broker.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:
                self.broker.accept()[0].close()
        self.broker.settimeout(30)
        self.broker.accept()[0].close()  # the sender's: it runs
        log = next((self.folder / "state" / "outbox").glob("*/sender.log"))
        self.clock.set(3 * DAY)
        wait_for("the jump is told", lambda: "clock.jumped" in log.read_text(), why=log.read_text)
        self.clock.set(0)
        wait_for("the jump back is told", lambda: log.read_text().count("clock.jumped") == 2)
        self.assertEqual(list(self.senders()), first)
        self.assertEqual(self.state(), ["waiting"])


if __name__ == "__main__":
    unittest.main()
