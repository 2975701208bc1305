"""The chain client beside the real go-ethereum 1.9.20 on a proof-of-authority chain (Clique, a block a second, 23 M gas):
keystore files both ways, raw transactions, an endpoint that dies in the middle."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
import geth  # noqa: E402
from chain_lab import BIN, Peer, call, until  # noqa: E402
from clique import GAS, NETWORK, Sealer, program  # noqa: E402

VCLI = os.path.join(BIN, "vcli")
TO = "0x3535353535353535353535353535353535353535"
INCREMENT = "0x5b34b966"


def setUpModule():
    geth.require()
    if not os.path.exists(os.path.join(BIN, "chain_peer")):
        raise unittest.SkipTest("chain_peer was not built")


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dsn-chain-geth-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.keystore, self.password = self.path("keystore"), self.path("password")
        self.secret(self.password, "correct horse")

    def path(self, name):
        return os.path.join(self.folder, name)

    def secret(self, path, text):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(text + "\n")

    def vcli(self, *words):
        ran = subprocess.run([VCLI, "--json", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return json.loads(ran.stdout)

    def account(self):
        return self.vcli("account", "new", "--keystore", self.keystore, "--passphrase-file", self.password)["address"]

    def sealer(self, address, *funded):
        node = Sealer(self.folder, self.keystore, self.password, address, funded).__enter__()
        self.addCleanup(node.end)
        return node

    def peer(self, url, folder, **options):
        peer = Peer([url], folder, poll=200, give_up=5000, answer=3000, resend=2000, **options).__enter__()
        self.addCleanup(peer.end)
        return peer

    def client(self):
        """A folder for a client, and its address."""
        folder = self.path("client")
        os.mkdir(folder)
        peer = Peer(["http://127.0.0.1:1"], folder)
        address = peer.address
        peer.end()
        return folder, address

    def test_keystore_files_go_both_ways(self):
        ours = self.account()
        listed = subprocess.run([program(), "--nousb", "account", "list", "--keystore", self.keystore], check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        self.assertIn(ours[2:].lower(), listed)
        # A node that seals with it has opened it.
        self.sealer(ours)
        # The other way: geth seals a key, we open it and have the same key.
        bare, theirs = self.path("bare"), self.path("theirs")
        self.secret(bare, "%064x" % (2**200 + 12345))
        subprocess.run([program(), "--nousb", "account", "import", "--keystore", theirs, "--password", self.password, bare],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        file = os.path.join(theirs, os.listdir(theirs)[0])
        taken = self.vcli("account", "import", file, "--keystore", self.path("taken"), "--passphrase-file", self.password)
        self.assertIn(taken["address"][2:].lower(), file)
        back = self.path("back")
        self.vcli("account", "export", taken["address"], back, "--raw", "--keystore", self.path("taken"), "--passphrase-file",
                  self.password)
        self.assertEqual(pathlib.Path(back).read_text().strip(), pathlib.Path(bare).read_text().strip())

    def test_raw_transactions(self):
        folder, address = self.client()
        node = self.sealer(self.account(), address)
        peer = self.peer(node.url, folder)
        peer.ask("call", "eth_chainId", "[]", start="reply")
        raw = peer.ask("sign", TO, 7, 0, 21000, 10**9, "-", start="raw").split()[1]
        node("eth_sendRawTransaction", raw)
        until(lambda: int(node("eth_getBalance", TO, "latest"), 16) == 7, "the legacy transaction is mined")
        # It knows no EIP-1559; the sender sees that by the blocks, which have no base fee.
        raw = peer.ask("sign", TO, 7, 1, 21000, 10**9, 10**9, start="raw").split()[1]
        with self.assertRaises(RuntimeError):
            node("eth_sendRawTransaction", raw)
        peer.order("put", "sent", TO, 1, "0x", 0)
        self.assertEqual(peer.wait("fate sent").split()[2], "done")
        peer.order("deploy", "accounts", "Accounts", "[]")
        accounts = peer.wait("fate accounts done").split()[6]
        peer.order("transact", "refused", "Accounts", accounts, "withdraw", '["5"]', 0)
        self.assertEqual(peer.wait("fate refused").split()[2], "refused")

    def test_the_endpoint_is_killed_in_the_middle(self):
        folder, address = self.client()
        node = self.sealer(self.account(), address)
        peer = self.peer(node.url, folder, confirmations=2)
        peer.order("deploy", "counter", "Counter", "[]")
        counter = peer.wait("fate counter done").split()[6]
        peer.order("burst", "up", 1500, counter, INCREMENT, 50000)
        until(lambda: self.number(node, counter) > 200, "some are carried out")
        node.end(signal.SIGKILL)
        time.sleep(1)
        node.start()
        peer.wait_fates(1500, "up", seconds=120)
        fates = {f[1]: f for f in peer.fates("up")}
        self.assertEqual({f[2] for f in fates.values()}, {"done"})
        self.assertEqual(sorted(int(f[3]) for f in fates.values()), list(range(1, 1501)))
        self.assertEqual(self.number(node, counter), 1500)
        self.assertEqual(int(node("eth_getTransactionCount", address, "latest"), 16), 1501)

    def test_vcli_starts_a_network_of_sealers(self):
        state = ["--state-dir", self.path("state")]
        self.vcli("account", "new", "--light", "--passphrase-file", self.password, *state)
        programs = ["--geth", program(), "--bootnode", os.path.join(geth.folder, "bootnode")]
        up = self.vcli("chain", "up", "--poa", "--sealers", "3", *programs, *state)
        self.addCleanup(self.vcli, "chain", "down", *state)
        ports = [int(url.rsplit(":", 1)[1]) for url in up["rpc"]]
        self.assertEqual(len(ports), 3)
        self.assertEqual([p["name"] for p in self.vcli("chain", "status", *state)["processes"]],
                         ["bootnode", "sealer1", "sealer2", "sealer3"])
        self.vcli("chain", "deploy", "--passphrase-file", self.password, *state)
        self.assertEqual(self.vcli("counter", "increment", "--passphrase-file", self.password, *state)["count"], "1")
        # All seal in turn, and all have the same chain.
        until(lambda: int(call(ports[0], "eth_blockNumber"), 16) >= 8, "eight blocks")
        blocks = {call(ports[0], "eth_getBlockByNumber", hex(n), False)["hash"] for n in range(1, 6)}
        for port in ports[1:]:
            until(lambda p=port: int(call(p, "eth_blockNumber"), 16) >= 5, "the others follow")
            self.assertEqual({call(port, "eth_getBlockByNumber", hex(n), False)["hash"] for n in range(1, 6)}, blocks)
        self.assertEqual(len(call(ports[0], "clique_getSigners")), 3)
        # One is killed: the others go on, and so does the client.
        pid = int(self.vcli("chain", "status", *state)["processes"][1]["pid"])
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.vcli("counter", "increment", "--passphrase-file", self.password, *state)["count"], "2")

    @staticmethod
    def number(node, counter):
        return int(node("eth_call", {"to": counter, "data": "0xa87d942c"}, "latest"), 16)


if __name__ == "__main__":
    unittest.main()
