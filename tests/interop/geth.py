"""go-ethereum 1.9.20 with Whisper, and its bootnode: on ports of their own, loopback only, no chain but an empty private one.

The chain is Clique's with a signer that nobody is: with the public network's genesis two empty nodes would drop each other
for want of blocks, and Whisper's connection with it.
"""
import json
import os
import re
import socket
import subprocess

from node import SOURCE, Node, skip

NETWORK = 7731
GENESIS = {
    "config": {"chainId": NETWORK, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0,
               "byzantiumBlock": 0, "constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0,
               "clique": {"period": 5, "epoch": 30000}},
    "difficulty": "0x1",
    "gasLimit": "0x7a1200",
    "extraData": "0x" + 32 * "00" + 20 * "5a" + 65 * "00",
    "alloc": {},
}
APIS = "shh,admin,web3,net"
folder = None


def require():
    """Build it when it was not; skip where there is no Go."""
    global folder
    if folder:
        return
    made = subprocess.run([SOURCE / "scripts" / "geth"], stdout=subprocess.PIPE, text=True)
    if made.returncode == 77:
        skip("there is no Go to build go-ethereum 1.9.20 with")
    if made.returncode:
        raise AssertionError("go-ethereum 1.9.20 could not be built")
    folder = made.stdout.strip()


class Geth(Node):
    kind = "geth"

    def __init__(self, where, name, bootnodes=(), static=(), discovery=False, max_peers=25, min_pow=None):
        super().__init__(where, name)
        self.bootnodes, self.static, self.max_peers, self.min_pow = list(bootnodes), list(static), max_peers, min_pow
        self.discovery = discovery or bool(bootnodes)
        self.data = self.folder / "data"
        (self.folder / "genesis.json").write_text(json.dumps(GENESIS))
        subprocess.run([os.path.join(folder, "geth"), "--datadir", self.data, "--nousb", "init",
                        self.folder / "genesis.json"], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # As small as it goes, so that what is measured of its memory is in its favour.
        self.common = [os.path.join(folder, "geth"), "--datadir", str(self.data), "--ethash.dagdir",
                       str(self.data / "dag"), "--networkid", str(NETWORK), "--syncmode", "full", "--cache", "16",
                       "--nousb", "--ipcdisable", "--nat", "none", "--netrestrict", "127.0.0.0/8", "--port", "0",
                       "--discovery.dns", "", "--http", "--http.port", "0", "--http.api", APIS, "--ws", "--ws.port",
                       "0", "--ws.api", APIS, "--ws.origins", "*", "--shh", "--verbosity", "3"]

    def argv(self):
        (self.data / "geth" / "static-nodes.json").write_text(json.dumps(self.static))
        words = [*self.common, "--maxpeers", str(self.max_peers), "--bootnodes", ",".join(self.bootnodes)]
        if not self.discovery:
            words += ["--nodiscover"]
        if self.min_pow is not None:
            words += ["--shh.pow", str(self.min_pow)]
        return words

    def started(self):
        # HTTP and WebSocket share a port when both are given the same one, 0 too.
        text = self.log.read_text(errors="replace")
        where = re.search(r"HTTP server started +endpoint=127\.0\.0\.1:(\d+)", text)
        if not where or "started whisper" not in text:
            return False
        self.port = int(where[1])
        # Without discovery it names UDP port 0, which is of no use to anybody who dials it.
        self.enode = self.rpc("admin_nodeInfo")["enode"].replace("?discport=0", "")
        return True


class Bootnode(Node):
    """Speaks discovery only."""
    kind = "bootnode"

    def argv(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        key = self.folder / "key"
        key.write_text(os.urandom(32).hex())
        return [os.path.join(folder, "bootnode"), "-nodekey", str(key), "-addr", f"127.0.0.1:{port}", "-netrestrict",
                "127.0.0.0/8", "-verbosity", "3"]

    def started(self):
        found = re.search(r"enode://[0-9a-f]{128}@\S+", self.log.read_text(errors="replace"))
        if found:
            self.enode = found[0].replace("@[::]", "@127.0.0.1")
        return bool(found)
