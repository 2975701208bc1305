"""The media plane without agents: nginx, ffmpeg and dsn-hls as the media room configures them."""
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hls_rules  # noqa: E402
import media_lab as lab  # noqa: E402

JOB = "0300000000000000000007"
FRAGMENT = 2
KEYS = {"ingest": "customerKey1234567", "transcoder": "transcoderKey12345", "storage": "storageKey12345678",
        "relay": "relayKey1234567890"}


class Chain:
    """Distributor, transcoder, storage; the source and two renditions by one decode."""

    renditions = {"_144p": (256, 144, 200000), "_90p": (160, 90, 100000)}

    def __init__(self, place, offset_ms=10000, normalise=False):
        self.lab = place
        self.offset_ms, self.normalise = offset_ms, normalise
        self.distributor = lab.Node(place, "distributor", {("ingest", JOB): KEYS["ingest"], ("live", JOB): KEYS["relay"],
                                                           ("clean", JOB): KEYS["relay"]})
        self.transcoder = lab.Node(place, "transcoder", {("live", JOB): KEYS["transcoder"]})
        self.storage = lab.Node(place, "storage", {("live", JOB + v): KEYS["storage"] for v in self.variants()})
        self.key_folder = place.folder / "keys"
        self.key_folder.mkdir()
        self.write_keys()

    def variants(self):
        return ["_src", *self.renditions]

    def write_keys(self):
        for port, stream, key in [(self.transcoder.rtmp, JOB, KEYS["transcoder"]),
                                  *((self.storage.rtmp, JOB + v, KEYS["storage"]) for v in self.variants())]:
            lab.text("keys", self.key_folder, self.distributor.rtmp, JOB, KEYS["relay"], port, stream, key)

    def folder(self, variant):
        return self.storage.folder / "data" / "hls" / (JOB + variant)

    def start_segmenter(self, variant):
        self.lab.start("hls" + variant, lab.argv("segmenter", self.storage.rtmp, JOB + variant, self.folder(variant),
                                                 FRAGMENT, 0, "pipe:3"), progress=True)

    def start_transcoder(self):
        words = []
        for variant, (width, height, bps) in self.renditions.items():
            words += [width, height, bps, JOB + variant, KEYS["storage"]]
        self.lab.start("encode", lab.argv("transcode", self.transcoder.rtmp, JOB, "pipe:3", self.storage.rtmp, *words,
                                          keys=self.key_folder), progress=True)

    def start_relay(self):
        self.lab.start("relay", lab.argv("relay", self.distributor.rtmp, JOB, KEYS["relay"], self.offset_ms,
                                         "normalise" if self.normalise else "copy", FRAGMENT, "pipe:3",
                                         keys=self.key_folder), progress=True)

    def start_normaliser(self):
        self.lab.start("normalise", lab.argv("normalise", self.distributor.rtmp, JOB, KEYS["relay"], FRAGMENT, "pipe:3",
                                             keys=self.key_folder), progress=True)

    def start_copies(self):
        for name, port, stream, key in [("to-transcoder", self.transcoder.rtmp, JOB, KEYS["transcoder"]),
                                        ("to-storage", self.storage.rtmp, JOB + "_src", KEYS["storage"])]:
            self.lab.start(name, lab.argv("copy", self.distributor.rtmp, JOB, port, stream, key, "pipe:3",
                                          keys=self.key_folder), progress=True)

    def start(self):
        for variant in self.variants():
            self.start_segmenter(variant)
        self.start_transcoder()
        self.start_copies()
        if self.normalise:
            self.start_normaliser()
        self.start_relay()
        self.wait_ready()

    def wait_ready(self):
        """Until every unit waits at its stream, so that nothing of the beginning is missed."""
        for variant in self.variants():
            lab.wait_for("hls" + variant, lambda v=variant: self.storage.clients("live", JOB + v) == 1)
        lab.wait_for("encode", lambda: self.transcoder.clients("live", JOB) == 1)
        lab.wait_for("copies", lambda: self.distributor.clients("live", JOB) == 2)
        if self.normalise:
            lab.wait_for("normaliser", lambda: self.distributor.clients("clean", JOB) == 1)
        lab.wait_for("relay", lambda: self.distributor.clients("ingest", JOB) == 1)

    def push(self, source, name="push", key=KEYS["ingest"], application="ingest"):
        url = f"rtmp://127.0.0.1:{self.distributor.rtmp}/{application}/{JOB}?key={key}"
        return self.lab.start(name, lab.argv("push", source, url, "copy"))

    def wait_ends(self, names, seconds=20):
        """Exit codes of units that are to end by themselves."""
        return {n: lab.wait_for(f"end of {n}", lambda p=self.lab.processes[n]: p.poll() is not None and (p.returncode,),
                                seconds)[0] for n in names}

    def units(self):
        mending = ["normalise"] if self.normalise else []
        return ["relay", *mending, "to-transcoder", "to-storage", "encode", *("hls" + v for v in self.variants())]


@unittest.skipIf(lab.missing(), lab.missing())
class MediaChain(unittest.TestCase):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.close)

    def logs(self):
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')}" for p in sorted(self.lab.folder.glob("*.log")))

    def source(self, seconds, **how):
        path = self.lab.folder / "source.mp4"
        lab.make_source(path, seconds, **how)
        return path

    def check_equal(self, chain, least):
        """All renditions have the same segments, cut at the same points, and all of them decode."""
        cuts = {v: lab.cut_points(chain.folder(v)) for v in chain.variants()}
        self.assertGreaterEqual(len(cuts["_src"]), least, self.logs())
        for variant in chain.renditions:
            self.assertEqual(cuts["_src"], cuts[variant], variant)
        numbers = [int(n[:-3]) for n in cuts["_src"]]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        for variant in chain.variants():
            self.assertEqual(self.ends(chain, variant), self.ends(chain, "_src"), f"{variant}: frames and last pts")
            for name in cuts[variant]:
                self.assertEqual(lab.decode_errors(chain.folder(variant) / name), "", f"{variant}/{name}")
        self.keeps_rules(chain)
        return cuts["_src"]

    def keeps_rules(self, chain):
        """The renditions as they are stored, against the rules of HLS: each, its segments, and all beside each other."""
        texts = {v: (chain.folder(v) / "index.m3u8").read_text() for v in chain.variants()}
        broken = hls_rules.check_renditions(texts)
        for variant in chain.variants():
            broken += hls_rules.check_folder(chain.folder(variant))
        self.assertEqual(broken, [], self.logs())

    def ends(self, chain, variant):
        """Number of pictures and the last one's pts: nothing is missing at the end either."""
        stamps = [p[1] for p in self.stored_video(chain, variant)]
        return len(stamps), max(stamps)

    def run_whole(self, source, least, **how):
        chain = Chain(self.lab, **how)
        chain.start()
        self.assertEqual(chain.push(source).wait(60), 0)
        ends = chain.wait_ends(chain.units())
        self.assertEqual(ends, {n: 0 for n in chain.units()}, self.logs())
        return chain, self.check_equal(chain, least)

    def whole_source_stored(self, source, chain):
        """Every video frame of the source, none twice, at its own time."""
        sent = sorted(p[1] for p in lab.packets(source) if p[0] == "video")
        kept = []
        for name in lab.stored(chain.folder("_src")):
            kept += [p[1] for p in lab.packets(chain.folder("_src") / name) if p[0] == "video"]
        self.assertEqual(len(kept), len(sent))
        # The job's time line begins at the offset with whatever comes first, which may be sound.
        self.assertIn(min(kept) // 90 - chain.offset_ms, range(0, 100))

    def test_whole_stream(self):
        source = self.source(12, gop=25)
        chain, cuts = self.run_whole(source, 6)
        self.assertEqual(len(cuts), 6)
        self.whole_source_stored(source, chain)
        for variant in chain.variants():
            found = lab.playlist(chain.folder(variant))
            self.assertFalse(found["ended"], "only the agent knows that a stream is over")
            self.assertEqual([t for _, _, t in found["entries"]], [[]] * 6)
            self.assertAlmostEqual(sum(d for _, d, _ in found["entries"]), 12, delta=0.1)
            lab.text("finish", chain.folder(variant))
            self.assertTrue(lab.playlist(chain.folder(variant))["ended"])
        progress = self.lab.progress("hls_src")
        self.assertEqual((progress["frames"], progress["ended"]), (300, True))
        self.assertEqual(self.lab.progress("encode")["frames"], 300)
        self.serves(chain)
        self.no_keys_in_process_list(chain)

    def no_keys_in_process_list(self, chain):
        words = " ".join(lab.argv("copy", 1, JOB, chain.storage.rtmp, JOB + "_src", KEYS["storage"], "-",
                                  keys=chain.key_folder))
        self.assertNotIn(KEYS["storage"], words)

    def serves(self, chain):
        base = f"http://127.0.0.1:{chain.storage.http}/hls/{JOB}_src/"
        name = lab.stored(chain.folder("_src"))[0]
        code, head, _ = lab.fetch(base + "index.m3u8")
        self.assertEqual((code, head["Content-Type"], head["Cache-Control"], head["Access-Control-Allow-Origin"]),
                         (200, "application/vnd.apple.mpegurl", "no-cache", "*"))
        code, head, body = lab.fetch(base + name)
        self.assertEqual((code, head["Content-Type"], head["Access-Control-Allow-Origin"]), (200, "video/mp2t", "*"))
        self.assertIn("max-age=86400", head["Cache-Control"])
        self.assertEqual(body, (chain.folder("_src") / name).read_bytes())
        code, head, _ = lab.fetch(base + name, "OPTIONS")
        self.assertEqual((code, head["Access-Control-Allow-Headers"]), (204, "Range"))
        self.cors_once(base, name)
        (chain.folder("_src") / ".0000000001.ts.part").write_text("half")
        for path in (base, base + ".0000000001.ts.part", base + ".lock", base + "index.m3u8.bad",
                     f"http://127.0.0.1:{chain.storage.http}/", f"http://127.0.0.1:{chain.storage.http}/hls/"):
            self.assertEqual(lab.fetch(path)[0], 404, path)

    def cors_once(self, base, name):
        """Whatever the status, a page of another site may read it, and each header is there once."""
        for path, method, extra, status in ((name, "GET", {}, 200), (name, "HEAD", {}, 200), (name, "GET", {"Range": "bytes=0-9"}, 206),
                                            (name, "GET", {"Range": "bytes=99999999-"}, 416), (name, "OPTIONS", {}, 204),
                                            (name, "POST", {}, 405), ("9999999999.ts", "GET", {}, 404), ("page.html", "GET", {}, 404), ("0000000000.rest.ts", "GET", {}, 404),
                                            ("index.m3u8", "GET", {}, 200), ("index.m3u8", "GET", {"Range": "bytes=99999999-"}, 416)):
            code, head, _ = lab.fetch(base + path, method, extra)
            self.assertEqual(code, status, (path, method, extra))
            for header in ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
                           "Access-Control-Expose-Headers", "X-Content-Type-Options"):
                self.assertEqual(len(head.get_all(header, [])), 1, (path, method, extra, header))
            self.assertEqual("no-store" in " ".join(head.get_all("Cache-Control")), status >= 400, (path, method, status))

    def test_ntsc_rate(self):
        source = self.source(12, rate="30000/1001", gop=30)
        chain, cuts = self.run_whole(source, 5)
        self.whole_source_stored(source, chain)

    def test_normalised(self):
        """A source with one key frame in 10 s, which HLS cannot store as it is, is cut all the same."""
        source = self.source(10, gop=250)
        chain, cuts = self.run_whole(source, 5, normalise=True)
        self.assertEqual(len(cuts), 5)

    def test_keys_are_asked_for(self):
        source = self.source(2)
        chain = Chain(self.lab)
        for key, application in (("wrongKey123456789", "ingest"), ("", "ingest"), (KEYS["ingest"], "live"),
                                 (KEYS["ingest"] + "x", "ingest"), (f"x&key2={KEYS['ingest']}", "ingest")):
            self.assertNotEqual(chain.push(source, key=key, application=application).wait(20), 0, (key, application))
        self.assertEqual(chain.push(source).wait(20), 0)
        node_path = f"/nginx/{'ab' * 20}/"
        calls = chain.distributor.agent.calls
        self.assertEqual([c[3] for c in calls if c[0] == node_path + "publish"], [403] * 5 + [200])
        lab.wait_for("publish_done", lambda: calls[-1] == (node_path + "publish_done", "ingest", JOB, 200))

    def test_stopped(self):
        """Dropping the publisher ends every hop cleanly, and what was sent is kept everywhere."""
        source = self.source(30, gop=25)
        chain = Chain(self.lab)
        chain.start()
        push = chain.push(source)
        lab.wait_for("two segments", lambda: len(lab.stored(chain.folder("_90p"))) >= 2, 30)
        self.assertTrue(chain.distributor.publishing("ingest", JOB))
        code, body = chain.distributor.get(f"/control/drop/publisher?app=ingest&name={JOB}")
        self.assertEqual((code, body), (200, b"1"))
        push.wait(20)
        self.assertEqual(chain.wait_ends(chain.units(), 10), {n: 0 for n in chain.units()}, self.logs())
        self.check_equal(chain, 3)
        self.assertFalse(chain.distributor.publishing("ingest", JOB))

    def test_publisher_comes_back(self):
        """The job's time line goes on with the next fragment: no discontinuity, equal numbers."""
        source = self.source(7, gop=25)
        chain, cuts = self.run_whole(source, 4)
        last = chain.offset_ms + self.lab.progress("relay")["out_time_ms"]
        chain.offset_ms = int(lab.text("offset", last, FRAGMENT))
        self.assertEqual(chain.offset_ms, 18000)
        chain.start()
        self.assertEqual(chain.push(source).wait(60), 0)
        self.assertEqual(chain.wait_ends(chain.units()), {n: 0 for n in chain.units()}, self.logs())
        cuts = self.check_equal(chain, 8)
        self.assertEqual([int(n[:-3]) for n in cuts], list(range(5, 13)))
        for variant in chain.variants():
            tags = {n: t for n, _, t in lab.playlist(chain.folder(variant))["entries"] if t}
            self.assertEqual(tags, {"0000000008.rest.ts": ["#EXT-X-GAP"]}, "the rest of the fragment in which it went away")

    def test_encoder_killed(self):
        """The transcoder's ffmpeg dies in the middle: one segment is lost at most, and numbers stay equal."""
        source = self.source(20, gop=25)
        chain = Chain(self.lab)
        chain.start()
        push = chain.push(source)
        lab.wait_for("two segments", lambda: len(lab.cut_points(chain.folder("_90p"))) >= 2, 30)
        self.lab.processes["encode"].kill()
        self.lab.processes["encode"].wait()
        rendered = ["hls" + v for v in chain.renditions]
        self.assertEqual(chain.wait_ends(rendered, 10), {n: 0 for n in rendered})
        for variant in chain.renditions:
            chain.start_segmenter(variant)
        chain.start_transcoder()
        self.assertEqual(push.wait(60), 0)
        self.assertEqual(chain.wait_ends(chain.units()), {n: 0 for n in chain.units()}, self.logs())
        source_cuts = lab.cut_points(chain.folder("_src"))
        self.assertEqual(len(source_cuts), 10)
        keys = {p[1] for p in self.stored_video(chain, "_src") if p[3]}
        sent = len(self.stored_video(chain, "_src"))
        for variant in chain.renditions:
            cuts = lab.cut_points(chain.folder(variant))
            entries = lab.playlist(chain.folder(variant))["entries"]
            self.assertEqual([n for n, _, _ in entries if "rest" not in n], list(source_cuts), "every number is listed")
            # Missing, or begun late because the encoder came back in its middle: one at most. All others are equal.
            damaged = [n for n in source_cuts if cuts.get(n) != source_cuts[n]]
            self.assertLessEqual(len(damaged), 1, (cuts, source_cuts))
            self.assertTrue(set(cuts.values()) <= keys, "cuts are the source's key frames, also after the rejoin")
            lost = sent - len(self.stored_video(chain, variant))
            self.assertTrue(0 < lost < 2 * FRAGMENT * 25, f"{lost} frames lost")
            self.assertEqual(self.ends(chain, variant)[1], self.ends(chain, "_src")[1], "the end is there")
            self.assertAlmostEqual(sum(d for _, d, _ in entries), 20, delta=0.1, msg=(cuts, entries, self.logs()))
            for name in cuts:  # the one that was cut off may have no sound yet, which is worth a warning to ffmpeg
                self.assertEqual(lab.decode_errors(chain.folder(variant) / name, "error"), "", f"{variant}/{name}")
        self.keeps_rules(chain)

    def stored_video(self, chain, variant):
        return [p for n in lab.stored(chain.folder(variant)) for p in lab.packets(chain.folder(variant) / n)
                if p[0] == "video"]


if __name__ == "__main__":
    if lab.missing():
        print("skipped:", lab.missing())
        sys.exit(77)
    unittest.main()
