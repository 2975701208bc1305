#!/usr/bin/env python3
"""Random transactions on a real EVM, many to a block: each has the outcome that the model says, the money always adds up, and
whatever was done, every job comes to a final state and everybody gets what is theirs.

    DSN_STEPS=100000 DSN_SEED=7 python3 tests/e2e/contracts_random_test.py
"""
import collections
import copy
import os
import random

from contracts_case import (ACTIVE, B_DISPUTED, B_JUDGED, B_REPORTED, B_RESOLVED, CUSTOMER, MANAGER, OPEN, SUPPLIER,
                            VERIFIER, ContractsCase, Tree, h, main)
from contracts_model import FINAL, Model

STEPS = int(os.environ.get("DSN_STEPS", "10000"))
SEED = int(os.environ.get("DSN_SEED", "20"))
GAS = 1_000_000
EVIDENCE = h("evidence")  # stands for any hash that nobody looks at


class Walk(ContractsCase):
    steps, a_block = STEPS, 50
    # Seconds that jobs and bars last at most.
    job_s, bar_s = 60000, 900

    def setUp(self):
        super().setUp()
        self.dice = random.Random(SEED)
        self.segment = [h(f"segment {i}") for i in range(9)]
        self.cast()
        self.count = collections.Counter()

    def cast(self):
        net, person = self.net, self.chain.person
        self.customers = [net.customer, person("customer 2"), person("customer 3")]
        # One is both, and one verifier takes part in everything.
        self.suppliers = [net.supplier, person("supplier 2"), person("customer 3")]
        self.verifiers = [net.verifier, net.verifier2, person("customer 2")]
        self.managers = [net.manager, net.stranger]
        for role, who in ((VERIFIER, self.verifiers[2]), (MANAGER, self.managers[1])):
            net.roles.send(net.owner, "grant", role, who)
            net.roles.send(who, "acceptGrant", role)
        self.model = model = Model(net, self.managers, self.verifiers, net.owner)
        for kind, people in ((CUSTOMER, self.customers), (SUPPLIER, self.suppliers)):
            for who in people:
                if not net.accounts("isRegistered", kind, who):
                    net.accounts.send(who, "register", kind, h(who))
                model.members[kind].add(who)
        for i in range(6):
            owner = self.suppliers[i % 3]
            node = net.add_node(f"node {i}", work=i % 3, price=100 * (1 + i), capacity=2 + i % 3, owner=owner)
            model.nodes[node] = [owner, i % 3, 100 * (1 + i), 2 + i % 3]
        self.nodes = list(model.nodes)
        self.people = sorted({*self.customers, *self.suppliers, *self.verifiers, *self.managers, *self.nodes, net.owner})
        self.wallets = {who: self.chain.balance(who) for who in self.people}
        self.fees = collections.Counter()

    # What to do next: mostly something that makes sense, sometimes anything.

    def any_job(self, good=lambda job: True):
        live = [n for n, job in self.model.jobs.items() if job.state not in FINAL and good(job)]
        if live and self.dice.random() < 0.95:
            return self.dice.choice(live)
        return self.dice.randrange(len(self.model.jobs) + 2)

    def any_batch(self, *states):
        """(job, node, ordinal) of a batch, if possible in one of the states."""
        open_ = [(n, *key) for n, job in self.model.jobs.items() if job.state not in FINAL
                 for key, batch in job.batches.items() if batch.state in states]
        if open_ and self.dice.random() < 0.95:
            return self.dice.choice(open_)
        return self.any_job(), self.dice.choice(self.nodes), self.dice.randrange(3)

    def before_its_deadline(self, job):
        return self.model.now < job.deadline and job.state in (OPEN, ACTIVE)

    def parties(self, number, node=None):
        job = self.model.jobs.get(number)
        if not job or self.dice.random() < 0.1:
            return self.people
        a = job.assignments.get(node)
        return [job.customer, a.payee, node] if a else [job.customer]

    def amount(self, most):
        return self.dice.choice((0, 1, most // 2, most, most, most + 1, self.dice.randrange(most + 2)))

    def deposit(self):
        return self.net.accounts, "deposit", self.dice.choice(self.people), [], self.dice.randrange(0, 20000)

    def deposit_for(self):
        return self.net.accounts, "depositFor", self.dice.choice(self.people), [self.dice.choice(self.people)], 500

    def withdraw(self):
        who = self.dice.choice(self.people)
        return self.net.accounts, "withdraw", who, [self.amount(self.model.balance[who])], 0

    def transfer(self):
        who, to = self.dice.choice(self.people), self.dice.choice(self.people)
        return self.net.accounts, "transfer", who, [to, self.amount(self.model.balance[who])], 0

    def allow(self):
        who, spender = self.dice.choice(self.people), self.dice.choice(self.people + [self.net.jobs.address] * 20)
        expected = self.model.allowance[who, spender] + (self.dice.random() < 0.1)
        return self.net.accounts, "allow", who, [spender, expected, self.dice.randrange(50000)], 0

    def transfer_from(self):
        allowed = [pair for pair, amount in self.model.allowance.items() if amount and pair[1] in self.people]
        holder, who = self.dice.choice(allowed or [(self.people[0], self.people[1])])
        return (self.net.accounts, "transferFrom", who,
                [holder, self.dice.choice(self.people), self.amount(self.model.allowance[holder, who])], 0)

    def membership(self):
        kind = self.dice.randrange(2)
        everybody = (self.customers, self.suppliers)[kind]
        # They come back soon: without them nothing goes on.
        who = self.dice.choice([p for p in everybody if p not in self.model.members[kind]] or everybody)
        if who in self.model.members[kind] and self.dice.random() < 0.5:
            return self.net.accounts, "unregister", who, [kind], 0
        return self.net.accounts, "register", who, [kind, EVIDENCE], 0

    def update(self):
        node = self.dice.choice(self.nodes)
        owner = self.model.nodes[node][0] if self.dice.random() < 0.9 else self.dice.choice(self.people)
        return (self.net.nodes, "update", owner,
                [node, "", 100 * self.dice.randrange(8), self.dice.randrange(12), ""], 0)

    def bar(self):
        until = self.model.now + self.dice.randrange(self.bar_s)
        return (self.net.blacklist, "bar", self.dice.choice(self.verifiers),
                [self.dice.choice(self.people), until, EVIDENCE, "why"], 0)

    def lift(self):
        return (self.net.blacklist, "lift", self.dice.choice(self.verifiers + [self.net.owner]),
                [self.dice.choice(list(self.model.bars) or self.people)], 0)

    def create(self):
        budget = self.dice.randrange(60000)
        value = self.dice.choice((0, budget, budget, budget, budget + 1))
        return (self.net.jobs, "create", self.dice.choice(self.customers),
                [EVIDENCE, budget, self.model.now + self.dice.randrange(self.job_s),
                 *(self.dice.choice((700, 700, 700, 200)) for _ in range(3))], value)

    def top_up(self):
        number, amount = self.any_job(self.before_its_deadline), self.dice.randrange(3000)
        return (self.net.jobs, "topUp", self.dice.choice(self.parties(number)), [number, amount],
                self.dice.choice((0, amount, amount)))

    def cancel(self):
        opened = [n for n, job in self.model.jobs.items() if job.state == OPEN]
        number = self.dice.choice(opened) if opened and self.dice.random() < 0.5 else self.any_job()
        return self.net.jobs, "cancel", self.dice.choice(self.parties(number)), [number], 0

    def close(self):
        number = self.any_job(lambda job: job.state == ACTIVE)
        return self.net.jobs, "close", self.dice.choice(self.parties(number) + self.managers), [number], 0

    def finish(self):
        return self.net.jobs, "finish", self.dice.choice(self.people), [self.any_job(lambda job: self.model.now >= job.ends_at)], 0

    def assign(self):
        who = self.dice.choice(self.managers) if self.dice.random() < 0.95 else self.dice.choice(self.people)
        return self.net.jobs, "assign", who, [self.any_job(self.before_its_deadline), self.dice.choice(self.nodes),
                                              self.dice.choice((700, 700, 700, 300))], 0

    def of_a_job(self):
        number = self.any_job(lambda job: job.assignments and self.model.now < job.ends_at + self.net.report_s)
        job = self.model.jobs.get(number)
        known = list(job.assignments) if job else []
        node = self.dice.choice(known) if known and self.dice.random() < 0.95 else self.dice.choice(self.nodes)
        return number, node, job.assignments.get(node) if job else None

    def unassign(self):
        number, node, _ = self.of_a_job()
        return self.net.jobs, "unassign", self.dice.choice(self.parties(number, node) + self.managers), [number, node], 0

    def report(self):
        number, node, a = self.of_a_job()
        ordinal = a.batches if a and self.dice.random() < 0.9 else self.dice.randrange(4)
        tree = Tree(number, node, ordinal, self.segment[:self.dice.randrange(1, 10)])
        return self.net.jobs, "report", self.dice.choice(self.parties(number, node)), [number, node, ordinal, tree], 0

    def count_of(self, place):
        job = self.model.jobs.get(place[0])
        batch = job and job.batches.get(place[1:])
        return batch.count if batch else 3

    def confirm(self):
        place = self.any_batch(B_REPORTED)
        count = self.count_of(place)
        return (self.net.jobs, "confirm", self.dice.choice(self.verifiers),
                [*place, self.dice.choice((count, count, self.dice.randrange(count + 2))), EVIDENCE], 0)

    def reject(self):
        place = self.any_batch(B_REPORTED)
        return self.net.jobs, "reject", self.dice.choice(self.verifiers), [*place, EVIDENCE], 0

    def dispute(self):
        place = self.any_batch(B_REPORTED, B_JUDGED, B_JUDGED)
        job = self.model.jobs.get(place[0])
        batch = job and job.batches.get(place[1:])
        index = self.dice.randrange(self.count_of(place))
        tree = batch.tree if batch else Tree(*place, self.segment[:3])
        segment = self.dice.choices((tree.segments[index], EVIDENCE, bytes(32)), (18, 1, 2))[0]
        return (self.net.jobs, "dispute", self.dice.choice(self.parties(*place[:2])),
                [*place, index, segment, tree.proof(index)], 0)

    def resolve(self):
        place = self.any_batch(B_DISPUTED)
        return (self.net.jobs, "resolve", self.dice.choice(self.verifiers + [self.net.owner]),
                [*place, self.dice.randrange(self.count_of(place) + 1), EVIDENCE], 0)

    def settle(self):
        place = self.any_batch(B_REPORTED, B_JUDGED, B_DISPUTED, B_RESOLVED)
        return self.net.jobs, "settle", self.dice.choice(self.parties(*place[:2]) + self.people[:1]), list(place), 0

    WEIGHTS = {deposit: 3, deposit_for: 1, withdraw: 3, transfer: 2, allow: 3, transfer_from: 2, membership: 2, update: 1,
               bar: 1, lift: 3, create: 7, top_up: 2, cancel: 1, close: 1, finish: 5, assign: 10, unassign: 1, report: 14,
               confirm: 10, reject: 3, dispute: 8, resolve: 5, settle: 14}

    # One block.

    def transaction(self, contract, function, sender, arguments, value, good):
        if function == "report":
            # One that is refused is refused whatever its root; unless the clock goes on, and it is not.
            tree = arguments[3]
            arguments = [*arguments[:3], len(tree.segments), tree.root if good or self.chain.clocked else EVIDENCE]
        return self.chain.transaction(sender, contract.address, contract.encode(function, arguments), value, GAS)

    def foresee(self, calls):
        """Each with what the model says of it, which is asked for the next one only then."""
        return [(*call, self.model.carry_out(*call[1:])) for call in calls]

    def block(self, calls):
        """Transactions in this order, each with what the model says of it beforehand."""
        before = copy.deepcopy(self.model) if self.chain.clocked else None
        expected = self.foresee(calls())
        sent = [self.transaction(*e) for e in expected]
        receipts = self.chain.one_block(sent, self.model.now)
        if self.chain.clocked:
            # The same once more, at the time that it really was.
            self.model = before
            self.model.now = self.chain.now()
            expected = self.foresee(e[:-1] for e in expected)
        for receipt, transaction, (_, function, sender, arguments, value, good) in zip(receipts, sent, expected):
            self.assertEqual(int(receipt["status"], 16) == 1, good,
                             f"seed {SEED}, block {int(receipt['blockNumber'], 16)}: {function} {arguments} by {sender}, "
                             f"{value} wei sent along")
            self.fees[sender] += int(receipt["gasUsed"], 16) * int(transaction["gasPrice"], 16)
            self.count[function, good] += 1

    def check(self):
        """The chain's state is the model's, and the money adds up."""
        net, model = self.net, self.model
        holders = [*self.people, net.jobs.address]
        live = [n for n, job in model.jobs.items() if job.state not in FINAL or n % 7 == 0]
        asked = ([(net.accounts, "balanceOf", [who]) for who in holders] + [(net.jobs, "getJob", [n]) for n in live]
                 + [(net.jobs, "loadOf", [node]) for node in self.nodes])
        words = self.chain.rpc.batch([("eth_call", [{"to": c.address, "data": "0x" + c.encode(f, a).hex()}, "latest"])
                                      for c, f, a in asked])
        words = [[int(w[i:i + 64], 16) for i in range(2, len(w), 64)] for w in words]
        balances = [w[0] for w in words[:len(holders)]]
        self.assertEqual(balances, [model.balance[who] for who in holders], f"seed {SEED}")
        self.assertEqual(self.chain.balance(net.accounts.address), sum(balances), f"seed {SEED}")
        escrow = 0
        for n, w in zip(live, words[len(holders):]):
            job = model.jobs[n]
            self.assertEqual((w[1], w[4], w[5], w[6], w[7], w[8]),
                             (job.state, job.ends_at, job.budget, job.free, job.held, len(job.open())), f"seed {SEED}, job {n}")
            escrow += w[6] + w[7]
        self.assertEqual(balances[-1], escrow, f"seed {SEED}: what Jobs has and what its jobs hold")
        self.assertEqual([w[0] for w in words[-len(self.nodes):]], [model.load[node] for node in self.nodes])

    def pass_time(self):
        self.model.now += self.dice.choice((1, 1, self.dice.randrange(1, 100), self.dice.randrange(1, 300),
                                            self.dice.randrange(1, 1200)))

    def pass_all_time(self):
        self.model.now += 10**7

    def random_calls(self):
        functions, weights = zip(*self.WEIGHTS.items())
        for function in self.dice.choices(functions, weights, k=self.a_block):
            yield function(self)

    def last_calls(self, everything):
        for start in range(0, len(everything), self.a_block):
            part = everything[start:start + self.a_block]
            self.model.now += 1
            self.block(lambda: part)

    def end(self):
        """Nobody does anything for a long time; then anybody settles and finishes, and everybody takes what is theirs."""
        net, anybody = self.net, self.net.owner
        self.pass_all_time()
        live = [(n, job) for n, job in self.model.jobs.items() if job.state not in FINAL]
        self.last_calls([(net.jobs, "settle", anybody, [n, *key], 0) for n, job in live for key in job.open()])
        self.last_calls([(net.jobs, "finish", anybody, [n], 0) for n, _ in live])
        self.check()
        self.assertEqual({job.state in FINAL for job in self.model.jobs.values()}, {True}, f"seed {SEED}")
        self.assertEqual(self.model.balance[net.jobs.address], 0)
        self.last_calls([(net.accounts, "withdraw", who, [self.model.balance[who]], 0) for who in self.people
                         if self.model.balance[who]])
        self.assertEqual(self.chain.balance(net.accounts.address), 0)
        for who in self.people:
            self.assertEqual(self.chain.balance(who), self.wallets[who] + self.model.wallet[who] - self.fees[who], who)

    def test_walk(self):
        print(f"figure: {self.steps} random steps, DSN_SEED={SEED}", flush=True)
        self.model.now = self.chain.now()
        for _ in range(0, self.steps, self.a_block):
            self.pass_time()
            self.block(self.random_calls)
            self.check()
        self.end()
        jobs = collections.Counter(job.state for job in self.model.jobs.values())
        print(f"figure: {sum(self.count.values())} transactions, {sum(jobs.values())} jobs, final states {dict(jobs)}")
        for function in sorted({f for f, _ in self.count}):
            print(f"figure: {function}: {self.count[function, True]} carried out, {self.count[function, False]} refused")
            # No function was only refused, so none was left untried.
            self.assertGreaterEqual(self.count[function, True], self.steps // 1000, function)
        self.whole(jobs)

    def whole(self, jobs):
        """Jobs came to each of their ends."""
        self.assertEqual(set(jobs), set(FINAL))


if __name__ == "__main__":
    main()
