"""dsn-bench tps and vcli chain tps on the real anvil: what was sent is in the chain once, and what is told of it is true."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chain_lab import BIN, Anvil, Folder, require, until  # noqa: E402

BENCH = os.path.join(BIN, "dsn-bench")
VCLI = os.path.join(BIN, "vcli")
GAS = 2_000_000
PREPARING = 10  # transactions at most in a block before the calls: a contract, ether for three accounts
KEY = "%064x" % (2**201 + 4711)


class Case(unittest.TestCase):
    def setUp(self):
        require()
        self.folder = pathlib.Path(self.enter(Folder(prefix="dsn-tps-")))
        self.key = self.folder / "key"
        self.key.write_text(KEY)
        self.key.chmod(0o600)

    def enter(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def bench(self, *words):
        return subprocess.run([BENCH, "tps", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120,
                              env={**os.environ, "TMPDIR": str(self.folder)})

    def address(self):
        made = subprocess.run([VCLI, "--json", "account", "import", str(self.key), "--light", "--keystore",
                               str(self.folder / "keystore"), "--passphrase-file", str(self.key)], check=True,
                              stdout=subprocess.PIPE, text=True)
        return json.loads(made.stdout)["address"]

    def test_at_the_limit(self):
        anvil = self.enter(Anvil("--hardfork", "istanbul", "--block-time", "1", "--gas-limit", str(GAS)))
        anvil.fund(self.address())
        plot = self.folder / "plot.svg"
        ran = self.bench("--rpc", anvil.url, "--key-file", str(self.key), "--seconds", "3", "--accounts", "4", "--window", "80",
                         "--confirmations", "1", "--json", "--plot", str(plot))
        self.assertEqual(ran.returncode, 0, ran.stderr)
        told = json.loads(ran.stdout)
        self.assertEqual(told["whole"], "yes")
        self.assertEqual({told[k] for k in ("nonces_twice", "nonce_gaps", "accounts_wrong", "reverted", "refused")}, {"0"})
        self.assertEqual(told["sent"], told["confirmed"])
        self.assertEqual(told["sent"], told["counter"])
        self.assertEqual(int(told["gas_limit"]), GAS)
        # What a block holds of these calls, and that they are at it.
        self.assertTrue(20_000 < int(told["gas_per_call"]) < 30_000, told["gas_per_call"])
        fullest = max(int(b["calls"]) for b in told["blocks"])
        self.assertLessEqual(fullest, GAS // int(told["gas_per_call"]))
        self.assertGreater(fullest, GAS // int(told["gas_per_call"]) * 0.9)
        self.assertEqual(sum(int(b["calls"]) for b in told["blocks"]), int(told["sent"]))
        self.assertTrue(xml.etree.ElementTree.parse(plot).getroot().tag.endswith("svg"))
        self.assertEqual([p.name for p in self.folder.glob("dsn-bench.*")], [])

    def vcli(self, *words):
        return subprocess.Popen([VCLI, "chain", "tps", "--chain-id", "31337", "--state-dir", str(self.folder), "--passphrase-file", str(self.key), *words],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "TMPDIR": str(self.folder)})

    def test_vcli_on_a_given_chain(self):
        anvil = self.enter(Anvil("--hardfork", "istanbul", "--block-time", "1", "--gas-limit", str(GAS)))
        anvil.fund(self.address())
        measuring = self.vcli("--chain-rpc", anvil.url, "--seconds", "2", "--accounts", "3", "--window", "80", "--confirmations",
                              "1", "--json")
        out, err = measuring.communicate(timeout=120)
        self.assertEqual(measuring.returncode, 0, err)
        told = json.loads(out)
        self.assertEqual((told["whole"], told["sent"]), ("yes", told["counter"]))
        self.assertEqual(sum(int(b["calls"]) for b in told["blocks"]), int(told["sent"]))
        self.assertGreater(float(told["rate_per_s"]), float(told["limit_per_s"]) / 10)
        self.assertEqual([p.name for p in self.folder.glob("dsn-vcli.*")], [])

    def start_long(self, anvil):
        return self.vcli("--chain-rpc", anvil.url, "--seconds", "300", "--accounts", "3", "--window", "80", "--confirmations", "1",
                         "--json")

    @staticmethod
    def calls_in_latest(anvil):
        return len(anvil("eth_getBlockByNumber", "latest", False)["transactions"])

    def test_ended_early(self):
        """The figures are those of the time in which calls were made, and nothing is left under way."""
        anvil = self.enter(Anvil("--hardfork", "istanbul", "--block-time", "1", "--gas-limit", str(GAS)))
        anvil.fund(self.address())
        measuring = self.start_long(anvil)
        until(lambda: self.calls_in_latest(anvil) > PREPARING, "calls under way")
        began = anvil.head()
        until(lambda: anvil.head() >= began + 3, "seconds to measure")
        measuring.send_signal(signal.SIGINT)
        out, err = measuring.communicate(timeout=60)
        self.assertEqual(measuring.returncode, 1, err)
        self.assertIn("interrupted", err)
        told = json.loads(out)
        self.assertEqual((told["interrupted"], told["whole"], told["sent"]), ("yes", "yes", told["counter"]))
        self.assertTrue(0 < int(told["seconds"]) < 60, told["seconds"])
        # Of all the 300 s it would be a hundredth; a busy machine does not fill the blocks.
        self.assertGreater(float(told["rate_per_s"]), float(told["limit_per_s"]) / 10)
        self.assertEqual([p.name for p in self.folder.glob("dsn-vcli.*")], [])

    def test_ended_before_the_calls(self):
        anvil = self.enter(Anvil("--hardfork", "istanbul", "--block-time", "3", "--gas-limit", str(GAS)))
        anvil.fund(self.address())
        measuring = self.start_long(anvil)
        until(lambda: list(self.folder.glob("dsn-vcli.*/outbox.db")), "an outbox")
        measuring.send_signal(signal.SIGINT)
        _, err = measuring.communicate(timeout=30)
        self.assertEqual(measuring.returncode, 1, err)
        self.assertIn("interrupted", err)
        self.assertEqual([p.name for p in self.folder.glob("dsn-vcli.*")], [])

    def test_ended_at_once(self):
        """Who asks twice does not wait for what is under way."""
        anvil = self.enter(Anvil("--hardfork", "istanbul", "--block-time", "1", "--gas-limit", str(GAS)))
        anvil.fund(self.address())
        measuring = self.start_long(anvil)
        until(lambda: self.calls_in_latest(anvil) > PREPARING, "calls under way")
        measuring.send_signal(signal.SIGINT)
        measuring.send_signal(signal.SIGTERM)  # two of one kind at once could count as one
        out, err = measuring.communicate(timeout=30)
        self.assertEqual(measuring.returncode, 1, err)
        self.assertIn("interrupted", err)
        self.assertNotIn("rate_per_s", out)
        self.assertEqual([p.name for p in self.folder.glob("dsn-vcli.*")], [])

    def test_refusals(self):
        anvil = self.enter(Anvil())
        anvil.fund(self.address())
        measuring = self.vcli("--chain-rpc", anvil.url)
        _, err = measuring.communicate(timeout=60)
        self.assertEqual(measuring.returncode, 4, err)
        self.assertIn("a block for each transaction", err)
        for part, words in (("either --geth", ["--rpc", anvil.url, "--geth", "geth"]), ("--key-file", ["--rpc", anvil.url]),
                            ("--kill-endpoint", ["--rpc", anvil.url, "--key-file", str(self.key), "--kill-endpoint"])):
            ran = self.bench(*words)
            self.assertEqual(ran.returncode, 2, ran.stderr)
            self.assertIn(part, ran.stderr)


if __name__ == "__main__":
    unittest.main()
