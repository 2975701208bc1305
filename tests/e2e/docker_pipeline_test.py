"""A whole pipeline in containers of a real engine: distributor, transcoder and storage, each with its nginx and its ffmpeg
or dsn-hls, speaking to each other over published ports. Managed: the agent is killed while the stream runs, and nothing
is missing at the end. Classic: nginx itself runs ffmpeg and keeps HLS, the original way."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import agent as agents
import hls_rules
from agent import Agent
from broker import BIN, Broker, available
from engine import Engine, main, wait_until

JOB = "0400000000000000000009"
ROLES = {
    "distributor": "00d15b0000000000000000000000000000000001",
    "transcoder": "00a1000000000000000000000000000000000003",
    "storage": "0057000000000000000000000000000000000002",
}
SECONDS = 16


class DockerPipeline(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not available():
            raise unittest.SkipTest("rabbitmq-server is not installed")
        cls.engine = Engine()
        cls.addClassCleanup(cls.engine.stop)
        cls.engine.start()
        cls.image = cls.engine.build_image()
        cls.broker = Broker()
        cls.broker.start()
        cls.addClassCleanup(cls.broker.close)
        cls.folder = Path(tempfile.mkdtemp(prefix="dsn-p-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.film = agents.make_film(str(cls.folder / "film.mp4"), SECONDS, "320x180")

    def setUp(self):
        self.addCleanup(self.remove_containers)
        self.agent = Agent(self.broker, "--docker-socket", self.engine.socket, "--image", self.image, "--runtime", "docker", "--classic-allow", "all",
                           nodes=ROLES.values())
        self.addCleanup(self.agent.close)
        self.agent.start()

    def remove_containers(self):
        for name in self.engine.containers():
            self.engine.call("DELETE", f"/containers/{name}?force=1")

    def vcli(self, *words):
        end = time.monotonic() + 20
        while True:
            done = subprocess.run(
                [os.path.join(BIN, "vcli"), *words, "--bus", self.broker.url(), "--network", agents.NETWORK, "--json", "--send-plain",
                 "--state-dir", str(self.folder / "vcli")],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
                check=False)
            if done.returncode != 3 or "nobody serves" not in done.stdout or time.monotonic() > end:
                break
            time.sleep(0.05)  # an agent that has just started may have no mailbox yet
        self.assertEqual(done.returncode, 0, f"vcli {' '.join(words)}\n{done.stdout}\n{done.stderr}\n{self.why()}")
        return json.loads(done.stdout)

    def why(self):
        logs = [f"--- {p}\n{p.read_text(errors='replace')[-1500:]}" for p in Path(self.agent.state).glob("nodes/*/log/*.log")]
        return "\n".join([self.agent.text()[-4000:], *logs])

    def start(self, mode):
        """Nodes and job; {role: ports}."""
        spec = self.folder / "spec.json"
        spec.write_text(json.dumps({"containers": {"image": self.image}}))
        ports = {}
        for role, node in ROLES.items():
            made = self.vcli("node", "create", role, node, "--mode", mode, "--spec", str(spec))
            ports[role] = {name: int(port) for name, port in made["ports"].items()}
        ip = self.engine.gateway  # where containers reach what is published
        storage, transcoder = ports["storage"]["rtmp"], ports["transcoder"]["rtmp"]
        tasks = {
            "distributor": agents.distributor_task(JOB, [agents.target(ip, storage, "_src"), agents.target(ip, transcoder)]),
            "transcoder": agents.transcoder_task(JOB, agents.target(ip, storage), size="160x90", bitrate=100000,
                                                 variant="_90p"),
            "storage": agents.storage_task(JOB, [("_src", 700000, "320x180"), ("_90p", 200000, "160x90")]),
        }
        path = self.folder / f"{mode}.json"
        path.write_text(json.dumps({
            "apiVersion": "1.00", "typeApi": "private", "command": "pipeline", "subcommand": "start",
            "pipeline": {"tasks": [{"node_id": ROLES[role], "msg": task} for role, task in tasks.items()]}}))
        self.vcli("pipeline", "start", str(path))
        return ports

    def states(self):
        """Of the job, which is wanted, at its nodes: never stopped."""
        found = {node["state"] for node in self.vcli("pipeline", "status", JOB)["nodes"]}
        self.assertNotIn("stopped", found)
        return found

    def pids(self):
        return {name: self.engine.inspect(name)["State"]["Pid"] for name in self.engine.containers()}

    def push(self, url, loop=False):
        process = agents.push(self.film, url, loop)
        self.addCleanup(lambda: process.poll() is None and (process.kill(), process.wait()))
        return process

    def check_decodes(self, url):
        done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-xerror", "-i", url, "-f", "null", "-"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), url)

    def test_managed_outlives_its_agent(self):
        ports = self.start("managed")
        base = f"http://127.0.0.1:{ports['storage']['http']}/hls/{JOB}"
        urls = [f"{base}_src/index.m3u8", f"{base}_90p/index.m3u8"]
        push = self.push(f"rtmp://127.0.0.1:{ports['distributor']['rtmp']}/ingest/{JOB}")
        try:
            wait_until("two segments of each", lambda: all(len(agents.playlist(u)[0]) >= 2 for u in urls), 40)
        except AssertionError as e:
            self.fail(f"{e}\n{self.why()}")
        before = self.pids()
        self.assertEqual(len(before), 3 + 3 + 1 + 2)
        self.agent.kill()
        count = len(agents.playlist(urls[1])[0])
        wait_until("media goes on without an agent", lambda: len(agents.playlist(urls[1])[0]) > count, 20)
        self.agent.start()
        wait_until("all nodes run again", lambda: self.states() == {"running"}, 30)
        self.assertIsNone(push.poll())
        self.assertEqual(self.pids(), before)
        wait_until("the film has been sent", lambda: push.poll() is not None, SECONDS + 20)
        self.vcli("pipeline", "stop", JOB)
        wait_until("both have ended", lambda: all(agents.playlist(u)[2] for u in urls), 30)
        (source, gaps, _), (small, small_gaps, _) = [agents.playlist(u) for u in urls]
        self.assertEqual((source, gaps, small_gaps), (small, 0, 0), self.why())
        self.assertGreaterEqual(len(source), SECONDS // 2 - 1)
        for url in urls:
            self.check_decodes(url)
        self.assertEqual(hls_rules.check_served(f"{base}.m3u8"), [])
        for node in ROLES.values():
            self.vcli("node", "purge", node, "--force")
        self.assertEqual(self.engine.containers(), [])

    def test_classic_keeps_hls(self):
        ports = self.start("classic")
        self.push(f"rtmp://127.0.0.1:{ports['distributor']['rtmp']}/{JOB}/{JOB}", loop=True)
        data = Path(self.agent.state) / "nodes" / ROLES["storage"] / "data" / JOB

        def kept():
            return all(list(data.glob(f"{JOB}{variant}-*.ts")) for variant in ["_src", "_90p"])

        try:
            wait_until("both renditions are kept", kept, 60)
        except AssertionError as e:
            self.fail(f"{e}\n{[p.name for p in data.glob('*')]}\n{self.why()}")
        self.assertTrue((data / f"{JOB}.m3u8").exists(), "master playlist")


if __name__ == "__main__":
    main()
