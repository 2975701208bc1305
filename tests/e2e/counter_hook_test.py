"""A word over Whisper moves the Counter: real shhd, the real anvil, `vcli counter move` as the hook of what is received."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chain_lab import BIN, Anvil, Folder, call, require, until  # noqa: E402

VCLI = os.path.join(BIN, "vcli")


class Case(unittest.TestCase):
    def chain(self):
        require()
        return Anvil()

    def setUp(self):
        self.home = pathlib.Path(self.enter(Folder(prefix="dsn-hook-")))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("DSN_", "XDG_"))}
        self.environment["HOME"] = str(self.home)
        self.node_of_chain = self.enter(self.chain())

    def enter(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def secret(self, name, text):
        path = self.home / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return str(path)

    def start(self, argv, log):
        with open(self.home / log, "w") as f:
            process = subprocess.Popen(argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=f, stderr=f)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.terminate)

    def node(self, name):
        ready = self.home / (name + ".json")
        self.start([os.path.join(BIN, "shhd"), "--data-dir", str(self.home / name), "--ready-file", str(ready), "--address",
                    "127.0.0.1", "--port", "0", "--rpc-port", "0", "--no-discovery"], name + ".log")
        until(ready.exists, name + " is ready")
        return json.loads(ready.read_text())

    def vcli(self, *words):
        return subprocess.run([VCLI, "--json", *words], env={**self.environment, "DSN_CHAIN_RPC": self.node_of_chain.url}, check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=90).stdout

    def test_start_and_stop(self):
        passphrase, password = self.secret("passphrase", "correct horse"), self.secret("password", "battery staple")
        self.node_of_chain.fund(json.loads(self.vcli("account", "new", "--light", "--passphrase-file", passphrase))["address"])
        self.vcli("chain", "deploy", "--chain-id", "31337", "--passphrase-file", passphrase)
        here, there = self.node("here"), self.node("there")
        call(here["rpc_port"], "admin_addPeer", there["enode"])
        hook = [VCLI, "counter", "move", "--chain-rpc", self.node_of_chain.url, "--passphrase-file", passphrase]
        self.start([VCLI, "whisper", "receive", "--rpc", "ws://127.0.0.1:%d" % there["rpc_port"], "--password-file",
                    password, "--on-start", '["sleep","60"]', "--hook", json.dumps(hook), "--json"], "receive.log")
        until(lambda: "receiving" in (self.home / "receive.log").read_text(), "it receives")
        for word, count in (("start", "1"), ("start", "2"), ("stop", "1")):
            subprocess.run([VCLI, "whisper", "send", word, "--rpc", "ws://127.0.0.1:%d" % here["rpc_port"],
                            "--password-file", password], env=self.environment, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=60)
            until(lambda: json.loads(self.vcli("counter", "get"))["count"] == count, word + " moves the counter to " + count)
        # Nothing of it goes on when the chain is ended.
        until(lambda: (self.home / "receive.log").read_text().count('"hook"') == 3, "all hooks have ended")


if __name__ == "__main__":
    unittest.main()
