#!/usr/bin/env python3
"""Nodes on a real EVM: each function, refusal and event; nobody lists a node that did not agree."""
from contracts_case import DISTRIBUTOR, STORAGE, SUPPLIER, TRANSCODER, ContractsCase, h, main

ENODE = "enode://" + 128 * "a" + "@127.0.0.1:30303"


class Nodes(ContractsCase):
    def setUp(self):
        super().setUp()
        self.nodes, self.owner, self.other = self.net.nodes, self.net.supplier, self.net.stranger
        self.key = self.chain.key("listed node")
        self.node = self.key.address
        self.consent = self.net.consent(self.key, self.owner)

    def arguments(self, **changed):
        values = {"public": self.key.public, "work": TRANSCODER, "endpoint": ENODE, "price": 1000, "capacity": 2,
                  "version": "1.4", "consent": self.consent}
        return list({**values, **changed}.values())

    def test_add_update_remove(self):
        receipt = self.nodes.send(self.owner, "add", *self.arguments())
        terms = {"node": self.node, "endpoint": ENODE, "price": 1000, "capacity": 2, "version": "1.4"}
        self.told(self.nodes, receipt,
                  ("NodeAdded", {"node": self.node, "owner": self.owner, "work": TRANSCODER, "publicKey": self.key.public}),
                  ("NodeTerms", terms))
        self.assertEqual(self.nodes("get", self.node), [self.owner, TRANSCODER, self.key.public, ENODE, 1000, 2, "1.4"])
        self.assertEqual(self.nodes("terms", self.node), [self.owner, TRANSCODER, 1000, 2])
        self.assertEqual(self.nodes("ownerOf", self.node), self.owner)
        receipt = self.nodes.send(self.owner, "update", self.node, "media.example:30303", 2**80 - 1, 2**32 - 1, "")
        self.told(self.nodes, receipt, ("NodeTerms", {**terms, "endpoint": "media.example:30303", "price": 2**80 - 1,
                                                      "capacity": 2**32 - 1, "version": ""}))
        self.assertEqual(self.nodes("get", self.node), [self.owner, TRANSCODER, self.key.public, "media.example:30303",
                                                        2**80 - 1, 2**32 - 1, ""])
        receipt = self.nodes.send(self.owner, "remove", self.node)
        self.told(self.nodes, receipt, ("NodeRemoved", {"node": self.node, "owner": self.owner}))
        self.assertEqual(self.nodes("ownerOf", self.node), "0x" + 40 * "0")
        self.assertEqual(self.nodes("countOfOwner", self.owner), 0)
        for function in ("get", "terms"):
            self.nodes.refuse(self.owner, function, [self.node], "NoSuchNode", [self.node])

    def test_consent_is_for_one_owner_and_one_time(self):
        self.net.accounts.send(self.other, "register", SUPPLIER, h("other"))
        self.nodes.refuse(self.other, "add", self.arguments(), "NoConsent", [self.node, self.other])
        self.nodes.send(self.owner, "add", *self.arguments())
        self.nodes.send(self.owner, "remove", self.node)
        # The node is sold; the old owner's consent was used up.
        self.nodes.refuse(self.owner, "add", self.arguments(), "NoConsent", [self.node, self.owner])
        self.nodes.send(self.other, "add", *self.arguments(consent=self.net.consent(self.key, self.other)))
        self.nodes.send(self.other, "remove", self.node)
        self.nodes.refuse(self.owner, "add", self.arguments(), "NoConsent", [self.node, self.owner])

    def test_consent_is_for_one_contract(self):
        other = self.chain.deploy("Nodes", self.net.owner, self.net.accounts.address)
        self.assertNotEqual(other("consentHash", self.node, self.owner), self.nodes("consentHash", self.node, self.owner))
        other.refuse(self.owner, "add", self.arguments(), "NoConsent", [self.node, self.owner])
        self.nodes.send(self.owner, "add", *self.arguments())

    def test_signatures(self):
        v = self.consent[64]
        bad = [b"", self.consent[:64], self.consent + b"\0", bytes(65), self.consent[:64] + bytes([v ^ 7]),
               self.consent[:64] + b"\xff", self.chain.key("another").sign_message(b"x" * 32),
               b"\xff" * 64 + b"\x1b"]
        for consent in bad:
            self.nodes.refuse(self.owner, "add", self.arguments(consent=consent), "NoConsent", [self.node, self.owner])
        # v as libsecp256k1 numbers it.
        self.nodes.send(self.owner, "add", *self.arguments(consent=self.consent[:64] + bytes([v - 27])))

    def test_refusals(self):
        n = self.nodes
        n.refuse(self.other, "add", self.arguments(), "NoSupplier", [self.other])
        for public in (b"", self.key.public[:63], b"\4" + self.key.public):
            n.refuse(self.owner, "add", self.arguments(public=public), "BadPublicKey", [len(public)])
        n.refuse(self.owner, "add", self.arguments(endpoint="e" * 513), "TextTooLong", [513, 512])
        n.refuse(self.owner, "add", self.arguments(version="v" * 65), "TextTooLong", [65, 64])
        n.refuse(self.owner, "add", self.arguments(capacity=0), "NoCapacity")
        n.refuse(self.owner, "add", self.arguments(work=3), "")
        n.refuse(self.owner, "update", [self.node, "", 1, 1, ""], "NoSuchNode", [self.node])
        n.refuse(self.owner, "remove", [self.node], "NoSuchNode", [self.node])
        n.send(self.owner, "add", *self.arguments(endpoint="e" * 512, version="v" * 64))
        n.refuse(self.owner, "add", self.arguments(), "AlreadyListed", [self.node, self.owner])
        n.refuse(self.other, "update", [self.node, "", 1, 1, ""], "NotYours", [self.other])
        n.refuse(self.other, "remove", [self.node], "NotYours", [self.other])
        n.refuse(self.owner, "update", [self.node, "", 1, 0, ""], "NoCapacity")
        self.assertEqual((n("MAX_ENDPOINT"), n("MAX_VERSION")), (512, 64))
        self.assertEqual(n("accounts"), self.net.accounts.address)

    def test_pages(self):
        made = [self.net.add_node(f"paged {i}", work) for i, work in
                enumerate((DISTRIBUTOR, TRANSCODER, STORAGE, TRANSCODER, TRANSCODER))]
        n = self.nodes
        self.assertEqual(n("countOfOwner", self.owner), 5)
        self.assertEqual(n("pageOfOwner", self.owner, 0, 100), made)
        self.assertEqual(n("pageOfOwner", self.owner, 3, 100), made[3:])
        self.assertEqual(n("pageOfOwner", self.other, 0, 100), [])
        self.assertEqual([n("countOfWork", w) for w in (DISTRIBUTOR, TRANSCODER, STORAGE)], [1, 3, 1])
        self.assertEqual(n("pageOfWork", TRANSCODER, 0, 2), [made[1], made[3]])
        self.assertEqual(n("pageOfWork", TRANSCODER, 2, 2), [made[4]])
        n.send(self.owner, "remove", made[1])
        self.assertEqual(n("pageOfWork", TRANSCODER, 0, 9), [made[4], made[3]])
        self.assertEqual(n("pageOfOwner", self.owner, 0, 9), [made[0], made[4], made[2], made[3]])


class ZNothingLeftOut(ContractsCase):
    def test_all(self):
        self.complete("Nodes")


if __name__ == "__main__":
    main()
