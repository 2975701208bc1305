"""A long life, compressed: as many messages as a day brings in minutes, short-lived ones so that the pools turn over many
times, with silences longer than either side's time-outs between; no connection is lost, nothing grows.

DSN_SOAK_S: seconds to go on, 180 when not set.
"""
import os
import threading
import time

import node
from node import TOPIC, figure, until_received

SECONDS = float(os.environ.get("DSN_SOAK_S") or 180)
TTL = 6
BURST_S = 20
# Longer than a frame may be awaited (30 s): only pings keep the connection then.
SILENCE_S = 35
GROWTH_KIB = 1024


def setUpModule():
    node.require()


class Stream(threading.Thread):
    """Posts at one node, counts at another; as fast as the first one mines, until told to stop."""

    def __init__(self, sender, receiver):
        super().__init__(daemon=True)
        self.sender, self.receiver = sender, receiver
        key = "0x" + os.urandom(32).hex()
        self.id, self.filter = sender.symmetric(key), receiver.filter(symKeyID=receiver.symmetric(key), topics=[TOPIC])
        self.sent, self.received, self.twice = set(), set(), 0
        self.stopping, self.error = threading.Event(), None

    def run(self):
        try:
            while not self.stopping.is_set():
                payload = "0x" + os.urandom(200).hex()
                self.sent.add(self.sender.post(symKeyID=self.id, payload=payload, ttl=TTL, powTarget=0.3))
                self.collect()
                time.sleep(0.005)
        except Exception as e:
            self.error = e

    def collect(self):
        for m in self.receiver.messages(self.filter):
            self.twice += m["hash"] in self.received
            self.received.add(m["hash"])

    def finish(self):
        self.stopping.set()
        self.join()
        if self.error:
            raise self.error
        node.wait_for("all that was sent", lambda: (self.collect(), self.sent <= self.received)[1], 20,
                      why=lambda: f"{self.sender.name} to {self.receiver.name}: {len(self.sent - self.received)} missing")


class Soak(node.TestCase):
    def links(self, nodes):
        return {(n.name, key): (p["network"]["localAddress"], p["network"]["remoteAddress"])
                for n in nodes for key, p in n.peers().items()}

    def burst(self, nodes):
        a, middle, b = nodes
        streams = [Stream(*way) for way in ((a, b), (b, a), (middle, a), (b, middle))]
        for s in streams:
            s.start()
        time.sleep(BURST_S)
        for s in streams:
            s.finish()
        for s in streams:
            s.receiver.rpc("shh_deleteMessageFilter", s.filter)
            s.sender.rpc("shh_deleteSymKey", s.id)
            self.assertEqual(s.twice, 0)
        return sum(len(s.sent) for s in streams)

    def emptied(self, nodes):
        """Nothing of the burst is left in a pool."""
        for n in nodes:
            node.wait_for(f"{n.name}'s pool is empty", lambda: n.rpc("shh_info")["memory"] == 0, 60, 0.2)

    def test_geth_ours_geth_ours(self):
        """The line has each kind at an end and in the middle."""
        a, middle, b, end = self.geth(), self.shhd(), self.geth(), self.shhd()
        for one, other in ((a, middle), (middle, b), (b, end)):
            one.dial(other)
            node.until_connected(one, other)
        nodes, ours = (a, middle, b, end), [n for n in (middle, end) if n.kind == "shhd"]
        links = self.links(nodes)
        self.assertEqual(len(links), 6)
        stop = time.monotonic() + SECONDS
        memory, messages, rounds, began = [], 0, 0, time.monotonic()
        while rounds < 2 or time.monotonic() < stop:
            messages += self.burst((a, middle, end))
            self.emptied(nodes)
            memory.append([n.memory_kib() for n in nodes])
            self.assertEqual(self.links(nodes), links)
            time.sleep(SILENCE_S)
            self.assertEqual(self.links(nodes), links)
            rounds += 1
        figure(f"{messages} messages in {time.monotonic() - began:.0f} s, {rounds} rounds, the same connections; resident KiB "
               f"after each round: " + "; ".join(f"{n.name} {[m[i] for m in memory]}" for i, n in enumerate(nodes)))
        for i, n in enumerate(nodes):
            if n in ours:
                self.assertLess(memory[-1][i] - memory[0][i], GROWTH_KIB, f"{n.name} grows: {memory}")


if __name__ == "__main__":
    node.main()
