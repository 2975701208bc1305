#!/usr/bin/env python3
"""Nobody gains by order, repetition or calling back: the same transactions in one block in each order, and an attacker that
calls in while it is paid."""
import itertools

from chain import SOURCE
from contracts_case import (B_SETTLED, CANCELLED, CLOSED, CUSTOMER, EXPIRED, NONE, SUPPLIER, VERIFIER, ContractsCase, Tree,
                            compiled, h, main)

PRICE, BUDGET = 1000, 10**6


class RacesCase(ContractsCase):
    def setUp(self):
        super().setUp()
        self.jobs, self.accounts = self.net.jobs, self.net.accounts
        self.customer, self.supplier, self.manager = self.net.customer, self.net.supplier, self.net.manager
        self.verifier, self.verifier2, self.stranger = self.net.verifier, self.net.verifier2, self.net.stranger

    def in_one_block(self, calls, at=None):
        """[(contract, sender, function, arguments), ...] in this order in one block, at this time -> who succeeded."""
        receipts = self.chain.one_block([self.chain.transaction(sender, contract.address,
                                                                contract.encode(function, arguments), *value)
                                         for contract, sender, function, arguments, *value in calls], at)
        return [int(r["status"], 16) == 1 for r in receipts]

    def play_out(self, judge=None):
        """Everybody does what is right, then nobody anything: all batches are judged, time passes, all is finished."""
        net = self.net
        for job in range(1, self.jobs("jobCount") + 1):
            for node in self.everybody_of(job):
                for ordinal in range(self.jobs("getAssignment", job, node)[3]):
                    if judge and net.batch(job, node, ordinal)["state"] == 1:
                        self.jobs.send(self.verifier, "confirm", job, node, ordinal, judge, h("evidence"))
        self.chain.advance(10**7)
        for job in range(1, self.jobs("jobCount") + 1):
            for node in self.everybody_of(job):
                for ordinal in range(self.jobs("getAssignment", job, node)[3]):
                    if net.batch(job, node, ordinal)["state"] != B_SETTLED:
                        self.jobs.send(self.stranger, "settle", job, node, ordinal)
            if net.job(job)["state"] not in (NONE, CANCELLED, CLOSED, EXPIRED):
                self.jobs.send(self.stranger, "finish", job)
        self.assertEqual(net.balance(self.jobs.address), 0)
        return {"customer": net.balance(self.customer), "supplier": net.balance(self.supplier)}

    def everybody_of(self, job):
        return [a for a in (self.chain.key("node").address,) if self.jobs("getAssignment", job, a)[0][2:].strip("0")]

    def race(self, *calls, at=None, judge=None):
        """Each order of the calls, from here -> {order: (who succeeded, by the call's place; what everybody has at the
        end)}."""
        ends = {}
        for order in itertools.permutations(range(len(calls))):
            here = self.chain.snapshot()
            good = self.in_one_block([calls[i] for i in order], at)
            done = tuple(good[order.index(i)] for i in range(len(calls)))
            ends[order] = done, self.play_out(judge)
            self.chain.revert(here)
        return ends

    def same(self, ends, done, **has):
        """In each order the same succeed and everybody has the same."""
        for order, end in ends.items():
            self.assertEqual(end, (done, has), f"in the order {order}")

    def reported(self, count=5):
        job, node = self.net.working()
        tree = self.net.report(job, node, 0, count)
        return job, node, tree

    def batch_since(self, job, node):
        return self.net.batch(job, node, 0)["since"]


class Order(RacesCase):
    def test_cancel_and_assign(self):
        job, node = self.net.create_job(), self.net.add_node()
        ends = self.race((self.jobs, self.customer, "cancel", [job]), (self.jobs, self.manager, "assign", [job, node, PRICE]))
        money = {"customer": BUDGET, "supplier": 0}
        self.assertEqual(ends, {(0, 1): ((True, False), money), (1, 0): ((False, True), money)})

    def test_cancel_and_report(self):
        """The customer does not get work for nothing by cancelling."""
        job, node = self.net.working()
        root = Tree(job, node, 0, [h(1)]).root
        ends = self.race((self.jobs, self.customer, "cancel", [job]),
                         (self.jobs, self.supplier, "report", [job, node, 0, 1, root]), judge=1)
        self.same(ends, (False, True), customer=BUDGET - PRICE, supplier=PRICE)

    def test_close_and_report(self):
        job, node = self.net.working()
        root = Tree(job, node, 0, [h(1)]).root
        report = self.jobs, self.supplier, "report", [job, node, 0, 1, root]
        for who in (self.customer, self.manager):
            ends = self.race((self.jobs, who, "close", [job]), report, judge=1)
            self.same(ends, (True, True), customer=BUDGET - PRICE, supplier=PRICE)

    def test_unassign_and_report(self):
        job, node = self.net.working()
        root = Tree(job, node, 0, [h(1)]).root
        ends = self.race((self.jobs, self.manager, "unassign", [job, node]),
                         (self.jobs, self.supplier, "report", [job, node, 0, 1, root]), judge=1)
        self.same(ends, (True, True), customer=BUDGET - PRICE, supplier=PRICE)

    def test_close_and_settle_and_finish(self):
        job, node, _ = self.reported()
        self.jobs.send(self.verifier, "confirm", job, node, 0, 5, bytes(32))
        ends = self.race((self.jobs, self.customer, "close", [job]), (self.jobs, self.customer, "settle", [job, node, 0]),
                         (self.jobs, self.customer, "finish", [job]))
        self.same(ends, (True, True, False), customer=BUDGET - 5 * PRICE, supplier=5 * PRICE)

    def test_a_raised_price(self):
        job, node = self.net.create_job(), self.net.add_node()
        ends = self.race((self.net.nodes, self.supplier, "update", [node, "", PRICE + 1, 2, ""]),
                         (self.jobs, self.manager, "assign", [job, node, PRICE]))
        self.assertEqual([ends[order][0] for order in ((0, 1), (1, 0))], [(True, False), (True, True)])
        # Assigned before: at the price it had.
        self.jobs.send(self.manager, "assign", job, node, PRICE)
        self.net.nodes.send(self.supplier, "update", node, "", 2000, 2, "")
        self.net.report(job, node)
        self.assertEqual(self.play_out(5), {"customer": BUDGET - 5 * PRICE, "supplier": 5 * PRICE})

    def test_a_changed_allowance(self):
        self.accounts.send(self.customer, "deposit", value=1000)
        self.accounts.send(self.customer, "allow", self.supplier, 0, 70)
        calls = [(self.accounts, self.customer, "allow", [self.supplier, 70, 50]),
                 (self.accounts, self.supplier, "transferFrom", [self.customer, self.supplier, 70]),
                 (self.accounts, self.supplier, "transferFrom", [self.customer, self.supplier, 50])]
        for _, has in self.race(*calls).values():
            self.assertLessEqual(has["supplier"], 70)
            self.assertEqual(sum(has.values()), 1000)

    def test_one_balance_many_ways(self):
        self.accounts.send(self.customer, "deposit", value=100)
        self.accounts.send(self.customer, "allow", self.jobs.address, 0, 100)
        deadline = self.chain.now() + 1000
        calls = [(self.accounts, self.customer, "withdraw", [100]),
                 (self.accounts, self.customer, "transfer", [self.supplier, 100]),
                 (self.jobs, self.customer, "create", [h(1), 100, deadline, 1, 1, 1])]
        for order, (done, _) in self.race(*calls).items():
            self.assertEqual(done, tuple(i == order[0] for i in range(3)))

    def test_two_verifiers(self):
        job, node, _ = self.reported()
        ends = self.race((self.jobs, self.verifier, "confirm", [job, node, 0, 5, bytes(32)]),
                         (self.jobs, self.verifier2, "reject", [job, node, 0, h(1)]))
        self.assertEqual(ends, {(0, 1): ((True, False), {"customer": BUDGET - 5 * PRICE, "supplier": 5 * PRICE}),
                                (1, 0): ((False, True), {"customer": BUDGET, "supplier": 0})})

    def test_no_more_than_the_escrow(self):
        """Two reports that the rest does not cover both: one is refused, whichever comes second."""
        job, node = self.net.working(budget=7 * PRICE)
        ends = self.race((self.jobs, self.supplier, "report", [job, node, 0, 4, h(1)]),
                         (self.jobs, node, "report", [job, node, 1, 4, h(2)]), judge=4)
        for done, has in ends.values():
            self.assertEqual((done[1], has), (False, {"customer": 3 * PRICE, "supplier": 4 * PRICE}))


    def test_a_revocation_is_not_outrun(self):
        """Whoever is to be revoked hands the role to an accomplice in the same block, just before: that works once."""
        roles, owner = self.net.roles, self.net.owner
        second, third = self.chain.person("accomplice"), self.chain.person("another accomplice")

        def outrun(holder, to):
            return self.in_one_block([(roles, holder, "offerHandOver", [VERIFIER, to]),
                                      (roles, to, "acceptHandOver", [VERIFIER, holder]),
                                      (roles, owner, "revoke", [VERIFIER, holder])])
        self.assertEqual(outrun(self.verifier, second), [True, True, False])
        self.assertEqual(outrun(second, third), [False, False, True])
        self.assertFalse(any(roles("holds", VERIFIER, who) for who in (self.verifier, second, third)))

    def test_a_role_is_handed_on_later(self):
        roles, at = self.net.roles, self.chain.now() + 10
        self.in_one_block([(roles, self.verifier, "offerHandOver", [VERIFIER, self.stranger]),
                           (roles, self.stranger, "acceptHandOver", [VERIFIER, self.verifier])], at)
        rested = at + roles("HAND_OVER_REST")
        offer = roles, self.stranger, "offerHandOver", [VERIFIER, self.verifier]
        self.assertEqual(self.in_one_block([offer], rested - 1), [False])
        self.assertEqual(self.in_one_block([offer], rested), [True])
        roles.send(self.verifier, "acceptHandOver", VERIFIER, self.stranger)


class Moments(RacesCase):
    """At the second where a window ends, only one of two is possible, whatever their order."""

    def moment(self, end, early, late, **has):
        """`early` is possible until the second before `end`, `late` from then on."""
        self.same(self.race(early, late, at=end - 1), (True, False), **has["before"])
        self.same(self.race(early, late, at=end), (False, True), **has["after"])

    def test_dispute_or_settle(self):
        job, node, tree = self.reported()
        self.jobs.send(self.verifier, "confirm", job, node, 0, 5, bytes(32))
        paid = {"customer": BUDGET - 5 * PRICE, "supplier": 5 * PRICE}
        self.moment(self.batch_since(job, node) + self.net.dispute_s,
                    (self.jobs, self.customer, "dispute", [job, node, 0, 0, tree.segments[0], tree.proof(0)]),
                    (self.jobs, self.stranger, "settle", [job, node, 0]), before=paid, after=paid)

    def test_confirm_or_dispute_silence(self):
        job, node, tree = self.reported()
        self.moment(self.batch_since(job, node) + self.net.verify_s,
                    (self.jobs, self.verifier, "confirm", [job, node, 0, 5, bytes(32)]),
                    (self.jobs, self.supplier, "dispute", [job, node, 0, 0, tree.segments[0], tree.proof(0)]),
                    before={"customer": BUDGET - 5 * PRICE, "supplier": 5 * PRICE},
                    after={"customer": BUDGET, "supplier": 0})

    def test_resolve_or_settle(self):
        job, node, tree = self.reported()
        self.jobs.send(self.verifier, "reject", job, node, 0, h(1))
        self.jobs.send(self.supplier, "dispute", job, node, 0, 0, tree.segments[0], tree.proof(0))
        end = self.batch_since(job, node) + self.net.resolve_s
        resolve = self.jobs, self.verifier2, "resolve", [job, node, 0, 5, h(1)]
        settle = self.jobs, self.stranger, "settle", [job, node, 0]
        # In the second before, once resolved it may be settled at once: both are done when they come in this order.
        for done, has in self.race(resolve, settle, at=end - 1).values():
            self.assertEqual((done[0], has), (True, {"customer": BUDGET - 5 * PRICE, "supplier": 5 * PRICE}))
        self.same(self.race(resolve, settle, at=end), (False, True), customer=BUDGET, supplier=0)

    def test_report_or_finish(self):
        job, node = self.net.working()
        self.jobs.send(self.customer, "close", job)
        self.moment(self.net.job(job)["ends_at"] + self.net.report_s,
                    (self.jobs, self.supplier, "report", [job, node, 0, 1, h(1)]),
                    (self.jobs, self.stranger, "finish", [job]),
                    before={"customer": BUDGET, "supplier": 0}, after={"customer": BUDGET, "supplier": 0})

    def test_assign_or_finish(self):
        job, node = self.net.create_job(lasts=1000), self.net.add_node()
        whole = {"customer": BUDGET, "supplier": 0}
        self.moment(self.net.job(job)["deadline"], (self.jobs, self.manager, "assign", [job, node, PRICE]),
                    (self.jobs, self.stranger, "finish", [job]), before=whole, after=whole)

    def test_top_up_or_finish(self):
        job = self.net.create_job(lasts=1000)
        self.moment(self.net.job(job)["deadline"], (self.jobs, self.customer, "topUp", [job, 5], 5),
                    (self.jobs, self.stranger, "finish", [job]), before={"customer": BUDGET + 5, "supplier": 0},
                    after={"customer": BUDGET, "supplier": 0})


    def test_the_latest_end(self):
        """Everybody waits for the last second of their window, and who should decide stays silent: R + V + D + S after its end
        anybody brings the job to its final state all the same."""
        job, node = self.net.working()
        tree = Tree(job, node, 0, [h(i) for i in range(5)])
        self.jobs.send(self.customer, "close", job)
        at = self.net.job(job)["ends_at"]
        for window, *step in (
                (self.net.report_s, self.supplier, "report", [job, node, 0, 5, tree.root]),
                (self.net.verify_s, self.verifier, "confirm", [job, node, 0, 3, h("two are black")]),
                (self.net.dispute_s, self.customer, "dispute", [job, node, 0, 0, tree.segments[0], tree.proof(0)])):
            at += window - 1
            self.assertEqual(self.in_one_block([(self.jobs, *step)], at), [True], step)
        at += self.net.resolve_s
        last = [(self.jobs, self.stranger, "settle", [job, node, 0]), (self.jobs, self.stranger, "finish", [job])]
        self.assertEqual(self.in_one_block(last, at - 1), [False, False])
        self.assertEqual(self.in_one_block(last, at), [True, True])
        windows = self.net.report_s + self.net.verify_s + self.net.dispute_s + self.net.resolve_s
        self.assertLess(at, self.net.job(job)["ends_at"] + windows)
        self.assertEqual((self.net.balance(self.customer), self.net.balance(self.supplier)), (BUDGET - 3 * PRICE, 3 * PRICE))

    def test_what_a_node_can_hold(self):
        """A node that was unassigned reports all that is left, and disputes the rejection: others' reports wait for it, until
        it is settled."""
        job, node = self.net.working(budget=5 * PRICE)
        hog = self.net.add_node("hog")
        self.jobs.send(self.manager, "assign", job, hog, PRICE)
        self.jobs.send(self.manager, "unassign", job, hog)
        tree = self.net.report(job, hog)
        mine = [job, node, 0, 5, h("delivered")]
        self.jobs.refuse(node, "report", mine, "BudgetExceeded", [0, 5 * PRICE])
        self.jobs.send(self.verifier, "reject", job, hog, 0, h("nothing was delivered"))
        self.jobs.send(hog, "dispute", job, hog, 0, 0, tree.segments[0], tree.proof(0))
        self.jobs.refuse(node, "report", mine, "BudgetExceeded", [0, 5 * PRICE])
        at = self.net.batch(job, hog, 0)["since"] + self.net.resolve_s
        self.assertEqual(self.in_one_block([(self.jobs, node, "settle", [job, hog, 0]), (self.jobs, node, "report", mine)], at),
                         [True, True])


class Repetition(RacesCase):
    def twice(self, contract, sender, function, *arguments):
        done = self.in_one_block([(contract, sender, function, list(arguments))] * 2)
        self.assertEqual(done, [True, False], function)

    def test_each_step_once(self):
        job, node, net = self.net.create_job(), self.net.add_node(), self.net
        self.twice(self.jobs, self.manager, "assign", job, node, PRICE)
        trees = [Tree(job, node, ordinal, [h(i) for i in range(3)]) for ordinal in range(2)]
        for ordinal, tree in enumerate(trees):
            self.twice(self.jobs, self.supplier, "report", job, node, ordinal, 3, tree.root)
        self.twice(self.jobs, self.verifier, "confirm", job, node, 0, 3, bytes(32))
        self.twice(self.jobs, self.verifier, "reject", job, node, 1, h(1))
        self.twice(self.jobs, self.customer, "settle", job, node, 0)
        self.twice(self.jobs, self.supplier, "dispute", job, node, 1, 2, trees[1].segments[2], trees[1].proof(2))
        self.twice(self.jobs, self.verifier2, "resolve", job, node, 1, 2, h(1))
        self.twice(self.jobs, self.stranger, "settle", job, node, 1)
        self.twice(self.jobs, self.manager, "unassign", job, node)
        self.twice(self.jobs, self.customer, "close", job)
        self.chain.advance(net.report_s)
        self.twice(self.jobs, self.stranger, "finish", job)
        self.twice(self.accounts, self.supplier, "withdraw", 5 * PRICE)
        self.twice(self.accounts, self.customer, "transfer", self.supplier, BUDGET - 5 * PRICE)
        other = net.create_job()
        self.twice(self.jobs, self.customer, "cancel", other)
        self.assertEqual((net.balance(self.customer), net.balance(self.supplier)), (BUDGET, BUDGET - 5 * PRICE))

    def test_a_proof_serves_for_nothing_else(self):
        """A segment and proof of one batch, in every other: another ordinal, node, job."""
        job, node, tree = self.reported()
        other, second = self.net.create_job(), self.net.add_node("second")
        self.jobs.send(self.manager, "assign", job, second, PRICE)
        self.jobs.send(self.manager, "assign", other, node, PRICE)
        for place in ((job, node, 1), (job, second, 0), (other, node, 0)):
            # Even if the same root is reported there.
            self.jobs.send(self.supplier, "report", *place, 5, tree.root)
            self.jobs.send(self.verifier, "confirm", *place, 5, bytes(32))
            self.jobs.refuse(self.customer, "dispute", [*place, 0, tree.segments[0], tree.proof(0)], "BadProof",
                             [Tree(*place, tree.segments).leaves[0], tree.root])


class CallingBack(RacesCase):
    def setUp(self):
        super().setUp()
        self.puppet = self.chain.deploy("Puppet", self.stranger, folder=compiled(SOURCE / "tests" / "contracts"))

    def run_(self, contract, function, *arguments, value=0):
        return self.puppet.send(self.stranger, "run", contract.address, value, contract.encode(function, arguments),
                                value=value)

    def prepare(self, contract, function, *arguments):
        self.puppet.send(self.stranger, "prepare", contract.address, contract.encode(function, arguments))

    def outcome(self):
        return self.puppet("succeeded"), self.puppet("failed")

    def test_while_it_withdraws(self):
        """It has 100 among others' 1000, and never gets more than 100."""
        me = self.puppet.address
        self.accounts.send(self.customer, "deposit", value=1000)
        self.run_(self.accounts, "deposit", value=100)
        self.run_(self.accounts, "allow", self.stranger, 0, 100)
        self.prepare(self.accounts, "withdraw", 100)
        self.prepare(self.accounts, "withdraw", 1)
        self.prepare(self.accounts, "transfer", self.stranger, 100)
        self.prepare(self.accounts, "transferFrom", me, self.stranger, 100)
        self.prepare(self.accounts, "transferFrom", self.customer, me, 1)
        self.run_(self.accounts, "withdraw", 100)
        self.assertEqual(self.outcome(), (0, 5))
        self.assertEqual((self.chain.balance(me), self.net.balance(me), self.net.balance(self.customer)), (100, 0, 1000))
        self.assertEqual(self.chain.balance(self.accounts.address), 1000)

    def test_the_rest_is_its_own(self):
        """What it has besides it may move in the middle; no more."""
        me = self.puppet.address
        self.accounts.send(self.customer, "deposit", value=1000)
        self.run_(self.accounts, "deposit", value=100)
        self.prepare(self.accounts, "withdraw", 30)
        self.prepare(self.accounts, "transfer", self.stranger, 10)
        self.prepare(self.accounts, "withdraw", 1)
        self.run_(self.accounts, "withdraw", 60)
        self.assertEqual(self.outcome(), (2, 1))
        self.assertEqual((self.chain.balance(me), self.net.balance(me), self.net.balance(self.stranger)), (90, 0, 10))
        self.assertEqual(self.chain.balance(self.accounts.address), 1010)

    def test_as_a_customer(self):
        """It cancels a job twice and creates one with money that is on its way out."""
        me, deadline = self.puppet.address, self.chain.now() + 1000
        other = self.net.create_job()
        self.run_(self.accounts, "register", CUSTOMER, h(1))
        self.run_(self.jobs, "create", h(1), 100, deadline, 1, 1, 1, value=100)
        self.run_(self.accounts, "deposit", value=50)
        self.run_(self.accounts, "allow", self.jobs.address, 0, 10**6)
        mine = self.jobs("jobCount")
        self.prepare(self.jobs, "cancel", mine)
        self.prepare(self.jobs, "cancel", mine)
        self.prepare(self.jobs, "create", h(1), 101, deadline, 1, 1, 1)
        self.prepare(self.jobs, "create", h(1), 100, deadline, 1, 1, 1)
        self.prepare(self.jobs, "cancel", other)
        self.run_(self.accounts, "withdraw", 50)
        self.assertEqual(self.outcome(), (2, 3))
        self.assertEqual((self.chain.balance(me), self.net.balance(me)), (50, 0))
        self.assertEqual(self.net.balance(self.jobs.address), self.net.escrow())
        self.assertEqual(self.net.escrow(), BUDGET + 100)

    def test_as_a_supplier(self):
        """It settles its batch and withdraws the pay while it withdraws the pay."""
        me, key = self.puppet.address, self.chain.key("node")
        node = self.chain.person("node")
        self.run_(self.accounts, "register", SUPPLIER, h(1))
        consent = self.net.consent(key, me)
        self.run_(self.net.nodes, "add", key.public, 1, "", PRICE, 1, "", consent)
        job = self.net.create_job()
        self.jobs.send(self.manager, "assign", job, node, PRICE)
        for ordinal in range(2):
            self.jobs.send(node, "report", job, node, ordinal, 5, h(1))
            self.jobs.send(self.verifier, "confirm", job, node, ordinal, 5, bytes(32))
        self.chain.advance(self.net.dispute_s)
        self.run_(self.jobs, "settle", job, node, 0)
        for _ in range(2):
            self.prepare(self.jobs, "settle", job, node, 1)
            self.prepare(self.accounts, "withdraw", 5 * PRICE)
        self.prepare(self.jobs, "settle", job, node, 0)
        self.run_(self.accounts, "withdraw", 5 * PRICE)
        self.assertEqual(self.outcome(), (2, 3))
        self.assertEqual((self.chain.balance(me), self.net.balance(me)), (10 * PRICE, 0))
        self.assertEqual(self.net.balance(self.jobs.address), self.net.escrow())
        self.assertEqual(self.net.escrow(), BUDGET - 10 * PRICE)


if __name__ == "__main__":
    main()
