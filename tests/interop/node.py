"""A Whisper node under test, go-ethereum's or ours: one process with a folder of its own that speaks the same JSON-RPC.

    class Something(node.TestCase):
        def test_it(self):
            a, b = self.geth(), self.shhd()
            a.dial(b)
            node.until_connected(a, b)
            f = b.rpc("shh_newMessageFilter", {...})

Whatever happens in a test, all processes are ended by their ids when it is over; the logs of a test that failed are kept.
"""
import collections
import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE") or pathlib.Path(__file__).resolve().parents[2]).resolve()
BIN = pathlib.Path(os.environ.get("DSN_BIN") or SOURCE / "build" / "bin").resolve()
# go-ethereum in our place too: what is red then is the test's own fault.
ALL_GETH = bool(os.environ.get("DSN_INTEROP_ALL_GETH"))
TOPIC = "0x07a1b2c3"
STOP_S = 20


def figure(text):
    print(f"figure: {text}", flush=True)


def wait_for(what, condition, seconds=20, every=0.02, why=None):
    """Poll until `condition()` is true and return its value. `why()` tells more when it is not."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s{'; ' + str(why()) if why else ''}")
        time.sleep(every)


class RpcError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Rpc:
    """JSON-RPC 2.0 over one kept-alive HTTP connection; for one thread at a time."""

    def __init__(self, port, seconds=60):
        self.port, self.seconds = port, seconds
        self.numbers = itertools.count(1)
        self.connection = None

    def send(self, document):
        """Any JSON document; the answer's."""
        body = json.dumps(document).encode()
        for last in (False, True):
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.seconds)
            try:
                self.connection.request("POST", "/", body, {"Content-Type": "application/json"})
                return json.loads(self.connection.getresponse().read())
            except (http.client.RemoteDisconnected, ConnectionError):
                # An idle connection that the server gave up meanwhile; the request was not read.
                self.close()
                if last or fresh:
                    raise

    def __call__(self, method, *params):
        answer = self.send({"jsonrpc": "2.0", "id": next(self.numbers), "method": method, "params": list(params)})
        if "error" in answer:
            raise RpcError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


class Node:
    """Common to both kinds; a kind has `kind`, argv() and started()."""
    kind = None

    def __init__(self, folder, name):
        self.name = name
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log"
        self.process = None
        self.port = 0  # of HTTP and WebSocket
        self.enode = None
        self.lock = threading.Lock()
        self.connections = []
        self.local = threading.local()

    def argv(self):
        raise NotImplementedError

    def started(self):
        """Has it said where it listens? Sets `port` and `enode` then."""
        raise NotImplementedError

    def start(self):
        self.log.write_bytes(b"")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder)
        try:
            wait_for(f"{self.name} listens", self.ready, 60, why=self.tail)
        except BaseException:
            self.stop()
            raise
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode} at its start: {self.tail()}")
        return self.started()

    def stop(self, how=signal.SIGTERM):
        """Its exit code."""
        self.forget()
        if not self.process:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        code, self.process = self.process.returncode, None
        return code

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    @property
    def rpc(self):
        """This thread's connection."""
        if not hasattr(self.local, "rpc"):
            self.local.rpc = Rpc(self.port)
            with self.lock:
                self.connections.append(self.local.rpc)
        return self.local.rpc

    def forget(self):
        """Every thread's connection."""
        with self.lock:
            for c in self.connections:
                c.close()
            self.connections.clear()
            self.local = threading.local()

    @property
    def key(self):
        """The 128 digits that name it."""
        return self.enode[len("enode://"):].split("@")[0]

    def dial(self, other):
        self.rpc("admin_addPeer", other.enode)

    def peers(self):
        """{key: as admin_peers tells it} of those that speak Whisper."""
        found = {}
        for p in self.rpc("admin_peers"):
            if "shh/6" in p["caps"] and "shh" in p["protocols"]:
                found[p["enode"][len("enode://"):].split("@")[0]] = p
        return found

    def memory_kib(self):
        """Resident: its own and its share of libraries, as the kernel counts it."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError(f"{self.name} has gone")

    def symmetric(self, key):
        return self.rpc("shh_addSymKey", key)

    def filter(self, **criteria):
        return self.rpc("shh_newMessageFilter", criteria)

    def messages(self, filter):
        return self.rpc("shh_getFilterMessages", filter)

    def post(self, **message):
        """Hash of the envelope. Where the caller says nothing of work, as little as everybody accepts."""
        message.setdefault("powTarget", 0.4)
        message.setdefault("powTime", 20)
        message.setdefault("ttl", 50)
        message.setdefault("topic", TOPIC)
        return self.rpc("shh_post", message)


def connected(a, b):
    return b.key in a.peers() and a.key in b.peers()


def until_connected(a, b, seconds=40):
    wait_for(f"{a.name} and {b.name} are connected", lambda: connected(a, b), seconds, 0.1,
             why=lambda: f"{a.name}:\n{a.tail()}\n{b.name}:\n{b.tail()}")


def until_received(receiver, filter, count=1, seconds=20):
    """The next `count` messages."""
    got = []

    def enough():
        got.extend(receiver.messages(filter))
        return len(got) >= count

    wait_for(f"{receiver.name} gets {count} messages", enough, seconds, why=lambda: f"{len(got)} came; {receiver.tail()}")
    return got


def until_changed(sender, receiver, work=0.4, seconds=20):
    """Until what `sender` told its peers before (its PoW requirement, its bloom filter) has reached `receiver`: both go
    over one connection in order, so a message that was posted later by `sender` and has arrived proves it. `work` is
    what `receiver` asks for."""
    key = os.urandom(32).hex()
    f = receiver.filter(symKeyID=receiver.symmetric("0x" + key), topics=[TOPIC])
    # Its own bloom filter is asked about what is posted too; a filter of that topic makes room for it.
    own = sender.filter(symKeyID=sender.symmetric("0x" + key), topics=[TOPIC])
    sender.post(symKeyID=sender.symmetric("0x" + key), payload="0x", powTarget=work)
    until_received(receiver, f, 1, seconds)
    receiver.rpc("shh_deleteMessageFilter", f)
    sender.rpc("shh_deleteMessageFilter", own)


class TestCase(unittest.TestCase):
    """Nodes of this test; named in order, ended in the end."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dsn-interop-")
        self.nodes = []
        self.counts = collections.Counter()
        self.addCleanup(self.end)

    def node(self, kind, *arguments, **options):
        self.counts[kind.kind] += 1
        n = kind(self.folder, f"{kind.kind}{self.counts[kind.kind]}", *arguments, **options)
        self.nodes.append(n)
        return n.start()

    def geth(self, **options):
        from geth import Geth
        return self.node(Geth, **options)

    def shhd(self, **options):
        if ALL_GETH:
            return self.geth(**options)
        from shhd import Shhd
        return self.node(Shhd, **options)

    def pair(self, **options):
        """A geth and a shhd, connected."""
        g, s = self.geth(**options), self.shhd(**options)
        s.dial(g)
        until_connected(g, s)
        return g, s

    def end(self):
        for n in reversed(self.nodes):
            n.stop()
        result = getattr(getattr(self, "_outcome", None), "result", None)
        # A subtest stands there for itself and names the test it is of.
        failed = result and any(getattr(t, "test_case", t) is self for t, _ in result.failures + result.errors)
        if failed:
            print(f"logs are kept in {self.folder}", file=sys.stderr, flush=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def skip(reason):
    print(f"SKIP: {reason}", file=sys.stderr, flush=True)
    raise unittest.SkipTest(reason)


def require(geth=True, shhd=True):
    """Skips where there is no Go to build geth with; what else is missing is a failure."""
    if geth:
        import geth as module
        module.require()
    if shhd and not ALL_GETH:
        import shhd as module
        module.require()


def main():
    """unittest.main() with exit code 77 when nothing was tested."""
    result = unittest.main(module="__main__", verbosity=2, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun == 0 or len(result.skipped) >= result.testsRun else 0)
