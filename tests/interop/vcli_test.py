"""vcli whisper over geth's JSON-RPC: texts, the ping list, pings between a geth and a shhd, either way."""
import json
import subprocess

import node
from node import BIN


def setUpModule():
    node.require()


class Vcli(node.TestCase):
    def setUp(self):
        super().setUp()
        self.g, self.s = self.pair()
        self.urls = {n: f"ws://127.0.0.1:{n.port}" for n in (self.g, self.s)}

    def words(self, *words):
        return [BIN / "vcli", "whisper", *map(str, words), "--state-dir", self.folder, "--json"]

    def environment(self):
        return {"HOME": self.folder, "PATH": "/usr/bin:/bin", "DSN_WHISPER_PASSWORD": "open sesame"}

    def vcli(self, *words):
        done = subprocess.run(self.words(*words), env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def start(self, what, *words):
        process = subprocess.Popen(self.words(*words), env=self.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertIn(what, process.stderr.readline())
        return process

    def test_texts(self):
        for sender, receiver in ((self.g, self.s), (self.s, self.g)):
            receiving = self.start("receiving at", "receive", "--rpc", self.urls[receiver], "--count", 1, "--timeout", "60s")
            self.vcli("send", "Hello", "--rpc", self.urls[sender])
            self.assertEqual(json.loads(receiving.stdout.readline())["text"], "Hello")
            self.assertEqual(receiving.wait(30), 0)

    def test_pings(self):
        path = f"{self.folder}/list.json"
        first = self.vcli("genpub", path, "--rpc", self.urls[self.g], "--rpc", self.urls[self.s])
        again = self.vcli("genpub", path, "--rpc", self.urls[self.g], "--rpc", self.urls[self.s])
        self.assertEqual((again["kept"], again["address-node"]), ("2", first["address-node"]))
        for sender, receiver in ((self.g, self.s), (self.s, self.g)):
            pong = self.start("answering pings to 1 key pairs", "pong", path, "--rpc", self.urls[receiver])
            answer = self.vcli("ping", path, "--rpc", self.urls[sender], "--count", 5, "--pow-target", "0.4", "--timeout", "60s")
            self.assertEqual((answer["answered"], answer["lost"]), ("5", "0"))
            node.figure(f"{sender.kind} pings {receiver.kind}: median {answer['round_trip_ms']['median']} ms")
            pong.terminate()
            self.assertEqual(pong.wait(30), 0)


if __name__ == "__main__":
    node.main()
