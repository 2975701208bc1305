"""A newcomer's path: what README says under "A network of your own" is typed as it stands, in a clone, into one shell, against
a real broker, agent, nginx and ffmpeg, and the stream that comes of it is watched.

Private ports and folders take the places of README's by name (`own()`), and `make install` installs what was built for the
tests: the build itself is where those come from, and `scripts/setup run` finds all installed.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
import urllib.request

import broker as broker_module
from agent import Agent, wait_for
from broker import free_ports

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
BIN = pathlib.Path(os.environ.get("DSN_RELEASE_BIN") or os.environ.get("DSN_BIN") or SOURCE / "build" / "bin").resolve()


def block():
    """The commands of the section, as they stand."""
    text = (SOURCE / "README.md").read_text()
    section = re.search(r"^## A network of your own\n(.*?)^## ", text, re.M | re.S).group(1)
    return "\n".join(line[4:] for line in section.splitlines() if line.startswith("    ") or not line).strip() + "\n"


class Shell:
    """One bash that stops at the first command that fails; what it says is kept."""

    def __init__(self, text, where, environment):
        self.said = ""
        self.process = subprocess.Popen(["bash", "-e"], cwd=where, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.process.stdin.write(text)
        self.process.stdin.close()

    def read(self):
        for line in self.process.stdout:
            self.said += line

    def ended(self):
        return self.process.poll() is not None


class Readme(unittest.TestCase):
    def setUp(self):
        broker_module.require()
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="dsn-r-"))  # short: sockets lie below it
        self.addCleanup(shutil.rmtree, self.place, True)
        self.place.chmod(0o755)
        self.clone = self.place / "dsn"
        self.git("clone", "--quiet", "--depth", "1", SOURCE.as_uri(), self.clone)
        self.broker_port, self.first = free_ports(broker_module.PORTS), free_ports(40)
        self.state, self.broker, self.dsnd_state, self.dsnd_port = self.place / "s", self.place / "b", self.place / "m", self.first + 39
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("DSN_", "XDG_"))}
        # Other tests load the machine beside it, and its agent would take no work.
        self.environment.update(DSN_LOAD_CEILING="0", HOME=str(self.place), PATH=f"{self.place}/usr/bin:{os.environ['PATH']}",
                                DSN_STATE_DIR="", DSN_PORT_RANGE=f"{self.first}-{self.first + 38}")
        del self.environment["DSN_STATE_DIR"]

    def git(self, *words):
        environment = dict(os.environ, GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
        done = subprocess.run(["git", *words], env=environment, capture_output=True, text=True, timeout=60)
        if done.returncode:
            self.skipTest("no clone can be made: " + done.stderr)

    def own(self, text):
        """The commands with private ports and folders; each replacement must have something to replace."""
        for theirs, ours in (("make install ", f"cmake --install {BIN.parent} --prefix {self.place}/usr >/dev/null "),
                             ("/var/lib/dsn-broker 5672", f"{self.broker} {self.broker_port}"),
                             ("127.0.0.1:5672/", f"127.0.0.1:{self.broker_port}/"),
                             ("127.0.0.1:5674", f"127.0.0.1:{self.broker_port + 2}"),
                             ("dsnd --open-login ", f"dsnd --open-login --state-dir {self.dsnd_state} --listen 127.0.0.1:{self.dsnd_port} "),
                             ("127.0.0.1:8640", f"127.0.0.1:{self.dsnd_port}"),
                             ("/var/lib/dsnd", str(self.dsnd_state)),
                             ("dsn-agent ", f"dsn-agent --state-dir {self.state} "),
                             ("/var/lib/dsn", str(self.state))):
            self.assertIn(theirs, text)
            text = text.replace(theirs, ours)
        return text

    def end(self, shell):
        """By process id, whatever has become of it: the shell's session, the nodes' programs, the broker."""
        if not shell.ended():
            shell.process.kill()
        try:
            os.killpg(shell.process.pid, signal.SIGKILL)  # the agent among them
        except ProcessLookupError:
            pass
        shell.process.wait(10)
        shell.reader.join(10)
        shell.process.stdout.close()
        for pid in Agent.units(self).values():
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        subprocess.run([self.clone / "scripts/broker", "stop", self.broker], capture_output=True, timeout=60)

    def fetched(self, url):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read()
        except OSError:
            return b""

    def test_what_it_says_can_be_typed_and_the_stream_plays(self):
        text = self.own(block())
        shell = Shell(text, self.clone, self.environment)
        self.addCleanup(self.end, shell)

        def during(pattern, what, seconds):
            return wait_for(lambda: re.search(pattern, shell.said) or shell.ended(), seconds, what)

        during(r"watch it at: +\S+\n", "README's commands up to vcli order create", 150)
        found = re.search(r"watch it at: +(\S+)\n", shell.said)
        self.assertTrue(found, shell.said)
        watch = found.group(1)
        for name in ("front", "worker", "store"):
            self.assertRegex(shell.said, rf"{name} +\w+ +running", "node list shows the nodes by their names")
        job = re.search(r"^job (\d+): running$", shell.said, re.M).group(1)
        self.assertEqual(len(re.findall(r"(?:distributor|transcoder|storage) +applied", shell.said)), 3, shell.said)

        wait_for(lambda: b"#EXT-X-STREAM-INF" in self.fetched(watch), 60, "the playlist\n" + shell.said)
        variants = [line for line in self.fetched(watch).decode().splitlines() if line and not line.startswith("#")]
        self.assertEqual(len(variants), 2, "the source and a rendition of it")
        for variant in variants:
            frames = wait_for(lambda: self.decoded(urllib.parse.urljoin(watch, variant)), 60, f"pictures of {variant}")
            self.assertGreater(frames, 20)
        wait_for(shell.ended, 120, "the end of README's commands")
        self.assertEqual(shell.process.wait(), 0, shell.said)
        self.assertIn(f"job {job}: stopped", shell.said)

    def decoded(self, url):
        """Pictures of the first segment of a playlist, by ffmpeg."""
        names = [line for line in self.fetched(url).decode().splitlines() if line and not line.startswith("#")]
        segment = self.fetched(urllib.parse.urljoin(url, names[0])) if names else b""
        done = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-map", "0:v", "-f", "framecrc", "-"], input=segment,
                              capture_output=True, timeout=60)
        return len([line for line in done.stdout.splitlines() if not line.startswith(b"#")])


if __name__ == "__main__":
    unittest.main()
