#!/usr/bin/env python3
"""An agent meets the database of another release: of the last one it serves what it held, a newer one it refuses and leaves
alone, another program's too."""
import contextlib
import os
import pathlib
import re
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
from network import wait_for  # noqa: E402

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
RELEASED = SOURCE / "tests/data/store/agent.sql"
JOB = "film0001"
FIRST_PORT = 20013  # in the file
NODES = {"d": "4130e9d2c06fa1060d1e60c6d569ace76aa84440", "t1": "636f532813512b439713d027e88ace5f8af3f154",
         "s": "f07d5ebbbed37a9fa10d114dba470429c836e571"}
PORTS = {"d": {"rtmp": "20013"}, "s": {"rtmp": "20015", "http": "20016"}, "t1": {"rtmp": "20018"}}
PUBLISHER_KEY = "b46ac313374a9fac7a18975c3e4b01f7"
OWNER = "237f1549557dda85e72293371b3971512a88b81e"


class Release(network.TestCase):
    def machine(self):
        """An agent that has not been started, and its folder."""
        net = self.network(start=False, transcoders=1, together=True)
        return net, net.agent_of["s"]

    @staticmethod
    def text_for(net, agent):
        """The last release's database, with this network's nodes, owner and ports."""
        text = RELEASED.read_text().replace(OWNER, net.owner)
        for key, node in NODES.items():
            text = text.replace(node, net.ids[key])
        return re.sub(r"\b200(1[3-9]|2\d)\b", lambda m: str(int(m.group()) - FIRST_PORT + agent.first_port), text)

    @staticmethod
    def put(agent, text):
        agent.folder.mkdir(mode=0o755, exist_ok=True)
        with contextlib.closing(sqlite3.connect(agent.folder / "agent.db")) as db:
            db.executescript(text)

    @staticmethod
    def ask(agent, question):
        with contextlib.closing(sqlite3.connect(f"file:{agent.folder / 'agent.db'}?mode=ro", uri=True)) as db:
            return db.execute(question).fetchall()

    def ends(self, agent):
        """Exit code and what it said last."""
        agent.start()
        code = agent.process.wait(20)
        return code, agent.log().splitlines()[-1]

    def test_the_last_release(self):
        net, agent = self.machine()
        self.put(agent, self.text_for(net, agent))
        self.assertEqual(self.ask(agent, "pragma user_version"), [(0,)])
        net.ports = {key: {kind: str(int(port) - FIRST_PORT + agent.first_port) for kind, port in ports.items()}
                     for key, ports in PORTS.items()}
        agent.start()
        wait_for("the job's units", lambda: len(net.units(JOB)) == 6, 30)
        self.assertEqual({(key, net.node_status(key)["jobs"][0]["job_id"]) for key in net.ids}, {(key, JOB) for key in net.ids})
        self.assertEqual(self.ask(agent, "pragma user_version"), [(2,)])
        self.assertEqual(self.ask(agent, "pragma application_id"), [(0x64736e41,)])
        # What had been decided before is told too.
        self.assertIn("nginx serves on RTMP port", net.decisions("d", "node.running")[0]["why"])
        publisher = net.publish(self.film(60), job=JOB, key=PUBLISHER_KEY)
        net.wait_segments(3, job=JOB)
        net.end_push(publisher)

    def test_a_newer_one(self):
        net, agent = self.machine()
        self.put(agent, self.text_for(net, agent) + "pragma application_id=1685286465; pragma user_version=7;")
        before = (agent.folder / "agent.db").read_bytes()
        code, said = self.ends(agent)
        self.assertEqual(code, 4, said)
        self.assertIn(f"{agent.folder}/agent.db: made by a newer dsn (schema 7, this one knows 2): install that version, "
                      "or move the file away", said)
        self.assertEqual((agent.folder / "agent.db").read_bytes(), before)

    def test_another_program(self):
        _, agent = self.machine()
        self.put(agent, "create table moz_places(id integer primary key);")
        before = (agent.folder / "agent.db").read_bytes()
        code, said = self.ends(agent)
        self.assertEqual(code, 4, said)
        self.assertIn("this is not an agent's database but another program's", said)
        self.assertEqual((agent.folder / "agent.db").read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
