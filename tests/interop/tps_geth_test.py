"""dsn-bench tps on go-ethereum's Clique: nothing is lost and nothing done twice, also when the endpoint is killed."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import geth  # noqa: E402

BIN = os.environ.get("DSN_BIN") or str(geth.SOURCE / "build" / "bin")


def setUpModule():
    geth.require()


class Case(unittest.TestCase):
    def run_bench(self, *words):
        with tempfile.TemporaryDirectory(prefix="dsn-tps-") as folder:
            ran = subprocess.run([os.path.join(BIN, "dsn-bench"), "tps", "--geth", os.path.join(geth.folder, "geth"), "--json",
                                  *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, timeout=500, env={**os.environ, "TMPDIR": folder})
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertEqual(os.listdir(folder), [])
        told = json.loads(ran.stdout)
        print("figure: %s calls a second of %s" % (told["rate_per_s"], told["limit_per_s"]))
        self.assertEqual(told["whole"], "yes")
        self.assertEqual(told["sent"], told["counter"])
        return told

    def test_in_peace(self):
        told = self.run_bench("--seconds", "10", "--sealers", "2")
        self.assertEqual(int(told["gas_limit"]) // int(told["gas_per_call"]), max(int(b["calls"]) for b in told["blocks"]))

    def test_the_endpoint_is_killed(self):
        told = self.run_bench("--seconds", "16", "--kill-endpoint")
        self.assertIn("endpoint_started", told)


if __name__ == "__main__":
    unittest.main()
