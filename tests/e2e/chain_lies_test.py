"""Endpoints that lie, each answer false in turn, beside the real anvil. Whatever they say, what was signed is broadcast to
the real chain in the end, all of it, and the money must be where it was meant to be, once."""
import json
import os
import pathlib
import shutil
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chain_lab import CHAIN, Anvil, Folder, Peer, Proxy, require, until  # noqa: E402
from chain_test import Case as PeerCase  # noqa: E402
from vcli_chain_test import Case as VcliCase  # noqa: E402

ETHER, GWEI = 10**18, 10**9
TO = "0x3535353535353535353535353535353535353535"
FALSE = "0x" + 19 * "66" + "01"
FAR = hex(2**40)


class Liar(Proxy):
    """lie(call, result) is what is answered instead of the truth, unless it is None. Notes what was to be sent; with
    `swallow` that goes nowhere, and its hash is answered all the same."""

    def __init__(self, upstream):
        super().__init__(upstream)
        self.lie, self.lies, self.raw, self.swallow = None, 0, [], False
        self.mode = self.answers

    def answers(self, calls, forward):
        self.raw += [c["params"][0] for c in calls if c["method"] == "eth_sendRawTransaction"]
        if self.swallow and any(c["method"] == "eth_sendRawTransaction" for c in calls):
            return json.dumps({"jsonrpc": "2.0", "id": calls[0]["id"], "result": "0x" + 64 * "1"}).encode()
        answer = json.loads(forward())
        by_id = {c["id"]: c for c in calls}
        for reply in answer if isinstance(answer, list) else [answer]:
            instead = self.lie(by_id[reply["id"]], reply.get("result")) if self.lie else None
            if instead is not None:
                reply.pop("error", None)
                reply["result"] = None if instead == "null" else instead
                self.lies += 1
        return json.dumps(answer).encode()

    def instead(self, **answers):
        """By method: a result, "null" for none, or a function of the true one."""
        def lie(call, result):
            value = answers.get(call["method"])
            return value(result) if callable(value) else value

        self.lie = lie


def signed(folder):
    """Every transaction that was ever signed in this folder, as its outboxes have it."""
    found = []
    for path in pathlib.Path(folder).rglob("*.db"):
        db = sqlite3.connect(path)
        try:
            tables = {row[0] for row in db.execute("select name from sqlite_master")}
            for table in {"tx_attempts", "tx_retired"} & tables:
                found += ["0x" + raw.hex() for raw, in db.execute(f"select raw from {table}")]
        finally:
            db.close()
    return found


def broadcast(anvil, raw):
    """All of it, again and again until nothing more of it is taken: one may have waited for another."""
    left, before = list(dict.fromkeys(raw)), None
    while left != before:
        before, left = left, []
        for one in before:
            try:
                anvil("eth_sendRawTransaction", one)
            except RuntimeError:
                left.append(one)
        anvil.mine()


def patched(**members):
    return lambda result: {**result, **members} if isinstance(result, dict) else None


class Signing(PeerCase):
    """What the sender signs, beside one endpoint that lies."""

    def setUp(self):
        super().setUp()
        self.liar = self.enter(Liar(self.anvil.port))

    def trouble(self, peer):
        return peer.ask("trouble", start="trouble")

    def paid(self, peer, times=1):
        """Everything that was signed, sent to the chain itself: the payment is there so often, and no more."""
        broadcast(self.anvil, self.liar.raw + signed(self.folder))
        self.assertEqual(int(self.anvil("eth_getBalance", TO, "latest"), 16), times * ETHER)

    def pay(self, *urls, **options):
        peer = self.peer(*(urls or [self.liar.url]), resend=50, **options)
        peer.order("put", "pay", TO, ETHER, "0x", 21000)
        return peer

    def lies_enough(self, count=30):
        until(lambda: self.liar.lies >= count, "it has lied often")

    def test_a_withheld_receipt(self):
        self.liar.instead(eth_getTransactionReceipt="null")
        peer = self.pay()
        until(lambda: "nothing else is signed for it" in self.trouble(peer), "the trouble is told")
        self.lies_enough()
        self.assertEqual(len(set(self.liar.raw)), 1)
        self.liar.lie = None
        self.assertEqual(peer.wait("fate pay").split()[2:4], ["done", "0"])
        peer.quit()
        self.paid(peer)

    others = frozenset()  # hashes whose receipts are told

    def withheld(self, part, block):
        """The receipt is withheld, and in its block stands block(true transaction) instead of ours."""
        def lie(call, result):
            if call["method"] == "eth_getTransactionReceipt":
                return "null" if call["params"][0] in self.ours else None
            if call["method"] == "eth_getBlockByNumber" and call["params"][1] and result["transactions"]:
                return {**result, "transactions": [block(t) for t in result["transactions"]]}
            return None

        class Ours:  # all that was sent by way of the liar
            def __contains__(_, number):
                return number not in self.others

        self.ours = Ours()
        self.liar.lie = lie
        peer = self.pay()
        until(lambda: part in self.trouble(peer), part)
        self.lies_enough()
        self.assertEqual(len(set(self.liar.raw)), 1)
        self.liar.lie = None
        self.assertEqual(peer.wait("fate pay").split()[2:4], ["done", "0"])
        peer.quit()
        self.paid(peer)

    def test_proofs_that_are_none(self):
        for block, part in ((lambda t: {**t, "hash": "0x" + 64 * "7"}, "a hash that is not its own"),
                            (lambda t: {**t, "value": "0x7"}, "a hash that is not its own"),
                            (lambda t: {**t, "v": "0x29", "type": "0x7"}, "of a kind that is not read here"),
                            (lambda t: t, "the chain shows ours"),
                            (lambda t: {**t, "nonce": "0x5"}, "no block that it tells of has one")):
            with self.subTest(part=part):
                self.tearDownOne()
                self.withheld(part, block)

    def tearDownOne(self):
        """A chain and an outbox of their own."""
        self.doCleanups()
        self.setUp()

    def elsewhere(self, *args, key=True):
        """The same nonce, used on another chain by this key or another: as its block lists it."""
        other, folder = self.enter(Anvil(*args)), self.enter(Folder(prefix="dsn-other-"))
        if key:
            self.peer().quit()
            shutil.copy(os.path.join(self.folder, "key"), folder)
        peer = self.enter(Peer([other.url], folder))
        other.fund(peer.address)
        peer.ask("call", "eth_chainId", "[]", start="reply")
        raw = peer.ask("sign", FALSE, 7, 0, 21000, 50 * GWEI, GWEI, start="raw").split()[1]
        other("eth_sendRawTransaction", raw)
        peer.quit()
        return until(lambda: other("eth_getBlockByNumber", "latest", True)["transactions"], "it is in a block")[0]

    def test_a_transaction_of_another_chain_is_no_proof(self):
        made = self.elsewhere("--chain-id", "4711")
        self.others = {made["hash"]}
        self.withheld("is not for this chain", lambda t: made)

    def test_a_transaction_of_somebody_else_is_no_proof(self):
        made = self.elsewhere(key=False)
        self.withheld("signed by somebody else", lambda t: {**made, "from": t["from"]})

    def test_a_false_count_blocks_nothing(self):
        self.liar.instead(eth_getTransactionCount=FAR)
        peer = self.pay()
        until(lambda: "the count may be false, nothing is signed" in self.trouble(peer), "the trouble is told")
        self.lies_enough()
        self.assertEqual(signed(self.folder), [])
        self.liar.lie = None
        self.assertEqual(peer.wait("fate pay").split()[2:4], ["done", "0"])
        peer.quit()
        self.paid(peer)

    def test_a_count_of_a_few_too_many(self):
        self.liar.instead(eth_getTransactionCount="0x3")
        peer = self.pay()
        until(lambda: "the one with nonce 2 was not shown" in self.trouble(peer), "the trouble is told")
        self.liar.lie = None
        self.assertEqual(peer.wait("fate pay").split()[2:4], ["done", "0"])
        peer.quit()
        self.paid(peer)

    def test_a_count_of_too_few(self):
        peer = self.pay()
        peer.wait("fate pay done")
        self.liar.instead(eth_getTransactionCount="0x0")
        peer.order("put", "again", TO, ETHER, "0x", 21000)
        until(lambda: len(set(self.liar.raw)) >= 2, "it is signed")
        self.liar.lie = None
        self.assertEqual(peer.wait("fate again").split()[2:4], ["done", "1"])
        peer.quit()
        self.paid(peer, 2)

    def test_what_another_program_sent_is_proved(self):
        """The count is true, and the transactions are there."""
        peer = self.peer(resend=50)
        peer.ask("call", "eth_chainId", "[]", start="reply")
        for nonce in range(3):
            raw = peer.ask("sign", FALSE, 7, nonce, 21000, 50 * GWEI, "-" if nonce == 2 else GWEI, start="raw").split()[1]
            self.anvil("eth_sendRawTransaction", raw)
            self.anvil.mine(3)
        peer.order("put", "pay", TO, ETHER, "0x", 21000)
        self.assertEqual(peer.wait("fate pay").split()[2:4], ["done", "3"])
        peer.quit()
        self.paid(peer)

    def test_a_contract_is_where_it_must_be(self):
        self.liar.instead(eth_getTransactionReceipt=patched(contractAddress=FALSE))
        peer = self.peer(self.liar.url, resend=50)
        peer.order("deploy", "counter", "Counter", "[]")
        until(lambda: "names another contract than the transaction creates" in self.trouble(peer), "the trouble is told")
        self.liar.instead(eth_getTransactionReceipt=patched(contractAddress=None))
        address = peer.wait("fate counter done").split()[6]
        self.assertGreater(len(self.anvil("eth_getCode", address, "latest")), 2)
        peer.quit()

    def test_fees(self):
        """A price is taken up to the limit; the highest that can have been paid is known."""
        high = hex(10**6 * GWEI)
        for answers in ({"eth_maxPriorityFeePerGas": high}, {"eth_gasPrice": high},
                        {"eth_getBlockByNumber": patched(baseFeePerGas=high)},
                        {"eth_getBlockByNumber": lambda b: {k: v for k, v in b.items() if k != "baseFeePerGas"},
                         "eth_gasPrice": high},
                        {"eth_estimateGas": hex(25_000_000), "eth_maxPriorityFeePerGas": high}):
            with self.subTest(answers=list(answers)):
                self.tearDownOne()
                self.liar.instead(**answers)
                peer = self.peer(self.liar.url, resend=50)
                before = int(self.anvil("eth_getBalance", peer.address, "latest"), 16)
                peer.order("put", "pay", TO, ETHER, "0x", 0)
                until(lambda: self.trouble(peer) != "trouble -" or peer.find("fate pay"), "something comes of it")
                self.liar.lie = None
                self.assertEqual(peer.wait("fate pay").split()[2:4], ["done", "0"])
                peer.quit()
                self.paid(peer)
                spent = before - int(self.anvil("eth_getBalance", peer.address, "latest"), 16) - ETHER
                self.assertLessEqual(spent, 21000 * 200 * GWEI)

    def test_a_kind_that_the_chain_does_not_take(self):
        """A chain without base fees that is said to have them: what was signed is signed again, of its kind."""
        self.anvil.end()
        self.anvil.args += ["--hardfork", "istanbul"]
        self.anvil.start()
        self.liar.instead(eth_getBlockByNumber=patched(baseFeePerGas=hex(GWEI)))
        peer = self.pay(stuck=300)
        until(lambda: self.liar.raw, "it is sent")
        self.assertEqual(self.liar.raw[0][:4], "0x02")
        self.liar.lie = None
        self.mining()
        self.assertEqual(peer.wait("fate pay").split()[2:4], ["done", "0"])
        peer.quit()
        self.paid(peer)


class Several(PeerCase):
    """Endpoints that do not tell the same."""
    QUICK_WORDS = "the endpoints disagree"

    def setUp(self):
        super().setUp()
        self.liar = self.enter(Liar(self.anvil.port))

    def disagree(self, first, second, **answers):
        self.liar.instead(**answers)
        peer = self.peer(first, second, resend=50)
        peer.order("put", "pay", TO, ETHER, "0x", 21000)
        until(lambda: self.QUICK_WORDS in peer.ask("trouble", start="trouble"), "the trouble is told")
        self.assertIsNone(peer.find("fate"))
        self.liar.lie = None
        peer.wait("fate pay done")
        self.assertEqual(int(self.anvil("eth_getBalance", TO, "latest"), 16), ETHER)
        peer.quit()

    def test_one_withholds_a_receipt(self):
        self.disagree(self.anvil.url, self.liar.url, eth_getTransactionReceipt="null")

    def test_one_says_that_it_failed(self):
        self.disagree(self.anvil.url, self.liar.url, eth_getTransactionReceipt=patched(status="0x0"))

    def test_one_invents_a_block(self):
        """Of a transaction that it has sent nowhere: the other knows nothing of it."""
        self.liar.swallow = True

        def receipt(call, result):
            if call["method"] == "eth_getTransactionCount":
                return "0x1" if self.liar.raw else None
            if call["method"] != "eth_getTransactionReceipt" or result:
                return None
            return {"transactionHash": call["params"][0], "blockHash": "0x" + 64 * "4", "blockNumber": "0x0", "gasUsed": "0x5208",
                    "status": "0x1", "contractAddress": None, "logs": []}

        def second(calls, forward):
            """Later with its chain than the liar, who is the one that is used then."""
            if [c["method"] for c in calls] == ["eth_chainId"]:
                until(lambda: self.liar.requests > 1, "the liar is used")
            return forward()

        self.liar.lie = receipt
        truth = self.enter(Proxy(self.anvil.port))
        truth.mode = second
        peer = self.peer(self.liar.url, truth.url, resend=50)
        peer.order("put", "pay", TO, ETHER, "0x", 21000)
        until(lambda: self.QUICK_WORDS in peer.ask("trouble", start="trouble"), "the trouble is told")
        self.assertIsNone(peer.find("fate"))
        self.liar.lie, self.liar.swallow = None, False
        peer.wait("fate pay done")
        peer.quit()
        self.assertEqual(int(self.anvil("eth_getBalance", TO, "latest"), 16), ETHER)

    def test_one_that_is_dead_has_no_say(self):
        self.liar.mode = "dead"
        peer = self.peer(self.anvil.url, self.liar.url)
        peer.order("put", "pay", TO, ETHER, "0x", 21000)
        peer.wait("fate pay done")
        peer.quit()


class Commands(VcliCase):
    """What vcli signs, beside an endpoint that lies; and the ways out."""

    def setUp(self):
        require()
        super().setUp()
        self.anvil = self.enter(Anvil())
        self.liar = self.enter(Liar(self.anvil.port))
        self.environment.update(DSN_CHAIN_RPC=self.liar.url)
        self.address = "0x" + self.answer("key", "show")["id"]
        self.anvil.fund(self.address)
        self.state = self.home / ".local/state/dsn"

    def named(self):
        self.environment["DSN_CHAIN_ID"] = str(CHAIN)

    def pay(self, *words, ok=True):
        return self.vcli("payment", "send", TO, "1 ether", *words, ok=ok)

    def has(self):
        return int(self.anvil("eth_getBalance", TO, "latest"), 16)

    def all_sent(self):
        broadcast(self.anvil, self.liar.raw + signed(self.state))

    def test_each_answer_false_in_turn(self):
        """Said with --once while it lies, and again when it does not: paid once, for a fee within the limit."""
        self.named()
        nothing = {"eth_getTransactionReceipt": "null"}
        invented = {"blockHash": "0x" + 64 * "4", "status": "0x1"}
        rows = [
            {"eth_getTransactionReceipt": "null"},
            {"eth_getTransactionReceipt": patched(status="0x0")},
            {"eth_getTransactionReceipt": patched(transactionHash="0x" + 64 * "5")},
            {"eth_getTransactionReceipt": patched(**invented)},
            {"eth_getTransactionCount": FAR}, {"eth_getTransactionCount": "0x0"},
            {"eth_getTransactionCount": lambda n: hex(int(n, 16) + 1)},
            {"eth_getTransactionCount": lambda n: hex(int(n, 16) + 1), **nothing},
            {"eth_sendRawTransaction": "0x" + 64 * "6"},
            {"eth_estimateGas": "0x1"}, {"eth_estimateGas": hex(2**40)}, {"eth_estimateGas": hex(29_000_000)},
            {"eth_gasPrice": "0x0"}, {"eth_gasPrice": hex(10**6 * GWEI)},
            {"eth_maxPriorityFeePerGas": hex(10**6 * GWEI)},
            {"eth_getBalance": "0x0"}, {"eth_getBalance": hex(10**30)},
            {"eth_getBlockByNumber": patched(gasLimit="0x1")}, {"eth_getBlockByNumber": patched(number=FAR)},
            {"eth_getBlockByNumber": patched(baseFeePerGas=hex(10**6 * GWEI))},
            {"eth_getBlockByNumber": patched(hash="0x" + 64 * "8")},
            {"eth_chainId": "0x1"},
        ]
        for n, answers in enumerate(rows):
            with self.subTest(answers={k: v if isinstance(v, str) else "?" for k, v in answers.items()}):
                before, had = self.has(), int(self.anvil("eth_getBalance", self.address, "latest"), 16)
                self.liar.instead(**answers)
                self.pay("--once", "row%d" % n, "--timeout", "1500ms", ok=False)
                self.liar.lie = None
                # A reverted one is final for the name, though it is none; the truth is on the chain.
                self.pay("--once", "row%d" % n, ok=False)
                self.all_sent()
                self.assertEqual(self.has() - before, ETHER)
                spent = had - int(self.anvil("eth_getBalance", self.address, "latest"), 16) - ETHER
                self.assertLessEqual(spent, 21000 * 200 * GWEI)
        # And whatever they said, the account goes on.
        before = self.has()
        self.pay()
        self.assertEqual(self.has() - before, ETHER)

    def test_a_fee(self):
        self.named()
        self.liar.instead(eth_gasPrice=hex(10**6 * GWEI))
        self.refused("refused", "over the limit of 200 gwei", "payment", "send", TO, "1 wei")
        self.liar.instead(eth_estimateGas=hex(10**9))
        self.refused("refused", "over the limit of 0.5 ether", "payment", "send", TO, "1 wei")
        self.liar.lie = None
        self.assertEqual(signed(self.state), [])
        self.refused("invalid", "--highest-cost: must be over 0", "payment", "send", TO, "1 wei", "--highest-cost", "0 wei")
        self.refused("refused", "--highest-cost", "payment", "send", TO, "1 wei", "--highest-cost", "1000 wei")

    def test_which_chain_says_the_user(self):
        self.refused("refused", "say --chain-id 31337", "payment", "send", TO, "1 wei")
        self.liar.instead(eth_chainId="0x1")
        self.refused("refused", "say --chain-id 1,", "payment", "send", TO, "1 wei")
        self.refused("refused", "it is on chain 1, wanted is chain 31337", "payment", "send", TO, "1 wei", "--chain-id", "31337")
        self.assertEqual((signed(self.state), self.liar.raw), ([], []))
        # The file of the contracts says it as well.
        self.liar.lie = None
        self.vcli("chain", "deploy", "--chain-id", "31337")
        self.vcli("counter", "increment")
        self.liar.instead(eth_chainId="0x1")
        self.refused("refused", "are on another chain", "counter", "increment")
        # Endpoints of another chain are told.
        ran = self.vcli("counter", "increment", "--chain-rpc", self.anvil.url + "," + self.liar.url)
        self.assertIn("is not used: it is on chain 1", ran.stderr)

    def test_another_first_block_forgets_nothing(self):
        self.named()
        self.pay("--once", "rent")
        self.liar.instead(eth_getBlockByNumber=lambda b: {**b, "hash": "0x" + 64 * "9"} if b["number"] == "0x0" else None)
        self.refused("refused", "begins with another block", "payment", "send", TO, "1 ether", "--once", "rent")
        self.refused("refused", "tells of another first block", "payment", "send", TO, "1 ether", "--once", "rent",
                     "--chain-rpc", self.anvil.url + "," + self.liar.url)
        self.all_sent()
        self.assertEqual(self.has(), ETHER)

    def test_a_consent_for_somebody_else(self):
        self.named()
        self.vcli("chain", "deploy")
        self.vcli("register", "supplier")
        node = self.answer("key", "new", str(self.home / "keys"))
        add = ("register", "add", "node", "storage", node["file"], "--price", "1 gwei")
        asked = "0x" + 64 * "a"
        self.liar.lie = lambda call, result: asked if call["method"] == "eth_call" and len(result) == 66 \
            and call["params"][0]["data"].startswith("0x" + self.selector()) else None
        self.refused("refused", "not of this node, this account and the contract Nodes", *add)
        self.assertEqual(self.liar.lies, 1)
        self.liar.lie = None
        self.vcli(*add)
        self.vcli("register", "remove", "node", node["id"])
        self.vcli(*add)  # the second time it signs another hash

    @staticmethod
    def selector():
        path = pathlib.Path(__file__).resolve().parents[2] / "contracts" / "artifacts" / "Nodes.json"
        return json.loads(path.read_text())["functions"]["consentHash(address,address)"][2:]

    # --- what a contract is said to tell ---

    @staticmethod
    def function(contract, name):
        path = pathlib.Path(__file__).resolve().parents[2] / "contracts" / "artifacts" / (contract + ".json")
        return next(f for signature, f in json.loads(path.read_text())["functions"].items() if signature.startswith(name + "("))

    def told(self, contract, name, addresses):
        """So many addresses, whenever this function is asked."""
        words = [32, addresses] + [int(FALSE, 16) + i for i in range(addresses)]
        answer, selector = "0x" + "".join("%064x" % w for w in words), self.function(contract, name)
        self.liar.lie = lambda call, result: answer if call["method"] == "eth_call" \
            and call["params"][0]["data"].startswith(selector) else None

    def event(self, topic=None, word=None):
        """In the receipt, events with another topic, or another word of their data, where they have so many."""
        def lie(call, result):
            if call["method"] != "eth_getTransactionReceipt" or not result or not result["logs"]:
                return None
            for log in result["logs"]:
                if topic and len(log["topics"]) > topic:
                    log["topics"][topic] = "0x" + 24 * "0" + FALSE[2:]
                elif not topic and len(log["data"]) >= 66 + 64 * word:
                    log["data"] = log["data"][:2 + 64 * word] + "%064x" % 7 + log["data"][66 + 64 * word:]
            return result

        self.liar.lie = lie

    def test_an_event_that_is_not_of_what_was_sent(self):
        self.named()
        self.vcli("chain", "deploy")
        self.vcli("register", "customer")
        document = self.home / "film.json"
        document.write_text("{}")
        create = ("job", "create", str(document), "--budget", "1000 gwei", "--limit", "8 gwei", "--for", "1h", "--once", "film")
        for value, lie in (("customer", {"topic": 2}), ("document", {"topic": 3}), ("budget", {"word": 0}),
                           ("deadline", {"word": 1}), ("limit for storages", {"word": 4})):
            self.event(**lie)
            self.refused("invalid", f"JobCreated whose {value} is not what was sent", *create)
        self.liar.lie = None
        job = self.answer(*create)["job"]
        self.assertEqual(job, "1", "it was carried out once, whatever was told of it")
        self.event(topic=1)
        self.refused("invalid", "JobFinished whose job is not what was sent", "job", "cancel", job)

    def test_lists_without_end(self):
        self.named()
        self.vcli("chain", "deploy")
        self.vcli("register", "customer")
        document = self.home / "film.json"
        document.write_text("{}")
        self.vcli("job", "create", str(document), "--budget", "1000 gwei", "--limit", "8 gwei", "--for", "1h")
        self.told("Jobs", "nodesOf", 33)
        self.refused("invalid", "33 nodes that work for job 1, which has 32 at most", "job", "status", "1")
        for contract, words in (("Accounts", "customers"), ("Nodes", "nodes")):
            self.told(contract, "page" if contract == "Accounts" else "pageOfWork", 101)
            self.refused("invalid", "101 rows on a page that has room for 100", "register", "list", words)

    def test_a_false_address_of_a_contract(self):
        self.named()
        self.liar.instead(eth_getTransactionReceipt=patched(contractAddress=FALSE))
        self.vcli("chain", "deploy", "--once", "it", "--timeout", "2s", ok=False)
        self.assertFalse((self.state / "chain/addresses.json").exists())
        self.liar.lie = None
        made = self.answer("chain", "deploy", "--once", "it")
        for contract in made["contracts"]:
            self.assertGreater(len(self.anvil("eth_getCode", contract["address"], "latest")), 2)

    # --- the ways out ---

    def listed(self):
        return self.answer("outbox", "list")["transactions"]

    def test_a_false_count_and_the_user_s_word(self):
        self.named()
        self.liar.instead(eth_getTransactionCount=FAR)
        self.refused("refused", "--nonce", "payment", "send", TO, "1 ether")
        (row,) = self.listed()
        self.assertEqual((row["state"], row["value"], row["to"]), ("wanted", "1 ether", TO))
        self.assertIn(row["id"], self.vcli("outbox", "list").stdout)
        self.liar.lie = None
        self.refused("not-found", "no transaction of this chain waits", "outbox", "resend", row["id"][:6] + "-none")
        self.refused("refused", "not signed yet", "outbox", "replace", row["id"][:6])
        self.refused("refused", "not signed yet", "outbox", "resend", row["id"][:6])
        self.assertEqual(self.answer("outbox", "abandon", row["id"][:6])["state"], "abandoned")
        self.assertEqual(self.vcli("outbox", "list").stdout, "the outbox is empty\n")
        self.pay()
        self.assertEqual(self.has(), ETHER)

    def test_a_gap_is_filled(self):
        self.named()
        self.pay()
        self.pay("--nonce", "4", "--timeout", "1s", ok=False)
        (row,) = self.listed()
        self.assertEqual((row["state"], row["nonce"], row["gap"] if "gap" in row else None), ("signed", "4", None))
        self.assertEqual(self.answer("outbox", "replace", row["id"], "--fill-gap")["state"], "done")
        self.assertEqual((self.has(), self.listed()), (2 * ETHER, []))
        self.pay()
        self.all_sent()
        self.assertEqual(self.has(), 3 * ETHER)

    def test_a_nonce_out_of_reach_is_abandoned(self):
        self.named()
        self.pay("--nonce", str(2**40), "--timeout", "1s", ok=False)
        (row,) = self.listed()
        self.refused("timeout", "too far behind it", "outbox", "replace", row["id"], "--fill-gap", "--timeout", "1s")
        self.refused("timeout", "is kept", "payment", "send", TO, "1 ether", "--timeout", "1s")
        ran = self.vcli("outbox", "abandon", row["id"], "--force")
        self.assertIn("it may still be carried out", ran.stderr)
        self.pay()
        self.all_sent()
        self.assertEqual(self.has(), ETHER)

    def stuck(self):
        """A payment that waits in the node's pool."""
        self.named()
        self.anvil("evm_setAutomine", False)
        self.pay("--timeout", "1500ms", ok=False)
        (row,) = self.listed()
        self.assertEqual((row["state"], row["nonce"], row["signed"]), ("signed", "0", "1"))
        return row["id"]

    def test_abandoned_by_its_own_nonce(self):
        it = self.stuck()
        self.refused("timeout", "not confirmed yet", "outbox", "abandon", it, "--timeout", "1500ms")
        self.assertEqual(self.listed()[0]["given_up"], "yes")
        self.anvil("evm_setAutomine", True)
        self.anvil.mine()
        self.assertEqual(self.answer("outbox", "abandon", it, "--timeout", "20s")["state"], "abandoned")
        self.all_sent()
        self.assertEqual((self.has(), self.listed()), (0, []))
        self.pay()
        self.assertEqual(self.has(), ETHER)

    def test_abandoned_too_late(self):
        it = self.stuck()
        self.anvil("evm_setAutomine", True)
        self.anvil.mine()
        self.refused("refused", "it is done, in block", "outbox", "abandon", it)
        self.assertEqual(self.has(), ETHER)

    def test_replaced_and_sent_again(self):
        it = self.stuck()
        self.refused("timeout", "not confirmed yet", "outbox", "replace", it, "--timeout", "1500ms")
        (row,) = self.listed()
        self.assertGreaterEqual(int(row["signed"]), 2)
        self.anvil("evm_setAutomine", True)
        self.anvil.mine()
        self.assertEqual(self.answer("outbox", "resend", it)["state"], "done")
        self.all_sent()
        self.assertEqual(self.has(), ETHER)
        self.refused("not-found", "vcli outbox list", "outbox", "resend", it)

    def test_a_swallowed_payment_is_sent_by_another_endpoint(self):
        self.named()
        self.liar.swallow = True
        self.pay("--timeout", "1s", ok=False)
        self.assertEqual(self.has(), 0)
        it = self.listed()[0]["id"]
        self.assertEqual(self.answer("outbox", "resend", it, "--chain-rpc", self.anvil.url)["state"], "done")
        self.all_sent()
        self.assertEqual(self.has(), ETHER)


if __name__ == "__main__":
    program = unittest.main(exit=False)
    ran = program.result
    sys.exit(77 if ran.wasSuccessful() and ran.skipped and not ran.testsRun else not ran.wasSuccessful())
