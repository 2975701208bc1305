#!/usr/bin/env python3
"""Roles on a real EVM: each function, refusal and event; no role without its holder's consent."""
from chain import ANY
from contracts_case import MANAGER, OWNER, VERIFIER, ZERO, ContractsCase, main

BOTH = (MANAGER, VERIFIER)


class Roles(ContractsCase):
    staffed = False

    def setUp(self):
        super().setUp()
        self.roles, self.owner, self.a, self.b = self.net.roles, self.net.owner, self.net.manager, self.net.stranger

    def appoint(self, role, who):
        self.roles.send(self.owner, "grant", role, who)
        self.roles.send(who, "acceptGrant", role)

    def test_the_deployer_owns(self):
        self.told(self.roles, self.roles.receipt, ("RoleAccepted", {"role": OWNER, "holder": self.owner, "from": ZERO}))
        self.assertEqual(self.roles("owner"), self.owner)
        self.assertEqual(self.roles("reign"), 1)
        self.assertTrue(self.roles("holds", OWNER, self.owner))
        self.assertFalse(self.roles("holds", OWNER, self.a))
        self.assertEqual([self.roles("count", role) for role in (OWNER, MANAGER, VERIFIER)], [1, 0, 0])

    def test_grant_in_two_steps(self):
        for role in BOTH:
            receipt = self.roles.send(self.owner, "grant", role, self.a)
            self.told(self.roles, receipt, ("RoleGranted", {"role": role, "to": self.a, "by": self.owner}))
            self.assertTrue(self.roles("isGranted", role, self.a))
            self.assertFalse(self.roles("holds", role, self.a))
            receipt = self.roles.send(self.a, "acceptGrant", role)
            self.told(self.roles, receipt, ("RoleAccepted", {"role": role, "holder": self.a, "from": ZERO}))
            self.assertTrue(self.roles("holds", role, self.a))
            self.assertFalse(self.roles("isGranted", role, self.a))
            self.assertEqual(self.roles("page", role, 0, 10), [self.a])

    def test_hand_over_in_two_steps(self):
        for role in BOTH:
            self.appoint(role, self.a)
            receipt = self.roles.send(self.a, "offerHandOver", role, self.b)
            self.told(self.roles, receipt, ("HandOverOffered", {"role": role, "from": self.a, "to": self.b}))
            self.assertEqual(self.roles("handOverTo", role, self.a), self.b)
            self.assertTrue(self.roles("holds", role, self.a))
            self.assertFalse(self.roles("holds", role, self.b))
            receipt = self.roles.send(self.b, "acceptHandOver", role, self.a)
            self.told(self.roles, receipt, ("RoleAccepted", {"role": role, "holder": self.b, "from": self.a}))
            self.assertFalse(self.roles("holds", role, self.a))
            self.assertTrue(self.roles("holds", role, self.b))
            self.assertEqual(self.roles("page", role, 0, 10), [self.b])
            self.roles.refuse(self.b, "acceptHandOver", [role, self.a], "NoOffer", [role, self.b])
            # Not on and on.
            self.roles.refuse(self.b, "offerHandOver", [role, self.a], "TookOverLately", [role, ANY])
        self.assertEqual(self.roles("HAND_OVER_REST"), 86400)

    def test_the_owner_hands_over(self):
        self.roles.send(self.owner, "grant", MANAGER, self.b)
        self.roles.send(self.owner, "offerHandOver", OWNER, self.a)
        self.assertEqual(self.roles("owner"), self.owner)
        self.roles.refuse(self.b, "acceptHandOver", [OWNER, self.owner], "NoOffer", [OWNER, self.b])
        self.roles.send(self.a, "acceptHandOver", OWNER, self.owner)
        self.assertEqual((self.roles("owner"), self.roles("reign")), (self.a, 2))
        self.roles.refuse(self.owner, "grant", [MANAGER, self.b], "MissingRole", [OWNER, self.owner])
        # What the old one granted and nobody accepted is void, also when it comes back.
        self.roles.refuse(self.b, "acceptGrant", [MANAGER], "NoOffer", [MANAGER, self.b])
        self.roles.send(self.a, "offerHandOver", OWNER, self.owner)
        self.roles.send(self.owner, "acceptHandOver", OWNER, self.a)
        self.roles.refuse(self.b, "acceptGrant", [MANAGER], "NoOffer", [MANAGER, self.b])

    def test_taking_offers_back(self):
        self.appoint(MANAGER, self.a)
        self.roles.send(self.a, "offerHandOver", MANAGER, self.b)
        receipt = self.roles.send(self.a, "offerHandOver", MANAGER, ZERO)
        self.told(self.roles, receipt, ("HandOverOffered", {"role": MANAGER, "from": self.a, "to": ZERO}))
        self.roles.refuse(self.b, "acceptHandOver", [MANAGER, self.a], "NoOffer", [MANAGER, self.b])
        self.roles.send(self.owner, "grant", VERIFIER, self.b)
        receipt = self.roles.send(self.owner, "revoke", VERIFIER, self.b)
        self.told(self.roles, receipt, ("RoleRevoked", {"role": VERIFIER, "holder": self.b, "by": self.owner}))
        self.roles.refuse(self.b, "acceptGrant", [VERIFIER], "NoOffer", [VERIFIER, self.b])

    def test_an_offer_dies_with_the_role(self):
        self.appoint(MANAGER, self.a)
        self.roles.send(self.a, "offerHandOver", MANAGER, self.b)
        self.roles.send(self.owner, "revoke", MANAGER, self.a)
        self.roles.refuse(self.b, "acceptHandOver", [MANAGER, self.a], "NoOffer", [MANAGER, self.b])
        self.appoint(MANAGER, self.a)
        self.roles.refuse(self.b, "acceptHandOver", [MANAGER, self.a], "NoOffer", [MANAGER, self.b])

    def test_losing_a_role(self):
        for role in BOTH:
            self.appoint(role, self.a)
            self.appoint(role, self.b)
            receipt = self.roles.send(self.owner, "revoke", role, self.a)
            self.told(self.roles, receipt, ("RoleRevoked", {"role": role, "holder": self.a, "by": self.owner}))
            receipt = self.roles.send(self.b, "renounce", role)
            self.told(self.roles, receipt, ("RoleRevoked", {"role": role, "holder": self.b, "by": self.b}))
            self.assertEqual(self.roles("count", role), 0)

    def test_refusals(self):
        r, a, b, owner = self.roles, self.a, self.b, self.owner
        for role in BOTH:
            for who in (a, b):
                r.refuse(who, "grant", [role, who], "MissingRole", [OWNER, who])
                r.refuse(who, "revoke", [role, who], "MissingRole", [OWNER, who])
                r.refuse(who, "acceptGrant", [role], "NoOffer", [role, who])
                r.refuse(who, "offerHandOver", [role, who], "MissingRole", [role, who])
                r.refuse(who, "renounce", [role], "HoldsNot", [role, who])
            r.refuse(owner, "grant", [role, ZERO], "ZeroAddress")
            r.refuse(owner, "revoke", [role, a], "HoldsNot", [role, a])
        r.refuse(a, "acceptGrant", [OWNER], "NoOffer", [OWNER, a])
        r.refuse(a, "offerHandOver", [OWNER, a], "MissingRole", [OWNER, a])
        r.refuse(owner, "offerHandOver", [OWNER, owner], "HoldsAlready", [OWNER, owner])
        for function, arguments in (("grant", [OWNER, a]), ("revoke", [OWNER, owner]), ("renounce", [OWNER])):
            r.refuse(owner, function, arguments, "OwnershipOnlyMoves")
        self.appoint(MANAGER, a)
        r.refuse(owner, "grant", [MANAGER, a], "HoldsAlready", [MANAGER, a])
        # Whoever holds it by now by another way needs it no second time.
        r.send(owner, "grant", MANAGER, b)
        r.send(a, "offerHandOver", MANAGER, b)
        r.send(b, "acceptGrant", MANAGER)
        r.refuse(b, "acceptHandOver", [MANAGER, a], "HoldsAlready", [MANAGER, b])
        r.refuse(a, "offerHandOver", [MANAGER, b], "HoldsAlready", [MANAGER, b])


class ZNothingLeftOut(ContractsCase):
    def test_all(self):
        self.complete("Roles")


if __name__ == "__main__":
    main()
