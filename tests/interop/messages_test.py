"""Messages between geth and us, both ways: every kind of key, signature, padding and size arrives as it was sent, and both
sides tell the same of one envelope."""
import itertools
import os
import unittest

import node
from node import TOPIC, RpcError, until_received

MAX_MESSAGE = 1 << 20
# What an envelope adds to its data for the size limit.
ENVELOPE = 20
TAG_AND_SALT = 28
# What more a packet with that envelope alone has, at most; geth counts it against the limit of who receives.
PACKET = 4 + 4 + 5 + 5 + 5 + 4 + 9 - ENVELOPE
LITTLE = 1e-6  # work


def setUpModule():
    node.require()


def random_hex(n):
    return "0x" + os.urandom(n).hex()


class BothWays(node.TestCase):
    """The nodes of a test, seen once from either side."""

    def ways(self):
        g, s = self.pair()
        return (g, s), (s, g)

    def ask_little(self, *nodes):
        """Big messages cost geth a hash of all of it a try: with the usual requirement, minutes."""
        for n in nodes:
            n.rpc("shh_setMinPoW", LITTLE / 2)
        for a, b in itertools.permutations(nodes, 2):
            node.until_changed(a, b)

    def keys(self, sender, receiver, symmetric):
        """What a post and a filter need to name: (of the post, of the filter)."""
        if symmetric:
            key = random_hex(32)
            return {"symKeyID": sender.symmetric(key)}, {"symKeyID": receiver.symmetric(key)}
        pair = receiver.rpc("shh_newKeyPair")
        return {"pubKey": receiver.rpc("shh_getPublicKey", pair)}, {"privateKeyID": pair}

    def same(self, sender, receiver, post, filter, **more):
        """Post it; what arrives must be what the sender itself finds in it."""
        f = receiver.filter(topics=[TOPIC], **filter)
        own = sender.filter(topics=[TOPIC], symKeyID=post["symKeyID"]) if "symKeyID" in post else None
        hash = sender.post(**post, **more)
        (got,) = until_received(receiver, f)
        self.assertEqual(got["hash"], hash)
        if own:
            (seen,) = until_received(sender, own)
            # By geth's rule only, or the better of both rules: little work is outdone by luck under the other one.
            tells = {n.kind: m.pop("pow") for n, m in ((receiver, got), (sender, seen))}
            self.assertEqual(seen, got)
            self.assertGreaterEqual(tells.get("shhd", 0), tells.get("geth", 0))
            got["pow"] = tells[receiver.kind]
            sender.rpc("shh_deleteMessageFilter", own)
        receiver.rpc("shh_deleteMessageFilter", f)
        return got

    def test_keys_signatures_and_padding(self):
        for sender, receiver in self.ways():
            with self.subTest(sender=sender.name):
                signer = sender.rpc("shh_newKeyPair")
                public = sender.rpc("shh_getPublicKey", signer)
                for symmetric, signed, padded in itertools.product((True, False), repeat=3):
                    with self.subTest(symmetric=symmetric, signed=signed, padded=padded):
                        post, filter = self.keys(sender, receiver, symmetric)
                        payload, padding = random_hex(200), random_hex(77)
                        if signed:
                            post["sig"] = signer
                            filter["sig"] = public
                        if padded:
                            post["padding"] = padding
                        got = self.same(sender, receiver, post, filter, payload=payload)
                        self.assertEqual(got["payload"], payload)
                        self.assertEqual(got.get("sig"), public if signed else None)
                        self.assertEqual(got.get("recipientPublicKey"), post.get("pubKey"))
                        if padded:
                            self.assertEqual(got["padding"], padding)
                        else:
                            whole = 1 + 1 + 200 + (65 if signed else 0) + (len(got["padding"]) - 2) // 2
                            self.assertEqual(whole % 256, 0)
                        self.assertGreaterEqual(got["pow"], 0.4)
                        self.assertEqual(got["ttl"], 50)

    def test_sizes(self):
        """Where the size's own field grows, and where padding is a whole unit."""
        for sender, receiver in self.ways():
            with self.subTest(sender=sender.name):
                self.ask_little(sender, receiver)
                for size in (0, 1, 189, 253, 254, 255, 256, 257, 65535, 65536, 65537):
                    for symmetric in (True, False):
                        with self.subTest(size=size, symmetric=symmetric):
                            post, filter = self.keys(sender, receiver, symmetric)
                            payload = random_hex(size)
                            work = 0.4 if size < 1000 else LITTLE
                            got = self.same(sender, receiver, post, filter, payload=payload, powTarget=work)
                            self.assertEqual(got["payload"], payload)

    def test_the_size_limit(self):
        """The largest that a packet carries to geth goes through; what is over the limit is refused to who posts it."""
        for sender, receiver in self.ways():
            with self.subTest(sender=sender.name):
                self.ask_little(sender, receiver)
                post, filter = self.keys(sender, receiver, True)
                room = MAX_MESSAGE - ENVELOPE - TAG_AND_SALT - 1 - 3
                payload, padding = random_hex(room - PACKET - 5), random_hex(5)
                got = self.same(sender, receiver, post, filter, payload=payload, padding=padding, powTarget=LITTLE)
                self.assertEqual((got["payload"], got["padding"]), (payload, padding))
                with self.assertRaisesRegex(RpcError, "huge messages are not allowed"):
                    sender.post(**post, payload=random_hex(room - 4), padding=padding, powTarget=LITTLE)
                self.assertTrue(node.connected(sender, receiver))

    @unittest.skipIf(node.ALL_GETH, "geth parts here")
    def test_an_envelope_that_no_packet_carries(self):
        """At the limit itself an envelope is good to post, but the packet around it is over geth's limit: geth would part
        from who sends it. We keep it from geth, and take it from geth."""
        g, s = self.pair()
        self.ask_little(g, s)
        room = MAX_MESSAGE - ENVELOPE - TAG_AND_SALT - 1 - 3
        post, filter = self.keys(s, g, True)
        s.post(**post, payload=random_hex(room - 5), padding=random_hex(5), powTarget=LITTLE)
        self.same(s, g, post, filter, payload="0x01")
        self.assertTrue(node.connected(g, s))
        post, filter = self.keys(g, s, True)
        payload = random_hex(room - 5)
        self.assertEqual(self.same(g, s, post, filter, payload=payload, padding=random_hex(5), powTarget=LITTLE)["payload"],
                         payload)
        self.assertTrue(node.connected(g, s))

    def test_many_big_ones_at_once(self):
        """More than one packet may carry: who sends must cut the bundle below the receiver's limit."""
        g, s = self.pair()
        self.ask_little(g, s)
        post, filter = self.keys(s, g, True)
        f = g.filter(topics=[TOPIC], **filter)
        sent = {s.post(**post, payload=random_hex(300_000), powTarget=LITTLE) for _ in range(12)}
        self.assertEqual({m["hash"] for m in until_received(g, f, 12)}, sent)
        self.assertTrue(node.connected(g, s))
        if node.ALL_GETH:
            return
        # And what geth puts into one packet, larger than its own limit, does not make us part, as it does two geths.
        post, filter = self.keys(g, s, True)
        f = s.filter(topics=[TOPIC], **filter)
        sent = {g.post(**post, payload=random_hex(300_000), powTarget=LITTLE) for _ in range(12)}
        self.assertEqual({m["hash"] for m in until_received(s, f, 12)}, sent)
        self.assertTrue(node.connected(g, s))

    def test_topics(self):
        """Any topic but the empty one; those whose bloom bits share a byte too, where geth sets fewer than it should. A
        filter's topic extends the bloom filter of its node, and nothing else passes."""
        for sender, receiver in self.ways():
            with self.subTest(sender=sender.name):
                key = random_hex(32)
                sender.rpc("shh_setBloomFilter", "0x" + "ff" * 64)
                for topic in ("0x00000001", "0xffffffff", "0x07050300", "0x00000007", "0x01020307", "0x0000ff06"):
                    with self.subTest(topic=topic):
                        # Only what the node asks for by this filter passes now.
                        receiver.rpc("shh_setBloomFilter", "0x" + "00" * 63 + "80")
                        f = receiver.filter(symKeyID=receiver.symmetric(key), topics=[topic])
                        node.until_changed(receiver, sender)
                        sender.post(symKeyID=sender.symmetric(key), topic=topic, payload="0x01")
                        until_received(receiver, f)
                self.assertTrue(node.connected(sender, receiver))

    def test_a_password(self):
        for sender, receiver in self.ways():
            with self.subTest(sender=sender.name):
                post = {"symKeyID": sender.rpc("shh_generateSymKeyFromPassword", "tr0ub4dor")}
                filter = {"symKeyID": receiver.rpc("shh_generateSymKeyFromPassword", "tr0ub4dor")}
                self.assertEqual(self.same(sender, receiver, post, filter, payload="0xabcd")["payload"], "0xabcd")

    def test_a_filter_wants_more_work(self):
        for sender, receiver in self.ways():
            with self.subTest(sender=sender.name):
                post, filter = self.keys(sender, receiver, True)
                f = receiver.filter(topics=[TOPIC], minPow=3.0, **filter)
                any = receiver.filter(topics=[TOPIC], **filter)
                hash = {}
                for work in (0.4, 3.5):
                    # A nonce may be better than asked for.
                    while True:
                        hash[work] = sender.post(**post, payload="0x01", powTarget=work)
                        (got,) = until_received(receiver, any)
                        if work > 3 or got["pow"] < 3:
                            break
                self.assertIn(hash[3.5], {m["hash"] for m in until_received(receiver, f)})
                self.assertNotIn(hash[0.4], {m["hash"] for m in receiver.messages(f)})


if __name__ == "__main__":
    node.main()
