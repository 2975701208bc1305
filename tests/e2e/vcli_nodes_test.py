"""vcli node list, and how nodes are named: against a real broker, real agents and nginx."""
import contextlib
import os
import sqlite3
import subprocess
import time
import unittest

import broker as broker_module
from agent import Agent, wait_for
from vcli_test import DISTRIBUTOR, STORAGE, TRANSCODER, VCLI, Case

SLOW = 1.5  # what a sanitizer build on a busy machine may take for what a release build does in 0.3 s


class Nodes(Case):
    @classmethod
    def setUpClass(cls):
        broker_module.require()
        cls.broker = broker_module.Broker()
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start_if_down()
        cls.bus = cls.broker.url()

    def agent(self, *flags, nodes=()):
        agent = Agent(self.broker, "--status-every", "1s", *flags, nodes=nodes)
        self.addCleanup(agent.close)
        agent.start()
        wait_for(lambda: self.answers(agent), 30, "the agent answers")
        return agent

    def answers(self, agent):
        done = subprocess.run([VCLI, "node", "list", "--agent", agent.id(), "--timeout", "2s"], env=self.environment,
                              capture_output=True, text=True, timeout=30)
        return done.returncode == 0

    def rows(self, *words, code=0):
        return {n["node_id"]: n for n in self.json("node", "list", *words, code=code)["nodes"]}

    def test_a_dead_node_stays_in_the_list_with_its_last_sign_of_life(self):
        lasting, mortal = self.agent(nodes=(STORAGE,)), self.agent(nodes=(TRANSCODER,))
        self.json("node", "create", "storage", STORAGE)
        self.json("node", "create", "transcoder", TRANSCODER)
        self.assertEqual({n["state"] for n in self.rows().values()}, {"running"})
        mortal.kill()
        self.assertEqual(self.rows()[TRANSCODER]["state"], "running", "reports come every 5 s: a short silence says nothing")
        self.age(7300)
        began = time.monotonic()
        rows = self.rows()
        self.assertLess(time.monotonic() - began, SLOW)
        self.assertEqual(rows[STORAGE]["state"], "running")
        self.assertEqual((rows[TRANSCODER]["state"], rows[TRANSCODER]["last_state"]), ("dead", "running"))
        self.assertRegex(rows[TRANSCODER]["seen"], "2 h ago")
        self.assertRegex(rows[TRANSCODER]["seen_time"], r"^\d{4}-")
        self.assertRegex(self.vcli("node", "list").stdout, rf"{TRANSCODER} +transcoder +dead +2 h ago")

        lasting.kill()
        self.age(100)
        answer = self.json("node", "list", code=6)
        self.assertEqual(answer["error"]["code"], "timeout")
        self.assertEqual({n["state"] for n in answer["nodes"]}, {"dead"})
        self.assertEqual(self.json("node", "forget", TRANSCODER)["state"], "forgotten")
        self.assertEqual(set(self.rows(code=6)), {STORAGE})

    def age(self, seconds):
        """As if so much time had gone by since each node was heard."""
        with contextlib.closing(sqlite3.connect(self.state() / "known.db")) as db, db:
            db.execute("update known_node set seen_ms = ?", (int((time.time() - seconds) * 1000),))

    def test_a_network_without_nodes_is_a_failure_that_says_what_to_look_at(self):
        done = self.vcli("node", "list", "--timeout", "1s", code=5)
        self.assertEqual(done.stdout, "")
        self.assertIn("is an agent running", done.stderr)
        self.assertIn("node create", done.stderr)

    def test_nodes_that_others_made_are_found(self):
        agent = self.agent(nodes=(STORAGE, TRANSCODER))
        self.json("node", "create", "storage", STORAGE)
        other = dict(self.environment, XDG_STATE_HOME=str(self.home / "other"))
        self.json("node", "create", "transcoder", TRANSCODER, environment=other)
        self.assertEqual(set(self.rows()), {STORAGE, TRANSCODER}, "the agent of a node that is known tells of its others")
        self.assertEqual(self.rows()[STORAGE]["agent_id"], agent.id())
        third = dict(self.environment, XDG_STATE_HOME=str(self.home / "third"))
        heard = self.json("node", "list", environment=third)["nodes"]
        self.assertEqual({n["node_id"] for n in heard}, {STORAGE, TRANSCODER}, "a first look listens")
        self.json("node", "purge", TRANSCODER, environment=other)
        self.assertEqual(set(self.rows()), {STORAGE}, "what was removed elsewhere is not dead but gone")

    def test_names_of_nodes_and_agents(self):
        agent = self.agent("--name", "cellar", nodes=(STORAGE, TRANSCODER, DISTRIBUTOR))
        self.json("node", "create", "storage", STORAGE, "--name", "shelf")
        self.json("node", "create", "transcoder", TRANSCODER)
        self.assertEqual(self.json("node", "status", "shelf")["node_id"], STORAGE)
        self.assertEqual(self.json("node", "rename", TRANSCODER[:4], "mill")["name"], "mill")
        status = self.json("node", "status", "mill")
        self.assertEqual((status["node_id"], status["name"], status["agent_name"]), (TRANSCODER, "mill", "cellar"))
        self.assertRegex(self.vcli("node", "list").stdout, rf"{STORAGE} +shelf +storage +running +now +cellar ")
        self.assertEqual(self.json("node", "maintenance", "mill", "on")["node_id"], TRANSCODER)
        self.assertEqual(len(self.json("node", "list", "--agent", "cellar")["nodes"]), 2)

        agent.kill()  # names outlive it
        agent.start()
        wait_for(lambda: self.answers(agent), 30, "the agent answers")
        self.assertEqual(self.json("node", "status", "shelf")["maintenance"], "off")
        self.assertEqual(self.json("node", "create", "distributor", DISTRIBUTOR, "--name", "mill", code=4)["error"]["code"], "exists")
        for name in ("cafe", "two words", "-x", "x" * 33, "9lives"):
            self.assertIn("is no name", self.vcli("node", "rename", "shelf", "--", name, code=2).stderr)
        self.assertIn('did you mean "shelf"', self.vcli("node", "status", "shlef", code=2).stderr)

        self.assertEqual(set(self.vcli("completion", "ids").stdout.split()), {STORAGE, "shelf", TRANSCODER, "mill"})
        self.assertEqual(set(self.vcli("completion", "agents").stdout.split()), {agent.id(), "cellar"})
        self.assertEqual(self.completed("vcli node status sh"), {"shelf"})
        self.assertEqual(self.completed(f"vcli node purge {STORAGE[:3]}"), {STORAGE})
        self.assertEqual(self.completed("vcli node list --agent ce"), {"cellar"})

        # Whoever reports can call itself so: a name that two have names none of them.
        with contextlib.closing(sqlite3.connect(self.state() / "known.db")) as db, db:
            db.execute("insert into known_node select bus, network, ?, seen_ms, row from known_node where id = ?",
                       (DISTRIBUTOR, STORAGE))
        done = self.vcli("node", "status", "shelf", code=2)
        self.assertIn(STORAGE, done.stderr)
        self.assertIn("is the name of several", done.stderr)

    def completed(self, line):
        script = (f"source <(vcli completion bash); COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; _vcli; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        environment = dict(self.environment, PATH=os.path.dirname(VCLI) + ":" + os.environ["PATH"])
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60)
        return set(done.stdout.split())

    def test_without_the_broker_what_is_known_is_told_as_such(self):  # the last, since it takes the broker away
        self.agent(nodes=(STORAGE,))
        self.json("node", "create", "storage", STORAGE)
        self.broker.kill()
        began = time.monotonic()
        answer = self.json("node", "list", code=5)
        self.assertLess(time.monotonic() - began, SLOW)
        self.assertEqual({n["state"] for n in answer["nodes"]}, {"unknown"})

    def test_the_beginning_of_an_id_is_enough_where_it_is_unique(self):
        one, two = "ab" * 20, "abcd" + "00" * 18
        agent = self.agent(nodes=(one, two, DISTRIBUTOR))
        for role, node in (("storage", one), ("transcoder", two), ("distributor", DISTRIBUTOR)):
            self.json("node", "create", role, node)
        self.assertEqual(self.json("node", "status", "d1")["node_id"], DISTRIBUTOR)
        self.assertEqual(self.json("node", "status", "ABCD")["node_id"], two)
        self.assertEqual(self.json("node", "maintenance", "d1", "on")["node_id"], DISTRIBUTOR)
        self.assertEqual(self.json("pipeline", "list", "abab")["jobs"], [])
        self.assertEqual(len(self.json("node", "list", "--agent", agent.id()[:6])["nodes"]), 3)
        self.assertIn("cpu", self.json("node", "free_hardware", agent.id()[:12]))
        done = self.vcli("node", "status", "ab", code=2)
        self.assertIn(one, done.stderr)
        self.assertIn(two, done.stderr)
        self.assertNotIn(DISTRIBUTOR, done.stderr)
        self.assertIn("node list", self.vcli("node", "status", "77", code=2).stderr)


if __name__ == "__main__":
    unittest.main()
