"""dsn-hls alone, fed with FLV files: cutting, numbering, going on, and everything that can be wrong with a stream."""
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hls_rules  # noqa: E402
import media_lab as lab  # noqa: E402

MARK = 1024  # HLS_MARK_FRAGMENTS of media/hls.h


def flv_tags(data):
    """(type, time stamp, payload) of each tag."""
    at = 9 + 4
    while at + 11 <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1:at + 4], "big")
        stamp = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        yield kind, stamp, data[at + 11:at + 11 + size]
        at += 11 + size + 4


def flv_of(path, tags):
    """An FLV of [(type, time stamp, payload)]; time stamps wrap at 32 bits as in RTMP."""
    out = bytearray(b"FLV\x01\x05" + struct.pack(">I", 9) + bytes(4))
    for kind, stamp, payload in tags:
        stamp &= 0xffffffff
        out += bytes([kind]) + len(payload).to_bytes(3, "big") + (stamp & 0xffffff).to_bytes(3, "big")
        out += bytes([stamp >> 24]) + bytes(3) + payload + (len(payload) + 11).to_bytes(4, "big")
    pathlib.Path(path).write_bytes(out)
    return path


def flv_write(path, *parts):
    """An FLV of [(base_ms, file)]: each file's tags, moved by base_ms."""
    return flv_of(path, [(kind, stamp + base, payload) for base, file in parts
                         for kind, stamp, payload in flv_tags(pathlib.Path(file).read_bytes())])


def is_picture(kind, payload, frame=None):
    """A coded picture, not a codec header; frame 1: key, 2: another."""
    return kind == 9 and payload[1] == 1 and (frame is None or payload[0] >> 4 == frame)


@unittest.skipIf(lab.missing(), lab.missing())
class Segmenter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.ten = cls.lab.folder / "ten.flv"  # 10 s, a key frame every second
        lab.make_source(cls.ten, 10, gop=25, options="-flvflags no_duration_filesize")

    def setUp(self):
        self.folder = self.lab.folder / self.id().rsplit(".", 1)[1]
        self.out = self.folder / "out"
        self.folder.mkdir()
        self.addCleanup(self.keeps_rules)

    def keeps_rules(self):
        """Whatever a test has stored: no rule of HLS is broken, in the playlist and in the segments."""
        if (self.out / "index.m3u8").exists():
            self.assertEqual(hls_rules.check_folder(self.out, self.measured()), [])

    def measured(self):
        found = lab.json.loads((self.out / "measured.json").read_text())
        return {"BANDWIDTH": found["peak"], "AVERAGE-BANDWIDTH": found["average"], "CODECS": found["codecs"],
                "RESOLUTION": f"{found['width']}x{found['height']}", "FRAME-RATE": found["rate"]}

    def make(self, name, seconds, **how):
        path = self.folder / name
        lab.make_source(path, seconds, options="-flvflags no_duration_filesize", **how)
        return path

    def moved(self, *parts):
        return flv_write(self.folder / f"moved{parts[0][0]}.flv", *parts)

    def hls(self, source, *more, fragment=2, code=0, **popen):
        """Run to the end; the log. A playlist that was there is gone on with as the rules allow."""
        playlist = self.out / "index.m3u8"
        before = playlist.read_text() if playlist.exists() else None
        done = subprocess.run([lab.BIN / "dsn-hls", "--input", str(source), "--folder", str(self.out), "--fragment",
                               str(fragment), *more], capture_output=True, text=True, timeout=60, **popen)
        self.assertEqual(done.returncode, code, done.stderr)
        if before and before.startswith("#EXTM3U\n#EXT-X-VERSION") and f"fragment={fragment}," in before:
            self.assertEqual(hls_rules.check_refresh(before.replace("#EXT-X-ENDLIST\n", ""), playlist.read_text()), [])
        return done.stderr

    def entries(self):
        return lab.playlist(self.out)["entries"]

    def numbers(self):
        return [int(n[:-3]) for n, _, _ in self.entries()]

    def tags(self):
        return {int(n[:-3]): t for n, _, t in self.entries() if t}

    def decodes(self):
        for name in lab.stored(self.out):
            self.assertEqual(lab.decode_errors(self.out / name), "", name)

    def elementary(self, path):
        """The H.264 of a file without what containers put in front of pictures."""
        done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0:v", "-c", "copy", "-bsf:v",
                               "h264_mp4toannexb,filter_units=remove_types=7-9", "-f", "h264", "-"],
                              capture_output=True, timeout=60, check=True)
        return done.stdout

    def test_cut_on_the_time_line(self):
        self.hls(self.moved((10920, self.ten)))  # its first picture is at 80 ms
        self.assertEqual(self.numbers(), [5, 6, 7, 8, 9, 10])
        cuts = [pts // 90 for pts in lab.cut_points(self.out).values()]
        self.assertEqual(cuts, [11000, 12000, 14000, 16000, 18000, 20000])
        self.assertEqual([d for _, d, _ in self.entries()], [1, 2, 2, 2, 2, 1])
        self.assertEqual(self.tags(), {})
        self.decodes()

    def test_nothing_is_changed(self):
        self.hls(self.ten)
        joined = b"".join(self.elementary(self.out / n) for n in lab.stored(self.out))
        self.assertEqual(joined, self.elementary(self.ten))
        sent, kept = lab.packets(self.ten), []
        for name in lab.stored(self.out):
            kept += lab.packets(self.out / name)
        for kind in ("video", "audio"):
            self.assertEqual([p[1] for p in kept if p[0] == kind], [p[1] * 90 for p in sent if p[0] == kind])

    def test_packet_counters_go_on(self):
        """Transport packets of one stream are counted through all segments, so that players see no loss."""
        self.hls(self.ten)
        last = {}
        for name in lab.stored(self.out):
            data = (self.out / name).read_bytes()
            for at in range(0, len(data), 188):
                self.assertEqual(data[at], 0x47)
                pid = (data[at + 1] & 0x1f) << 8 | data[at + 2]
                if data[at + 3] & 0x10:
                    counter = data[at + 3] & 0xf
                    self.assertEqual(counter, (last[pid] + 1) & 0xf if pid in last else counter, f"{name} {pid}")
                    last[pid] = counter

    def test_goes_on(self):
        self.hls(self.moved((10000, self.ten)))
        self.assertEqual(self.numbers(), [5, 6, 7, 8, 9])
        lab.text("finish", self.out)
        self.assertTrue(lab.playlist(self.out)["ended"])
        self.hls(self.moved((20000, self.ten)))
        self.assertEqual(self.numbers(), list(range(5, 15)))
        self.assertEqual(self.tags(), {})
        self.assertFalse(lab.playlist(self.out)["ended"])
        self.decodes()

    def test_same_fragment_is_not_stored_twice(self):
        self.hls(self.moved((10000, self.ten)))
        before = {n: (self.out / n).read_bytes() for n in lab.stored(self.out)}
        log = self.hls(self.moved((19000, self.ten)))
        self.assertIn("number=9 is stored already", log)
        self.assertEqual(self.numbers(), list(range(5, 15)))
        for name, data in before.items():
            self.assertEqual((self.out / name).read_bytes(), data)

    def test_lost_fragments_are_gaps(self):
        self.hls(self.moved((10000, self.ten)))
        self.hls(self.moved((26000, self.ten)))
        self.assertEqual(self.numbers(), list(range(5, 18)))
        self.assertEqual(self.tags(), {n: ["#EXT-X-GAP"] for n in (10, 11, 12)})
        self.assertAlmostEqual(sum(d for _, d, _ in self.entries()), 26, delta=0.1)

    def test_marks(self):
        """Numbers that are MARK apart are a discontinuity; those of marks that were missed are counted too; less is a loss."""
        self.hls(self.moved((10000, self.ten)))
        one, three = 20000 + MARK * 2000, 30000 + 4 * MARK * 2000
        self.hls(self.moved((one, self.ten)))
        self.assertEqual(self.tags(), {one // 2000: ["#EXT-X-DISCONTINUITY"]})
        self.hls(self.moved((three, self.ten)))
        last = one // 2000 + 4
        self.assertEqual(self.tags(), {one // 2000: ["#EXT-X-DISCONTINUITY"], three // 2000: ["#EXT-X-DISCONTINUITY"],
                                       last + MARK: ["#EXT-X-DISCONTINUITY", "#EXT-X-GAP"],
                                       last + 2 * MARK: ["#EXT-X-DISCONTINUITY", "#EXT-X-GAP"]})
        self.hls(self.moved((three + 400_000, self.ten)))
        self.assertEqual(sum(t == ["#EXT-X-GAP"] for t in self.tags().values()), 200 - 5)

    def test_new_time_line_on_restart(self):
        self.hls(self.moved((20000, self.ten)))
        self.hls(self.ten)
        self.assertEqual(self.numbers(), list(range(10, 20)))
        self.assertEqual(self.tags(), {15: ["#EXT-X-DISCONTINUITY"]})
        self.hls(self.moved((10000, self.ten)))  # goes on from there
        self.assertEqual(self.numbers(), list(range(10, 25)))
        self.assertEqual(self.tags(), {15: ["#EXT-X-DISCONTINUITY"]})

    def test_new_time_line_within_the_stream(self):
        self.hls(self.moved((20000, self.ten), (0, self.ten)))
        self.assertEqual(self.numbers(), list(range(10, 20)))
        self.assertEqual(self.tags(), {15: ["#EXT-X-DISCONTINUITY"]})
        self.decodes()

    def test_other_fragment_length(self):
        self.hls(self.moved((10000, self.ten)))
        self.hls(self.moved((20000, self.ten)), fragment=5)
        self.assertEqual(self.numbers(), [5, 6, 7, 8, 9, 10, 11])
        self.assertEqual(self.tags(), {10: ["#EXT-X-DISCONTINUITY"]})

    def test_other_bytes_of_equal_settings(self):
        """What another node's encoder writes for the same kind of stream is none: the other renditions would have none."""
        other = self.make("other.flv", 4, gop=25, rate="30")
        self.hls(self.moved((10000, self.ten), (20000, other)))
        self.hls(self.moved((24000, self.ten)))
        self.assertEqual(self.numbers(), list(range(5, 17)))
        self.assertEqual(self.tags(), {})
        self.decodes()

    def test_codec_changes(self):
        other = self.make("other.flv", 4, gop=25, size="160x90")
        self.hls(self.moved((10000, self.ten), (20000, other)))
        self.assertEqual(self.numbers(), list(range(5, 12)))
        self.assertEqual(self.tags(), {10: ["#EXT-X-DISCONTINUITY"]})
        self.decodes()

    def test_codec_changes_within_a_fragment(self):
        other = self.make("other.flv", 6, gop=25, size="160x90")
        self.hls(self.moved((10920, self.ten), (20950, other)))
        self.assertEqual(self.numbers(), list(range(5, 14)))
        self.assertEqual(self.tags(), {11: ["#EXT-X-DISCONTINUITY"]})
        self.decodes()

    def test_sound_comes_later(self):
        silent = self.make("silent.flv", 4, gop=25, audio=False)
        self.hls(self.moved((10000, silent), (14000, self.ten)))
        self.assertEqual(self.numbers(), list(range(5, 12)))
        kinds = [{p[0] for p in lab.packets(self.out / n)} for n in lab.stored(self.out)]
        self.assertEqual(kinds, [{"video"}] * 3 + [{"video", "audio"}] * 4)
        self.assertEqual(self.tags(), {8: ["#EXT-X-DISCONTINUITY"]})
        self.decodes()

    def test_mp3_sound(self):
        source = self.make("mp3.flv", 6, gop=25, audio=False)
        film = self.out.parent / "with-mp3.flv"
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", source, "-f", "lavfi", "-i", "sine=d=6:sample_rate=44100", "-c:v", "copy", "-c:a",
                        "libmp3lame", film], check=True, timeout=60)
        self.hls(film)
        self.assertEqual({p[0] for n in lab.stored(self.out) for p in lab.packets(self.out / n)}, {"video", "audio"})
        self.decodes()

    def test_no_key_frames(self):
        """Nothing begins without an IDR picture, and no segment is longer than the target duration."""
        source = self.make("rare.flv", 70, gop=100000, rate="10", audio=False)
        log = self.hls(source)
        self.assertEqual(self.numbers(), [0])
        self.assertIn("hls.no_key_frame", log)
        self.assertTrue(all(2.5 < d < 3.5 for _, d, _ in self.entries()), self.entries())
        self.assertRegex(log, r"hls.end .*dropped=66\d")

    def test_two_key_intervals_in_a_segment(self):
        """Key frames nearly a fragment apart: as long as two intervals fit the target duration nothing is left out."""
        log = self.hls(self.make("rare.flv", 32, gop=40, audio=False))
        self.assertNotIn("hls.no_key_frame", log)
        self.assertEqual({d for _, d, _ in self.entries()}, {1.6, 3.2})
        self.assertEqual(self.pictures(), 32 * 25)
        self.keeps_rules()

    def hurt(self, name, change):
        """The ten seconds with change(number of the picture or None, kind, stamp, payload) -> list of tags."""
        tags, number = [], -1
        for kind, stamp, payload in flv_tags(self.ten.read_bytes()):
            number += is_picture(kind, payload)
            tags += change(number if is_picture(kind, payload) else None, kind, stamp, payload)
        return flv_of(self.folder / name, tags)

    def pictures(self):
        return sum(p[0] == "video" for n in lab.stored(self.out) for p in lab.packets(self.out / n))

    def test_damaged_pictures(self):
        """A NAL unit longer than its frame, an empty one, half a length, no bytes at all: each costs its picture."""
        forms = {30: lambda b: b[:5] + (int.from_bytes(b[5:9], "big") + 1000).to_bytes(4, "big") + b[9:],
                 80: lambda b: b[:5] + bytes(4) + b[9:], 130: lambda b: b[:7], 180: lambda b: b[:5] + b"\xff" * (len(b) - 5)}

        def change(number, kind, stamp, payload):
            return [(kind, stamp, forms.get(number, bytes)(payload))]

        log = self.hls(self.hurt("damaged.flv", change))
        self.assertEqual(self.numbers(), [0, 1, 2, 3, 4])
        self.assertEqual(self.tags(), {})
        self.assertEqual(self.pictures(), 246)
        self.assertRegex(log, r"hls.left_out .*why=damaged")
        self.assertRegex(log, r"hls.end .*dropped=4")

    def test_damaged_key_frame(self):
        """Its segment cannot begin there: it begins at the next one, and what is lost stands as a gap."""
        def change(number, kind, stamp, payload):
            return [(kind, stamp, payload[:9] + b"" if number == 100 else payload)]

        self.hls(self.hurt("damaged.flv", change))
        self.assertEqual(self.numbers()[:2], [0, 1])
        self.assertEqual(self.numbers()[-2:], [3, 4])
        self.assertLessEqual(max(d for _, d, _ in self.entries()), 3.5)
        self.assertAlmostEqual(sum(d for _, d, _ in self.entries()), 10, delta=0.1)

    def test_damaged_sound(self):
        """Frames of one byte and settings that MPEG-TS cannot tell: the picture goes on."""
        def change(number, kind, stamp, payload):
            if kind == 8 and payload[1] == 1 and 2000 <= stamp < 4000:
                return [(kind, stamp, payload[:3])]
            if kind == 8 and payload[1] == 1 and 5000 <= stamp < 5030:
                return [(kind, stamp, payload[:1] + b"\0" + b"\xff\xff\xff\xff\xff"), (kind, stamp, payload)]
            return [(kind, stamp, payload)]

        self.hls(self.hurt("damaged.flv", change))
        self.assertEqual(self.pictures(), 250)
        self.assertEqual(self.numbers(), [0, 1, 2, 3, 4])

    def test_damaged_settings(self):
        """An AVC header of rubbish within the stream: the earlier one stays."""
        def change(number, kind, stamp, payload):
            tag = (kind, stamp, payload)
            return [(9, stamp, b"\x17\0\0\0\0\x01\x4d\x40\x1f\xff\xe1\xff\xff"), tag] if number == 60 else [tag]

        log = self.hls(self.hurt("damaged.flv", change))
        self.assertIn("hls.settings", log)
        self.assertEqual(self.pictures(), 250)
        self.assertEqual(self.tags(), {})

    def test_stray_time_stamps(self):
        """One picture, and one sound, from another time: left out, and nothing else is."""
        def change(number, kind, stamp, payload):
            if number in (37, 130) or (kind == 8 and 7000 <= stamp < 7020):
                return [(kind, stamp + (30000 if number != 130 else -4000), payload)]
            return [(kind, stamp, payload)]

        self.hls(self.hurt("stray.flv", change))
        self.assertEqual(self.numbers(), [0, 1, 2, 3, 4])
        self.assertEqual(self.tags(), {})
        self.assertEqual(self.pictures(), 248)
        self.assertGreater(sum(p[0] == "audio" for p in lab.packets(self.out / "0000000004.ts")), 80)

    def encoded(self, name, *options, seconds=8):
        path = self.folder / name
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25", "-t",
                        str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *options,
                        "-flvflags", "no_duration_filesize", str(path)], check=True, timeout=120)
        return path

    def test_key_frames_that_are_no_idr(self):
        """Open GOP and intra refresh: the container calls them key frames, but no decoder can begin there."""
        gop = ["-g", "25", "-keyint_min", "25", "-sc_threshold", "0"]
        for name, options in (("open.flv", [*gop, "-bf", "2", "-x264opts", "open-gop=1"]),
                              ("refresh.flv", [*gop, "-bf", "0", "-x264opts", "intra-refresh=1"])):
            self.out = self.folder / name[:-4]
            log = self.hls(self.encoded(name, *options))
            self.assertEqual(self.numbers(), [0], name)
            self.assertIn("without an IDR picture", log)
            self.keeps_rules()

    def test_bandwidth_is_the_peak(self):
        """Measured from the segments, sound and packets included, also over a restart."""
        self.hls(self.ten)
        first = int(self.measured()["BANDWIDTH"])
        whole = sum(p.stat().st_size for p in self.out.glob("*.ts")) * 8 / 10
        self.assertAlmostEqual(int(self.measured()["AVERAGE-BANDWIDTH"]), whole, delta=whole / 50)
        self.assertEqual(self.measured()["RESOLUTION"], "320x180")
        self.assertEqual(self.measured()["FRAME-RATE"], "25000")
        (self.out / "measured.json").write_text("rubbish")
        loud = self.make("loud.flv", 4, gop=25, rate="30000/1001")
        log = self.hls(self.moved((10000, loud)))
        self.assertIn("hls.measured", log)
        self.assertGreaterEqual(int(self.measured()["BANDWIDTH"]), first)
        self.assertEqual(self.measured()["FRAME-RATE"], "29970")

    def test_joins_in_the_middle(self):
        """The first frames cannot be decoded without their key frame: they are left out."""
        tags = [t for t in flv_tags(self.ten.read_bytes())]
        headers, rest = [t for t in tags if t[1] == 0 and t[2][1:2] == b"\0" or t[0] == 18], []
        rest = [t for t in tags if t[1] > 1300 or t in headers]
        log = self.hls(flv_of(self.folder / "middle.flv", rest))
        self.assertRegex(log, r"hls.end .*dropped=[1-9]")
        self.assertEqual(self.numbers(), [1, 2, 3, 4, 5][:len(self.numbers())])
        self.decodes()

    def test_window(self):
        self.hls(self.ten, "--window", "3", fragment=1)
        found = lab.playlist(self.out)
        self.assertEqual(self.numbers(), [4, 5, 6, 7, 8, 9], "three target durations at least")
        self.assertEqual(found["head"]["#EXT-X-MEDIA-SEQUENCE"], "4")
        self.assertNotIn("#EXT-X-PLAYLIST-TYPE", found["head"])
        kept = sorted(int(p.name[:-3]) for p in self.out.glob("*.ts"))
        self.assertEqual(kept, list(range(kept[0], 10)), "a window more than is listed")
        self.assertLess(kept[0], 4)
        self.hls(self.moved((10000, self.ten)), "--window", "3", fragment=1)
        self.assertEqual(self.numbers(), [14, 15, 16, 17, 18, 19])
        self.assertEqual(lab.playlist(self.out)["head"]["#EXT-X-MEDIA-SEQUENCE"], "14")

    def test_time_stamps_wrap(self):
        """RTMP's 32 bits of milliseconds (49.7 days) and MPEG-TS' 33 bits (26.5 hours) start over within these."""
        for base, first in ((2**32 - 5000, (2**32 - 5000) // 2000), (2**33 // 90 - 5000, (2**33 // 90 - 5000) // 2000)):
            self.out = self.folder / str(base)
            self.hls(self.moved((base, self.ten)))
            numbers = self.numbers()
            self.assertEqual(numbers, list(range(first, first + len(numbers))))
            self.assertGreaterEqual(len(numbers), 5)
            self.assertEqual(self.tags(), {})
            self.decodes()

    def test_big_frames(self):
        source = self.folder / "big.flv"
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i",
                        "testsrc2=size=1920x1080:rate=5,noise=alls=100:allf=t", "-t", "2", *lab.ENCODE.split(), "-g", "5",
                        "-qp", "1", "-f", "flv", str(source)], check=True, timeout=120)
        self.assertGreater(max(len(p) for _, _, p in flv_tags(source.read_bytes())), 1 << 20)
        self.hls(source, fragment=1)
        self.assertEqual(self.numbers(), [0, 1])
        self.assertEqual(b"".join(self.elementary(self.out / n) for n in lab.stored(self.out)), self.elementary(source))

    def test_broken_playlist_is_put_aside(self):
        self.hls(self.moved((10000, self.ten)))
        before = {p.name: p.read_bytes() for p in self.out.glob("*.ts")}
        (self.out / "index.m3u8").write_text("#EXTM3U\nrubbish\n")
        log = self.hls(self.ten)
        self.assertIn("playlist line 2", log)
        self.assertTrue((self.out / "index.m3u8.bad").exists())
        self.assertEqual(self.numbers(), list(range(10, 15)))
        for name, data in before.items():
            self.assertEqual((self.out / name).read_bytes(), data)

    def test_unfinished_files_are_removed(self):
        self.out.mkdir()
        (self.out / ".0000000001.ts.part").write_text("half")
        self.hls(self.ten)
        self.assertEqual(sorted(p.name for p in self.out.glob(".*")), [".lock"])

    def test_full_disk(self):
        """What was stored stays whole, and the log says what is wrong."""
        self.hls(self.ten)
        before = (self.out / "index.m3u8").read_text()

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

        log = self.hls(self.moved((10000, self.ten)), code=1, preexec_fn=small_files)
        self.assertRegex(log, r"hls.failed .*cannot write .*0000000005.ts.part: File too large")
        self.assertEqual((self.out / "index.m3u8").read_text(), before)
        self.assertEqual(sorted(p.name for p in self.out.glob(".*")), [".lock"])
        self.decodes()
        self.hls(self.moved((20000, self.ten)))
        self.assertEqual({n for n, t in self.tags().items() if t == ["#EXT-X-GAP"]}, {5, 6, 7, 8, 9})

    def test_progress(self):
        file = self.folder / "progress"
        self.hls(self.ten, "--progress", f"file:{file}")
        found = lab.json.loads(lab.text("progress", file, 1 << 20))
        self.assertEqual((found["frames"], found["ended"]), (250, True))
        self.assertEqual(found["out_time_ms"], 9960)
        self.assertEqual(found["total_bytes"], sum(p.stat().st_size for p in self.out.glob("*.ts")))
        self.assertGreater(found["speed"], 1)

    def test_refusals(self):
        for words, code, why in (
                (["--input", "x"], 2, "--folder"),
                (["--folder", str(self.out)], 2, "--input"),
                (["--input", "x", "--folder", str(self.out), "more"], 2, "more: there is no such argument"),
                (["--input", "x", "--folder", str(self.out), "--fragment", "0"], 2, "--fragment"),
                (["--input", "x", "--folder", str(self.out), "--log-level", "loud"], 2, "--log-level"),
                (["--input", "x", "--folder", str(self.out), "--progress", "tcp:1"], 2, "--progress"),
                (["--input", "x", "--folder", str(self.out), "--progress", "pipe:9"], 1, "descriptor 9"),
                (["--input", "x", "--folder", "/dev/null/x"], 1, "/dev/null")):
            done = subprocess.run([lab.BIN / "dsn-hls", *words], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(why, done.stderr)
        done = subprocess.run([lab.BIN / "dsn-hls", "--help"], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0)
        self.assertIn("--fragment", done.stdout)

    def test_what_cannot_be_stored(self):
        for name, options, why in (("mpeg.ts", ["-c:v", "mpeg2video"], "mpeg2video"), ("sound.flv", None, "no video")):
            source = self.folder / name
            video = ["-f", "lavfi", "-i", "testsrc2=size=64x64"] if options else []
            subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *video, "-f", "lavfi", "-i", "sine", "-t", "1",
                            *(options or []), "-c:a", "aac", str(source)], check=True, timeout=60)
            self.assertIn(why, self.hls(source, code=2))
        self.assertFalse((self.out / "index.m3u8").exists())
        port, = lab.free_ports(1)
        self.assertIn("cannot read the stream", self.hls(f"rtmp://127.0.0.1:{port}/live/x", code=5))

    def test_one_writer(self):
        self.out.mkdir()
        with open(self.out / ".lock", "w") as lock:
            lab.wait_for("the lock", lambda: lab_flock(lock))
            self.hls(self.ten, code=4)

    def test_signal_while_waiting(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with socket.socket() as server:
                server.bind(("127.0.0.1", 0))
                server.listen()
                process = self.lab.start("waiting", ["dsn-hls", "--input", "rtmp://127.0.0.1:%d/live/x" %
                                                     server.getsockname()[1], "--folder", self.out])
                connection, _ = server.accept()  # and never a word
                self.assertIsNone(process.poll())
                process.send_signal(number)
                self.assertEqual(process.wait(2), 0)
                connection.close()

    def test_signal_while_storing(self):
        """The last segment is kept."""
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        process = self.lab.start("storing", ["dsn-hls", "--input", fifo, "--folder", self.out, "--fragment", "2"])
        data = self.ten.read_bytes()
        with open(fifo, "wb", buffering=0) as pipe:
            pipe.write(data[:len(data) * 3 // 4])
            lab.wait_for("segments", lambda: (self.out / "index.m3u8").exists())
            process.send_signal(signal.SIGTERM)
            # A file's read is not interrupted; the stream's next bytes are.
            try:
                pipe.write(data[len(data) * 3 // 4:])
            except BrokenPipeError:
                pass
            self.assertEqual(process.wait(5), 0)
        self.assertGreaterEqual(len(lab.stored(self.out)), 3)
        self.assertEqual(sorted(p.name for p in self.out.glob(".*")), [".lock"])
        for name in lab.stored(self.out):  # the last may have no sound yet, which is worth a warning to ffmpeg
            self.assertEqual(lab.decode_errors(self.out / name, "error"), "", name)


def lab_flock(file):
    import fcntl
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False


if __name__ == "__main__":
    if lab.missing():
        print("skipped:", lab.missing())
        sys.exit(77)
    unittest.main()
