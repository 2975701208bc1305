"""JSON-RPC as geth answers it: the same requests, well and badly formed, to geth and to ours; results of the same shape and
errors of the same code and words."""
import http.client
import json
import re

import node
from websocket import WebSocket

KEY = "0x" + "5c" * 32
STRANGER = ("enode://79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
            "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8@127.0.0.1:1")
PUBLIC = "0x04" + STRANGER[len("enode://"):].split("@")[0]
NOBODY = "00" * 32
# Not a point of the curve.
NO_POINT = "0x04" + "11" * 64


def setUpModule():
    node.require()


def shape(value):
    """What must be equal: ids, keys, hashes and times are not."""
    if isinstance(value, str):
        value = re.sub(r"0x04[0-9a-f]{128}", "<public key>", value)
        value = re.sub(r"(0x)?[0-9a-f]{64}", "<32 bytes>", value)
        return re.sub(r"^0x[0-9a-f]{25,32}$", "<subscription>", value)
    if isinstance(value, list):
        return [shape(v) for v in value]
    if isinstance(value, dict):
        return {k: f"<{type(v).__name__}>" if k in ("pow", "timestamp", "memory", "padding") else shape(v)
                for k, v in value.items()}
    return value


# What is wrong with a URL each says in its own words: geth takes it for a node record (ENR), which we do not take.
WRONG_URL = re.compile(r"missing 'enr:' prefix for base64-encoded record|invalid public key \(wrong length, .*\)|"
                       r'(?<=peer: )invalid enode: no "enode://" before ".*"|no "enode://" before ".*"|'
                       r"the public key has \d+ characters, not 128")


def error_shape(error):
    """The words after "json:" are those of the Go release that geth was built with."""
    told = dict(error)
    told["message"] = WRONG_URL.sub("<URL>", told["message"])
    told["message"] = re.sub(r"json: .*", "json: ...", told["message"])
    return shape(told)


def answer_shape(answer):
    if isinstance(answer, list):
        return [answer_shape(a) for a in answer]
    told = dict(answer)
    if "result" in told:
        told["result"] = shape(told["result"])
    if "error" in told:
        told["error"] = error_shape(told["error"])
    return told


class Methods(node.TestCase):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.pair_ = self.pair()
        self.ids = {}
        for n in self.pair_:
            pair, sym = n.rpc("shh_newKeyPair"), n.rpc("shh_newSymKey")
            self.ids[n] = {"PAIR": pair, "SYM": sym, "PEER": [o for o in self.pair_ if o is not n][0].enode,
                           "TO": n.rpc("shh_getPublicKey", pair),
                           "FILTER": n.filter(symKeyID=sym, topics=[node.TOPIC])}

    def own(self, n, value):
        """Names of a node's own things put in."""
        if isinstance(value, str):
            return self.ids[n].get(value, value)
        if isinstance(value, list):
            return [self.own(n, v) for v in value]
        if isinstance(value, dict):
            return {k: self.own(n, v) for k, v in value.items()}
        return value

    def alike(self, method, *params, over=lambda n: n.rpc):
        with self.subTest(method=method, params=params):
            geth, ours = (answer_shape(over(n).send({"jsonrpc": "2.0", "id": 7, "method": method,
                                                     "params": self.own(n, list(params))})) for n in self.pair_)
            self.assertEqual(ours, geth)

    def test_without_and_with_parameters(self):
        for method in ("version", "info", "setMaxMessageSize", "setMinPoW", "setBloomFilter", "markTrustedPeer",
                       "newKeyPair", "addPrivateKey", "deleteKeyPair", "hasKeyPair", "getPublicKey", "getPrivateKey",
                       "newSymKey", "addSymKey", "generateSymKeyFromPassword", "hasSymKey", "getSymKey", "deleteSymKey",
                       "makeLightClient", "cancelLightClient", "post", "newMessageFilter", "getFilterMessages",
                       "deleteMessageFilter", "subscribe", "unsubscribe", "nothing"):
            for params in ([], [None], [1], ["x"], [{}], [[]], [True], [1.5], [-1], ["0x"], ["0x0"], ["0xzz"], [1, 2],
                           ["x", "y", "z"]):
                # Changes that would have the connection ended are another test's.
                if method == "setMaxMessageSize" and params == [1]:
                    continue
                self.alike("shh_" + method, *params)

    def test_the_node(self):
        for value in (1048576, 10485760, 10485761, 4294967296, "0x1", 1.0, 1048576):
            self.alike("shh_setMaxMessageSize", value)
        for value in (0.5, 0, -1, -0.5, 1e300, 0.2):
            self.alike("shh_setMinPoW", value)
        for value in ("0x" + "ff" * 64, "0x" + "ff" * 63, "0x" + "ff" * 65, "ff" * 64, "0x" + "FF" * 64):
            self.alike("shh_setBloomFilter", value)
        for value in ("PEER", STRANGER, "enode://12@127.0.0.1:1", "nobody", ""):
            self.alike("shh_markTrustedPeer", value)
        self.alike("shh_info")
        self.alike("shh_version")

    def test_keys(self):
        for value in (KEY, KEY.upper().replace("X", "x"), "0x" + "00" * 32, "0x" + "ff" * 32, "0x5c", "0x", "5c" * 32,
                      KEY + "5c", "0x5"):
            self.alike("shh_addPrivateKey", value)
            self.alike("shh_addSymKey", value)
        for method in ("deleteKeyPair", "hasKeyPair", "getPublicKey", "getPrivateKey", "hasSymKey", "getSymKey",
                       "deleteSymKey"):
            for id in (NOBODY, "nobody", "", "0x" + NOBODY):
                self.alike("shh_" + method, id)
        for method in ("hasKeyPair", "getPublicKey", "getPrivateKey", "deleteKeyPair", "deleteKeyPair", "hasKeyPair"):
            self.alike("shh_" + method, "PAIR")
        for method in ("hasSymKey", "getSymKey", "deleteSymKey", "deleteSymKey", "hasSymKey"):
            self.alike("shh_" + method, "SYM")
        for password in ("test", "", "pass wörd"):
            self.alike("shh_generateSymKeyFromPassword", password)

    def test_posts(self):
        good = {"symKeyID": "SYM", "topic": node.TOPIC, "payload": "0x01", "ttl": 20, "powTarget": 0.3, "powTime": 20}
        self.alike("shh_post", good)
        public = {"pubKey": "TO", "payload": "0x01", "ttl": 20, "powTarget": 0.3, "powTime": 20}
        for change in ({"symKeyID": None}, {"pubKey": PUBLIC}, {"symKeyID": "nobody"}, {"topic": None},
                       {"topic": "0x00000000"}, {"topic": "0x01"}, {"topic": "07a1b2c3"}, {"topic": 7}, {"payload": "01"},
                       {"payload": None}, {"payload": "0x0"}, {"payload": 1}, {"sig": "nobody"}, {"sig": "PAIR"},
                       {"padding": "0x010203"}, {"padding": "0x0"}, {"ttl": "0x14"}, {"ttl": 1.5}, {"ttl": -1},
                       {"ttl": 4294967296}, {"powTarget": 0}, {"powTarget": "1"}, {"powTime": 0}, {"powTime": -1},
                       {"powTarget": 0.01}, {"targetPeer": "nobody"}, {"targetPeer": STRANGER}, {"targetPeer": "PEER"},
                       {"unknown": 1}, {"TTL": 20, "ttl": None}, {"symKeyID": "nobody", "sig": "nobody"},
                       {"symKeyID": "nobody", "topic": None}):
            self.alike("shh_post", {k: v for k, v in {**good, **change}.items() if v is not None})
            self.alike("shh_post", {**good, **change})
        for change in ({}, {"topic": node.TOPIC}, {"pubKey": "0x"}, {"pubKey": "0x04"}, {"pubKey": PUBLIC},
                       {"pubKey": NO_POINT}, {"pubKey": PUBLIC.replace("0x04", "0x02")}, {"pubKey": PUBLIC[2:]},
                       {"sig": "PAIR"}, {"sig": NOBODY}):
            self.alike("shh_post", {**public, **change})

    def test_filters(self):
        self.sockets = {n: WebSocket(n.port) for n in self.pair_}
        for s in self.sockets.values():
            self.addCleanup(s.close)
        good = {"symKeyID": "SYM", "topics": [node.TOPIC]}
        for change in ({}, {"symKeyID": None}, {"privateKeyID": "PAIR"}, {"symKeyID": None, "privateKeyID": "PAIR"},
                       {"symKeyID": None, "privateKeyID": "nobody"}, {"symKeyID": "nobody"}, {"sig": "TO"},
                       {"sig": "0x04"}, {"sig": "PAIR"}, {"sig": NO_POINT}, {"minPow": 1}, {"minPow": -1}, {"minPow": "1"},
                       {"topics": []}, {"topics": None}, {"topics": ["0x01"]}, {"topics": node.TOPIC},
                       {"topics": [node.TOPIC, "0x01020304"]}, {"topics": [None]}, {"allowP2P": True}, {"allowP2P": 1},
                       {"topic": node.TOPIC}, {"TOPICS": ["0x1"]}):
            self.alike("shh_newMessageFilter", {**good, **change})
            self.alike("shh_subscribe", "messages", {**good, **change})
            self.alike("shh_subscribe", "messages", {**good, **change}, over=self.sockets.get)
        for id in ("FILTER", NOBODY, "nobody", ""):
            self.alike("shh_getFilterMessages", id)
        self.alike("shh_post", {"symKeyID": "SYM", "topic": node.TOPIC, "payload": "0x0102", "powTarget": 0.3,
                                "powTime": 20, "sig": "PAIR"})
        for n in self.pair_:
            node.wait_for("own message", lambda: n.rpc("shh_info"))
        told = [shape(node.until_received(n, self.ids[n]["FILTER"])) for n in self.pair_]
        self.assertEqual(told[0], told[1])
        self.assertEqual(list(told[0][0]), list(told[1][0]))
        for id in ("FILTER", "FILTER", NOBODY, "nobody"):
            self.alike("shh_deleteMessageFilter", id)
        for params in ((), (None,), (1,), ("nothing",), ("nothing", {}), ("messages",), ("messages", 1), ("messages", {}),
                       ("messages", good, 1)):
            self.alike("shh_subscribe", *params, over=self.sockets.get)
        self.alike("shh_nothing", over=self.sockets.get)
        for params in ((), ("0x1",), ("nobody",), (1,), (None,)):
            self.alike("shh_unsubscribe", *params, over=self.sockets.get)
        subscriptions = {n: s.rpc("shh_subscribe", "messages", self.own(n, good)) for n, s in self.sockets.items()}
        for n, id in subscriptions.items():
            self.assertRegex(id, "^0x([1-9a-f][0-9a-f]{0,31})$")
            self.ids[n]["SUBSCRIPTION"] = id
        self.alike("shh_unsubscribe", "SUBSCRIPTION", over=self.sockets.get)
        self.alike("shh_unsubscribe", "SUBSCRIPTION", over=self.sockets.get)

    def test_other_namespaces(self):
        for method, *params in (("net_version",), ("net_listening",), ("net_peerCount",), ("web3_sha3", "0x68656c6c6f"),
                                ("web3_sha3", "68"), ("web3_sha3",), ("admin_addPeer", "nobody"), ("admin_addPeer", ""),
                                ("admin_addPeer",), ("admin_removePeer", "nobody"), ("admin_addPeer", STRANGER),
                                ("admin_removePeer", STRANGER), ("net_nothing",), ("nothing",), ("",), ("_",), ("shh_",),
                                ("shh",)):
            if method == "net_version":
                continue  # each tells its own network
            self.alike(method, *params)

    def test_node_info(self):
        geth, ours = (n.rpc("admin_nodeInfo") for n in self.pair_)
        self.assertEqual(set(geth) - {"enr"}, set(ours) - {"enr"})
        self.assertEqual(set(geth["ports"]), set(ours["ports"]))
        self.assertEqual(geth["protocols"]["shh"], ours["protocols"]["shh"])


class Documents(node.TestCase):
    """What is around a call: batches, notifications, malformed requests; and HTTP's own refusals."""
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.pair_ = self.geth(), self.shhd()

    def ask(self, n, body, method="POST", headers=None):
        c = http.client.HTTPConnection("127.0.0.1", n.port, timeout=20)
        try:
            c.request(method, "/", body, {"Content-Type": "application/json"} if headers is None else headers)
            answer = c.getresponse()
            text = answer.read().decode()
        finally:
            c.close()
        try:
            document = json.loads(text)
            return answer.status, answer_shape(document) if isinstance(document, (dict, list)) else document
        except json.JSONDecodeError:
            return answer.status, text.strip()

    def alike(self, body, **how):
        with self.subTest(body=body, **how):
            geth, ours = (self.ask(n, body, **how) for n in self.pair_)
            self.assertEqual(ours, geth)

    def test_documents(self):
        version = {"jsonrpc": "2.0", "id": 1, "method": "shh_version", "params": []}
        for document in (
                version,
                {**version, "id": "text"}, {**version, "id": None}, {**version, "id": 1.5}, {**version, "id": [1]},
                {**version, "id": {}}, {**version, "id": -1}, {**version, "id": 12345678901234567890},
                {k: v for k, v in version.items() if k != "id"}, {k: v for k, v in version.items() if k != "params"},
                {k: v for k, v in version.items() if k != "jsonrpc"}, {k: v for k, v in version.items() if k != "method"},
                {**version, "params": None}, {**version, "params": {}}, {**version, "params": "x"},
                {**version, "jsonrpc": "1.0"}, {**version, "method": 7}, {**version, "more": 1},
                {**version, "METHOD": "shh_version", "method": None},
                {}, [], [[]], [1], [version], [version, {**version, "id": 2, "method": "nothing_here"}],
                [{**version, "id": None}, version], [{k: v for k, v in version.items() if k != "id"}],
                [version, {k: v for k, v in version.items() if k != "id"}], [version] * 50, 1, "x", True):  # null is left out: geth's handler dies of it
            self.alike(json.dumps(document))

    def test_texts(self):
        for text in ("", " ", "{", "}", "{]", '{"jsonrpc":"2.0","id":1,"method":"shh_version"', "nonsense", "[{]",
                     '{"jsonrpc":"2.0","id":1,"method":"shh_version"} ', '\n\t{"jsonrpc":"2.0","id":1,"method":"shh_version"}',
                     '{"jsonrpc":"2.0","id":"\\u00e4","method":"shh_version"}',
                     '{"jsonrpc":"2.0", "id" : 1e2 ,"method":"shh_version"}',
                     '{"id":1,"method":"shh_version","jsonrpc":"2.0","id":2}'):
            self.alike(text)

    def test_http(self):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "shh_version", "params": []})
        for kind in ("application/json", "application/json; charset=utf-8", "application/json-rpc",
                     "application/jsonrequest", "text/plain", "application/x-www-form-urlencoded", "nonsense/", ""):
            self.alike(body, headers={"Content-Type": kind})
        self.alike(body, headers={})
        for method in ("GET", "PUT", "DELETE", "OPTIONS", "HEAD"):
            self.alike("", method=method)
        # [::1] is refused by geth, not by us.
        for host in ("localhost", "127.0.0.1", "elsewhere.example", "localhost:1"):
            self.alike(body, headers={"Content-Type": "application/json", "Host": host})
        self.alike(body, headers={"Content-Type": "application/json", "Origin": "http://elsewhere.example"})
        self.alike(" " * (5 * 1024 * 1024 - len(body)) + body)


if __name__ == "__main__":
    node.main()
