"""The demo's parts: what it reads of a film, whether it sees a ruined picture, what Ctrl-C does, what its page shows."""
import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(SOURCE / "demo"))
import apart  # noqa: E402
import interrupt  # noqa: E402
import network  # noqa: E402
import numbered  # noqa: E402
import picture  # noqa: E402
import report  # noqa: E402
import source  # noqa: E402
import trial  # noqa: E402
import watcher  # noqa: E402

sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
from waiting import wait_for  # noqa: E402

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-keyint_min", "50", "-sc_threshold", "0")
FILM_S, TURNS = 6, 3  # the film, and how often it is sent


def ffmpeg(*words):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, words)], check=True, timeout=120)


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-parts-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)


class FilmTest(Folder):
    def measured(self, name, *words, size="320x180", picture="testsrc2"):
        path = self.folder / name
        ffmpeg("-f", "lavfi", "-i", f"{picture}=size={size}:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "4", *words, path)
        return source.measure(path)

    def check(self, film, width, height, bitrate_bps):
        self.assertEqual((film.width, film.height), (width, height))
        self.assertAlmostEqual(film.bitrate_bps, bitrate_bps, delta=bitrate_bps * 0.4)
        self.assertAlmostEqual(film.seconds, 4, delta=0.1)

    def test_transport_stream_tells_its_streams_twice(self):
        self.check(self.measured("cam.ts", *X264, "-b:v", "300k", "-c:a", "aac"), 320, 180, 300_000)
        self.check(self.measured("dvb.ts", "-c:v", "mpeg2video", "-b:v", "3M", "-c:a", "mp2", size="1280x720"), 1280, 720, 3_000_000)

    def test_rate_is_not_told_and_size_is_odd(self):
        self.check(self.measured("odd.webm", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k", "-c:a", "libopus",
                                 "-pix_fmt", "yuv420p", size="539x303", picture="testsrc"), 538, 302, 300_000)  # testsrc2 makes it even by itself

    def test_held_upright(self):
        self.measured("lying.mp4", *X264, "-b:v", "300k", "-c:a", "aac")
        ffmpeg("-i", self.folder / "lying.mp4", "-c", "copy", "-metadata:s:v:0", "rotate=90", self.folder / "upright.mp4")
        self.check(source.measure(self.folder / "upright.mp4"), 180, 320, 300_000)

    def test_hardly_moves(self):
        """Should it have to be encoded, its own rate would not do."""
        path = self.folder / "slide.mp4"
        ffmpeg("-f", "lavfi", "-i", "color=gray:size=640x360:rate=25", "-t", "4", *X264, path)
        self.assertEqual(source.measure(path).bitrate_bps, 640 * 360)

    def test_no_film(self):
        (self.folder / "text.mp4").write_text("no film")
        ffmpeg("-f", "lavfi", "-i", "sine", "-t", "1", self.folder / "sound.m4a")
        for name in ("text.mp4", "sound.m4a"):
            with self.assertRaisesRegex(network.DemoError, name):
                source.measure(self.folder / name)


class PictureTest(Folder):
    """Renditions of three turns of a film, with a time line that begins at 12 s, as a storage keeps them."""

    RUINED = {
        "grey": "lutyuv=y=128:u=128:v=128",
        "black": "lutyuv=y=16:u=128:v=128",
        "colourless": "hue=s=0",
        "frozen": f"loop=loop=-1:size=1:start=50,trim=end={FILM_S * TURNS}",
        "late": f"tpad=start_mode=clone:start_duration=1,trim=end={FILM_S * TURNS}",
        "grey_later": "lutyuv=y=128:u=128:v=128:enable='gt(t,13.9)'",
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.film = cls.folder / "film.mp4"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", FILM_S, *X264, "-b:v", "900k", cls.film)
        cls.rows = cls.renditions({"src": ("null", "900k"), "low": ("scale=160:90", "200k"), "mush": ("scale=160:90", "1280"),
                                   **{name: (f"scale=160:90,{ruin}", "900k") for name, ruin in cls.RUINED.items()}})

    @classmethod
    def renditions(cls, wanted):
        """All with one decoder, so with the same cuts."""
        graph = f"[0:v]split={len(wanted)}" + "".join(f"[i{name}]" for name in wanted)
        graph += "".join(f";[i{name}]{filters}[o{name}]" for name, (filters, _) in wanted.items())
        outputs = []
        for name, (_, rate) in wanted.items():
            (cls.folder / name).mkdir()
            outputs += ["-map", f"[o{name}]", *X264, "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-output_ts_offset", 12, "-f", "segment",
                        "-segment_time", 2, cls.folder / name / "%d.ts"]
        ffmpeg("-stream_loop", TURNS - 1, "-i", cls.film, "-filter_complex", graph, *outputs)
        names = [f"{i}.ts" for i in range(FILM_S * TURNS // 2)]
        cuts = [report.first_video_pts(f"{cls.folder}/src/{name}") for name in names]
        return {name: {"rendition": name, "folder": f"{cls.folder}/{name}/", "probed": names, "cuts": cuts} for name in wanted}

    def compare(self, *names, turn_s=FILM_S, jumps=0):
        rows = [self.rows[name] for name in names]
        picture.compare(self.film, turn_s, rows, jumps)
        return rows

    def test_ruined_among_honest(self):
        src, low, *ruined = self.compare(*self.rows)
        self.assertEqual(picture.problems([src, low]), [])
        self.assertGreater(low["picture"], picture.LEAST_DB + 8)
        for row in ruined:
            self.assertIn(f"{row['rendition']}: the picture at ", "".join(picture.problems([row])))
            self.assertIn("RUINED", picture.cell(row))
        self.assertIn("the picture at 14.0 s", self.rows["grey_later"]["ruined"])
        self.assertEqual(picture.sound_rows([src, low, *ruined]), [src, low])

    def test_turn_is_not_known_exactly(self):
        self.assertEqual(picture.problems(self.compare("src", "low", turn_s=FILM_S + 0.04)), [])

    def test_film_without_an_index(self):
        """Instants of a film in MPEG-TS, where ffmpeg seeks to a later key frame than it was told."""
        ts = self.folder / "film.ts"
        ffmpeg("-i", self.film, "-c", "copy", ts)
        film, indexed = picture.Film(ts, FILM_S), picture.Film(self.film, FILM_S)
        for begin in range(FILM_S - 1):
            found, wanted = film.part(begin, begin + 1), indexed.part(begin, begin + 1)
            self.assertLess(abs(found[0][0] - begin), picture.FRAME_S)
            same = [(instant, shown, w) for instant, shown in found for at, w in wanted if abs(at - instant) < 0.01]
            self.assertGreater(len(same), 15)
            for instant, shown, w in same:
                self.assertGreater(picture.psnr(shown, w), picture.SURE_DB, instant)

    def test_hardly_larger_than_what_is_compared(self):
        rows = self.renditions({"tiny": ("scale=80:44", "334k"), "tiny_late": (f"{self.RUINED['late']},scale=80:44", "334k")})
        tiny, late = rows.values()
        picture.compare(self.film, FILM_S, [self.rows["src"], tiny, late], 0)
        self.assertEqual(picture.problems([self.rows["src"], tiny]), [])
        self.assertNotEqual(picture.problems([late]), [])

    def test_all_are_frozen(self):
        self.assertEqual(len(picture.problems(self.compare("frozen", jumps=1))), 1)

    def test_no_picture_at_all(self):
        empty = self.folder / "empty"
        empty.mkdir()
        (empty / "0.ts").write_bytes(b"no segment")
        rows = [{**self.rows[name], "rendition": row, "folder": f"{self.folder}/{row}/", "probed": ["0.ts"]}
                for name, row in (("src", "src"), ("low", "low"), ("low", "empty"))]
        picture.compare(self.film, FILM_S, rows, 0)
        self.assertEqual([bool(row["ruined"]) for row in rows], [False, False, True])
        self.assertIn("has no picture", rows[2]["ruined"])


class DecodeTest(Folder):
    def test_turns(self):
        """The second turn of a film lies beside the first one's grid of frames: half a frame and a little jitter."""
        film = self.folder / "turns.ts"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25", "-t", 4, "-vf",
               "settb=1/90000,setpts='PTS+gte(N,50)*(1800+45*(1-2*mod(N,2)))'", "-enc_time_base", "-1", "-fps_mode", "passthrough", *X264,
               "-bf", 0, film)
        self.assertEqual(report.decodes(str(film)), (True, ""))

    def test_damaged(self):
        film = self.folder / "damaged.ts"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25", "-t", 2, *X264, film)
        data = bytearray(film.read_bytes())
        for at in range(len(data) // 2 // 188 * 188 + 40, len(data) // 2 + 4 * 188, 188):
            data[at:at + 100] = bytes(100)
        film.write_bytes(data)
        self.assertFalse(report.decodes(str(film))[0])


class SlowTest(unittest.TestCase):
    def test_encoders_that_did_not_keep_up(self):
        self.assertEqual(report.too_slow([{"speed": None}, {"speed": 1.0}, {"speed": 0.97}]), [])
        self.assertIn("0.67 s of film in a second", report.too_slow([{"speed": None}, {"speed": 0.67}, {"speed": 0.98}])[0])


class InterruptTest(unittest.TestCase):
    def setUp(self):
        before = {signum: signal.getsignal(signum) for signum in interrupt.SIGNALS}
        self.addCleanup(lambda: [signal.signal(signum, handler) for signum, handler in before.items()])
        self.interrupts = interrupt.Interrupts()

    def press(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0)  # the handler runs between two steps of Python

    def test_twice_means_once_and_later_again(self):
        with self.assertRaises(interrupt.Stopped):
            self.press()
        self.press()
        self.interrupts.last -= interrupt.BOUNCE_S
        with self.assertRaises(interrupt.Stopped):
            self.press()

    def test_not_while_something_is_started(self):
        done = False
        with self.assertRaises(interrupt.Stopped):
            with self.interrupts.shield():
                with self.interrupts.shield():
                    self.press()
                done = True
        self.assertTrue(done)


class ApartTest(Folder):
    def test_a_program_that_ctrl_c_has_met(self):
        """It is run again, and not for ever."""
        once = self.folder / "once"
        first = f'[ -e "{once}" ] && exit 7; : > "{once}"; kill -INT $$; sleep 5'
        self.assertEqual(apart.run(["sh", "-c", first], timeout=10).returncode, 7)
        self.assertEqual(apart.run(["sh", "-c", "kill -INT $$; sleep 5"], timeout=10).returncode, -signal.SIGINT)


class TerminalTest(Folder):
    LIMIT_S = 20
    DEMO = """import sys, time
sys.path.insert(0, {demo!r})
from interrupt import Interrupts, Stopped, foreground
with foreground():
    interrupts = Interrupts()
    try:
        print("streaming", flush=True)
        time.sleep(30)
    except Stopped:
        print("ending", flush=True)
        time.sleep(1)
    interrupts.ignore()
"""

    def test_make_does_not_die_of_ctrl_c(self):
        """It would even though the demo ends well. Nor does Ctrl-Z leave a stopped demo with the terminal."""
        (self.folder / "stub.py").write_text(self.DEMO.format(demo=str(SOURCE / "demo")))
        (self.folder / "Makefile").write_text(f"demo:\n\t@exec {sys.executable} stub.py\n")
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvp("make", ["make", "demo"])
        ended = False
        self.addCleanup(lambda: ended or self.kill(pid, terminal))
        said = b""
        for wanted, keys in ((b"streaming", b"\x1a\x03"), (b"ending", b"\x03"), (None, b"")):
            while wanted is None or wanted not in said:
                self.assertTrue(select.select([terminal], [], [], self.LIMIT_S)[0], f"silent for {self.LIMIT_S} s: {said}")
                try:
                    data = os.read(terminal, 1000)
                except OSError:  # nobody has the other end any more
                    data = b""
                if not data:
                    break
                said += data
            if keys:
                os.write(terminal, keys)
        ended = True
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, said)

    @staticmethod
    def kill(pid, terminal):
        """Whoever has the foreground, as a demo that was stopped there, and make behind it."""
        os.killpg(os.tcgetpgrp(terminal), signal.SIGKILL)
        os.close(terminal)
        os.waitpid(pid, 0)


class VoiceTest(Folder):
    """Nobody reads what it says any more: it ends, and tears down."""
    DEMO = """import pathlib, sys, time
sys.path.insert(0, {demo!r})
from interrupt import Interrupts, Stopped, foreground
from voice import say
with foreground():
    interrupts = Interrupts()
    try:
        say("streaming")
        for _ in range(600):
            {work}
            time.sleep(0.05)
    except Stopped as e:
        say("ending")
        pathlib.Path("ended").write_text(str(e))
    finally:
        interrupts.ignore()
        say("tearing down")
        pathlib.Path("torn_down").touch()
"""

    def prepare(self, name, work):
        folder = self.folder / name
        folder.mkdir()
        (folder / "stub.py").write_text(self.DEMO.format(demo=str(SOURCE / "demo"), work=work))
        (folder / "Makefile").write_text(f"demo:\n\t@exec {sys.executable} stub.py\n")
        return folder

    def check(self, folder):
        wait_for("the end", (folder / "torn_down").exists, 20)
        self.assertEqual((folder / "ended").read_text(), "SIGHUP")

    def test_terminal_is_closed(self):
        for name, work in (("silent", "pass"), ("talking", "say('more')")):
            folder = self.prepare(name, work)
            pid, terminal = pty.fork()
            if pid == 0:
                os.chdir(folder)
                os.execvp("make", ["make", "demo"])
            self.addCleanup(os.waitpid, pid, 0)
            said = b""
            while b"streaming\r\n" not in said:  # the whole line: a write that is cut short tells it of the end by itself
                said += os.read(terminal, 1000)
            os.close(terminal)
            self.check(folder)

    def test_reader_has_left(self):
        folder = self.prepare("piped", "say('more')")
        demo = subprocess.Popen([sys.executable, "stub.py"], cwd=folder, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(demo.wait)
        self.assertIn(b"streaming", demo.stdout.readline())
        demo.stdout.close()
        self.check(folder)


class TrialTest(Folder):
    """What scripts/drill-report counts as missing."""

    def test_a_picture_keeps_its_number(self):
        film = numbered.make(self.folder / "film.mp4", 3)
        ffmpeg("-i", film, "-ss", "1", "-vf", "scale=160:90", *X264, "-b:v", "60k", self.folder / "small.ts")
        self.assertEqual(numbered.read(film), list(range(75)))
        self.assertEqual(numbered.read(self.folder / "small.ts"), list(range(25, 75)))

    def counted(self, **shown):
        """`shown`: {rendition: {number: pictures}}"""
        lab = trial.Lab.__new__(trial.Lab)
        lab.shown = lambda job, rendition, dead: {n: set(pictures) for n, pictures in shown[rendition].items()}
        return lab.count("job", None)

    def test_missing(self):
        whole = {n: range(50 * n, 50 * n + 50) for n in range(5)}
        self.assertEqual(self.counted(_src=whole, _120p=whole, _90p=whole),
                         {"missing": {"_src": 0, "_120p": 0, "_90p": 0}, "fragments": 4, "source_lost_s": 0.0})
        without = {n: pictures for n, pictures in whole.items() if n != 2}
        cut = {**whole, 1: range(50, 90)}
        self.assertEqual(self.counted(_src=whole, _120p=without, _90p=cut)["missing"], {"_src": 0, "_120p": 1, "_90p": 1})
        self.assertEqual(self.counted(_src=without, _120p=without, _90p=without)["source_lost_s"], 2.0)
        late = {n: pictures for n, pictures in whole.items() if n > 1}
        self.assertEqual(self.counted(_src=whole, _120p=late, _90p=whole)["missing"], {"_src": 0, "_120p": 0, "_90p": 0})


class WatcherTest(unittest.TestCase):
    def test_what_is_old_is_told_with_its_age(self):
        w = watcher.Watcher(None, None, "job", "", [("a" * 40, "transcoder", "agent-1")], None)
        row = w.rows["a" * 40]
        unit = {"name": "job-encode", "state": "failing", "last_exit": "ended with code 1", "speed": "1.02"}
        w.take(row, {"state": "running", "units": [unit]})
        self.assertEqual((row["state"], row["units"][0]["why"], w.speeds["a" * 40]), ("running", "ended with code 1", 1.02))
        row["seen"] -= 30
        w.take(row, {"state": "failed", "error": {"message": "no answer"}})
        self.assertEqual((row["state"], row["why"], row["units"][0]["name"]), ("failed", "no answer", "encode"))
        self.assertGreater(time.time() - row["seen"], 29)


if __name__ == "__main__":
    unittest.main(verbosity=2)
