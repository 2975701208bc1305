#!/usr/bin/env python3
"""shhd among hostile peers and clients: a real node is attacked in every way we know of, while two honest peers that
know each other only through it go on with their pings. It must stay up, keep both, answer them in time, stay within its
bounds of memory, and tell in its metrics what it refused and why."""
import json
import os
import pathlib
import re
import resource
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from shhd_node import BIN, Node, wait_for
from websocket import Closed, WebSocket

SANITIZED = b"__asan_init" in (BIN / "shhd").read_bytes()
MIB = 1 << 20
# What an attack may add to the node's peak of resident memory. The sanitizers' own bookkeeping comes on top.
GROWTH = 96 * MIB if SANITIZED else 32 * MIB
# Messages that are still coming in: 64 MiB in all, and the buffers they grew out of.
GROWTH_UNFINISHED = 256 * MIB if SANITIZED else 128 * MIB
PING_S = 20  # on a machine that does other things too; quiet, it is some ms
POOL_BYTES, POOL_COUNT = 4 * MIB, 8000


class Honest:
    """A peer of the node under attack that speaks to its like through it."""

    def __init__(self, folder, name, target):
        self.node = Node(folder, name, "--static", target.enode, log="info").start()
        self.ws = WebSocket(self.node.port, seconds=60)
        self.key = self.call("shh_newKeyPair")
        self.public = self.call("shh_getPublicKey", self.key)
        self.call("shh_subscribe", "messages", {"privateKeyID": self.key})

    def call(self, method, *params):
        answer = self.ws.call(method, *params)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def send(self, public, payload, **more):
        self.call("shh_post", {"pubKey": public, "sig": self.key, "payload": "0x" + payload.hex(), "ttl": 20,
                               "powTarget": 0.25, "powTime": 20, "topic": "0x01020304", **more})

    def receive(self, seconds):
        return self.ws.note(seconds)["params"]["result"]

    def stop(self):
        self.ws.close()
        self.node.stop()


def metrics(node):
    found = {}
    for line in node.http(None, "GET", "/metrics")[2].splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            found[name] = float(value)
    return found


def status_kib(node, name):
    for line in pathlib.Path(f"/proc/{node.process.pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise AssertionError("the node has gone")


class HostileTest(unittest.TestCase):
    options = ()
    work = 0.25  # of pings: hardly more than nodes ask for

    @classmethod
    def setUpClass(cls):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        # The sanitizer keeps what was freed for a while: little, so that what is measured is the node.
        sanitizer = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
        cls.node = Node(folder.name, "victim", "--pool-bytes", str(POOL_BYTES), "--pool-count", str(POOL_COUNT),
                        "--max-peers", "20", "--body-limit", "24M", *cls.options, discovery=True, log="info", env=sanitizer)
        cls.addClassCleanup(cls.node.stop)
        cls.node.start()
        cls.honest = []
        for name in ("ann", "bob"):
            peer = Honest(folder.name, name, cls.node)
            cls.addClassCleanup(peer.stop)
            cls.honest.append(peer)
        wait_for(lambda: metrics(cls.node)["shhd_peers"] == 2)
        cls.number = 0

    def setUp(self):
        self.ping()  # what is used for the first time takes memory for good
        pathlib.Path(f"/proc/{self.node.process.pid}/clear_refs").write_text("5")  # the peak begins anew
        self.before = metrics(self.node)
        self.before_kib = status_kib(self.node, "VmRSS")
        self.growth = GROWTH
        self.addCleanup(setattr, self, "work", HostileTest.work)

    def tearDown(self):
        self.ping()
        self.assertIsNone(self.node.process.poll(), "the node has ended")
        grown = status_kib(self.node, "VmHWM") - self.before_kib
        print(f"figure: {self._testMethodName}: peak of memory {grown / 1024:.1f} MiB above before", flush=True)
        self.assertLess(grown * 1024, self.growth)
        for peer in self.honest:
            lost = {k: v for k, v in metrics(peer.node).items() if k.startswith("shhd_disconnects_total") and v}
            self.assertEqual(lost, {}, "an honest peer was dropped")
        after = metrics(self.node)
        self.assertLessEqual(after["shhd_pool_bytes"], POOL_BYTES)
        self.assertLessEqual(after["shhd_pool_envelopes"], POOL_COUNT)

    def ping(self):
        """Ann to Bob and back; ms."""
        ann, bob = self.honest
        type(self).number += 1
        payload = struct.pack("!Q", self.number) + os.urandom(192)
        began = time.monotonic()
        ann.send(bob.public, payload, powTarget=self.work)
        got = bob.receive(PING_S)
        self.assertEqual(got["payload"], "0x" + payload.hex())
        bob.send(got["sig"], payload, powTarget=self.work)
        self.assertEqual(ann.receive(PING_S)["payload"], "0x" + payload.hex())
        return (time.monotonic() - began) * 1000

    def attacker(self, name, seconds=0, count=0, most=0):
        process = subprocess.Popen([str(BIN / "shh_attacker"), self.node.enode, name, str(seconds), str(count),
                                    str(most)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()

    def pings_until(self, over):
        times = [self.ping()]
        while not over():
            times.append(self.ping())
            time.sleep(0.02)
        times.sort()
        print(f"figure: {self._testMethodName}: {len(times)} pings meanwhile, median {times[len(times) // 2]:.0f} ms, "
              f"longest {times[-1]:.0f} ms", flush=True)

    def attack(self, name, seconds=0, count=0, during=None, most=0):
        """What the attacker tells, {"links", "sent", "ends"}, after pings all the while."""
        process = self.attacker(name, seconds, count, most)
        if during:
            during(process)
        self.pings_until(lambda: process.poll() is not None)
        text = process.stdout.read()
        self.assertEqual(process.returncode, 0, text)
        told = json.loads(text)
        print(f"figure: {self._testMethodName}: {name}: {text.strip()}", flush=True)
        del told["ends"]["any"]
        return told

    def since(self, name, reason=None):
        """How much a counter has grown."""
        key = name + (f'{{reason="{reason}"}}' if reason is not None else "")
        return metrics(self.node)[key] - self.before[key]

    def refused(self, reason):
        return self.since("shhd_envelopes_refused_total", reason)

    def cut(self, reason):
        return self.since("shhd_connections_cut_total", reason)

    # --- floods of envelopes ---

    def test_flood_with_work(self):
        """More than the pool holds, yet not half of it within two seconds, nor within five, which is what a node that
        has to wait for its turn on a busy machine may find at once: pings with as little work travel."""
        told = self.attack("valid", 55, 800, most=int(1.25 * POOL_COUNT))
        self.assertEqual(told["ends"], {"open": 1})
        self.assertGreater(told["sent"], POOL_COUNT)
        self.assertGreater(self.since("shhd_pool_evicted_total"), 0)

    def test_flood_that_fills_the_pool_at_once(self):
        """Then those with more work travel."""
        self.work = 64
        told = self.attack("valid", 6)
        self.assertEqual(told["ends"], {"open": 1})
        self.assertGreater(self.since("shhd_envelopes_accepted_total"), 0)
        # In three seconds nothing of it is new any more, and as little work as ever does again.
        calm = time.monotonic() + 3
        self.pings_until(lambda: time.monotonic() > calm)

    def test_flood_without_work(self):
        told = self.attack("low-pow", 4)
        self.assertEqual(told["ends"], {"open": 1})
        # Luck gives one in some thousands the work it needs.
        self.assertGreater(self.refused("low_pow"), 0.9 * told["sent"])

    def test_flood_of_the_same(self):
        told = self.attack("same", 4)
        self.assertEqual(told["ends"], {"open": 1})
        wait_for(lambda: self.since("shhd_envelopes_duplicate_total") >= told["sent"] - 256)

    def test_clocks_that_are_wrong(self):
        for name in ("future", "old"):
            with self.subTest(name):
                told = self.attack(name, 2)
                self.assertEqual(told["ends"], {"open": 1})
                wait_for(lambda: self.refused(name) >= told["sent"])

    def test_envelopes_that_are_huge(self):
        told = self.attack("huge", 3)
        self.assertEqual(told["ends"], {"open": 1})
        self.assertGreater(told["sent"], 0)
        wait_for(lambda: self.refused("huge") >= told["sent"])

    def test_bundles_as_large_as_frames(self):
        told = self.attack("bundle", 4)
        self.assertEqual(told["ends"], {"open": 1})
        self.assertGreaterEqual(told["sent"], 1020)
        wait_for(lambda: self.refused("low_pow") >= told["sent"])

    def test_direct_messages_of_strangers(self):
        told = self.attack("stranger-direct", 2)
        self.assertEqual(told["ends"], {"open": 1})
        self.assertEqual(self.since("shhd_direct_received_total"), 0)

    # --- packets and frames that are none ---

    def test_malformed_packets(self):
        told = self.attack("packets")
        # The last one has a message id of nobody's.
        self.assertEqual(told["ends"], {"16": told["links"] - 1, "2": 1})
        self.assertEqual(self.refused("malformed"), told["links"] - 1)
        self.assertEqual(self.cut("message"), 1)

    def test_random_packets(self):
        for _ in range(5):  # on a busy machine four seconds are few packets
            told = self.attack("random", 4)
            self.assertGreater(told["links"], 10)
            if self.refused("malformed") > 10:
                break
        self.assertGreater(self.refused("malformed"), 10)

    def test_frames_that_were_altered(self):
        told = self.attack("macs", count=40)
        self.assertEqual(told["ends"], {"closed": 40})
        self.assertEqual(self.cut("mac"), 40)

    def test_frames_that_never_end(self):
        self.growth = GROWTH_UNFINISHED
        told = self.attack("unfinished", 2, 8)  # 128 MiB
        self.assertGreaterEqual(told["ends"].get("closed", 0), 3)
        self.assertGreaterEqual(self.cut("hoard"), 3)

    def test_compression_bombs(self):
        told = self.attack("bombs", count=30)
        self.assertEqual(told["ends"], {"closed": 25, "16": 5})
        self.assertEqual((self.cut("size"), self.cut("frame"), self.refused("malformed")), (10, 15, 5))

    # --- those who do not read, and those who cannot make up their minds ---

    def test_slow_readers(self):
        ann, _ = self.honest
        nobody = ann.call("shh_getPublicKey", ann.call("shh_newKeyPair"))
        process = self.attacker("slow", 60, 5)
        wait_for(lambda: metrics(self.node)["shhd_peers"] == 7)
        sent = 0
        while not self.cut("slow"):
            ann.send(nobody, os.urandom(100000), powTarget=0.2, ttl=5)
            self.ping()
            sent += 1
            self.assertIsNone(process.poll(), f"no slow reader was cut off after {sent} large messages")
        self.assertGreater(self.since("shhd_slow_peers_skipped_total"), 0)
        wait_for(lambda: self.cut("slow") + self.cut("silent") == 5, 40)
        self.pings_until(lambda: metrics(self.node)["shhd_peers"] == 2)
        self.end(process)

    def test_a_peer_that_wants_all_and_nothing(self):
        process = self.attacker("valid", 3, 1000)
        process.wait()
        told = self.attack("fickle", 5)
        self.assertEqual(told["ends"], {"open": 1})

    # --- connections ---

    def joins(self, name, option):
        """A new honest peer comes in."""
        node = Node(self.folder, name, option, self.node.enode, discovery=option == "--bootnodes", log="info").start()
        self.addCleanup(node.stop)
        wait_for(lambda: node.get("net_peerCount") != "0x0", 60)
        self.assertEqual(node.stop(), 0)

    def test_thousands_that_get_half_way(self):
        def during(process):
            wait_for(lambda: self.since("shhd_accepted_total") > 2000, 60)
            self.joins("carol", "--static")

        told = self.attack("half-open", 10, 3000, during)
        self.assertEqual(told["links"], 3000)
        self.assertGreater(self.cut("crowded"), 2000)
        self.assertGreater(self.cut("handshake"), 0)
        # Nobody waits for the rest for ever.
        self.assertGreater(self.cut("late"), 0)

    def test_a_crowd_of_peers(self):
        told = self.attack("crowd", 8, 60)
        # 13 of 20 places are for those that dial us.
        self.assertEqual(told["ends"], {"open": 11, "4": 49})
        self.assertEqual(self.since("shhd_connections_refused_total"), 49)
        wait_for(lambda: metrics(self.node)["shhd_peers"] == 2)
        self.joins("dave", "--static")

    def test_peers_that_come_and_go(self):
        told = self.attack("come-and-go", 4)
        self.assertGreater(told["links"], 10)

    # --- discovery ---

    def test_garbage_on_udp(self):
        told = self.attack("discovery", 6)
        self.assertGreater(told["sent"], 1000)
        for reason in ("malformed", "unasked"):
            self.assertGreater(self.since("shhd_udp_refused_total", reason), 0)
        self.joins("erin", "--bootnodes")

    # --- RPC ---

    def broken(self, reason):
        return self.since("shhd_http_broken_total", reason)

    def open(self, text=b""):
        s = socket.create_connection(("127.0.0.1", self.node.port), 20)
        self.addCleanup(s.close)
        try:
            s.sendall(text)
        except OSError:
            pass
        return s

    def test_slow_loris(self):
        half = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        crowd = []
        for i in range(2500):
            crowd.append(self.open((half, half[:20], b"")[i % 3]))
        for i in range(5):
            for s in crowd[-1000:]:
                try:
                    s.send(b" ")
                except OSError:
                    pass
            self.ping()
        self.assertEqual(self.node.get("net_peerCount"), "0x2")
        self.assertGreater(self.broken("crowded"), 1400)
        # Not even a byte now and then keeps a request going.
        self.pings_until(lambda: self.broken("slow") > 0)

    def test_bodies_that_are_huge(self):
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        s = self.open(head + b"Content-Length: 99999999999\r\n\r\n")
        self.assertIn(b" 413 ", s.recv(4096))
        s = self.open(head + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
        try:
            for _ in range(60):
                s.sendall(chunk)
        except OSError:
            pass
        self.pings_until(lambda: self.broken("body") == 2)

    def test_bodies_that_never_end(self):
        self.growth = GROWTH_UNFINISHED + 64 * MIB
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20000000\r\n\r\n"
        part, refused = b" " * (19 * MIB), 0
        for _ in range(10):
            s = self.open(head + part)
            s.settimeout(0.5)
            try:
                refused += b" 503 " in s.recv(4096)
            except OSError:
                pass
        self.assertGreater(self.broken("busy"), 3)
        self.assertGreater(refused, 3)
        # A small request passes meanwhile, a message of a client too.
        self.assertEqual(self.node.get("net_peerCount"), "0x2")
        self.ping()

    def test_websockets_that_never_end(self):
        self.growth = GROWTH_UNFINISHED + 64 * MIB
        codes = []
        for _ in range(10):
            ws = WebSocket(self.node.port)
            self.addCleanup(ws.close)
            try:
                ws.send_frame(1, b" " * (19 * MIB), final=False)
            except OSError:
                pass
            ws.socket.settimeout(0.5)
            try:
                ws.receive()
            except Closed as e:
                codes.append(e.code)
            except OSError:
                pass
        wait_for(lambda: self.since("shhd_websockets_broken_total") > 3)
        self.assertIn(1013, codes)
        self.assertEqual(self.node.get("net_peerCount"), "0x2")

    def test_frames_of_websockets(self):
        frames = [b"\x81\xff" + b"\xff" * 8 + b"mask", b"\x81\x05hello", b"\xf1\x80mask", b"\x89\xfe\x01\x00mask",
                  b"\x83\x80mask", b"\x80\x80mask", b"\x81\x81mask\x92"]
        for frame in frames:
            with self.subTest(frame=frame):
                ws = WebSocket(self.node.port)
                self.addCleanup(ws.close)
                ws.socket.sendall(frame)
                with self.assertRaises(Closed) as closed:
                    ws.receive()
                self.assertIn(closed.exception.code, (1002, 1007, 1009))
        wait_for(lambda: self.since("shhd_websockets_broken_total") == len(frames))

    def test_requests_that_are_none(self):
        for request in (os.urandom(20000), b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 5000, b"GET /../x HTTP/1.1\r\n\r\n",
                        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"):
            with self.subTest(request=request[:40]):
                s = self.open(request)
                try:
                    self.assertRegex(s.recv(4096) or b" 4closed", rb" 4")
                except ConnectionResetError:
                    pass
        self.open(b"GET / HTTP/1.1\r\nX: " + b"x" * 100000)
        wait_for(lambda: self.broken("head") >= 1)
        self.assertGreaterEqual(self.broken("malformed"), 3)

    def test_documents_that_are_none(self):
        call = '{"jsonrpc":"2.0","id":1,"method":"shh_version","params":[]}'
        for document, code in (("[" * 100000, -32700), ("{" * 100000, -32700), ("nul", -32700), ("\x00", -32700),
                               ('{"id":' + "9" * 100000 + "}", None), ("[" + ",".join([call] * 1025) + "]", -32600),
                               ('{"id":1,"method":"' + "x" * 100000 + '"}', None)):
            with self.subTest(document=document[:30]):
                status, _, text = self.node.http(document)
                self.assertEqual(status, 200)
                self.assertIn(f'"error":{{"code":{code or ""}', text)

    def test_a_client_that_asks_for_work(self):
        """Keys of passwords by the hundred take none of the time that messages need."""
        ws = WebSocket(self.node.port, seconds=120)
        self.addCleanup(ws.close)
        calls = [{"id": i, "method": "shh_generateSymKeyFromPassword", "params": [str(i)]} for i in range(60)]
        ws.send_frame(1, json.dumps(calls).encode())
        key = self.node.get("shh_newKeyPair")
        public = self.node.get("shh_getPublicKey", key)
        inbox = self.node.get("shh_newMessageFilter", {"privateKeyID": key})
        for _ in range(5):
            self.node.get("shh_post", {"pubKey": public, "payload": "0x01", "powTarget": 0.25, "powTime": 20, "ttl": 5})
            self.node.messages(inbox)
        self.assertLess(self.since("shhd_symmetric_keys"), 30, "the messages waited for the keys")
        self.assertEqual(len(ws.receive()), 60)

    def test_clients_that_never_read(self):
        self.growth = GROWTH + 128 * MIB  # what may wait for all clients together
        request = json.dumps({"id": "x" * 200000, "method": "net_version"}).encode()  # comes back as it is
        clients = 3
        left = threading.Semaphore(0)

        def ask(slow):
            try:
                for _ in range(1000):
                    slow.send_frame(1, request)
            except OSError:
                pass
            left.release()

        threads = []
        for _ in range(clients):
            slow = WebSocket(self.node.port)
            self.addCleanup(slow.close)
            slow.socket.settimeout(3)
            threads.append(threading.Thread(target=ask, args=(slow,)))
            threads[-1].start()
        gone = []
        self.pings_until(lambda: gone.extend([1] if left.acquire(blocking=False) else []) or len(gone) == clients)
        for thread in threads:
            thread.join()
        wait_for(lambda: self.since("shhd_websockets_slow_total") > 0)

    def test_answers_that_nobody_reads(self):
        """A large answer for each of many who ask over HTTP."""
        self.growth = GROWTH + 320 * MIB  # 128 MiB wait; a body of 20 and its answer, as it is made and sent, come on top
        params = json.dumps({"id": 1, "method": "net_version", "params": []})
        batch = "[" + ",".join([params] * 1000) + "]"
        body = ("[" + ",".join(['{"id":"' + "x" * 20000 + '","method":"net_version"}'] * 1000) + "]").encode()
        head = (f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        for _ in range(10):
            s = socket.socket()
            self.addCleanup(s.close)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(20)
            s.connect(("127.0.0.1", self.node.port))
            s.sendall(head + body)
            self.ping()
        wait_for(lambda: self.broken("busy") > 0)
        self.assertEqual(len(self.node.ask(batch)), 1000)


class LimitedTest(unittest.TestCase):
    def test_a_limit_of_envelopes_per_second(self):
        with tempfile.TemporaryDirectory() as folder:
            node = Node(folder, "limited", "--rate-envelopes", "50", log="info")
            self.addCleanup(node.stop)
            node.start()
            done = subprocess.run([str(BIN / "shh_attacker"), node.enode, "valid", "4", "0"], capture_output=True,
                                  text=True, timeout=60)
            told, after = json.loads(done.stdout), metrics(node)
            self.assertEqual(told["ends"]["open"], 1)
            rate = after['shhd_envelopes_refused_total{reason="rate"}']
            self.assertGreater(rate, 0)
            self.assertLessEqual(after["shhd_envelopes_accepted_total"], 50 * 7)
            node.stop()

    def test_few_files(self):
        """Clients do not take the descriptors of peers: the node allows itself more of them when it starts."""
        with tempfile.TemporaryDirectory() as folder:
            node = Node(folder, "files", log="info")
            self.addCleanup(node.stop)
            _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
            try:
                node.start()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
            limits = pathlib.Path(f"/proc/{node.process.pid}/limits").read_text()
            found = int(re.search(r"Max open files +(\d+)", limits)[1])
            self.assertGreaterEqual(found, min(hard, 2300))
            node.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
