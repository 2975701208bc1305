#!/usr/bin/env python3
"""`vcli pipeline push` of films as the field has them: what comes out at the receiving end, and what is said of it."""
import json
import shutil
import sys
import unittest

from push_lab import KEYS, X264, Case, ffmpeg, frames, idr_count, packets, picture, probe, sound, streams

AAC = "-c:a aac -b:a 64k"
SECONDS = 3


def pixel(path, x, y):
    """Brightness of one pixel of a later frame, 0 to 255."""
    data = probe_raw(path, f"crop=2:2:{x}:{y},scale=1:1,format=gray")
    return data[0]


def probe_raw(path, filters):
    import subprocess
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-ss", "1", "-i", str(path), "-frames:v", "1", "-vf", filters, "-f", "rawvideo",
                           "-"], capture_output=True, timeout=60, check=True)
    return done.stdout


class Film(Case):
    def film(self, name, *words):
        path = self.home / name
        ffmpeg(*words, path)
        return path

    def h264(self, name, *words, seconds=SECONDS, size="320x180", **more):
        return self.film(name, picture(seconds, size=size, **more), sound(seconds), X264, KEYS, AAC, *words)

    def arrived(self, film, *flags, code=0, **more):
        """What came of it: video stream, audio stream, what was said."""
        push = self.push(film, *flags, code=code, **more)
        found = streams(push["file"])
        self.assertEqual(found["video"]["codec_name"], "h264")
        self.assertIn(found["video"]["pix_fmt"], ("yuv420p", "yuvj420p"))
        keys = [p for p in packets(push["file"], "v") if p[2]]
        self.assertEqual(len(keys), idr_count(push["file"]), "each key frame is an IDR picture")
        if "audio" in found:
            self.assertEqual(found["audio"]["codec_name"], "aac")
        return push, found["video"], found.get("audio"), push["result"][1] + push["result"][2]

    def together(self, pushes):
        """Side by side: each lasts as long as its film. [(push, video, audio, said)]"""
        for push in pushes:
            self.end(push)
        return [self.shape(push) for push in pushes]

    # as it is

    def test_what_hls_stores_is_copied(self):
        film = self.h264("plain.mp4", "-bf 2")
        push, video, _, said = self.arrived(film)
        self.assertIn("as it is", said)
        self.assertNotIn("note:", said)
        self.assertEqual(len(packets(push["file"], "v")), SECONDS * 25)

    def test_shape_of_pixels_that_only_the_container_knows(self):
        plain = self.h264("square.mp4")
        film = self.film("dvd.mp4", f"-i {plain} -c copy -aspect 4:3")
        _, video, _, said = self.arrived(film)
        self.assertIn("as it is", said)
        self.assertEqual(video["sample_aspect_ratio"], "3:4")

    def test_anamorphic_film_keeps_its_shape_when_it_is_encoded(self):
        film = self.film("pal.mpg", picture(SECONDS, size="360x288"), "-vf setsar=64/45 -c:v mpeg2video -b:v 500k")
        _, video, audio, _ = self.arrived(film)
        self.assertEqual((video["width"], video["height"], video["sample_aspect_ratio"]), (360, 288, "64:45"))
        self.assertIsNone(audio)

    # encoded once

    def test_odd_size(self):
        film = self.film("odd.webm", picture(SECONDS, size="161x91"), sound(SECONDS), "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus")
        _, video, audio, said = self.arrived(film, size="160x90")
        self.assertEqual((video["width"], video["height"]), (160, 90))
        self.assertIn("vp8", said)
        self.assertNotIn("document says", said)

    def test_turned(self):
        """White above, black below, held upright: white comes out on one side."""
        plain = self.film("lying.mp4", "-f lavfi -i", f"color=white:size=160x90:rate=25:duration={SECONDS},drawbox=0:45:160:45:black:fill", X264,
                          KEYS)
        film = self.film("upright.mp4", f"-i {plain} -c copy -metadata:s:v:0 rotate=90")
        shown = self.film("shown.png", f"-i {film} -frames:v 1")
        for flags in ((), ("--loop",)):
            push = self.begin(film, *flags, size="160x90")
            if flags:
                push["receiver"].wait_for_ms(SECONDS * 1500)
                push["process"].terminate()
            code, out, err = self.end(push)
            self.assertEqual(code, 0, err)
            self.assertIn("players turn the picture", err)
            self.assertIn("sent as 90x160, the job's document says 160x90", err)
            video = streams(push["file"])["video"]
            self.assertEqual((video["width"], video["height"]), (90, 160))
            self.assertNotIn("side_data_list", video)
            for x in (10, 80):
                self.assertLess(abs(pixel(push["file"], x, 80) - still(shown, x, 80)), 40, f"at {x}")

    def test_beyond_high(self):
        for pixels in ("yuv420p10le", "yuv422p", "yuv444p"):
            with self.subTest(pixels):
                film = self.h264(f"{pixels}.mp4", "-pix_fmt", pixels, size="160x90")
                _, video, _, said = self.arrived(film)
                self.assertIn(video["profile"], ("High", "Main", "Constrained Baseline"))
                self.assertIn("H.264 of profile High", said)

    def test_open_gop_and_intra_refresh(self):
        for name, options in (("open.ts", "-x264opts open-gop=1 -bf 2"), ("refresh.mp4", "-x264opts intra-refresh=1 -bf 0")):
            with self.subTest(name):
                push, _, _, said = self.arrived(self.h264(name, options, size="160x90"))
                self.assertIn("no IDR", said)
                self.assertGreaterEqual(idr_count(push["file"]), SECONDS)

    def test_interlaced(self):
        for name, options in (("field.mp4", f"{X264} {KEYS}"), ("dvb.ts", "-c:v mpeg2video -b:v 1M")):
            with self.subTest(name):
                film = self.film(name, picture(SECONDS, size="320x180", rate=50), sound(SECONDS),
                                 f"-vf interlace {options} -flags +ildct+ilme -c:a mp2")
                push, _, _, said = self.arrived(film)
                self.assertIn("encoded once", said)
                self.assertEqual({f["interlaced_frame"] for f in frames(push["file"], "interlaced_frame")}, {0})

    def test_many_pictures_a_second(self):
        push, _, _, said = self.arrived(self.h264("fast.mp4", rate=120, size="160x90"))
        self.assertIn("120 pictures a second", said)
        count = len(packets(push["file"], "v"))
        self.assertTrue(SECONDS * 60 - 2 <= count <= SECONDS * 60 + 2, count)

    def test_only_the_sound_does_not_fit(self):
        film = self.h264("ac3.mkv", "-c:a ac3", size="160x90")
        push, _, _, said = self.arrived(film)
        self.assertIn("its sound is encoded once", said)
        done = [p["size"] for p in probe(push["file"], "-select_streams", "v", "-show_entries", "packet=size")["packets"]]
        self.assertEqual(len(done), SECONDS * 25)

    def test_sound_that_comes_late(self):
        film = self.film("late.mp4", picture(SECONDS, size="160x90"), "-itsoffset 1.5", sound(1.5), f"-map 0 -map 1 {X264} {KEYS} {AAC}")
        push, _, _, said = self.arrived(film)
        self.assertIn("sound begins", said)
        audio = packets(push["file"], "a")
        self.assertLess(abs(audio[0][0] - packets(push["file"], "v")[0][0]), 200, "silence until it comes")

    def test_pictures_without_time_stamps(self):
        push, _, _, said = self.arrived(self.h264("b.avi", "-bf 2", size="160x90"))
        self.assertIn("no time stamp", said)
        self.assertGreaterEqual(len(packets(push["file"], "v")), SECONDS * 25 - 3)

    def test_what_an_edit_list_hides_is_not_sent(self):
        whole = self.h264("whole.mp4", size="160x90", seconds=SECONDS + 2)
        film = self.film("trimmed.mp4", f"-ss 1.4 -i {whole} -t {SECONDS} -c copy")
        push, _, _, said = self.arrived(film)
        self.assertIn("edit list", said)
        self.assertLessEqual(len(packets(push["file"], "v")), SECONDS * 25 + 1)

    # tracks

    def test_film_with_a_cover_and_a_commentary(self):
        cover = self.film("cover.png", "-f lavfi -i color=red:size=640x640 -frames:v 1")
        plain = self.h264("film.mp4", size="160x90")
        film = self.film("library.mkv", f"-i {plain} -f lavfi -i sine=frequency=200:duration={SECONDS} -i {cover} -map 2 -map 1 -map 0:a -map 0:v",
                         "-c copy -c:a:0 aac -c:v:0 mjpeg -disposition:v:0 attached_pic -disposition:v:1 default",
                         "-disposition:a:0 comment -disposition:a:1 default")
        push, video, _, said = self.arrived(film)
        self.assertEqual(video["width"], 160)
        self.assertIn("as it is", said)
        sizes = [p["size"] for p in probe(plain, "-select_streams", "a", "-show_entries", "packet=size")["packets"]]
        got = [p["size"] for p in probe(push["file"], "-select_streams", "a", "-show_entries", "packet=size")["packets"]]
        self.assertEqual(sizes[5:40], got[5:40], "the film's own sound")

    # what became of it

    def test_cut_off(self):
        whole = self.h264("whole.mp4", "-movflags +faststart", seconds=8, size="160x90")
        film = self.home / "cut.mp4"
        film.write_bytes(whole.read_bytes()[:whole.stat().st_size * 2 // 5])
        push = self.begin(film, "--json")
        code, out, err = self.end(push)
        self.assertEqual(code, 1)
        self.assertRegex(err, r"is cut off: it promises 00:00:08 and has 00:00:0[23]")
        self.assertGreater(int(json.loads(out)["missing_ms"]), 4000)
        self.assertGreater(len(packets(push["file"], "v")), 40)

    def test_an_encoder_that_fails_is_told_as_such(self):
        tool = self.home / "ffmpeg"
        tool.write_text('#!/bin/sh\ncase "$*" in *framecrc*) exec ' + shutil.which("ffmpeg") + ' "$@";; esac\n'
                        'echo "[libx264 @ 0x5] cannot open the encoder" >&2\necho "Conversion failed!" >&2\nexit 1\n')
        tool.chmod(0o755)
        film = self.film("old.avi", picture(1), "-c:v mpeg4")
        push = self.begin(film, "--ffmpeg", str(tool))
        push["receiver"].process.kill()
        code, _, err = self.end(push)
        self.assertEqual(code, 1)
        self.assertIn("old.avi: ffmpeg cannot normalise it: [libx264 @ 0x5] cannot open the encoder", err)
        self.assertNotIn("takes nothing", err)

    def test_a_server_that_is_not_there_is_told_as_such(self):
        film = self.h264("plain.mp4", seconds=1, size="160x90")
        push = self.begin(film)
        push["receiver"].process.kill()
        push["receiver"].process.wait()
        code, _, err = self.end(push)
        self.assertEqual(code, 1)
        self.assertIn("takes nothing", err)
        self.assertIn("onnection refused", err)

    def test_sound_only_is_refused(self):
        film = self.film("song.m4a", sound(1), AAC)
        push = self.begin(film)
        push["receiver"].process.kill()
        code, _, err = self.end(push)
        self.assertNotEqual(code, 0)
        self.assertIn("song.m4a: the source has no video, only sound (aac)", err)


def still(path, x, y):
    import subprocess
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-vf", f"crop=2:2:{x}:{y},scale=1:1,format=gray", "-f", "rawvideo",
                           "-"], capture_output=True, timeout=60, check=True)
    return done.stdout[0]


if __name__ == "__main__":
    if not shutil.which("ffmpeg"):
        print("ffmpeg is not installed", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
