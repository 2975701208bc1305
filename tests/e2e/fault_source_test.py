"""Faults of the source: a publisher that comes and goes, one without the right key, a second one, and sources that HLS cannot
store."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
from network import figure, wait_for  # noqa: E402

# Key frames where a careless encoder puts them.
IRREGULAR = ("-force_key_frames", ",".join(str(t) for t in [0, 0.4, 1.6, 2, 4.4, 5, 8.2, 9.8, *range(13, 60, 5)]))


class SourceFaults(network.TestCase):
    def refused(self, process):
        """The publisher was turned away; not let in to be cut off later."""
        self.assertNotEqual(process.wait(20), 0)

    def test_reconnect(self):
        """A publisher ends, another takes its place; one dies without a word, and is followed too."""
        net = self.network(together=True)
        net.start_job()
        last = {}
        for fault in (signal.SIGINT, signal.SIGKILL, None):
            publisher = net.publish(self.film())
            net.wait_segments(2)
            self.assertIsNone(publisher.poll())
            for variant in net.variants():
                self.assertGreater(net.newest(variant), last.get(variant, -1), "the time line goes forward")
            last = {v: net.newest(v) for v in net.variants()}
            if fault:
                publisher.send_signal(fault)
                publisher.wait(15)
                wait_for("the end of the stream is noticed",
                         lambda: net.status()["d"]["ingest"]["published"] == "no", 20)
        net.end_push(publisher)
        net.end_job()
        stored = {v: net.numbers(v) for v in net.variants()}
        lost = net.lost()
        cuts = self.same_cuts(net)
        figure(f"publisher away twice (ended, killed): {len(stored['_src'])} segments, numbers rise in all renditions, not whole "
               f"or nobody sent {lost}")
        self.assertEqual(list(cuts.values()), sorted(set(cuts.values())), "time stamps rise")
        for variant in net.variants():
            self.assertEqual(stored[variant], stored["_src"], "the same numbers in all renditions")
        self.assertEqual(lost["_180p"], lost["_src"])
        self.assertEqual(lost["_144p"], lost["_src"])
        self.assertLessEqual(len(lost["_src"]), 6)
        self.decodes(net)

    def test_keys(self):
        """A wrong key, no key, another job's name, a second publisher: refused, and the first notices nothing."""
        net = self.network(together=True)
        net.start_job()
        agent = net.agent_of["d"]
        self.refused(net.publish(self.film(), key="0" * len(net.key())))
        self.assertEqual(net.status()["d"]["ingest"]["published"], "no")
        self.assertEqual(len(agent.log_lines("publish.refused", why='"wrong')), 1, agent.log())
        publisher = net.publish(self.film())
        net.wait_segments(1)
        before = net.units()
        self.refused(net.publish(self.film(), key=net.key()[:-1]))
        self.refused(net.publish(self.film()))
        self.assertNotIn(net.key(), agent.log(), "no key in the log")
        net.wait_segments(1)
        self.assertIsNone(publisher.poll())
        self.assertEqual(net.units(), before)
        self.assertEqual(net.status()["d"]["ingest"]["published"], "yes")
        net.end_push(publisher)
        net.end_job()
        lost = net.lost()
        figure(f"wrong key, short key and a second publisher refused; the first lost {({v: len(n) for v, n in lost.items()})}")
        self.assertEqual(lost, {v: [] for v in net.variants()})

    def test_normalised(self):
        """Irregular key frames and MP3 sound, sent as they are: mended once, at the distributor, and cut alike."""
        net = self.network(together=True)
        net.start_job()
        publisher = net.publish(self.film(60, gop=250, audio="mp3", name="careless", extra=IRREGULAR))
        wait_for("a verdict", lambda: net.decisions("d", "ingest.normalised"), 30)
        running = max(net.newest("_src"), 0)
        net.wait_segments(3)
        status = net.status()["d"]["ingest"]
        self.assertEqual((status["normalised"], status["fits"]), ("yes", "no"), status)
        net.end_push(publisher)
        net.end_job()
        lost = net.lost()
        after = {v: [n for n in numbers if n > running + 2] for v, numbers in lost.items()}
        figure(f"a source with irregular key frames and MP3: normalised because \"{status['reason']}\"; "
               f"segments lost after that {({v: len(n) for v, n in after.items()})}")
        self.assertEqual(after, {v: [] for v in net.variants()}, lost)
        self.same_cuts(net)
        self.decodes(net)

    def test_refused(self):
        """With normalise off such a source is refused, with the reason; a good one is taken after it."""
        # Between the refused source and the good one the stream is not over.
        net = self.network(together=True, output={"normalise": "off"}, agent_flags=["--end-after", "60s"])
        net.start_job()
        publisher = net.publish(self.film(60, gop=250, name="irregular", extra=IRREGULAR))
        wait_for("a verdict", lambda: net.decisions("d", "ingest.refused"), 30)
        self.refused(publisher)
        ingest = wait_for("the publisher is gone", lambda: (lambda i: i if i["published"] == "no" else None)(
            net.status()["d"]["ingest"]))
        self.assertIn("key frames are", ingest["refused"])
        before = net.newest("_src")
        good = []

        def taken():
            if not good or good[-1].poll() is not None:
                good.append(net.publish(self.film()))
            return net.newest("_src") > before + 1

        wait_for("a good source is taken", taken, 60)
        net.wait_segments(1)
        net.end_push(good[-1])
        net.end_job()
        figure(f"normalise off: refused because \"{ingest['refused']}\"; a good source was taken at attempt {len(good)}")
        self.same_cuts(net)


if __name__ == "__main__":
    network.main()
