"""A real Docker engine for tests: dockerd with its own folder, socket, containerd and bridge, beside any engine that the
machine has. It touches neither the firewall nor forwarding: ports are published by docker's own proxy.

    with Engine() as engine:
        image = engine.build_image()
        engine.get(f"/containers/{name}/json")

Where an engine cannot run, its tests are skipped with a line that says why, or fail when DSN_REQUIRE_ENGINE is set;
a program whose tests were all skipped ends with 77 when it ends by main().
"""

import ctypes
import http.client
import ipaddress
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(os.environ.get("DSN_SOURCE") or Path(__file__).resolve().parents[2])
START_S = 60
STOP_S = 30
PR_SET_PDEATHSIG = 1
MNT_DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


def skip(reason):
    """Skipped, or failed where an engine is a must."""
    line = f"no Docker engine can run here: {reason}"
    if os.environ.get("DSN_REQUIRE_ENGINE"):
        raise AssertionError(line)
    print(f"SKIP: {line}", file=sys.stderr, flush=True)
    raise unittest.SkipTest(line)


def main():
    """unittest.main() with exit code 77 when nothing was tested."""
    result = unittest.main(module="__main__", verbosity=2, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.skipped and len(result.skipped) >= result.testsRun else 0)


def wait_until(what, condition, seconds=30, every=0.05):
    """The condition's value once it is true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


class Refused(Exception):
    """The engine answered with an error."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text.strip()}")
        self.status = status


class Engine:
    """One private dockerd."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="dsn-docker-", dir="/tmp"))
        self.socket = str(self.folder / "engine.sock")
        self.log = self.folder / "dockerd.log"
        self.bridge = f"dsn{os.getpid():x}{random.randrange(4096):x}"[:15]
        self.process = None
        self.gateway = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # --- life ---

    def start(self):
        if os.geteuid() != 0:
            self._give_up("it needs root")
        for program in ["dockerd", "containerd", "runc", "ip"]:
            if not shutil.which(program):
                self._give_up(f"{program} is not installed")
        self._make_bridge()
        (self.folder / "daemon.json").write_text("{}")
        self.run()

    def run(self):
        """Start dockerd, also again after kill()."""
        argv = [
            "dockerd", "--config-file", str(self.folder / "daemon.json"), "--host", f"unix://{self.socket}",
            "--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec"),
            "--pidfile", str(self.folder / "dockerd.pid"), "--bridge", self.bridge, "--iptables=false",
            "--ip6tables=false", "--ip-masq=false", "--ip-forward=false", "--cgroup-parent", f"/{self.bridge}",
            "--exec-opt", "native.cgroupdriver=cgroupfs",
            "--shutdown-timeout", "5",
        ]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, preexec_fn=_die_with_parent)
        try:
            wait_until("dockerd answers", self._answers, START_S)
        except AssertionError as e:
            self._give_up(f"{e}: {self._log_tail()}")

    def _answers(self):
        if self.process.poll() is not None:
            self._give_up(f"dockerd ended with {self.process.returncode}: {self._log_tail()}")
        try:
            return self.get("/_ping") == "OK"
        except (OSError, http.client.HTTPException):
            return False

    def kill(self):
        """The engine dies at once; its containers do not."""
        self.process.kill()
        self.process.wait()
        # Its containerd dies with it. Where nobody reaps orphans it would seem to be running still.
        (self.folder / "exec/containerd/containerd.pid").unlink(missing_ok=True)

    def _give_up(self, reason):
        self.stop()
        skip(reason)

    def _log_tail(self):
        try:
            return self.log.read_text(errors="replace")[-600:].strip()
        except OSError:
            return "it wrote no log"

    def _make_bridge(self):
        taken = []
        for line in subprocess.run(["ip", "-4", "-o", "route", "show", "table", "all"], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout.splitlines():
            for word in line.split()[:2]:
                try:
                    taken.append(ipaddress.ip_network(word, strict=False))
                except ValueError:
                    pass
        nets = [ipaddress.ip_network(f"10.{random.randrange(100, 250)}.{random.randrange(256)}.0/24") for _ in range(50)]
        net = next(n for n in nets if not any(n.overlaps(t) for t in taken if t.prefixlen))
        self.gateway = str(net[1])
        for argv in [
            ["ip", "link", "add", self.bridge, "type", "bridge"],
            ["ip", "addr", "add", f"{self.gateway}/24", "dev", self.bridge],
            ["ip", "link", "set", self.bridge, "up"],
        ]:
            done = subprocess.run(argv, check=False, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            if done.returncode:
                self._give_up(f"{' '.join(argv)}: {done.stderr.strip()}")

    def stop(self):
        """Ends the engine, its containers and whatever it left."""
        if self.process and self.process.poll() is None:
            self._remove_containers()
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for sig in [signal.SIGTERM, signal.SIGKILL]:
            left = self._left_processes()
            for pid in left:
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass
            end = time.monotonic() + 5
            while self._left_processes() and time.monotonic() < end:
                time.sleep(0.05)
        for point in self._left_mounts():
            libc.umount2(os.fsencode(point), MNT_DETACH)
        subprocess.run(["ip", "link", "del", self.bridge], check=False, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        for group in self._cgroups():
            for folder, _, _ in os.walk(group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def _remove_containers(self):
        try:
            for container in self.get("/containers/json?all=1"):
                self.call("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        except (OSError, http.client.HTTPException, Refused):
            pass

    def _cgroups(self):
        """Of this engine's containers, whichever hierarchies there are."""
        root = Path("/sys/fs/cgroup")
        return [*root.glob(self.bridge), *root.glob(f"*/{self.bridge}")]

    def _left_processes(self):
        """containerd and its shims: their command lines name our folder; and what ran in containers."""
        found = []
        for group in self._cgroups():
            for procs in group.glob("**/cgroup.procs"):
                try:
                    found += [int(pid) for pid in procs.read_text().split()]
                except OSError:
                    continue
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                argv = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            program = os.path.basename(argv[0])
            ours = os.fsencode(self.folder)
            if program.startswith((b"dockerd", b"containerd", b"docker-proxy", b"runc")) and any(ours in a for a in argv):
                found.append(int(entry.name))
        return sorted(set(found))

    def _left_mounts(self):
        points = []
        for line in Path("/proc/self/mounts").read_text().splitlines():
            point = line.split()[1].replace("\\040", " ")
            if point.startswith(f"{self.folder}/"):
                points.append(point)
        return sorted(points, key=len, reverse=True)

    def leftovers(self):
        """What a stopped engine has left on the machine, for tests: must be empty."""
        links = subprocess.run(["ip", "-o", "link"], check=True, text=True, stdout=subprocess.PIPE).stdout
        return ([f"process {p}" for p in self._left_processes()] + [f"mount {m}" for m in self._left_mounts()] +
                ([f"bridge {self.bridge}"] if self.bridge in links else []) +
                [f"cgroup {g}" for g in self._cgroups()] + ([f"folder {self.folder}"] if self.folder.exists() else []))

    # --- requests ---

    def call(self, method, path, body=None, timeout=60):
        """The answer: parsed JSON, or text. Refused for a status of 400 or more."""
        raw = self.call_raw(method, path, body, timeout)
        try:
            return json.loads(raw)
        except ValueError:
            return raw.decode(errors="replace")

    def call_raw(self, method, path, body=None, timeout=60):
        """The answer's bytes."""
        connection = http.client.HTTPConnection("localhost", timeout=timeout)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(timeout)
        try:
            connection.sock.connect(self.socket)
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(answer.status, raw.decode(errors="replace"))
        return raw

    def get(self, path):
        return self.call("GET", path)

    def inspect(self, name):
        """A container, or None."""
        try:
            return self.get(f"/containers/{name}/json")
        except Refused as e:
            if e.status == 404:
                return None
            raise

    def containers(self):
        """Names of all containers."""
        return sorted(name.lstrip("/") for c in self.get("/containers/json?all=1") for name in c["Names"])

    def build_image(self):
        """The node's image, made when missing; its name."""
        argv = [sys.executable, str(SOURCE / "packaging/docker/build-image"), "--socket", self.socket,
                "--tag", "dsn-nginx-rtmp:test"]
        if os.environ.get("DSN_BIN"):
            argv += ["--bin", os.environ["DSN_BIN"]]
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
        return "dsn-nginx-rtmp:test"


def _die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
