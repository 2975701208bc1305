#!/usr/bin/env python3
"""The contracts on go-ethereum 1.9.20's Clique (geth --dev): the same function tests as on anvil, and the same gas.

Time is the clock's here, so the windows are short and the tests wait them out.

    python3 tests/interop/contracts_test.py --write      write geth's column of contracts/gas.json anew
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import geth
import node

sys.path.append(str(node.SOURCE / "tests" / "e2e"))

import chain as chains  # noqa: E402
import contracts_accounts_test  # noqa: E402
import contracts_blacklist_test  # noqa: E402
import contracts_case  # noqa: E402
import contracts_gas_test as gas  # noqa: E402
import contracts_jobs_test  # noqa: E402
import contracts_nodes_test  # noqa: E402
import contracts_roles_test  # noqa: E402

FUNCTIONS = (contracts_accounts_test, contracts_blacklist_test, contracts_jobs_test, contracts_nodes_test,
             contracts_roles_test)
# The high bytes of times that are arguments: 16 gas, but 4 when they happen to be zero.
OF_TIMES = 2 * 12


class GethDev(chains.Chain):
    """geth's own development chain: Clique with one sealer, who has all the ether; a block for each transaction."""
    windows = (10, 11, 9, 8)

    def __init__(self, folder):
        self.data = pathlib.Path(folder) / "data"
        self.log = pathlib.Path(folder) / "geth.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(geth.folder, "geth"), "--dev", "--datadir", str(self.data), "--ethash.dagdir",
                 str(self.data / "dag"), "--ipcdisable", "--nousb", "--lightkdf", "--nodiscover", "--maxpeers", "0", "--port",
                 "0", "--nat", "none", "--netrestrict", "127.0.0.0/8", "--http", "--http.addr", "127.0.0.1", "--http.port", "0",
                 "--http.api", "eth,personal", "--allow-insecure-unlock", "--cache", "64", "--verbosity", "3"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            super().__init__(self._port())
            self.bank = self.rpc("eth_accounts")[0]
        except BaseException:
            self.stop()
            raise

    def _port(self):
        end = time.monotonic() + 60
        while True:
            found = re.search(r"HTTP server started +endpoint=127\.0\.0\.1:(\d+)", self.log.read_text(errors="replace"))
            if found:
                return int(found[1])
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"geth did not start: {self.log.read_text()}")
            time.sleep(0.05)

    def fund(self, key):
        self.rpc("personal_importRawKey", f"{key.secret:064x}", "")
        self.rpc("personal_unlockAccount", key.address, "", 0)
        self.send(self.bank, key.address, b"", 10**6 * chains.ETHER)

    def advance(self, seconds):
        until = self.now() + seconds
        while time.time() < until:
            time.sleep(max(0.01, until - time.time()))
        # A block that is as young.
        self.send(self.bank, self.bank, b"")
        assert self.now() >= until

    def stop(self):
        if getattr(self, "rpc", None):
            self.rpc.close()
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)


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


def run():
    where = tempfile.mkdtemp(prefix="dsn-geth-contracts-")
    try:
        chain = GethDev(where)
        try:
            contracts_case.use(chain)
            node.main()
        finally:
            chain.stop()
    finally:
        shutil.rmtree(where)


if __name__ == "__main__":
    try:
        geth.require()
    except unittest.SkipTest:
        sys.exit(77)
    if sys.argv[1:] == ["--write"]:
        gas.write("geth", gas.measured(GethDev))
    else:
        run()
