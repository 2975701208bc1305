"""vcli top: live on a terminal until q, once elsewhere; the terminal is as it was before, whichever way it ends."""
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

import network
from dsnd_test import Case, Dsnd
from network import wait_for

JOB = "0200000000000000000001"
HOSTILE = "x\x1b[2J\x07\u009b1A\u202e"


class Top(Case):
    over_whisper = True  # no broker is needed

    def setUp(self):
        self.net = self.network(start=False, transcoders=0)
        self.dsnd = Dsnd(self.net).start()
        self.dsnd.end()
        self.dsnd.database.write(
            "insert into jobs_order(number,job,owner,state,why,document,tasks,created_ms,changed_ms) values(1,?,?,?,?,'{}','{}',0,0)",
            [(JOB, f"{1:040x}", "failed", HOSTILE)])
        self.dsnd.start()

    def words(self):
        return self.net.vcli_argv(*self.dsnd.words("top"))

    def on_terminal(self, columns, lines):
        """(process id, the terminal's other end)"""
        pid, terminal = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            os.execvpe(self.words()[0], self.words(), self.net.environment)
        self.addCleanup(os.close, terminal)
        return pid, terminal

    def read(self, terminal, text, seconds=30):
        """What is shown until `text` is."""
        said, deadline = "", time.monotonic() + seconds
        while text not in said:
            ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
            self.assertTrue(ready, f"no {text!r} in {said!r}")
            try:
                said += os.read(terminal, 65536).decode(errors="replace")
            except OSError:
                self.fail(f"it has ended: {said!r}")
        return said

    def ended(self, pid):
        found = wait_for("its end", lambda: (lambda w: w[0] and w)(os.waitpid(pid, os.WNOHANG)), 20)
        return os.waitstatus_to_exitcode(found[1])

    def test_once_where_there_is_no_terminal(self):
        process = self.net.vcli_start(*self.dsnd.words("top"))
        said, complaints = process.communicate(timeout=60)
        self.assertEqual((process.returncode, complaints), (0, ""))
        self.assertIn(JOB, said)
        self.assertNotIn("\x1b", said)
        answer = self.dsnd.vcli("top")
        self.assertEqual((answer["nodes"], [o["job"] for o in answer["orders"]]), ([], [JOB]))

    def test_live_until_q(self):
        pid, terminal = self.on_terminal(100, 20)
        before = termios.tcgetattr(terminal)
        said = self.read(terminal, "UTC")
        for part in ("\x1b[?1049h", "-- 0 nodes ---", "-- 1 job: 1 failed ---", f"{JOB} failed", "x?[2J??1A?", f"127.0.0.1:{self.dsnd.port}"):
            self.assertIn(part, said)
        self.assertNotIn("\x1b[2J", said)
        self.read(terminal, "UTC")  # again, by itself
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 30, 0, 0))
        os.kill(pid, signal.SIGWINCH)
        said = wait_for("the small screen", lambda: (lambda s: "WHY" not in s and s)(self.read(terminal, "q quits")), 20)
        self.assertLessEqual(max(len(line) for line in said.replace("\x1b[K", "").split("\r\n")[1:-1]), 30)

        # dsnd goes: what is known stays, and why it is old is told.
        self.dsnd.kill()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 160, 0, 0))
        self.assertIn(JOB, self.read(terminal, "cannot connect"))
        os.write(terminal, b"q")
        self.read(terminal, "\x1b[?1049l")
        self.assertEqual(self.ended(pid), 0)
        self.assertEqual(termios.tcgetattr(terminal)[3], before[3] | termios.ICANON | termios.ECHO)

    def test_signals(self):
        for signum in (signal.SIGINT, signal.SIGTERM):
            pid, terminal = self.on_terminal(80, 24)
            self.read(terminal, "UTC")
            os.kill(pid, signum)
            self.read(terminal, "\x1b[?1049l")
            self.assertEqual(self.ended(pid), 0)
            self.assertTrue(termios.tcgetattr(terminal)[3] & termios.ICANON)

    def test_who_is_refused_sees_no_screen(self):
        self.dsnd.tokens["alice"].write_text("guessed-guessed-guessed\n")
        pid, terminal = self.on_terminal(80, 24)
        said = self.read(terminal, "\n")
        self.assertNotIn("\x1b[?1049h", said)
        self.assertNotEqual(self.ended(pid), 0)


if __name__ == "__main__":
    network.main()
