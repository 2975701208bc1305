"""Faults of agents and machines: an agent killed in the middle of a stream, nginx killed, everything killed, and two agents
for one node."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
from network import JOB, figure, wait_for  # noqa: E402


class AgentFaults(network.TestCase):
    def streaming(self, **how):
        net = self.network(**how)
        net.start_job()
        push = net.push(self.film())
        net.wait_segments(2)
        return net, push

    def finish_stream(self, net, push):
        net.end_push(push)
        net.end_job()
        return net.lost()

    def test_agent_killed(self):
        """SIGKILL to every agent in the middle of a stream: programs go on, the next agents find them."""
        net, push = self.streaming()
        before = net.units()
        self.assertEqual(len(before), 1 + 3 + 2 + 3, before)  # relay, copies, encoders, segmenters
        for agent in net.agents.values():
            agent.kill()
        net.wait_segments(2)  # the stream does not need them
        for agent in net.agents.values():
            agent.start()
        status = wait_for("agents that know their jobs again", lambda: self.running(net), 30)
        net.wait_segments(2)
        self.assertEqual(net.units(), before, "the same programs, none started anew")
        for key, node in status.items():
            for unit in node["units"]:
                self.assertEqual(unit["restarts"], "0", (key, unit))
        lost = self.finish_stream(net, push)
        figure(f"all agents killed and restarted in a stream: segments lost {({v: len(n) for v, n in lost.items()})}, "
               f"{len(before)} programs kept their process ids")
        self.assertEqual(lost, {v: [] for v in net.variants()})
        self.same_cuts(net)
        self.decodes(net)
        for variant in net.variants():
            self.assertTrue(net.playlist(variant)[1], f"{variant} has no EXT-X-ENDLIST")

    def test_nginx_killed(self):
        """nginx of a storage, a transcoder, the distributor dies: it comes back, the stream goes on where it was cut."""
        net, push = self.streaming()
        taken, before = {}, net.units()
        for key in ("s", "t1"):
            nginx, running = net.unit(key, "nginx"), max(net.newest(v) for v in net.variants()) + 1
            began = time.monotonic()
            os.kill(nginx[0], signal.SIGKILL)
            wait_for(f"another nginx of {key}", lambda k=key, n=nginx: net.unit(k, "nginx") not in (None, n))
            wait_for("segments that began after it", lambda n=running: all(net.newest(v) > n for v in net.variants()), 30)
            taken[key] = time.monotonic() - began
            net.wait_segments(1)
        self.assertIsNone(push.poll(), "the publisher was not disturbed")
        relay = ("d", f"{JOB}-relay")
        self.assertEqual(net.units()[relay], before[relay], "nor was the distributor's relay")
        nginx = net.unit("d", "nginx")
        os.kill(nginx[0], signal.SIGKILL)
        self.assertNotEqual(push.wait(20), 0, "a publisher that was cut off says so")
        newest = {v: net.newest(v) for v in net.variants()}
        wait_for("another nginx of the distributor", lambda: net.unit("d", "nginx") not in (None, nginx))
        again = self.push_again(net)
        net.wait_segments(2)
        for variant, number in newest.items():
            self.assertGreater(net.newest(variant), number, variant)
        lost = self.finish_stream(net, again)
        figure("nginx killed: a whole new segment of all renditions after "
               + ", ".join(f"{t:.1f} s ({net.role(k)})" for k, t in taken.items())
               + f"; segments lost in all three kills {({v: len(n) for v, n in lost.items()})}")
        # Of the kill at the storage each loses what was not stored yet; of that at the transcoder only its own rendition.
        for variant, most in (("_src", 3), ("_144p", 3), ("_180p", 5)):
            self.assertLessEqual(len(lost[variant]), most, lost)
        self.same_cuts(net)
        self.decodes(net)

    def test_power_cut(self):
        """Every process of every machine is gone at once; the agents alone bring it all back."""
        net, push = self.streaming()
        names, newest = set(net.units()), {v: net.newest(v) for v in net.variants()}
        for agent in net.agents.values():
            agent.kill()
            agent.kill_units()
        self.assertEqual(net.units(), {})
        net.end_push(push)
        began = time.monotonic()
        for agent in net.agents.values():
            agent.start()
        wait_for("all programs again", lambda: set(net.units()) == names, 30, lambda: names - set(net.units()))
        wait_for("all jobs running", lambda: self.running(net), 20)
        taken = time.monotonic() - began
        again = self.push_again(net)
        net.wait_segments(3)
        for variant, number in newest.items():
            self.assertGreater(net.newest(variant), number, f"{variant}: the time line goes forward")
        lost = self.finish_stream(net, again)
        figure(f"all processes killed, agents started: the same {len(names)} programs run after {taken:.1f} s; numbers go on, "
               f"not there (nobody sent) {({v: len(n) for v, n in lost.items()})}")
        self.same_cuts(net)
        self.decodes(net)
        for variant in net.variants():
            stored = net.numbers(variant)
            self.assertGreaterEqual(len(stored), 5, stored)
            self.assertEqual(stored, sorted(set(stored)))

    def test_two_agents(self):
        """A second agent for a node id is refused, and the first is not disturbed."""
        net = self.network(transcoders=1, together=True)
        first = net.agent_of["d"]
        before = first.records()
        began = time.monotonic()
        second = net.add_agent("second", [net.ids["d"]], ["--claim-timeout", "3s"]).start()
        code = second.process.wait(30)
        figure(f"a second agent for a node: ended with code {code} after {time.monotonic() - began:.1f} s "
               "(--claim-timeout 3s)")
        self.assertEqual(code, 4, second.log())
        self.assertTrue(any("another agent serves this id" in line and net.ids["d"] in line
                            for line in second.log_lines("claim.refused")), second.log())
        self.assertEqual(second.records(), [], "it has run nothing")
        same_folder = net.add_agent("same", [])
        same_folder.folder = first.folder
        code = same_folder.start().process.wait(30)
        self.assertEqual(code, 4, same_folder.log())
        self.assertIn("another agent runs on the state folder", same_folder.log())
        del net.agents["same"]
        self.assertEqual(first.records(), before)
        self.assertEqual(net.node_status("d")["state"], "running")

    def test_successor(self):
        """An agent that was refused at first, because its predecessor was still there, and then took over, stays."""
        net = self.network(transcoders=1, together=True)
        id = net.new_id()
        first = net.add_agent("first", [id]).start()
        wait_for("the first agent's mailbox", lambda: net.vcli_try("node", "status", id)[0] != 3 or "not been created" in
                 net.vcli_try("node", "status", id)[2])
        second = net.add_agent("second", [id], ["--claim-timeout", "3s"]).start()
        wait_for("a refusal", lambda: second.log_lines("claim.waits", id=id))
        first.kill()
        began = time.monotonic()
        wait_for("longer than the claim timeout", lambda: time.monotonic() - began > 5 or not second.running(), 10)
        figure(f"an agent refused until its predecessor died: {'serves on' if second.running() else 'ENDED'} after its claim "
               "timeout of 3 s without any message")
        self.assertTrue(second.running(), second.log())
        self.assertIn("not been created", net.vcli_try("node", "status", id)[2])

    def push_again(self, net):
        """A publisher that comes back as soon as it is let in."""
        def pushing():
            push = net.push(self.film())
            before = net.newest("_src")
            wait_for("a segment, or the publisher's end", lambda: push.poll() is not None or net.newest("_src") > before, 30)
            return push if push.poll() is None else None

        return wait_for("a publisher that is let in", pushing, 30)

    @staticmethod
    def running(net):
        try:
            status = net.status()
        except network.Refused:
            return None
        return status if all(node["state"] == "running" for node in status.values()) else None


if __name__ == "__main__":
    network.main()
