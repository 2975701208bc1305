"""The six modules of a network, each through vcli, RabbitMQ and dsn-agent: create and configure a distributor, a transcoder
and a storage; in both runtimes (processes of this machine, containers of a real engine) and both modes (managed; classic,
whose files are compared byte for byte with tests/data/classic)."""

import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from agent import Agent, alive
from broker import BIN, Broker, available
from engine import Engine, main, wait_until

DATA = Path(os.environ.get("DSN_SOURCE") or Path(__file__).resolve().parents[2]) / "tests/data/classic"
JOB = "0400000000000000000009"
IDS = {
    "distributor": "00d15b0000000000000000000000000000000001",
    "transcoder": "00a1000000000000000000000000000000000003",
    "storage": "0057000000000000000000000000000000000002",
}
MESSAGES = {
    "distributor": {"ffmpeg-rtmp": {"outputs": [
        {"variant": "_2k", "ip": "192.0.2.20", "failover_ip": "192.0.2.21"},
        {"ip": "192.0.2.31", "failover_ip": "192.0.2.41"},
        {"ip": "2001:db8::32", "failover_ip": "2001:db8::42", "port": "2935"},
    ]}},
    "transcoder": {"ffmpeg-rtmp": {"output": {
        "application": JOB, "variant": "_900p", "codec": "libx264", "bitrate": "4500000", "resolution": "1600x900",
        "ip": "192.0.2.20", "failover_ip": "192.0.2.21",
    }}},
    "storage": {"nginx-rtmp-hls": {
        "hls_fragment": "4", "hls_playlist_length": "40", "hls_fragment_naming": "timestamp",
        "hls_fragment_naming_granularity": "3", "hls_fragment_slicing": "aligned",
        "hls_variant": [
            {"variant": "_2k", "params": "BANDWIDTH=20000000,RESOLUTION=2560x1440"},
            {"variant": "_900p", "params": "BANDWIDTH=4500000,RESOLUTION=1600x900"},
        ],
    }},
}
# What runs for the job in managed mode.
UNITS = {
    "distributor": [f"{JOB}-relay", f"{JOB}-to-1", f"{JOB}-to-2", f"{JOB}-to-3"],
    "transcoder": [f"{JOB}-encode"],
    "storage": [f"{JOB}-hls_2k", f"{JOB}-hls_900p"],
}


def document(role):
    """A private pipeline with one task."""
    message = {"command": "config", "type": role, "nginx-rtmp-core": {"listen": "1935", "application": JOB},
               "nginx-rtmp-live": {"live": "on"}, **MESSAGES[role]}
    return {"apiVersion": "1.00", "typeApi": "private", "command": "pipeline", "subcommand": "start",
            "pipeline": {"tasks": [{"node_id": IDS[role], "msg": message}]}}


def speaks_rtmp(port):
    """Does a server there answer the handshake?"""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.sendall(b"\x03" + bytes(8) + bytes(1528))
            got = b""
            while len(got) < 1537:
                piece = s.recv(4096)
                if not piece:
                    return False
                got += piece
            return got[0] == 3
    except OSError:
        return False


class Modules:
    """The tests; what differs between runtimes and modes is below."""

    runtime = mode = engine = image = None

    @classmethod
    def setUpClass(cls):
        if not available():
            raise unittest.SkipTest("rabbitmq-server is not installed")
        cls.broker = Broker()
        cls.broker.start()
        cls.addClassCleanup(cls.broker.close)

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="dsn-m-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        flags = ["--docker-socket", self.engine.socket, "--image", self.image] if self.engine else []
        self.agent = Agent(self.broker, "--node", IDS["distributor"], "--node", IDS["transcoder"], "--node", IDS["storage"],
                           *flags)
        self.addCleanup(self.agent.close)
        self.agent.start()
        self.spec = self.folder / "spec.json"
        self.spec.write_text(json.dumps({"containers": {"image": self.image}} if self.image else {"containers": {}}))

    def vcli_try(self, *words):
        return subprocess.run(
            [os.path.join(BIN, "vcli"), *words, "--bus", self.broker.url(), "--network", "test", "--json", "--send-plain", "--state-dir",
             str(self.folder / "vcli")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)

    def vcli(self, *words):
        """Its JSON answer."""
        done = self.vcli_try(*words)
        end = time.monotonic() + 20
        # an agent that has just started may have no mailbox yet
        while done.returncode == 3 and "nobody serves" in done.stdout and time.monotonic() < end:
            time.sleep(0.05)
            done = self.vcli_try(*words)
        self.assertEqual(done.returncode, 0, f"vcli {' '.join(words)}\n{done.stdout}\n{done.stderr}\n{self.why()}")
        return json.loads(done.stdout)

    def why(self):
        logs = [f"--- {p}\n{p.read_text(errors='replace')[-2000:]}" for p in Path(self.agent.state).glob("nodes/*/log/*.log")]
        return "\n".join([self.agent.text()[-3000:], *logs])

    def node_folder(self, role):
        return Path(self.agent.state) / "nodes" / IDS[role]

    def create(self, role):
        answer = self.vcli("node", "create", role, IDS[role], "--runtime", self.runtime, "--mode", self.mode, "--spec",
                           str(self.spec))
        status = self.vcli("node", "status", IDS[role])
        self.assertEqual((answer["runtime"], answer["mode"], answer["state"]), (self.runtime, self.mode, "running"))
        return status

    def check_created(self, role):
        status = self.create(role)
        nginx = self.nginx_pid(role)
        self.assertTrue(alive(nginx))
        wait_until("nginx answers RTMP", lambda: speaks_rtmp(int(status["ports"]["rtmp"])))
        if self.mode == "classic":
            self.assertEqual(self.seen_file(role, "nginx.conf"), (DATA / "nginx.conf").read_bytes())
        # again: no effect
        self.create(role)
        self.assertEqual(self.nginx_pid(role), nginx)
        return status

    def check_configured(self, role):
        status = self.create(role)
        nginx = self.nginx_pid(role)
        path = self.folder / "task.json"
        path.write_text(json.dumps(document(role)))
        answer = self.vcli("pipeline", "start", str(path))
        self.assertIn("applied", json.dumps(answer))
        if self.mode == "classic":
            self.assertEqual(self.seen_file(role, f"app-enabled/{JOB}"), (DATA / f"{role}.conf").read_bytes())
            self.assertEqual(self.job_units(role), [])
        else:
            wait_until("its units run", lambda: self.job_units(role) == UNITS[role], 15)
            self.assertEqual(list(self.node_folder(role).glob("nginx/app-enabled/*")), [])
        self.assertEqual(self.nginx_pid(role), nginx)
        wait_until("nginx answers RTMP", lambda: speaks_rtmp(int(status["ports"]["rtmp"])))
        # a duplicate: no effect
        self.vcli("pipeline", "start", str(path))
        self.assertEqual(self.nginx_pid(role), nginx)
        self.vcli("node", "purge", IDS[role], "--force")
        self.check_gone(role)

    def test_create_distributor(self):
        self.check_created("distributor")

    def test_create_transcoder(self):
        self.check_created("transcoder")

    def test_create_storage(self):
        status = self.check_created("storage")
        port = int(status["ports"]["http"])
        marker = self.node_folder("storage") / ("data/probe.m3u8" if self.mode == "classic" else "data/hls/probe.m3u8")
        marker.write_text("#EXTM3U\n")
        marker.chmod(0o644)

        def served():
            for path in ["/hls/probe.m3u8", "/probe.m3u8"]:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                        return answer.read() == b"#EXTM3U\n" and answer.headers["Access-Control-Allow-Origin"] == "*"
                except OSError:
                    continue
            return False

        wait_until("HLS is served", served)

    def test_configure_distributor(self):
        self.check_configured("distributor")

    def test_configure_transcoder(self):
        self.check_configured("transcoder")

    def test_configure_storage(self):
        self.check_configured("storage")


class Classic:
    """Beyond the six: what nginx refuses is taken back."""

    mode = "classic"

    def test_refused_configuration_is_taken_back(self):
        self.create("storage")
        nginx = self.nginx_pid("storage")
        task = document("storage")
        # known to be an application that exists already
        other = self.node_folder("storage") / "nginx/app-enabled/other"
        text = f"application {JOB} {{\n\tlive on;\n\tnonsense on;\n}}\n"
        other.write_text(text)
        derived = self.node_folder("storage") / "derived/app-enabled/other"
        if self.runtime == "process":
            derived.write_text(text)
        path = self.folder / "task.json"
        path.write_text(json.dumps(task))
        done = self.vcli_try("pipeline", "start", str(path))
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("nonsense", done.stdout)
        self.assertFalse((self.node_folder("storage") / f"nginx/app-enabled/{JOB}").exists())
        self.assertEqual(self.nginx_pid("storage"), nginx)


class Processes:
    runtime = "process"

    def nginx_pid(self, role):
        return self.agent.units()[IDS[role], "nginx"]

    def job_units(self, role):
        return sorted(unit for node, unit in self.agent.units() if node == IDS[role] and unit != "nginx")

    def seen_file(self, role, name):
        return (self.node_folder(role) / "nginx" / name).read_bytes()

    def check_gone(self, role):
        self.assertEqual(self.agent.units(), {})
        self.assertFalse(self.node_folder(role).exists())


class Containers:
    runtime = "docker"

    @classmethod
    def setUpClass(cls):
        cls.engine = Engine()
        cls.addClassCleanup(cls.engine.stop)
        cls.engine.start()
        cls.image = cls.engine.build_image()
        super().setUpClass()

    def setUp(self):
        self.addCleanup(self.remove_containers)
        super().setUp()

    def remove_containers(self):
        for name in self.engine.containers():
            self.engine.call("DELETE", f"/containers/{name}?force=1")

    def nginx_pid(self, role):
        container = self.engine.inspect(f"{role}-{IDS[role]}")
        self.assertEqual(container["Config"]["Image"], self.image)
        return container["State"]["Pid"]

    def job_units(self, role):
        prefix = f"{role}-{IDS[role]}-"
        return sorted(n.removeprefix(prefix) for n in self.engine.containers() if n.startswith(prefix))

    def seen_file(self, role, name):
        """As the container has it."""
        raw = self.engine.call_raw("GET", f"/containers/{role}-{IDS[role]}/archive?path=/opt/nginx/{name}")
        with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
            return tar.extractfile(tar.next()).read()

    def check_gone(self, role):
        self.assertEqual(self.engine.containers(), [])
        self.assertFalse(self.node_folder(role).exists())


class ProcessManaged(Processes, Modules, unittest.TestCase):
    mode = "managed"


class ProcessClassic(Processes, Classic, Modules, unittest.TestCase):
    pass


class DockerManaged(Containers, Modules, unittest.TestCase):
    mode = "managed"


class DockerClassic(Containers, Classic, Modules, unittest.TestCase):
    pass


if __name__ == "__main__":
    main()
