"""Faults of ffmpeg: an encoder killed, an encoder frozen, and a job beside another."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
from network import JOB, figure, wait_for  # noqa: E402

STALL = 4  # seconds


class MediaFaults(network.TestCase):
    def hurt(self, net, signum):
        """Send the signal to the encoder of t1; (seconds until its rendition goes on, what another encoder is)."""
        victim = net.unit("t1", JOB + "-encode")
        running = net.newest("_src") + 1  # the segment that is being written
        began = time.monotonic()
        os.kill(victim[0], signum)
        wait_for("another encoder", lambda: net.unit("t1", JOB + "-encode") not in (None, victim), 30)
        wait_for("a segment of the rendition that began after the fault", lambda: net.newest("_180p") > running, 40)
        taken = time.monotonic() - began
        self.assertFalse(network.alive(victim[0]), "the old encoder is gone")
        net.wait_segments(2)
        return taken

    def test_encoder(self):
        """Killed: at most one segment of one rendition is lost. Frozen: found by its stall, replaced, nobody else notices."""
        net = self.network(agent_flags=["--stall-after", f"{STALL}s"])
        net.start_job()
        push = net.push(self.film())
        net.wait_segments(2)
        hurt = (("t1", JOB + "-encode"), ("s", JOB + "-hls_180p"))
        others = {name: who for name, who in net.units().items() if name not in hurt}
        killed = self.hurt(net, signal.SIGKILL)
        # All that the first fault costs is behind; what stored segments hold is looked at when no more are added.
        until = min(net.newest(v) for v in net.variants())
        frozen = self.hurt(net, signal.SIGSTOP)
        after = net.units()
        self.assertEqual({name: after.get(name) for name in others}, others, "no other program was touched")
        restarts = [d for d in net.decisions("t1", "unit.restart")]
        net.end_push(push)
        net.end_job()
        lost = net.lost()
        lost_killed = [n for n in lost["_180p"] if n <= until]
        lost_frozen = [n for n in lost["_180p"] if n > until]
        figure(f"encoder killed: {len(lost_killed)} segments of its rendition lost, goes on after {killed:.1f} s; "
               f"frozen: {len(lost_frozen)} lost, goes on after {frozen:.1f} s (stall detected after {STALL} s); "
               f"others lost {({v: len(n) for v, n in lost.items() if v != '_180p'})}")
        self.assertEqual((lost["_src"], lost["_144p"]), ([], []))
        self.assertLessEqual(len(lost_killed), 1, lost)
        # Frozen: what was in the encoder, the seconds until it is noticed, and the rest of the segment it comes back in.
        self.assertLessEqual(len(lost_frozen), (STALL + 1) // network.FRAGMENT + 3, lost)
        self.assertTrue(any("signal 9" in d["why"] for d in restarts), restarts)
        self.assertTrue(any("stalled" in d["why"] for d in restarts), restarts)
        self.same_cuts(net)
        self.decodes(net)

    def test_frozen(self):
        """The relay, a segmenter, a copy stand still: each is found by its stall and replaced, and costs its own streams only."""
        net = self.network(together=True, agent_flags=["--stall-after", f"{STALL}s"])
        net.start_job()
        push = net.push(self.film())
        net.wait_segments(1)
        taken, begin = {}, {}
        for key, what in (("d", "relay"), ("s", "hls_180p"), ("d", "to-1")):
            victim, began = net.unit(key, f"{JOB}-{what}"), time.monotonic()
            begin[what] = running = net.newest("_src") + 1
            os.kill(victim[0], signal.SIGSTOP)
            wait_for(f"another {what}", lambda k=key, w=what, v=victim: net.unit(k, f"{JOB}-{w}") not in (None, v), 30)
            wait_for("segments that began after the fault",
                     lambda n=running: all(net.newest(v) > n for v in net.variants()), 30)
            taken[what] = time.monotonic() - began
        self.assertIsNone(push.poll(), "the publisher was not disturbed")
        net.end_push(push)
        net.end_job()
        lost = net.lost()
        figure("frozen: all renditions go on after " + ", ".join(f"{t:.1f} s ({what})" for what, t in taken.items())
               + f"; segments lost {({v: len(n) for v, n in lost.items()})}")
        self.assertEqual([n for n in lost["_144p"] if n >= begin["hls_180p"]], [], "not touched by the second and the third")
        self.assertEqual([n for n in lost["_180p"] if n >= begin["to-1"]], [], "not touched by the third")
        self.assertEqual([n for n in lost["_src"] if begin["hls_180p"] <= n < begin["to-1"]], [], "not touched by the second")
        self.assertEqual(len(lost["_144p"]), len([n for n in lost["_src"] if n < begin["hls_180p"]]), "the relay's loss is all's")
        self.same_cuts(net)

    def test_other_job(self):
        """Job B starts, streams and stops on the nodes of job A: A loses nothing, none of its programs is touched."""
        net = self.network(together=True)
        other = "fault0002"
        net.start_job()
        push = net.push(self.film())
        net.wait_segments(1)
        before = dict(net.units(), nginx=[net.unit(key, "nginx") for key in net.ids])
        for _ in range(2):
            net.start_job(other)
            push_b = net.push(self.film(), other)
            net.wait_segments(1, job=other)
            net.end_push(push_b)
            net.end_job(other)
            self.assertEqual(net.units(other), {}, "all of B has ended")
        net.vcli("pipeline", "close", other)
        net.wait_segments(1)
        self.assertEqual(dict(net.units(), nginx=[net.unit(key, "nginx") for key in net.ids]), before)
        self.assertIsNone(push.poll())
        self.assertIsNone(net.playlist("_src", other), "B's segments are removed")
        net.end_push(push)
        net.end_job()
        lost = net.lost()
        figure("job B started, streamed and stopped twice, then closed, beside job A: A lost "
               f"{({v: len(n) for v, n in lost.items()})}, its {len(before) - 1} programs and 4 nginx kept their process ids")
        self.assertEqual(lost, {v: [] for v in net.variants()})
        self.same_cuts(net)
        self.decodes(net)


if __name__ == "__main__":
    network.main()
