#!/usr/bin/env python3
"""Every argument of shhd's methods at its limit, one below and one above: it is taken or refused with a reason, and the
node is there afterwards."""
import os
import pathlib
import re
import tempfile
import unittest

from shhd_node import Node
from websocket import Closed, WebSocket

TOPIC = "0x01020304"
MESSAGE_LIMIT = 10 * 1024 * 1024  # of an envelope, whatever the node's own limit is
PAYLOAD_LIMIT = 0xffffff
SEALED = 1 + 3 + 28 + 20  # flags, size of the payload, AES-GCM, what an envelope counts for the rest
U32 = 2**32
FILTERS, KEYS = 4096, 65536  # of a node; keys of each kind
SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE", pathlib.Path(__file__).parents[2]))
METHOD = re.compile(r'\.name = "(\w+)"[^}]*?(?:\.params = \{\{(\w+), &?\w+\}\})?\}')
GOOD = {"JSONRPC_STRING": "x", "JSONRPC_HEX": "0x00", "JSONRPC_UINT32": 1, "JSONRPC_DOUBLE": 1, "JSONRPC_OBJECT": {}}
# What is no value of a kind.
WRONG = {
    "JSONRPC_STRING": (1, 1.5, True, [], {}),
    "JSONRPC_HEX": (1, True, [], {}, "0", "0x0", "0x0g", "00"),
    "JSONRPC_UINT32": ("1", True, [], {}, 1.5, -1, U32),
    "JSONRPC_DOUBLE": ("1", True, [], {}),
    "JSONRPC_OBJECT": (1, "x", True, []),
}
BODY = 34 << 20  # the longest payload in hexadecimal, and the rest of its document


def zeros(n):
    return "0x" + "00" * n


class LimitsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.node = Node(folder.name, "a", "--body-limit", str(BODY), "--max-message", str(MESSAGE_LIMIT),
                        "--min-pow", "0", "--pool-bytes", "256M", log="info")
        cls.addClassCleanup(cls.node.stop)
        cls.node.start()
        cls.key = cls.node.get("shh_newSymKey")
        cls.pair = cls.node.get("shh_newKeyPair")
        cls.public = cls.node.get("shh_getPublicKey", cls.pair)

    def tearDown(self):
        self.assertIsNone(self.node.process.poll(), self.node.log.read_text()[-2000:])
        self.assertEqual(self.node.get("shh_version"), "6.0")

    def taken(self, method, *params):
        answer = self.node.call(method, *params)
        self.assertNotIn("error", answer, f"{method} {str(params)[:200]}")
        return answer["result"]

    def refused(self, pattern, method, *params):
        answer = self.node.call(method, *params)
        self.assertIn("error", answer, f"{method} {str(params)[:200]}")
        self.assertRegex(answer["error"]["message"], pattern)

    def post(self, **more):
        return {"symKeyID": self.key, "topic": TOPIC, "ttl": 20, "padding": "0x01020304", **more}

    def test_size_of_a_message(self):
        """Sealing adds to what is posted: only then is it too large."""
        fits = MESSAGE_LIMIT - SEALED - 4
        for n in (fits - 1, fits):
            self.assertRegex(self.taken("shh_post", self.post(payload=zeros(n))), "^0x[0-9a-f]{64}$")
        for n in (fits + 1, PAYLOAD_LIMIT):
            self.refused("huge messages are not allowed", "shh_post", self.post(payload=zeros(n)))
        # Without having been mined first.
        self.refused("huge messages are not allowed", "shh_post", self.post(payload=zeros(fits + 1), powTarget=1e9, powTime=3600))
        self.refused("^payload of 16777216 bytes", "shh_post", self.post(payload=zeros(PAYLOAD_LIMIT + 1)))

    def test_size_of_a_message_to_a_key_and_to_a_peer(self):
        message = {"pubKey": self.public, "sig": self.pair, "payload": zeros(MESSAGE_LIMIT), "ttl": 2}
        for target in ({}, {"targetPeer": self.node.enode}):
            self.refused("huge messages are not allowed", "shh_post", {**message, **target})

    def test_size_of_padding(self):
        fits = MESSAGE_LIMIT - SEALED + 2 - 1  # the size of one byte takes one byte
        pad = "01" * (fits - 1)
        self.taken("shh_post", self.post(payload="0x00", padding="0x" + pad))
        self.taken("shh_post", self.post(payload="0x00", padding="0x" + pad + "01"))
        self.refused("huge messages", "shh_post", self.post(payload="0x00", padding="0x" + pad + "0101"))
        self.refused("^padding of 16777216 bytes", "shh_post", self.post(payload="0x00", padding="0x" + "01" * (PAYLOAD_LIMIT + 1)))

    def test_size_of_sealed_data(self):
        message = {"topic": TOPIC, "ttl": 20, "powTarget": 0}
        for n in (MESSAGE_LIMIT - 21, MESSAGE_LIMIT - 20):
            self.taken("dsn_post", {**message, "data": zeros(n)})
        for n in (MESSAGE_LIMIT - 19, MESSAGE_LIMIT + 1):
            self.refused("this node takes at most 10485760", "dsn_post", {**message, "data": zeros(n)})
        self.refused("missing data", "dsn_post", {**message, "data": "0x"})
        self.taken("dsn_post", {**message, "data": "0x00"})

    def test_integers(self):
        for field in ("ttl", "powTime"):
            for value in (-1, U32, 10**30):
                self.refused(f"cannot unmarshal number {value} .*{field}", "shh_post", self.post(payload="0x01", **{field: value}))
        # What expires when 32 bits have passed wraps, as go-ethereum's does; nothing waits for it.
        for ttl in (0, 1, 2**31 - 1, 2**31, U32 - 1):
            answer = self.node.call("shh_post", self.post(payload="0x01", ttl=ttl, powTarget=0.2, powTime=2))
            self.assertTrue("result" in answer or answer["error"]["message"])
        self.refused("insufficient", "shh_post", self.post(payload="0x01", powTarget=0.2, powTime=0))
        self.refused("PoW too low", "shh_post", self.post(payload="0x01", powTarget=-1, powTime=1))
        answer = self.node.ask('{"jsonrpc":"2.0","id":1,"method":"shh_post","params":[{"powTarget":1e999}]}')
        self.assertIn("cannot unmarshal number 1e999", answer["error"]["message"])

    def test_settings(self):
        for n in (MESSAGE_LIMIT - 1, MESSAGE_LIMIT):
            self.assertIs(self.taken("shh_setMaxMessageSize", n), True)
        for n in (MESSAGE_LIMIT + 1, U32 - 1):
            self.refused("message size too large", "shh_setMaxMessageSize", n)
        self.refused("cannot unmarshal number", "shh_setMaxMessageSize", U32)
        self.refused("cannot unmarshal number", "shh_setMaxMessageSize", -1)
        self.assertIs(self.taken("shh_setMaxMessageSize", 0), True)
        self.refused("huge messages", "shh_post", self.post(payload="0x01"))
        self.taken("shh_setMaxMessageSize", MESSAGE_LIMIT)
        for n in (63, 65):
            self.refused(f"invalid bloom filter size: {n}", "shh_setBloomFilter", zeros(n))
        self.taken("shh_setBloomFilter", "0x" + "ff" * 64)
        self.refused("invalid PoW", "shh_setMinPoW", -1e-300)
        self.taken("shh_setMinPoW", 0)
        self.taken("shh_setMinPoW", 1e308)
        self.taken("shh_setMinPoW", 0)

    def test_keys(self):
        for n in (31, 33):
            self.refused("^invalid length, need 256 bits$", "shh_addPrivateKey", zeros(n))
            self.refused(f"^wrong key size: {n}$", "shh_addSymKey", zeros(n))
        order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141
        for secret in (1, order - 1):
            self.taken("shh_addPrivateKey", f"0x{secret:064x}")
        self.refused("zero or negative", "shh_addPrivateKey", f"0x{0:064x}")
        for secret in (order, order + 1, 2**256 - 1):
            self.refused(">=N$", "shh_addPrivateKey", f"0x{secret:064x}")
        self.taken("shh_addSymKey", zeros(32))
        for n in (64, 66):
            self.refused("invalid public key", "shh_post", self.post(symKeyID=None, pubKey="0x04" + "11" * (n - 1)))
        for id in (self.pair[:-1], self.pair + "0", "", "\0" * 64):
            self.assertIs(self.taken("shh_hasKeyPair", id), False)
            self.assertIs(self.taken("shh_hasSymKey", id), False)
            self.refused("invalid id", "shh_getPrivateKey", id)
        for text in ("", "p", "p" * 1_000_000):
            self.taken("shh_generateSymKeyFromPassword", text)

    def test_topics(self):
        for topic in ("0x010203", "0x0102030405", "0x0102030", ""):
            self.refused("hex string", "shh_post", self.post(topic=topic, payload="0x01"))
            self.refused("hex string", "shh_newMessageFilter", {"symKeyID": self.key, "topics": [topic]})
        self.refused("missing topic", "shh_post", self.post(topic="0x00000000", payload="0x01"))
        ws = WebSocket(self.node.port, seconds=60)
        self.addCleanup(ws.close)
        for n, good in ((16383, True), (16384, True), (16385, False)):
            answer = ws.call("dsn_subscribe", "envelopes", {"topics": ["0x05060708"] * n})
            self.assertEqual("result" in answer, good, n)
        self.taken("shh_newMessageFilter", {"symKeyID": self.key, "topics": [TOPIC] * 100_000})

    def test_subscriptions(self):
        ws = WebSocket(self.node.port, seconds=60)
        self.addCleanup(ws.close)
        for n in range(257):
            answer = ws.call("dsn_subscribe", "envelopes", {"topics": []})
            self.assertEqual("result" in answer, n < 256, n)

    def test_batches(self):
        call = {"jsonrpc": "2.0", "id": 1, "method": "shh_version", "params": []}
        for n in (1023, 1024):
            self.assertEqual(len(self.node.ask([call] * n)), n)
        self.assertEqual(self.node.ask([call] * 1025)["error"]["message"], "batch too large")
        self.assertEqual(self.node.ask([])["error"]["message"], "empty batch")

    def test_depth(self):
        for n in (60, 100, 1000, 100_000):
            answer = self.node.ask('{"jsonrpc":"2.0","id":1,"method":"shh_version","params":' + "[" * n + "]" * n + "}")
            self.assertTrue(answer["error"]["message"])

    def test_every_method(self):
        """Each one that shhd's tables have: an argument too few, one too many, and each kind of value that it is not."""
        text = "".join(path.read_text() for path in sorted((SOURCE / "src/shhd").glob("*.c")))
        methods = {name: kind for name, kind in METHOD.findall(text) if name.split("_")[0] in ("shh", "web3", "net", "admin", "rpc")
                   and not name.endswith(("_subscribe", "_unsubscribe"))}
        self.assertGreater(len(methods), 30, methods)
        self.assertGreater(len([kind for kind in methods.values() if kind]), 20, methods)
        for name, kind in methods.items():
            with self.subTest(name):
                if not kind:
                    for more in ([], 0, None, "x" * 1_000_000):
                        self.refused("^too many arguments, want at most 0$", name, more)
                    continue
                self.refused("^missing value for required argument 0$", name)
                self.refused("^too many arguments, want at most 1$", name, GOOD[kind], None)
                for value in WRONG[kind]:
                    self.refused("^invalid argument 0: ", name, value)

    def test_filters(self):
        """Each member of what a filter looks for."""
        good = {"symKeyID": self.key, "topics": [TOPIC], "minPow": 0, "allowP2P": True, "sig": self.public}
        filter = self.taken("shh_newMessageFilter", good)
        for member, value, reason in (
                ("symKeyID", self.key[:-1], "non-existent key ID"), ("symKeyID", self.key + "0", "non-existent key ID"),
                ("symKeyID", "", "either a symmetric or an asymmetric key"), ("privateKeyID", self.pair, "either a symmetric"),
                ("sig", self.public[:-2], "invalid signing public key"), ("sig", self.public + "00", "invalid signing public key"),
                ("sig", "0x04" + "00" * 64, "invalid signing public key"),
                ("minPow", "1", "minPow"), ("allowP2P", 1, "allowP2P"), ("topics", TOPIC, "topics"), ("topics", [1], "topics")):
            self.refused(reason, "shh_newMessageFilter", {**good, member: value})
        for pow in (-1e308, 0, 1e308):
            self.taken("shh_deleteMessageFilter", self.taken("shh_newMessageFilter", {**good, "minPow": pow}))
        self.refused("invalid id", "shh_newMessageFilter", {"privateKeyID": self.pair[:-1]})
        for id in (filter[:-1], filter + "0", "", "x" * 1_000_000):
            self.refused("filter not found", "shh_getFilterMessages", id)
            self.refused("Invalid ID", "shh_deleteMessageFilter", id)
        self.assertEqual(self.taken("shh_getFilterMessages", filter), [])
        self.taken("shh_deleteMessageFilter", filter)
        self.refused("filter not found", "shh_getFilterMessages", filter)

    def test_ids(self):
        for id in (self.pair[:-1], self.pair + "0", "", "x" * 1_000_000):
            self.assertTrue(self.node.call("shh_getPublicKey", id)["error"]["message"])
            self.refused("non-existent key ID", "shh_getSymKey", id)
            self.assertIs(self.taken("shh_deleteSymKey", id), False)
            self.assertIn("error", self.node.call("shh_deleteKeyPair", id))

    def test_body_limit(self):
        """What could be sent is what one object in memory may be, or a request would end the node."""
        for limit, good in ((0, False), (1, True), (128 << 20, True), ((128 << 20) + 1, False)):
            with self.subTest(limit), tempfile.TemporaryDirectory() as folder:
                node = Node(folder, "body", "--body-limit", str(limit))
                self.addCleanup(node.stop)
                if good:
                    node.start()
                    node.stop()
                    continue
                with self.assertRaisesRegex(AssertionError, "--body-limit: at most 128M"):
                    node.start()

    def test_how_many_filters(self):
        """As many as there may be, and one more. A node of its own: what is kept there is in others' way."""
        node = self.full_node()
        criteria = {"symKeyID": node.get("shh_newSymKey")}
        self.fill(node, FILTERS, "filters", lambda i: ("shh_newMessageFilter", criteria), "shh_deleteMessageFilter")

    def test_how_many_symmetric_keys(self):
        self.fill(self.full_node(), KEYS, "symmetric keys", lambda i: ("shh_addSymKey", f"0x{i + 1:064x}"), "shh_deleteSymKey")

    def full_node(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        node = Node(folder.name, "full", log="info")
        self.addCleanup(node.stop)
        return node.start()

    def fill(self, node, limit, what, call, remove):
        """Up to one below the limit, to it, and one more; what is taken away makes room for one. All ids are different.
        Key pairs: shhd_keys_test, since each costs a multiplication on the curve."""
        def ask(first, count):
            batch = [{"jsonrpc": "2.0", "id": i, "method": method, "params": params}
                     for i, (method, *params) in ((i, call(i)) for i in range(first, first + count))]
            return node.ask(batch)

        ids = set()
        for first in range(0, limit - 1, 1024):
            answers = ask(first, min(1024, limit - 1 - first))
            ids.update(answer["result"] for answer in answers)
        ids.update(answer["result"] for answer in ask(limit - 1, 1))
        self.assertEqual(len(ids), limit)
        full = f"^there are {limit} {what} already, no more are kept$"
        for _ in range(2):
            answer, = ask(limit, 1)
            self.assertRegex(answer["error"]["message"], full)
        self.assertIs(node.get(remove, ids.pop()), True)
        self.assertIn("result", ask(limit, 1)[0])
        self.assertRegex(ask(limit + 1, 1)[0]["error"]["message"], full)
        self.assertEqual(node.get("shh_version"), "6.0")

    def test_sealed_post(self):
        """The integers of dsn_post, and its topic."""
        message = {"topic": TOPIC, "ttl": 20, "data": zeros(64), "powTarget": 0, "powTime": 1}
        for field in ("ttl", "powTime"):
            for value in (-1, U32):
                self.refused(f"cannot unmarshal number {value} .*{field}", "dsn_post", {**message, field: value})
            for value in (0, 1, U32 - 1):
                answer = self.node.call("dsn_post", {**message, field: value} if field == "ttl" else {**message, field: min(value, 2)})
                self.assertTrue("result" in answer or answer["error"]["message"])
        for topic in ("0x010203", "0x0102030405", ""):
            self.refused("hex string", "dsn_post", {**message, "topic": topic})

    def test_enodes(self):
        key = self.public[4:]
        for text in (f"enode://{key[:-1]}@127.0.0.1:1", f"enode://{key}0@127.0.0.1:1", f"enode://{key}@127.0.0.1:65536",
                     f"enode://{key}@{'a' * 254}:1", "", "enode://", f"enode://{'0' * 128}@127.0.0.1:1"):
            for method in ("admin_addPeer", "admin_removePeer", "admin_addTrustedPeer", "admin_removeTrustedPeer",
                           "shh_markTrustedPeer"):
                self.assertTrue(self.node.call(method, text)["error"]["message"], (method, text))
        self.refused("^failed to parse target peer", "shh_post", self.post(payload="0x01", powTarget=0, targetPeer="x" * 1_000_000))

    def test_size_of_a_document(self):
        ws = WebSocket(self.node.port, seconds=120)
        self.addCleanup(ws.close)
        empty = '{"jsonrpc":"2.0","id":1,"method":"web3_sha3","params":["0x"]}'
        document = empty.replace("0x", "0x" + "00" * ((BODY - len(empty)) // 2))
        for n in (BODY - 1, BODY):
            self.assertIn("result", self.node.ask(document.ljust(n)))
        status, _, _ = self.node.http(empty + " " * (BODY + 1 - len(empty)))
        self.assertEqual(status, 413)
        with self.assertRaises((Closed, OSError)):
            ws.send_frame(1, b" " * (BODY + 1))
            ws.call("shh_version")


if __name__ == "__main__":
    unittest.main(verbosity=2)
