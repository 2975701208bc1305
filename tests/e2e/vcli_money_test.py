"""vcli's registers, logins, payments, jobs and bars, on the contracts of a real anvil."""
import json
import os
import pathlib
import sqlite3
import stat
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chain_lab import Anvil, Proxy, anvil_program, free_port, require  # noqa: E402
from keccak import keccak256  # noqa: E402
from vcli_chain_test import EXIT, Case  # noqa: E402

ETHER = 10**18
GWEI = 10**9
WINDOWS = "2,600,600,600"


class Person:
    """A user with a state folder, and so an identity, of their own."""

    def __init__(self, case, name):
        self.case, self.name = case, name
        self.state = str(case.home / name)
        self.address = case.answer("key", "show", "--state-dir", self.state)["id"]

    def flags(self, words):
        return [*words, "--state-dir", self.state, "--addresses", self.case.addresses]

    def __call__(self, *words):
        return self.case.answer(*self.flags(words))

    def text(self, *words):
        return self.case.vcli(*self.flags(words)).stdout

    def refused(self, code, part, *words):
        self.case.refused(code, part, *self.flags(words))


class Money(Case):
    def chain(self):
        require()
        return Anvil("--block-time", "1", "--mixed-mining")

    def setUp(self):
        super().setUp()
        self.node_of_chain = self.enter(self.chain())
        self.environment.update(DSN_CHAIN_RPC=self.node_of_chain.url, DSN_CHAIN_ID="31337")
        self.addresses = str(self.home / "addresses.json")
        self.operator = self.person("operator")
        self.operator("chain", "deploy", "--windows", WINDOWS)

    def person(self, name, ether=10):
        person = Person(self, name)
        if ether:
            self.node_of_chain.fund("0x" + person.address, ether)
        return person

    def node_key(self, person):
        made = self.answer("key", "new", str(self.home / person.name / "keys"))
        return made["id"], made["file"]


class Registers(Money):
    def test_people_and_nodes(self):
        ann, sue = self.person("ann"), self.person("sue")
        profile = self.home / "profile"
        profile.write_text("Sue's nodes\n")
        self.assertEqual(ann.text("register", "list"), "no customers\nno suppliers\nno nodes\n")
        told = ann("register", "customer")
        self.assertEqual((told["account"].lower(), told["kind"]), ("0x" + ann.address, "customer"))
        self.assertEqual(len(told["transactions"]), 1)
        ann.refused("refused", "is registered as customer already", "register", "customer")
        sue.refused("refused", "vcli register supplier does that", "register", "remove", "supplier")
        node, key = self.node_key(sue)
        sue.refused("refused", "only suppliers offer nodes", "register", "add", "node", "storage", key, "--price", "1 gwei")
        sue("register", "supplier", str(profile))
        terms = ("--price", "1.5 gwei", "--capacity", "3", "--endpoint", "node.example:1935", "--software", "1.2")
        added = sue("register", "add", "node", "storage", key, *terms)
        self.assertEqual((added["node"].lower(), added["work"], added["price"], added["price_wei"]),
                         ("0x" + node, "storage", "1.5 gwei", "1500000000"))
        sue.refused("refused", "is listed already", "register", "add", "node", "storage", key, "--price", "1 wei")
        listed = sue("register", "list")
        self.assertEqual([c["account"].lower() for c in listed["customers"]], ["0x" + ann.address])
        self.assertEqual([c["account"].lower() for c in listed["suppliers"]], ["0x" + sue.address])
        only = listed["nodes"][0]
        self.assertEqual((only["node"].lower(), only["owner"].lower(), only["capacity"], only["endpoint"], only["software"]),
                         ("0x" + node, "0x" + sue.address, "3", "node.example:1935", "1.2"))
        self.assertIn("1.5 gwei", sue.text("register", "list", "nodes"))
        self.assertNotIn("suppliers", sue("register", "list", "nodes"))
        ann.refused("refused", "somebody else must do it", "register", "remove", "node", node)
        self.assertEqual(sue("register", "update", "node", node, "--price", "2 gwei")["price"], "2 gwei")
        sue("register", "remove", "node", node)
        sue.refused("refused", "no node 0x", "register", "remove", "node", node)
        sue("register", "add", "node", "storage", key, *terms)  # with a consent anew
        sue("register", "remove", "supplier")
        ann("register", "remove", "customer")
        self.assertEqual(sue("register", "list", "suppliers"), {"suppliers": []})

    def test_words_that_are_wrong(self):
        sue = self.person("sue")
        _, key = self.node_key(sue)
        sue.refused("invalid", "--price", "register", "add", "node", "storage", key)
        sue.refused("invalid", "has no unit", "register", "add", "node", "storage", key, "--price", "5")
        sue.refused("invalid", "none of distributor, transcoder, storage", "register", "add", "node", "cook", key, "--price", "1 wei")
        sue.refused("invalid", "none of customers, suppliers, nodes", "register", "list", "dogs")
        sue.refused("not-found", "the node's key", "register", "add", "node", "storage", key + "x", "--price", "1 wei")
        sue.refused("invalid", "NODE_ID", "register", "remove", "node", "12")
        sealed = self.answer("account", "new", "--light", "--passphrase-file", self.passphrase)["file"]
        sue.refused("unavailable", "--node-passphrase-file", "register", "add", "node", "storage", sealed, "--price", "1 wei")
        # 2^80 wei
        sue.refused("invalid", "--price: ", "register", "add", "node", "storage", key, "--price", "1208925819614629174706176 wei")

    def test_roles(self):
        max_ = self.person("max")
        max_.refused("refused", "is no owner", "role", "grant", "manager", max_.address)
        max_.refused("refused", "nobody has offered the role of manager", "role", "accept", "manager")
        self.operator("role", "grant", "manager", max_.address)
        max_("role", "accept", "manager")
        roles = max_("role", "list")["roles"]
        self.assertEqual([(r["role"], r["holder"].lower()) for r in roles],
                         [("owner", "0x" + self.operator.address), ("manager", "0x" + max_.address)])
        self.operator("role", "revoke", "manager", max_.address)
        max_.refused("refused", "is no manager", "role", "renounce", "manager")


class Payments(Money):
    def test_exactly(self):
        ann, sue = self.person("ann"), self.person("sue")
        self.assertEqual(ann("payment", "balance")["balance_wei"], "0")
        before = int(ann("payment", "balance")["wallet_wei"])
        got = ann("payment", "deposit", "1.000000000000000001 ether")
        self.assertEqual(got["balance_wei"], str(ETHER + 1))
        self.assertEqual(got["balance"], "1.000000000000000001 ether")
        self.assertLess(int(got["wallet_wei"]), before - ETHER - 1)
        self.assertEqual(ann("payment", "transfer", sue.address, "3", "gwei")["balance_wei"], str(ETHER + 1 - 3 * GWEI))
        self.assertEqual(ann("payment", "balance", sue.address)["balance_wei"], str(3 * GWEI))
        self.assertEqual(sue("payment", "withdraw", "100wei")["balance_wei"], str(3 * GWEI - 100))
        shown = self.operator.text("payment", "deposit", "1", "ether")
        self.assertIn("1 ether", shown)
        self.assertNotIn("_wei", shown)

    def test_refusals(self):
        ann, poor = self.person("ann"), self.person("poor", 0)
        ann("payment", "deposit", "5 gwei")
        ann.refused("refused", "has 5 gwei in the contract, 6 gwei are wanted", "payment", "withdraw", "6 gwei")
        ann.refused("refused", "1 wei at least", "payment", "deposit", "0 wei")
        ann.refused("refused", "has 9.99", "payment", "deposit", "10 ether")
        ann.refused("refused", "has 9.99", "payment", "deposit", "%d wei" % (2**256 - 1))
        poor.refused("refused", "has 0 wei; 1 wei and fees of up to", "payment", "deposit", "1 wei")
        poor.refused("refused", "has 0 wei; 0 wei and fees of up to", "register", "customer")
        ann.refused("refused", "zero address", "payment", "transfer", "0x" + 40 * "0", "1 wei")
        ann.refused("invalid", "has no unit", "payment", "deposit", "10")
        ann.refused("invalid", "parts of a wei", "payment", "deposit", "0.5 wei")
        ann.refused("invalid", "AMOUNT", "payment", "deposit", "1..5", "ether")
        ann.refused("invalid", "AMOUNT", "payment", "deposit", "1 pound")
        ann.refused("invalid", "ADDRESS", "payment", "balance", "0x12")
        # What was refused is not kept: the next command goes at once.
        self.assertEqual(ann("payment", "deposit", "5 gwei")["balance"], "10 gwei")

    def test_from_wallet_to_wallet(self):
        ann, new = self.person("ann"), self.person("new", 0)
        new.refused("refused", "vcli payment send", "register", "customer")
        before = int(ann("payment", "balance")["wallet_wei"])
        got = ann("payment", "send", new.address, "1.000000000000000001", "ether")
        self.assertEqual((got["account"].lower(), got["to"].lower()), ("0x" + ann.address, "0x" + new.address))
        self.assertEqual((got["sent"], got["sent_wei"]), ("1.000000000000000001 ether", str(ETHER + 1)))
        self.assertEqual([t["what"] for t in got["transactions"]], ["payment"])
        self.assertLess(int(got["wallet_wei"]), before - ETHER - 1)
        self.assertGreater(int(got["wallet_wei"]), before - ETHER - ETHER // 100)
        # It is outside of the contracts, and pays for the fees.
        has = new("payment", "balance")
        self.assertEqual((has["wallet_wei"], has["balance_wei"]), (str(ETHER + 1), "0"))
        new("register", "customer")
        shown = ann.text("payment", "send", "0x" + new.address, "1wei")
        self.assertIn("1 wei", shown)
        self.assertNotIn("_wei", shown)

    def test_what_is_not_sent(self):
        ann, new = self.person("ann"), self.person("new", 0)
        send = ("payment", "send")
        ann.refused("refused", "has 10 ether; 10 ether and fees of up to", *send, new.address, "10 ether")
        ann.refused("refused", "has 10 ether; ", *send, new.address, "%d wei" % (2**256 - 1))
        new.refused("refused", "has 0 wei; 1 wei and fees of up to", *send, ann.address, "1 wei")
        contracts = json.loads(pathlib.Path(self.addresses).read_text())["contracts"]
        for name, address in contracts.items():
            ann.refused("refused", "is the contract %s and nobody's wallet: vcli payment deposit" % name, *send, address, "1 wei")
        ann.refused("refused", "zero address", *send, "0x" + 40 * "0", "1 wei")
        ann.refused("refused", "1 wei at least", *send, new.address, "0 wei")
        ann.refused("invalid", "has no unit", *send, new.address, "1")
        ann.refused("invalid", "ADDRESS", *send, "0x12", "1 wei")
        ann.refused("invalid", "--highest-fee", *send, new.address, "1 wei", "--highest-fee", "0 wei")
        # A contract that vcli does not know of takes none either: the chain says so.
        elsewhere = ["--state-dir", ann.state, "--addresses", str(self.home / "none")]
        ran = self.vcli(*send, contracts["Accounts"], "1 wei", *elsewhere, ok=False)
        self.assertEqual(ran.returncode, EXIT["refused"], ran.stderr)
        self.assertIn(contracts["Accounts"] + " gets nothing: ", ran.stderr)
        # What waits in the outbox may be for contracts that the chain has lost.
        lost = self.home / "lost.json"
        document = json.loads(pathlib.Path(self.addresses).read_text())
        lost.write_text(json.dumps({**document, "contracts": {name: "0x" + 20 * "1f" for name in contracts}}))
        self.refused("not-found", "ask your network's operator for the present file", *send, new.address, "1 wei", "--state-dir", ann.state,
                     "--addresses", str(lost))
        other = self.enter(Anvil("--chain-id", "4711"))
        ann.refused("refused", "it is on chain 4711, wanted is chain 31337", *send, new.address, "1 wei", "--chain-rpc", other.url)
        # Nothing was kept; and who is to deploy needs ether before there are contracts.
        self.assertEqual(ann("payment", "balance")["wallet"], "10 ether")
        self.assertEqual(self.answer(*send, new.address, "1 wei", *elsewhere)["sent"], "1 wei")
        self.assertEqual(new("payment", "balance")["wallet"], "1 wei")

    def test_sent_once(self):
        ann, new, other = self.person("ann"), self.person("new", 0), self.person("other", 0)
        send = ("payment", "send", new.address)
        for _ in range(2):
            self.assertEqual(ann(*send, "1 gwei", "--once", "rent")["sent"], "1 gwei")
        self.assertEqual(new("payment", "balance")["wallet"], "1 gwei")
        ann.refused("refused", "other arguments", *send, "2 gwei", "--once", "rent")
        ann.refused("refused", "other arguments", "payment", "send", other.address, "1 gwei", "--once", "rent")
        # What no node takes in time is kept, and the next command carries it out first.
        proxy = self.enter(Proxy(self.node_of_chain.port))

        def deaf(calls, forward):
            if calls[0]["method"] == "eth_sendRawTransaction":
                return json.dumps({"jsonrpc": "2.0", "id": calls[0]["id"], "error": {"code": -32000, "message": "busy"}}).encode()
            return forward()

        proxy.mode = deaf
        late = ("--once", "late")
        ann.refused("timeout", "payment is not confirmed yet", *send, "3 gwei", *late, "--timeout", "4s", "--chain-rpc", proxy.url)
        self.assertEqual(new("payment", "balance")["wallet"], "1 gwei")
        ann(*send, "5 gwei")
        self.assertEqual(new("payment", "balance")["wallet"], "9 gwei")
        ann(*send, "3 gwei", *late)
        self.assertEqual(new("payment", "balance")["wallet"], "9 gwei")

    def test_chain_away_or_another(self):
        ann = self.person("ann")
        other = self.enter(Anvil("--chain-id", "4711"))
        ann.refused("refused", "it is on chain 4711, wanted is chain 31337", "payment", "balance", "--chain-rpc", other.url)
        away = "http://127.0.0.1:%d" % free_port()
        ran = self.vcli(*ann.flags(["payment", "balance", "--chain-rpc", away, "--timeout", "1s"]), ok=False)
        self.assertIn(ran.returncode, (EXIT["unavailable"], EXIT["timeout"]))
        self.assertIn(away, ran.stderr)
        # Of several endpoints one may be away.
        self.assertEqual(ann("payment", "balance", "--chain-rpc", away + "," + self.node_of_chain.url)["balance"], "0 wei")
        self.refused("not-found", "the operator of your network has the file", "payment", "balance", "--addresses", str(self.home / "none"))


class Logins(Money):
    def test_prove_and_use(self):
        ann = self.person("ann")
        ann.refused("refused", "neither customer nor supplier", "login")
        ann("register", "customer")
        challenge = "0x" + "5a" * 32
        told = ann("login", challenge, "--for", "1h")
        self.assertEqual((told["account"].lower(), told["challenge"], told["registered"], told["chain_id"]),
                         ("0x" + ann.address, challenge, ["customer"], str(int(self.node_of_chain("eth_chainId"), 16))))
        file = pathlib.Path(told["file"])
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual(ann("whoami")["account"], told["account"])
        # Somebody else checks it.
        self.assertEqual(self.operator("whoami", str(file))["challenge"], challenge)
        session = json.loads(file.read_text())
        stranger = self.home / "stranger.json"
        for member, value in (("account", "0x" + self.operator.address), ("expires", "99999999999")):
            changed = json.loads(json.dumps(session))
            changed["document"]["message"][member] = value
            stranger.write_text(json.dumps(changed))
            ann.refused("invalid", "document" if member == "account" else "signature", "whoami", str(stranger))
        ann.refused("invalid", "CHALLENGE", "login", "12")
        ann.refused("invalid", "--for", "login", "--for", "0s")
        self.vcli("logout", "--state-dir", ann.state)
        ann.refused("not-found", "there is no login", "whoami")
        self.refused("not-found", "there is no login", "logout", "--state-dir", ann.state)

    def test_it_is_the_account_of_what_follows_until_it_ends(self):
        ann = self.person("ann")
        made = self.answer("account", "new", "--light", "--passphrase-file", self.passphrase, "--state-dir", ann.state)
        self.node_of_chain.fund(made["address"])
        key = ("--passphrase-file", self.passphrase)
        self.assertEqual(ann("register", "customer", *key)["account"], made["address"])  # the only one of the keystore
        ann("register", "supplier", "--account", "0x" + ann.address)  # the identity
        ann("login", "--account", "0x" + ann.address, "--for", "3s")
        self.assertEqual(ann("payment", "balance")["account"].lower(), "0x" + ann.address)
        self.assertEqual(ann("payment", "balance", "--account", made["address"][:9])["account"], made["address"])
        end = time.monotonic() + 30
        while self.vcli(*ann.flags(["payment", "balance"]), ok=False).returncode == 0:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.2)
        ann.refused("refused", "vcli login again, or vcli logout", "payment", "balance")
        ann("login", *key)
        self.assertEqual(ann("payment", "balance")["account"], made["address"])

    def test_for_one_chain_only(self):
        ann = self.person("ann")
        ann("register", "customer")
        file = ann("login")["file"]
        other = self.enter(Anvil("--chain-id", "4711"))
        other.fund("0x" + self.operator.address)
        addresses = str(self.home / "other.json")
        there = ("--addresses", addresses, "--chain-rpc", other.url, "--chain-id", "4711")
        self.answer("chain", "deploy", "--state-dir", self.operator.state, *there)
        self.refused("refused", "for another chain", "whoami", file, *there)


class Market(Money):
    """A customer, a supplier with a node, a verifier; the operator is the manager."""

    def setUp(self):
        super().setUp()
        self.ann, self.sue, self.vera = (self.person(name) for name in ("ann", "sue", "vera"))
        self.operator("role", "grant", "manager", self.operator.address)
        self.operator("role", "accept", "manager")
        self.make_verifier(self.vera)
        self.ann("register", "customer")
        self.sue("register", "supplier")
        self.node, key = self.node_key(self.sue)
        self.sue("register", "add", "node", "storage", key, "--price", "7 gwei")
        self.document = str(self.home / "order.json")
        pathlib.Path(self.document).write_text("{}\n")

    def make_verifier(self, person):
        self.operator("role", "grant", "verifier", person.address)
        person("role", "accept", "verifier")


class Jobs(Market):
    def segments(self, count, name="segments"):
        path = self.home / name
        path.write_text("".join(f"{i}.ts {1000 + i}\n" for i in range(count)))
        return str(path)

    def eventually(self, person, *words):
        """Once the chain's time has come."""
        end = time.monotonic() + 30
        while True:
            ran = self.vcli("--json", *person.flags(words), ok=False)
            if ran.returncode == 0:
                return json.loads(ran.stdout)
            self.assertIn("not before", ran.stderr)
            self.assertLess(time.monotonic(), end)
            time.sleep(0.3)

    def test_a_job_from_order_to_payment(self):
        ann, sue, vera, node = self.ann, self.sue, self.vera, self.node
        ann("payment", "deposit", "1 ether")
        made = ann("job", "create", self.document, "--budget", "1000 gwei", "--limit", "7 gwei", "--from-balance", "--for", "1h")
        job = made["job"]
        self.assertEqual((job, made["budget_wei"]), ("1", str(1000 * GWEI)))
        self.assertEqual(ann("payment", "balance")["balance_wei"], str(ETHER - 1000 * GWEI))
        ann.refused("refused", "is no manager", "job", "assign", job, node)
        got = self.operator("job", "assign", job, node)
        self.assertEqual((got["nodes"][0]["price"], got["nodes"][0]["payee"].lower()), ("7 gwei", "0x" + sue.address))
        self.operator.refused("refused", "works for job 1 already", "job", "assign", job, node)

        file = self.segments(5)
        told = sue("job", "report", job, node, file)
        self.assertEqual((told["segments"], told["ordinal"], told["repeated"]), ("5", "0", "no"))
        self.assertEqual(sue("job", "report", job, node, file)["repeated"], "yes")
        ann.refused("refused", "is no verifier", "job", "confirm", job, node, "0")
        vera.refused("refused", "not of the segments in", "job", "confirm", job, node, "0", self.segments(4, "other"))
        vera("job", "confirm", job, node, "0", file)
        sue.refused("refused", "not before", "job", "settle", job, node, "0")
        paid = ann("job", "settle", job, node, "0")  # who alone could dispute it
        self.assertEqual((paid["paid_wei"], paid["payee"].lower()), (str(35 * GWEI), "0x" + sue.address))

        # A second batch of which two of three are good; the supplier proves the third, the owner decides.
        more = self.segments(3, "more")
        self.assertEqual(sue("job", "report", job, node, more)["ordinal"], "1")
        vera.refused("invalid", "--evidence", "job", "confirm", job, node, "1", "--accepted", "2")
        vera.refused("invalid", "--accepted", "job", "confirm", job, node, "1", "--accepted", "0", "--evidence", self.document)
        vera.refused("not-found", "has reported no batch 2", "job", "confirm", job, node, "2")
        vera.refused("not-found", "has reported no batch 2", "job", "confirm", job, node, "2", more)
        vera("job", "confirm", job, node, "1", more, "--accepted", "2", "--evidence", self.document)
        sue.refused("refused", "does not show", "job", "dispute", job, node, "1", "2", file)
        sue("job", "dispute", job, node, "1", "2", more)
        vera.refused("refused", "somebody else decides", "job", "resolve", job, node, "1", "3", "--evidence", self.document)
        self.operator("job", "resolve", job, node, "1", "3", "--evidence", self.document)
        self.assertEqual(sue("job", "settle", job, node, "1")["paid_wei"], str(21 * GWEI))

        # A third that the customer was not shown: that is why it disputes; the owner decides that nothing is paid.
        self.assertEqual(sue("job", "report", job, node, self.segments(2, "hidden"))["ordinal"], "2")
        vera("job", "confirm", job, node, "2")
        ann.refused("invalid", "FILE", "job", "dispute", job, node, "2", "0")
        sue.refused("refused", "has no part", "job", "dispute", job, node, "2")
        ann("job", "dispute", job, node, "2")
        self.operator("job", "resolve", job, node, "2", "0", "--evidence", self.document)
        self.assertEqual(sue("job", "settle", job, node, "2")["paid_wei"], "0")

        status = ann("job", "status", job)
        self.assertEqual((status["job_state"], status["free_wei"], status["held_wei"]), ("active", str(944 * GWEI), "0"))
        self.assertEqual((status["nodes"][0]["last"], status["nodes"][0]["accepted"]), ("settled", "0"))
        self.assertIn("944 gwei", ann.text("job", "status", job))
        ann("job", "close", job)
        ann.refused("refused", "job 1 is closing", "job", "close", job)
        end = self.eventually(ann, "job", "finish", job)
        self.assertEqual((end["job_state"], end["refund_wei"]), ("closed", str(944 * GWEI)))
        self.assertEqual(ann("payment", "balance")["balance_wei"], str(ETHER - 56 * GWEI))
        self.assertEqual(sue("payment", "balance")["balance_wei"], str(56 * GWEI))

    def test_other_ends_and_refusals(self):
        ann, sue = self.ann, self.sue
        create = ("job", "create", self.document, "--limit", "6 gwei,6 gwei,6 gwei")
        sue.refused("refused", "only customers create jobs", *create, "--budget", "1 gwei")
        ann.refused("invalid", "--budget", *create)
        ann.refused("invalid", "--limit", "job", "create", self.document, "--budget", "1 gwei")
        ann.refused("invalid", "--limit", "job", "create", self.document, "--budget", "1 gwei", "--limit", "1 wei,2 wei")
        ann.refused("invalid", "--limit: ", "job", "create", self.document, "--budget", "1 gwei", "--limit", "9999999 ether")
        ann.refused("invalid", "--budget: ", *create, "--budget", "%d wei" % 2**112)
        job = ann(*create, "--budget", "10 gwei")["job"]
        self.assertEqual(ann("job", "top-up", job, "2", "gwei")["amount"], "2 gwei")
        self.operator.refused("refused", "price is 7 gwei a segment, over the limit of 6 gwei", "job", "assign", job, self.node)
        sue.refused("refused", "job 1 is open", "job", "report", job, self.node, self.segments(1))
        sue.refused("invalid", "describes no segment", "job", "report", job, self.node, self.segments(0))
        sue.refused("refused", "somebody else must do it", "job", "cancel", job)
        got = ann("job", "cancel", job)
        self.assertEqual((got["job_state"], got["refund"]), ("cancelled", "12 gwei"))
        ann.refused("not-found", "there is no job 7", "job", "status", "7")
        ann.refused("refused", "job 7 is not there", "job", "cancel", "7")
        ann.refused("invalid", "JOB", "job", "status", "x")

        job = ann("job", "create", self.document, "--budget", "10 gwei", "--limit", "7 gwei")["job"]
        self.operator("job", "assign", job, self.node, "--max-price", "7 gwei")
        sue.refused("refused", "10 gwei are left of the job's budget, 14 gwei are claimed", "job", "report", job, self.node,
                    self.segments(2))
        sue("job", "report", job, self.node, self.segments(1))
        self.vera("job", "reject", job, self.node, "0", "--evidence", self.document)
        self.assertEqual(sue("job", "settle", job, self.node, "0")["paid"], "0 wei")
        sue("job", "unassign", job, self.node)
        sue.refused("refused", "does not work for job 2", "job", "unassign", job, self.node)

    def test_what_is_refused_allows_nothing(self):
        ann, sue = self.ann, self.sue
        create = ("job", "create", self.document, "--limit", "7 gwei", "--from-balance")
        ann.refused("refused", "has 0 wei in the contract, 1 gwei are wanted", *create, "--budget", "1 gwei")
        sue("payment", "deposit", "1 gwei")
        sue.refused("refused", "only customers create jobs", *create, "--budget", "1 gwei")
        ann("payment", "deposit", "2 gwei")
        ann.refused("refused", "must be ahead", *create, "--budget", "1 gwei", "--for", "9000h")
        ann.refused("refused", "1 wei at least", *create, "--budget", "0 wei")
        ann.refused("refused", "job 7 is not there", "job", "top-up", "7", "1 gwei", "--from-balance")
        sent = [int(self.node_of_chain("eth_getTransactionCount", "0x" + p.address, "latest"), 16) for p in (ann, sue)]
        self.assertEqual(sent, [2, 3])  # ann registered and paid in, sue offered a node besides
        job = ann(*create, "--budget", "1 gwei")["job"]
        ann("job", "top-up", job, "1 gwei", "--from-balance")
        self.assertEqual(ann("job", "status", job)["free"], "2 gwei")

    def test_several_nodes_or_none(self):
        dear, key = self.node_key(self.sue)
        self.sue("register", "add", "node", "storage", key, "--price", "8 gwei")
        job = self.ann("job", "create", self.document, "--budget", "10 gwei", "--limit", "7 gwei")["job"]
        nobody = "0x" + 39 * "0" + "1"
        self.operator.refused("refused", "no node " + nobody + " is listed", "job", "assign", job, self.node, nobody)
        self.operator.refused("refused", "price is 8 gwei", "job", "assign", job, self.node, dear)
        ran = self.vcli(*self.operator.flags(["job", "assign", job, self.node, dear]), ok=False)
        self.assertIn(dear, ran.stderr.lower())
        self.assertEqual(self.ann("job", "status", job)["nodes"], [])
        self.operator("job", "assign", job, self.node)

    def test_a_receipt_that_is_missing_again(self):
        """As when several nodes are behind one URL: what a transaction left is asked for until it is told."""
        proxy, told = self.enter(Proxy(self.node_of_chain.port)), []

        def forgetful(calls, forward):
            answer = json.loads(forward())
            if calls[0]["method"] == "eth_getTransactionReceipt" and answer["result"]:
                told.append(answer["result"])
                if len(told) in (2, 3):  # the first is the sender's
                    answer["result"] = None
            return json.dumps(answer).encode()

        proxy.mode = forgetful
        made = self.ann("job", "create", self.document, "--budget", "10 gwei", "--limit", "7 gwei", "--chain-rpc", proxy.url)
        self.assertEqual(made["job"], "1")
        self.assertEqual(len(told), 4)

    def test_once_is_once(self):
        ann = self.ann
        for _ in range(2):
            self.assertEqual(ann("payment", "deposit", "1 gwei", "--once", "first")["balance"], "1 gwei")
        self.assertEqual(ann("payment", "deposit", "1 gwei", "--once", "second")["balance"], "2 gwei")
        ann.refused("invalid", "--once", "payment", "deposit", "1 gwei", "--once", "x" * 65)
        # A name is for one thing: what is not the same is not taken for done.
        ann.refused("refused", "other arguments", "payment", "deposit", "2 gwei", "--once", "first")
        self.assertEqual(ann("payment", "transfer", self.sue.address, "1 gwei", "--once", "first")["balance"], "1 gwei")
        ann.refused("refused", "other arguments", "payment", "transfer", self.vera.address, "1 gwei", "--once", "first")
        self.assertEqual([ann("counter", "increment", "--once", "first")["count"] for _ in range(2)], ["1", "1"])
        create = ("job", "create", self.document, "--limit", "7 gwei", "--from-balance", "--once", "first")
        self.assertEqual([ann(*create, "--budget", "1 gwei", "--for", f)["job"] for f in ("1h", "2h")], ["1", "1"])
        ann.refused("refused", "other arguments", *create, "--budget", "2 gwei")

    def test_once_goes_on_where_it_was_broken_off(self):
        """Of a command's transactions some may not be needed the second time: each is known by what it does."""
        self.ann("payment", "deposit", "20 gwei")
        create = ("job", "create", self.document, "--budget", "10 gwei", "--limit", "7 gwei", "--from-balance", "--once", "j")
        proxy, asked = self.enter(Proxy(self.node_of_chain.port)), []

        def busy(calls, forward):
            if calls[0]["method"] == "eth_estimateGas":
                asked.append(calls)
                if len(asked) > 1:  # one for the allowance
                    return json.dumps({"jsonrpc": "2.0", "id": calls[0]["id"],
                                       "error": {"code": -32000, "message": "busy"}}).encode()
            return forward()

        proxy.mode = busy
        self.ann.refused("failed", "busy", *create, "--chain-rpc", proxy.url)
        for _ in range(2):
            self.assertEqual(self.ann(*create)["job"], "1")
        self.assertEqual(self.ann("payment", "balance")["balance"], "10 gwei")


    def test_each_transaction_is_estimated_once(self):
        """What is asked before it is kept is not asked again before it is signed."""
        proxy, asked = self.enter(Proxy(self.node_of_chain.port)), []

        def count(calls, forward):
            asked.extend(c["method"] for c in calls)
            return forward()

        proxy.mode = count
        job = ("job", "create", self.document, "--budget", "10 gwei", "--limit", "7 gwei")
        for words, transactions in ((("payment", "deposit", "20 gwei"), 1), (job, 1), ((*job, "--from-balance"), 2),
                                    (("payment", "send", self.sue.address, "1 wei"), 1), (("counter", "increment"), 1)):
            asked.clear()
            self.ann(*words, "--chain-rpc", proxy.url)
            self.assertEqual((asked.count("eth_sendRawTransaction"), asked.count("eth_estimateGas")),
                             (transactions, transactions), words)

    def without_hashes(self):
        """The outboxes as an earlier release has left them."""
        for path in (self.home / ".local/state/dsn/chain").glob("*.db"):
            db = sqlite3.connect(path)
            db.executescript("drop table tx_said; pragma user_version = 0; pragma application_id = 0")
            db.commit()
            db.close()

    def test_once_of_an_earlier_release(self):
        ann = self.ann
        create = ("job", "create", self.document, "--limit", "7 gwei", "--from-balance", "--once", "first")
        deposit = ("payment", "deposit", "--once", "first")
        send = ("payment", "send", self.sue.address, "--once", "first")
        ann(*deposit, "1 gwei")
        ann(*send, "1 gwei")
        self.assertEqual(ann(*create, "--budget", "1 gwei", "--for", "1h")["job"], "1")
        self.without_hashes()
        self.assertEqual(ann(*create, "--budget", "1 gwei", "--for", "2h")["job"], "1")
        ann.refused("refused", "other arguments", *create, "--budget", "2 gwei")
        self.assertEqual(ann(*deposit, "1 gwei")["balance"], "0 wei")
        ann.refused("refused", "other arguments", *deposit, "2 gwei")
        ann(*send, "1 gwei")
        ann.refused("refused", "other arguments", *send, "2 gwei")
        self.assertEqual(self.ann("payment", "deposit", "1 gwei", "--once", "second")["balance"], "1 gwei")


class Bars(Market):
    def setUp(self):
        super().setUp()
        self.evidence, self.statement = (str(self.home / name) for name in ("evidence", "statement"))
        pathlib.Path(self.evidence).write_text("what was seen\n")
        pathlib.Path(self.statement).write_text("it was not us\n")

    def bar(self, subject, *more):
        return ("bar", "add", subject, "--reason", "sent black frames", "--evidence", self.evidence, *more)

    def state(self, subject):
        told = self.ann("bar", "show", subject)
        return told["barred"], told.get("appeal")

    def order(self):
        return self.ann("job", "create", self.document, "--budget", "10 gwei", "--limit", "7 gwei")["job"]

    def test_a_node_from_bar_to_work(self):
        sue, vera, node, victor = self.sue, self.vera, self.node, self.person("victor")
        self.make_verifier(victor)
        job = self.order()
        self.assertEqual(self.state(node), ("no", None))
        made = vera(*self.bar(node, "--for", "1h"))
        self.assertEqual((made["subject"].lower(), made["verifier"].lower(), made["reason"]),
                         ("0x" + node, "0x" + vera.address, "sent black frames"))
        shown = sue("bar", "show", node)
        self.assertEqual({k: shown[k] for k in ("subject", "until", "reason", "verifier", "evidence")},
                         {k: made[k] for k in ("subject", "until", "reason", "verifier", "evidence")})
        self.assertEqual((shown["barred"], shown["appeal"]), ("yes", "none"))
        self.assertEqual(shown["evidence"], "0x" + keccak256(b"what was seen\n").hex())
        self.assertIn("sent black frames", sue.text("bar", "show", node))
        for part in ("is barred: vcli bar show 0x", "vcli bar appeal"):
            self.operator.refused("refused", part, "job", "assign", job, node)

        vera.refused("refused", "is barred already: vcli bar show", *self.bar(node))
        victor.refused("refused", "no appeal of 0x", "bar", "decide", node, "lift")
        self.ann.refused("refused", "has no part in this", "bar", "appeal", node, self.statement)
        said = sue("bar", "appeal", node, self.statement)
        self.assertEqual(said["statement"], "0x" + keccak256(b"it was not us\n").hex())
        self.assertEqual(self.state(node), ("yes", "filed"))
        sue.refused("refused", "has appealed already", "bar", "appeal", node, self.statement)
        vera.refused("refused", "another verifier or the owner decides", "bar", "decide", node, "keep")
        sue.refused("refused", "is no verifier", "bar", "decide", node, "lift")
        self.operator.refused("refused", "is barred: ", "job", "assign", job, node)  # an appeal alone changes nothing
        self.assertEqual(victor("bar", "decide", node, "lift")["lifted"], "yes")
        self.assertEqual(self.state(node), ("no", None))
        self.operator("job", "assign", job, node)

    def test_kept_and_lifted(self):
        sue, vera, node, victor = self.sue, self.vera, self.node, self.person("victor")
        self.make_verifier(victor)
        vera(*self.bar("0x" + node))
        sue("bar", "appeal", node, self.statement)
        self.assertEqual(self.operator("bar", "decide", node, "keep")["lifted"], "no")  # the owner may as well
        self.assertEqual(self.state(node), ("yes", "refused"))
        sue.refused("refused", "has appealed already", "bar", "appeal", node, self.statement)
        victor.refused("refused", "no appeal of 0x", "bar", "decide", node, "lift")
        victor.refused("refused", "has no part in this", "bar", "lift", node)
        self.assertEqual(vera("bar", "lift", node)["lifted"], "yes")
        self.assertEqual(self.state(node), ("no", None))
        for words in (("lift", node), ("appeal", node, self.statement), ("decide", node, "keep")):
            self.operator.refused("refused", "is not barred, or no longer", "bar", *words)

    def test_owners_and_customers(self):
        ann, sue, vera = self.ann, self.sue, self.vera
        job = self.order()
        vera(*self.bar(sue.address))
        self.operator.refused("refused", "is barred: vcli bar show 0x", "job", "assign", job, self.node)
        ran = self.vcli(*self.operator.flags(["job", "assign", job, self.node]), ok=False)
        self.assertIn("show 0x" + sue.address, ran.stderr.lower())
        self.assertEqual(self.state(self.node), ("no", None))
        sue("bar", "appeal", sue.address, self.statement)
        self.operator("bar", "lift", sue.address)
        self.operator("job", "assign", job, self.node)
        vera(*self.bar(ann.address))
        ann.refused("refused", "is barred: ", "job", "create", self.document, "--budget", "1 gwei", "--limit", "7 gwei")
        # A verifier that was barred does not decide about itself.
        victor = self.person("victor")
        self.make_verifier(victor)
        vera(*self.bar(victor.address))
        victor("bar", "appeal", victor.address, self.statement)
        victor.refused("refused", "another verifier or the owner decides", "bar", "decide", victor.address, "lift")

    def test_words_that_are_wrong(self):
        ann, vera, node = self.ann, self.vera, self.node
        ann.refused("refused", "is no verifier", *self.bar(node))
        vera.refused("invalid", "SUBJECT", *self.bar("0x12"))
        vera.refused("refused", "zero address", *self.bar("0x" + 40 * "0"))
        vera.refused("invalid", "--for: a bar holds for 1s at least", *self.bar(node, "--for", "0s"))
        vera.refused("invalid", "--evidence", "bar", "add", node, "--reason", "x")
        vera.refused("not-found", "none", "bar", "add", node, "--reason", "x", "--evidence", str(self.home / "none"))
        for reason in ((), ("--reason", "")):
            vera.refused("invalid", "--reason: say why", "bar", "add", node, "--evidence", self.evidence, *reason)
        vera.refused("invalid", "257 bytes, 256 are allowed", *self.bar(node, "--reason", "x" * 257))
        vera.refused("invalid", "--reason: is not UTF-8", *self.bar(node, "--reason", b"\xff"))
        vera.refused("invalid", "none of keep, lift", "bar", "decide", node, "perhaps")
        vera.refused("not-found", "none", "bar", "appeal", node, str(self.home / "none"))
        self.assertEqual(self.state(node), ("no", None))
        self.assertEqual(vera(*self.bar(node, "--reason", "x" * 256))["reason"], "x" * 256)

    def test_once_and_until_its_end(self):
        vera, node = self.vera, self.node
        # The end counts from now, so it is another one each time; what was written stays.
        bars = [vera(*self.bar(node, "--for", f, "--once", "bar")) for f in ("1h", "2h")]
        self.assertEqual(bars[0], bars[1])
        vera.refused("refused", "other arguments", *self.bar(node, "--reason", "another", "--once", "bar"))
        vera("bar", "lift", node)
        vera(*self.bar(node, "--for", "8s"))
        end = time.monotonic() + 30
        while self.state(node)[0] == "yes":
            self.assertLess(time.monotonic(), end)
            time.sleep(0.3)
        self.assertEqual(self.ann("bar", "show", node)["reason"], "sent black frames")
        self.operator("job", "assign", self.order(), node)


class OwnChain(Case):
    def test_ones_own_key_is_an_account(self):
        require()
        own = "0x" + self.answer("key", "show")["id"]
        self.vcli("chain", "up", "--anvil", anvil_program())
        self.addCleanup(self.vcli, "chain", "down")
        self.vcli("chain", "deploy")
        self.assertEqual(self.answer("role", "list")["roles"][0]["holder"].lower(), own)
        self.assertEqual(self.answer("payment", "deposit", "1 ether")["balance"], "1 ether")


if __name__ == "__main__":
    unittest.main()
