"""--timeout is kept by every command that speaks with somebody, whatever becomes of whom it speaks with; and what it says
tells sent from not sent: an endpoint that takes connections and never answers, one that falls silent later, a broker in
alarm."""
import base64
import collections
import hashlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module  # noqa: E402
import network  # noqa: E402
from network import figure, wait_for  # noqa: E402

VCLI = os.path.join(broker_module.BIN, "vcli")
NODE, ADDRESS = "ab" * 20, "0x" + "cd" * 20
TIMEOUT_S = 2
PUBLIC = "0x0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"

# All that a command wants to get as far as asking somebody. {folder}: the test's.
FILE = "{folder}/file"
ASKS = {
    "broker": [
        ("node", "create", "storage", NODE, "--agent", NODE), ("node", "list"), ("node", "status", NODE), ("node", "remove", NODE),
        ("node", "purge", NODE), ("node", "hardware", NODE), ("node", "free_hardware", NODE), ("node", "maintenance", "on", NODE),
        ("node", "logs", NODE), ("node", "logs", NODE, "--follow"), ("node", "pipeline", NODE), ("pipeline", "init", "{folder}/new.json"),
        ("pipeline", "start", "{folder}/job.json"), ("pipeline", "stop", "{folder}/job.json"), ("pipeline", "list", NODE),
        ("pipeline", "status", "{folder}/job.json"), ("pipeline", "monitor", "{folder}/job.json"), ("pipeline", "close", "{folder}/job.json"),
        ("bus", "send", "texts", "hello"), ("bus", "receive", "texts"), ("bus", "receive", "texts", "--count", "0")],
    "management": [("broker", "setup", "--node", NODE)],
    "dsnd": [
        ("order", "plan", "{folder}/job.json"), ("order", "create", "{folder}/job.json", "--yes"), ("order", "list"), ("order", "status", "1"),
        ("order", "start", "1"), ("order", "stop", "1"), ("order", "cancel", "1", "--yes"), ("order", "give-up", "1", "--yes"), ("order", "explain", "1"), ("order", "push", "1", FILE),
        ("order", "pay", "1", "--budget", "1 ether", "--limit", "3 gwei"),
        ("node", "explain", NODE), ("events",), ("top",), ("login", "{url}"), ("join", "{url}")],
    "whisper": [
        ("whisper", "send", "hello"), ("whisper", "receive"), ("whisper", "genpub"), ("whisper", "ping", "{folder}/list.json"),
        ("whisper", "pong", "{folder}/list.json")],
    "chain": [
        ("chain", "deploy"), ("chain", "tps"), ("counter", "get"), ("counter", "increment"), ("counter", "decrement"),
        ("counter", "move", "start"), ("counter", "clear"), ("register", "customer"), ("register", "supplier"),
        ("register", "add", "node", "storage", "{folder}/key", "--price", "1 gwei"), ("register", "update", "node", NODE, "--price", "1 gwei"),
        ("register", "remove", "node", NODE), ("register", "remove", "customer"), ("register", "remove", "supplier"), ("register", "list"),
        ("role", "grant", "manager", ADDRESS), ("role", "accept", "manager"), ("role", "revoke", "manager", ADDRESS),
        ("role", "renounce", "manager"), ("role", "list"), ("bar", "add", NODE, "--reason", "bad", "--evidence", FILE), ("bar", "lift", NODE),
        ("bar", "appeal", NODE, FILE), ("bar", "decide", NODE, "lift"), ("bar", "show", NODE), ("login",), ("payment", "balance"),
        ("payment", "deposit", "1 gwei"), ("payment", "withdraw", "1 gwei"), ("payment", "transfer", ADDRESS, "1 gwei"),
        ("payment", "send", ADDRESS, "1 gwei"), ("job", "create", FILE, "--budget", "1 gwei", "--limit", "1 wei"),
        ("job", "top-up", "1", "1 gwei"), ("job", "assign", "1", NODE), ("job", "unassign", "1", NODE), ("job", "report", "1", NODE, FILE),
        ("job", "confirm", "1", NODE, "0"), ("job", "reject", "1", NODE, "0", "--evidence", FILE), ("job", "dispute", "1", NODE, "0"),
        ("job", "resolve", "1", NODE, "0", "1", "--evidence", FILE), ("job", "settle", "1", NODE, "0"), ("job", "close", "1"),
        ("job", "cancel", "1"), ("job", "finish", "1"), ("job", "status", "1")],
}
TO = {"broker": ("--bus", "amqp://127.0.0.1:%d/"), "dsnd": ("--dsnd", "http://127.0.0.1:%d"), "management": ("--management", "http://127.0.0.1:%d"),
      "whisper": ("--rpc", "ws://127.0.0.1:%d"), "chain": ("--chain-rpc", "http://127.0.0.1:%d")}
# They speak with nobody, or with processes of this machine that they have started; or want what a chain has answered before.
OTHERS = {
    "node rename", "node forget", "pipeline plan", "pipeline private", "pipeline push", "key show", "key new", "key agent", "outbox list",
    "outbox resend", "outbox replace", "outbox abandon", "outbox flush", "whisper net up", "whisper net status", "whisper net down",
    "account new", "account list", "account import", "account export", "chain up", "chain status", "chain down", "logout", "whoami",
    "context list", "context show", "context use", "context remove", "drill kill", "completion", "manual", "help", "version"}


def slack_s():
    """Two seconds, and what a busy machine takes to run nothing at all."""
    began = time.monotonic()
    subprocess.run([VCLI, "version"], stdout=subprocess.DEVNULL, check=True)
    return 2 + 4 * (time.monotonic() - began)


class Silent:
    """Takes every connection and never says a word; with `greets` it answers the handshake of a WebSocket before."""

    def __init__(self, greets=False):
        self.greets, self.taken = greets, []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                taken, _ = self.socket.accept()
            except OSError:
                return
            self.taken.append(taken)
            if self.greets:
                key = re.search(rb"Sec-WebSocket-Key: (\S+)", taken.recv(65536), re.I)[1]
                accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
                taken.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        for s in [self.socket, *self.taken]:
            s.close()


class Case(unittest.TestCase):
    def setUp(self):
        self.slack_s = slack_s()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-timeout-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.addCleanup(self.end_senders)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("DSN_", "XDG_"))}
        self.environment.update(HOME=str(self.folder), DSN_WHISPER_PASSWORD="a password")

    def end_senders(self):
        """What is detached goes on in the background."""
        network.signal_all(network.processes_naming(str(self.folder)), signal.SIGKILL)

    def timed(self, *words, timeout_s=TIMEOUT_S):
        """(exit code, None: it had to be ended; seconds; what it said)."""
        began = time.monotonic()
        try:
            done = subprocess.run([VCLI, *words, "--timeout", f"{timeout_s}s"], env=self.environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=timeout_s + self.slack_s + 10)
        except subprocess.TimeoutExpired:
            return None, time.monotonic() - began, "it has not ended by itself"
        return done.returncode, time.monotonic() - began, done.stdout + done.stderr


class Silence(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "file").write_text(hashlib.sha256(b"a segment").hexdigest() + "\n")
        (self.folder / "list.json").write_text(json.dumps(
            {"address-node": [{"address": "0x" + "11" * 20, "keyPairId": "22" * 32, "PubKey": PUBLIC}]}))
        key = subprocess.run([VCLI, "key", "new", str(self.folder), "--json"], env=self.environment, capture_output=True, text=True, check=True)
        os.rename(json.loads(key.stdout)["file"], self.folder / "key")
        nodes = [{"type": role, "node_id": digit * 40, "ip": f"192.0.2.{i}", "port": "1935"}
                 for i, (role, digit) in enumerate([("distributor", "d"), ("storage", "5"), ("transcoder", "a")], 1)]
        nodes[1]["http_port"] = "8080"
        (self.folder / "job.json").write_text(json.dumps({
            "apiVersion": "1.00", "typeApi": "public", "command": "pipeline", "subcommand": "start", "pipeline": {
                "type_source": "live", "job_id": "silent", "number_of_streams": "1",
                "source": {"resolution_name": "_src", "resolution": "320x180", "bitrate": "400000"},
                "transcoding": [{"resolution_name": "_low", "resolution": "160x90", "bitrate": "100000"}], "nodes": nodes}}))

    def check(self, kind, greets=False):
        server = Silent(greets)
        self.addCleanup(server.close)
        flag, url = TO[kind]

        def run(words):
            if "{url}" not in words:
                words = [*words, flag, "{url}"]
            words = [word.replace("{folder}", str(self.folder)).replace("{url}", url % server.port) for word in words]
            return words, *self.timed(*words)

        with ThreadPoolExecutor(3) as pool:
            ran = list(pool.map(run, ASKS[kind]))
        longest = max(seconds for _, _, seconds, _ in ran)
        figure(f"{len(ran)} commands and a silent {kind}: at most {longest:.1f} s of --timeout {TIMEOUT_S} s")
        for words, code, seconds, said in ran:
            with self.subTest(" ".join(words)):
                self.assertLess(seconds, TIMEOUT_S + self.slack_s, said)
                self.assertIn(code, (5, 6), said)
                self.assertTrue(str(server.port) in said or "not answered" in said, said)
        self.assertGreaterEqual(len(server.taken), len(ran) - 1, "each has asked")

    def test_broker(self):
        self.check("broker")

    def test_management(self):
        self.check("management")

    def test_dsnd(self):
        self.check("dsnd")

    def test_whisper(self):
        self.check("whisper")

    def test_whisper_after_the_handshake(self):
        self.check("whisper", greets=True)

    def test_chain(self):
        self.check("chain")

    def test_outbox(self):
        """What is detached waits on disk, and flush tells so in time."""
        server = Silent()
        self.addCleanup(server.close)
        bus = ("--bus", f"amqp://127.0.0.1:{server.port}/")
        code, seconds, said = self.timed("node", "maintenance", "on", NODE, "--detach", *bus)
        self.assertEqual((code, "kept in the outbox" in said), (0, True), said)
        self.assertLess(seconds, TIMEOUT_S + self.slack_s)
        code, seconds, said = self.timed("outbox", "flush", *bus)
        self.assertIn(code, (5, 6), said)
        self.assertLess(seconds, TIMEOUT_S + self.slack_s)

    def test_every_command_is_here(self):
        text = subprocess.run([VCLI, "help"], capture_output=True, text=True, check=True).stdout
        listed = [" ".join(itertools.takewhile(re.compile("[a-z_-]+$").match, line.split("  ")[1].split())) for line in text.splitlines()
                  if line.startswith("  ")]
        self.assertGreater(len(listed), 80)
        said = {" ".join(words) + " " for kind in ASKS.values() for words in kind}
        for command in listed:
            self.assertTrue(command in OTHERS or any(s.startswith(command + " ") for s in said), f"{command}: whom does it ask?")


class Gate:
    """Passes bytes on between clients and a broker until one of `marks` comes from a client: from then on nothing, either way,
    as a peer that was stopped. That piece itself is passed on or not."""

    def __init__(self, port, mark, last_passes):
        self.port_of_broker, self.mark, self.last_passes = port, mark, last_passes
        self.shut = threading.Event()
        self.ends = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            broker = socket.create_connection(("127.0.0.1", self.port_of_broker))
            self.ends += [client, broker]
            for source, sink, asks in ((client, broker, True), (broker, client, False)):
                threading.Thread(target=self.pump, args=(source, sink, asks), daemon=True).start()

    def pump(self, source, sink, asks):
        try:
            while piece := source.recv(65536):
                if not self.shut.is_set() and asks and self.mark in piece:
                    self.shut.set()
                    if self.last_passes:
                        sink.sendall(piece)
                elif not self.shut.is_set():
                    sink.sendall(piece)
        except OSError:
            pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        for s in [self.socket, *self.ends]:
            s.close()


def setUpModule():
    if network.missing() and not os.path.exists(VCLI):
        raise unittest.SkipTest(network.missing())


class FallsSilent(Case):
    """A broker that lets us in and then says no more."""

    @classmethod
    def setUpClass(cls):
        broker_module.require()
        cls.broker = broker_module.Broker().start()
        cls.addClassCleanup(cls.broker.close)

    def gated(self, mark, last_passes, *words):
        gate = Gate(self.broker.port, mark, last_passes)
        self.addCleanup(gate.close)
        code, seconds, said = self.timed(*words, "--send-plain", "--bus", f"amqp://127.0.0.1:{gate.port}/")
        self.assertTrue(gate.shut.is_set(), said)
        self.assertLess(seconds, TIMEOUT_S + self.slack_s, said)
        return code, said

    def test_as_a_command_is_sent(self):
        for passes in (False, True):
            code, said = self.gated(NODE.encode(), passes, "node", "status", NODE)
            self.assertEqual(code, 6, said)
            self.assertIn("not known to be sent", said)

    def test_as_a_text_is_sent(self):
        for passes in (False, True):
            code, said = self.gated(b"a text that is met", passes, "bus", "send", "texts", "a text that is met")
            self.assertEqual(code, 6, said)
            self.assertIn("sent, but the broker has not confirmed it; it may have it", said)
        self.assertEqual(self.timed("bus", "receive", "texts", "--bus", self.broker.url())[::2], (0, "a text that is met\n"))
        self.assertEqual(self.timed("bus", "receive", "texts", "--bus", self.broker.url())[0], 6, "the other one never came")

    def test_as_a_text_is_waited_for(self):
        """basic.consume has its consumer's tag in it."""
        for passes in (False, True):
            code, said = self.gated(b"\x03raw", passes, "bus", "receive", "waited")
            self.assertIn(code, (5, 6), said)

    def test_a_mailbox_that_nobody_has(self):
        """Returned: told at once, and as not sent."""
        code, seconds, said = self.timed("node", "status", NODE, "--send-plain", "--bus", self.broker.url(), timeout_s=10 * TIMEOUT_S)
        self.assertEqual(code, 3, said)
        self.assertLess(seconds, 5 * TIMEOUT_S, "at once, and not when the time is over")
        self.assertIn("nobody serves this id", said)
        code, _, said = self.timed("bus", "send", NODE, "text", "--bus", self.broker.url())
        self.assertEqual(code, 3, said)
        self.assertIn("there is none of that name", said)


class Alarm(network.TestCase):
    """A broker short of memory or disk takes nothing."""

    LIMIT_S = 5
    ALARMS = {"memory": (("set_vm_memory_high_watermark", "0.000001"), ("set_vm_memory_high_watermark", "0.4")),
              "disk": (("set_disk_free_limit", "1000000GB"), ("set_disk_free_limit", "50MB"))}

    def setUp(self):
        self.slack_s = slack_s()
        self.net = self.network(transcoders=1, together=True)
        self.net.start_job()

    def alarm(self, on):
        wait_for("the alarm", lambda: (self.broker.ctl("eval", "rabbit_alarm:get_alarms().").strip() != "[]") == on, 60)

    def timed(self, *words):
        began = time.monotonic()
        process = self.net.vcli_start(*words, "--timeout", f"{self.LIMIT_S}s")
        out, err = process.communicate(timeout=60)
        return process.returncode, time.monotonic() - began, out + err

    def held(self, what, *words):
        code, seconds, said = self.timed(*words)
        self.assertEqual(code, 5, said)
        self.assertLess(seconds, self.LIMIT_S + self.slack_s, said)
        self.assertIn("not sent", said)
        self.assertIn(f"low on {what}", said)
        self.assertIn("docs/broker.md", said)
        return seconds

    def check(self, what):
        net, node = self.net, self.net.ids["s"]
        agent = net.agent_of["d"]
        second = str(net.document("held0001"))
        texts = f"texts-{what}"
        self.assertEqual(self.timed("bus", "send", texts, "before")[0], 0)
        raise_it, clear_it = self.ALARMS[what]
        self.broker.ctl(*raise_it)
        self.addCleanup(self.broker.ctl, *clear_it)
        self.alarm(True)
        applied = len(agent.log_lines("command.applied"))
        took = [self.held(what, *words) for words in (
            ("bus", "send", texts, "held"), ("node", "status", node), ("node", "maintenance", "on", node), ("pipeline", "start", second))]
        # The end of a job is no order that may be void: it is kept here until it has been sent.
        code, seconds, said = self.timed("pipeline", "stop", network.JOB)
        self.assertEqual((code, said.count("held"), said.count("not sent yet: the broker takes no messages for now")), (0, 3, 3), said)
        self.assertIn("told 0 of 3 nodes; 3 will be told when the broker takes messages again", said)
        self.assertLess(seconds, self.LIMIT_S + self.slack_s, said)
        waiting = net.vcli_start("pipeline", "status", network.JOB, "--timeout", "60s")
        self.broker.ctl(*clear_it)
        self.alarm(False)
        out, err = waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, 0, out + err)
        figure(f"a broker low on {what}: {len(took)} commands told so after {max(took):.1f} s of --timeout {self.LIMIT_S} s")
        wait_for("the job's end", lambda: {n["state"] for n in net.status().values()} == {"stopped"}, 40)
        # What was not sent went nowhere, and what comes now comes once.
        self.assertEqual(net.node_status("s")["maintenance"], "off")
        since = [line for line in agent.log_lines("command.applied")[applied:] if re.search("what=(pipeline-start|node-maintenance)", line)]
        self.assertEqual(since, [])
        self.assertEqual(self.timed("bus", "send", texts, "after")[0], 0)
        self.assertEqual(net.vcli("bus", "receive", texts, "--count", "0", "--timeout", "2s")["messages"], ["before", "after"])
        net.vcli("pipeline", "start", second, "--timeout", "30s")
        started = collections.Counter(line.split(" to=")[1].split()[0] for line in agent.log_lines("command.applied", what="pipeline-start"))
        self.assertEqual(started, {node: 2 for node in net.ids.values()}, "two jobs")
        net.vcli("pipeline", "stop", "held0001", "--timeout", "30s")

    def test_memory(self):
        self.check("memory")

    def test_disk(self):
        self.check("disk")


if __name__ == "__main__":
    network.main()
