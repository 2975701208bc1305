"""Bad days of a network that dsnd runs, and what holds on them: its disk is full, a clock is wrong, an agent lies, an owner's machines
are all gone, a node cannot be told that its job is over, a customer orders a thousand times or gives up, and dsnd is killed at each
step of an order. dsnd_away_test.py has those on which something is away."""
import json
import os
import pathlib
import signal
import sqlite3
import struct
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import broker
import network
from clock_jumps_test import Clock
from dsnd_test import Case, Dsnd
from network import BIN, figure, wait_for

THOUSAND = 1000


class Days(Case):
    def machines(self, transcoders=1, more=(), flags=(), before=None, dsnd=()):
        """A machine for each node, and further ones by their names (s2). `before` gets the network and dsnd before they start."""
        net = self.network(start=False, transcoders=transcoders)
        net.role = lambda key: {"d": "distributor", "s": "storage", "t": "transcoder"}[key[0]]
        net.variants = lambda: ["_src", network.RENDITIONS[0][0]]
        for key in more:
            net.ids[key] = net.new_id()
            net.agent_of[key] = net.add_agent(key, [net.ids[key]])
        self.dsnd = Dsnd(net, *dsnd)
        if before:
            before(net)
        self.dsnd.start()
        for agent in net.agents.values():
            agent.flags += ["--manager", self.dsnd.address, *flags]
        net.up()
        self.obeyed(len(net.ids))
        return net

    def order(self, net, **changes):
        name, w, h, bps = network.RENDITIONS[0]
        return super().order(net, number_of_streams="1", transcoding=[
            {"resolution_name": name, "resolution": f"{w}x{h}", "bitrate": str(bps)}], **changes)

    def create(self, net, **params):
        return self.dsnd.call("orders.create", order=self.order(net), **params)

    def ordered(self, net):
        made = self.create(net)
        self.assertEqual(made["state"], "running", made)
        self.job, self.key = made["job"], made["ingest"]["key"]
        self.look_at(net)

    def look_at(self, net):
        """The network's eyes and its publisher: the nodes that the order has."""
        for role, key in (("distributor", "d"), ("storage", "s")):
            node = self.node(role)
            found = next(k for k, id in net.ids.items() if id == node)
            net.ids[key], net.ids[found] = net.ids[found], net.ids[key]
            net.ports[key], net.ports[found] = net.ports[found], net.ports[key]
            net.agent_of[key], net.agent_of[found] = net.agent_of[found], net.agent_of[key]

    def published(self, net, seconds):
        push = net.publish(self.film(seconds), self.job, self.key)
        net.wait_segments(2, job=self.job)
        return push

    def status(self, job=None):
        return self.dsnd.call("orders.status", job=job or self.job)

    def node(self, role):
        return next(n["node_id"] for n in self.status()["nodes"] if n["role"] == role)

    def replaced(self):
        return [e for e in self.dsnd.call("events.list", "operator", after=0)["events"] if e["type"] == "job.replaced"]

    def ready(self, words="ready\n", seconds=40):
        wait_for(f"/readyz: {words}", lambda: words in self.dsnd.get("/readyz")[1], seconds, lambda: self.dsnd.get("/readyz"))

    def as_before(self, net, units):
        """Nothing was moved, nothing touched, and dsnd knows all."""
        self.ready()
        self.obeyed(len(net.ids))
        status = wait_for("all parts serve", lambda: (lambda s: {n["part"] for n in s["nodes"]} == {"serving"} and s)(self.status()), 40,
                          self.status)
        self.assertEqual((status["state"], status.get("why")), ("running", None))
        self.assertEqual(self.replaced(), [])
        net.wait_segments(1, job=self.job)
        self.assertEqual(net.units(self.job), units)


class Wrong(Days):
    def test_clocks(self):
        """One machine is three minutes ahead, another three minutes behind, dsnd is right."""
        def before(net):
            for key, seconds in (("s", 180), ("t1", -180)):
                folder = net.folder / f"clock-{key}"
                folder.mkdir()
                clock = Clock(folder)
                clock.set(seconds)
                net.agent_of[key].environment = clock.env

        net = self.machines(before=before)
        self.ordered(net)
        push = self.published(net, 60)
        net.end_push(push)
        self.assertEqual(self.dsnd.call("pipelines.stop", job=self.job)["state"], "stopped")
        self.assertEqual(self.dsnd.call("pipelines.start", job=self.job)["state"], "running")
        self.assertEqual(self.dsnd.call("orders.cancel", job=self.job)["state"], "cancelled")
        wait_for("the end everywhere", lambda: not net.units(self.job), 40, lambda: net.units(self.job))

    def liar(self, net, word):
        """A storage of nobody's: it says what it likes of itself, and does nothing."""
        peer = broker.Peer(net.bus, "--sealed", "--network", net.name)
        self.addCleanup(peer.kill)
        peer.wait("state", "up")
        peer.order("key", word)
        id = peer.wait("key", word)[2]
        peer.order("serve", id, "durable")
        peer.wait("served", id)
        status = json.dumps({
            "node_id": id, "agent_id": id, "role": "storage", "state": "running", "ip": "127.0.0.1", "maintenance": "off",
            "ports": {"rtmp": "1935", "http": "8080"}, "mode": "managed", "job_count": "0", "version": "9.9.9"}, separators=(",", ":"))

        def speak():
            while not stopped.wait(2):
                peer.order("status", id, status)

        stopped = threading.Event()
        threading.Thread(target=speak, daemon=True).start()
        self.addCleanup(stopped.set)
        return peer, id

    def test_an_agent_lies(self):
        """It claims to be a storage with room, and refuses what it is given: it fails a customer once, then the honest one serves him."""
        net = self.machines()
        peer, id = self.liar(net, "liar")
        peer.order("answer", "{}")
        wait_for("it is believed", lambda: id in [n["node_id"] for n in self.dsnd.call("nodes.list")["nodes"] if n["obeys"]], 30)
        peer.order("answer", '"no-room"')
        outcomes = {who: [] for who in ("alice", "bob")}
        for _ in range(5):
            for who, list in outcomes.items():
                made = self.dsnd.call("orders.create", who, order=self.order(net))
                list.append(made.get("state") or made["data"]["error"])
        figure(f"with a storage that refuses everything: {outcomes}")
        failed = {who: list.count("failed") for who, list in outcomes.items()}
        self.assertEqual(failed["alice"] + failed["bob"] > 0, True, "the liar was never chosen")
        for who, list in outcomes.items():
            self.assertLessEqual(failed[who], 1, outcomes)
            self.assertEqual(list.count("running"), len(list) - failed[who], outcomes)
        # Where there is nobody else, it is better than nobody.
        net.vcli("node", "maintenance", "on", net.ids["s"])
        wait_for("maintenance", lambda: self.dsnd.call("nodes.get", node_id=net.ids["s"])["state"] == "draining", 20)
        self.assertIn(id, str(self.dsnd.call("orders.plan", order=self.order(net))))


class Crowd(Days):
    def test_slots_and_a_thousand_orders(self):
        net = self.machines(flags=("--most-jobs", "2"))
        order, began = self.order(net), time.monotonic()
        with ThreadPoolExecutor(200) as pool:
            answers = list(pool.map(lambda n: self.dsnd.call("orders.create", "alice" if n % 2 else "bob", order=order), range(THOUSAND)))
        took = time.monotonic() - began
        running = [a for a in answers if a.get("state") == "running"]
        refused = [a for a in answers if "data" in a]
        self.assertEqual((len(running), len(refused)), (2, THOUSAND - 2), [a for a in answers if "data" in a][:3])
        self.assertEqual({a["data"]["error"] for a in refused}, {"unavailable"})
        for answer in refused:
            self.assertIn("distributor: of 1, 1 have", answer["message"])
        rss = int(pathlib.Path(f"/proc/{self.dsnd.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        figure(f"{THOUSAND} orders at once for two slots: 2 run, the others were told why, {took:.1f} s, dsnd has {rss >> 20} MiB")
        self.assertEqual(len(self.dsnd.call("orders.list", "operator")["orders"]), 2)

        # One slot is free: one of two gets it.
        self.assertEqual(self.dsnd.call("orders.cancel", "operator", job=running[0]["job"])["state"], "cancelled")
        wait_for("room", lambda: "plan" in self.dsnd.call("orders.plan", order=self.order(net)), 20)
        with ThreadPoolExecutor(2) as pool:
            two = list(pool.map(lambda who: self.dsnd.call("orders.create", who, order=order), ("alice", "bob")))
        self.assertEqual(sorted("running" if a.get("state") == "running" else a["data"]["error"] for a in two), ["running", "unavailable"])

        # Ctrl-C of one who waits: the order is there, and he has been told so.
        last = next(a for a in two if a.get("state") == "running")
        self.assertEqual(self.dsnd.call("orders.cancel", "operator", job=last["job"])["state"], "cancelled")
        wait_for("room", lambda: "plan" in self.dsnd.call("orders.plan", order=self.order(net)), 20)
        storage = net.agent_of["s"]
        storage.process.send_signal(signal.SIGSTOP)
        path = net.folder / "order.json"
        path.write_text(json.dumps(self.order(net)))
        ordering = net.vcli_start(*self.dsnd.words("order", "create", str(path), "--yes"))
        job = wait_for("the order", lambda: [o for o in self.dsnd.call("orders.list")["orders"] if o["state"] == "starting"], 20)[0]["job"]
        ordering.send_signal(signal.SIGINT)
        said = ordering.communicate(timeout=10)[1]
        self.assertEqual(ordering.returncode, -signal.SIGINT)
        self.assertIn("vcli order list", said)
        storage.process.send_signal(signal.SIGCONT)
        wait_for("the order", lambda: self.status(job)["state"] == "running", 40, lambda: self.status(job))
        self.assertEqual(self.dsnd.call("orders.cancel", job=job)["state"], "cancelled")

    def test_a_node_that_cannot_be_told(self):
        """Its key was never learned: what waits for it says so, is tried less and less often, and an operator need not wait."""
        net = self.machines()
        jobs = [self.create(net)["job"] for _ in range(2)]
        storage = net.agent_of["s"]
        storage.kill()
        self.dsnd.kill()
        for path in self.dsnd.folder.glob("known.db*"):
            path.unlink()
        self.dsnd.start()
        wait_for("orders", lambda: "orders" in self.dsnd.call("orders.list"), 20)
        for job in jobs:
            refused = wait_for("an answer", lambda job=job: (lambda a: a if "orders are being read" not in str(a) else None)(
                self.dsnd.call("orders.cancel", job=job)), 20)
            self.assertEqual(refused["data"]["error"], "unavailable", refused)
        status = self.status(jobs[0])
        self.assertEqual(status["state"], "cancelling")
        for words in (f"storage {net.ids['s']}", "told the key to seal it with", "orders.give_up"):
            self.assertIn(words, status["why"])
        self.assertEqual(self.dsnd.call("orders.give_up", job=jobs[0])["data"]["error"], "refused", "operators only")

        def tries():
            return sum(f"job={jobs[0]} state=cancelling" in line for line in self.dsnd.log_path.read_text().splitlines())

        began = time.monotonic()
        wait_for("the second try", lambda: tries() >= 2, 30)
        self.assertLess(tries(), 4)
        given_up = self.dsnd.vcli("order", "give-up", jobs[0], "--yes", who="operator")
        self.assertEqual(given_up["state"], "cancelled")
        self.assertIn("given up by an operator", given_up["why"])
        again = self.dsnd.call("orders.give_up", "operator", job=jobs[0])
        self.assertEqual(again["data"]["error"], "refused")
        self.assertIn("no end of it is under way", again["message"])
        # It is heard: it is told at once, whatever pause there would have been.
        storage.start()
        wait_for("the end at the storage", lambda: not net.units(jobs[1], ["s"]), 40)
        wait_for("the end", lambda: self.status(jobs[1])["state"] == "cancelled", 20, lambda: self.status(jobs[1]))
        figure(f"a node whose key nobody knew: {tries()} tries in {time.monotonic() - began:.0f} s, then told")

    def test_a_full_disk(self):
        """What cannot be written down does not happen; what runs goes on, and all is well when there is room."""
        def before(net):
            self.dsnd.folder.mkdir(mode=0o700)
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "dsn-test", str(self.dsnd.folder)],
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                raise unittest.SkipTest(f"a small disk cannot be mounted here: {done.stderr.strip()}")
            net.mounts.append(str(self.dsnd.folder))

        net = self.machines(before=before)
        self.ordered(net)
        push = self.published(net, 90)
        units, filler = net.units(self.job), self.dsnd.folder / "filler"
        with open(filler, "ab", buffering=0) as f:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass
        refused = None
        for _ in range(50):  # a page or two may be left in what is there
            refused = self.create(net)
            if "data" in refused:
                break
            self.dsnd.call("orders.cancel", job=refused["job"])
        figure(f"dsnd's disk is full: {refused}")
        self.assertIn(refused["data"]["error"], ("limit", "io"), refused)
        self.assertRegex(refused["message"], "(?i)full|space")
        self.assertEqual(self.dsnd.get("/healthz")[0], 200)
        self.assertEqual(self.status()["state"], "running")
        net.wait_segments(2, job=self.job)
        self.assertIsNone(self.dsnd.process.poll())
        self.assertEqual(net.units(self.job), units)
        filler.unlink()
        made = wait_for("an order", lambda: (lambda a: a.get("state") == "running" and a)(self.create(net)), 30)
        for job in (made["job"], self.job):
            self.assertEqual(self.dsnd.call("orders.cancel", job=job)["state"], "cancelled")
        self.dsnd.end()
        db = sqlite3.connect(self.dsnd.folder / "dsnd.db")
        self.assertEqual(db.execute("pragma integrity_check").fetchone()[0], "ok")
        db.close()
        net.end_push(push)

    def test_killed_at_each_step(self):
        """Ordered again with the same word after each: one order, told to each of its nodes once."""
        at = None

        def before(net):
            nonlocal at
            at = net.folder / "sync-kill"
            at.write_bytes(struct.pack("=qq", -1, 0))
            self.dsnd.environment = {"LD_PRELOAD": str(BIN / "sync_kill.so"), "DSN_TEST_SYNC_KILL": str(at)}

        def set_kill(calls, after):
            with open(at, "r+b") as out:
                out.write(struct.pack("=qq", calls, after))

        net = self.machines(before=before)
        steps, through = 0, False
        while not through:
            set_kill(steps // 2, steps % 2)
            answer = net.vcli_try(*self.dsnd.words("order", "create", self.order_file(net), "--yes", "--once", f"film-{steps}"))
            through = self.dsnd.process.poll() is None
            set_kill(-1, 0)
            if not through:
                self.assertNotEqual(answer[0], 0)
                self.dsnd.process.wait()
                self.dsnd.ready_file.unlink()
                self.dsnd.start()
                self.obeyed(len(net.ids))
            made = wait_for("an answer", lambda word=f"film-{steps}": (lambda a: "job" in a and a)(self.create(net, once=word)), 30)
            job = made["job"]
            wait_for("the order", lambda job=job: self.status(job)["state"] == "running", 40, lambda job=job: self.status(job))
            orders = [o for o in self.dsnd.call("orders.list")["orders"] if o["state"] != "cancelled"]
            self.assertEqual([o["job"] for o in orders], [job], f"step {steps}")
            for key in net.ids:
                self.assertEqual([j["job_id"] for j in net.node_status(key)["jobs"] if j["state"] != "stopped"], [job], key)
            self.assertEqual(self.dsnd.call("orders.cancel", job=job)["state"], "cancelled")
            wait_for("the end everywhere", lambda job=job: not net.units(job), 40)
            steps += 1
        figure(f"dsnd killed at {steps - 1} steps of an order: one order each time, all its nodes told")
        self.assertGreaterEqual(steps, 5)


class Owners(Days):
    def test_all_of_one_owner(self):
        """Its machines are cut off from power at once: the other owner's take over what they can."""
        another = "71aa" * 10

        def before(net):
            for key in ("d2", "t2", "s2"):
                net.agent_of[key].owners = [another, net.owner]

        net = self.machines(more=["d2", "t2", "s2"], before=before)
        self.ordered(net)
        push = self.published(net, 90)
        gone = {key for key in net.ids if net.ids[key] in {n["node_id"] for n in self.status()["nodes"]}}
        wait_for("a dsnd that has watched for a while", lambda: time.monotonic() - net.up_at > 16, 20)
        owners = {key: self.dsnd.call("nodes.get", node_id=net.ids[key])["owner"] for key in net.ids}
        victim = owners["s"]
        lost = {key for key in net.ids if owners[key] == victim}
        net.watchers.pop(self.job).stop()
        for key in lost:
            agent = net.agent_of[key]
            leaders = [agent.process.pid, *(pid for _, (pid, _) in agent.records())]
            network.signal_all([pid for leader in leaders for pid in network.session_of(leader)], signal.SIGKILL)
            agent.process.wait()
        began = time.monotonic()
        ids = {net.ids[key] for key in lost}
        wait_for("all their places are others'", lambda: not ids & {n["node_id"] for n in self.status()["nodes"]}
                 and self.status()["state"] == "running" and not self.status().get("why"), 120, self.status)
        figure(f"all {len(lost)} machines of an owner gone, {len(gone & lost)} of them in the order: replaced in "
               f"{time.monotonic() - began:.1f} s")
        self.look_at(net)
        net.end_push(push)
        wait_for("addresses", lambda: self.status().get("ingest", {}).get("url") and self.status().get("watch"), 20, self.status)
        push = self.published(net, 60)
        net.end_push(push)
        self.assertEqual(self.dsnd.call("orders.cancel", job=self.job)["state"], "cancelled")


if __name__ == "__main__":
    network.main()
