"""shhd: a client that floods its node with calls, in batches or one by one, does not hold up the others."""
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

from shhd_node import Node
from waiting import figure, wait_for
from websocket import WebSocket

CALLS = 1000
PINGS = 150
# How much longer an answer may take beside a flood: as many times as in peace, or what a turn or two of the loop take.
TIMES, FLOOR_S = 12, 0.004
CALL = '{"jsonrpc":"2.0","id":7,"method":"shh_hasKeyPair","params":["' + "ab" * 32 + '"]}'

# The flood is a process of its own: it shall not wait for this one's interpreter. It tells how often it got an answer.
FLOOD = """
import select, sys
sys.path.insert(0, sys.argv[1])
from websocket import WebSocket
ws = WebSocket(int(sys.argv[2]))
real, frames = ws.socket, []
class Memory:
    def sendall(self, data):
        frames.append(data)
ws.socket = Memory()
ws.send_frame(1, sys.argv[3].encode())
frame = frames[0] * max(1, 65536 // len(frames[0]))
real.setblocking(False)
print("begins", flush=True)
rest, got = memoryview(frame), 0
while True:
    readable, writable, _ = select.select([real], [real], [])
    if readable:
        data = real.recv(1 << 20)
        if not data:
            break
        got += len(data)
    if writable:
        rest = rest[real.send(rest):] or memoryview(frame)
"""


class Fairness(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="dsn-fair-")
        self.addCleanup(self.folder.cleanup)
        self.node = Node(self.folder.name, "a", log="info")
        self.addCleanup(self.node.stop)
        self.node.start()

    def flood(self, text):
        process = subprocess.Popen([sys.executable, "-c", FLOOD, os.path.dirname(__file__), str(self.node.port), text],
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"begins\n")
        return process

    def client(self):
        client = WebSocket(self.node.port)
        self.addCleanup(client.close)
        return client

    def pings(self):
        """The median time of an answer to another client."""
        client, times, end = self.client(), [], time.monotonic() + 20
        while len(times) < PINGS and time.monotonic() < end:
            begin = time.monotonic()
            self.assertIs(client.call("shh_hasKeyPair", "ab" * 32)["result"], False)
            times.append(time.monotonic() - begin)
        return statistics.median(times)

    def calls(self):
        _, _, text = self.node.http(None, "GET", "/metrics")
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith("shhd_rpc_seconds_count"))

    def beside(self, text):
        quiet = self.pings()
        process = self.flood(text)
        before = self.calls()
        wait_for("the flood is served", lambda: self.calls() > before + 5 * CALLS)
        before, begin = self.calls(), time.monotonic()
        loud = self.pings()
        rate = (self.calls() - before) / (time.monotonic() - begin)
        self.assertIsNone(process.poll())
        figure(f"an answer takes {quiet * 1000:.2f} ms in peace, {loud * 1000:.2f} ms beside {rate:.0f} calls/s")
        self.assertGreater(rate, 100, "the flood was not served meanwhile")
        self.assertLess(loud, max(TIMES * quiet, FLOOR_S))

    def test_batches_hold_nobody_up(self):
        self.beside("[" + ",".join([CALL] * CALLS) + "]")

    def test_single_calls_hold_nobody_up(self):
        self.beside(CALL)

    def test_answers_stand_in_order(self):
        client, other = self.client(), self.client()
        batch = [{"id": i, "method": "shh_version" if i % 3 else "no_such"} for i in range(CALLS)]
        for _ in range(3):
            client.send_frame(1, json.dumps(batch).encode())
        client.send_frame(1, b'{"id": "last", "method": "shh_version"}')
        self.assertEqual(other.call("shh_version")["result"], "6.0")
        for _ in range(3):
            answers = client.receive()
            self.assertEqual([a["id"] for a in answers], list(range(CALLS)))
            self.assertEqual([i for i, a in enumerate(answers) if "error" in a], list(range(0, CALLS, 3)))
        self.assertEqual(client.receive()["id"], "last")
        self.assertEqual(len(self.node.ask(batch)), CALLS)  # over HTTP

    def test_who_goes_in_the_middle_leaves_nothing(self):
        batch = "[" + ",".join([CALL] * CALLS) + "]"
        for _ in range(30):
            client = WebSocket(self.node.port)
            for _ in range(3):
                client.send_frame(1, batch.encode())
            # Bytes that are not read make it a reset.
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.socket.close()
        self.assertEqual(self.node.get("shh_version"), "6.0")
        wait_for("no client is left", lambda: "shhd_websockets 0\n" in self.node.http(None, "GET", "/metrics")[2])
        wait_for("no call is left",
                 lambda: "shhd_rpc_open 0\n" in self.node.http(None, "GET", "/metrics")[2])
        self.assertEqual(self.node.stop(), 0)  # and AddressSanitizer has nothing to say


if __name__ == "__main__":
    unittest.main()
