"""Keys end to end: agents obey their owners only, nothing readable is on the broker, plain messages are refused."""
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

import broker as broker_module
from agent import Agent, NETWORK, wait_for
from amqp_wire import Wire

VCLI = os.path.join(broker_module.BIN, "vcli")
SHHD = os.path.join(broker_module.BIN, "shhd")


class Person:
    """vcli with a home, and so a key, of its own."""

    def __init__(self, test, bus):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="dsn-k-"))
        test.addCleanup(shutil.rmtree, self.home, True)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("DSN_", "XDG_"))}
        self.environment.update(HOME=str(self.home), DSN_BUS=bus, DSN_NETWORK=NETWORK)
        self.state = self.home / ".local" / "state" / "dsn"

    def run(self, *words, **environment):
        return subprocess.run([VCLI, *words, "--json"], env=dict(self.environment, **environment), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=90, start_new_session=True)

    def ask(self, *words, code=0):
        done = self.run(*words)
        if done.returncode != code:
            raise AssertionError(f"vcli {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def address(self):
        return self.ask("key", "show")["id"]


class Sealed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        broker_module.require()
        cls.broker = broker_module.Broker()
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start()

    def setUp(self):
        self.owner, self.stranger = Person(self, self.broker.url()), Person(self, self.broker.url())

    def agent(self, *flags, nodes=1, owner=None):
        """One with keys, of `nodes` node ids: self.ids."""
        agent = Agent(self.broker, "--owner", owner or self.owner.address(), "--status-every", "1s", *flags)
        self.addCleanup(agent.close)
        self.ids = [self.owner.ask("key", "new", os.path.join(agent.state, "keys"))["id"] for _ in range(nodes)]
        for node in self.ids:
            agent.argv += ["--node", node]
        return agent.start()

    def answered(self, *words):
        """The owner's answer, as soon as the agent has come up."""
        def ask():
            done = self.owner.run(*words)
            return json.loads(done.stdout) if done.returncode == 0 else None

        return wait_for(ask, 30, " ".join(words))

    def test_owner_and_stranger(self):
        self.agent()
        node = self.ids[0]
        self.answered("node", "create", "storage", node)
        refused = self.stranger.ask("node", "status", node, code=4)
        self.assertIn("obeys its owners only", refused["error"]["message"])
        self.assertIn(self.stranger.address(), refused["error"]["message"])
        self.assertEqual(self.stranger.ask("node", "purge", node, code=4)["state"], "failed")
        self.assertEqual(self.owner.ask("node", "status", node)["state"], "running")

    def test_several_owners(self):
        self.agent("--owner", self.stranger.address().upper())
        self.answered("node", "create", "storage", self.ids[0])
        self.assertEqual(self.stranger.ask("node", "status", self.ids[0])["state"], "running")

    def test_manager(self):
        manager = self.stranger
        self.agent("--manager", manager.address())
        node = self.ids[0]
        self.answered("node", "create", "storage", node)
        self.assertEqual(manager.ask("node", "status", node)["state"], "running")
        for words in (("node", "create", "storage", node), ("node", "purge", node), ("node", "maintenance", "on", node)):
            refused = manager.ask(*words, code=4)
            self.assertIn("is a manager here", refused["error"]["message"])
        row = self.owner.ask("node", "status", node)
        self.assertEqual((row["state"], row["maintenance"]), ("running", "off"))

    def test_plain_is_refused(self):
        agent = self.agent()
        node = self.ids[0]
        self.answered("node", "create", "storage", node)
        self.owner.ask("node", "status", node, "--send-plain", "--timeout", "2s", code=6)
        self.assertIn("only sealed messages", agent.text())

    def test_broker_reads_nothing(self):
        agent = self.agent()
        wire = Wire(self.broker.port)
        self.addCleanup(wire.close)
        node = self.ids[0]
        wait_for(lambda: "bus.up" in agent.text(), 20, "agent's bus")
        wire.copy(f"dsn.{NETWORK}", [node])
        self.answered("node", "create", "storage", node)
        bodies = []
        while True:
            copy = wire.take(1)
            if copy is None:
                break
            bodies.append(copy[2])
        sealed = [b for b in bodies if b[:1] == b"\x04"]
        self.assertTrue(sealed)
        self.assertTrue(all(b[0] in (5, 6, 7) for b in bodies if b not in sealed), "the rest is signed hellos")
        self.assertFalse(any(b"storage" in b or b"apiVersion" in b for b in bodies))

    def test_restart_keeps_keys(self):
        agent = self.agent()
        self.answered("node", "create", "storage", self.ids[0])
        before = agent.id()
        agent.kill()
        agent.start()
        # It answers before it has found again what runs.
        wait_for(lambda: self.answered("node", "status", self.ids[0])["state"] == "running", 20, "the node runs")
        self.assertEqual(agent.id(), before)

    def test_detached(self):
        """A command for an agent that is away waits, and is sealed when it comes; nobody's result is lost on the way."""
        agent = self.agent()
        node = self.ids[0]
        self.answered("node", "create", "storage", node)
        agent.kill()
        self.owner.ask("node", "maintenance", "on", node, "--detach")
        agent.start()
        wait_for(lambda: self.answered("node", "status", node)["maintenance"] == "on", 30, "maintenance")
        self.assertIn("command.applied", agent.text())

    def test_node_without_key(self):
        agent = self.agent()
        node = "ab" * 20
        wait_for(lambda: "bus.up" in agent.text(), 20, "agent's bus")
        refused = self.owner.ask("node", "create", "storage", node, "--agent", agent.id(), code=3)
        self.assertIn("vcli key new", refused["error"]["message"])
        added = self.owner.ask("key", "new", os.path.join(agent.state, "keys"))["id"]
        made = self.owner.ask("node", "create", "storage", added, "--agent", agent.id())
        self.assertEqual(made["state"], "running")
        self.assertEqual(self.answered("node", "status", added)["state"], "running")

    def test_start_refusals(self):
        for flags, word in ((["--owner", "12"], "no address"), ([], "--owner is missing"),
                            (["--owner", "12" * 20, "--node", "ab" * 20], "vcli key new")):
            where = tempfile.mkdtemp(prefix="dsn-a-")
            self.addCleanup(shutil.rmtree, where, True)
            os.chmod(where, 0o755)
            done = subprocess.run([os.path.join(broker_module.BIN, "dsn-agent"), "--bus", self.broker.url(), "--state-dir", where,
                                   *flags], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(word, done.stderr)

    def test_key_files(self):
        path = self.owner.home / "mine"
        address = self.owner.address()
        own = self.owner.state / "identity.key"
        self.assertEqual(stat.S_IMODE(own.stat().st_mode), 0o600)
        shutil.copy2(own, path)
        self.assertEqual(self.stranger.ask("key", "show", "--identity", str(path))["id"], address)
        path.chmod(0o644)
        self.assertIn(str(path), self.stranger.run("key", "show", "--identity", str(path)).stderr)
        path.chmod(0o600)
        path.write_text("not a key")
        done = self.stranger.run("key", "show", "--identity", str(path))
        self.assertEqual(done.returncode, 2)
        self.assertIn("64 hexadecimal digits", done.stderr)
        self.assertNotIn("not a key", done.stderr)
        path.write_text("{}")
        self.assertIn("keystore: version: is missing", self.stranger.run("key", "show", "--identity", str(path)).stderr)

    def test_forged_status(self):
        """vcli takes a status only from whom has signed it."""
        self.agent()
        node = self.ids[0]
        self.answered("node", "create", "storage", node)
        self.assertIn(node, json.dumps(self.owner.ask("node", "list", "--timeout", "3s")))
        peer = broker_module.Peer(self.broker.url())
        self.addCleanup(peer.quit)
        peer.wait("state", "up")
        listing = subprocess.Popen([VCLI, "node", "list", "--timeout", "4s", "--json"], env=self.owner.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6):
            peer.order("status", "cd" * 20, json.dumps({"node_id": "cd" * 20, "state": "running"}, separators=(",", ":")))
            peer.wait("sent", timeout=10)
            try:
                listing.wait(0.5)
            except subprocess.TimeoutExpired:
                pass
        out = listing.communicate(timeout=30)[0]
        self.assertNotIn("cd" * 20, out)
        self.assertIn(node, out)


if __name__ == "__main__":
    unittest.main()
