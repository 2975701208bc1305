"""Our node, the program shhd."""
import json
import os

from node import BIN, Node


def require():
    if not os.access(BIN / "shhd", os.X_OK):
        raise AssertionError(f"{BIN / 'shhd'} is not built")


class Shhd(Node):
    kind = "shhd"

    def __init__(self, where, name, bootnodes=(), static=(), discovery=False, max_peers=25, min_pow=None):
        super().__init__(where, name)
        self.bootnodes, self.static, self.max_peers, self.min_pow = list(bootnodes), list(static), max_peers, min_pow
        self.discovery = discovery or bool(bootnodes)
        self.told = self.folder / "ready.json"

    def argv(self):
        self.told.unlink(missing_ok=True)
        words = [str(BIN / "shhd"), "--address", "127.0.0.1", "--port", "0", "--rpc-port", "0", "--network-id", "7731",
                 "--data-dir", str(self.folder / "data"), "--ready-file", str(self.told), "--max-peers",
                 str(self.max_peers)]
        for url in self.bootnodes:
            words += ["--bootnodes", url]
        for url in self.static:
            words += ["--static", url]
        if not self.discovery:
            words += ["--no-discovery"]
        if self.min_pow is not None:
            words += ["--min-pow", str(self.min_pow)]
        return words

    def started(self):
        try:
            told = json.loads(self.told.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        self.port, self.enode = told["rpc_port"], told["enode"]
        return True
