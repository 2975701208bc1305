"""What a node asks of its peers, changed while they are connected: work, bloom filter, light; and direct messages. Neither
side parts from the other, and neither is sent what it does not want."""
import os
import time

import node
from node import TOPIC, until_changed, until_received, wait_for

OTHER_TOPIC = "0x00000042"
# geth takes what it wanted before for so long after it has changed its mind; a message it must not get would end the
# connection only after that.
TOLERANCE_S = 10


def setUpModule():
    node.require()


def bloom(topic):
    """Of one topic (EIP-627): three bits of 512."""
    t = bytes.fromhex(topic[2:])
    whole = bytearray(64)
    for j in range(3):
        i = t[j] + (256 if t[3] & 1 << j else 0)
        whole[i // 8] |= 1 << i % 8
    return "0x" + whole.hex()


EVERYTHING = "0x" + "ff" * 64


class Policy(node.TestCase):
    def ways(self):
        g, s = self.pair()
        return (g, s), (s, g)

    def link(self, a, b):
        """What changes when a connection is lost and made again."""
        network = a.peers()[b.key]["network"]
        return network["localAddress"], network["remoteAddress"]

    def weak_post(self, sender, key, own):
        """A message whose work is surely below 2: luck may make it better."""
        while True:
            hash = sender.post(symKeyID=sender.symmetric(key), payload="0x00", powTarget=0.4, ttl=100)
            (got,) = until_received(sender, own)
            if got["pow"] < 2:
                return hash

    def received(self, receiver, f, wanted, unwanted):
        """`wanted` comes, and nothing of `unwanted` by then."""
        got = set()
        while wanted not in got:
            got |= {m["hash"] for m in until_received(receiver, f)}
        self.assertEqual(got & unwanted, set())

    def test_more_work_and_less_again(self):
        for sender, receiver in self.ways():
            with self.subTest(sender=sender.name):
                link = self.link(sender, receiver)
                key = "0x" + os.urandom(32).hex()
                f = receiver.filter(symKeyID=receiver.symmetric(key), topics=[TOPIC])
                own = sender.filter(symKeyID=sender.symmetric(key), topics=[TOPIC])
                receiver.rpc("shh_setMinPoW", 4.0)
                until_changed(receiver, sender, 4.0)
                until_strong = time.monotonic() + TOLERANCE_S + 2
                weak = set()
                while True:
                    weak.add(self.weak_post(sender, key, own))
                    strong = sender.post(symKeyID=sender.symmetric(key), payload="0x01", powTarget=5.0)
                    until_received(sender, own)
                    self.received(receiver, f, strong, weak)
                    if time.monotonic() > until_strong:
                        break
                    time.sleep(1)
                # Asked for less again, it gets what it did not want before.
                receiver.rpc("shh_setMinPoW", 0.2)
                missing = set(weak)
                while missing:
                    missing -= {m["hash"] for m in until_received(receiver, f)}
                self.assertEqual(self.link(sender, receiver), link)

    def test_one_topic_and_all_again(self):
        for sender, receiver in self.ways():
            with self.subTest(sender=sender.name):
                link = self.link(sender, receiver)
                key = "0x" + os.urandom(32).hex()
                f = receiver.filter(symKeyID=receiver.symmetric(key), topics=[TOPIC, OTHER_TOPIC])
                receiver.rpc("shh_setBloomFilter", bloom(TOPIC))
                until_changed(receiver, sender)
                post = {"symKeyID": sender.symmetric(key), "payload": "0x00", "ttl": 100}
                until_strict = time.monotonic() + TOLERANCE_S + 2
                other = set()
                while True:
                    other.add(sender.post(topic=OTHER_TOPIC, **post))
                    wanted = sender.post(topic=TOPIC, **post)
                    self.assertEqual([m["hash"] for m in until_received(receiver, f)], [wanted])
                    if time.monotonic() > until_strict:
                        break
                    time.sleep(1)
                receiver.rpc("shh_setBloomFilter", EVERYTHING)
                self.assertEqual({m["hash"] for m in until_received(receiver, f, len(other))}, other)
                self.assertEqual(self.link(sender, receiver), link)

    def test_asked_for_before_they_met(self):
        """The same out of the status that each begins with."""
        for kinds in ((self.geth, self.shhd), (self.shhd, self.geth)):
            receiver, sender = kinds[0](min_pow=4.0), kinds[1]()
            with self.subTest(sender=sender.name):
                key = "0x" + os.urandom(32).hex()
                # First, since a filter's topic is added to a bloom filter that was set before.
                f = receiver.filter(symKeyID=receiver.symmetric(key), topics=[TOPIC, OTHER_TOPIC])
                receiver.rpc("shh_setBloomFilter", bloom(TOPIC))
                own = sender.filter(symKeyID=sender.symmetric(key), topics=[TOPIC])
                sender.dial(receiver)
                node.until_connected(sender, receiver)
                weak = self.weak_post(sender, key, own)
                post = {"symKeyID": sender.symmetric(key), "payload": "0x01", "powTarget": 5.0}
                other = sender.post(topic=OTHER_TOPIC, **post)
                wanted = sender.post(topic=TOPIC, **post)
                self.received(receiver, f, wanted, {weak, other})

    def test_direct_messages(self):
        for sender, receiver in self.ways():
            with self.subTest(sender=sender.name):
                pair = receiver.rpc("shh_newKeyPair")
                public = receiver.rpc("shh_getPublicKey", pair)
                direct = receiver.filter(privateKeyID=pair, topics=[TOPIC], allowP2P=True)
                usual = receiver.filter(privateKeyID=pair, topics=[TOPIC])
                post = {"pubKey": public, "targetPeer": receiver.enode, "powTarget": 0, "powTime": 0}
                # From a stranger it counts for nothing, and is no offence.
                sender.post(payload="0x01", **post)
                until_changed(sender, receiver)
                self.assertEqual(receiver.messages(direct), [])
                receiver.rpc("shh_markTrustedPeer", sender.enode)
                hash = sender.post(payload="0x02", **post)
                (got,) = until_received(receiver, direct)
                self.assertEqual((got["hash"], got["payload"]), (hash, "0x02"))
                # Only who allows it gets it; and what goes the usual way still comes.
                sender.post(payload="0x03", pubKey=public)
                self.assertEqual([m["payload"] for m in until_received(receiver, usual)], ["0x03"])
                self.assertTrue(node.connected(sender, receiver))

    def test_direct_messages_go_no_further(self):
        first, middle, last = self.shhd(), self.geth(), self.shhd()
        for n in (first, last):
            n.dial(middle)
            node.until_connected(n, middle)
        key = "0x" + os.urandom(32).hex()
        filters = [(n, n.filter(symKeyID=n.symmetric(key), topics=[TOPIC], allowP2P=True)) for n in (middle, last)]
        middle.rpc("shh_markTrustedPeer", first.enode)
        post = {"symKeyID": first.symmetric(key)}
        first.post(payload="0x01", targetPeer=middle.enode, **post)
        self.assertEqual([m["payload"] for m in until_received(*filters[0])], ["0x01"])
        first.post(payload="0x02", **post)
        self.assertEqual([m["payload"] for m in until_received(*filters[1])], ["0x02"])

    def test_light_clients(self):
        """A light client meets a full node; two light ones do not meet."""
        g, s = self.geth(), self.shhd()
        s.rpc("shh_makeLightClient")
        s.dial(g)
        node.until_connected(g, s)
        s.rpc("admin_removePeer", g.enode)
        wait_for("they part", lambda: not g.peers())
        g.rpc("shh_makeLightClient")
        s.dial(g)
        # geth takes it for a peer for as long as it takes to read its status.
        stop = time.monotonic() + 5
        while time.monotonic() < stop:
            time.sleep(0.2)
        met = [node.connected(g, s) for _ in range(1, 10) if not time.sleep(0.05)]
        self.assertIn(False, met)
        g.rpc("shh_cancelLightClient")
        s.dial(g)
        node.until_connected(g, s, 60)


if __name__ == "__main__":
    node.main()
