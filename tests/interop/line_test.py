"""Three nodes in a line, the middle one of the other kind: it passes on what it cannot read, both ways."""
import os

import node
from node import TOPIC, until_received

MESSAGES = 50


def setUpModule():
    node.require()


class Lines(node.TestCase):
    def line(self, first, middle, last):
        for n in (first, last):
            n.dial(middle)
            node.until_connected(n, middle)
        for sender, receiver in ((first, last), (last, first)):
            with self.subTest(sender=sender.name):
                self.assertNotIn(receiver.key, sender.peers())
                self.symmetric(sender, receiver)
                self.asymmetric(sender, receiver)
                self.narrow(sender, middle, receiver)
        self.assertEqual(len(middle.peers()), 2)

    def symmetric(self, sender, receiver):
        key = "0x" + os.urandom(32).hex()
        f = receiver.filter(symKeyID=receiver.symmetric(key), topics=[TOPIC])
        id = sender.symmetric(key)
        sent = {sender.post(symKeyID=id, payload="0x%04x" % i, powTarget=0.21): "0x%04x" % i for i in range(MESSAGES)}
        got = until_received(receiver, f, MESSAGES, 30)
        self.assertEqual({m["hash"]: m["payload"] for m in got}, sent)

    def asymmetric(self, sender, receiver):
        pair, signer = receiver.rpc("shh_newKeyPair"), sender.rpc("shh_newKeyPair")
        f = receiver.filter(privateKeyID=pair, topics=[TOPIC], sig=sender.rpc("shh_getPublicKey", signer))
        hash = sender.post(pubKey=receiver.rpc("shh_getPublicKey", pair), sig=signer, payload="0xabcdef")
        (got,) = until_received(receiver, f)
        self.assertEqual((got["hash"], got["payload"]), (hash, "0xabcdef"))

    def narrow(self, sender, middle, receiver):
        """What the middle asks of the one it does not ask of the other: a receiver that wants more work gets only that."""
        key = "0x" + os.urandom(32).hex()
        receiver.rpc("shh_setMinPoW", 3.0)
        node.until_changed(receiver, middle, 3.0)
        f = receiver.filter(symKeyID=receiver.symmetric(key), topics=[TOPIC])
        own = middle.filter(symKeyID=middle.symmetric(key), topics=[TOPIC])
        id = sender.symmetric(key)
        while True:  # luck may make it better than asked for
            weak = sender.post(symKeyID=id, payload="0x00", powTarget=0.21)
            (got,) = until_received(middle, own)
            if got["pow"] < 2:
                break
        strong, came = sender.post(symKeyID=id, payload="0x01", powTarget=4.0), set()
        while strong not in came:
            came |= {m["hash"] for m in until_received(receiver, f)}
        self.assertNotIn(weak, came)
        receiver.rpc("shh_setMinPoW", 0.2)
        while weak not in came:
            came |= {m["hash"] for m in until_received(receiver, f)}

    def test_ours_geth_ours(self):
        self.line(self.shhd(), self.geth(), self.shhd())

    def test_geth_ours_geth(self):
        self.line(self.geth(), self.shhd(), self.geth())


if __name__ == "__main__":
    node.main()
