#!/usr/bin/env python3
"""Blacklist on a real EVM: each function, refusal and event."""
from contracts_case import OWNER, VERIFIER, ZERO, ContractsCase, h, main

NONE, FILED, REFUSED = range(3)
FOR_EVER = 2**64 - 1


class Bars(ContractsCase):
    def setUp(self):
        super().setUp()
        self.list, self.verifier, self.other = self.net.blacklist, self.net.verifier, self.net.verifier2
        self.node, self.owner, self.stranger = self.net.add_node(), self.net.supplier, self.net.stranger

    def bar(self, subject=None, seconds=1000, until=None):
        self.until = until or self.chain.now() + seconds
        return self.list.send(self.verifier, "bar", subject or self.node, self.until, h("proof"), "black frames")

    def test_bar_and_expiry(self):
        self.assertFalse(self.list("isBarred", self.node))
        receipt = self.bar(seconds=self.net.dispute_s)
        self.told(self.list, receipt, ("Barred", {"subject": self.node, "verifier": self.verifier, "until": self.until,
                                                  "evidence": h("proof"), "reason": "black frames"}))
        self.assertTrue(self.list("isBarred", self.node))
        self.assertFalse(self.list("isBarred", self.owner))
        self.assertEqual(self.list("get", self.node), [self.verifier, self.until, NONE, h("proof"), "black frames"])
        self.chain.advance(self.net.dispute_s)
        self.assertFalse(self.list("isBarred", self.node))
        self.list.refuse(self.node, "appeal", [self.node, h("why")], "NotBarred", [self.node])
        self.list.refuse(self.verifier, "lift", [self.node], "NotBarred", [self.node])
        # Anew, for longer.
        self.bar(until=FOR_EVER)
        self.assertTrue(self.list("isBarred", self.node))

    def test_lift(self):
        for who in (self.verifier, self.net.owner):
            self.bar()
            receipt = self.list.send(who, "lift", self.node)
            self.told(self.list, receipt, ("Lifted", {"subject": self.node, "by": who}))
            self.assertFalse(self.list("isBarred", self.node))
            self.assertEqual(self.list("get", self.node), [ZERO, 0, NONE, bytes(32), ""])

    def test_appeal_by_node_and_owner(self):
        for who, decider, lifted in ((self.node, self.other, True), (self.owner, self.other, False)):
            self.bar()
            receipt = self.list.send(who, "appeal", self.node, h("why"))
            self.told(self.list, receipt, ("Appealed", {"subject": self.node, "by": who, "statement": h("why")}))
            self.assertEqual(self.list("get", self.node)[2], FILED)
            self.assertTrue(self.list("isBarred", self.node))
            receipt = self.list.send(decider, "decideAppeal", self.node, lifted)
            decided = ("AppealDecided", {"subject": self.node, "by": decider, "lifted": lifted})
            gone = [("Lifted", {"subject": self.node, "by": decider})] if lifted else []
            self.told(self.list, receipt, decided, *gone)
            self.assertEqual(self.list("isBarred", self.node), not lifted)
        # Once for each bar.
        self.assertEqual(self.list("get", self.node)[2], REFUSED)
        self.list.refuse(self.node, "appeal", [self.node, h("why")], "AppealedAlready", [self.node])
        self.list.refuse(self.other, "decideAppeal", [self.node, True], "NoAppeal", [self.node])

    def test_an_account(self):
        self.bar(self.net.customer)
        self.list.send(self.net.customer, "appeal", self.net.customer, h("why"))
        self.list.send(self.net.owner, "decideAppeal", self.net.customer, True)
        self.assertFalse(self.list("isBarred", self.net.customer))

    def test_nobody_decides_their_own_appeal(self):
        for who in (self.node, self.owner):
            self.net.roles.send(self.net.owner, "grant", VERIFIER, who)
            self.net.roles.send(who, "acceptGrant", VERIFIER)
        for subject, parties in ((self.node, (self.node, self.owner)), (self.owner, (self.owner,))):
            self.bar(subject)
            self.list.send(self.owner, "appeal", subject, h("why"))
            for who in parties:
                self.list.refuse(who, "decideAppeal", [subject, True], "OwnCase", [who])
        # The node is another verifier where its owner is barred.
        self.list.send(self.node, "decideAppeal", self.owner, True)

    def test_refusals(self):
        b, v, node, now = self.list, self.verifier, self.node, self.chain.now()
        good = [node, now + 1000, h("proof"), "why"]
        for who in (self.stranger, self.net.owner, self.net.manager, self.owner):
            b.refuse(who, "bar", good, "MissingRole", [VERIFIER, who])
        b.refuse(v, "bar", [ZERO, *good[1:]], "ZeroAddress")
        b.refuse(v, "bar", [node, now, h(1), ""], "EndsInThePast", [now])
        b.refuse(v, "bar", [node, 0, h(1), ""], "EndsInThePast", [0])
        b.refuse(v, "bar", [node, now + 1000, bytes(32), ""], "ZeroHash")
        b.refuse(v, "bar", [node, now + 1000, h(1), "r" * 257], "TextTooLong", [257, 256])
        self.assertEqual(b("MAX_REASON"), 256)
        b.refuse(v, "lift", [node], "NotBarred", [node])
        b.refuse(self.other, "decideAppeal", [node, True], "NotBarred", [node])
        self.bar()
        b.refuse(self.other, "bar", good, "AlreadyBarred", [node, self.until])
        b.refuse(self.stranger, "appeal", [node, h(1)], "NotYours", [self.stranger])
        b.refuse(self.node, "appeal", [node, bytes(32)], "ZeroHash")
        for who in (self.stranger, self.other, self.owner, node):
            b.refuse(who, "lift", [node], "NotYours", [who])
        b.refuse(self.other, "decideAppeal", [node, True], "NoAppeal", [node])
        b.send(node, "appeal", node, h(1))
        b.refuse(v, "decideAppeal", [node, False], "OwnCase", [v])
        for who in (self.stranger, node, self.owner):
            b.refuse(who, "decideAppeal", [node, True], "MissingRole", [VERIFIER, who])
        # Who is no verifier any longer lifts nothing.
        self.net.roles.send(v, "renounce", VERIFIER)
        b.refuse(v, "lift", [node], "NotYours", [v])
        self.assertEqual((b("roles"), b("nodes")), (self.net.roles.address, self.net.nodes.address))
        self.assertTrue(self.net.roles("holds", OWNER, self.net.owner))


class ZNothingLeftOut(ContractsCase):
    def test_all(self):
        self.complete("Blacklist")


if __name__ == "__main__":
    main()
