"""vcli chain up --poa: a network of geth nodes that comes up sealing, each time, and stays what it was."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
import geth  # noqa: E402
from vcli_chain_test import VCLI, Case, call, until  # noqa: E402

SECONDS = 120


def setUpModule():
    geth.require()


class ProofOfAuthority(Case):
    def setUp(self):
        super().setUp()
        self.environment.update(DSN_GETH=os.path.join(geth.folder, "geth"), DSN_BOOTNODE=os.path.join(geth.folder, "bootnode"),
                                DSN_PASSPHRASE_FILE=self.passphrase)
        self.new()
        self.addCleanup(self.vcli, "chain", "down", ok=False)

    def up(self, *words):
        rpc = self.answer("chain", "up", "--poa", "--timeout", "%ds" % SECONDS, *words)["rpc"]
        return [int(url.rsplit(":", 1)[1]) for url in rpc]

    @staticmethod
    def head(port):
        return int(call(port, "eth_blockNumber"), 16)

    def block(self, port, number):
        return call(port, "eth_getBlockByNumber", hex(number), False)

    def test_again_and_again(self):
        last = 0
        for n in range(4):
            ports = self.up("--sealers", "3") if n == 0 else self.up()
            self.assertEqual(len(ports), 3)
            # It is back with a block of its own already, and the others have it.
            head = self.head(ports[0])
            self.assertGreater(head, last)
            for port in ports:
                until(lambda p=port: self.head(p) >= head, "the sealers have each other's blocks", SECONDS)
            if n == 0:
                self.vcli("chain", "deploy")
            self.assertEqual(self.vcli("counter", "increment").stdout, "%d\n" % (n + 1))
            self.assertEqual(len(self.answer("chain", "status")["processes"]), 4)
            last = self.head(ports[0])
            self.vcli("chain", "down")

    def test_it_stays_what_it_was(self):
        ports = self.up("--sealers", "2", "--period", "2")
        head = self.head(ports[0])
        until(lambda: self.head(ports[0]) >= head + 2, "two blocks more", SECONDS)
        times = [int(self.block(ports[0], head + i)["timestamp"], 16) for i in range(3)]
        self.assertEqual([times[1] - times[0] >= 2, times[2] - times[1] >= 2], [True, True], times)
        self.vcli("chain", "down")
        self.refused("refused", "has 2 sealers and a block every 2 s", "chain", "up", "--poa", "--sealers", "3")
        self.refused("refused", "--force", "chain", "up", "--poa", "--period", "1")
        self.assertEqual(len(self.up("--period", "2")), 2)
        self.vcli("chain", "down")
        self.assertEqual(len(self.up("--sealers", "1", "--force")), 1)
        self.assertEqual(json.loads((self.net() / "net.json").read_text())["sealers"], "1")

    def test_interrupted_while_they_join(self):
        """Ctrl-C when all were started and none seals yet, and later it comes up with what it had."""
        up = subprocess.Popen([VCLI, "chain", "up", "--poa", "--sealers", "3"], env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(lambda: up.poll() is None and up.kill())

        def started():
            try:
                rows = json.loads((self.net() / "net.json").read_text())["processes"]
            except FileNotFoundError:
                return None
            return rows if len(rows) == 4 else None

        pids = [int(row["pid"]) for row in until(started, "they are started", SECONDS)]
        up.send_signal(signal.SIGINT)
        out, err = up.communicate(timeout=60)
        self.assertEqual((up.returncode, out), (1, ""), err)
        self.assertIn("vcli: interrupted: the chain is down again", err.splitlines()[-1])
        self.assertEqual([pid for pid in pids if pathlib.Path("/proc/%d" % pid).exists()], [])
        self.refused("not-found", "no chain is up", "chain", "status")
        self.assertEqual(len(self.up()), 3)

    def net(self):
        return pathlib.Path(self.home) / ".local/state/dsn/chain/net"


if __name__ == "__main__":
    unittest.main()
