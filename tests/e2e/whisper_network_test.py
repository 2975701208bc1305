#!/usr/bin/env python3
"""Whisper nodes on machines of their own and a bad network: they find each other through a bootnode alone, deliver
everything though a third of the packets is lost and the rest is late, and catch up after the network was parted."""
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import netns  # noqa: E402
from waiting import wait_for  # noqa: E402

BIN = pathlib.Path(os.environ.get("DSN_BIN") or pathlib.Path(__file__).resolve().parents[2] / "build" / "bin").resolve()
NODES = 5
TOPIC = "0x6e65746e"
KEY = "0x" + "5a" * 32


class Node:
    """shhd on a machine of the lab."""

    def __init__(self, lab, machine, folder, bootnode=None):
        self.lab, self.machine = lab, machine
        self.folder = pathlib.Path(folder) / str(machine)
        self.folder.mkdir()
        ready, log = self.folder / "ready.json", open(self.folder / "log", "wb")
        argv = [str(BIN / "shhd"), "--data-dir", str(self.folder / "data"), "--ready-file", str(ready), "--address",
                lab.address(machine), "--port", "30303", "--rpc-port", "8545", "--threads", "1"]
        if bootnode:
            argv += ["--bootnodes", bootnode.enode]
        with log:
            self.process = subprocess.Popen(lab.command(machine, argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for("shhd is ready", ready.exists, 30, lambda: (self.folder / "log").read_text())
            self.enode = json.loads(ready.read_text())["enode"]
            self.key = self.rpc("shh_addSymKey", KEY)
            self.filter = self.rpc("shh_newMessageFilter", {"symKeyID": self.key, "topics": [TOPIC]})
        except BaseException:
            self.stop()
            raise
        self.had = []

    def rpc(self, method, *params):
        with self.lab.inside(self.machine):
            connection = http.client.HTTPConnection("127.0.0.1", 8545, timeout=60)
            connection.connect()
        try:
            document = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            connection.request("POST", "/", json.dumps(document), {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def post(self, text):
        self.rpc("shh_post", {"symKeyID": self.key, "topic": TOPIC, "ttl": 600, "payload": "0x" + text.encode().hex(),
                              "powTarget": 0.2, "powTime": 20})

    def texts(self):
        """All messages that came so far, in order."""
        self.had += [bytes.fromhex(m["payload"][2:]).decode() for m in self.rpc("shh_getFilterMessages", self.filter)]
        return self.had

    def peers(self):
        """Machines it is connected to."""
        found = [peer["network"]["remoteAddress"].rsplit(":", 1)[0] for peer in self.rpc("admin_peers")]
        return {i for i in range(NODES) if self.lab.address(i) in found}

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(30)


class OnABadNetwork(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dsn-netns-", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.lab = netns.Lab(NODES)
        self.addCleanup(self.lab.close)
        self.nodes = []
        for i in range(NODES):
            self.nodes.append(Node(self.lab, i, folder.name, self.nodes[0] if i else None))
            self.addCleanup(self.nodes[-1].stop)

    def peers(self):
        return [sorted(n.peers()) for n in self.nodes]

    def wait_joined(self, nodes, others, seconds=60):
        """Each of the nodes is connected to one of the rest at least, and to none of the others."""
        wait_for(f"{nodes} have found each other",
                 lambda: all(self.nodes[i].peers() and not self.nodes[i].peers() & set(others) for i in nodes), seconds,
                 self.peers)

    def post_everywhere(self, word, count):
        texts = [f"{word} {k} of {i}" for i in range(NODES) for k in range(count)]
        for text in texts:
            self.nodes[int(text.rsplit(" ", 1)[1])].post(text)
        return texts

    def wait_texts(self, texts, seconds, nodes=range(NODES)):
        def lacking():
            return {i: sorted(set(texts) - set(self.nodes[i].texts())) for i in nodes if
                    set(texts) - set(self.nodes[i].texts())}

        wait_for("every message at every node", lambda: not lacking(), seconds, lambda: (lacking(), self.peers()))

    def test_found_lossy_parted_and_healed(self):
        everyone = set(range(NODES))
        self.wait_joined(everyone, ())
        self.wait_texts(self.post_everywhere("clean", 2), 30)

        self.lab.set(loss=0.3, delay_ms=10, jitter_ms=10)
        before, began = self.lab.counts(), time.monotonic()
        self.wait_texts(self.post_everywhere("lossy", 4), 240)
        took, after = time.monotonic() - began, self.lab.counts()
        lost, passed = after["lost"] - before["lost"], after["forwarded"] - before["forwarded"]
        print(f"figure: {4 * NODES} messages at {NODES} nodes in {took:.1f} s, {lost} of {lost + passed} packets lost",
              flush=True)
        self.assertGreater(lost, 10)

        self.lab.set()
        left, right = {0, 1}, everyone - {0, 1}
        self.lab.part(left, right)
        # Until the sides have given each other up: what is posted now is in nobody's send queue.
        self.wait_joined(left, right, 120)
        self.wait_joined(right, left, 120)
        texts = self.post_everywhere("parted", 2)
        for side in (left, right):
            mine = [t for t in texts if int(t.rsplit(" ", 1)[1]) in side]
            self.wait_texts(mine, 30, side)
            for i in side:
                self.assertFalse((set(texts) - set(mine)) & set(self.nodes[i].texts()))
        self.assertGreater(self.lab.counts()["parted"], 0)

        self.lab.join()
        began = time.monotonic()
        self.wait_texts(texts, 180)
        print(f"figure: caught up {time.monotonic() - began:.1f} s after the network was whole again", flush=True)
        for n in self.nodes:
            self.assertEqual(len(n.texts()), len(set(n.texts())), "a message came twice")
            self.assertEqual(n.stop(), 0)


def run():
    why = netns.missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(77)
    unittest.main()


if __name__ == "__main__":
    netns.main(run)
