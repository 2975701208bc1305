"""What the contracts promise, once more and independently: a transaction either raises No and changes nothing, or changes
this model as the documents say. The random test holds the two against each other.

Times are seconds since 1970, amounts wei. Staff is fixed; nodes are listed before and stay.
"""
import collections
import copy

from contracts_case import (ACTIVE, B_DISPUTED, B_JUDGED, B_REPORTED, B_RESOLVED, B_SETTLED, CANCELLED, CLOSED, CLOSING,
                            CUSTOMER, EXPIRED, OPEN, SUPPLIER)

FINAL = (CANCELLED, CLOSED, EXPIRED)
# A job passes from one state to another only so.
EDGES = {(OPEN, ACTIVE), (OPEN, CANCELLED), (OPEN, EXPIRED), (ACTIVE, CLOSING), (ACTIVE, EXPIRED), (CLOSING, CLOSED),
         (CLOSING, EXPIRED)}


class No(Exception):
    pass


def need(condition):
    if not condition:
        raise No


class Job:
    def __init__(self, customer, budget, deadline, limits):
        self.customer, self.deadline, self.ends_at, self.limits = customer, deadline, deadline, limits
        self.state, self.budget, self.free, self.held, self.paid, self.refund = OPEN, budget, budget, 0, 0, 0
        self.running, self.assignments, self.batches = set(), {}, {}

    def become(self, state):
        assert (self.state, state) in EDGES, (self.state, state)
        self.state = state

    def open(self):
        return [key for key, batch in self.batches.items() if batch.state != B_SETTLED]


class Assignment:
    def __init__(self, payee, price):
        self.payee, self.price, self.batches, self.until = payee, price, 0, 0


class Batch:
    def __init__(self, tree, now):
        self.tree, self.count, self.accepted, self.state, self.since, self.verifier = (
            tree, len(tree.segments), 0, B_REPORTED, now, None)


class Model:
    def __init__(self, net, managers, verifiers, owner):
        self.jobs_address = net.jobs.address
        self.report_s, self.verify_s, self.dispute_s, self.resolve_s = net.chain.windows
        self.managers, self.verifiers, self.owner = set(managers), set(verifiers), owner
        self.balance = collections.defaultdict(int)
        self.allowance = collections.defaultdict(int)
        self.wallet = collections.defaultdict(int)  # what everybody sent into the contracts, negative, or got out
        self.members = {CUSTOMER: set(), SUPPLIER: set()}
        self.nodes = {}  # address -> [owner, work, price, capacity]
        self.bars = {}  # address -> (until, verifier)
        self.load = collections.defaultdict(int)
        self.jobs = {}
        self.now = 0

    def carry_out(self, function, sender, arguments, value):
        """Whether it succeeds. Whoever is refused changes nothing: that is what the chain does, and what is asked of a
        model that says No half way."""
        before = copy.copy(self.balance), copy.copy(self.wallet)
        if value:
            self.wallet[sender] -= value
        try:
            getattr(self, "do_" + function)(sender, value, *arguments)
            return True
        except No:
            self.balance, self.wallet = before
            return False

    # Accounts

    def move(self, holder, to, amount):
        need(0 < amount <= self.balance[holder])
        self.balance[holder] -= amount
        self.balance[to] += amount

    def do_register(self, sender, _, kind, profile):
        need(sender not in self.members[kind])
        self.members[kind].add(sender)

    def do_unregister(self, sender, _, kind):
        need(sender in self.members[kind])
        self.members[kind].remove(sender)

    def do_deposit(self, sender, value):
        self.do_depositFor(sender, value, sender)

    def do_depositFor(self, sender, value, account):
        need(value)
        self.balance[account] += value

    def do_withdraw(self, sender, _, amount):
        need(0 < amount <= self.balance[sender])
        self.balance[sender] -= amount
        self.wallet[sender] += amount

    def do_transfer(self, sender, _, to, amount):
        self.move(sender, to, amount)

    def do_allow(self, sender, _, spender, expected, amount):
        need(self.allowance[sender, spender] == expected)
        self.allowance[sender, spender] = amount

    def do_transferFrom(self, sender, _, holder, to, amount):
        need(amount <= self.allowance[holder, sender])
        self.move(holder, to, amount)
        self.allowance[holder, sender] -= amount

    # Nodes, Blacklist

    def do_update(self, sender, _, node, endpoint, price, capacity, version):
        need(self.nodes[node][0] == sender and capacity)
        self.nodes[node][2:] = price, capacity

    def barred(self, who):
        return self.bars.get(who, (0, None))[0] > self.now

    def do_bar(self, sender, _, subject, until, evidence, reason):
        need(sender in self.verifiers and until > self.now and not self.barred(subject))
        self.bars[subject] = until, sender

    def do_lift(self, sender, _, subject):
        need(self.barred(subject))
        need(sender == self.owner or (sender in self.verifiers and self.bars[subject][1] == sender))
        del self.bars[subject]

    # Jobs: money and states

    def collect(self, sender, value, amount):
        need(amount and value in (0, amount))
        if value:
            self.balance[self.jobs_address] += amount
        else:
            self.do_transferFrom(self.jobs_address, 0, sender, self.jobs_address, amount)

    def job(self, number):
        need(number in self.jobs)
        return self.jobs[number]

    def do_create(self, sender, value, document, budget, deadline, *limits):
        need(sender in self.members[CUSTOMER] and not self.barred(sender))
        need(self.now < deadline <= self.now + 366 * 86400)
        self.collect(sender, value, budget)
        self.jobs[len(self.jobs) + 1] = Job(sender, budget, deadline, limits)

    def do_topUp(self, sender, value, number, amount):
        job = self.job(number)
        need(job.customer == sender and job.state in (OPEN, ACTIVE) and self.now < job.deadline)
        self.collect(sender, value, amount)
        job.budget += amount
        job.free += amount

    def end(self, job, state):
        job.become(state)
        job.refund, job.free = job.free, 0
        self.balance[self.jobs_address] -= job.refund
        self.balance[job.customer] += job.refund
        assert not job.held and job.refund + job.paid == job.budget

    def release(self, job):
        for node in job.running:
            self.load[node] -= 1

    def do_cancel(self, sender, _, number):
        job = self.job(number)
        need(job.customer == sender and job.state == OPEN)
        self.end(job, CANCELLED)

    def do_close(self, sender, _, number):
        job = self.job(number)
        need(job.state == ACTIVE)
        if self.now < job.deadline:
            need(sender == job.customer or sender in self.managers)
            job.ends_at = self.now
        job.become(CLOSING)
        self.release(job)

    def do_finish(self, sender, _, number):
        job = self.job(number)
        if job.state == OPEN:
            need(self.now >= job.deadline)
        else:
            need(job.state in (ACTIVE, CLOSING) and self.now >= job.ends_at + self.report_s and not job.open())
        if job.state == ACTIVE:
            self.release(job)
        self.end(job, CLOSED if job.ends_at < job.deadline else EXPIRED)

    # Jobs: nodes

    def do_assign(self, sender, _, number, node, most):
        job = self.job(number)
        need(sender in self.managers and job.state in (OPEN, ACTIVE) and self.now < job.deadline)
        owner, work, price, capacity = self.nodes[node]
        need(not self.barred(node) and not self.barred(owner) and owner in self.members[SUPPLIER])
        need(price <= min(job.limits[work], most) and self.load[node] < capacity)
        a = job.assignments.get(node)
        if a:
            need(a.until and (a.payee, a.price) == (owner, price))
            a.until = 0
        else:
            job.assignments[node] = Assignment(owner, price)
        job.running.add(node)
        self.load[node] += 1
        if job.state == OPEN:
            job.become(ACTIVE)

    def do_unassign(self, sender, _, number, node):
        job = self.job(number)
        need(job.state == ACTIVE and node in job.running)
        a = job.assignments[node]
        need(sender in self.managers or sender == a.payee)
        job.running.remove(node)
        a.until = min(self.now, job.ends_at)
        self.load[node] -= 1

    # Jobs: batches

    def batch(self, number, node, ordinal):
        job = self.job(number)
        need((node, ordinal) in job.batches)
        return job, job.assignments[node], job.batches[node, ordinal]

    def do_report(self, sender, _, number, node, ordinal, tree):
        job = self.job(number)
        need(job.state in (ACTIVE, CLOSING) and node in job.assignments)
        a = job.assignments[node]
        claim = a.price * len(tree.segments)
        need(sender in (node, a.payee) and self.now < (a.until or job.ends_at) + self.report_s)
        need(ordinal == a.batches and tree.segments and claim <= job.free)
        job.free -= claim
        job.held += claim
        a.batches += 1
        job.batches[node, ordinal] = Batch(tree, self.now)

    def judge(self, sender, number, node, ordinal, accepted):
        job, a, batch = self.batch(number, node, ordinal)
        need(sender in self.verifiers and sender not in (job.customer, node, a.payee))
        need(batch.state == B_REPORTED and self.now < batch.since + self.verify_s and accepted <= batch.count)
        batch.accepted, batch.state, batch.since, batch.verifier = accepted, B_JUDGED, self.now, sender

    def do_confirm(self, sender, _, number, node, ordinal, accepted, evidence):
        need(accepted)
        self.judge(sender, number, node, ordinal, accepted)

    def do_reject(self, sender, _, number, node, ordinal, evidence):
        self.judge(sender, number, node, ordinal, 0)

    def judged(self, batch):
        return batch.since + (self.verify_s if batch.state == B_REPORTED else 0)

    def do_dispute(self, sender, _, number, node, ordinal, index, segment, proof):
        job, a, batch = self.batch(number, node, ordinal)
        need(batch.state in (B_REPORTED, B_JUDGED))
        need(self.judged(batch) <= self.now < self.judged(batch) + self.dispute_s)
        need((batch.accepted and sender == job.customer)
             or (batch.accepted < batch.count and sender in (node, a.payee)))
        for_want_of_any = sender == job.customer and segment == bytes(32)
        need(for_want_of_any or (index < batch.count and segment == batch.tree.segments[index]
                                 and proof == batch.tree.proof(index)))
        batch.state, batch.since = B_DISPUTED, self.now

    def do_resolve(self, sender, _, number, node, ordinal, accepted, evidence):
        job, a, batch = self.batch(number, node, ordinal)
        need(sender in self.verifiers or sender == self.owner)
        need(sender not in (job.customer, node, a.payee, batch.verifier))
        need(batch.state == B_DISPUTED and self.now < batch.since + self.resolve_s and accepted <= batch.count)
        batch.accepted, batch.state, batch.since = accepted, B_RESOLVED, self.now

    def do_settle(self, sender, _, number, node, ordinal):
        job, a, batch = self.batch(number, node, ordinal)
        need(batch.state != B_SETTLED)
        wait = {B_REPORTED: self.verify_s + self.dispute_s, B_JUDGED: self.dispute_s, B_DISPUTED: self.resolve_s,
                B_RESOLVED: 0}[batch.state]
        if self.now < batch.since + wait:
            need(batch.state in (B_REPORTED, B_JUDGED) and self.now >= self.judged(batch))
            need((batch.accepted == batch.count and sender == job.customer)
                 or (not batch.accepted and sender == a.payee))
        pay = batch.accepted * a.price
        job.held -= batch.count * a.price
        job.free += (batch.count - batch.accepted) * a.price
        job.paid += pay
        batch.state = B_SETTLED
        self.balance[self.jobs_address] -= pay
        self.balance[a.payee] += pay
