"""dsnd against callers that ask for much and strangers that report much: its memory and its list of nodes stay bounded."""
import json
import socket

import broker
import network
from dsnd_test import Dsnd
from network import wait_for

ORDERS, ASKED = 100, 40
WHY = "w" * 30000
ANSWERS_MIB = 64  # as in src/manager/front.c


class Limits(network.TestCase):
    def setUp(self):
        self.net = self.network(start=False, transcoders=0)
        self.dsnd = Dsnd(self.net).start()

    def write_orders(self):
        self.assertEqual(self.dsnd.end(), 0)
        document = json.dumps({"pipeline": {"nodes": []}})
        self.dsnd.database.write(
            "insert into jobs_order(number,job,owner,state,why,document,tasks,created_ms,changed_ms) values(?,?,?,?,?,?,?,0,0)",
            [(n, f"02{n:020}", f"{1:040x}", "cancelled", WHY, document, "{}") for n in range(1, ORDERS + 1)])
        self.dsnd.start()

    def ask(self):
        """Sends a call, and reads nothing of its answer."""
        body = b'{"jsonrpc":"2.0","id":1,"method":"orders.list"}'
        token = self.dsnd.tokens["alice"].read_text().strip()
        s = socket.socket()
        self.addCleanup(s.close)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(60)
        s.connect(("127.0.0.1", self.dsnd.port))
        s.sendall((f"POST /rpc HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
        return s

    def test_answers_that_nobody_reads(self):
        self.write_orders()
        one = ORDERS * len(WHY) / (1 << 20)
        self.assertGreater(one * ASKED, 1.5 * ANSWERS_MIB)
        self.assertGreater(len(str(self.dsnd.call("orders.list"))), ORDERS * len(WHY))
        waiting = [self.ask() for _ in range(ASKED)]
        statuses = [s.recv(12).decode()[9:] for s in waiting]
        self.assertEqual(set(statuses), {"200", "503"})
        self.assertLessEqual(statuses.count("200") * one, ANSWERS_MIB)
        for s in waiting:
            s.close()
        wait_for("room again", lambda: self.dsnd.get(
            "/rpc", b'{"jsonrpc":"2.0","id":1,"method":"orders.list"}', "alice")[0] == 200, 30)

    def test_one_key_is_one_node(self):
        wait_for("the bus", lambda: self.dsnd.get("/readyz")[0] == 200, 20)
        with broker.Peer(self.net.bus, "--sealed", "--network", self.net.name) as peer:
            peer.wait("state", "up")
            peer.order("key", "stranger")
            id = peer.wait("key", "stranger")[2]
            loud = id.upper()
            self.assertNotEqual(id, loud)

            def say(sender):
                peer.order("status", sender, json.dumps(
                    {"node_id": sender, "agent_id": "a" * 40, "role": "storage", "state": "running", "ip": "192.0.2.1",
                     "maintenance": "off", "ports": {"rtmp": "1935", "http": "8080"}, "job_count": "0"}, separators=(",", ":")))
                peer.wait("sent", timeout=10)

            say(loud)
            say(id)
            known = wait_for("the node", lambda: self.dsnd.call("nodes.list")["nodes"], 20)
            self.assertEqual([n["node_id"] for n in known], [id])


if __name__ == "__main__":
    network.main()
