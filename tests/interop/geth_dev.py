"""go-ethereum's development chain for the tests of the contracts, in place of anvil (tests/e2e/chain.py)."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import geth
import node

sys.path.append(str(node.SOURCE / "tests" / "e2e"))

import chain as chains  # noqa: E402
import contracts_case  # noqa: E402


class GethDev(chains.Chain):
    """geth's own development chain: Clique with one sealer, who has all the ether; a block for each transaction."""
    windows = (10, 11, 9, 8)
    clocked = True

    def __init__(self, folder):
        self.data = pathlib.Path(folder) / "data"
        self.log = pathlib.Path(folder) / "geth.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(geth.folder, "geth"), "--dev", "--datadir", str(self.data), "--ethash.dagdir",
                 str(self.data / "dag"), "--ipcdisable", "--nousb", "--lightkdf", "--nodiscover", "--maxpeers", "0", "--port",
                 "0", "--nat", "none", "--netrestrict", "127.0.0.0/8", "--http", "--http.addr", "127.0.0.1", "--http.port", "0",
                 "--http.api", "eth,miner,personal", "--allow-insecure-unlock", "--cache", "64", "--verbosity", "3"],
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

    def one_block(self, transactions, at=None):
        """In the order of their prices, each a wei below the one before."""
        self.rpc("miner_stop")
        self._until(lambda: not self.rpc("eth_mining"), "geth stops to seal")
        for i, t in enumerate(transactions):
            t["gasPrice"] = hex(int(t["gasPrice"], 16) + len(transactions) - i)
        numbers = self.rpc.batch([("eth_sendTransaction", [t]) for t in transactions])
        self.rpc("miner_start", 1)
        return self.in_order(numbers, [self.receipt(number) for number in numbers])

    @staticmethod
    def _until(condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            time.sleep(0.005)

    def stop(self):
        if getattr(self, "rpc", None):
            self.rpc.close()
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)


def run():
    """All tests of the file that was started, on one chain."""
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
