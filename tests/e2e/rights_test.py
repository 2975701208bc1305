"""An agent whose broker user has few rights: what the broker refuses is told with the mend, and leaves nothing half-made."""
import os
import pathlib
import unittest

import broker as broker_module
from agent import Agent, NETWORK, wait_for
from sealed_test import Person


class OfUser:
    """The broker, as Agent wants it, for one of its users."""

    def __init__(self, broker, user):
        self.broker, self.user = broker, user

    def url(self):
        return f"amqp://{self.user}@127.0.0.1:{self.broker.port}/"


class Rights(unittest.TestCase):
    def setUp(self):
        broker_module.require()
        self.broker = broker_module.Broker(management=True)
        self.addCleanup(self.broker.close)
        self.broker.start_if_down()
        self.owner = Person(self, self.broker.url())
        self.passwords = self.owner.home / "passwords"

    def setup_broker(self, *ids):
        self.owner.ask("broker", "setup", "--management", f"http://127.0.0.1:{self.broker.management_port}", "--node", ",".join(ids),
                       "--client", "ops", "--passwords", str(self.passwords))

    def test_a_mailbox_that_the_broker_refuses(self):
        keys = self.owner.home / "keys"
        own = self.owner.ask("key", "new", str(keys))["id"]
        self.setup_broker(own)
        user = f"dsn.{NETWORK}.{own}"
        agent = Agent(OfUser(self.broker, user), "--owner", self.owner.address(), "--password-file", str(self.passwords / user))
        self.addCleanup(agent.close)
        state = pathlib.Path(agent.state)
        (state / "keys").mkdir(parents=True)
        next(keys.iterdir()).rename(state / "agent.key")
        node = self.owner.ask("key", "new", str(state / "keys"))["id"]
        self.owner.environment.update(DSN_BUS=OfUser(self.broker, f"dsn.{NETWORK}.ops").url(),
                                      DSN_PASSWORD_FILE=str(self.passwords / f"dsn.{NETWORK}.ops"))
        agent.start()
        wait_for(lambda: self.owner.run("node", "hardware", own, "--timeout", "10s").returncode == 0, 60, "the agent")

        refused = self.owner.ask("node", "create", "storage", node, "--agent", own, "--timeout", "20s", code=4)["error"]
        self.assertIn("the broker refuses its mailbox", refused["message"])
        self.assertIn(f"vcli broker setup --node {own},{node}", refused["message"])
        wait_for(lambda: not list((state / "nodes").glob("*")), 10, "nothing left of the node")
        self.assertEqual(agent.units(), {})

        self.setup_broker(own, node)
        self.owner.environment.update(DSN_BUS=OfUser(self.broker, f"dsn.{NETWORK}.ops").url())
        self.owner.ask("node", "create", "storage", node, "--agent", own, "--timeout", "20s")
        self.assertEqual(self.owner.ask("node", "status", node)["node_id"], node)


if __name__ == "__main__":
    unittest.main()
