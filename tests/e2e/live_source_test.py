"""Live sources as the field has them: clocks that jump, sound that comes late, and streams that nobody can store."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import flv_publisher as flv  # noqa: E402
import network  # noqa: E402
from network import figure, wait_for  # noqa: E402

SOURCE, RENDITION = "_src", "_90p"
FPS = 25


class LiveSource(network.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        network.RENDITIONS = [(RENDITION, 160, 90, 80_000)]

    def flv(self, seconds=40, **how):
        film = self.film(seconds, **how)
        path = film.with_suffix(".flv")
        if not path.exists():
            subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(film), "-c", "copy", "-flvflags",
                            "no_duration_filesize", str(path)], check=True, timeout=60)
        return flv.read(path)

    def lab(self, **how):
        return self.network(transcoders=1, together=True, **how)

    def live(self, net, job, tags):
        """Publish at once after the start: nothing of the beginning may be lost."""
        net.start_job(job)
        publisher = flv.Publisher(net.ingest_url(job), tags)
        self.addCleanup(publisher.stop)
        return publisher

    def decided(self, net, what, job):
        return [d["why"] for d in net.decisions("d", what) if d["why"].startswith(job)]

    def entries(self, net, variant, job):
        """[(number, seconds, [tags in front])] of the playlist as it stands."""
        text, out, tags, seconds = net.hls(f"{job}{variant}/index.m3u8"), [], [], 0
        for line in (text or b"").decode().splitlines():
            if line.startswith("#EXTINF:"):
                seconds = float(line[8:].rstrip(","))
            elif line in ("#EXT-X-DISCONTINUITY", "#EXT-X-GAP"):
                tags.append(line)
            elif line and not line.startswith("#"):
                out.append((int(line.split(".")[0]), seconds, tags))
                tags = []
        return out

    def never_ended(self, net, publishers):
        """No rendition is called ended as long as its publisher sends."""
        while any(p.is_alive() for p in publishers.values()):
            for job, publisher in publishers.items():
                for variant in net.variants():
                    text = net.hls(f"{job}{variant}/index.m3u8") or b""
                    if publisher.is_alive():
                        self.assertNotIn(b"ENDLIST", text, f"{job}{variant}")
            time.sleep(0.5)

    def whole(self, net, job, sent):
        """Every picture that was sent is stored in all renditions, at the same times; returns the cuts."""
        pictures = {v: net.pictures(v, job) for v in net.variants()}
        for variant, found in pictures.items():
            self.assertEqual(sum(map(len, found.values())), sent, f"{job}{variant}: {self.entries(net, variant, job)}")
        cuts = {v: {number: stamps[0] for number, stamps in found.items()} for v, found in pictures.items()}
        self.assertEqual(cuts[RENDITION], cuts[SOURCE], job)
        return cuts[SOURCE]

    def sound_from(self, net, variant, job):
        """Which of the segments is the first that holds sound."""
        for index, number in enumerate(net.numbers(variant, job)):
            done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "packet=pts", "-of",
                                   "csv=p=0", str(net.segment(variant, number, job))], capture_output=True, text=True, timeout=60)
            if done.stdout.strip():
                return index
        return None

    @staticmethod
    def shown(path):
        """Hashes of the decoded pictures."""
        done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-map", "0:v:0", "-f", "framemd5", "-"],
                              capture_output=True, text=True, check=True, timeout=60)
        return {line.split(",")[-1].strip() for line in done.stdout.splitlines() if not line.startswith("#")}

    @staticmethod
    def pictures_in(tags):
        return sum(t.kind == flv.PICTURE and not t.is_settings() and t.body[1] == 1 for t in tags)

    def test_clock_and_late_sound(self):
        """The clock starts anew, is set forward, shows a stray stamp now and then; sound comes after five seconds. Side by side."""
        net = self.lab(agent_flags=["--end-after", "3s", "--stall-after", "4s"])
        tags = flv.until(self.flv(), 18)
        sources = {"back0001": flv.clock_jumps(tags, 8.2, -8.2), "forward01": flv.clock_jumps(tags, 8.2, 30),
                   "stray0001": flv.strays(tags, 3, 30), "sound0001": flv.sound_from(tags, 5)}
        publishers = {job: self.live(net, job, sent) for job, sent in sources.items()}
        self.never_ended(net, publishers)
        for job, publisher in publishers.items():
            self.assertEqual(publisher.ended, "sent", job)
        self.assertEqual([d for d in net.decisions("d", "unit.restart")], [], "nothing was taken for a failure")
        for job in sources:
            net.end_job(job)
        sent = self.pictures_in(tags)
        for job in sources:
            cuts = self.whole(net, job, sent)
            marks = {v: [n for n, _, t in self.entries(net, v, job) if t] for v in net.variants()}
            self.assertEqual(marks[SOURCE], marks[RENDITION], job)
            figure(f"{job}: {sent} pictures sent, all stored in all renditions; marked at {marks[SOURCE]}, "
                   f"numbers {min(cuts)} to {max(cuts)}")
            # Sound that joins is a discontinuity of its own (RFC 8216, 4.3.2.3: the tracks change).
            self.assertEqual(len(marks[SOURCE]), 0 if job == "stray0001" else 1, (job, marks))
            for variant in net.variants():
                self.assertTrue(all(t == ["#EXT-X-DISCONTINUITY"] for n, _, t in self.entries(net, variant, job) if t))
                self.assertAlmostEqual(sum(s for _, s, _ in self.entries(net, variant, job)), 18, delta=0.3)
        self.assertIn("jumped back by 8", self.decided(net, "ingest.discontinuity", "back0001")[0])
        self.assertIn("jumped forward by 30", self.decided(net, "ingest.discontinuity", "forward01")[0])
        self.assertEqual(len(self.decided(net, "ingest.stray", "stray0001")), 1)
        self.decodes(net, "back0001")
        for variant in net.variants():
            first = self.sound_from(net, variant, "sound0001")
            self.assertIsNotNone(first, "the sound is there")
            self.assertLessEqual(first, 3, "at five seconds, with fragments of two")

    def test_late_sound_within_a_fragment(self):
        """Sound that comes while a fragment is stored in part costs nothing, nor do settings of rubbish before it."""
        net = self.lab(agent_flags=["--end-after", "3s", "--stall-after", "4s"])
        tags = flv.until(self.flv(), 14)
        late = flv.sound_from(tags, 6.3)  # the next key frame, a mark, is in the middle of a fragment of two seconds
        sources = {"within001": late, "rubbish01": flv.rubbish_settings(late, 4.3), "rubbish02": flv.rubbish_settings(tags, 4.3)}
        publishers = {job: self.live(net, job, sent) for job, sent in sources.items()}
        self.never_ended(net, publishers)
        for job, publisher in publishers.items():
            self.assertEqual(publisher.ended, "sent", job)
            net.end_job(job)
            self.whole(net, job, self.pictures_in(tags))
            for variant in net.variants():
                listed = self.entries(net, variant, job)
                self.assertEqual(sum(bool(t) for _, _, t in listed), job != "rubbish02", f"{job}{variant}: {listed}")
                first = self.sound_from(net, variant, job)
                self.assertEqual(first, 0 if job == "rubbish02" else 4, f"{job}{variant}: at the next key frame")

    def test_settings_change(self):
        """Another size, or other sound, in the stream or with the publisher that comes back: one discontinuity, at the same
        number in all renditions. The same settings again are none. Side by side."""
        net = self.lab(agent_flags=["--end-after", "8s", "--stall-after", "4s"])
        tags, other = flv.until(self.flv(), 20), flv.until(self.flv(name="other", extra=("-vf", "scale=256:144")), 20)
        sound = flv.until(self.flv(name="sound", extra=("-ar", "22050")), 20)
        within = {"size00001": flv.changes(tags, other, 9.5, (flv.PICTURE,)), "rate00001": flv.changes(tags, sound, 9.5, (flv.SOUND,))}
        first, second = flv.until(tags, 9), {"size00002": flv.until(other, 9), "rate00002": flv.until(sound, 9), "same00001": flv.until(tags, 9)}
        publishers = {job: self.live(net, job, sent) for job, sent in {**within, **dict.fromkeys(second, first)}.items()}
        for job, later in second.items():
            publishers[job].join(40)
            self.assertEqual(publishers[job].ended, "sent", job)
            publishers[job] = flv.Publisher(net.ingest_url(job), later)
            self.addCleanup(publishers[job].stop)
        self.all_changed(net, publishers, "same00001")
        self.whole(net, "size00001", self.pictures_in(within["size00001"]))
        self.whole(net, "rate00001", self.pictures_in(within["rate00001"]))

    def test_settings_change_across_agents(self):
        """As above with an agent that is killed meanwhile: one that changed before, and publishers that come back to the next
        agent, whose relays ended before and while there was none. Side by side."""
        net = self.lab(agent_flags=["--end-after", "30s", "--stall-after", "30s"])
        agent = net.agent_of["d"]
        tags, other = flv.until(self.flv(), 36), flv.until(self.flv(name="other", extra=("-vf", "scale=256:144")), 36)
        sent = {"size00003": flv.changes(tags, other, 3.5, (flv.PICTURE,)), "size00005": flv.until(tags, 5),
                "same00002": flv.until(tags, 19)}
        second = {"size00005": flv.until(other, 9), "same00002": flv.until(tags, 9)}
        for job in sent:
            net.start_job(job)
        publishers = {job: flv.Publisher(net.ingest_url(job), these) for job, these in sent.items()}
        for publisher in publishers.values():
            self.addCleanup(publisher.stop)
        publishers["size00005"].join(40)
        wait_for("the first change is told", lambda: self.decided(net, "ingest.discontinuity", "size00003"), 20)
        wait_for("and stored", lambda: all(any(t for _, _, t in self.entries(net, v, "size00003")) for v in net.variants()), 20)
        self.assertEqual([publishers["size00005"].ended, publishers["same00002"].ended], ["sent", None])
        agent.kill()
        publishers["same00002"].join(40)
        agent.start()
        wait_for("the next agent knows the jobs", lambda: {net.status(job)["d"]["state"] for job in sent} == {"running"}, 30)
        for job, later in second.items():
            publishers[job] = flv.Publisher(net.ingest_url(job), later)
            self.addCleanup(publishers[job].stop)
        self.all_changed(net, publishers, "same00002")

    def all_changed(self, net, publishers, same):
        """Once each, but for the job that kept its settings; looked at when all have been sent."""
        for job, publisher in publishers.items():
            publisher.join(40)
            self.assertEqual(publisher.ended, "sent", job)
            net.end_job(job)
        for job in publishers:
            self.changed(net, job, 0 if job == same else 1)

    def changed(self, net, job, times):
        """Marked and told so often, at the same numbers in all renditions."""
        listed = {v: self.entries(net, v, job) for v in net.variants()}
        marks = {v: [n for n, _, t in e if "#EXT-X-DISCONTINUITY" in t] for v, e in listed.items()}
        self.assertEqual([len(m) for m in marks.values()], [times] * len(marks), (job, listed))
        self.assertEqual(marks[SOURCE], marks[RENDITION], (job, listed))
        told = self.decided(net, "ingest.discontinuity", job)
        # A relay that goes on counts: the next agent says so again, in the same words.
        self.assertEqual(len(set(told)), times, (job, told))
        self.assertTrue(all("other codecs or settings" in why for why in told), told)
        figure(f"{job}: marked at {marks}, told {len(told)} time(s)")
        self.decodes(net, job)

    def test_normalised(self):
        """A source that is encoded anew, whose clock jumps: as one that is copied."""
        net = self.lab(agent_flags=["--end-after", "8s"])
        tags = flv.until(self.flv(name="pixels", extra=("-pix_fmt", "yuv422p")), 24)
        publisher = self.live(net, "pixels001", flv.clock_jumps(tags, 14.2, -14.2))
        wait_for("normalised", lambda: self.decided(net, "ingest.normalised", "pixels001"), 20)
        self.never_ended(net, {"pixels001": publisher})
        self.assertEqual(publisher.ended, "sent")
        net.end_job("pixels001")
        entries = {v: self.entries(net, v, "pixels001") for v in net.variants()}
        marks = {v: [n for n, _, t in e if "#EXT-X-DISCONTINUITY" in t] for v, e in entries.items()}
        self.assertEqual(marks[SOURCE], marks[RENDITION], entries)
        told = self.decided(net, "ingest.discontinuity", "pixels001")
        self.assertEqual([len([t for t in told if why in t]) for why in ("encoded otherwise", "jumped back by 14")], [1, 1], told)
        behind = {v: [n for n in net.numbers(v, "pixels001") if n >= marks[v][-1]] for v in net.variants()}
        self.assertEqual(behind[SOURCE], behind[RENDITION])
        figure(f"normalised, clock back by 14 s: marked at {marks[SOURCE]}, then {len(behind[SOURCE])} segments; "
               f"{({v: sum(len(p) for p in net.pictures(v, 'pixels001').values()) for v in net.variants()})} of "
               f"{self.pictures_in(tags)} pictures stored")
        self.assertGreaterEqual(len(behind[SOURCE]), 4)
        for variant, found in {v: net.pictures(v, "pixels001") for v in net.variants()}.items():
            # From the first key frame behind the jump, at 15 s, to the end nothing is lost.
            self.assertEqual(sum(len(p) for n, p in found.items() if n >= marks[SOURCE][-1]), 9 * FPS, variant)
        self.decodes(net, "pixels001")

    def test_mended_as_needed(self):
        """Sound that does not fit leaves the picture alone; too many pictures become sixty; key frames that make segments too
        long are made anew; one damaged key frame is none of that. Side by side."""
        net = self.lab(agent_flags=["--end-after", "8s"])
        sources = {"sound0003": (self.flv(32, audio="mp3"), "audio is mp3, HLS here stores aac; encoding its sound anew"),
                   "fast00001": (self.flv(32, name="fast", extra=("-vf", "fps=100,scale=160:90")), "100 pictures a second, the limit is 60"),
                   "keys00001": (self.flv(32, name="keys", gop=46), "1840 ms apart: with fragments of 2000 ms a segment would last up")}
        publishers = {job: self.live(net, job, tags) for job, (tags, _) in sources.items()}
        publishers["damaged01"] = self.live(net, "damaged01", flv.key_damaged(self.flv(32, name="plain"), 3))
        for job, (_, why) in sources.items():
            wait_for(f"{job}: mended", lambda job=job: self.decided(net, "ingest.normalised", job), 30)
            self.assertIn(why, self.decided(net, "ingest.normalised", job)[0])
        self.never_ended(net, publishers)
        self.assertEqual(self.decided(net, "ingest.normalised", "damaged01"), [])
        self.assertTrue(self.decided(net, "ingest.fits", "damaged01"), "at the second look")
        for job, publisher in publishers.items():
            self.assertEqual(publisher.ended, "sent", job)
            net.end_job(job)
        for job in sources:
            entries = self.entries(net, SOURCE, job)
            since = max(n for n, _, t in entries if "#EXT-X-DISCONTINUITY" in t)
            mended = {v: [n for n in net.numbers(v, job) if n >= since] for v in net.variants()}
            self.assertEqual(mended[SOURCE], mended[RENDITION], job)
            self.assertGreaterEqual(len(mended[SOURCE]), 5, f"{job}: {entries}")
            self.assertTrue(all(not t for n, _, t in entries if n > since), f"{job}: {entries}")
            for variant in net.variants():
                self.assertEqual(net.decode_errors(variant, job), [], f"{job}{variant}: {entries}")
        film = self.shown(self.film(32, audio="mp3"))
        kept = self.shown(net.segment(SOURCE, max(net.numbers(SOURCE, "sound0003")) - 1, "sound0003"))
        self.assertTrue(kept and kept <= film, "the source's own pictures")
        self.assertIsNotNone(self.sound_from(net, SOURCE, "sound0003"))
        stamps = net.pictures(SOURCE, "fast00001")[max(net.numbers(SOURCE, "fast00001")) - 1]
        self.assertLessEqual(len(stamps), 2 * 60 + 1, "pictures in two seconds")
        for job in sources:
            lengths = [s for _, s, _ in self.entries(net, SOURCE, job)][-5:-1]
            self.assertTrue(all(abs(s - 2) < 0.05 for s in lengths) or job == "sound0003", (job, lengths))

    def test_refused_by_name(self):
        """What cannot be stored is refused with its name within ten seconds; key frames where nobody can join are mended."""
        net = self.lab()
        tags = flv.until(self.flv(), 30)
        opened = flv.until(self.flv(name="open", extra=("-x264opts", "open-gop=1:bframes=2")), 12)
        jobs = {"hevc00001": (flv.enhanced_hevc(tags), "HEVC in enhanced RTMP"),
                "sound0002": (flv.sound_only(tags), "sound only"),
                "nokey0001": ([t for t in tags if t.kind != flv.PICTURE or t.is_settings() or t.body[0] >> 4 != 1], "no key frame")}
        publishers = {job: self.live(net, job, sent) for job, (sent, _) in jobs.items()}
        publishers["opengop01"] = self.live(net, "opengop01", opened)
        for job, (_, name) in jobs.items():
            publishers[job].join(15)
            self.assertIn("closed", publishers[job].ended or "still let in", job)
            self.assertLess(publishers[job].seconds, 10, job)
            ingest = net.status(job)["d"]["ingest"]
            self.assertIn(name, ingest["refused"], job)
            self.assertIn(name, self.decided(net, "ingest.refused", job)[0])
            again = flv.Publisher(net.ingest_url(job), flv.until(tags, 1))
            again.join(10)
            self.assertIn("refused", again.ended, f"{job}: at once, while it lasts")
        figure("refused: " + ", ".join(f"{job} after {publishers[job].seconds:.1f} s" for job in jobs))
        self.assertIn("no IDR", wait_for("the verdict", lambda: self.decided(net, "ingest.normalised", "opengop01"), 15)[0])
        publishers["opengop01"].join(20)
        self.assertEqual(publishers["opengop01"].ended, "sent")


if __name__ == "__main__":
    network.main()
