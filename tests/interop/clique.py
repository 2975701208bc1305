"""go-ethereum 1.9.20 as the one sealer of a proof-of-authority chain: Clique, a block a second, 23 M gas."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
import geth  # noqa: E402
from chain_lab import BIN, CHAIN, Process, call, free_port, until  # noqa: E402

NETWORK = CHAIN  # the tests of anvil run on it too
GAS = 23_000_000
ETHER = 10**18


def program():
    return os.path.join(geth.folder, "geth")


class Sealer(Process):
    """A node that seals with the account in `keystore`."""

    def __init__(self, folder, keystore, password, address, funded):
        self.folder, self.port = pathlib.Path(folder), free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        bare = address[2:].lower()
        genesis = {
            "config": {"chainId": NETWORK, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0,
                       "byzantiumBlock": 0, "constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0,
                       "clique": {"period": 1, "epoch": 30000}},
            "difficulty": "0x1", "gasLimit": hex(GAS), "extraData": "0x" + 32 * "00" + bare + 65 * "00",
            "alloc": {a[2:]: {"balance": hex(1000 * ETHER)} for a in funded}}
        (self.folder / "genesis.json").write_text(json.dumps(genesis))
        data = ["--datadir", str(self.folder / "data"), "--nousb"]
        subprocess.run([program(), *data, "init", str(self.folder / "genesis.json")], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.argv = [program(), *data, "--keystore", keystore, "--networkid", str(NETWORK), "--syncmode", "full", "--cache",
                     "64", "--nodiscover", "--maxpeers", "0", "--port", "0", "--ipcdisable", "--nat", "none", "--http",
                     "--http.port", str(self.port), "--http.api", "eth,net,web3,txpool", "--allow-insecure-unlock", "--unlock",
                     bare, "--password", password, "--mine", "--miner.threads", "1", "--miner.gastarget", str(GAS),
                     "--miner.gaslimit", str(GAS), "--verbosity", "3"]
        self.start()

    def start(self):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        until(self.seals, "geth seals blocks; see " + str(self.folder / "log"))

    def seals(self):
        try:
            return int(call(self.port, "eth_blockNumber"), 16) > 0
        except (OSError, ValueError):
            return False

    def __call__(self, method, *params):
        return call(self.port, method, *params)


class Clique(Sealer):
    """With an account of its own to seal with, that pays whom it is told to: in place of chain_lab.Anvil."""

    def __init__(self):
        geth.require()
        folder = tempfile.mkdtemp(prefix="dsn-clique-")
        keystore, password = os.path.join(folder, "keystore"), os.path.join(folder, "password")
        with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write("correct horse\n")
        made = subprocess.run([os.path.join(BIN, "vcli"), "--json", "account", "new", "--light", "--keystore", keystore,
                               "--passphrase-file", password], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.address = json.loads(made.stdout)["address"]
        super().__init__(folder, keystore, password, self.address, [self.address])

    def fund(self, address, ether=100):
        sent = self("eth_sendTransaction", {"from": self.address, "to": address, "value": hex(ether * ETHER), "gas": hex(21000)})
        until(lambda: self("eth_getTransactionReceipt", sent), "the transfer is in a block")

    def end(self, *args):
        super().end(*args)
        shutil.rmtree(self.folder, True)
