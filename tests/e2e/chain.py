"""An Ethereum chain under test: JSON-RPC, people who have ether, contracts by their artefacts.

    chain = Anvil(folder)                 # or another Chain: what differs is how it starts, pays people and lets time pass
    counter = chain.deploy("Counter", chain.person("owner"))
    counter.send(someone, "incrementCounter")
    assert counter("getCount") == 1
    counter.refuse(someone, "transfer", [to, 5], "InsufficientBalance", [someone, 0, 5])

What was called, refused and told is noted in `seen`, so that a test can ask that nothing was left out.
"""
import collections
import glob
import http.client
import itertools
import json
import os
import pathlib
import re
import subprocess
import time

from secp256k1 import Key
from solidity_abi import decode, encode

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE") or pathlib.Path(__file__).resolve().parents[2]).resolve()
ARTIFACTS = SOURCE / "contracts" / "artifacts"
ETHER = 10**18
ANY = object()  # stands for any value in what is expected
GAS = 6_000_000

seen = collections.defaultdict(lambda: {"functions": set(), "errors": set(), "events": set()})


def artifact(name, folder=ARTIFACTS):
    return json.loads((pathlib.Path(folder) / f"{name}.json").read_text())


# A refusal may come from a contract that was called by the one that was asked.
ERRORS = {selector: signature for path in ARTIFACTS.glob("*.json")
          for signature, selector in json.loads(path.read_text())["errors"].items()}


def kinds_of(signature):
    inner = signature[signature.index("(") + 1:-1]
    return inner.split(",") if inner else []


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.data = error.get("data")


class Refused(Exception):
    """A revert: the custom error's name and arguments, or "" and none where there is no data."""

    def __init__(self, data):
        self.name, self.args_ = "", []
        if len(data) >= 4:
            signature = ERRORS.get("0x" + data[:4].hex())
            if signature:
                self.name = signature[:signature.index("(")]
                self.args_ = decode(kinds_of(signature), data[4:])
            else:
                self.name = "0x" + data.hex()
        super().__init__(f"{self.name}{tuple(self.args_)}")


class Rpc:
    """JSON-RPC 2.0 over one kept-alive connection."""

    def __init__(self, port, seconds=120):
        self.port, self.seconds = port, seconds
        self.numbers = itertools.count(1)
        self.connection = None

    def _post(self, document):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.seconds)
        try:
            self.connection.request("POST", "/", json.dumps(document), {"Content-Type": "application/json"})
            return json.loads(self.connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def batch(self, calls):
        """[(method, parameters), ...] -> results in this order; the first error is raised."""
        calls = [{"jsonrpc": "2.0", "id": next(self.numbers), "method": m, "params": list(p)} for m, p in calls]
        answers = {a["id"]: a for a in self._post(calls)}
        for call in calls:
            if "error" in answers[call["id"]]:
                raise RpcError(answers[call["id"]]["error"])
        return [answers[call["id"]]["result"] for call in calls]

    def __call__(self, method, *parameters):
        call = {"jsonrpc": "2.0", "id": next(self.numbers), "method": method, "params": list(parameters)}
        answer = self._post(call)
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


class Chain:
    """What all chains have in common. One that is derived from it knows `fund` and `advance`."""
    # Seconds for which a job's steps may be taken: report, verify, dispute, resolve. All different, to tell them apart.
    windows = (3600, 7200, 1800, 900)
    clocked = False  # its time is the clock's: a block has the time at which it was made, not the one that was asked for

    def __init__(self, port):
        self.rpc = Rpc(port)
        self.people = {}
        self.funded = set()

    def key(self, name):
        if name not in self.people:
            self.people[name] = Key("dsn test " + name)
        return self.people[name]

    def person(self, name):
        """The address of somebody who has ether and signs by way of the chain's node."""
        key = self.key(name)
        if name not in self.funded:
            self.fund(key)
            self.funded.add(name)
        return key.address

    def fund(self, key):
        raise NotImplementedError

    def advance(self, seconds):
        """Let time pass: the chain's latest block is at least that much younger afterwards."""
        raise NotImplementedError

    def one_block(self, transactions, at=None):
        """All of them in this order in one block, if possible at this time -> receipts."""
        raise NotImplementedError

    @staticmethod
    def in_order(numbers, receipts):
        assert [r["transactionHash"] for r in receipts] == numbers, "not mined in the order of sending"
        assert [int(r["transactionIndex"], 16) for r in receipts] == list(range(len(numbers))), "in another order, or among others"
        assert len({r["blockHash"] for r in receipts}) == 1, "not in one block"
        return receipts

    def now(self):
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def balance(self, address):
        return int(self.rpc("eth_getBalance", address, "latest"), 16)

    def transaction(self, sender, to, data, value=0, gas=GAS):
        made = {"from": sender, "data": "0x" + data.hex(), "value": hex(value), "gas": hex(gas), "gasPrice": hex(10**9)}
        if to:
            made["to"] = to
        return made

    def receipt(self, number, seconds=60):
        end = time.monotonic() + seconds
        while True:
            receipt = self.rpc("eth_getTransactionReceipt", number)
            if receipt:
                return receipt
            if time.monotonic() > end:
                raise AssertionError(f"transaction {number} not mined within {seconds} s")
            time.sleep(0.005)

    def send(self, sender, to, data, value=0, gas=GAS):
        """Returns the receipt, also of a transaction that failed."""
        return self.receipt(self.rpc("eth_sendTransaction", self.transaction(sender, to, data, value, gas)))

    def call(self, sender, to, data, value=0):
        asked = self.transaction(sender, to, data, value)
        del asked["gasPrice"]  # nobody pays for a question
        try:
            answer = self.rpc("eth_call", asked, "latest")
        except RpcError as e:
            data = e.data if isinstance(e.data, str) else (e.data or {}).get("data", "") if e.data else ""
            if "revert" not in str(e):
                raise
            raise Refused(bytes.fromhex(re.sub("^(Reverted )?0x", "", data))) from None
        return bytes.fromhex(answer[2:])

    def creation(self, name, arguments, folder=ARTIFACTS):
        a = artifact(name, folder)
        constructor = [e for e in a["abi"] if e["type"] == "constructor"]
        kinds = [i["type"] for i in constructor[0]["inputs"]] if constructor else []
        return bytes.fromhex(a["bytecode"][2:]) + encode(kinds, arguments)

    def deploy(self, name, sender, *arguments, folder=ARTIFACTS):
        receipt = self.send(sender, None, self.creation(name, arguments, folder))
        assert int(receipt["status"], 16) == 1, f"{name} was not deployed"
        return Contract(self, name, receipt["contractAddress"], receipt, folder)


class Contract:
    def __init__(self, chain, name, address, receipt=None, folder=ARTIFACTS):
        self.chain, self.name, self.address, self.receipt = chain, name, address.lower(), receipt
        a = artifact(name, folder)
        self.selectors = {s[:s.index("(")]: (s, bytes.fromhex(v[2:])) for s, v in a["functions"].items()}
        self.abi = {(e["type"], e.get("name")): e for e in a["abi"]}
        self.topics = {topic: s[:s.index("(")] for s, topic in a["events"].items()}
        if receipt:
            self.events(receipt)

    def encode(self, function, arguments=()):
        signature, selector = self.selectors[function]
        return selector + encode(kinds_of(signature), list(arguments))

    def __call__(self, function, *arguments, sender=None):
        """Ask: the one output, or the list of them."""
        outputs = [o["type"] for o in self.abi["function", function]["outputs"]]
        answer = self.chain.call(sender or "0x" + 40 * "0", self.address, self.encode(function, arguments))
        values = decode(outputs, answer)
        seen[self.name]["functions"].add(function)
        return values[0] if len(values) == 1 else values

    def send(self, sender, function, *arguments, value=0):
        """A transaction that succeeds: its receipt."""
        data = self.encode(function, arguments)
        receipt = self.chain.send(sender, self.address, data, value)
        if int(receipt["status"], 16) != 1:
            try:
                self.chain.call(sender, self.address, data, value)
            except Refused as e:
                raise AssertionError(f"{self.name}.{function}{arguments} by {sender} was refused: {e}") from None
            raise AssertionError(f"{self.name}.{function}{arguments} by {sender} failed")
        seen[self.name]["functions"].add(function)
        return receipt

    def events(self, receipt):
        """[(name, {argument: value}), ...] that this contract told in a transaction."""
        told = []
        for log in receipt["logs"]:
            if log["address"].lower() != self.address:
                continue
            name = self.topics[log["topics"][0]]
            inputs = self.abi["event", name]["inputs"]
            topics = iter(log["topics"][1:])
            plain = decode([i["type"] for i in inputs if not i["indexed"]], bytes.fromhex(log["data"][2:]))
            rest = iter(plain)
            values = {i["name"]: decode([i["type"]], bytes.fromhex(next(topics)[2:]))[0] if i["indexed"] else next(rest)
                      for i in inputs}
            told.append((name, values))
            seen[self.name]["events"].add(name)
        return told

    def refuse(self, sender, function, arguments, error, expected=(), value=0, by=None):
        """It is refused with this error and these arguments (ANY: whatever), asked as well as sent; `by`: the contract
        whose refusal it is, when it is passed on."""
        data = self.encode(function, arguments)
        try:
            self.chain.call(sender, self.address, data, value)
        except Refused as e:
            good = e.name == error and len(e.args_) == len(expected) and all(
                w is ANY or w == g for w, g in zip(expected, e.args_))
            assert good, f"{self.name}.{function}: {error}{tuple(expected)} expected, got {e}"
            seen[(by or self).name]["errors"].add(error)
        else:
            raise AssertionError(f"{self.name}.{function}: {error} expected, but it was not refused")
        receipt = self.chain.send(sender, self.address, data, value)
        assert int(receipt["status"], 16) == 0, f"{self.name}.{function}: refused when asked, but not when sent"
        assert not receipt["logs"]


def left_out(name):
    """Functions, errors and events of a contract that were never called, provoked, told."""
    a = artifact(name)
    return {kind: {s[:s.index("(")] for s in a[kind]} - seen[name][kind] for kind in ("functions", "errors", "events")}


class Anvil(Chain):
    """anvil as of the EVM that we compile for; its time is its own: a second for each block."""
    START = 1_900_000_000

    def __init__(self, folder):
        found = self.programs()
        if not found:
            raise AssertionError("no anvil: run scripts/setup contracts")
        self.log = pathlib.Path(folder) / "anvil.log"
        # Its home, since it keeps states of the chain there.
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [found[0], "--host", "127.0.0.1", "--port", "0", "--hardfork", "istanbul", "--accounts", "1", "--order",
                 "fifo", "--timestamp", str(self.START), "--gas-limit", "1000000000", "--auto-impersonate", "--threads",
                 "1"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "HOME": str(folder)})
        try:
            super().__init__(self._port())
            self.rpc("anvil_setBlockTimestampInterval", 1)
        except BaseException:
            self.stop()
            raise

    @staticmethod
    def programs():
        """The one for this machine, or none."""
        return glob.glob(str(SOURCE / "contracts" / "node_modules" / "@foundry-rs" / "anvil-*" / "bin" / "anvil"))

    def _port(self):
        end = time.monotonic() + 60
        while True:
            found = re.search(rb"Listening on 127\.0\.0\.1:(\d+)", self.log.read_bytes())
            if found:
                return int(found[1])
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"anvil did not start: {self.log.read_text()}")
            time.sleep(0.02)

    def fund(self, key):
        self.rpc("anvil_setBalance", key.address, hex(10**6 * ETHER))

    def advance(self, seconds):
        self.rpc("evm_setNextBlockTimestamp", self.now() + seconds)
        self.rpc("evm_mine")

    def one_block(self, transactions, at=None):
        self.settle()
        self.rpc("evm_setAutomine", False)
        try:
            numbers = self.rpc.batch([("eth_sendTransaction", [t]) for t in transactions])
            if at:
                self.rpc("evm_setNextBlockTimestamp", at)
            self.rpc("evm_mine")
            return self.in_order(numbers, self.rpc("eth_getBlockReceipts", "latest"))
        finally:
            self.rpc("evm_setAutomine", True)

    def settle(self, seconds=60):
        """Wait until the pool has let go of what was mined, which it does a little later: a transaction that is undone in
        between would be mined once more."""
        end = time.monotonic() + seconds
        while self.rpc("txpool_status")["pending"] != "0x0":
            if time.monotonic() > end:
                raise AssertionError(f"transactions not mined within {seconds} s: {self.rpc('txpool_content')}")
            time.sleep(0.005)

    def snapshot(self):
        self.settle()
        return self.rpc("evm_snapshot")

    def revert(self, snapshot):
        self.settle()
        assert self.rpc("evm_revert", snapshot)

    def stop(self):
        if getattr(self, "rpc", None):
            self.rpc.close()
        self.process.kill()
        self.process.wait(30)
