#!/usr/bin/env python3
"""Jobs on a real EVM: the whole table of a job's and a batch's life, each function, refusal and event."""
from chain import ANY, Refused, seen
from contracts_case import (ACTIVE, B_DISPUTED, B_JUDGED, B_NONE, B_REPORTED, B_RESOLVED, B_SETTLED, CANCELLED, CLOSED,
                            CLOSING, DISTRIBUTOR, EXPIRED, MANAGER, NONE, OPEN, STORAGE, SUPPLIER, TRANSCODER,
                            VERIFIER, ZERO, ContractsCase, Tree, h, main)
from keccak import keccak256

PRICE, BUDGET = 1000, 10**6


class JobsCase(ContractsCase):
    def setUp(self):
        super().setUp()
        net = self.net
        self.jobs, self.accounts = net.jobs, net.accounts
        self.owner, self.manager, self.customer, self.supplier = net.owner, net.manager, net.customer, net.supplier
        self.verifier, self.verifier2, self.stranger = net.verifier, net.verifier2, net.stranger

    def tearDown(self):
        # Whatever was tried: the escrow is what Jobs holds, and Accounts has every wei of every balance.
        self.assertEqual(self.net.balance(self.jobs.address), self.net.escrow())
        holders = self.customer, self.supplier, self.stranger, self.jobs.address
        self.assertEqual(self.chain.balance(self.accounts.address), sum(self.net.balance(who) for who in holders))

    def state(self, job):
        return self.net.job(job)["state"]

    def stands(self, job, **fields):
        there = self.net.job(job)
        self.assertEqual({k: there[k] for k in fields}, fields)

    def batch_stands(self, job, node, ordinal=0, **fields):
        there = self.net.batch(job, node, ordinal)
        self.assertEqual({k: there[k] for k in fields}, fields)


class Life(JobsCase):
    def test_create_with_value(self):
        deadline = self.chain.now() + 500
        receipt = self.jobs.send(self.customer, "create", h("job"), BUDGET, deadline, 1, 2, 3, value=BUDGET)
        self.told(self.jobs, receipt, ("JobCreated", {
            "jobId": 1, "customer": self.customer, "document": h("job"), "budget": BUDGET, "deadline": deadline,
            "distributorLimit": 1, "transcoderLimit": 2, "storageLimit": 3}))
        self.assertEqual(self.net.job(1), {
            "customer": self.customer, "state": OPEN, "document": h("job"), "deadline": deadline, "ends_at": deadline,
            "budget": BUDGET, "free": BUDGET, "held": 0, "open": 0})
        self.assertEqual([self.jobs("limitOf", 1, w) for w in (DISTRIBUTOR, TRANSCODER, STORAGE)], [1, 2, 3])
        self.assertEqual(self.chain.balance(self.jobs.address), 0)
        self.assertEqual(self.net.create_job(), 2)
        self.assertEqual(self.jobs("jobCount"), 2)

    def test_create_and_top_up_from_the_balance(self):
        self.accounts.send(self.customer, "deposit", value=BUDGET + 50)
        deadline = self.chain.now() + 500
        arguments = [h("job"), BUDGET, deadline, 1, 2, 3]
        self.jobs.refuse(self.customer, "create", arguments, "InsufficientAllowance",
                         [self.customer, self.jobs.address, 0, BUDGET])
        self.accounts.send(self.customer, "allow", self.jobs.address, 0, BUDGET + 100)
        self.jobs.send(self.customer, "create", *arguments)
        receipt = self.jobs.send(self.customer, "topUp", 1, 50)
        self.told(self.jobs, receipt, ("JobToppedUp", {"jobId": 1, "amount": 50}))
        self.assertEqual(self.net.balance(self.customer), 0)
        self.jobs.refuse(self.customer, "topUp", [1, 50], "InsufficientBalance", [self.customer, 0, 50])
        self.jobs.send(self.customer, "topUp", 1, 7, value=7)
        self.stands(1, budget=BUDGET + 57, free=BUDGET + 57)

    def test_cancel(self):
        job = self.net.create_job()
        receipt = self.jobs.send(self.customer, "cancel", job)
        self.told(self.jobs, receipt, ("JobFinished", {"jobId": job, "customer": self.customer, "state": CANCELLED,
                                                       "refund": BUDGET}))
        self.stands(job, state=CANCELLED, free=0, budget=BUDGET)
        self.assertEqual(self.net.balance(self.customer), BUDGET)

    def test_nobody_came(self):
        job = self.net.create_job(lasts=self.net.report_s)
        self.jobs.refuse(self.stranger, "finish", [job], "TooEarly", [ANY])
        self.chain.advance(self.net.report_s)
        receipt = self.jobs.send(self.stranger, "finish", job)
        self.told(self.jobs, receipt, ("JobFinished", {"jobId": job, "customer": self.customer, "state": EXPIRED,
                                                       "refund": BUDGET}))
        self.assertEqual(self.net.balance(self.customer), BUDGET)

    def test_the_whole_way(self):
        job, node = self.net.create_job(), self.net.add_node()
        receipt = self.jobs.send(self.manager, "assign", job, node, PRICE)
        self.told(self.jobs, receipt, ("NodeAssigned", {"jobId": job, "node": node, "payee": self.supplier,
                                                        "work": TRANSCODER, "price": PRICE, "by": self.manager}))
        self.stands(job, state=ACTIVE)
        self.assertEqual(self.jobs("getAssignment", job, node), [self.supplier, PRICE, TRANSCODER, 0, 0])
        self.assertEqual(self.jobs("nodesOf", job), [node])
        self.assertEqual(self.jobs("loadOf", node), 1)
        tree = Tree(job, node, 0, [h(i) for i in range(100)])
        receipt = self.jobs.send(node, "report", job, node, 0, 100, tree.root)
        self.told(self.jobs, receipt, ("BatchReported", {"jobId": job, "node": node, "ordinal": 0, "count": 100,
                                                         "root": tree.root, "by": node}))
        self.stands(job, free=BUDGET - 100 * PRICE, held=100 * PRICE, open=1)
        self.batch_stands(job, node, root=tree.root, count=100, accepted=0, state=B_REPORTED, verifier=ZERO)
        receipt = self.jobs.send(self.verifier, "confirm", job, node, 0, 100, bytes(32))
        self.told(self.jobs, receipt, ("BatchJudged", {"jobId": job, "node": node, "ordinal": 0, "accepted": 100,
                                                       "evidence": bytes(32), "verifier": self.verifier}))
        self.batch_stands(job, node, accepted=100, state=B_JUDGED, verifier=self.verifier)
        self.jobs.refuse(self.supplier, "settle", [job, node, 0], "TooEarly", [ANY])
        self.chain.advance(self.net.dispute_s)
        receipt = self.jobs.send(self.stranger, "settle", job, node, 0)
        self.told(self.jobs, receipt, ("BatchSettled", {"jobId": job, "node": node, "ordinal": 0, "accepted": 100,
                                                        "payee": self.supplier, "amount": 100 * PRICE}))
        self.assertEqual(self.net.balance(self.supplier), 100 * PRICE)
        self.batch_stands(job, node, state=B_SETTLED)
        receipt = self.jobs.send(self.customer, "close", job)
        ends = self.net.job(job)["ends_at"]
        self.told(self.jobs, receipt, ("JobClosing", {"jobId": job, "by": self.customer, "endsAt": ends}))
        self.assertLess(ends, self.net.job(job)["deadline"])
        self.assertEqual(self.jobs("loadOf", node), 0)
        # What was delivered before the end is still reported and paid.
        self.net.report(job, node, 1, 10)
        self.jobs.send(self.verifier, "confirm", job, node, 1, 10, bytes(32))
        self.chain.advance(max(self.net.dispute_s, self.net.report_s))
        self.jobs.refuse(self.customer, "finish", [job], "BatchesOpen", [job, 1])
        self.jobs.send(self.supplier, "settle", job, node, 1)
        receipt = self.jobs.send(self.stranger, "finish", job)
        self.told(self.jobs, receipt, ("JobFinished", {"jobId": job, "customer": self.customer, "state": CLOSED,
                                                       "refund": BUDGET - 110 * PRICE}))
        self.assertEqual(self.net.balance(self.customer), BUDGET - 110 * PRICE)
        self.assertEqual(self.net.balance(self.supplier), 110 * PRICE)
        self.assertEqual(self.net.balance(self.jobs.address), 0)

    def test_time_out(self):
        job, node = self.net.working(lasts=self.net.report_s)
        self.net.report(job, node)
        self.chain.advance(self.net.report_s)
        self.jobs.refuse(self.manager, "assign", [job, self.net.add_node("late"), PRICE], "TooLate", [ANY])
        self.jobs.refuse(self.customer, "topUp", [job, 1], "TooLate", [ANY], value=1)
        # Nobody says anything any more, and it ends.
        self.chain.advance(self.net.report_s + self.net.verify_s + self.net.dispute_s)
        self.jobs.send(self.stranger, "settle", job, node, 0)
        self.jobs.send(self.stranger, "finish", job)
        self.stands(job, state=EXPIRED, free=0, held=0, open=0)
        self.assertEqual(self.jobs("loadOf", node), 0)
        self.assertEqual(self.net.balance(self.customer), BUDGET)

    def test_anybody_closes_after_the_deadline(self):
        job, node = self.net.working(lasts=self.net.report_s)
        self.jobs.refuse(self.stranger, "close", [job], "NotYours", [self.stranger])
        self.chain.advance(self.net.report_s)
        self.jobs.send(self.stranger, "close", job)
        self.stands(job, state=CLOSING, ends_at=self.net.job(job)["deadline"])
        self.assertEqual(self.jobs("loadOf", node), 0)
        self.chain.advance(self.net.report_s)
        self.jobs.send(self.stranger, "finish", job)
        self.stands(job, state=EXPIRED)

    def test_a_manager_closes(self):
        job, _ = self.net.working()
        self.jobs.send(self.manager, "close", job)
        self.stands(job, state=CLOSING)

    def test_states_that_refuse(self):
        """Each function of a job in each state in which it is not to be had."""
        net = self.net
        node, late = net.add_node(capacity=9), net.add_node("late")
        made = {NONE: 99, OPEN: net.create_job(), CANCELLED: net.create_job()}
        self.jobs.send(self.customer, "cancel", made[CANCELLED])
        for state in (ACTIVE, CLOSING, CLOSED, EXPIRED):
            made[state] = net.create_job(lasts=3 * net.report_s if state == EXPIRED else 10**6)
            self.jobs.send(self.manager, "assign", made[state], node, PRICE)
        for state in (CLOSING, CLOSED):
            self.jobs.send(self.customer, "close", made[state])
        self.chain.advance(4 * net.report_s)
        for state in (CLOSED, EXPIRED):
            self.jobs.send(self.stranger, "finish", made[state])
        calls = {"cancel": (self.customer, [], {OPEN}), "close": (self.customer, [], {ACTIVE}),
                 "topUp": (self.customer, [1], {OPEN, ACTIVE}), "finish": (self.stranger, [], {OPEN, ACTIVE, CLOSING}),
                 "assign": (self.manager, [late, PRICE], {OPEN, ACTIVE}), "unassign": (self.manager, [node], {ACTIVE}),
                 "report": (self.supplier, [node, 0, 1, h(1)], {ACTIVE, CLOSING})}
        for state, job in made.items():
            if state != NONE:
                self.stands(job, state=state)
            for function, (sender, rest, good) in calls.items():
                if state not in good:
                    self.jobs.refuse(sender, function, [job, *rest], "WrongState", [job, state],
                                     value=1 if function == "topUp" else 0)

    def test_refusals_of_create_and_top_up(self):
        net, now = self.net, self.chain.now()
        good = [h("job"), 100, now + 1000, 1, 1, 1]

        def create(error, expected=(), value=100, sender=self.customer, **changed):
            arguments = list({**dict(zip(("document", "budget", "deadline", "a", "b", "c"), good)), **changed}.values())
            self.jobs.refuse(sender, "create", arguments, error, expected, value=value)
        create("NoCustomer", [self.supplier], sender=self.supplier)
        create("ZeroHash", document=bytes(32))
        create("BadDeadline", [now], deadline=now)
        create("BadDeadline", [0], deadline=0)
        longest = self.jobs("MAX_DURATION")
        create("BadDeadline", [now + longest + 10**4], deadline=now + longest + 10**4)
        create("ZeroAmount", budget=0, value=0)
        create("WrongValue", [100, 99], value=99)
        create("WrongValue", [100, 101], value=101)
        create("InsufficientAllowance", [self.customer, self.jobs.address, 0, 100], value=0)
        net.blacklist.send(self.verifier, "bar", self.customer, 2**64 - 1, h(1), "")
        create("IsBarred", [self.customer])
        net.blacklist.send(self.verifier, "lift", self.customer)
        job = net.create_job()
        self.jobs.refuse(self.stranger, "topUp", [job, 1], "NotYours", [self.stranger], value=1)
        self.jobs.refuse(self.customer, "topUp", [job, 0], "ZeroAmount")
        self.jobs.refuse(self.customer, "topUp", [job, 5], "WrongValue", [5, 4], value=4)
        self.jobs.refuse(self.customer, "topUp", [job, 2**112 - 1], "BudgetTooLarge", [2**112 - 1 + BUDGET], value=1)
        self.jobs.refuse(self.stranger, "cancel", [job], "NotYours", [self.stranger])
        self.jobs.refuse(self.manager, "cancel", [job], "NotYours", [self.manager])

    def test_windows_and_constants(self):
        names = "reportWindow", "verifyWindow", "disputeWindow", "resolveWindow"
        self.assertEqual([self.jobs(n) for n in names], list(self.chain.windows))
        self.assertEqual([self.jobs(n) for n in ("roles", "accounts", "nodes", "blacklist")],
                         [c.address for c in (self.net.roles, self.net.accounts, self.net.nodes, self.net.blacklist)])
        self.assertEqual([self.jobs(n) for n in ("MAX_NODES", "MAX_SEGMENTS", "MAX_OPEN", "MAX_DURATION")],
                         [32, 4096, 128, 366 * 86400])
        contracts = self.jobs("roles"), self.jobs("accounts"), self.jobs("nodes"), self.jobs("blacklist")
        for i in range(4):
            for bad in (0, 30 * 86400 + 1):
                windows = [10, 10, 10, 10]
                windows[i] = bad
                with self.assertRaises(Refused) as caught:
                    self.chain.call(self.owner, None, self.chain.creation("Jobs", [*contracts, *windows]))
                self.assertEqual((caught.exception.name, caught.exception.args_), ("BadWindow", [bad]))
        seen["Jobs"]["errors"].add("BadWindow")


class Nodes(JobsCase):
    def test_assign_refusals(self):
        net, jobs = self.net, self.jobs
        job = net.create_job(limits=(10, 2000, 10))
        node = net.add_node(capacity=1)
        good = [job, node, PRICE]
        for who in (self.customer, self.supplier, self.owner, self.verifier, node):
            jobs.refuse(who, "assign", good, "MissingRole", [MANAGER, who])
        jobs.refuse(self.manager, "assign", [job, self.stranger, PRICE], "NoSuchNode", [self.stranger])
        # The price that the manager saw, and the customer's own limit.
        jobs.refuse(self.manager, "assign", [job, node, PRICE - 1], "PriceAboveLimit", [PRICE, PRICE - 1])
        net.nodes.send(self.supplier, "update", node, "", 2001, 1, "")
        jobs.refuse(self.manager, "assign", [job, node, 5000], "PriceAboveLimit", [2001, 2000])
        net.nodes.send(self.supplier, "update", node, "", PRICE, 1, "")
        jobs.refuse(self.manager, "assign", [job, net.add_node("store", STORAGE, 11), 99], "PriceAboveLimit", [11, 10])
        for subject in (node, self.supplier):
            net.blacklist.send(self.verifier, "bar", subject, self.chain.now() + net.dispute_s, h(1), "")
            jobs.refuse(self.manager, "assign", good, "IsBarred", [subject])
            self.chain.advance(net.dispute_s)
        self.accounts.send(self.supplier, "unregister", SUPPLIER)
        jobs.refuse(self.manager, "assign", good, "OwnerNotRegistered", [self.supplier])
        self.accounts.send(self.supplier, "register", SUPPLIER, h(1))
        jobs.send(self.manager, "assign", *good)
        jobs.refuse(self.manager, "assign", good, "AlreadyAssigned", [job, node])
        other = net.create_job()
        jobs.refuse(self.manager, "assign", [other, node, PRICE], "NodeFull", [node, 1])
        jobs.send(self.customer, "close", job)
        jobs.send(self.manager, "assign", other, node, PRICE)

    def test_unassign_and_back(self):
        job, node = self.net.working()
        self.net.report(job, node, 0)
        for who in (self.customer, self.stranger, self.verifier):
            self.jobs.refuse(who, "unassign", [job, node], "NotYours", [who])
        receipt = self.jobs.send(self.manager, "unassign", job, node)
        self.told(self.jobs, receipt, ("NodeUnassigned", {"jobId": job, "node": node, "by": self.manager}))
        self.assertEqual((self.jobs("nodesOf", job), self.jobs("loadOf", node)), ([], 0))
        self.jobs.refuse(self.manager, "unassign", [job, node], "NotAssigned", [job, node])
        # What it had delivered it may still report, for a while.
        self.net.report(job, node, 1)
        self.chain.advance(self.net.report_s)
        self.jobs.refuse(self.supplier, "report", [job, node, 2, 1, h(1)], "TooLate", [ANY])
        # Other terms: no.
        self.net.nodes.send(self.supplier, "update", node, "", PRICE + 1, 2, "")
        self.jobs.refuse(self.manager, "assign", [job, node, 2000], "TermsChanged", [self.supplier, PRICE])
        self.net.nodes.send(self.supplier, "update", node, "", PRICE, 2, "")
        self.jobs.send(self.manager, "assign", job, node, PRICE)
        self.assertEqual(self.jobs("getAssignment", job, node), [self.supplier, PRICE, TRANSCODER, 2, 0])
        self.net.report(job, node, 2)
        # Its owner takes it out.
        self.jobs.send(self.supplier, "unassign", job, node)
        self.assertEqual(self.jobs("nodesOf", job), [])

    def test_a_node_that_was_sold(self):
        """The first owner is paid for what it was assigned for; the new one is not assigned under the old terms."""
        job, node = self.net.working()
        self.net.nodes.send(self.supplier, "remove", node)
        self.accounts.send(self.stranger, "register", SUPPLIER, h(1))
        self.net.add_node(owner=self.stranger)
        self.jobs.refuse(self.stranger, "report", [job, node, 0, 1, h(1)], "NotYours", [self.stranger])
        self.net.report(job, node)
        self.jobs.send(self.verifier, "confirm", job, node, 0, 5, bytes(32))
        self.jobs.send(self.customer, "settle", job, node, 0)
        self.assertEqual(self.net.balance(self.supplier), 5 * PRICE)
        self.jobs.send(self.manager, "unassign", job, node)
        self.jobs.refuse(self.manager, "assign", [job, node, PRICE], "TermsChanged", [self.supplier, PRICE])

    def test_an_end_is_not_put_off(self):
        """Unassigned after the deadline: that starts no new time to report."""
        job, node = self.net.working(lasts=self.net.report_s)
        self.chain.advance(self.net.report_s + 2)
        self.jobs.send(self.manager, "unassign", job, node)
        self.assertEqual(self.jobs("getAssignment", job, node)[4], self.net.job(job)["deadline"])

    def test_most_nodes(self):
        job = self.net.create_job()
        nodes = [self.net.add_node(f"one of many {i}") for i in range(33)]
        for node in nodes[:32]:
            self.jobs.send(self.manager, "assign", job, node, PRICE)
        self.jobs.refuse(self.manager, "assign", [job, nodes[32], PRICE], "TooManyNodes", [job])
        self.assertEqual(self.jobs("nodesOf", job), nodes[:32])
        self.jobs.send(self.manager, "unassign", job, nodes[0])
        self.jobs.send(self.manager, "assign", job, nodes[32], PRICE)
        self.jobs.send(self.customer, "close", job)
        self.assertEqual({self.jobs("loadOf", node) for node in nodes}, {0})


class Batches(JobsCase):
    def test_report_refusals(self):
        job, node = self.net.working(budget=10 * PRICE)
        other = self.net.add_node("idle")
        self.jobs.refuse(self.supplier, "report", [job, other, 0, 1, h(1)], "NotAssigned", [job, other])
        for who in (self.customer, self.manager, self.verifier, self.stranger, other):
            self.jobs.refuse(who, "report", [job, node, 0, 1, h(1)], "NotYours", [who])
        self.jobs.refuse(node, "report", [job, node, 1, 1, h(1)], "OutOfOrder", [0])
        self.jobs.refuse(node, "report", [job, node, 0, 0, h(1)], "BadCount", [0, 4096])
        self.jobs.refuse(node, "report", [job, node, 0, 4097, h(1)], "BadCount", [4097, 4096])
        self.jobs.refuse(node, "report", [job, node, 0, 1, bytes(32)], "ZeroHash")
        self.jobs.refuse(node, "report", [job, node, 0, 11, h(1)], "BudgetExceeded", [10 * PRICE, 11 * PRICE])
        self.net.report(job, node, 0, 6)
        # Sent twice: refused.
        self.jobs.refuse(node, "report", [job, node, 0, 6, h(1)], "OutOfOrder", [1])
        self.jobs.refuse(node, "report", [job, node, 1, 5, h(1)], "BudgetExceeded", [4 * PRICE, 5 * PRICE])
        self.jobs.send(self.customer, "topUp", job, PRICE, value=PRICE)
        self.net.report(job, node, 1, 5)
        self.stands(job, free=0, held=11 * PRICE, open=2)

    def test_most_open_batches(self):
        job, node = self.net.working()
        most = self.jobs("MAX_OPEN")
        for ordinal in range(most):
            self.jobs.send(node, "report", job, node, ordinal, 1, h(1))
        self.jobs.refuse(node, "report", [job, node, most, 1, h(1)], "TooManyOpen", [job, node])
        # Another node is not touched by it, and one that is settled makes room.
        other = self.net.add_node("other")
        self.jobs.send(self.manager, "assign", job, other, PRICE)
        self.net.report(job, other)
        self.jobs.send(self.verifier, "confirm", job, node, most - 1, 1, bytes(32))
        self.jobs.send(self.customer, "settle", job, node, most - 1)
        self.jobs.send(node, "report", job, node, most, 1, h(1))

    def test_too_late_to_report(self):
        job, node = self.net.working()
        self.jobs.send(self.customer, "close", job)
        self.chain.advance(self.net.report_s)
        self.jobs.refuse(node, "report", [job, node, 0, 1, h(1)], "TooLate", [self.net.job(job)["ends_at"] + self.net.report_s])

    def test_judging_refusals(self):
        job, node = self.net.working()
        self.jobs.refuse(self.verifier, "confirm", [job, node, 0, 1, h(1)], "BadCount", [1, 0])
        self.jobs.refuse(self.verifier, "reject", [job, node, 0, h(1)], "WrongBatchState", [job, node, 0, B_NONE])
        self.net.report(job, node)
        for who in (self.customer, self.supplier, node, self.manager, self.owner):
            self.jobs.refuse(who, "confirm", [job, node, 0, 5, h(1)], "MissingRole", [VERIFIER, who])
            self.jobs.refuse(who, "reject", [job, node, 0, h(1)], "MissingRole", [VERIFIER, who])
        self.jobs.refuse(self.verifier, "confirm", [job, node, 0, 6, h(1)], "BadCount", [6, 5])
        self.jobs.refuse(self.verifier, "confirm", [job, node, 0, 0, h(1)], "BadCount", [0, 5])
        # Less than all: with evidence only.
        self.jobs.refuse(self.verifier, "confirm", [job, node, 0, 4, bytes(32)], "ZeroHash")
        self.jobs.refuse(self.verifier, "reject", [job, node, 0, bytes(32)], "ZeroHash")
        self.jobs.send(self.verifier, "confirm", job, node, 0, 4, h(1))
        for function, rest in (("confirm", [5, h(1)]), ("reject", [h(1)])):
            self.jobs.refuse(self.verifier2, function, [job, node, 0, *rest], "WrongBatchState", [job, node, 0, B_JUDGED])
        self.net.report(job, node, 1)
        self.chain.advance(self.net.verify_s)
        self.jobs.refuse(self.verifier, "confirm", [job, node, 1, 5, h(1)], "TooLate",
                         [self.net.batch(job, node, 1)["since"] + self.net.verify_s])

    def test_no_party_judges(self):
        for who in (self.customer, self.supplier, self.chain.person("node")):
            self.net.roles.send(self.owner, "grant", VERIFIER, who)
            self.net.roles.send(who, "acceptGrant", VERIFIER)
        job, node = self.net.working()
        tree = self.net.report(job, node)
        for who in (self.customer, self.supplier, node):
            self.jobs.refuse(who, "confirm", [job, node, 0, 5, h(1)], "Partisan", [who])
            self.jobs.refuse(who, "reject", [job, node, 0, h(1)], "Partisan", [who])
        self.jobs.send(self.verifier, "reject", job, node, 0, h(1))
        self.jobs.send(node, "dispute", job, node, 0, 1, tree.segments[1], tree.proof(1))
        for who in (self.customer, self.supplier, node):
            self.jobs.refuse(who, "resolve", [job, node, 0, 5, h(1)], "Partisan", [who])

    def test_part_of_a_batch(self):
        job, node = self.net.working()
        self.net.report(job, node)
        self.jobs.send(self.verifier, "confirm", job, node, 0, 3, h("two are black"))
        # Both could dispute: neither settles early.
        for who in (self.customer, self.supplier, node, self.stranger):
            self.jobs.refuse(who, "settle", [job, node, 0], "TooEarly", [ANY])
        self.assertEqual(self.jobs("settleableFrom", job, node, 0),
                         self.net.batch(job, node, 0)["since"] + self.net.dispute_s)
        self.chain.advance(self.net.dispute_s)
        self.jobs.send(self.stranger, "settle", job, node, 0)
        self.assertEqual(self.net.balance(self.supplier), 3 * PRICE)
        self.stands(job, free=BUDGET - 3 * PRICE, held=0, open=0)
        self.jobs.refuse(self.stranger, "settle", [job, node, 0], "WrongBatchState", [job, node, 0, B_SETTLED])
        self.jobs.refuse(self.stranger, "settle", [job, node, 1], "WrongBatchState", [job, node, 1, B_NONE])

    def test_whoever_alone_could_dispute_waives(self):
        job, node = self.net.working()
        for ordinal in range(3):
            self.net.report(job, node, ordinal)
        self.jobs.send(self.verifier, "confirm", job, node, 0, 5, bytes(32))
        self.jobs.send(self.verifier, "reject", job, node, 1, h(1))
        for ordinal, who in ((0, self.customer), (1, self.supplier)):
            for other in {self.customer, self.supplier, node, self.verifier, self.manager} - {who}:
                self.jobs.refuse(other, "settle", [job, node, ordinal], "TooEarly", [ANY])
            self.jobs.send(who, "settle", job, node, ordinal)
        # Silence: not before the time to judge is over.
        self.jobs.refuse(self.supplier, "settle", [job, node, 2], "TooEarly", [ANY])
        self.chain.advance(self.net.verify_s)
        self.jobs.refuse(self.customer, "settle", [job, node, 2], "TooEarly", [ANY])
        self.jobs.send(self.supplier, "settle", job, node, 2)
        self.assertEqual(self.net.balance(self.supplier), 5 * PRICE)
        self.stands(job, free=BUDGET - 5 * PRICE, held=0)

    def test_work_for_nothing(self):
        job, node = self.net.create_job(), self.net.add_node(price=0)
        self.jobs.send(self.manager, "assign", job, node, 0)
        self.net.report(job, node)
        self.jobs.send(self.verifier, "confirm", job, node, 0, 5, bytes(32))
        self.jobs.send(self.customer, "settle", job, node, 0)
        self.assertEqual(self.net.balance(self.supplier), 0)


class Disputes(JobsCase):
    def judged(self, accepted, count=5):
        job, node = self.net.working()
        tree = self.net.report(job, node, 0, count)
        if accepted:
            self.jobs.send(self.verifier, "confirm", job, node, 0, accepted, h("some"))
        elif accepted is not None:
            self.jobs.send(self.verifier, "reject", job, node, 0, h("none"))
        return job, node, tree

    def dispute(self, who, job, node, tree, index=0):
        return self.jobs.send(who, "dispute", job, node, 0, index, tree.segments[index], tree.proof(index))

    def settled(self, job, node, accepted):
        self.jobs.send(self.stranger, "settle", job, node, 0)
        self.assertEqual(self.net.balance(self.supplier), accepted * PRICE)
        self.stands(job, free=BUDGET - accepted * PRICE, held=0, open=0)

    def test_the_customer_disputes(self):
        job, node, tree = self.judged(5)
        receipt = self.dispute(self.customer, job, node, tree, 3)
        self.told(self.jobs, receipt, ("BatchDisputed", {"jobId": job, "node": node, "ordinal": 0, "by": self.customer,
                                                         "index": 3, "segment": tree.segments[3]}))
        self.batch_stands(job, node, state=B_DISPUTED, accepted=5)
        self.jobs.refuse(self.customer, "settle", [job, node, 0], "TooEarly", [ANY])
        receipt = self.jobs.send(self.verifier2, "resolve", job, node, 0, 4, h("one is black"))
        self.told(self.jobs, receipt, ("BatchResolved", {"jobId": job, "node": node, "ordinal": 0, "accepted": 4,
                                                         "evidence": h("one is black"), "by": self.verifier2}))
        self.batch_stands(job, node, state=B_RESOLVED, accepted=4)
        self.jobs.refuse(self.supplier, "dispute", [job, node, 0, 0, tree.segments[0], tree.proof(0)], "WrongBatchState",
                         [job, node, 0, B_RESOLVED])
        self.settled(job, node, 4)

    def test_the_supplier_disputes(self):
        job, node, tree = self.judged(0)
        self.dispute(self.supplier, job, node, tree, 4)
        self.jobs.send(self.owner, "resolve", job, node, 0, 5, h("all is well"))
        self.settled(job, node, 5)

    def test_silence_is_disputed(self):
        job, node, tree = self.judged(None)
        arguments = [job, node, 0, 0, tree.segments[0], tree.proof(0)]
        self.jobs.refuse(node, "dispute", arguments, "TooEarly", [ANY])
        self.chain.advance(self.net.verify_s)
        self.jobs.refuse(self.customer, "dispute", arguments, "NotYours", [self.customer])
        self.jobs.send(node, "dispute", *arguments)
        self.jobs.send(self.verifier, "resolve", job, node, 0, 5, h("late"))
        self.settled(job, node, 5)

    def test_nobody_resolves(self):
        for accepted in (5, 2, 0):
            with self.subTest(accepted=accepted):
                self.setUp()
                job, node, tree = self.judged(accepted)
                self.dispute(self.customer if accepted else self.supplier, job, node, tree)
                self.chain.advance(self.net.resolve_s)
                self.jobs.refuse(self.verifier2, "resolve", [job, node, 0, 1, h(1)], "TooLate", [ANY])
                self.settled(job, node, accepted)

    def test_refusals(self):
        job, node, tree = self.judged(5)
        good = [job, node, 0, 2, tree.segments[2], tree.proof(2)]
        for who in (self.supplier, node, self.manager, self.verifier, self.stranger, self.owner):
            self.jobs.refuse(who, "dispute", good, "NotYours", [who])
        self.jobs.refuse(self.verifier2, "resolve", [job, node, 0, 1, h(1)], "WrongBatchState", [job, node, 0, B_JUDGED])
        self.jobs.refuse(self.customer, "dispute", [job, node, 1, *good[3:]], "WrongBatchState", [job, node, 1, B_NONE])
        self.jobs.send(self.customer, "dispute", *good)
        self.jobs.refuse(self.customer, "dispute", good, "WrongBatchState", [job, node, 0, B_DISPUTED])
        for who in (self.customer, self.supplier, node, self.manager, self.stranger):
            self.jobs.refuse(who, "resolve", [job, node, 0, 1, h(1)], "MissingRole", [VERIFIER, who])
        self.jobs.refuse(self.verifier, "resolve", [job, node, 0, 1, h(1)], "OwnJudgement", [self.verifier])
        self.jobs.refuse(self.verifier2, "resolve", [job, node, 0, 6, h(1)], "BadCount", [6, 5])
        self.jobs.refuse(self.verifier2, "resolve", [job, node, 0, 1, bytes(32)], "ZeroHash")

    def test_segments_that_nobody_showed(self):
        """A verifier confirms a root over nothing: the customer has no segment to show, and need not pay for it."""
        job, node = self.net.working()
        for ordinal in range(2):
            self.jobs.send(self.supplier, "report", job, node, ordinal, 5, h("made up"))
        self.jobs.send(self.verifier, "confirm", job, node, 0, 5, bytes(32))
        self.jobs.send(self.verifier, "reject", job, node, 1, h("no such segments"))
        nothing = [0, bytes(32), []]
        for who in (self.supplier, node):
            self.jobs.refuse(who, "dispute", [job, node, 0, *nothing], "NotYours", [who])
            # Who made the tree shows what is below it.
            self.jobs.refuse(who, "dispute", [job, node, 1, *nothing], "BadProof", [ANY, h("made up")])
        self.jobs.refuse(self.customer, "dispute", [job, node, 1, *nothing], "NotYours", [self.customer])
        receipt = self.jobs.send(self.customer, "dispute", job, node, 0, *nothing)
        self.told(self.jobs, receipt, ("BatchDisputed", {"jobId": job, "node": node, "ordinal": 0, "by": self.customer,
                                                         "index": 0, "segment": bytes(32)}))
        self.jobs.send(self.verifier2, "resolve", job, node, 0, 0, h("the supplier shows none"))
        self.jobs.send(self.supplier, "settle", job, node, 1)
        self.settled(job, node, 0)

    def test_too_late(self):
        job, node, tree = self.judged(5)
        self.chain.advance(self.net.dispute_s)
        self.jobs.refuse(self.customer, "dispute", [job, node, 0, 2, tree.segments[2], tree.proof(2)], "TooLate",
                         [self.net.batch(job, node, 0)["since"] + self.net.dispute_s])

    def test_proofs(self):
        """Each leaf of trees of all shapes, and what does not lead to the root."""
        job, node = self.net.working(budget=10**9)
        for ordinal, count in enumerate((1, 2, 3, 4, 5, 7, 8, 11, 16, 17)):
            tree = self.net.report(job, node, ordinal, count)
            self.jobs.send(self.verifier, "confirm", job, node, ordinal, count, bytes(32))
            for index in range(count):
                self.assertEqual(self.jobs("segmentLeaf", job, node, ordinal, index, tree.segments[index]),
                                 tree.leaves[index])
                # Asked only: a batch is disputed once.
                arguments = [job, node, ordinal, index, tree.segments[index], tree.proof(index)]
                self.chain.call(self.customer, self.jobs.address, self.jobs.encode("dispute", arguments))
        tree = self.net.report(job, node, 10, 6)
        self.jobs.send(self.verifier, "confirm", job, node, 10, 6, bytes(32))
        right, proof = tree.segments[2], tree.proof(2)
        inner = tree._root(tree.leaves[:2])
        for index, segment, path in (
                (2, h("another"), proof), (3, right, proof), (2, right, proof[:-1]), (2, right, proof + [h(1)]),
                (2, right, []), (2, right, proof[::-1]), (6, right, proof), (2**256 - 1, right, proof),
                (2, right, [h(i) for i in range(40)]), (2, right, [bytes(32)] * 3), (0, inner, proof[1:]),
                (0, tree.root, []), (18, right, proof)):
            self.jobs.refuse(self.customer, "dispute", [job, node, 10, index, segment, path], "BadProof", [ANY, tree.root])


    def test_a_root_of_more_than_was_counted(self):
        """Whoever reports fewer segments than are below the root proves nothing by the ways that are too long."""
        job, node = self.net.working()
        tree = Tree(job, node, 0, [h(0)])
        above = keccak256(b"\1" + h("more") + tree.root)
        self.jobs.send(self.supplier, "report", job, node, 0, 1, above)
        self.jobs.send(self.verifier, "confirm", job, node, 0, 1, bytes(32))
        self.jobs.refuse(self.customer, "dispute", [job, node, 0, 0, h(0), [h("more")]], "BadProof", [tree.root, above])
        # And the other way round: fewer below the root than were counted.
        tree = Tree(job, node, 1, [h(0)])
        self.jobs.send(self.supplier, "report", job, node, 1, 2, tree.root)
        self.jobs.send(self.verifier, "confirm", job, node, 1, 2, bytes(32))
        self.jobs.refuse(self.customer, "dispute", [job, node, 1, 0, h(0), []], "BadProof", [tree.root, tree.root])


class ZNothingLeftOut(ContractsCase):
    def test_all(self):
        self.complete("Jobs")


if __name__ == "__main__":
    main()
