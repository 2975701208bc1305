#!/usr/bin/env python3
"""The contracts on go-ethereum 1.9.20's Clique (geth --dev): the same function tests as on anvil, and the same gas.

Time is the clock's here, so the windows are short and the tests wait them out.

    python3 tests/interop/contracts_test.py --write      write geth's column of contracts/gas.json anew
"""
import sys
import unittest

import geth
import node

sys.path.append(str(node.SOURCE / "tests" / "e2e"))

import contracts_accounts_test  # noqa: E402
import contracts_blacklist_test  # noqa: E402
import contracts_gas_test as gas  # noqa: E402
import contracts_jobs_test  # noqa: E402
import contracts_nodes_test  # noqa: E402
import contracts_roles_test  # noqa: E402
from geth_dev import GethDev, run  # noqa: E402

FUNCTIONS = (contracts_accounts_test, contracts_blacklist_test, contracts_jobs_test, contracts_nodes_test,
             contracts_roles_test)
# The high bytes of times that are arguments: 16 gas, but 4 when they happen to be zero.
OF_TIMES = 2 * 12


class Gas(unittest.TestCase):
    def test_the_table(self):
        """What the table says of geth, on a chain of its own."""
        there = gas.column("geth")
        for contract, rows in gas.measured(GethDev).items():
            for row, cost in rows.items():
                self.assertAlmostEqual(cost, there[contract][row], delta=OF_TIMES, msg=f"{contract}.{row}: {gas.__doc__}")


def load_tests(loader, tests, _):
    for module in FUNCTIONS:
        tests.addTests(loader.loadTestsFromModule(module))
    return tests


if __name__ == "__main__":
    try:
        geth.require()
    except unittest.SkipTest:
        sys.exit(77)
    if sys.argv[1:] == ["--write"]:
        gas.write("geth", gas.measured(GethDev))
    else:
        run()
