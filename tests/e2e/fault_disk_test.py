"""The agent's disk is full: commands fail clearly and change nothing, a stream goes on when there is room again, and nothing
that was stored is damaged."""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
from network import JOB, figure, wait_for  # noqa: E402

ROOM = "24m"


class DiskFaults(network.TestCase):
    def disk(self, net):
        """A small disk of its own for the agent's folder."""
        folder = net.agent_of["d"].folder
        shutil.rmtree(folder)
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=0755", "dsn-test", str(folder)],
                              capture_output=True, text=True)
        if done.returncode:
            raise unittest.SkipTest(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        net.mounts.append(str(folder))
        net.agent_of["d"].take_keys()
        return folder

    @staticmethod
    def fill(folder):
        """Not a byte is left."""
        with open(folder / "filler", "ab", buffering=0) as f:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    @staticmethod
    def sound(folder):
        """What is wrong with what the agent has stored."""
        db = sqlite3.connect(f"file:{folder / 'agent.db'}?mode=ro", uri=True)
        found = [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        db.close()
        for path in folder.glob("nodes/*/agent/*.json"):
            try:
                json.loads(path.read_text())
            except ValueError as e:
                found.append(f"{path}: {e}")
        return found + [str(p) for p in folder.glob("nodes/*/conf/*") if not p.read_text().strip()]

    @staticmethod
    def told(net):
        """What the storage's status says of its disk."""
        status = net.status()["s"]
        return [text for text in (status.get("trouble"), *(unit.get("why") for unit in status["units"])) if text and "No space left" in text]

    def test_disk_full(self):
        net = self.network(start=False, together=True)
        folder = self.disk(net)
        net.up()
        agent = net.agent_of["d"]
        # A pipeline is started: no.
        self.fill(folder)
        code, answer, said = net.vcli_try("pipeline", "start", str(net.document()), "--timeout", "20s")
        self.assertNotEqual(code, 0, answer)
        whys = {node["error"]["message"] for node in answer["nodes"]}
        for why in whys:
            self.assertRegex(why, "(?i)disk|space|full", answer)
        self.assertEqual(net.units(), {}, "nothing was started")
        self.assertTrue(agent.running(), agent.log())
        self.assertEqual(net.node_status("d")["state"], "running", "questions are answered all the same")
        (folder / "filler").unlink()
        self.assertEqual(self.sound(folder), [])
        self.assertEqual({key: net.node_status(key)["jobs"] for key in net.ids}, {key: [] for key in net.ids})
        # There is room again: yes. And the same in the middle of its stream.
        net.start_job()
        push = net.push(self.film())
        net.wait_segments(2)
        segmenters = [net.unit("s", f"{JOB}-hls{v}")[0] for v in net.variants()]
        newest = {v: net.newest(v) for v in net.variants()}
        self.assertEqual(self.told(net), [])
        self.fill(folder)
        wait_for("segmenters that cannot store", lambda: not any(map(network.alive, segmenters)), 30)
        for variant in net.variants():  # what was being written fitted, or it is not named
            self.assertLessEqual(net.newest(variant), newest[variant] + 1, variant)
        self.assertTrue(agent.running())
        told = wait_for("a status that says so", lambda: self.told(net), 20, lambda: (net.status()["s"], net.node_status("s")))
        (folder / "filler").unlink()
        net.wait_segments(2)
        self.assertIsNone(push.poll(), "the publisher was not disturbed")
        net.end_push(push)
        net.end_job()
        lost = net.lost()
        figure(f"disk full at pipeline start: exit code {code}, \"{sorted(whys)[0]}\"; disk full in a stream: status says \"{told[0]}\", segments lost "
               f"{({v: len(n) for v, n in lost.items()})}, all stored ones decode, database sound")
        self.assertEqual(self.sound(folder), [])
        self.same_cuts(net)
        self.decodes(net)
        for variant in net.variants():
            self.assertTrue(net.playlist(variant)[1], f"{variant} has no EXT-X-ENDLIST")


if __name__ == "__main__":
    network.main()
