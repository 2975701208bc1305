"""make demo, as a stranger runs it: once to the end, and with its page open in a real browser until Ctrl-C."""
import contextlib
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from chain_lab import anvil_program, until  # noqa: E402
from webdriver import Browser  # noqa: E402

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
# The demo is what operators run: the optimised programs, not the instrumented ones.
# Where a system's own nginx, RabbitMQ and others listen: HTTP, RTMP, HLS, AMQP, management, distribution, epmd.
STANDARD_PORTS = (80, 443, 1935, 8080, 5672, 5671, 15672, 25672, 4369)
JOB = r"02\d{20}"  # as dsnd gives them
PROGRAMS = os.environ.get("DSN_RELEASE_BIN") or os.environ.get("DSN_BIN") or str(SOURCE / "build" / "bin")


def processes_under(folder):
    """Command lines of processes that name the folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line and int(entry.name) != os.getpid():
                found.append(line)
    return found


# One transcoder's encoder is broken.
BREAK_180P = """#!{python}
import os, sys
os.execv("{ffmpeg}", ["ffmpeg", *(word.replace("scale=320:180", "scale=320:180,lutyuv=y=128:u=128:v=128") for word in sys.argv[1:])])
"""


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Demo:
    def __init__(self, *flags, **environment):
        self.process = subprocess.Popen([sys.executable, str(SOURCE / "demo" / "demo.py"), "--bin", PROGRAMS, *flags],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
                                        env={**os.environ, **environment})
        self._start()

    def _start(self):
        self.lines = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def text(self):
        return "\n".join(self.lines)

    def wait_for(self, pattern, seconds):
        deadline = time.monotonic() + seconds
        while True:
            for line in list(self.lines):
                found = re.search(pattern, line)
                if found:
                    return found
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"no line with {pattern!r}; the demo said:\n{self.text()}")
            time.sleep(0.1)

    def end(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            raise AssertionError(f"the demo did not end within {seconds} s; it said:\n{self.text()}") from None
        self.reader.join(10)
        self._close()
        return self.process.returncode

    def _close(self):
        self.process.stdout.close()

    def folder(self):
        return self.wait_last(r"what was made is in (\S+)")

    def wait_last(self, pattern):
        found = re.findall(pattern, self.text())
        if not found:
            raise AssertionError(f"no {pattern!r} in:\n{self.text()}")
        return found[-1]


class MadeDemo(Demo):
    """make demo in a terminal of its own, as a person has it."""

    def __init__(self, *variables):
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(SOURCE)
            os.execvp("make", ["make", "--no-print-directory", "demo", f"BUILD={pathlib.Path(PROGRAMS).parent}", *variables])
        self.pid, self.process = pid, self
        self.returncode = None
        self._start()

    def _read(self):
        left = b""
        while True:
            try:
                data = os.read(self.terminal, 4096)
            except OSError:  # nobody has the other end any more
                return
            *lines, left = (left + data).split(b"\n")
            self.lines += [line.decode(errors="replace").rstrip("\r") for line in lines]

    def press(self, key):
        os.write(self.terminal, key)

    def _close(self):
        os.close(self.terminal)

    # as a Popen

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, seconds):
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("make demo", seconds)
            time.sleep(0.05)

    def send_signal(self, signum):
        os.kill(self.pid, signum)


class DemoTest(unittest.TestCase):
    def hold_standard_ports(self):
        """Somebody is there already, on each of them."""
        for port in STANDARD_PORTS:
            s = socket.socket()
            self.addCleanup(s.close)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("0.0.0.0", port))
                s.listen()
            except OSError:
                pass  # a server of the machine has it, or this user may not: as good

    def check_table(self, demo):
        rows = re.findall(rf"^{JOB}\S+ +\d+x\d+ +(\d+) +(yes|NO) ", demo.text(), re.M)
        self.assertEqual(len(rows), 5, demo.text())
        self.assertEqual({aligned for _, aligned in rows}, {"yes"}, demo.text())
        self.assertEqual(len({count for count, _ in rows}), 1, demo.text())
        return int(rows[0][0])

    def check_payment(self, demo, segments):
        """To the wei: 1 gwei a segment for the distributor, 3 for each transcoder, 2 for each rendition stored."""
        rows = re.findall(r"^(customer|supplier) +(\d+)\.(\d{18}) +(\d+)\.(\d{18}) +([+-]\d+)$", demo.text(), re.M)
        self.assertEqual([row[0] for row in rows], ["customer", "supplier"], demo.text())
        due = segments * (1 + 4 * 3 + 5 * 2) * 10**9
        for (_, *digits, difference), begin, sign in zip(rows, (10**18, 0), (-1, 1)):
            before, after = int(digits[0] + digits[1]), int(digits[2] + digits[3])
            self.assertEqual((before, after, int(difference)), (begin, begin + sign * due, sign * due), demo.text())

    def once(self, seconds, *flags):
        demo = Demo("--once", "--seconds", str(seconds), *flags)
        return self.check(demo, demo.end(240), seconds)

    def check(self, demo, code, seconds):
        self.assertEqual(code, 0, demo.text())
        self.assertEqual(self.check_table(demo), seconds // 4, "fragments of 4 s")
        if anvil_program():
            self.check_payment(demo, seconds // 4)
        else:
            self.assertIn("no payment: anvil is missing", demo.text())
        self.assertEqual(processes_under(demo.folder()), [])
        self.assertIn(f"all {5 * (seconds // 4)} segments decode cleanly and show the film", demo.text())
        return demo.text()

    def test_once(self):
        self.hold_standard_ports()
        self.assertIn("bus: amqp://", self.once(20))

    def test_once_without_a_broker(self):
        self.assertIn("bus: shh://", self.once(12, "--bus", "whisper"))

    def test_drill(self):
        """Nobody misses a thing while dsnd is away; what comes of a machine's death is measured, whatever it is."""
        demo = Demo("--seconds", "12", DRILL="1", BUS="whisper")
        demo.end(560)
        rows = re.findall(rf"^(\S+) +(\d+) +{JOB}_(\S+) +(\d+) +(\d+\.\d) s +(yes|NO)$", demo.text(), re.M)
        self.assertEqual([(row[1], row[3], row[5]) for row in rows if row[0] == "dsnd"], [("1", "0", "yes")] * 5, demo.text())
        machines = {row[0]: int(row[1]) for row in rows if row[0] != "dsnd"}
        self.assertEqual(len(machines), 2, demo.text())
        self.assertGreater(min(machines.values()), 1, "an agent and its programs")
        self.assertEqual(len(rows), 15, demo.text())
        self.assertEqual(processes_under(demo.folder()), [])

    def test_film_of_somebody(self):
        """Upright, no H.264, no sound, a name with a blank: sent all the same."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-film-"))
        self.addCleanup(shutil.rmtree, folder)
        film = folder / "my film.avi"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=360x640:r=30:d=9", "-c:v", "mpeg4", "-q:v", "5", film],
                       check=True, timeout=120)
        demo = Demo("--once", "--input", str(film))
        self.assertEqual(demo.end(240), 0, demo.text())
        self.assertGreaterEqual(self.check_table(demo), 2)
        self.assertIn("360x640", demo.text())
        self.assertEqual(processes_under(demo.folder()), [])
        demo = Demo("--once", "--input", str(folder / "none.mp4"))
        self.assertEqual(demo.end(60), 1, demo.text())
        self.assertIn("none.mp4", demo.text())

    @unittest.skipUnless(anvil_program(), "anvil is not installed")
    def test_the_stream_goes_on_while_the_chain_is_down(self):
        demo = Demo("--once", "--seconds", "24")
        again = None
        try:
            demo.wait_for(r"6 nodes assigned", 120)
            folder = pathlib.Path(demo.wait_for(r"order create (\S+)", 1).group(1)).parent / "chain"
            pid = int((folder / "anvil.pid").read_text())
            argv = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
            # Not before the state on disk is that of a block after the last step.
            state, asked = folder / "state.json", time.time()
            until(lambda: state.stat().st_mtime > asked + 1.5, "the chain's state is on disk")
            os.kill(pid, signal.SIGKILL)
            demo.wait_for(r"it is away; the stream goes on", 120)
            self.assertIn("the film has been sent", demo.text())
            self.check_table(demo)
            self.assertNotIn("segments in batch", demo.text())
            again = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     env={**os.environ, "HOME": str(folder)})
            demo.wait_for(r"chain: it is back", 60)
            code = demo.end(120)
        finally:
            if demo.process.poll() is None:
                demo.process.send_signal(signal.SIGTERM)
                demo.process.wait(60)
            if again:
                again.terminate()
                again.wait(30)
        self.check(demo, code, 24)

    def test_nobody_is_paid_for_a_ruined_picture(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-broken-"))
        self.addCleanup(shutil.rmtree, folder)
        folder.chmod(0o755)
        broken = folder / "ffmpeg"
        broken.write_text(BREAK_180P.format(python=sys.executable if os.geteuid() else "/usr/bin/python3", ffmpeg=shutil.which("ffmpeg")))
        broken.chmod(0o755)
        demo = Demo("--once", "--seconds", "8", PATH=f"{folder}:{os.environ['PATH']}")
        self.assertEqual(demo.end(240), 1, demo.text())
        self.check_table(demo)
        self.assertEqual(re.findall(rf"^{JOB}(_\S+) .*RUINED$", demo.text(), re.M), ["_180p"], demo.text())
        self.assertRegex(demo.text(), rf"demo: {JOB}_180p: the picture at 0\.0 s of the stream is not the film's")
        self.assertNotIn("decode cleanly", demo.text())
        if anvil_program():
            paid = re.findall(r"chain: (\w+) +\w+ +(\d+) segments in batch", demo.text())
            self.assertEqual(sorted(paid), [("distributor", "2"), ("storage", "8"), *[("transcoder", "2")] * 3], demo.text())
        self.assertEqual(processes_under(demo.folder()), [])

    def test_names_reach_the_demo_as_they_are(self):
        """By make, whose own signs they hold, and a shell's."""
        demo = MadeDemo("""INPUT=/no $HOME "such" `film` $(shell id) it's #1""")
        self.assertNotEqual(demo.end(120), 0, demo.text())
        self.assertIn("""demo: /no $HOME "such" `film` $(shell id) it's #1: no such file""", demo.text())

    def test_port_of_the_page_is_taken(self):
        with contextlib.closing(socket.socket()) as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            port = s.getsockname()[1]
            demo = Demo(PORT=str(port))
            self.assertEqual(demo.end(60), 1, demo.text())
        self.assertIn(f"port {port} for the page: Address already in use; choose another one with PORT=", demo.text())

    def fits(self, browser, width):
        browser.resize(width, 900)
        browser.wait(f"return innerWidth === {width}", 10, "the window has its size")
        return browser.run("return document.documentElement.scrollWidth") <= width

    def watch(self, browser, demo):
        """The page plays, switches, fits a phone, and does not stay green while an agent says nothing."""
        browser.wait("return document.getElementById('video').currentTime > 1", 60, "the video plays")
        for label, height in (("180p", 180), ("480p", 480)):
            browser.run("[...document.querySelectorAll('#levels button')].find(b => b.textContent === arguments[0]).click()", label)
            browser.wait(f"return document.getElementById('video').videoHeight === {height}", 40, f"{label} is shown")
        at = browser.run("return document.getElementById('video').currentTime")
        browser.wait(f"return document.getElementById('video').currentTime > {at} + 2", 30, "it plays on after the switch")
        nodes = browser.run("return [...document.querySelectorAll('#nodes tr')].map(r => r.innerText)")
        for role in ("distributor", "transcoder", "storage"):
            self.assertTrue(any(role in n for n in nodes), nodes)
        self.assertEqual(browser.run("return document.querySelectorAll('#renditions tr').length"), 5)
        self.assertEqual(browser.run("return performance.getEntriesByType('resource').filter(e => e.responseStatus >= 400).length"), 0)
        pid = next(int(line.split()[0]) for line in self.agents() if f"{self.folder_of(demo)}/agent-2" in line)
        os.kill(pid, signal.SIGSTOP)
        try:
            browser.wait("return /failed, last heard of \\d+ s ago/.test(document.getElementById('nodes').innerText)", 40, "it is told")
            self.assertTrue(self.fits(browser, 360) and self.fits(browser, 1280), "nothing overflows")
            if os.environ.get("DSN_SCREENSHOT"):
                browser.screenshot(os.environ["DSN_SCREENSHOT"])
        finally:
            os.kill(pid, signal.SIGCONT)
        browser.wait("return !/failed/.test(document.getElementById('nodes').innerText)", 40, "it is back")

    def agents(self):
        return subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, timeout=30).stdout.splitlines()

    def folder_of(self, demo):
        return pathlib.Path(demo.wait_for(r"order create (\S+)", 1).group(1)).parent

    def test_make_demo_until_ctrl_c(self):
        """Several turns of the film, its page open at the port that was asked for."""
        port = free_port()
        demo = MadeDemo(f"PORT={port}", "DEMO_FLAGS=--seconds 6")
        try:
            self.assertEqual(demo.wait_for(r"page: (\S+)", 240).group(1), f"http://127.0.0.1:{port}/")
            begun = time.monotonic()
            if shutil.which("chromedriver"):
                browser = Browser()
                try:
                    browser.open(f"http://127.0.0.1:{port}/")
                    self.watch(browser, demo)
                finally:
                    browser.close()
            time.sleep(max(0.0, begun + 3 * 6 + 4 - time.monotonic()))  # three turns
            demo.press(b"\x03")
            demo.wait_for(r"ending the stream", 30)
            demo.press(b"\x03")  # an impatient finger
            code = demo.end(240)
        finally:
            if demo.process.poll() is None:
                demo.process.send_signal(signal.SIGTERM)
                demo.process.wait(60)
        self.assertEqual(code, 0, demo.text())
        segments = self.check_table(demo)
        self.assertGreaterEqual(segments, 4)
        if anvil_program():
            self.check_payment(demo, segments)
        self.assertIn("segments decode cleanly and show the film", demo.text())
        self.assertEqual(processes_under(demo.folder()), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
