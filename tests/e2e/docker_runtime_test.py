"""The docker runtime on a real engine: its owner (node_docker_test, see there) is killed and started again, containers
are ended under its hands, and at the end nothing is left."""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.request
from pathlib import Path

from engine import Engine, main, wait_until

BIN = Path(os.environ.get("DSN_BIN") or Path(__file__).resolve().parents[2] / "build/bin")
NODE = "1d94baec6903bd722953d1111d3b03ea3fa99378"
MAIN = f"distributor-{NODE}"
NGINX = ["nginx", "-e", "stderr", "-p", "/opt/nginx", "-c", "/opt/nginx/nginx.conf", "-g",
         "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;"]
# Counts into the progress descriptor for ever, twice a second.
FFMPEG = ["ffmpeg", "-hide_banner", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc=s=64x64:r=5", "-f", "null",
          "-progress", "pipe:3", "-"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Owner:
    """A running node_docker_test."""

    def __init__(self, engine_socket, image, folder, port, *mounts):
        argv = [str(BIN / "node_docker_test"), engine_socket, image, NODE, "distributor", str(folder), str(port),
                str(256 << 20), "0.5", *mounts]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.lines = queue.Queue()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        self.expect("open")

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def do(self, what, **more):
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()

    def expect(self, event, name=None, seconds=60):
        """The next thing that happens must be this."""
        line = self.lines.get(timeout=seconds)
        if line["event"] != event or (name and line["name"] != name):
            raise AssertionError(f"expected {event} {name}, have {line}")
        return line

    def start(self, name, argv, fingerprint="aa", main=False, progress=False):
        self.do("start", name=name, argv=argv, fingerprint=fingerprint, main=main, progress=progress)
        return self.expect("started", name)

    def kill(self):
        self.process.kill()
        self.close()

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(30)
        self.thread.join(10)
        self.process.stdout.close()
        return code


class DockerRuntime(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = Engine()
        cls.addClassCleanup(cls.engine.stop)
        cls.engine.start()
        cls.image = cls.engine.build_image()

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="dsn-node-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        for name in ["log", "run", "data", "progress"]:
            (self.folder / name).mkdir()
        self.sites = self.folder / "sites"
        self.sites.mkdir()
        self.port = free_port()
        # what is published is port 1935 of the container: here a small web site of nginx in place of RTMP
        self.conf = self.folder / "nginx.conf"
        self.conf.write_text("daemon off;\nevents {}\nhttp { server { listen 1935; location / { return 200 here; } } }\n")
        self.addCleanup(self._remove_containers)
        self.owner = self._own()

    def _own(self, image=None, engine_socket=None):
        owner = Owner(engine_socket or self.engine.socket, image or self.image, self.folder, self.port,
                      f"{self.conf}:/opt/nginx/nginx.conf:ro", f"{self.sites}:/opt/nginx/sites-enabled")
        self.addCleanup(lambda: owner.process.poll() is None and owner.kill())
        return owner

    def _remove_containers(self):
        for name in self.engine.containers():
            self.engine.call("DELETE", f"/containers/{name}?force=1")

    def _fetch(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return None

    def _pid(self, name):
        return self.engine.inspect(name)["State"]["Pid"]

    def _start_both(self):
        self.assertNotIn("error", self.owner.start("nginx", NGINX, main=True))
        self.assertNotIn("error", self.owner.start("job-encode", FFMPEG, progress=True))

    def _progress(self):
        return (self.folder / "progress/job-encode.progress").read_text()

    def test_create_limits_ports_files(self):
        self._start_both()
        self.assertEqual(self.engine.containers(), [MAIN, f"{MAIN}-job-encode"])
        main = self.engine.inspect(MAIN)
        host = main["HostConfig"]
        self.assertEqual(host["Memory"], 256 << 20)
        self.assertEqual(host["NanoCpus"], 500000000)
        self.assertEqual(host["RestartPolicy"]["Name"], "unless-stopped")
        self.assertEqual(host["PortBindings"], {"1935/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(self.port)}]})
        self.assertEqual(main["Config"]["Labels"]["dsn.node"], NODE)
        self.assertEqual(main["Config"]["User"], f"{os.geteuid()}:{os.getegid()}")
        unit = self.engine.inspect(f"{MAIN}-job-encode")
        self.assertEqual(unit["HostConfig"]["NetworkMode"], f"container:{main['Id']}")
        wait_until("the published port answers", lambda: self._fetch() == "here")
        wait_until("progress is written", lambda: "frame=" in self._progress())
        wait_until("the log is written", lambda: "testsrc" in (self.folder / "log/job-encode.log").read_text())

    def test_run_in_the_container(self):
        self._start_both()
        self.owner.do("run", argv=NGINX + ["-t"], deadline=20000)
        ran = self.owner.expect("ran")
        self.assertEqual((ran["exit"], ran["out"]), (0, ""))
        self.assertIn("test is successful", ran["err"])
        (self.sites / "bad").write_text("nonsense")
        self.conf.write_text("daemon off;\nevents {}\nhttp { include /opt/nginx/sites-enabled/*; }\n")
        self.owner.do("run", argv=NGINX + ["-t"], deadline=20000)
        ran = self.owner.expect("ran")
        self.assertEqual(ran["exit"], 1)
        self.assertIn("/opt/nginx/sites-enabled/bad", ran["err"])
        self.owner.do("run", argv=["sleep", "60"], deadline=500)
        ran = self.owner.expect("ran", seconds=20)
        self.assertIn("500 ms", ran["error"])
        self.owner.do("run", argv=["ffmpeg", "-hide_banner", "-encoders"], deadline=20000)
        self.assertIn("libx264", self.owner.expect("ran")["out"])
        self.owner.do("run", argv=["dsn-hls", "--help"], deadline=20000)
        ran = self.owner.expect("ran")
        self.assertEqual(ran["exit"], 0, ran["err"])

    def _children(self, name):
        self.owner.do("list", name=name)
        listed = self.owner.expect("listed", name)
        self.assertNotIn("error", listed)
        return {int(pid): title for pid, title in listed["children"].items()}

    def test_children_are_listed(self):
        """Of the unit's own program: neither those of its children nor what else runs in the container."""
        self._start_both()
        wait_until("nginx has its worker", lambda: list(self._children("nginx").values()) == ["nginx: worker process"])
        before = self._children("nginx")
        master = self._pid(MAIN)
        self.assertEqual(list(before), [int(p) for p in Path(f"/proc/{master}/task/{master}/children").read_text().split()])
        self.assertEqual(self._children("job-encode"), {})
        # a program run beside it is not the master's child
        self.owner.do("run", argv=["sleep", "3"], deadline=20000)
        wait_until("it runs", lambda: any("sleep 3" in row[-1] for row in self.engine.get(f"/containers/{MAIN}/top")["Processes"]))
        self.assertEqual(self._children("nginx"), before)
        self.owner.expect("ran")
        self.owner.do("signal", name="nginx", signal=signal.SIGHUP)
        after = wait_until("a new worker in place of the old one",
                           lambda: (now := self._children("nginx")) and not now.keys() & before.keys() and now)
        self.assertEqual(list(after.values()), ["nginx: worker process"])
        self.owner.do("stop", name="job-encode", signal=signal.SIGKILL, grace=1000)
        self.owner.expect("exited", "job-encode")
        self.owner.do("list", name="job-encode")
        self.assertEqual(self.owner.expect("listed", "job-encode")["code"], "not-found")

    def test_owner_killed_units_adopted(self):
        self._start_both()
        before = [self._pid(MAIN), self._pid(f"{MAIN}-job-encode")]
        self.owner.kill()
        size = len(self._progress())
        wait_until("media goes on without an owner", lambda: len(self._progress()) > size)
        self.owner = self._own()
        self._start_both()
        self.assertEqual([self._pid(MAIN), self._pid(f"{MAIN}-job-encode")], before)
        # what was adopted is watched
        self.owner.do("stop", name="job-encode", signal=signal.SIGINT, grace=10000)
        gone = self.owner.expect("exited", "job-encode")
        self.assertEqual((gone["known"], gone["signal"]), (True, 0))
        self.assertIsNone(self.engine.inspect(f"{MAIN}-job-encode"))
        # another fingerprint: replaced
        self.owner.kill()
        self.owner = self._own()
        self.assertNotIn("error", self.owner.start("nginx", NGINX, fingerprint="bb", main=True))
        self.assertNotEqual(self._pid(MAIN), before[0])

    def test_sweep_keeps_what_is_named(self):
        self._start_both()
        self.owner.start("other", FFMPEG, progress=True)
        self.owner.kill()
        self.owner = self._own()
        self.owner.do("sweep", keep=["nginx", "other"])
        self.assertNotIn("error", self.owner.expect("sweep"))
        self.assertEqual(self.engine.containers(), [MAIN, f"{MAIN}-other"])
        self.owner.do("purge")
        self.assertNotIn("error", self.owner.expect("purge"))
        self.assertEqual(self.engine.containers(), [])
        self.assertEqual(self.owner.close(), 0)

    def test_exits_are_told(self):
        self._start_both()
        self.owner.start("short", ["ffmpeg", "-version"])
        gone = self.owner.expect("exited", "short")
        self.assertEqual((gone["exit"], gone["signal"], gone["known"]), (0, 0, True))
        self.assertIn("ffmpeg version", (self.folder / "log/short.log").read_text())
        os.kill(self._pid(f"{MAIN}-job-encode"), signal.SIGKILL)
        gone = self.owner.expect("exited", "job-encode")
        self.assertEqual(gone["signal"], signal.SIGKILL)
        # deaf to SIGTERM: killed after its grace
        self.owner.start("deaf", ["timeout", "-s", "CONT", "100", "sleep", "100"])
        self.owner.do("signal", name="deaf", signal=signal.SIGSTOP)
        self.owner.do("stop", name="deaf", signal=signal.SIGTERM, grace=500)
        self.owner.expect("exited", "deaf", seconds=20)
        self.assertEqual(self.engine.containers(), [MAIN])

    def test_nginx_comes_back_and_its_network_with_it(self):
        self._start_both()
        wait_until("the published port answers", lambda: self._fetch() == "here")
        os.kill(self._pid(MAIN), signal.SIGKILL)
        ended = {self.owner.expect("exited")["name"] for _ in range(2)}
        self.assertEqual(ended, {"nginx", "job-encode"})
        self._start_both()
        wait_until("the published port answers again", lambda: self._fetch() == "here")
        self.owner.do("stop", name="nginx", signal=signal.SIGQUIT, grace=10000)
        ended = {self.owner.expect("exited")["name"] for _ in range(2)}
        self.assertEqual(ended, {"nginx", "job-encode"})
        self.assertEqual(self.engine.containers(), [])

    def test_unit_of_an_earlier_network_is_replaced(self):
        self._start_both()
        before = self._pid(f"{MAIN}-job-encode")
        self.owner.kill()
        nginx = self._pid(MAIN)
        os.kill(nginx, signal.SIGKILL)  # while nobody watches
        wait_until("nginx is restarted by the engine", lambda: self._pid(MAIN) not in (0, nginx))
        self.owner = self._own()
        self._start_both()
        self.assertNotEqual(self._pid(f"{MAIN}-job-encode"), before)

    def test_engine_dies_and_comes_back(self):
        self._start_both()
        wait_until("the published port answers", lambda: self._fetch() == "here")
        self.engine.kill()
        self.engine.run()
        # it ends what ran (it was not told to keep it), and has nginx up again by its policy
        ended = {self.owner.expect("exited")["name"] for _ in range(2)}
        self.assertEqual(ended, {"nginx", "job-encode"})
        self._start_both()
        wait_until("the published port answers again", lambda: self._fetch() == "here")
        self.owner.do("stop", name="job-encode", signal=signal.SIGINT, grace=10000)
        self.assertEqual(self.owner.expect("exited", "job-encode")["known"], True)

    def test_log_is_bounded(self):
        self._start_both()
        self.owner.start("loud", ["yes", "line of a log that never ends"])
        log = self.folder / "log/loud.log"
        wait_until("the log is cut", lambda: log.stat().st_size > 100000, every=0.001)
        self.owner.do("stop", name="loud", signal=signal.SIGKILL, grace=1000)
        self.owner.expect("exited", "loud")
        self.owner.start("loud", ["sleep", "100"], fingerprint="cc")
        wait_until("the log is cut", lambda: log.stat().st_size <= 4096)

    def test_failures_say_what_to_do(self):
        missing = self._own(image="not-there:1")
        e = missing.start("nginx", NGINX, main=True)
        self.assertEqual(e["code"], "not-found")
        self.assertIn("packaging/docker/build-image", e["error"])
        nobody = self._own(engine_socket=str(self.folder / "no.sock"))
        e = nobody.start("nginx", NGINX, main=True)
        self.assertEqual(e["code"], "unavailable")
        self.assertIn("is docker running", e["error"])
        e = self.owner.start("job-encode", FFMPEG)
        self.assertEqual(e["code"], "unavailable")
        self.assertIn(MAIN, e["error"])
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.port))
            taken.listen()
            e = self.owner.start("nginx", NGINX, main=True)
            self.assertIn(str(self.port), e["error"])
        self.assertEqual(self.engine.containers(), [])
        self.owner.do("run", argv=["true"], deadline=1000)
        self.assertIn("does not run", self.owner.expect("ran")["error"])

    def test_foreign_container_is_left_alone(self):
        made = self.engine.call("POST", f"/containers/create?name={MAIN}", {"Image": self.image, "Cmd": ["sleep", "100"]})
        e = self.owner.start("nginx", NGINX, main=True)
        self.assertEqual(e["code"], "exists")
        self.assertEqual(self.engine.inspect(MAIN)["Id"], made["Id"])

    def test_stop_while_starting(self):
        self.owner.do("start", name="nginx", argv=NGINX, fingerprint="aa", main=True)
        self.owner.do("stop", name="nginx", signal=signal.SIGQUIT, grace=5000)
        self.assertEqual(self.owner.expect("started", "nginx")["code"], "refused")
        self.assertEqual(self.engine.containers(), [])


class EngineLeavesNothing(unittest.TestCase):
    def run_something(self, engine):
        made = engine.call("POST", "/containers/create", {"Image": engine.build_image(), "Cmd": ["sleep", "1000"]})
        engine.call("POST", f"/containers/{made['Id']}/start")

    def test_after_stop(self):
        with Engine() as engine:
            self.run_something(engine)
        self.assertEqual(engine.leftovers(), [])

    def test_after_death(self):
        with Engine() as engine:
            self.run_something(engine)
            engine.kill()
        self.assertEqual(engine.leftovers(), [])


if __name__ == "__main__":
    main()
