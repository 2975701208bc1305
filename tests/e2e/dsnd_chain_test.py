"""dsnd with a chain: orders start at once, are paid for behind, and their nodes assigned; also while the chain is dead."""
import json
import sqlite3
import statistics
import time

import network
from chain_lab import Anvil, anvil_program
from dsnd_test import Case, Dsnd
from network import wait_for

GWEI = 10**9
UNPAID = 10  # seconds


class Chain(Case):
    """A network whose owner is customer and supplier, on an anvil of its own with a block each second."""

    def setUp(self):
        super().setUp()
        if not anvil_program():
            self.skipTest("no anvil: run scripts/setup contracts")

    def start_anvil(self):
        flags = ("--block-time", "1", "--mixed-mining", "--state", str(self.place / "state.json"), "--state-interval", "1")
        self.anvil = Anvil(*flags, port=self.anvil_port)

    def operator(self, *words):
        return self.net.vcli(*words, "--state-dir", str(self.place / "operator"), *self.where)

    def owner(self, *words):
        return self.net.vcli(*words, *self.where)

    def call(self, method, who="owner", **params):
        return self.dsnd.call(method, who, **params)

    def network_with_chain(self, transcoders=2, flags=()):
        self.net = net = self.network(start=False, transcoders=transcoders)
        self.place = net.folder / "chain"
        self.place.mkdir()
        self.anvil_port = network.free_range(1, net.next_port)
        net.next_port = self.anvil_port + 1
        self.start_anvil()
        self.addCleanup(lambda: self.anvil.end(9))
        self.where = ("--chain-rpc", self.anvil.url, "--addresses", str(self.place / "addresses.json"))
        operator = net.vcli("key", "show", "--state-dir", str(self.place / "operator"))["id"]
        for address in (operator, net.owner):
            self.anvil.fund("0x" + address)
        self.operator("chain", "deploy", "--chain-id", "31337", "--windows", "60,60,60,60")
        self.dsnd = Dsnd(net)
        self.dsnd.callers.write_text(self.dsnd.callers.read_text().replace(" supplier owner-", " customer,supplier owner-"))
        self.dsnd.chain = ("--chain", self.anvil.url, "--addresses", str(self.place / "addresses.json"), "--chain-id", "31337",
                            "--confirmations", "1", "--unpaid-time", f"{UNPAID}s", *flags)
        self.dsnd.start()
        self.assertIn("vcli role grant manager", wait_for("a look at the chain", lambda: (lambda t: "grant" in t and t)(
            self.dsnd.get("/readyz")[1]), 20, lambda: self.dsnd.get("/readyz")))
        self.anvil.fund("0x" + self.dsnd.address)
        self.operator("role", "grant", "manager", "0x" + self.dsnd.address)
        self.owner("register", "customer")
        self.owner("register", "supplier")
        for agent in net.agents.values():
            agent.flags += ["--manager", self.dsnd.address]
        net.up()
        for key, node in net.ids.items():
            self.owner("register", "add", "node", net.role(key), str(net.key_files[node]), "--price", "2 gwei", "--capacity", "3")
        self.obeyed(transcoders + 2)
        wait_for("the role", lambda: self.dsnd.get("/readyz") == (200, "ready\n"), 30, lambda: self.dsnd.get("/readyz"))
        return net

    def create(self, *words, **changes):
        return self.dsnd.vcli("order", "create", self.order_file(self.net, **changes), "--yes", *words, *self.where, who="owner")

    def paid(self, job, seconds=30):
        return wait_for("the assignment", lambda: (lambda s: s.get("settled") and s["state"] == "bound" and s)(
            self.call("payments.status", job=job)), seconds, lambda: self.call("payments.status", job=job))

    def nodes_of(self, job):
        return {n["node_id"] for n in self.call("orders.status", job=job)["nodes"]}

    def assigned(self, job):
        return {n["node_id"] for n in self.call("payments.status", job=job)["assigned"]}

    def transactions(self):
        """What dsnd has signed, by what it is for."""
        path = next(self.dsnd.folder.glob("chain/31337-*.db"))
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            return dict(db.execute("select id, state from tx_intents order by seq"))

    def serving_ms(self, job):
        """From the order to the word of all its nodes, by the event log."""
        at = {}
        for event in self.call("events.list", after=0)["events"]:
            if event["subject"] == job:
                at.setdefault(event["type"], event["at"])
        return at


PAY = ("--budget", "1 ether", "--limit", "3 gwei")


class Paid(Chain):
    def test_order_is_paid_behind(self):
        net = self.network_with_chain(transcoders=3)
        one = [{"resolution_name": "_180p", "resolution": "320x180", "bitrate": "150000"},
               {"resolution_name": "_144p", "resolution": "256x144", "bitrate": "100000"}]
        described = self.call("network.describe", None)
        self.assertEqual((described["chain"]["name"], described["contracts"]),
                         ("31337", json.loads((self.place / "addresses.json").read_text())["contracts"]))
        made = self.create(*PAY, transcoding=one, number_of_streams="2")
        job = made["job"]
        self.assertEqual(made["payment"]["chain_job"], "1")
        state = self.paid(job)
        self.assertEqual((state["chain_job"], state["budget"]), ("1", str(10**18)))
        self.assertEqual({n["node_id"] for n in state["assigned"]}, self.nodes_of(job))
        self.assertEqual({n["price"] for n in state["assigned"]}, {str(2 * GWEI)})
        self.assertEqual(self.call("payments.status", "bob", job=job)["data"]["error"], "not-found")
        # Said again: paid for once.
        again = self.dsnd.vcli("order", "pay", job, *PAY, *self.where, who="owner")
        self.assertEqual(again["payment"]["chain_job"], "1")

        # The chain dies: the stream does not notice, a machine is replaced, a new order starts.
        time.sleep(1.5)  # anvil has written what it knows
        units = net.units(job)
        self.anvil.end(9)
        wait_for("a word of it", lambda: "degraded: payments: the chain" in self.dsnd.get("/readyz")[1], 30,
                 lambda: self.dsnd.get("/readyz"))
        self.assertEqual(net.units(job), units)
        lost = next(key for key in net.transcoders() if net.ids[key] in self.nodes_of(job))
        agent = net.agent_of[lost]
        agent.kill()
        agent.kill_units()
        wait_for("another transcoder", lambda: net.ids[lost] not in self.nodes_of(job), 90,
                 lambda: self.call("orders.status", job=job))
        second = self.call("orders.create", order=self.order(net, transcoding=one[:1], number_of_streams="1"))
        self.assertEqual(second["state"], "running", second)
        self.assertEqual(self.dsnd.get("/readyz")[0], 200)
        self.assertIn("\ndsnd_chain_up 0\n", self.dsnd.get("/metrics")[1])
        time.sleep(UNPAID + 1)  # nobody's fault: it goes on
        self.assertEqual(self.call("orders.status", job=second["job"])["state"], "running")
        # A crash in between loses nothing of what is to be written.
        self.dsnd.kill()
        self.dsnd.start()
        self.obeyed(len(net.ids) - 1)
        self.start_anvil()
        wait_for("the new node's assignment", lambda: self.assigned(job) == self.nodes_of(job), 60,
                 lambda: (self.call("payments.status", job=job), self.transactions()))

        # Nobody pays for the second one, until it is stopped.
        stopped = wait_for("its end", lambda: (lambda o: o["state"] == "stopped" and o)(
            self.call("orders.status", job=second["job"])), 40, lambda: self.call("payments.status", job=second["job"]))
        self.assertIn("nobody has paid for it", stopped["why"])
        self.assertEqual(self.call("payments.status", job=second["job"])["state"], "overdue")
        self.dsnd.vcli("order", "pay", second["job"], *PAY, *self.where, who="owner")
        self.dsnd.vcli("order", "start", second["job"], who="owner")
        self.assertEqual(self.paid(second["job"])["chain_job"], "2")

        # For good: its nodes are free again. Each thing was written once.
        self.dsnd.vcli("order", "cancel", job, "--yes", who="owner")
        wait_for("its end on the chain", lambda: self.call("payments.status", job=job)["state"] == "over", 40,
                 lambda: (self.call("payments.status", job=job), self.transactions()))
        self.assertEqual(self.assigned(job), set())
        wait_for("the last one's end", lambda: set(self.transactions().values()) == {"done"}, 20, self.transactions)
        written = self.transactions()
        self.assertTrue(all(name.endswith("#1") for name in written), written)
        self.assertEqual(self.anvil.count("0x" + self.dsnd.address), len(written))


class Bars(Chain):
    def state(self, key):
        return next((n["state"] for n in self.call("nodes.list")["nodes"] if n["node_id"] == self.net.ids[key]), None)

    def becomes(self, key, state):
        wait_for(f"{key} {state}", lambda: self.state(key) == state, 30, lambda: self.call("nodes.list"))

    def test_bars(self):
        """Who is barred on the chain gets no work; the chain takes nothing back that an operator has said."""
        net = self.network_with_chain(transcoders=1)
        evidence = self.place / "evidence"
        evidence.write_text("what it did\n")
        operator = net.vcli("key", "show", "--state-dir", str(self.place / "operator"))["id"]
        self.operator("role", "grant", "verifier", "0x" + operator)
        self.operator("role", "accept", "verifier")
        node = net.ids["t1"]
        self.operator("bar", "add", node, "--reason", "black pictures", "--evidence", str(evidence), "--for", "1h")
        self.becomes("t1", "barred")
        history = self.call("nodes.history", node_id=node)["history"]
        self.assertEqual(history[0]["why"], "on the chain: black pictures")
        self.assertIn("transcoder: of 1, 1 are barred", self.call("orders.plan", order=self.order(net))["message"])
        # It is on the chain: an operator of dsnd has nothing to take back, a restart asks no endpoint to know it.
        self.assertEqual(self.call("nodes.admit", "operator", node_id=node)["data"]["error"], "not-found")
        time.sleep(1.5)
        self.anvil.end(9)
        self.dsnd.kill()
        self.dsnd.start()
        self.becomes("t1", "barred")
        self.call("nodes.bar", "operator", node_id=node, why="seen it myself")
        self.start_anvil()
        self.operator("bar", "lift", node)
        wait_for("the lift", lambda: f"dsnd_chain_block {self.anvil.head() - 1}" in self.dsnd.get("/metrics")[1], 30)
        self.assertEqual(self.state("t1"), "barred")
        self.call("nodes.admit", "operator", node_id=node)
        self.becomes("t1", "online")
        # The owner of all of them.
        self.operator("bar", "add", "0x" + net.owner, "--reason", "all of it", "--evidence", str(evidence), "--for", "8s")
        for key in ("d", "s", "t1"):
            self.becomes(key, "barred")
        self.becomes("t1", "online")  # it was for 8 seconds


if __name__ == "__main__":
    network.main()
