#!/usr/bin/env python3
"""shhd's RPC: two real nodes connected over loopback; every method with its results and refusals as geth has them."""
import http.client
import http.server
import json
import os
import pathlib
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest

from shhd_node import Node, wait_for
from websocket import Closed, Refused, WebSocket

TOPIC = "0x01020304"
PASSWORD_KEY = "0xa82a520aff70f7a989098376e48ec128f25f767085e84d7fb995a9815eebff0a"  # of "test"
N = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"  # order of secp256k1
NOBODY = ("enode://1dd9d65c4552b5eb43d5ad55a2ee3f56c6cbc1c64a5c8d659f51fcd51bace24351232b8d7821617d2b29b54b81cdefb9b3e9c37"
          "d7fd5f63270bcc9e1a6f6a439@127.0.0.1:1")


class Case(unittest.TestCase):
    def refused(self, answer, text, code=-32000):
        self.assertEqual(answer.get("error"), {"code": code, "message": text}, answer)
        self.assertNotIn("result", answer)

    def bad_param(self, answer, text, index=0):
        self.refused(answer, f"invalid argument {index}: {text}", -32602)


class RpcTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.a = Node(cls.folder.name, "a", "--ws-port", "0", "--network-id", "77", "--identity", "first")
        cls.addClassCleanup(cls.a.stop)
        cls.a.start()
        cls.b = Node(cls.folder.name, "b", "--static", cls.a.enode, "--etherbase", "0x" + "ab" * 20)
        cls.addClassCleanup(cls.b.stop)
        cls.b.start()
        wait_for(lambda: cls.a.get("net_peerCount") == "0x1" and cls.b.get("net_peerCount") == "0x1")

    def test_version_and_info(self):
        self.assertEqual(self.a.get("shh_version"), "6.0")
        info = self.b.get("shh_info")
        self.assertEqual(set(info), {"memory", "messages", "minPow", "maxMessageSize"})
        self.assertEqual((info["minPow"], info["maxMessageSize"]), (0.2, 1048576))

    def test_key_pairs(self):
        a = self.a
        key = a.get("shh_newKeyPair")
        self.assertRegex(key, "^[0-9a-f]{64}$")
        self.assertIs(a.get("shh_hasKeyPair", key), True)
        self.assertRegex(a.get("shh_getPublicKey", key), "^0x04[0-9a-f]{128}$")
        secret = a.get("shh_getPrivateKey", key)
        self.assertRegex(secret, "^0x[0-9a-f]{64}$")
        again = a.get("shh_addPrivateKey", secret.upper().replace("0X", "0x"))
        self.assertNotEqual(again, key)
        self.assertEqual(a.get("shh_getPublicKey", again), a.get("shh_getPublicKey", key))
        self.assertIs(a.get("shh_deleteKeyPair", key), True)
        self.assertIs(a.get("shh_hasKeyPair", key), False)
        self.refused(a.call("shh_deleteKeyPair", key), f"key pair {key} not found")
        self.refused(a.call("shh_getPublicKey", key), "invalid id")
        self.refused(a.call("shh_getPrivateKey", key), "invalid id")
        self.refused(a.call("shh_addPrivateKey", "0x01"), "invalid length, need 256 bits")
        self.refused(a.call("shh_addPrivateKey", "0x" + N), "invalid private key, >=N")
        self.refused(a.call("shh_addPrivateKey", "0x" + "00" * 32), "invalid private key, zero or negative")
        self.bad_param(a.call("shh_addPrivateKey", "00"), "json: cannot unmarshal hex string without 0x prefix into Go "
                                                         "value of type hexutil.Bytes")

    def test_symmetric_keys(self):
        a = self.a
        key = a.get("shh_newSymKey")
        self.assertRegex(key, "^[0-9a-f]{64}$")
        self.assertRegex(a.get("shh_getSymKey", key), "^0x[0-9a-f]{64}$")
        added = a.get("shh_addSymKey", "0x" + "5a" * 32)
        self.assertEqual(a.get("shh_getSymKey", added), "0x" + "5a" * 32)
        self.refused(a.call("shh_addSymKey", "0x5a"), "wrong key size: 1")
        word = a.get("shh_generateSymKeyFromPassword", "test")
        self.assertEqual(a.get("shh_getSymKey", word), PASSWORD_KEY)
        self.assertIs(a.get("shh_hasSymKey", word), True)
        self.assertIs(a.get("shh_deleteSymKey", word), True)
        self.assertIs(a.get("shh_deleteSymKey", word), False)
        self.assertIs(a.get("shh_hasSymKey", word), False)
        self.refused(a.call("shh_getSymKey", word), "non-existent key ID")

    def test_settings(self):
        b = self.b
        self.assertIs(b.get("shh_setMaxMessageSize", 10485760), True)
        self.refused(b.call("shh_setMaxMessageSize", 10485761), "message size too large [10485761>10485760]")
        self.bad_param(b.call("shh_setMaxMessageSize", 100.5),
                       "json: cannot unmarshal number 100.5 into Go value of type uint32")
        self.assertIs(b.get("shh_setMaxMessageSize", 1048576), True)
        self.refused(b.call("shh_setMinPoW", -1), "invalid PoW: -1.000000")
        self.assertIs(b.get("shh_setMinPoW", 0.25), True)
        self.assertEqual(b.get("shh_info")["minPow"], 0.25)
        self.assertIs(b.get("shh_setMinPoW", 0.2), True)
        self.refused(b.call("shh_setBloomFilter", "0xff"), "invalid bloom filter size: 1")
        self.assertIs(b.get("shh_setBloomFilter", "0x" + "ff" * 64), True)
        self.assertIs(b.get("shh_makeLightClient"), True)
        self.assertIs(b.get("shh_cancelLightClient"), True)

    def test_trusted_peers_and_direct_messages(self):
        a, b = self.a, self.b
        self.assertTrue(a.call("shh_markTrustedPeer", "x")["error"]["message"])
        self.assertFalse(a.call("shh_markTrustedPeer", "x")["error"]["message"].startswith("invalid enode"))
        answer = a.call("shh_markTrustedPeer", NOBODY)
        self.assertRegex(answer["error"]["message"], "^could not find peer with ID: [0-9a-f]{64}$")
        self.assertIs(b.get("shh_markTrustedPeer", a.enode), True)
        key, other = a.get("shh_newKeyPair"), None
        public = b.get("shh_getPublicKey", other := b.get("shh_newKeyPair"))
        direct = b.get("shh_newMessageFilter", {"privateKeyID": other, "allowP2P": True})
        plain = b.get("shh_newMessageFilter", {"privateKeyID": other})
        message = {"pubKey": public, "payload": "0x01", "powTarget": 0, "targetPeer": b.enode, "sig": key}
        self.assertRegex(a.get("shh_post", message), "^0x[0-9a-f]{64}$")
        self.assertEqual(b.messages(direct)[0]["payload"], "0x01")
        self.assertEqual(b.get("shh_getFilterMessages", plain), [])
        answer = a.call("shh_post", {**message, "targetPeer": "nonsense"})
        self.assertRegex(answer["error"]["message"], "^failed to parse target peer: ")
        answer = a.call("shh_post", {**message, "targetPeer": NOBODY})
        self.assertRegex(answer["error"]["message"], "^could not find peer with ID: ")

    def test_symmetric_message(self):
        a, b = self.a, self.b
        ka, kb = (n.get("shh_generateSymKeyFromPassword", "test") for n in (a, b))
        signer = a.get("shh_newKeyPair")
        public = a.get("shh_getPublicKey", signer)
        filters = [b.get("shh_newMessageFilter", {"symKeyID": kb, **more}) for more in
                   ({"topics": [TOPIC]}, {}, {"sig": public}, {"topic": "ignored", "unknown": {}},
                    {"topics": ["0x0a0a0a0a"]}, {"minPow": 1e9}, {"sig": b.get("shh_getPublicKey", b.get("shh_newKeyPair"))})]
        digest = a.get("shh_post", {"symKeyID": ka, "sig": signer, "ttl": 20, "topic": TOPIC, "payload": "0xABcd",
                                    "padding": "0x010203", "powTarget": 0.5, "powTime": 10})
        for filter_id in filters[:4]:
            message, = b.messages(filter_id)
            self.assertEqual(list(message), ["sig", "ttl", "timestamp", "topic", "payload", "padding", "pow", "hash"])
            self.assertEqual(message["sig"], public)
            self.assertEqual((message["ttl"], message["topic"], message["payload"], message["padding"], message["hash"]),
                             (20, TOPIC, "0xabcd", "0x010203", digest))
            self.assertGreaterEqual(message["pow"], 0.5)
            self.assertLess(abs(message["timestamp"] - time.time()), 30)
            self.assertEqual(b.get("shh_getFilterMessages", filter_id), [])  # fetched once
        for filter_id in filters[4:]:
            self.assertEqual(b.get("shh_getFilterMessages", filter_id), [])
        for filter_id in filters:
            self.assertIs(b.get("shh_deleteMessageFilter", filter_id), True)
        self.refused(b.call("shh_getFilterMessages", filters[0]), "filter not found")
        self.refused(b.call("shh_deleteMessageFilter", filters[0]), "Unsubscribe: Invalid ID")

    def test_asymmetric_message_and_own_filters(self):
        a, b = self.a, self.b
        key = b.get("shh_newKeyPair")
        public = b.get("shh_getPublicKey", key)
        there = b.get("shh_newMessageFilter", {"privateKeyID": key})
        here = a.get("shh_newMessageFilter", {"privateKeyID": a.get("shh_addPrivateKey", b.get("shh_getPrivateKey", key))})
        a.get("shh_post", {"PUBKEY": public, "powTarget": 0.3, "powTime": 10, "sig": None})
        for node, filter_id in ((b, there), (a, here)):
            message, = node.messages(filter_id)
            self.assertEqual(list(message), ["ttl", "timestamp", "topic", "payload", "padding", "pow", "hash",
                                             "recipientPublicKey"])
            self.assertEqual((message["ttl"], message["topic"], message["payload"], message["recipientPublicKey"]),
                             (50, "0x00000000", "0x", public))

    def test_posts_that_are_refused(self):
        a = self.a
        key, pair = a.get("shh_newSymKey"), a.get("shh_newKeyPair")
        zero = a.get("shh_addSymKey", "0x" + "00" * 32)
        public = a.get("shh_getPublicKey", pair)
        gone = "00" * 32
        which = "specify either a symmetric or an asymmetric key"
        for message, text in (
                ({}, which), ({"symKeyID": key, "pubKey": public}, which), ({"sig": gone}, which),
                ({"symKeyID": gone, "sig": gone}, "invalid id"),
                ({"symKeyID": gone}, "missing topic(s)"), ({"symKeyID": gone, "topic": TOPIC}, "non-existent key ID"),
                ({"symKeyID": zero, "topic": TOPIC}, "invalid symmetric key"),
                ({"pubKey": "0x04" + "11" * 64}, "invalid public key"), ({"pubKey": "0x" + public[4:]}, "invalid public key"),
                ({"pubKey": public, "powTarget": 0.5}, "failed to reach the PoW target, specified pow time (0 seconds) was "
                                                       "insufficient"),
                ({"pubKey": public}, "message rejected, PoW too low"),
                ({"pubKey": public, "powTarget": 0.1, "powTime": 5}, "message rejected, PoW too low")):
            self.refused(a.call("shh_post", message), text)
        field = "Go struct field NewMessage"
        for message, text in (
                ({"ttl": 1.5}, f"json: cannot unmarshal number 1.5 into {field}.ttl of type uint32"),
                ({"ttl": "0x64"}, f"json: cannot unmarshal string into {field}.ttl of type uint32"),
                ({"powTarget": "2"}, f"json: cannot unmarshal string into {field}.powTarget of type float64"),
                ({"symKeyID": 5}, f"json: cannot unmarshal number into {field}.symKeyID of type string"),
                ({"payload": "0xabc"}, f"json: cannot unmarshal hex string of odd length into {field}.payload of type "
                                       "hexutil.Bytes"),
                ({"payload": "0xzz"}, f"json: cannot unmarshal invalid hex string into {field}.payload of type hexutil.Bytes"),
                ({"topic": "0x010203"}, "hex string has length 6, want 8 for Topic")):
            self.bad_param(a.call("shh_post", message), text)
        self.bad_param(a.call("shh_post", 5), "json: cannot unmarshal number into Go value of type whisperv6.NewMessage")
        self.refused(a.call("shh_post"), "missing value for required argument 0", -32602)
        self.refused(a.call("shh_post", {}, {}), "too many arguments, want at most 1", -32602)
        huge = {"pubKey": public, "payload": "0x" + "00" * 1048600, "powTarget": 0.2, "powTime": 30, "ttl": 1}
        self.assertRegex(a.call("shh_post", huge)["error"]["message"], "^huge messages are not allowed")

    def test_filters_that_are_refused(self):
        a = self.a
        key, pair, gone = a.get("shh_newSymKey"), a.get("shh_newKeyPair"), "00" * 32
        zero = a.get("shh_addSymKey", "0x" + "00" * 32)
        which = "specify either a symmetric or an asymmetric key"
        for criteria, text in (({}, which), ({"symKeyID": key, "privateKeyID": pair}, which),
                               ({"symKeyID": gone, "sig": "0x04"}, "invalid signing public key"),
                               ({"symKeyID": gone}, "non-existent key ID"), ({"symKeyID": zero}, "invalid symmetric key"),
                               ({"privateKeyID": gone}, "invalid id")):
            self.refused(a.call("shh_newMessageFilter", criteria), text)
        self.bad_param(a.call("shh_newMessageFilter", {"topics": ["0x01"]}), "hex string has length 2, want 8 for Topic")
        ws = WebSocket(a.port)
        self.addCleanup(ws.close)
        for criteria, text in (({}, which), ({"symKeyID": key, "sig": "0x05"}, "invalid signing public key"),
                               ({"symKeyID": gone}, "missing topic(s)"),
                               ({"symKeyID": gone, "topics": [TOPIC]}, "non-existent key ID"),
                               ({"symKeyID": zero, "topics": [TOPIC]}, "invalid symmetric key"),
                               ({"privateKeyID": gone}, "invalid public key")):
            self.refused(ws.call("shh_subscribe", "messages", criteria), text)
        self.refused(ws.call("shh_subscribe", "blocks", {}), 'no "blocks" subscription in shh namespace', -32601)
        self.refused(ws.call("shh_subscribe"), "expected subscription name as first argument", -32602)
        self.bad_param(ws.call("shh_subscribe", "messages", 5),
                       "json: cannot unmarshal number into Go value of type whisperv6.Criteria", 1)
        self.refused(a.call("shh_subscribe", "messages", {}), "notifications not supported")
        self.refused(a.call("shh_unsubscribe", "0x1"), "subscription not found")

    def test_subscriptions(self):
        a, b = self.a, self.b
        ka, kb = (n.get("shh_addSymKey", "0x" + "77" * 32) for n in (a, b))
        ws, other = WebSocket(b.port), WebSocket(b.port)
        self.addCleanup(ws.close)
        self.addCleanup(other.close)
        subscription = ws.call("shh_subscribe", "messages", {"symKeyID": kb, "topics": [TOPIC]})["result"]
        self.assertRegex(subscription, "^0x[1-9a-f][0-9a-f]{0,31}$")
        post = {"symKeyID": ka, "topic": TOPIC, "powTarget": 0.3, "powTime": 10}
        sent = [a.get("shh_post", {**post, "payload": f"0x{i:02x}"}) for i in range(5)]
        for i in range(5):
            note = ws.note()
            self.assertEqual((note["jsonrpc"], note["method"], note["params"]["subscription"]),
                             ("2.0", "shh_subscription", subscription))
            self.assertEqual((note["params"]["result"]["hash"], note["params"]["result"]["payload"]),
                             (sent[i], f"0x{i:02x}"))
        # Another client's subscription is not its own.
        self.refused(other.call("shh_unsubscribe", subscription), "subscription not found")
        self.assertIs(ws.call("shh_unsubscribe", subscription)["result"], True)
        self.refused(ws.call("shh_unsubscribe", subscription), "subscription not found")
        watch = b.get("shh_newMessageFilter", {"symKeyID": kb})
        a.get("shh_post", {**post, "payload": "0xff"})
        self.assertEqual(b.messages(watch)[0]["payload"], "0xff")
        self.assertEqual(ws.call("shh_version")["result"], "6.0")
        self.assertEqual(len(ws.notes), 0)
        # What closes takes its subscriptions along.
        other.call("shh_subscribe", "messages", {"symKeyID": kb, "topics": [TOPIC]})
        self.assertIn("shhd_subscriptions 1\n", b.http(None, "GET", "/metrics")[2])
        other.close()
        wait_for(lambda: "shhd_subscriptions 0\n" in b.http(None, "GET", "/metrics")[2])

    def test_own_post_in_the_batch_that_subscribes(self):
        """No notification before the reply that names the subscription."""
        ws = WebSocket(self.a.port)
        self.addCleanup(ws.close)
        key = ws.call("shh_newSymKey")["result"]
        answer = ws.ask([{"jsonrpc": "2.0", "id": 1, "method": "shh_subscribe",
                          "params": ["messages", {"symKeyID": key, "topics": [TOPIC]}]},
                         {"jsonrpc": "2.0", "id": 2, "method": "shh_post",
                          "params": [{"symKeyID": key, "topic": TOPIC, "powTarget": 0.3, "powTime": 10}]},
                         {"jsonrpc": "2.0", "id": 3, "method": "shh_post",  # holds the reply back for two seconds
                          "params": [{"symKeyID": key, "topic": TOPIC, "powTarget": 1e12, "powTime": 2}]}])
        self.assertEqual(len(ws.notes), 0)
        self.assertIn("error", answer[2])
        note = ws.note()
        self.assertEqual(note["params"]["subscription"], answer[0]["result"])
        self.assertEqual(note["params"]["result"]["hash"], answer[1]["result"])

    def test_answers_overtake_a_slow_post(self):
        ws = WebSocket(self.a.port)
        self.addCleanup(ws.close)
        public = ws.call("shh_getPublicKey", ws.call("shh_newKeyPair")["result"])["result"]
        ws.send_frame(1, json.dumps({"id": "slow", "method": "shh_post",
                                     "params": [{"pubKey": public, "powTarget": 1e12, "powTime": 2}]}).encode())
        ws.send_frame(1, json.dumps({"id": "quick", "method": "shh_version"}).encode())
        self.assertEqual(ws.receive()["id"], "quick")
        self.assertEqual(ws.receive()["error"]["message"],
                         "failed to reach the PoW target, specified pow time (2 seconds) was insufficient")

    def test_json_rpc(self):
        a = self.a
        self.assertEqual(a.http('{"id":1.50,"method":"net_listening"}')[2], '{"jsonrpc":"2.0","id":1.50,"result":true}\n')
        self.assertEqual(a.http("")[::2], (200, ""))
        self.assertEqual(a.http('{"method":"net_listening"}')[::2], (200, ""))
        self.refused(a.ask("{"), "parse error", -32700)
        self.refused(a.ask("[]"), "empty batch", -32600)
        self.refused(a.ask('{"id":1}'), "invalid request", -32600)
        self.refused(a.call("shh_nothing"), "the method shh_nothing does not exist/is not available", -32601)
        self.refused(a.ask('{"id":1,"method":"shh_version","params":{}}'), "non-array args", -32602)
        batch = a.ask([{"id": i, "method": m} for i, m in enumerate(("shh_version", "no_such", "net_version"))])
        self.assertEqual([x["id"] for x in batch], [0, 1, 2])
        self.assertEqual(batch[2]["result"], "77")

    def test_other_namespaces(self):
        a, b = self.a, self.b
        self.assertRegex(a.get("web3_clientVersion"), r"^dsn/first/v[0-9.]+/linux-")
        self.assertEqual(a.get("web3_sha3", "0x"), "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
        self.assertEqual((a.get("net_version"), b.get("net_version"), a.get("net_listening")), ("77", "1", True))
        self.assertEqual(a.get("rpc_modules"), dict.fromkeys(("admin", "dsn", "eth", "net", "rpc", "shh", "web3"), "1.0"))
        self.refused(a.call("eth_coinbase"), "etherbase must be explicitly specified")
        self.assertEqual(b.get("eth_coinbase"), "0x" + "ab" * 20)
        self.assertEqual(a.get("eth_protocolVersion"), "0x41")
        self.refused(a.call("eth_call"), "the method eth_call does not exist/is not available", -32601)

    def test_admin(self):
        a, b = self.a, self.b
        info = a.get("admin_nodeInfo")
        self.assertEqual(info["enode"].split("?")[0], a.enode.split("?")[0])
        self.assertRegex(info["id"], "^[0-9a-f]{64}$")
        self.assertEqual(info["protocols"], {"shh": {"maxMessageSize": 1048576, "minimumPoW": 0.2, "version": "6.0"}})
        peer, = b.get("admin_peers")
        self.assertEqual((peer["id"], peer["name"], peer["caps"]), (info["id"], info["name"], ["shh/6"]))
        self.assertEqual(peer["enode"].split("?")[0], a.enode.split("?")[0])
        self.assertEqual({k: v for k, v in peer["network"].items() if "Address" not in k},
                         {"inbound": False, "trusted": False, "static": True})
        self.assertEqual(a.get("admin_datadir"), str(a.folder / "data"))
        for method in ("addPeer", "removePeer", "addTrustedPeer", "removeTrustedPeer"):
            self.assertRegex(a.call(f"admin_{method}", "enode://x")["error"]["message"], "^invalid enode: ")
        self.assertIs(a.get("admin_addTrustedPeer", NOBODY), True)
        self.assertIs(a.get("admin_removeTrustedPeer", NOBODY), True)
        with tempfile.TemporaryDirectory() as folder:
            c = Node(folder, "c")
            self.addCleanup(c.stop)
            c.start()
            self.assertIs(c.get("admin_addPeer", a.enode), True)
            wait_for(lambda: c.get("net_peerCount") == "0x1")
            self.assertIs(c.get("admin_removePeer", a.enode), True)
            wait_for(lambda: c.get("net_peerCount") == "0x0")
            c.stop()

    def test_http_rules(self):
        a = self.a
        call = '{"id":1,"method":"shh_version"}'
        for kind in ("application/json; charset=utf-8", "application/json-rpc", "application/jsonrequest"):
            self.assertEqual(a.http(call, headers={"Content-Type": kind})[0], 200)
        self.assertEqual(a.http(call, headers={"Content-Type": "text/plain"})[::2],
                         (415, "invalid content type, only application/json is supported\n"))
        for method in ("PUT", "DELETE"):
            self.assertEqual(a.http(call, method)[::2], (405, "method not allowed\n"))
        self.assertEqual(a.http(None, "GET")[::2], (200, ""))
        self.assertEqual(a.http(call, path="/other")[0], 404)
        for host, status in (("localhost:1", 200), ("LOCALHOST", 200), ("10.1.2.3", 200), ("[::1]:5", 200),
                             ("evil.example", 403), ("evil.example:8545", 403), ("localhost.evil.example", 403)):
            self.assertEqual(a.http(call, headers={"Host": host})[0], status, host)
        self.assertEqual(a.http(call, headers={"Host": "evil.example"})[2], "invalid host specified\n")
        self.assertNotIn("Access-Control-Allow-Origin", a.http(call, headers={"Origin": "http://x"})[1])

    def test_origins_of_websockets(self):
        for origin in (None, "http://localhost", f"http://{socket.gethostname()}"):
            ws = WebSocket(self.a.port, [f"Origin: {origin}"] if origin else [])
            self.assertEqual(ws.call("shh_version")["result"], "6.0")
            ws.close()
        for origin in ("http://evil.example", "https://localhost", "null"):
            with self.assertRaises(Refused) as caught:
                WebSocket(self.a.port, [f"Origin: {origin}"])
            self.assertEqual(str(caught.exception), "403")

    def test_websocket_on_its_own_port(self):
        ws = WebSocket(self.a.ws_port)
        self.addCleanup(ws.close)
        self.assertEqual(ws.call("shh_version")["result"], "6.0")
        ws.send_frame(9, b"are you there")
        self.assertEqual(ws.frame(), (10, b"are you there"))
        # Fragments, and binary, as geth takes them.
        ws.send_frame(2, b'{"id":1,', final=False)
        ws.send_frame(0, b'"method":"shh_version"}')
        self.assertEqual(ws.receive()["result"], "6.0")
        ws.send_frame(1, b"{")
        self.refused(ws.receive(), "parse error", -32700)
        ws.send_frame(1, b"\xff")
        with self.assertRaises(Closed) as caught:
            ws.receive()
        self.assertEqual(caught.exception.code, 1007)

    def test_metrics(self):
        status, headers, text = self.b.http(None, "GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        self.assertEqual(values["shhd_peers"], "1")
        self.assertIn('shhd_envelopes_refused_total{reason="low_pow"}', {k.replace("-", "_") for k in values})
        self.assertGreater(int(values["shhd_rpc_seconds_count"]), 0)
        self.assertEqual(values["shhd_rpc_seconds_count"], values['shhd_rpc_seconds_bucket{le="+Inf"}'])
        self.assertEqual(self.b.http("", "POST", "/metrics")[0], 405)

    def test_large_message(self):
        a, b = self.a, self.b
        key = b.get("shh_newKeyPair")
        filter_id = b.get("shh_newMessageFilter", {"privateKeyID": key})
        payload = "0x" + os.urandom(1000000).hex()
        a.get("shh_post", {"pubKey": b.get("shh_getPublicKey", key), "payload": payload, "ttl": 10, "powTarget": 0.2,
                           "powTime": 60})
        self.assertEqual(b.messages(filter_id)[0]["payload"], payload)


class RawTest(Case):
    """dsn_*: sealed data in, raw envelopes out."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.a = Node(cls.folder.name, "a", "--max-message", "64k")
        cls.addClassCleanup(cls.a.stop)
        cls.a.start()
        cls.b = Node(cls.folder.name, "b", "--static", cls.a.enode, "--min-pow", "1")
        cls.addClassCleanup(cls.b.stop)
        cls.b.start()
        wait_for(lambda: cls.a.get("net_peerCount") == "0x1")

    def socket(self, node):
        ws = WebSocket(node.port)
        self.addCleanup(ws.close)
        return ws

    def test_post_and_subscription(self):
        watching, home = self.socket(self.a), self.socket(self.b)
        ids = [ws.call("dsn_subscribe", "envelopes", {"topics": [TOPIC, "0xaabbccdd"]})["result"] for ws in (watching, home)]
        self.assertRegex(ids[0], "^0x[0-9a-f]+$")
        self.b.get("dsn_post", {"topic": "0x11111111", "data": "0x01", "ttl": 10, "powTime": 5})
        began = int(time.time())
        # Without a target it is mined for what b takes, which is more than a asks for.
        posted = self.b.get("dsn_post", {"topic": TOPIC, "data": "0x0102ff", "ttl": 10, "powTime": 5})
        for ws, id in zip((watching, home), ids):
            note = ws.note()
            self.assertEqual((note["method"], note["params"]["subscription"]), ("dsn_subscription", id))
            result = note["params"]["result"]
            self.assertLessEqual(abs(result.pop("expiry") - began - 10), 3)
            self.assertEqual(result, {"topic": TOPIC, "data": "0x0102ff", "hash": posted})
        # One that comes later begins with what lives.
        later = self.socket(self.a)
        later.call("dsn_subscribe", "envelopes", {"topics": [TOPIC]})
        self.assertEqual(later.note()["params"]["result"]["hash"], posted)
        self.assertEqual(later.call("dsn_unsubscribe", "0x0")["error"]["message"], "subscription not found")
        self.assertIs(watching.call("dsn_unsubscribe", ids[0])["result"], True)
        self.b.get("dsn_post", {"topic": TOPIC, "data": "0x03", "ttl": 10, "powTime": 5})
        self.assertEqual(later.note()["params"]["result"]["data"], "0x03")
        self.assertFalse(watching.notes)

    def test_a_sealed_message_is_one(self):
        """What is posted ready made opens as any Whisper message."""
        a, b = self.a, self.b
        source, key = self.socket(a), a.get("shh_generateSymKeyFromPassword", "test")
        source.call("dsn_subscribe", "envelopes", {"topics": ["0x0a0b0c0d"]})
        a.get("shh_post", {"symKeyID": key, "topic": "0x0a0b0c0d", "payload": "0x7777", "powTarget": 2, "powTime": 5})
        data = source.note()["params"]["result"]["data"]
        wanted = b.get("shh_newMessageFilter", {"symKeyID": b.get("shh_generateSymKeyFromPassword", "test"),
                                                "topics": ["0x0a0b0c0e"]})
        a.get("dsn_post", {"topic": "0x0a0b0c0e", "data": data, "powTarget": 2, "powTime": 5})
        self.assertEqual(b.messages(wanted)[0]["payload"], "0x7777")

    def test_refusals(self):
        a, ws = self.a, self.socket(self.a)
        self.refused(a.call("dsn_post", {"data": "0x01"}), "missing topic")
        self.refused(a.call("dsn_post", {"topic": TOPIC}), "missing data")
        self.refused(a.call("dsn_post", {"topic": TOPIC, "data": "0x"}), "missing data")
        self.refused(a.call("dsn_post", {"topic": TOPIC, "data": "0x" + "00" * 65536}),
                     "message of 65556 bytes: this node takes at most 65536")
        self.refused(a.call("dsn_post", {"topic": TOPIC, "data": "0x01", "powTarget": 0.1, "powTime": 5}),
                     "message rejected, PoW too low")
        self.refused(a.call("dsn_post", {"topic": TOPIC, "data": "0x01", "powTarget": 1e12, "powTime": 1}),
                     "failed to reach the PoW target, specified pow time (1 seconds) was insufficient")
        self.bad_param(a.call("dsn_post", {"topic": "0x01", "data": "0x01"}),
                       a.call("shh_post", {"topic": "0x01"})["error"]["message"].split(": ", 1)[1]
                       .replace("whisperv6.NewMessage", "dsn.SealedMessage"))
        self.assertEqual(ws.call("dsn_subscribe", "messages", {"topics": []})["error"]["message"],
                         'no "messages" subscription in dsn namespace')
        self.assertEqual(ws.call("dsn_subscribe", "envelopes", {"topics": ["0x01020304"] * 16385})["error"]["message"],
                         "topics: at most 16384")
        self.assertIn("dsn", a.get("rpc_modules"))


class OptionsTest(Case):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def node(self, *options, name="n", **more):
        node = Node(self.folder.name, name, *options, **more)
        self.addCleanup(node.stop)
        return node

    def ends(self, node, code, text):
        result = subprocess.run(node.argv, env=node.env, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(text, result.stderr)

    def test_node_key(self):
        node = self.node()
        first = node.start().enode
        key = node.folder / "data" / "nodekey"
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        self.assertRegex(key.read_text(), "^[0-9a-f]{64}\n$")
        self.ends(self.node("--data-dir", str(node.folder / "data"), name="second"), 4, "shhd.lock")
        self.assertEqual(node.stop(), 0)
        self.assertFalse(node.ready.exists())
        self.assertEqual(node.start().enode.split("@")[0], first.split("@")[0])
        node.stop()
        key.chmod(0o644)
        self.ends(node, 4, "nodekey")
        key.chmod(0o600)
        key.write_text("12\n")
        self.ends(node, 2, "64 hexadecimal digits")

    def test_settings_that_are_refused(self):
        for i, (options, code, text) in enumerate((
                (("--bootnodes", "enode://x"), 2, "--bootnodes: invalid enode"), (("--min-pow", "-1"), 2, "--min-pow"),
                (("--chain", "https://x/"), 2, "--chain"), (("--max-message", "11M"), 2, "--max-message"),
                (("--etherbase", "0x1"), 2, "--etherbase"), (("--pow-rule", "x"), 2, "--pow-rule"), (("word",), 2, "word"),
                (("--rpc-address", "0.0.0.0"), 4, "--token-file"))):
            self.ends(self.node(*options, name=f"n{i}"), code, text)

    def test_token(self):
        token = pathlib.Path(self.folder.name) / "token"
        token.write_text("s3cret\n")
        token.chmod(0o600)
        call = '{"id":1,"method":"shh_version"}'
        for node in (self.node("--rpc-address", "0.0.0.0", "--token-file", str(token), "--cors", "http://page.example"),
                     self.node(name="env", env={"DSN_RPC_TOKEN": "s3cret"})):
            node.start()
            self.assertEqual(node.http(call)[0], 401)
            for wrong in ("Bearer s3creT", "Bearer s3cret2", "s3cret", "Basic s3cret"):
                self.assertEqual(node.http(call, headers={"Authorization": wrong})[0], 401)
            self.assertEqual(node.http(call, headers={"Authorization": "Bearer s3cret"})[0], 200)
            self.assertEqual(node.http(None, "GET", "/metrics")[0], 401)
            with self.assertRaises(Refused):
                WebSocket(node.port)
            WebSocket(node.port, ["Authorization: Bearer s3cret"]).close()
            self.assertNotIn("s3cret", node.log.read_text())
        node.stop()

    def test_hosts_cors_origins_api(self):
        node = self.node("--hosts", "a.example,b.example", "--cors", "http://page.example", "--origins", "http://p.example",
                         "--api", "shh,net").start()
        call = '{"id":1,"method":"shh_version"}'
        for host, status in (("a.example", 200), ("B.example:1", 200), ("localhost", 403), ("127.0.0.1", 200)):
            self.assertEqual(node.http(call, headers={"Host": host})[0], status, host)
        origin = {"Origin": "http://page.example"}
        self.assertEqual(node.http(call, headers=origin)[1]["Access-Control-Allow-Origin"], "http://page.example")
        headers = node.http(None, "OPTIONS", headers={**origin, "Access-Control-Request-Headers": "content-type"})[1]
        self.assertEqual(headers["Access-Control-Allow-Headers"], "content-type")
        self.assertNotIn("Access-Control-Allow-Origin", node.http(call, headers={"Origin": "http://other"})[1])
        WebSocket(node.port, ["Origin: http://p.example"]).close()
        with self.assertRaises(Refused):
            WebSocket(node.port, ["Origin: http://localhost"])
        self.refused(node.call("admin_peers"), "the method admin_peers does not exist/is not available", -32601)
        self.assertEqual(node.get("net_version"), "1")

    def test_limits(self):
        node = self.node("--body-limit", "100k", "--queue-limit", "64k", "--connections", "3").start()
        big = json.dumps({"id": 1, "method": "web3_sha3", "params": ["0x" + "00" * 60000]})
        self.assertEqual(node.http(big)[0], 413)
        ws = WebSocket(node.port)
        ws.send_frame(1, big.encode())
        with self.assertRaises(Closed) as caught:
            ws.receive()
        self.assertEqual(caught.exception.code, 1009)
        ws.close()
        wait_for(lambda: "shhd_websockets 0\n" in node.http(None, "GET", "/metrics")[2])
        crowd = [WebSocket(node.port) for _ in range(3)]
        with self.assertRaises(Refused) as refused:
            WebSocket(node.port)
        self.assertEqual(str(refused.exception), "503")
        for one in crowd:
            one.close()
        wait_for(lambda: "shhd_websockets 0\n" in node.http(None, "GET", "/metrics")[2])
        # A client that asks and asks and does not read.
        slow = WebSocket(node.port)
        request = json.dumps([{"id": i, "method": "rpc_modules"} for i in range(500)]).encode()
        slow.socket.settimeout(20)
        try:
            for _ in range(2000):
                slow.send_frame(1, request)
        except OSError:
            pass
        wait_for(lambda: "shhd_websockets_slow_total 1\n" in node.http(None, "GET", "/metrics")[2])
        slow.close()

    def test_chain(self):
        seen = []

        class Chain(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                seen.append((self.path, request["method"], request["params"]))
                answer = {"jsonrpc": "2.0", "id": request["id"]}
                if request["method"] == "eth_fail":
                    answer["error"] = {"code": 3, "message": "reverted", "data": "0x08"}
                else:
                    answer["result"] = {"block": "0x10"}
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Chain)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        node = self.node("--chain", f"http://127.0.0.1:{server.server_port}/v1").start()
        self.assertEqual(node.get("eth_getBlockByNumber", "latest", False), {"block": "0x10"})
        self.assertEqual(node.call("eth_fail")["error"], {"code": 3, "message": "reverted", "data": "0x08"})
        self.assertEqual(node.get("eth_coinbase"), {"block": "0x10"})
        self.assertEqual(seen, [("/v1", "eth_getBlockByNumber", ["latest", False]), ("/v1", "eth_fail", []),
                                ("/v1", "eth_coinbase", [])])
        self.refused(node.call("personal_x"), "the method personal_x does not exist/is not available", -32601)
        server.shutdown()
        server.server_close()
        thread.join()
        error = node.call("eth_blockNumber")["error"]
        self.assertEqual(error["code"], -32000)
        self.assertRegex(error["message"], "^chain endpoint: .*refused")

    def test_end_with_clients(self):
        node = self.node().start()
        ws = WebSocket(node.port)
        self.addCleanup(ws.close)
        public = ws.call("shh_getPublicKey", ws.call("shh_newKeyPair")["result"])["result"]
        ws.call("shh_subscribe", "messages", {"privateKeyID": ws.call("shh_newKeyPair")["result"]})
        ws.send_frame(1, json.dumps({"id": 1, "method": "shh_post",
                                     "params": [{"pubKey": public, "powTarget": 1e12, "powTime": 60}]}).encode())
        wait_for(lambda: "shhd_rpc_open 1\n" in node.http(None, "GET", "/metrics")[2])
        node.process.terminate()
        with self.assertRaises(Closed) as caught:
            ws.receive()
        self.assertEqual(caught.exception.code, 1001)
        self.assertEqual(node.process.wait(20), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
