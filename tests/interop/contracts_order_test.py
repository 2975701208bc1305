#!/usr/bin/env python3
"""Random transactions, repetition and calling back on go-ethereum 1.9.20's Clique, many to a block, as on anvil.

Time is the clock's here and never goes back. So what compares several orders from one state, or needs a block at a given second,
is left to anvil; and jobs are short.

    DSN_STEPS=2000 DSN_SEED=7 python3 tests/interop/contracts_order_test.py
"""
import os
import sys
import time
import unittest

import geth
import node
from geth_dev import run

sys.path.append(str(node.SOURCE / "tests" / "e2e"))

import contracts_races_test as races  # noqa: E402
import contracts_random_test as random_test  # noqa: E402


class Walk(random_test.Walk):
    steps, a_block = int(os.environ.get("DSN_STEPS", "400")), 20
    job_s, bar_s = 40, 5

    def pass_time(self):
        time.sleep(self.dice.random() * 3)
        self.model.now = int(time.time())

    def pass_all_time(self):
        end = max(job.deadline for job in self.model.jobs.values()) + sum(self.chain.windows)
        self.chain.advance(max(1, end - self.chain.now()))
        self.model.now = self.chain.now()

    def whole(self, jobs):
        """Which ends the jobs come to is also the clock's choice; but money did flow."""
        for function in ("create", "assign", "report", "confirm", "settle"):
            self.assertGreater(self.count[function, True], 0, function)


class Repetition(races.Repetition):
    pass


class CallingBack(races.CallingBack):
    def setUp(self):
        if not (node.SOURCE / "contracts" / "node_modules" / "solc").exists():
            node.skip("there is no solc to compile the attacker with; run scripts/setup contracts")
        super().setUp()


if __name__ == "__main__":
    try:
        geth.require()
    except unittest.SkipTest:
        sys.exit(77)
    run()
