"""vcli's registers, logins, payments, jobs and bars, on go-ethereum's Clique."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clique import Clique  # noqa: E402
import geth  # noqa: E402
import vcli_money_test  # noqa: E402


def setUpModule():
    geth.require()


class Registers(vcli_money_test.Registers):
    chain = Clique


class Payments(vcli_money_test.Payments):
    chain = Clique


class Logins(vcli_money_test.Logins):
    chain = Clique


class Jobs(vcli_money_test.Jobs):
    chain = Clique


class Bars(vcli_money_test.Bars):
    chain = Clique


if __name__ == "__main__":
    unittest.main()
