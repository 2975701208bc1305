"""Whoever vcli speaks with may choose its words; none of them steers the terminal: nodes, brokers, endpoints."""
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module  # noqa: E402
from amqp_wire import long, short  # noqa: E402
from chain_lab import Proxy  # noqa: E402

VCLI = os.path.join(broker_module.BIN, "vcli")
NODE, NETWORK = "d1" * 20, "terminal"
# Clear the screen, an OSC that sets the title, C1's CSI, an override that turns text round, a line that looks like ours.
HOSTILE = "x\x1b[2J\x1b]0;title\x07\x9b1A\u202egnp.exe\u2069\x7f\u2028\r\nvcli: paid"
STEERING = [c for c in HOSTILE if not c.isprintable() and c != "\n"] + ["\u202e", "\u2069", "\u2028"]


class Case(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="dsn-terminal-"))
        self.addCleanup(shutil.rmtree, self.home, True)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("DSN_", "XDG_"))}
        self.environment.update(HOME=str(self.home), DSN_NETWORK=NETWORK, DSN_SEND_PLAIN="yes")

    def vcli(self, *words):
        return subprocess.run([VCLI, *words], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def harmless(self, said, part):
        text = said.decode()  # and so no byte of it is C1 by itself
        self.assertIn(part, text)
        for c in STEERING:
            self.assertNotIn(c, text)
        self.assertFalse([line for line in text.splitlines() if line.startswith("vcli: paid")], text)

    def shows(self, part, *words, code=None):
        """In text nothing steers; in JSON nothing does, and it says what was said."""
        ran = self.vcli(*words)
        self.harmless(ran.stdout + ran.stderr, part)
        ran = self.vcli("--json", *words)
        self.harmless(ran.stdout, part)
        self.harmless(ran.stderr, "")
        self.assertEqual(ran.stdout.count(b"\n"), 1)
        if code is not None:
            self.assertEqual(ran.returncode, code)
        return json.loads(ran.stdout)


class Endpoints(Case):
    def test_an_endpoint_s_refusal(self):
        proxy = Proxy(1)
        with proxy:
            def refuse(calls, forward):
                result = [{"jsonrpc": "2.0", "id": c["id"], **({"result": "0x1"} if c["method"] == "eth_chainId" else
                           {"error": {"code": -1, "message": HOSTILE}})} for c in calls]
                return json.dumps(result[0] if len(result) == 1 else result, ensure_ascii=False).encode()

            proxy.mode = refuse
            said = self.shows("gnp.exe", "counter", "get", "--chain-rpc", proxy.url)
            self.assertEqual(said["error"]["code"], "failed")


class FakeBroker:
    """Says why it refuses, in its own words."""

    def __init__(self, words):
        self.words = words
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer = self.socket.accept()[0]
            except OSError:
                return
            with peer:
                try:
                    self.refuse(peer)
                except OSError:
                    pass

    @staticmethod
    def method(class_id, method_id, arguments):
        payload = struct.pack(">HH", class_id, method_id) + arguments
        return struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce"

    def refuse(self, peer):
        peer.settimeout(10)
        peer.recv(8)
        peer.sendall(self.method(10, 10, b"\0\x09" + long(b"") + long(b"PLAIN") + long(b"en_US")))
        peer.recv(65536)
        peer.sendall(self.method(10, 50, struct.pack(">H", 403) + short(self.words) + struct.pack(">HH", 10, 11)))
        peer.recv(65536)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.thread.join(0.1)


class Brokers(Case):
    def test_a_broker_s_refusal(self):
        with FakeBroker(HOSTILE) as fake:
            self.environment["DSN_BUS"] = "amqp://127.0.0.1:%d/" % fake.port
            for words in (("node", "list"), ("bus", "send", "q", "x")):
                self.shows("gnp.exe", *words, "--timeout", "2s")


class Nodes(Case):
    @classmethod
    def setUpClass(cls):
        broker_module.require()
        cls.broker = broker_module.Broker()
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start_if_down()

    def setUp(self):
        super().setUp()
        self.environment["DSN_BUS"] = self.broker.url()
        self.node = broker_module.Peer(self.broker.url("guest"), "--network", NETWORK, "--plain")
        self.addCleanup(self.node.__exit__)
        self.node.wait("state", "up")
        self.node.order("serve", NODE, "durable")
        self.node.wait("served", NODE)

    def answers(self, body):
        self.node.order("answer", json.dumps(body, separators=(",", ":")).replace(" ", "\\u0020"))
        self.node.wait("answer", "ok")

    def test_a_node_s_status(self):
        self.answers({"role": HOSTILE, HOSTILE: "1", "units": [{"name": HOSTILE, "state": HOSTILE}]})
        said = self.shows("gnp.exe", "node", "status", NODE, code=0)
        self.assertIn(HOSTILE, self.texts(said))

    def texts(self, value):
        if isinstance(value, dict):
            return [t for k, v in value.items() for t in [k, *self.texts(v)]]
        if isinstance(value, list):
            return [t for v in value for t in self.texts(v)]
        return [value]

    def test_a_node_s_refusal(self):
        self.answers(HOSTILE)
        for words in (("node", "status"), ("node", "remove"), ("node", "hardware")):
            self.shows("gnp.exe", *words, NODE)

    def test_a_text_of_a_queue(self):
        for words in ((), ("--json",)):
            self.assertEqual(self.vcli("bus", "send", "texts", HOSTILE).returncode, 0)
            ran = self.vcli("bus", "receive", "texts", "--count", "1", *words)
            self.harmless(ran.stdout.replace(b"\nvcli: paid", b""), "gnp.exe")  # a text has lines of its own


if __name__ == "__main__":
    program = unittest.main(exit=False)
    ran = program.result
    sys.exit(77 if ran.wasSuccessful() and ran.skipped and not ran.testsRun else not ran.wasSuccessful())
