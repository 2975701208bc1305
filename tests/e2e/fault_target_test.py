"""The distributor's targets: one dead before the start, one killed during the stream, one stalled. The others lose nothing,
and each is back in the stream when it is back."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
from network import JOB, figure, wait_for  # noqa: E402

RENDITION = {"t1": "_180p", "t2": "_144p", "t3": "_90p"}


class TargetFaults(network.TestCase):
    def rejoin(self, net, key, came_back):
        """Seconds until its rendition goes on; the newest number then."""
        variant = RENDITION[key]
        newest = net.newest(variant)
        wait_for(f"{variant} goes on", lambda: net.newest(variant) > newest, 40)
        taken = time.monotonic() - came_back
        running = net.newest("_src") + 1
        wait_for(f"{variant} has caught up", lambda: net.newest(variant) >= running, 20)
        return taken, running

    def test_targets(self):
        net = self.network(transcoders=3)
        t1, t2 = net.agent_of["t1"], net.agent_of["t2"]
        # Dead before the start: its machine is off.
        t1.kill()
        t1.kill_units()
        code, answer, _ = net.vcli_try("pipeline", "start", str(net.document()), "--timeout", "3s")
        self.assertEqual(code, 6, answer)
        states = {node["node_id"]: node["state"] for node in answer["nodes"]}
        self.assertEqual(states, {i: "failed" if k == "t1" else "applied" for k, i in net.ids.items()})
        self.assertIn(net.ids["t1"], answer["error"]["message"])
        push = net.push(self.film())
        net.wait_segments(2, ["_src", "_144p", "_90p"])
        wait_for("the master playlist goes without who is away", lambda: net.hls(f"{JOB}.m3u8"), 20)
        self.assertNotIn("_180p", net.hls(f"{JOB}.m3u8").decode())
        steady = {name: who for name, who in net.units().items() if name in (("d", JOB + "-relay"), ("d", JOB + "-to-1"))}
        windows, taken = {}, {}
        t1.start()
        taken["t1"], end = self.rejoin(net, "t1", time.monotonic())
        windows["t1"] = (0, end)
        wait_for("it is listed when it has come", lambda: b"_180p" in net.hls(f"{JOB}.m3u8"), 10)
        # Killed during the stream.
        begin = net.newest("_144p") + 1
        t2.kill()
        t2.kill_units()
        net.wait_segments(2, ["_src", "_180p", "_90p"])
        t2.start()
        taken["t2"], end = self.rejoin(net, "t2", time.monotonic())
        windows["t2"] = (begin, end)
        # Stalled during the stream: it takes no byte and closes no connection.
        begin = net.newest("_90p") + 1
        nginx = network.session_of(net.unit("t3", "nginx")[0])
        before = len(net.decisions("d", "unit.restart"))
        network.signal_all(nginx, signal.SIGSTOP)
        wait_for("the copy to it is given up and tried again",
                 lambda: any("to-4" in d["why"] for d in net.decisions("d", "unit.restart")[before:]), 30)
        net.wait_segments(1, ["_src", "_180p", "_144p"])
        network.signal_all(nginx, signal.SIGCONT)
        taken["t3"], end = self.rejoin(net, "t3", time.monotonic())
        windows["t3"] = (begin, end)
        self.assertEqual({name: net.units().get(name) for name in steady}, steady, "relay and storage's copy were not touched")
        net.end_push(push)
        net.end_job()
        lost = net.lost()
        figure("targets: dead before the start, killed, stalled: in the stream again "
               + ", ".join(f"{taken[key]:.1f} s" for key in ("t1", "t2", "t3")) + " after being back; segments lost "
               + str({v: len(n) for v, n in lost.items()}) + ", outside its own fault 0")
        self.assertEqual(lost["_src"], [])
        for key, variant in RENDITION.items():
            begin, end = windows[key]
            self.assertEqual([n for n in lost[variant] if not begin <= n <= end], [], (variant, lost, windows))
            self.assertLess(taken[key], 20, key)
        self.same_cuts(net)
        self.decodes(net)


if __name__ == "__main__":
    network.main()
