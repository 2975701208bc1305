"""A machine of a running order is gone at once, as by a power cut: dsnd gives its place to another one."""
import pathlib
import signal
import time

import network
from dsnd_test import Case, Dsnd
from network import wait_for

RENDITIONS = 2


class FailoverCase(Case):
    def machines(self, transcoders, more=(), flags=()):
        """A machine for each node, and further ones by their names: d2, s2. They run, and obey dsnd."""
        net = self.network(start=False, transcoders=transcoders)
        net.role = lambda key: {"d": "distributor", "s": "storage", "t": "transcoder"}[key[0]]
        net.variants = lambda: ["_src"] + [name for name, *_ in network.RENDITIONS[:RENDITIONS]]
        for key in more:
            net.ids[key] = net.new_id()
            net.agent_of[key] = net.add_agent(key, [net.ids[key]])
        self.dsnd = Dsnd(net).start(*flags)
        self.begun = time.monotonic()
        for agent in net.agents.values():
            agent.flags += ["--manager", self.dsnd.address]
        net.up()
        self.obeyed(len(net.ids))
        self.places = {id: (net.ports[key], net.agent_of[key]) for key, id in net.ids.items()}
        return net

    def ordered(self, net, *standby):
        """`standby`: roles each of whose nodes has one."""
        made = self.dsnd.call("orders.create", order=self.order(
            net, number_of_streams=str(RENDITIONS), **({"redundancy": {role: "standby" for role in standby}} if standby else {}),
            transcoding=[{"resolution_name": name, "resolution": f"{w}x{h}", "bitrate": str(bps)}
                         for name, w, h, bps in network.RENDITIONS[:RENDITIONS]]))
        self.assertEqual(made["state"], "running", made)
        self.job, self.key = made["job"], made["ingest"]["key"]
        self.stored_at(net, self.nodes("storage")[0])

    def stored_at(self, net, node):
        """What the network's eyes look at: the order's storage."""
        net.ids["s"] = node
        net.ports["s"], net.agent_of["s"] = self.places[node]

    def streams(self, net, push):
        """Until it flows, and dsnd has watched for long enough: one that has just come declares nobody lost."""
        net.wait_segments(3, job=self.job)
        wait_for("a dsnd that has watched for a while", lambda: time.monotonic() - self.begun > 16)
        return push

    def published(self, net):
        key = self.key_of(net, self.nodes("distributor")[0])
        net.ports["d"] = net.ports[key]
        return self.streams(net, net.publish(self.film(90), self.job, self.key))

    def status(self):
        return self.dsnd.call("orders.status", job=self.job)

    def nodes(self, role):
        return [n["node_id"] for n in self.status()["nodes"] if n["role"] == role]

    def pair(self, role):
        """(the first node of the role, what stands in for it)"""
        nodes = self.status()["document"]["pipeline"]["nodes"]
        return next((n["node_id"], n.get("failover_node_id")) for n in nodes if n["type"] == role)

    def key_of(self, net, node):
        return max(key for key, id in net.ids.items() if id == node)

    def cut_power(self, agent):
        """Agent, nginx, ffmpeg and all: killed at once, without a word."""
        leaders = [agent.process.pid, *(pid for _, (pid, _) in agent.records())]
        network.signal_all([pid for leader in leaders for pid in network.session_of(leader)], signal.SIGKILL)
        agent.process.wait()

    def rendition_of(self, net, node):
        """Which rendition the node makes, by its programs."""
        agent = net.agent_of[self.key_of(net, node)]
        words = " ".join(pathlib.Path(f"/proc/{pid}/cmdline").read_text(errors="replace") for _, (pid, _) in agent.records(node))
        return next(v for v in net.variants()[1:] if self.job + v in words)

    def moved(self, node, role="transcoder", seconds=20):
        """Until the node has left the job, and the job is as it should be; the new node."""
        before = set(self.nodes(role))

        def now():
            order = self.status()
            found = {n["node_id"] for n in order["nodes"] if n["role"] == role}
            return node not in found and order["state"] == "running" and not order.get("why") and found - before

        if node not in before:
            return None
        return wait_for("another node in its place", now, seconds, self.status).pop()


class Machines(FailoverCase):
    def test_transcoder(self):
        net = self.machines(transcoders=RENDITIONS + 1)
        self.ordered(net)
        push = self.published(net)
        victim = self.nodes("transcoder")[0]
        variant, agent = self.rendition_of(net, victim), net.agent_of[self.key_of(net, victim)]
        before = net.units(self.job, ["d", "s"])
        gone = time.monotonic()
        self.cut_power(agent)
        new = self.moved(victim)
        print(f"replaced after {time.monotonic() - gone:.2f} s", flush=True)
        self.assertIn(new, net.ids.values())
        net.wait_segments(3, job=self.job)
        after = net.units(self.job, ["d", "s"])
        changed = {unit for unit in before if after.get(unit) != before[unit]}
        self.assertEqual(len(changed - {("s", f"{self.job}-hls{variant}")}), 1, f"only the way to the new node changes: {changed}")

        # It comes back, learns that it is out, and stays so.
        agent.start()
        wait_for("the end at the old node", lambda: [j["state"] for j in net.node_status(self.key_of(net, victim))["jobs"]] == ["stopped"],
                 40, lambda: net.node_status(self.key_of(net, victim)))
        self.assertNotIn(victim, self.nodes("transcoder"))
        self.assertIn(net.end_push(push), (0, 255))
        self.assertEqual(self.dsnd.call("pipelines.stop", job=self.job)["state"], "stopped")
        lost = net.lost(self.job)
        print("lost:", lost, flush=True)
        self.assertLessEqual(len(lost.pop(variant)), 2)
        self.assertEqual(lost, {v: [] for v in lost})

    def test_distributor(self):
        """A film that is pushed follows the order to its new distributor, and is not shorter for that."""
        net = self.machines(transcoders=RENDITIONS, more=["d2"])
        self.ordered(net)
        film = self.film(40)
        push = net.vcli_start(*self.dsnd.words("order", "push", self.job, str(film), "--json"))
        self.streams(net, push)
        victim = self.nodes("distributor")[0]
        gone = time.monotonic()
        self.cut_power(net.agent_of[self.key_of(net, victim)])
        new = self.moved(victim, "distributor")
        print(f"replaced after {time.monotonic() - gone:.2f} s", flush=True)
        port = net.ports[self.key_of(net, new)]["rtmp"]
        wait_for("its address", lambda: f":{port}/" in self.status().get("ingest", {}).get("url", ""), 20, self.status)
        out, said = push.communicate(timeout=90)
        self.assertEqual(push.returncode, 0, out + said)
        self.assertIn("goes on at", said)
        self.assertEqual(self.dsnd.call("pipelines.stop", job=self.job)["state"], "stopped")
        pictures = {v: sum(map(len, net.pictures(v, self.job).values())) for v in net.variants()}
        print("pictures:", pictures, "of", 40 * 25, flush=True)
        for variant, count in pictures.items():
            self.assertGreaterEqual(count, 40 * 25 - 3 * 25, variant)

    def test_storage(self):
        """Without a standby a new storage starts anew; what the old one has stays there."""
        net = self.machines(transcoders=RENDITIONS, more=["s2"])
        self.ordered(net)
        push = self.published(net)
        victim = self.nodes("storage")[0]
        gone = time.monotonic()
        if net.watchers:
            net.watchers.pop(self.job).stop()
        self.cut_power(net.agent_of[self.key_of(net, victim)])
        new = self.moved(victim, "storage")
        print(f"replaced after {time.monotonic() - gone:.2f} s", flush=True)
        self.stored_at(net, new)
        wait_for("its address", lambda: self.status().get("watch") == net.master_url(self.job), 20, self.status)
        net.wait_segments(3, job=self.job)
        self.assertIn(net.end_push(push), (0, 255))
        self.assertEqual(self.dsnd.call("pipelines.stop", job=self.job)["state"], "stopped")
        lost = net.lost(self.job)
        print("lost:", lost, flush=True)
        self.assertEqual({v: len(numbers) > 1 for v, numbers in lost.items()}, {v: False for v in lost})

    def test_standbys(self):
        """What stands in for a node has all that it would have had: nothing of it is lost, whichever of the two dies."""
        net = self.machines(transcoders=2 * RENDITIONS + 1, more=["s2", "s3"])
        for role, standby in (("storage", ["storage"]), ("transcoder", ["storage", "transcoder"])):
            with self.subTest(role=role):
                self.ordered(net, *standby)
                first, second = self.pair("storage")
                self.stored_at(net, second)
                push = self.published(net)
                victim = self.pair(role)[0]
                before = net.units(self.job)
                self.cut_power(self.places[victim][1])
                self.moved(victim, role)
                net.wait_segments(3, job=self.job)
                if self.broker:  # it knows who is there, and was asked
                    self.assertIn(f"jobs.gone node={victim}", self.dsnd.log_path.read_text())
                after = net.units(self.job)
                self.assertEqual([unit for unit in before if unit in after and after[unit] != before[unit] and "-standby" in unit[1]], [])
                self.assertIn(net.end_push(push), (0, 255))
                self.assertEqual(self.dsnd.call("pipelines.stop", job=self.job)["state"], "stopped")
                lost = net.lost(self.job)
                print(f"lost with standby, {role}:", lost, flush=True)
                self.assertEqual(lost, {v: [] for v in net.variants()})
                self.assertEqual(self.dsnd.call("orders.cancel", job=self.job)["state"], "cancelled")
                self.assertNotEqual(first, second)

    def test_half_done(self):
        """dsnd is killed between the decision and the telling: the next one tells. Until then, and where nobody is there: why."""
        net = self.machines(transcoders=RENDITIONS + 1)
        self.ordered(net)
        push = self.published(net)
        spare = next(key for key in net.transcoders() if net.ids[key] not in self.nodes("transcoder"))
        victim = self.nodes("transcoder")[0]
        variant = self.rendition_of(net, victim)
        net.agent_of[spare].process.send_signal(signal.SIGSTOP)
        self.cut_power(net.agent_of[self.key_of(net, victim)])
        wait_for("the decision", lambda: net.ids[spare] in self.nodes("transcoder"), 20, self.status)
        self.dsnd.kill()
        self.assertEqual(net.units(self.job, [spare]), {})
        net.agent_of[spare].process.send_signal(signal.SIGCONT)
        self.dsnd.start()
        wait_for("its program", lambda: net.units(self.job, [spare]), 30, self.status)
        net.wait_segments(2, [variant], job=self.job)

        # Nobody is left for the next one: the order says so, and gets the first that comes.
        back, begun = net.agent_of[self.key_of(net, victim)], time.monotonic()
        wait_for("a dsnd that has watched for a while", lambda: time.monotonic() - begun > 16)
        self.cut_power(net.agent_of[spare])
        lack = wait_for("why", lambda: self.status().get("why"), 30, self.status)
        self.assertIn(f"transcoder {net.ids[spare]}: ", lack)
        self.assertIn("it is tried again", lack)
        self.assertEqual(self.status()["state"], "running")
        self.assertEqual({n["node_id"]: n["part"] for n in self.status()["nodes"]}[net.ids[spare]], "lost")
        net.agent_of[spare].start()
        wait_for("all is well", lambda: not self.status().get("why"), 90, self.status)
        net.wait_segments(2, [variant], job=self.job)
        self.assertFalse(back.running())
        self.assertIn(net.end_push(push), (0, 255))


class Maintenance(FailoverCase):
    def maintain(self, net, node, how):
        net.vcli("node", "maintenance", how, node)

    def part(self, node):
        return {n["node_id"]: n["part"] for n in self.status()["nodes"]}.get(node)

    def test_transcoder(self):
        """A node that is to be emptied serves until another one has its place; where there is none, it keeps it."""
        net = self.machines(transcoders=RENDITIONS + 1)
        self.begun -= 16  # nobody is to be lost
        self.ordered(net)
        push = self.published(net)
        victim = self.nodes("transcoder")[0]
        spare = next(net.ids[key] for key in net.transcoders() if net.ids[key] not in self.nodes("transcoder"))
        variant = self.rendition_of(net, victim)
        self.maintain(net, spare, "on")
        wait_for("two in maintenance", lambda: self.dsnd.call("nodes.get", node_id=spare)["state"] == "draining", 20)
        self.maintain(net, victim, "on")
        why = wait_for("why", lambda: self.status().get("why"), 20, self.status)
        self.assertIn(f"transcoder {victim}: its owner has set it to maintenance", why)
        self.assertEqual(self.part(victim), "draining")
        before = net.units(self.job, ["d", "s"])
        net.wait_segments(2, job=self.job)
        self.maintain(net, spare, "off")
        self.assertEqual(self.moved(victim, seconds=90), spare)
        net.wait_segments(3, job=self.job)
        after = net.units(self.job, ["d", "s"])
        changed = {unit for unit in before if after.get(unit) != before[unit]} - {("s", f"{self.job}-hls{variant}")}
        self.assertEqual(len(changed), 1, f"only the way to the new node changes: {changed}")
        wait_for("the end at the old node", lambda: [j["state"] for j in net.node_status(self.key_of(net, victim))["jobs"]] == ["stopped"],
                 20, lambda: net.node_status(self.key_of(net, victim)))
        decisions = self.dsnd.call("orders.explain", job=self.job)["decisions"]
        self.assertIn(f"{victim} is excluded: drained: its owner has set it to maintenance", str(decisions[-1]["record"]))
        events = self.dsnd.call("events.list")["events"]
        self.assertEqual([e["body"]["cause"] for e in events if e["type"] == "job.replaced"], ["drained"], events[-20:])
        self.assertIn(net.end_push(push), (0, 255))
        self.assertEqual(self.dsnd.call("pipelines.stop", job=self.job)["state"], "stopped")
        lost = net.lost(self.job)
        print("lost:", lost, flush=True)
        self.assertLessEqual(len(lost.pop(variant)), 2)
        self.assertEqual(lost, {v: [] for v in lost})


if __name__ == "__main__":
    network.main()
