#!/usr/bin/env python3
"""Accounts and Counter on a real EVM: each function, refusal and event."""
from chain import SOURCE, Refused
from contracts_case import CUSTOMER, SUPPLIER, ZERO, ContractsCase, compiled, h, main


class Counts(ContractsCase):
    staffed = False

    def test_counting(self):
        counter, anybody = self.net.counter, self.net.stranger
        self.assertEqual(counter("getCount"), 0)
        for function, after in (("incrementCounter", 1), ("incrementCounter", 2), ("derementCounter", 1),
                                ("clearCounter", 0), ("derementCounter", -1), ("derementCounter", -2),
                                ("incrementCounter", -1)):
            counter.send(anybody, function)
            self.assertEqual(counter("getCount"), after)


class Membership(ContractsCase):
    staffed = False

    def setUp(self):
        super().setUp()
        self.accounts, self.who = self.net.accounts, self.net.customer

    def test_as_both(self):
        for kind in (CUSTOMER, SUPPLIER):
            self.assertFalse(self.accounts("isRegistered", kind, self.who))
            receipt = self.accounts.send(self.who, "register", kind, h(kind))
            self.told(self.accounts, receipt, ("Registered", {"kind": kind, "account": self.who, "profile": h(kind)}))
        for kind in (CUSTOMER, SUPPLIER):
            self.assertTrue(self.accounts("isRegistered", kind, self.who))
            self.assertEqual(self.accounts("profileOf", kind, self.who), h(kind))
        receipt = self.accounts.send(self.who, "unregister", CUSTOMER)
        self.told(self.accounts, receipt, ("Unregistered", {"kind": CUSTOMER, "account": self.who}))
        self.assertFalse(self.accounts("isRegistered", CUSTOMER, self.who))
        self.assertTrue(self.accounts("isRegistered", SUPPLIER, self.who))
        self.accounts.send(self.who, "register", CUSTOMER, h("again"))

    def test_profile(self):
        self.accounts.send(self.who, "register", CUSTOMER, h(1))
        receipt = self.accounts.send(self.who, "setProfile", CUSTOMER, h(2))
        self.told(self.accounts, receipt, ("ProfileChanged", {"kind": CUSTOMER, "account": self.who, "profile": h(2)}))
        self.assertEqual(self.accounts("profileOf", CUSTOMER, self.who), h(2))

    def test_refusals(self):
        self.accounts.refuse(self.who, "register", [CUSTOMER, bytes(32)], "ZeroHash")
        self.accounts.refuse(self.who, "setProfile", [CUSTOMER, h(1)], "NotRegistered", [CUSTOMER, self.who])
        self.accounts.refuse(self.who, "unregister", [CUSTOMER], "NotRegistered", [CUSTOMER, self.who])
        self.accounts.send(self.who, "register", CUSTOMER, h(1))
        self.accounts.refuse(self.who, "register", [CUSTOMER, h(2)], "AlreadyRegistered", [CUSTOMER, self.who])
        self.accounts.refuse(self.who, "setProfile", [CUSTOMER, bytes(32)], "ZeroHash")
        self.accounts.refuse(self.who, "setProfile", [SUPPLIER, h(1)], "NotRegistered", [SUPPLIER, self.who])
        # No such kind: the decoder's refusal has no name.
        self.accounts.refuse(self.who, "register", [2, h(1)], "")

    def test_pages(self):
        people = [self.chain.person(f"member {i}") for i in range(5)]
        for who in people:
            self.accounts.send(who, "register", SUPPLIER, h(who))
        self.assertEqual(self.accounts("count", SUPPLIER), 5)
        self.assertEqual(self.accounts("count", CUSTOMER), 0)
        self.assertEqual(self.accounts("page", SUPPLIER, 0, 100), people)
        self.assertEqual(self.accounts("page", SUPPLIER, 1, 2), people[1:3])
        self.assertEqual(self.accounts("page", SUPPLIER, 4, 2**256 - 1), people[4:])
        self.assertEqual(self.accounts("page", SUPPLIER, 5, 1), [])
        self.assertEqual(self.accounts("page", SUPPLIER, 2**256 - 1, 2**256 - 1), [])
        self.accounts.send(people[1], "unregister", SUPPLIER)
        self.assertEqual(self.accounts("page", SUPPLIER, 0, 9), [people[0], people[4], people[2], people[3]])
        self.accounts.send(people[3], "unregister", SUPPLIER)
        self.assertEqual(self.accounts("page", SUPPLIER, 0, 9), [people[0], people[4], people[2]])


class Money(ContractsCase):
    staffed = False

    def setUp(self):
        super().setUp()
        self.accounts, self.a, self.b = self.net.accounts, self.net.customer, self.net.supplier

    def holds(self, **balances):
        for who, balance in balances.items():
            self.assertEqual(self.net.balance(getattr(self, who)), balance, who)
        self.assertEqual(self.chain.balance(self.accounts.address), sum(balances.values()))

    def test_deposit_transfer_withdraw(self):
        receipt = self.accounts.send(self.a, "deposit", value=100)
        self.told(self.accounts, receipt, ("Deposited", {"account": self.a, "from": self.a, "amount": 100}))
        receipt = self.accounts.send(self.a, "depositFor", self.b, value=7)
        self.told(self.accounts, receipt, ("Deposited", {"account": self.b, "from": self.a, "amount": 7}))
        self.holds(a=100, b=7)
        receipt = self.accounts.send(self.a, "transfer", self.b, 60)
        self.told(self.accounts, receipt, ("Transferred", {"from": self.a, "to": self.b, "amount": 60}))
        self.holds(a=40, b=67)
        before = self.chain.balance(self.b)
        receipt = self.accounts.send(self.b, "withdraw", 67)
        self.told(self.accounts, receipt, ("Withdrawn", {"account": self.b, "amount": 67}))
        self.assertEqual(self.chain.balance(self.b), before + 67 - int(receipt["gasUsed"], 16) * 10**9)
        self.holds(a=40, b=0)
        # To oneself: nothing appears, nothing is lost.
        self.accounts.send(self.a, "transfer", self.a, 40)
        self.holds(a=40, b=0)

    def test_allowance(self):
        self.accounts.send(self.a, "deposit", value=100)
        receipt = self.accounts.send(self.a, "allow", self.b, 0, 70)
        self.told(self.accounts, receipt, ("Allowed", {"holder": self.a, "spender": self.b, "amount": 70}))
        self.assertEqual(self.accounts("allowance", self.a, self.b), 70)
        receipt = self.accounts.send(self.b, "transferFrom", self.a, self.b, 30)
        self.told(self.accounts, receipt, ("Transferred", {"from": self.a, "to": self.b, "amount": 30}),
                  ("Allowed", {"holder": self.a, "spender": self.b, "amount": 40}))
        self.holds(a=70, b=30)
        self.accounts.refuse(self.b, "transferFrom", [self.a, self.b, 41], "InsufficientAllowance",
                             [self.a, self.b, 40, 41])
        self.accounts.refuse(self.a, "allow", [self.b, 70, 0], "AllowanceChanged", [self.b, 40])
        self.accounts.send(self.a, "allow", self.b, 40, 0)
        self.accounts.refuse(self.b, "transferFrom", [self.a, self.b, 1], "InsufficientAllowance", [self.a, self.b, 0, 1])

    def test_nobody_touches_anothers(self):
        self.accounts.send(self.a, "deposit", value=100)
        for who in (self.b, self.net.owner, self.net.manager, self.net.verifier):
            self.accounts.refuse(who, "transferFrom", [self.a, who, 1], "InsufficientAllowance", [self.a, who, 0, 1])
            self.accounts.refuse(who, "withdraw", [1], "InsufficientBalance", [who, 0, 1])
            self.accounts.refuse(who, "transfer", [who, 1], "InsufficientBalance", [who, 0, 1])
        self.holds(a=100)

    def test_refusals(self):
        self.accounts.send(self.a, "deposit", value=100)
        self.accounts.refuse(self.a, "deposit", [], "ZeroAmount")
        self.accounts.refuse(self.a, "depositFor", [self.b], "ZeroAmount")
        self.accounts.refuse(self.a, "depositFor", [ZERO], "ZeroAddress", value=1)
        self.accounts.refuse(self.a, "transfer", [ZERO, 1], "ZeroAddress")
        self.accounts.refuse(self.a, "transfer", [self.b, 0], "ZeroAmount")
        self.accounts.refuse(self.a, "transfer", [self.b, 101], "InsufficientBalance", [self.a, 100, 101])
        self.accounts.refuse(self.a, "transfer", [self.b, 2**256 - 1], "InsufficientBalance", [self.a, 100, 2**256 - 1])
        self.accounts.refuse(self.a, "withdraw", [0], "ZeroAmount")
        self.accounts.refuse(self.a, "withdraw", [101], "InsufficientBalance", [self.a, 100, 101])
        self.accounts.refuse(self.a, "transferFrom", [self.b, self.a, 0], "ZeroAmount")
        self.accounts.refuse(self.a, "allow", [ZERO, 0, 1], "ZeroAddress")
        # More allowed than there is.
        self.accounts.send(self.a, "allow", self.b, 0, 500)
        self.accounts.refuse(self.b, "transferFrom", [self.a, self.b, 101], "InsufficientBalance", [self.a, 100, 101])
        # Ether comes by deposit only.
        with self.assertRaises(Refused):
            self.chain.call(self.a, self.accounts.address, b"", 1)
        self.assertEqual(int(self.chain.send(self.a, self.accounts.address, b"", 1)["status"], 16), 0)
        self.holds(a=100)

    def test_a_contract_that_takes_no_ether(self):
        folder = compiled(SOURCE / "tests" / "contracts")
        miser = self.chain.deploy("Miser", self.a, self.accounts.address, folder=folder)
        self.accounts.send(self.a, "depositFor", miser.address, value=5)
        miser.refuse(self.a, "take", [5], "WithdrawalRefused", [miser.address, 5], by=self.accounts)
        # It is not lost: the miser may pass it on.
        miser.send(self.a, "pass", self.b, 5)
        self.holds(a=0, b=5)


class ZNothingLeftOut(ContractsCase):
    def test_all(self):
        self.complete("Accounts", "Counter")


if __name__ == "__main__":
    main()
