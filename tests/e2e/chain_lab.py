"""A chain client under test: anvil, the helper tests/e2e/chain_peer.c, and an endpoint that misbehaves on demand.

    with Anvil("--no-mining") as anvil, Proxy(anvil.port) as proxy, Peer([proxy.url], folder, confirmations=2) as peer:
        peer.order("put", "first", TO, 1, "0x", 21000)
        proxy.mode = "dead"
        peer.wait("fate first done")
"""
import glob
import http.client
import http.server
import json
import os
import re
import secrets
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest

SOURCE = os.environ.get("DSN_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("DSN_BIN") or os.path.join(SOURCE, "build", "bin")
CHAIN = 31337
PATIENCE = 40  # seconds


def anvil_program():
    found = glob.glob(os.path.join(SOURCE, "contracts", "node_modules", "@foundry-rs", "anvil-*", "bin", "anvil"))
    return found[0] if found else shutil.which("anvil")


def require():
    if not anvil_program() or not os.path.exists(os.path.join(BIN, "chain_peer")):
        raise unittest.SkipTest("anvil (npm, contracts/package.json) or chain_peer is missing")


def until(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (seconds, what))
        time.sleep(0.02)


def port_numbers():
    """Of a range of this test's own, below the ephemeral ones."""
    first, last = map(int, os.environ.get("DSN_TEST_PORTS", "%d-31999" % (20000 + os.getpid() % 1000 * 10)).split("-"))
    while True:
        yield from range(first, last + 1)


numbers = port_numbers()


def free_port():
    for port in numbers:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def call(port, method, *params):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if "error" in answer:
        raise RuntimeError("%s: %s" % (method, answer["error"]))
    return answer["result"]


class Process:
    """Ended by its process id, whatever happens."""

    process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self, signal=15):
        if self.process:
            if self.process.poll() is None and signal:
                self.process.send_signal(signal)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
                if pipe:
                    pipe.close()
        self.process = None


class Anvil(Process):
    def __init__(self, *args, port=None):
        self.port, self.args = port or free_port(), list(args)
        self.url = "http://127.0.0.1:%d" % self.port
        self.start()

    def start(self):
        self.process = subprocess.Popen([anvil_program(), "--host", "127.0.0.1", "--port", str(self.port), "--silent",
                                         "--accounts", "1", *self.args], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.answers, "anvil answers")

    def answers(self):
        try:
            return call(self.port, "eth_chainId")
        except (OSError, http.client.HTTPException):
            return None

    def __call__(self, method, *params):
        return call(self.port, method, *params)

    def fund(self, address, ether=1000):
        self("anvil_setBalance", address, hex(ether * 10**18))

    def mine(self, count=1):
        for _ in range(count):
            self("evm_mine")

    def head(self):
        return int(self("eth_blockNumber"), 16)

    def count(self, address):
        return int(self("eth_getTransactionCount", address, "latest"), 16)

    def storage(self, address):
        """The Counter's number."""
        return int(self("eth_call", {"to": address, "data": "0xa87d942c"}, "latest"), 16)


class Proxy:
    """Between the client and a node. mode: pass, dead, slow, garbage, gigantic, lie; or a function of (calls, forward)
    that returns the body to answer, or None to close the connection without an answer."""

    def __init__(self, upstream):
        self.upstream, self.mode, self.garbage, self.seconds = upstream, "pass", b"<html>", 30
        self.requests = 0
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                proxy.requests += 1
                try:
                    proxy.handle(self, body)
                except OSError:
                    self.close_connection = True

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def forward(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=PATIENCE)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    @staticmethod
    def answer(handler, body):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def handle(self, handler, body):
        mode = self.mode
        if callable(mode):
            calls = json.loads(body)
            answer = mode(calls if isinstance(calls, list) else [calls], lambda: self.forward(body))
            if answer is None:
                handler.close_connection = True
            else:
                self.answer(handler, answer)
        elif mode == "dead":
            handler.close_connection = True
        elif mode == "slow":
            time.sleep(self.seconds)
            self.answer(handler, self.forward(body))
        elif mode == "garbage" and b"eth_chainId" not in body:
            self.answer(handler, self.garbage)
        elif mode == "gigantic" and b"eth_chainId" not in body:
            self.gigantic(handler)
        elif mode == "lie":
            self.answer(handler, re.sub(rb'"result":"0x[0-9a-f]+"', b'"result":"0x1"', self.forward(body))
                        if b"eth_chainId" in body else self.forward(body))
        else:
            self.answer(handler, self.forward(body))

    @staticmethod
    def gigantic(handler):
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(b'{"jsonrpc":"2.0","id":1,"result":"0x')
        for _ in range(4096):  # 4 GiB, unless somebody closes
            handler.wfile.write(b"0" * 1048576)


class Peer(Process):
    """`limit_bytes`: no file of it may become longer (RLIMIT_FSIZE)."""

    def __init__(self, urls, folder=None, limit_bytes=None, **options):
        self.lines, self.condition = [], threading.Condition()
        argv = [os.path.join(BIN, "chain_peer")]
        if folder:
            key = os.path.join(folder, "key")
            if not os.path.exists(key):
                with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                    f.write("%064x\n" % (secrets.randbits(248) + 1))
            argv += ["--db", os.path.join(folder, "chain.db"), "--key", key]
        for name, value in options.items():
            argv += ["--" + name.replace("_", "-"), str(value)]
        limited = []
        if limit_bytes:
            limited = ["prlimit", "--fsize=%d" % limit_bytes, "--"]
        self.process = subprocess.Popen([*limited, *argv, *urls], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1)
        self.errors = []
        self.readers = [threading.Thread(target=self.read, args=(self.process.stdout, self.lines), daemon=True),
                        threading.Thread(target=self.read, args=(self.process.stderr, self.errors), daemon=True)]
        for r in self.readers:
            r.start()
        try:
            self.address = self.wait("ready").split()[1]
        except AssertionError:
            self.end(9)
            raise

    def read(self, stream, lines):
        for line in stream:
            with self.condition:
                lines.append(line.rstrip("\n"))
                self.condition.notify_all()

    def order(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")

    def end(self, signal=15):
        process = self.process
        if process and process.poll() is None and signal:
            process.send_signal(signal)
        if process:
            for r in self.readers:
                r.join(PATIENCE)  # to the end of what it said
        super().end(0)

    def find(self, start, after=0):
        return next((line for line in self.lines[after:] if line.startswith(start)), None)

    def wait(self, start, after=0, seconds=PATIENCE):
        """The first line (from number `after` on) that begins with `start`."""
        end = time.monotonic() + seconds
        with self.condition:
            while True:
                line = self.find(start, after)
                if line:
                    return line
                if self.process.poll() is not None and not self.readers[0].is_alive():
                    raise AssertionError("the peer has ended without %r; it said %s %s"
                                         % (start, self.lines[-20:], "\n".join(self.errors[-90:])))
                if not self.condition.wait(max(0, min(0.2, end - time.monotonic()))) and time.monotonic() > end:
                    raise AssertionError("no %r in %s; %s" % (start, self.lines[-20:], self.errors[-20:]))

    def ask(self, *words, start):
        """The answer to an order."""
        after = len(self.lines)
        self.order(*words)
        return self.wait(start, after)

    def fates(self, prefix=""):
        return [line.split() for line in list(self.lines) if line.startswith("fate " + prefix)]

    def wait_fates(self, count, prefix="", seconds=PATIENCE):
        until(lambda: len({f[1] for f in self.fates(prefix)}) >= count or self.process.poll() is not None,
              "%d fates; there are %d, %s %s" % (count, len(self.fates(prefix)), self.lines[-5:], self.errors[-5:]), seconds)
        return self.fates(prefix)

    def quit(self):
        """In order; memory that leaks would show in its exit code."""
        process = self.process
        if process and process.poll() is None:
            self.order("quit")
        self.end(0)
        if process.returncode != 0:
            raise AssertionError("the peer ended with %s: %s" % (process.returncode, "\n".join(self.errors[-60:])))


class Folder(tempfile.TemporaryDirectory):
    pass
