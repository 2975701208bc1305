"""web3.js 1.x, unmodified: every method of web3.shh over HTTP and WebSocket against ours, and the same against geth; both
give the same account of it."""
import json
import os
import subprocess
import unittest

import node

FOLDER = node.SOURCE / "tests" / "interop" / "web3"
# What web3.js itself has at shh, less what it brings for every module; each must have been called.
METHODS = """subscribe getVersion getInfo setMaxMessageSize setMinPoW markTrustedPeer newKeyPair addPrivateKey deleteKeyPair
hasKeyPair getPublicKey getPrivateKey newSymKey addSymKey generateSymKeyFromPassword hasSymKey getSymKey deleteSymKey
newMessageFilter getFilterMessages deleteMessageFilter post unsubscribe""".split()


def setUpModule():
    node.require()
    if not os.path.isdir(FOLDER / "node_modules" / "web3"):
        raise AssertionError("web3.js is not installed: run scripts/setup interop")


class Web3(node.TestCase):
    maxDiff = None

    def account(self, url, peer):
        ran = subprocess.run(["node", "whisper.js", url, peer.enode], cwd=FOLDER, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=200)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return json.loads(ran.stdout)

    def both(self, scheme):
        g, s = self.pair()
        ours = self.account(f"{scheme}://127.0.0.1:{s.port}", g)
        geths = self.account(f"{scheme}://127.0.0.1:{g.port}", s)
        for (name, told), (_, expected) in zip(ours, geths):
            with self.subTest(name):
                self.assertEqual(told, expected)
        self.assertEqual([name for name, _ in ours], [name for name, _ in geths])
        return ours

    def test_http(self):
        self.both("http")

    def test_websocket(self):
        names = {name.split()[0] for name, _ in self.both("ws")}
        self.assertEqual(set(METHODS) - names, set())

    def test_that_nothing_is_left_out(self):
        listed = subprocess.run(["node", "-e", "const w = new (require('web3'))('http://127.0.0.1:1');"
                                 "console.log(JSON.stringify(Object.keys(w.shh)))"], cwd=FOLDER,
                                stdout=subprocess.PIPE, text=True, check=True, timeout=60)
        everywhere = {"currentProvider", "_requestManager", "givenProvider", "providers", "_provider", "setProvider",
                      "setRequestManager", "BatchRequest", "extend", "net"}
        self.assertEqual(set(json.loads(listed.stdout)) - everywhere, set(METHODS))


if __name__ == "__main__":
    node.main()
