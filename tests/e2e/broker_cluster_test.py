#!/usr/bin/env python3
"""The three nodes of docs/broker.md, configured with the very lines that stand there: a mailbox outlives the loss of one of
them, with what waits in it, and participants that are led to another node go on by themselves."""
import json
import os
import pathlib
import re
import select
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module  # noqa: E402
from broker import Broker, Peer, free_ports, require  # noqa: E402

NODE, CLIENT = "a1" * 20, "c3" * 20
TTL = 60000


def setUpModule():
    require()


def documented():
    """The configuration of section "Three nodes"."""
    text = (pathlib.Path(broker_module.SOURCE) / "docs" / "broker.md").read_text()
    section = text.split("\n## Three nodes\n")[1].split("\n## ")[0]
    return re.findall(r"^    ([a-z_.0-9]+ *= *\S+)$", section, re.M)


class Balancer:
    """One port that leads to the first broker that answers, as a TCP balancer would."""

    def __init__(self, ports):
        self.ports, self.taken = ports, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.taken += 1
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client):
        for port in self.ports:
            try:
                server = socket.create_connection(("127.0.0.1", port), 2)
                break
            except OSError:
                continue
        else:
            client.close()
            return
        server.settimeout(None)
        with client, server:
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    try:
                        data = ready.recv(65536)
                        if not data:
                            return
                        (server if ready is client else client).sendall(data)
                    except OSError:
                        return

    def close(self):
        self.listener.close()


class Cluster(unittest.TestCase):
    def setUp(self):
        base = free_ports(15)
        lines = documented()
        self.assertGreaterEqual(len(lines), 6, lines)
        names = [f"dsn-{base + 5 * i}@localhost" for i in range(3)]
        conf = "\n".join(lines)
        for i, name in enumerate(names):
            self.assertIn(f"rabbit@broker{i + 1}", conf)
            conf = conf.replace(f"rabbit@broker{i + 1}", name)
        self.brokers = []
        for i in range(3):
            broker = Broker(conf=conf + "\n")
            broker.port = base + 5 * i
            broker.environment["BROKER_WAIT"] = "120"
            if i:
                broker.environment["BROKER_EPMD_PORT"] = str(base + 4)
            home = pathlib.Path(broker.folder) / "home"
            home.mkdir()
            (home / ".erlang.cookie").write_text("ONEFORTHETHREEOFTHEM")
            (home / ".erlang.cookie").chmod(0o400)
            self.brokers.append(broker)
            self.addCleanup(broker.close)  # the first, whose epmd it is, last
            broker.start()
        self.balancer = Balancer([b.port for b in self.brokers])
        self.addCleanup(self.balancer.close)

    def peer(self):
        p = Peer(f"amqp://127.0.0.1:{self.balancer.port}/", "--network", "three")
        self.addCleanup(p.__exit__)
        p.wait("state", "up", timeout=30)
        return p

    def send(self, client, n):
        client.order("send", CLIENT, NODE, TTL, json.dumps({"n": str(n)}, separators=(",", ":")))
        return client.wait("sent", timeout=30)

    def test_loss_of_a_node(self):
        status = json.loads(self.brokers[0].ctl("cluster_status", "--formatter", "json"))
        self.assertEqual(len(status["running_nodes"]), 3, status["running_nodes"])
        node, client = self.peer(), self.peer()
        node.order("serve", NODE, "durable")
        node.wait("served", NODE)
        self.assertEqual(self.send(client, 1)[2], "ok")
        self.assertEqual(node.wait("message")[5], '{"n":"1"}')
        rows = self.brokers[0].ctl("list_queues", "--no-table-headers", "name", "type", "members").splitlines()
        mailbox = next(row for row in rows if row.startswith(f"dsn.three.{NODE}\t"))
        self.assertIn("quorum", mailbox)
        self.assertEqual(mailbox.count("@localhost"), 3, mailbox)
        # What waits in the mailbox when the node it was sent through is gone:
        self.assertEqual(node.quit(), 0)
        self.assertEqual(self.send(client, 2)[2], "ok")
        time.sleep(1.5)  # see docs/broker.md, Trouble
        began = time.monotonic()
        self.brokers[0].kill()
        client.wait("state", "down", timeout=30)
        client.wait("state", "up", timeout=60)
        back = self.peer()
        back.order("serve", NODE, "durable")
        back.wait("served", NODE, timeout=60)
        self.assertEqual(back.wait("message", timeout=30)[5], '{"n":"2"}')
        print(f"figure: one of three brokers killed: its mailbox served, with what waited, {time.monotonic() - began:.1f} s later")
        self.assertEqual(self.send(client, 3)[2], "ok")
        self.assertEqual(back.wait("message", timeout=30)[5], '{"n":"3"}')
        # The smaller part of a split cluster does not serve.
        self.brokers[1].kill()
        back.wait("state", "down", timeout=60)
        with self.assertRaises(AssertionError):
            back.wait("state", "up", timeout=5)


if __name__ == "__main__":
    unittest.main()
