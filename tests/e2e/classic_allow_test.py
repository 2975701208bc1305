#!/usr/bin/env python3
"""Who may publish at a classic node, where nginx starts a program for each stream: --classic-allow. Real RabbitMQ and nginx."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module  # noqa: E402
import flv_publisher  # noqa: E402
from agent import Agent, Client, Failed, storage_task  # noqa: E402

JOB = "0400000000000000000011"
HERE, NEIGHBOUR = "127.0.0.1", "127.0.0.2"


def setUpModule():
    broker_module.require()


class Words(unittest.TestCase):
    """The agent does not start with a list that says something else than was meant."""

    def test_refusals(self):
        state = tempfile.mkdtemp(prefix="dsn-allow-")
        self.addCleanup(shutil.rmtree, state)
        for word in ("here", "", "300.0.2.1", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/x", "192.0.2.0/-1", "192.0.2.0/024", "/24",
                     "192.0.2.0/255.255.255.0", "::1", "2001:db8::/32", "192.0.2.1;", "192.0.2.1 all", "ALL", "192.0.2.1/8/8", "1" * 200):
            with self.subTest(word):
                done = subprocess.run([os.path.join(broker_module.BIN, "dsn-agent"), "--state-dir", state, f"--classic-allow={word}"],
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn("--classic-allow", done.stderr)
                self.assertFalse(os.path.exists(os.path.join(state, "agent.db")), "before anything is made")


class Publishing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = broker_module.Broker().start()
        cls.addClassCleanup(cls.broker.close)

    def agent(self, *flags):
        self.node = os.urandom(20).hex()
        self.client = Client(self.broker)
        self.addCleanup(self.client.close)
        agent = Agent(self.broker, *flags, nodes=(self.node,)).start()
        self.addCleanup(agent.close)
        return agent

    def admitted(self, *allow):
        """Which of two addresses of this machine may publish."""
        self.agent(*allow)
        ports = self.client.create("storage", self.node, spec={"containers": {}, "mode": "classic"})["ports"]
        self.client.command(self.node, storage_task(JOB, [("_src", 600000, "320x180")]))
        found = set()
        for source in (HERE, NEIGHBOUR):
            connection = flv_publisher.Connection(f"rtmp://127.0.0.1:{ports['rtmp']}/{JOB}/{JOB}_src", source)
            try:
                # nginx-rtmp says that publishing has started before it asks who it is; to the next question it has no answer then.
                connection.command(0, "createStream", 5, None)
                connection.expect(b"_result")
                found.add(source)
            except (flv_publisher.Closed, ConnectionError):
                pass
            connection.close()
        return found

    def test_this_machine_alone(self):
        self.assertEqual(self.admitted(), {HERE})

    def test_one_that_is_not_in_the_list(self):
        self.assertEqual(self.admitted("--classic-allow", "192.0.2.0/24", "--classic-allow", NEIGHBOUR), {NEIGHBOUR})

    def test_a_network(self):
        self.assertEqual(self.admitted("--classic-allow", "127.0.0.0/8"), {HERE, NEIGHBOUR})

    def test_a_network_of_others(self):
        self.assertEqual(self.admitted("--classic-allow", "192.0.2.0/24"), set())

    def test_all(self):
        self.assertEqual(self.admitted("--classic-allow", "all"), {HERE, NEIGHBOUR})

    def test_docker_cannot_ask(self):
        """In a container nobody asks for addresses: Docker would publish the port for all, whatever the list says."""
        agent = self.agent("--runtime", "docker", "--docker-socket", "/nonexistent/docker.sock", "--classic-allow", "192.0.2.0/24")
        with self.assertRaises(Failed) as refused:
            self.client.create("storage", self.node, spec={"containers": {}, "mode": "classic"})
        self.assertEqual(refused.exception.code, "invalid")
        self.assertIn("--classic-allow: a classic node in Docker", refused.exception.message)
        self.assertEqual(os.listdir(os.path.join(agent.state, "nodes")) if os.path.isdir(os.path.join(agent.state, "nodes")) else [], [])


if __name__ == "__main__":
    result = unittest.main(verbosity=2, exit=False).result
    sys.exit(77 if result.testsRun and len(result.skipped) == result.testsRun else 0 if result.wasSuccessful() else 1)
