#!/usr/bin/env python3
"""dsn-bench, each measurement as short as it can be: a table, and with --json one object with its figures. What the figures
are is for `make bench` on a quiet machine; here they only have to be there and to be possible."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module  # noqa: E402

BIN = os.environ.get("DSN_RELEASE_BIN") or broker_module.BIN
RUNS = {  # the words to run it with, its heading, and members whose values are figures
    "amqp": (["--rounds", "1"], "confirmed commands", ["message_bytes", "goal_ratio", "goal_sealed_ratio"]),
    "seal": (["--rounds", "1"], "a message sealed and opened", ["sign_us", "agree_us", "recover_us", "seal_us", "seal_agreed_us", "open_us", "open_agreed_us"]),
    "client": (["--requests", "20", "--links", "3"], "a request to an agent", ["one_link_us", "one_link_at_once_us", "link_each_us"]),
    "pipeline": (["--rounds", "2"], "pipeline start", ["nodes", "median_ms", "least_ms", "most_ms", "goal_ms"]),
    "agent": ([], "dsn-agent, idle", ["program_bytes", "program_loaded_bytes", "goal_bytes"]),
    "placement": (["--nodes", "300", "--orders", "300"], "placement of 300 orders on 300 nodes",
                  ["orders_per_second", "nodes_per_second", "p50_us", "p99_us", "refused_p50_us", "looked_per_node", "scan_ratio", "beats_per_second"]),
    "media": (["--rounds", "1", "--seconds", "2"], "ladder", ["separate_cpu_s", "ladder_cpu_s", "ratio"]),
}


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        broker_module.require()
        cls.broker = broker_module.Broker()
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start_if_down()
        cls.folder = tempfile.mkdtemp(prefix="dsnbt-")
        os.chmod(cls.folder, 0o711)  # its nodes run as another user
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)

    def run_bench(self, name, *words):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DSN_")}
        environment["TMPDIR"] = self.folder
        bus = [] if name in ("media", "placement", "seal") else ["--bus", self.broker.url()]
        done = subprocess.run([os.path.join(BIN, "dsn-bench"), name, *bus, *words], capture_output=True, text=True, timeout=300,
                              stdin=subprocess.DEVNULL, env=environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def check(self, name):
        words, heading, figures = RUNS[name]
        answer = self.run_bench(name, *words, "--json")
        self.assertEqual(answer.count("\n"), 1, answer)
        answer = json.loads(answer)
        self.assertEqual(answer["bench"], name)
        for figure in figures:
            self.assertGreater(float(answer[figure]), 0, figure)
        table = self.run_bench(name, *words)
        self.assertIn(heading, table)
        self.assertGreater(len(table.splitlines()), 2, table)
        return answer

    def test_seal(self):
        self.check("seal")

    def test_placement(self):
        answer = self.check("placement")
        self.assertGreater(float(answer["placed_percent"]), 50)
        # All but times and memory is the same in every run of one seed.
        again = json.loads(self.run_bench("placement", *RUNS["placement"][0], "--json"))
        self.assertEqual([answer[key] for key in ("placed_percent", "looked_per_node")], [again[key] for key in ("placed_percent", "looked_per_node")])

    def test_amqp(self):
        answer = self.check("amqp")
        self.assertEqual([row["window"] for row in answer["results"]], ["1", "100"])
        for row in answer["results"]:
            self.assertAlmostEqual(float(row["ratio"]), float(row["dsn_per_second"]) / float(row["bare_per_second"]), delta=0.05)

    def test_client(self):
        answer = self.check("client")
        self.assertEqual((answer["requests"], answer["links"]), ("20", "3"))

    def test_pipeline(self):
        answer = self.check("pipeline")
        self.assertEqual((answer["nodes"], answer["rounds"]), ("6", "2"))
        self.assertLessEqual(float(answer["least_ms"]), float(answer["median_ms"]))

    def test_agent(self):
        answer = self.check("agent")
        self.assertGreaterEqual(int(answer["one_node"]["resident_bytes"]), int(answer["no_node"]["resident_bytes"]))

    def test_fleet(self):
        """Ten machines of six nodes: all are known, orders run, and those that lose a machine are whole again."""
        answer = json.loads(self.run_bench("fleet", "--nodes", "60", "--nodes-per-agent", "6", "--beat-every", "1s", "--status-every", "1s",
                                           "--quiet", "2s", "--patience", "2m", "--plans", "50", "--jobs", "5", "--json"))
        self.assertEqual(answer["bench"], "fleet")
        row, = answer["results"]
        self.assertEqual([row[key] for key in ("nodes", "agents", "mailboxes", "jobs", "lost_nodes", "jobs_not_whole")],
                         ["60", "10", "70", "5", "6", "0"])
        for figure in ("served_s", "known_s", "messages_per_node_s", "bytes_per_node_s", "plans_per_s", "plan_p50_ms", "plan_p99_ms",
                       "orders_per_s", "dsnd_known_s", "dsnd_mib"):
            self.assertGreater(float(row[figure]), 0, figure)
        self.assertLessEqual(float(row["served_s"]), float(row["known_s"]))
        self.assertEqual(float(row["broker_served_s"]), -1, "somebody else's broker is not killed")

    def test_media(self):
        self.check("media")

    def test_wrong_use(self):
        for words, why in ((["nothing"], "dsn-bench NAME"), (["amqp"], "--bus"), (["pipeline", "--rounds", "many"], "--rounds"), (["placement", "--nodes", "1"], "--nodes"), (["placement", "x"], "options only"),
                           (["fleet"], "--broker"), (["fleet", "--bus", "amqp://127.0.0.1/", "--nodes", "few"], "--nodes")):
            done = subprocess.run([os.path.join(BIN, "dsn-bench"), *words], capture_output=True, text=True, timeout=60,
                                  env={k: v for k, v in os.environ.items() if not k.startswith("DSN_")})
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(why, done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "another user than root reaches what is its own")
    def test_agent_that_does_not_start(self):
        """It says why, in the agent's words, and not what it missed."""
        closed = os.path.join(self.folder, "c")
        os.mkdir(closed, 0o700)
        environment = dict({k: v for k, v in os.environ.items() if not k.startswith("DSN_")}, TMPDIR=closed)
        done = subprocess.run([os.path.join(BIN, "dsn-bench"), "agent", "--bus", self.broker.url()], capture_output=True, text=True,
                              timeout=60, env=environment)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(closed, done.stderr)
        self.assertIn("user 70000 (of --unit-uids)", done.stderr)


if __name__ == "__main__":
    unittest.main()
