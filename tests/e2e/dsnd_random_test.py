"""Anything in any order, with real parts: orders, their ends and restarts, agents and dsnd that are killed, frozen and started again, nodes
that are barred or in maintenance; two dsnd on PostgreSQL, of which one leads. The same promises as in tests/unit/manager_random_test.c.
DSN_RANDOM_SEED, DSN_RANDOM_STEPS: as there; but here it is the machine that says when something happens."""
import collections
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import network
import postgres
from dsnd_store_test import Shared
from dsnd_test import Dsnd
from network import wait_for

STEPS = 320
QUIET_EVERY = 110
QUIET_S = 90
MOST_JOBS = 2
# Of the nodes of each agent beside those that a network has.
MORE = {"m1": ["d2", "t1"], "m2": ["s2", "t2"]}
ENDS = {"run": {"running", "failed"}, "stop": {"stopped"}, "cancel": {"cancelled"}}
HOLD = ("starting", "running", "failing", "stopping")
LAST = 30


class Refusal(Exception):
    """A promise is broken."""


class World:
    """What happens, and what is known of it."""

    def __init__(self, case, net, dsnds, dice):
        self.case, self.net, self.dsnds, self.dice = case, net, dsnds, dice
        self.leader, self.frozen, self.maintained = None, set(), set()
        self.ends = collections.defaultdict(lambda: set(ENDS["run"]))  # of each job: the states that it may end in
        self.busy, self.listed, self.terms = set(), {}, {}
        self.pool, self.calls = ThreadPoolExecutor(24), []
        self.said, self.counts, self.step = collections.deque(maxlen=LAST), collections.Counter(), 0
        self.began = time.monotonic()

    def tell(self, text):
        self.said.append(f"step {self.step} at {time.monotonic() - self.began:.1f} s: {text}")

    # --- dsnd ---

    def awake(self):
        return [d for d in self.dsnds if d.process.poll() is None and d not in self.frozen]

    def ask(self, dsnd, method, token="alice", **params):
        """The result, an error object, or None: it has ended meanwhile."""
        try:
            return dsnd.call(method, token, **params)
        except (OSError, AssertionError, ValueError):
            return None

    def somebody(self):
        """Mostly who has led at the last look."""
        awake = self.awake()
        return self.leader if self.leader in awake and self.dice.random() < 0.9 else self.dice.choice(awake or [None])

    def lists(self, dsnd):
        return (self.ask(dsnd, "orders.list") or {}).get("orders")

    def later(self, fn, *args):
        self.calls = [c for c in self.calls if not c.done() or c.result()]
        self.calls.append(self.pool.submit(fn, *args))

    def judge(self, what, answer):
        """Was it accepted? None: nobody knows."""
        if answer is None:
            return None
        if "code" not in answer:
            self.counts["answered"] += 1
            return True
        self.counts["refused"] += 1
        error = answer["data"]["error"]
        self.tell(f"{what}: {error}: {answer['message'][:150]}")
        if not answer["message"]:
            raise Refusal(f"{what}: a decision without a reason: {answer}")
        # What has failed was begun, and what is unavailable may have been: its leader was lost meanwhile, and says so.
        return None if error in ("failed", "timeout", "unavailable") else False

    # --- operations ---

    def order(self):
        dsnd, word = self.somebody(), self.dice.choice([None, f"w{self.step // 20}"])
        changes = {"redundancy": {"storage": "standby"}} if self.dice.random() < 0.3 else {}

        def call():
            self.judge("orders.create", self.ask(dsnd, "orders.create", order=self.case.order_now(changes), **({"once": word} if word else {})))

        if dsnd:
            self.later(call)

    def change(self, method, wish):
        jobs = [job for job, o in self.listed.items() if job not in self.busy and not o["state"].startswith("cancel")]
        dsnd = self.somebody()
        if not jobs or not dsnd:
            return
        job = self.dice.choice(jobs[:8])
        before = set(self.ends[job])

        def call():
            accepted = self.judge(f"{method} {job}", self.ask(dsnd, method, job=job))
            self.ends[job] = before if accepted is False else ENDS[wish] if accepted else before | ENDS[wish]
            self.busy.discard(job)

        self.tell(f"{method} {job}")
        self.busy.add(job)
        self.ends[job] = before | ENDS[wish]
        self.later(call)

    def cancel(self):
        self.change("orders.cancel", "cancel")

    def stop(self):
        self.change("pipelines.stop", "stop")

    def start(self):
        self.change("pipelines.start", "run")

    def explain(self):
        for dsnd in self.awake():
            if not self.listed:
                return
            job = self.dice.choice(list(self.listed))
            answer = self.ask(dsnd, "orders.explain", job=job)
            if answer and "decisions" in answer and not (answer["decisions"] and all(d["record"] for d in answer["decisions"])):
                raise Refusal(f"{job}: a decision without a reason: {answer}")

    def mark(self):
        method, node = self.dice.choice(["nodes.bar", "nodes.set_aside", "nodes.admit", "nodes.admit"]), self.dice.choice(list(self.net.ids.values()))
        for dsnd in self.awake():
            self.judge(method, self.ask(dsnd, method, "operator", node_id=node, why="a throw of dice"))

    def maintain(self):
        node, word = self.dice.choice(list(self.net.ids.values())), self.dice.choice(["on", "off", "off"])
        self.maintained.add(node)
        self.tell(f"maintenance of {node}: {word}")
        self.later(lambda: self.net.vcli_try("node", "maintenance", word, node, "--timeout", "2s") and None)

    def agent(self):
        agent = self.dice.choice(list(self.net.agents.values()))
        if agent in self.frozen:
            self.thaw(agent)
        elif not agent.running():
            self.tell(f"agent {agent.name} starts")
            agent.start()
        elif self.dice.random() < 0.5:
            self.tell(f"agent {agent.name} is killed")
            agent.kill()
        else:
            self.freeze(agent)

    def freeze(self, who):
        self.tell(f"{who.folder.name} is frozen")
        who.process.send_signal(signal.SIGSTOP)
        self.frozen.add(who)

    def thaw(self, who):
        self.tell(f"{who.folder.name} is woken")
        who.process.send_signal(signal.SIGCONT)
        self.frozen.discard(who)

    def dsnd(self):
        dsnd = self.dice.choice(self.dsnds)
        if dsnd in self.frozen:
            self.thaw(dsnd)
        elif dsnd.process.poll() is not None:
            self.tell(f"{dsnd.folder.name} starts")
            dsnd.spawn(dsnd)
        elif self.dice.random() < 0.5:
            self.tell(f"{dsnd.folder.name} is killed")
            dsnd.process.kill()
            dsnd.process.wait()
        else:
            self.freeze(dsnd)

    def nothing(self):
        pass

    # --- promises ---

    def look(self):
        self.one_leader()
        self.terms_rise()
        holds = collections.Counter(node["node_id"] for o in self.listed.values() if o["state"] in HOLD for node in o["nodes"])
        for node, jobs in holds.items():
            if jobs > MOST_JOBS:
                raise Refusal(f"capacity is promised twice: node {node} has {jobs} jobs")
        for job, order in self.listed.items():
            if order["state"] in ("failing", "failed") and not order.get("why"):
                raise Refusal(f"{job}: a decision without a reason: {order}")

    def one_leader(self):
        awake = self.awake()
        lists = [self.lists(d) for d in awake]
        if len(awake) == 2 and None not in lists and self.lists(awake[0]) is not None:
            raise Refusal("two dsnd lead")
        for dsnd, orders in zip(awake, lists):
            if orders is None:
                continue
            self.leader = dsnd
            now = {o["job"]: o for o in orders}
            if not now.keys() >= self.listed.keys():
                raise Refusal(f"an accepted order is forgotten: {self.listed.keys() - now.keys()}")
            self.listed = now

    def rows(self, agent, sql):
        path = agent.folder / "agent.db"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(sql).fetchall()

    def terms_rise(self):
        for agent in self.net.agents.values():
            for manager, node, term in self.rows(agent, "select manager, recipient, term from manager_term"):
                if term < self.terms.get((manager, node), 0):
                    raise Refusal(f"a term goes backwards at {node}: {term}, {self.terms[manager, node]} was known")
                self.terms[manager, node] = term

    def served(self):
        return {tuple(row) for agent in self.net.agents.values() for row in self.rows(agent, "select node, job from job where running=1")}

    # --- quiet ---

    def calm(self):
        """All that hinders ends."""
        self.tell("all that hinders ends")
        for who in list(self.frozen):
            self.thaw(who)
        for dsnd in self.dsnds:
            if dsnd.process.poll() is not None:
                dsnd.spawn(dsnd)
        for agent in self.net.agents.values():
            if not agent.running():
                agent.start()
        wait_for("a leader", lambda: any(self.lists(d) is not None for d in self.awake()), 30)
        for node in self.net.ids.values():
            for dsnd in self.awake():
                self.ask(dsnd, "nodes.admit", "operator", node_id=node)
        for node in self.maintained:
            self.net.vcli("node", "maintenance", "off", node, "--timeout", "30s")
        self.maintained.clear()

    def unsettled(self):
        """What is not yet as it is to be in the end; None: nothing."""
        if [c for c in self.calls if not c.done()]:
            return "a call that is not answered"
        for call in self.calls:
            call.result()
        self.look()
        wrong = {job: (o["state"], self.ends[job]) for job, o in self.listed.items() if o["state"] not in self.ends[job]}
        if wrong:
            return f"orders in other states than is wished: {wrong}"
        if self.case.server.sql("select count(*) from jobs_telling") != "0":
            return "a hand-over that has not ended"
        wanted = self.case.wanted()
        served = self.served()
        return None if wanted == served else f"served: {sorted(served - wanted)}, not served: {sorted(wanted - served)}"

    def quiet(self):
        self.calm()
        wait_for("all as wished when it is quiet", lambda: self.unsettled() is None, QUIET_S, lambda: self.unsettled())
        self.case.reasons()


WEIGHTS = {World.order: 20, World.cancel: 14, World.stop: 8, World.start: 10, World.explain: 4, World.mark: 3, World.maintain: 3, World.agent: 10,
           World.dsnd: 6, World.nothing: 6}


class Random(Shared):
    def fleet(self):
        net = self.network(start=False, transcoders=0, agent_flags=("--most-jobs", str(MOST_JOBS)))
        net.role = lambda key: {"d": "distributor", "s": "storage", "t": "transcoder"}[key[0]]
        for name, keys in MORE.items():
            net.ids.update({key: net.new_id() for key in keys})
            agent = net.add_agent(name, [net.ids[key] for key in keys], ("--most-jobs", str(MOST_JOBS)))
            net.agent_of.update({key: agent for key in keys})
        return net

    def pair(self, net):
        flags = (*self.flags("3s"), "--start-timeout", "8s")
        first = Dsnd(net, *flags).start()
        second = Dsnd(net, *flags, name="dsnd2")
        second.folder.mkdir(mode=0o700)
        shutil.copy2(first.folder / "identity.key", second.folder / "identity.key")
        return first, second.start()

    def order_now(self, changes):
        return self.order(self.net, number_of_streams="1", transcoding=[
            {"resolution_name": name, "resolution": f"{w}x{h}", "bitrate": str(bps)} for name, w, h, bps in network.RENDITIONS[:1]], **changes)

    def wanted(self):
        """{(node, job)} of all that runs."""
        text = self.server.sql("select job || ' ' || (n->>'node_id') || ' ' || coalesce(n->>'failover_node_id', '') from jobs_order, "
                               "json_array_elements(document::json->'pipeline'->'nodes') n where state='running'")
        words = [line.split() for line in text.splitlines()]
        return {(node, job) for job, *nodes in words for node in nodes}

    def reasons(self):
        """Each decision has its own, on disk."""
        for what, sql in (("a failure", "select count(*) from jobs_order where state='failed' and coalesce(why,'')=''"),
                          ("a replacement", "select count(*) from jobs_move where cause='' or why=''"),
                          ("a placement", "select count(*) from jobs_order o where not exists (select 1 from jobs_placement p "
                           "where p.job=o.job and length(p.record)>2)")):
            self.assertEqual(self.server.sql(sql), "0", f"{what} without a reason")

    def test_anything_in_any_order(self):
        seed = int(os.environ.get("DSN_RANDOM_SEED") or random.SystemRandom().getrandbits(32))
        steps = int(os.environ.get("DSN_RANDOM_STEPS") or STEPS)
        print(f"DSN_RANDOM_SEED={seed} DSN_RANDOM_STEPS={steps}", flush=True)
        dice, net = random.Random(seed), self.fleet()
        dsnds = self.pair(net)
        for agent in net.agents.values():
            agent.flags += ["--manager", dsnds[0].address]
        net.up()
        self.dsnd = dsnds[0]
        self.obeyed(len(net.ids))
        world = World(self, net, dsnds, dice)
        try:
            for world.step in range(1, steps + 1):
                dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0](world)
                time.sleep(dice.choice([0, 0.01, 0.05, 0.1, 0.2, 0.4]))
                world.look()
                if world.step % QUIET_EVERY == 0 or world.step == steps:
                    world.quiet()
        except BaseException:
            print(f"DSN_RANDOM_SEED={seed}; the last of what was done:", *world.said, sep="\n  ", flush=True)
            raise
        finally:
            for who in list(world.frozen):
                world.thaw(who)
            world.pool.shutdown()
        print(f"{len(world.listed)} orders, {dict(world.counts)}, {time.monotonic() - world.began:.0f} s", flush=True)


if __name__ == "__main__":
    network.main()
