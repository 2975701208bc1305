#!/usr/bin/env python3
"""The gas of each transaction, exactly as contracts/gas.json says, and what a delivered segment costs.

    python3 tests/e2e/contracts_gas_test.py --write         write anvil's column of contracts/gas.json anew
    python3 tests/interop/contracts_test.py --write         geth's, which is what the chain charges

anvil prices changes of storage otherwise than Istanbul's rules do (2,900 for a slot that was not zero, where these say
5,000; other refunds). So what holds is geth's column; anvil's shows without geth that nothing became dearer.
"""
import json
import shutil
import sys
import tempfile
import unittest

from chain import SOURCE, Anvil, artifact
from contracts_case import (CUSTOMER, MANAGER, OWNER, SUPPLIER, TRANSCODER, VERIFIER, Network, Tree, h, main)

TABLE = SOURCE / "contracts" / "gas.json"
# The same on each chain, since they are in the deployed code; short, since geth waits them out.
WINDOWS = (10, 11, 9, 8)
SEGMENTS = 100
MOST_PER_SEGMENT = 3000


class Meter:
    """One life in which each function is used as it is meant; what differs by its circumstances is listed for each."""

    def __init__(self, chain):
        self.chain, self.rows = chain, {}
        self.net = net = Network(chain)
        for contract in (net.counter, net.roles, net.accounts, net.nodes, net.blacklist, net.jobs):
            self.rows[contract.name] = {"deployment": int(contract.receipt["gasUsed"], 16)}
        for part in (self.counter, self.roles, self.accounts, self.nodes, self.blacklist, self.jobs):
            part()

    def later(self):
        """A time to come whose last bytes are the same whenever it is asked for: a byte that is zero is cheaper."""
        return (self.chain.now() + 2 * 2**16) // 2**16 * 2**16 + 0x0101

    def use(self, contract, sender, function, *arguments, value=0, when=""):
        receipt = contract.send(sender, function, *arguments, value=value)
        row = f"{function}, {when}" if when else function
        assert row not in self.rows[contract.name], row
        self.rows[contract.name][row] = int(receipt["gasUsed"], 16)

    def counter(self):
        c, who = self.net.counter, self.net.stranger
        self.use(c, who, "incrementCounter", when="from zero")
        self.use(c, who, "incrementCounter")
        self.use(c, who, "derementCounter")
        self.use(c, who, "clearCounter")

    def roles(self):
        r, net = self.net.roles, self.net
        self.use(r, net.owner, "grant", MANAGER, net.manager)
        self.use(r, net.manager, "acceptGrant", MANAGER)
        self.use(r, net.manager, "offerHandOver", MANAGER, net.stranger)
        self.use(r, net.stranger, "acceptHandOver", MANAGER, net.manager)
        self.use(r, net.owner, "revoke", MANAGER, net.stranger)
        for role, who in ((MANAGER, net.manager), (VERIFIER, net.verifier), (VERIFIER, net.verifier2),
                          (VERIFIER, net.stranger)):
            r.send(net.owner, "grant", role, who)
            r.send(who, "acceptGrant", role)
        self.use(r, net.stranger, "renounce", VERIFIER)
        self.use(r, net.owner, "offerHandOver", OWNER, net.stranger, when="owner")
        self.use(r, net.stranger, "acceptHandOver", OWNER, net.owner, when="owner")

    def accounts(self):
        a, net = self.net.accounts, self.net
        self.use(a, net.customer, "register", CUSTOMER, h(1))
        self.use(a, net.customer, "setProfile", CUSTOMER, h(2))
        self.use(a, net.customer, "unregister", CUSTOMER)
        net.members()
        self.use(a, net.customer, "deposit", value=10**18, when="the first")
        self.use(a, net.customer, "deposit", value=10**18)
        self.use(a, net.customer, "depositFor", net.supplier, value=10**18, when="the first")
        self.use(a, net.customer, "transfer", net.supplier, 10**9)
        self.use(a, net.customer, "allow", net.supplier, 0, 10**10)
        self.use(a, net.supplier, "transferFrom", net.customer, net.supplier, 10**9)
        self.use(a, net.supplier, "withdraw", 10**9)
        self.use(a, net.supplier, "withdraw", net.balance(net.supplier), when="all")

    def nodes(self):
        n, net = self.net.nodes, self.net
        key, enode = self.chain.key("metered"), "enode://" + 128 * "a" + "@127.0.0.1:30303"
        terms = enode, 10**9, 4, "1.0"
        self.use(n, net.supplier, "add", key.public, TRANSCODER, *terms, net.consent(key, net.supplier))
        self.use(n, net.supplier, "update", key.address, enode, 10**10, 4, "1.1")
        self.use(n, net.supplier, "remove", key.address)

    def blacklist(self):
        b, net = self.net.blacklist, self.net
        arguments = net.customer, self.later(), h(1), "segments of black frames"
        self.use(b, net.verifier, "bar", *arguments)
        self.use(b, net.customer, "appeal", net.customer, h(2))
        self.use(b, net.verifier2, "decideAppeal", net.customer, False, when="refused")
        self.use(b, net.verifier, "lift", net.customer)
        b.send(net.verifier, "bar", *arguments)
        b.send(net.customer, "appeal", net.customer, h(2))
        self.use(b, net.verifier2, "decideAppeal", net.customer, True, when="lifted")

    def jobs(self):
        j, net = self.net.jobs, self.net
        price, budget, deadline = 10**9, 10**15, self.later()
        node = net.add_node("worker", price=price)
        other = net.add_node("other", price=price)
        create = h("job"), budget, deadline, price, price, price
        j.send(net.customer, "create", *create, value=budget)  # the first of all also makes Jobs' balance
        self.use(j, net.customer, "cancel", 1)
        j.send(net.customer, "create", *create, value=budget)
        self.use(j, net.customer, "create", *create, value=budget, when="budget sent along")
        net.accounts.send(net.customer, "allow", j.address, 0, 10 * budget)
        net.accounts.send(net.customer, "deposit", value=budget)
        self.use(j, net.customer, "create", *create, when="budget from the balance")
        self.use(j, net.customer, "topUp", 3, budget, value=budget)
        self.use(j, net.manager, "assign", 3, node, price, when="the first")
        self.use(j, net.manager, "assign", 3, other, price)
        self.use(j, net.manager, "unassign", 3, other)
        trees = [Tree(3, node, ordinal, [h(f"{ordinal} {i}") for i in range(SEGMENTS)]) for ordinal in range(4)]
        for ordinal, when in enumerate(("the node's first", "", None, None)):
            arguments = 3, node, ordinal, SEGMENTS, trees[ordinal].root
            if when is None:
                j.send(net.supplier, "report", *arguments)
            else:
                self.use(j, net.supplier, "report", *arguments, when=when)
        self.use(j, net.verifier, "confirm", 3, node, 0, SEGMENTS, bytes(32), when="all")
        self.use(j, net.verifier, "confirm", 3, node, 1, SEGMENTS - 3, h("evidence"), when="a part")
        self.use(j, net.verifier, "reject", 3, node, 2, h("evidence"))
        # The payee's account is empty: the dearest case.
        self.use(j, net.customer, "settle", 3, node, 0, when="the payee's first")
        j.send(net.verifier, "confirm", 3, node, 3, SEGMENTS, bytes(32))
        self.use(j, net.customer, "settle", 3, node, 3)
        self.use(j, net.supplier, "dispute", 3, node, 2, 77, trees[2].segments[77], trees[2].proof(77))
        self.use(j, net.verifier2, "resolve", 3, node, 2, SEGMENTS, h("evidence"))
        self.chain.advance(net.dispute_s)
        for ordinal in (1, 2):
            j.send(net.stranger, "settle", 3, node, ordinal)
        self.use(j, net.customer, "close", 3)
        self.chain.advance(net.report_s)
        self.use(j, net.customer, "finish", 3)

    def segment(self):
        """What one of the 100 segments of a batch costs, each step at its dearest, and all together."""
        jobs = self.rows["Jobs"]
        steps = {"report": jobs["report, the node's first"], "confirm": jobs["confirm, all"],
                 "settle": jobs["settle, the payee's first"]}
        per = {step: gas / SEGMENTS for step, gas in steps.items()}
        return {**per, "all three": round(sum(per.values()), 2)}


SEGMENT = f"a segment in a batch of {SEGMENTS}"


def measured(start):
    """All rows, on a chain of its own that `start(folder)` starts: what came before changes the price of storage."""
    folder = tempfile.mkdtemp(prefix="dsn-gas-")
    try:
        chain = start(folder)
        try:
            chain.windows = WINDOWS
            meter = Meter(chain)
            return {**meter.rows, SEGMENT: meter.segment()}
        finally:
            chain.stop()
    finally:
        shutil.rmtree(folder)


def column(name):
    """What the table says of one chain."""
    return {contract: {row: gas[name] for row, gas in rows.items() if name in gas}
            for contract, rows in json.loads(TABLE.read_text()).items()}


def write(name, rows):
    """Put a column into the table. Rows that are no longer measured are gone from it."""
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    for contract, there in rows.items():
        old = table.get(contract, {})
        table[contract] = {row: {**old.get(row, {}), name: gas} for row, gas in there.items()}
    lines = []
    for contract in rows:
        cells = [f"\t\t{json.dumps(row)}: {json.dumps(dict(sorted(gas.items(), reverse=True)))}"
                 for row, gas in table[contract].items()]
        lines.append(f"\t{json.dumps(contract)}: {{\n" + ",\n".join(cells) + "\n\t}")
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


class Gas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.measured = measured(Anvil)

    def test_the_table(self):
        self.maxDiff = None
        self.assertEqual(column("anvil"), self.measured, f"if this is meant, write both columns anew:\n{__doc__}")

    def test_both_columns_are_there(self):
        self.assertEqual({c: set(rows) for c, rows in column("geth").items()},
                         {c: set(rows) for c, rows in column("anvil").items()}, __doc__)

    def test_a_segment(self):
        for name in ("geth", "anvil"):
            cost = column(name)[SEGMENT]
            print(f"figure: {name}, gas of {SEGMENT}:", ", ".join(f"{k} {v:.0f}" for k, v in cost.items()))
            self.assertLessEqual(cost["all three"], MOST_PER_SEGMENT)

    def test_no_function_is_missing(self):
        for name in ("Accounts", "Blacklist", "Counter", "Jobs", "Nodes", "Roles"):
            changing = {e["name"] for e in artifact(name)["abi"]
                        if e["type"] == "function" and e["stateMutability"] in ("nonpayable", "payable")}
            self.assertEqual({row.split(",")[0] for row in self.measured[name]} - {"deployment"}, changing, name)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write("anvil", measured(Anvil))
    else:
        main()
