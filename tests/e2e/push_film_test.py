#!/usr/bin/env python3
"""`vcli pipeline push` of films as the field has them: what comes out at the receiving end, and what is said of it.

All films are pushed side by side, since each takes as long as it lasts."""
import json
import os
import shutil
import sys
import unittest

from push_lab import JOB, KEYS, X264, Pusher, gray, idr_count, packets, picture, sizes, sound, streams

SECONDS = 2
AAC = "-c:a aac -b:a 64k"
SIZE = "160x90"
PICTURE, SOUND = picture(SECONDS, SIZE), sound(SECONDS)
# Moving edges that show at once whether two fields stand in one picture.
BAR = f"-f lavfi -i nullsrc=size=160x96:rate=50:duration={SECONDS},geq=lum='if(lt(abs(X-mod(N*6\\,W))\\,20)\\,235\\,16)':cb=128:cr=128"
HALVES = f"-f lavfi -i color=white:size={SIZE}:rate=25:duration={SECONDS},drawbox=0:45:160:45:black:fill"
FIELDS = "-vf interlace -flags +ildct+ilme -pix_fmt yuv420p"

# test: (file, words that make it of other films in braces, words for push)
FILMS = {
    "plain": ("plain.mp4", [PICTURE, SOUND, X264, KEYS, "-bf 2", AAC]),
    "square": ("square.mp4", [PICTURE, X264, KEYS]),
    "container_shape": ("dvd.mp4", ["-i {square.mp4} -c copy -aspect 4:3"]),
    "anamorphic": ("pal.mpg", [picture(SECONDS, "360x288"), "-vf setsar=64/45 -c:v mpeg2video -b:v 500k"]),
    "odd": ("odd.webm", [f"-f lavfi -i testsrc=size=161x91:rate=25:duration={SECONDS}", SOUND,
                         "-pix_fmt yuv420p -c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus"]),
    "lying": ("lying.mp4", [HALVES, X264, KEYS]),
    "turned": ("upright.mp4", ["-i {lying.mp4} -c copy -metadata:s:v:0 rotate=90"]),
    "ten_bit": ("ten.mp4", [PICTURE, X264, KEYS, "-pix_fmt yuv420p10le"]),
    "422": ("422.mp4", [PICTURE, X264, KEYS, "-pix_fmt yuv422p"]),
    "444": ("444.mp4", [PICTURE, X264, KEYS, "-pix_fmt yuv444p"]),
    "open_gop": ("open.ts", [PICTURE, SOUND, X264, KEYS, AAC, "-x264opts open-gop=1 -bf 2"]),
    "intra_refresh": ("refresh.mp4", [PICTURE, X264, KEYS, "-x264opts intra-refresh=1 -bf 0"]),
    "interlaced": ("field.mp4", [BAR, SOUND, X264, KEYS, AAC, FIELDS]),
    "broadcast": ("dvb.ts", [BAR, SOUND, "-c:v mpeg2video -b:v 1M -c:a mp2", FIELDS]),
    "fast": ("fast.mp4", [picture(SECONDS, SIZE, 120), X264, "-g 120"]),
    "sound_alone": ("ac3.mkv", [PICTURE, SOUND, X264, KEYS, "-c:a ac3"]),
    "late_sound": ("late.mp4", [PICTURE, "-itsoffset 1", sound(1), "-map 0 -map 1", X264, KEYS, AAC]),
    "no_stamps": ("b.avi", [PICTURE, SOUND, X264, KEYS, "-bf 2", AAC]),
    "whole": ("whole.mp4", [picture(8, SIZE), sound(8), X264, KEYS, AAC, "-movflags +faststart"]),
    "edited": ("trimmed.mp4", [f"-ss 1.4 -i {{whole.mp4}} -t {SECONDS} -c copy"]),
    "cover": ("cover.png", ["-f lavfi -i color=red:size=640x640 -frames:v 1"]),
    "library": ("library.mkv", [f"-i {{plain.mp4}} -f lavfi -i sine=frequency=200:duration={SECONDS} -i {{cover.png}} -map 2 -map 1 -map 0:a -map 0:v",
                                "-c copy -c:a:0 aac -c:v:0 mjpeg -disposition:v:0 attached_pic -disposition:v:1 default",
                                "-disposition:a:0 comment -disposition:a:1 default"]),
    "piece": ("piece.ts", [PICTURE, SOUND, X264, "-g 25", AAC]),
    "upright_piece": ("high.ts", [picture(SECONDS, "90x160"), SOUND, X264, "-g 25", AAC, f"-output_ts_offset {SECONDS}"]),
    "clock": ("recording.ts", ("piece.ts", "piece.ts")),
    "sizes": ("channels.ts", ("piece.ts", "high.ts")),
    "held": ("lecture.mp4", [picture(4, SIZE), sound(4), "-vf select=not(between(n\\,10\\,90)) -vsync vfr", X264, "-g 250", AAC]),
    "cut": ("cut.mp4", None),
    "old": ("old.avi", [PICTURE, "-c:v mpeg4"]),
    "song": ("song.m4a", [sound(1), AAC]),
}
PARTS = ("square", "lying", "whole", "cover", "piece", "upright_piece")
shared = {}


def setUpModule():
    pusher = shared["pusher"] = Pusher()
    unittest.addModuleCleanup(pusher.close)
    for name, (file, words) in FILMS.items():
        if isinstance(words, tuple):
            (pusher.home / file).write_bytes(b"".join((pusher.home / part).read_bytes() for part in words))
        elif words:
            pusher.film(file, *[w.replace("{", str(pusher.home) + "/").replace("}", "") if "{" in w else w for w in words])
        else:
            whole = (pusher.home / "whole.mp4").read_bytes()
            (pusher.home / file).write_bytes(whole[:len(whole) * 2 // 5])
    for name, (file, _) in FILMS.items():
        if name not in PARTS:
            begin(name, file)
    begin("turned_loop", FILMS["turned"][0], "--loop")
    shared["turned_loop"]["receiver"].wait_for_ms(SECONDS * 1500)
    shared["turned_loop"]["process"].terminate()


def begin(name, file, *flags):
    pusher = shared["pusher"]
    if name == "cut":
        flags = ("--json",)
    if name == "old":
        flags = ("--ffmpeg", broken_encoder(pusher.home))
    shared[name] = pusher.begin(pusher.home / file, *flags, size=SIZE)
    if name in ("old", "song"):
        shared[name]["receiver"].close()


def broken_encoder(home):
    tool = home / "ffmpeg"
    tool.write_text('#!/bin/sh\ncase "$*" in *framecrc*) exec ' + shutil.which("ffmpeg") + ' "$@";; esac\n'
                    'echo "[libx264 @ 0x5] cannot open the encoder" >&2\necho "Conversion failed!" >&2\nexit 1\n')
    tool.chmod(0o755)
    return str(tool)


class Film(unittest.TestCase):
    def arrived(self, name, code=0):
        """(file, video stream, what was said) of a push that has ended."""
        push = shared["pusher"].end(shared[name])
        said = push["out"] + push["err"]
        self.assertEqual(push["code"], code, said)
        self.assertEqual(push["left"], [f"{JOB}.json"], "no file of the push is left")
        found = streams(push["file"])
        self.assertEqual(found["video"]["codec_name"], "h264")
        self.assertIn(found["video"]["pix_fmt"], ("yuv420p", "yuvj420p"))
        self.assertIn(found["video"]["profile"], ("Constrained Baseline", "Main", "High"))
        self.assertNotIn("side_data_list", found["video"])
        if "audio" in found:
            self.assertEqual(found["audio"]["codec_name"], "aac")
        keys = [p for p in packets(push["file"], "video") if p[2]]
        self.assertEqual(len(keys), idr_count(push["file"]), "each key frame is an IDR picture")
        self.assertGreaterEqual(len(keys), 2)
        return push["file"], found["video"], said

    # as it is

    def test_what_hls_stores_is_copied(self):
        file, _, said = self.arrived("plain")
        self.assertIn("as it is", said)
        self.assertNotIn("note:", said)
        self.assertEqual(sizes(file, "audio")[5:40], sizes(shared["pusher"].home / "plain.mp4", "audio")[5:40])
        self.assertEqual(len(packets(file, "video")), SECONDS * 25)

    def test_shape_of_pixels_that_only_the_container_knows(self):
        _, video, said = self.arrived("container_shape")
        self.assertIn("as it is", said)
        self.assertEqual(video["sample_aspect_ratio"], "3:4")

    def test_film_with_a_cover_and_a_commentary(self):
        file, video, said = self.arrived("library")
        self.assertIn("as it is", said)
        self.assertEqual(video["width"], 160)
        self.assertEqual(sizes(file, "audio")[5:40], sizes(shared["pusher"].home / "plain.mp4", "audio")[5:40], "the film's own sound")

    # encoded once

    def test_anamorphic(self):
        _, video, said = self.arrived("anamorphic")
        self.assertEqual((video["width"], video["height"], video["sample_aspect_ratio"]), (360, 288, "64:45"))
        self.assertIn("sent as 360x288, the job's document says 160x90", said)

    def test_odd_size(self):
        _, video, said = self.arrived("odd")
        self.assertEqual((video["width"], video["height"]), (160, 90))
        self.assertIn("vp8", said)
        self.assertNotIn("document says", said)

    def test_turned(self):
        home = shared["pusher"].home
        wanted = gray(home / "upright.mp4")
        for name in ("turned", "turned_loop"):
            with self.subTest(name):
                file, video, said = self.arrived(name)
                self.assertIn("players turn the picture", said)
                self.assertIn("sent as 90x160", said)
                self.assertEqual((video["width"], video["height"]), (90, 160))
                got = gray(file)
                for x in (10, 80):
                    self.assertLess(abs(got[80][x] - wanted[80][x]), 40, f"at {x}")
                self.assertGreater(abs(got[80][10] - got[80][80]), 150)

    def test_beyond_high(self):
        for name in ("ten_bit", "422", "444"):
            with self.subTest(name):
                self.assertIn("H.264 of profile High", self.arrived(name)[2])

    def test_open_gop_and_intra_refresh(self):
        for name in ("open_gop", "intra_refresh"):
            with self.subTest(name):
                self.assertIn("no IDR", self.arrived(name)[2])

    def test_interlaced(self):
        def combs(rows):
            """How much each row differs from the next one but not from the one after it."""
            return sum(abs(a - b) > 80 and abs(a - c) < 40 for x, y, z in zip(rows, rows[1:], rows[2:]) for a, b, c in zip(x, y, z))

        self.assertGreater(combs(gray(shared["pusher"].home / "field.mp4")), 500, "the source has two fields")
        for name in ("interlaced", "broadcast"):
            with self.subTest(name):
                file, _, said = self.arrived(name)
                self.assertIn("it is encoded once", said)
                self.assertLess(combs(gray(file)), 50)

    def test_many_pictures_a_second(self):
        file, _, said = self.arrived("fast")
        self.assertIn("120 pictures a second", said)
        self.assertTrue(SECONDS * 60 - 2 <= len(packets(file, "video")) <= SECONDS * 60 + 2)

    def test_only_the_sound_does_not_fit(self):
        file, _, said = self.arrived("sound_alone")
        self.assertIn("its sound is encoded once", said)
        self.assertEqual(len(packets(file, "video")), SECONDS * 25)

    def test_sound_that_comes_late(self):
        file, _, said = self.arrived("late_sound")
        self.assertIn("sound begins", said)
        self.assertLess(abs(packets(file, "audio")[0][0] - packets(file, "video")[0][0]), 200, "silence until it comes")

    def test_pictures_without_time_stamps(self):
        file, _, said = self.arrived("no_stamps")
        self.assertIn("no time stamp", said)
        self.assertGreaterEqual(len(packets(file, "video")), SECONDS * 25 - 3)

    def test_what_an_edit_list_hides_is_not_sent(self):
        file, _, said = self.arrived("edited")
        self.assertIn("edit list", said)
        self.assertLessEqual(len(packets(file, "video")), SECONDS * 25 + 1)

    def test_clock_that_goes_back(self):
        file, _, said = self.arrived("clock")
        self.assertIn("its clock jumps once", said)
        self.assertGreaterEqual(len(packets(file, "video")), SECONDS * 50 - 5)
        self.assertEqual(packets(file, "video"), sorted(packets(file, "video"), key=lambda p: p[1]))

    def test_size_that_changes(self):
        file, video, said = self.arrived("sizes")
        self.assertIn("size or coding changes on the way", said)
        self.assertEqual((video["width"], video["height"]), (160, 90))
        first, second = gray(file, 1.0), gray(file, SECONDS + 1.0)
        self.assertGreater(max(row[10] for row in first), 60)
        self.assertLess(max(row[10] for row in second), 30, "an upright picture stands between black edges")
        self.assertGreater(max(row[80] for row in second), 60)

    def test_picture_that_is_held(self):
        file, _, said = self.arrived("held")
        self.assertIn("key frames are up to", said)
        keys = [p[0] for p in packets(file, "video") if p[2]]
        self.assertLessEqual(max(b - a for a, b in zip(keys, keys[1:])), 600, "segments can begin while it is held")

    # what became of it

    def test_cut_off(self):
        file, _, _ = self.arrived("cut", code=1)
        self.assertRegex(shared["cut"]["err"], r"is cut off: it promises 00:00:08 and has 00:00:0[23]")
        self.assertGreater(int(json.loads(shared["cut"]["out"])["missing_ms"]), 4000)
        self.assertGreater(len(packets(file, "video")), 40)

    def failed(self, push):
        push = shared["pusher"].end(push)
        self.assertNotEqual(push["code"], 0)
        self.assertEqual(push["left"], [f"{JOB}.json"])
        return push["err"]

    def test_an_encoder_that_fails_is_told_as_such(self):
        said = self.failed(shared["old"])
        self.assertIn("old.avi: ffmpeg cannot normalise it: [libx264 @ 0x5] cannot open the encoder", said)
        self.assertNotIn("takes nothing", said)

    def test_a_server_that_is_not_there_is_told_as_such(self):
        push = shared["pusher"].begin(shared["pusher"].home / "plain.mp4")
        push["receiver"].close()
        said = self.failed(push)
        self.assertIn("takes nothing", said)
        self.assertIn("onnection refused", said)

    def test_a_pipe_is_refused(self):
        film = shared["pusher"].home / "pipe.mp4"
        os.mkfifo(film)
        push = shared["pusher"].begin(film)
        push["receiver"].close()
        self.assertIn("pipe.mp4 is no file: a film is read twice", self.failed(push))

    def test_sound_only_is_refused(self):
        self.assertIn("song.m4a: the source has no video, only sound (aac)", self.failed(shared["song"]))


if __name__ == "__main__":
    if not shutil.which("ffmpeg"):
        print("ffmpeg is not installed", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
