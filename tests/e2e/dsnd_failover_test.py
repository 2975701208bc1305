"""A machine of a running order is gone at once, as by a power cut: dsnd gives its place to another one."""
import pathlib
import signal
import time

import network
from dsnd_test import Case
from network import wait_for

RENDITIONS = 2


class FailoverCase(Case):
    def ordered(self, spare, **how):
        """A network whose order leaves transcoders spare; the order's id, its publisher's process."""
        net = self.network_with_dsnd(transcoders=RENDITIONS + spare, **how)
        net.variants = lambda: ["_src"] + [name for name, *_ in network.RENDITIONS[:RENDITIONS]]
        begun = time.monotonic()
        made = self.dsnd.call("orders.create", order=self.order(
            net, number_of_streams=str(RENDITIONS),
            transcoding=[{"resolution_name": name, "resolution": f"{w}x{h}", "bitrate": str(bps)}
                         for name, w, h, bps in network.RENDITIONS[:RENDITIONS]]))
        self.assertEqual(made["state"], "running", made)
        self.job, self.key = made["job"], made["ingest"]["key"]
        push = net.publish(self.film(90), self.job, self.key)
        net.wait_segments(3, job=self.job)
        # A dsnd that has just come declares nobody lost.
        wait_for("a dsnd that has watched for a while", lambda: time.monotonic() - begun > 16)
        return net, push

    def status(self):
        return self.dsnd.call("orders.status", job=self.job)

    def nodes(self, role):
        return [n["node_id"] for n in self.status()["nodes"] if n["role"] == role]

    def key_of(self, net, node):
        return next(key for key, id in net.ids.items() if id == node)

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
        net, push = self.ordered(spare=1)
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
        wait_for("the end at the old node", lambda: agent.log_lines("node.decision") is not None and net.vcli(
            "node", "status", victim)["jobs"] == [] or net.vcli("node", "status", victim)["jobs"][0]["wanted"] == "stopped", 40)
        self.assertNotIn(victim, self.nodes("transcoder"))
        self.assertEqual(net.end_push(push) in (0, 255), True)
        ended = self.dsnd.call("pipelines.stop", job=self.job)
        self.assertEqual(ended["state"], "stopped", ended)
        lost = net.lost(self.job)
        print("lost:", lost, flush=True)
        self.assertLessEqual(len(lost.pop(variant)), 2)
        self.assertEqual(lost, {v: [] for v in lost})


if __name__ == "__main__":
    network.main()
