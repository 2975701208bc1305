"""The demo's money: a chain of its own (anvil), the contracts, who takes part, a job with escrow, delivery, payment.

All of it happens beside the stream, which never waits for it: each step is said again until the chain has carried it
out, and --once sees to it that nothing is carried out twice. Everything is done with vcli, each person with a key of
their own: the operator (owner of the contracts, manager, verifier), the customer, the supplier.
"""
import glob
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import urllib.error

import apart
import network
import report

AWAY = (5, 6)  # vcli: the chain cannot be reached, or has not answered in time
PRICES = {"distributor": 1, "transcoder": 3, "storage": 2}  # gwei a segment
DEPOSIT, BUDGET = "1 ether", "0.01 ether"
CHAIN_ID = "31337"  # anvil's own
WINDOWS = "1,600,600,600"  # seconds to report after the end of work, to verify, to dispute, to resolve
BATCH = 4096  # segments at most
PATIENCE = 90  # seconds after the stream
GWEI = 10**9


def anvil_program(repository):
    found = glob.glob(str(repository / "contracts" / "node_modules" / "@foundry-rs" / "anvil-*" / "bin" / "anvil"))
    return found[0] if found else shutil.which("anvil")


def ether(wei):
    """All digits, so that every wei can be seen."""
    return f"{wei // 10**18}.{wei % 10**18:018d}"


class Payment(threading.Thread):
    """Call served() when the nodes are there, delivered() after the stream, and result() in the end."""

    def __init__(self, net, program, say):
        super().__init__(daemon=True)
        self.net, self.program, self.say = net, program, say
        self.folder = net.folder / "chain"
        self.folder.mkdir()
        self.port = network.free_range(5, net.next_port)
        net.next_port = self.port + 5
        self.url = f"http://127.0.0.1:{self.port}"
        self.people = {"customer": net.folder / "vcli" / "dsn", "supplier": self.folder / "supplier",
                       "operator": self.folder / "operator"}
        self.nodes = self.document = self.batches = self.anvil = None
        self.serving, self.streamed, self.stopped = threading.Event(), threading.Event(), threading.Event()
        self.deadline = None
        self.problem = None
        self.away = False
        self.before, self.after, self.paid = {}, {}, {}

    # what the demo tells

    def served(self, nodes, document):
        self.nodes, self.document = nodes, document
        self.serving.set()

    def delivered(self, batches):
        """`batches`: {node id: [line for each segment]}"""
        self.batches = batches
        self.deadline = time.monotonic() + PATIENCE
        self.streamed.set()

    def result(self):
        """Problems found; waits for the payment."""
        if self.streamed.is_set():
            self.join(PATIENCE + 30)
        if self.problem is None and self.is_alive():
            self.problem = "the payment has not come to its end"
        return [self.problem] if self.problem else self.wrong()

    def stop(self):
        self.stopped.set()
        self.serving.set()
        self.streamed.set()
        self.join(60)
        if self.anvil and self.anvil.poll() is None:
            self.anvil.send_signal(signal.SIGTERM)
            try:
                self.anvil.wait(15)
            except subprocess.TimeoutExpired:
                self.anvil.kill()
                self.anvil.wait()

    # the chain

    def start_chain(self):
        log = open(self.folder / "anvil.log", "ab")
        argv = [self.program, "--host", "127.0.0.1", "--port", str(self.port), "--accounts", "1", "--block-time", "1",
                "--mixed-mining", "--state", str(self.folder / "state.json"), "--state-interval", "1"]
        # Its home, since it keeps states of the chain there.
        self.anvil = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                                      env={**os.environ, "HOME": str(self.folder)})
        (self.folder / "anvil.pid").write_text(str(self.anvil.pid))
        network.wait_until(self.answers, 30, f"anvil does not answer; its log: {log.name}")
        for name in self.people:
            self.rpc("anvil_setBalance", "0x" + self.address(name), hex(10 * 10**18))

    def rpc(self, method, *parameters):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def answers(self):
        if self.anvil.poll() is not None:
            raise network.DemoError(f"anvil ended with {self.anvil.returncode}; its log: {self.folder / 'anvil.log'}")
        try:
            return self.rpc("eth_chainId")["result"]
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def address(self, name):
        return self.net.vcli("key", "show", "--state-dir", str(self.people[name]))["id"]

    # vcli

    def run_vcli(self, name, words):
        argv = [str(self.net.bin / "vcli"), *words, "--json", "--state-dir", str(self.people[name]), "--chain-rpc", self.url,
                "--addresses", str(self.folder / "addresses.json")]
        # In a session of its own: Ctrl-C ends the stream, not the payment.
        return apart.run(argv, capture_output=True, text=True, timeout=300, env=self.net.environment)

    def __call__(self, name, *words, again=()):
        """Until it is carried out; `again`: exit codes that mean not yet."""
        while True:
            done = self.run_vcli(name, words)
            if self.away and done.returncode not in AWAY:
                self.say("chain: it is back")
            if done.returncode in AWAY and not self.away:
                self.say("chain: it is away; the stream goes on without it, what is owed follows")
            self.away = done.returncode in AWAY
            if done.returncode == 0:
                return json.loads(done.stdout)
            if done.returncode not in AWAY and done.returncode not in again:
                raise network.DemoError(f"vcli {' '.join(words)}: {done.stderr.strip()}")
            if self.deadline and time.monotonic() > self.deadline:
                raise network.DemoError(f"the payment does not follow: {done.stderr.strip()}")
            if self.stopped.wait(0.5):
                raise network.DemoError("ended before the payment")

    def write(self, name, *words, again=()):
        return self(name, *words, "--once", " ".join(words)[:40] + hashlib.sha256(repr(words).encode()).hexdigest()[:16],
                    again=again)

    # the steps

    def run(self):
        try:
            self.steps()
        except (network.DemoError, OSError, subprocess.TimeoutExpired, KeyError, ValueError) as e:
            if not self.stopped.is_set():
                self.problem = f"payment: {e}"

    def wait(self, event):
        event.wait()
        if self.stopped.is_set():
            raise network.DemoError("ended before the payment")

    def steps(self):
        self.start_chain()
        self.write("operator", "chain", "deploy", "--chain-id", CHAIN_ID, "--windows", WINDOWS)
        operator = self.address("operator")
        for role in ("manager", "verifier"):
            self.write("operator", "role", "grant", role, operator)
            self.write("operator", "role", "accept", role)
        self.write("customer", "register", "customer")
        self.write("customer", "payment", "deposit", DEPOSIT)
        self.write("supplier", "register", "supplier")
        self.wait(self.serving)
        for node_id, role, agent in self.nodes:
            self.write("supplier", "register", "add", "node", role, str(self.net.folder / agent / "keys" / node_id), "--price",
                       f"{PRICES[role]} gwei")
        self.before = self.balances()
        job = self.write("customer", "job", "create", str(self.document), "--budget", BUDGET, "--limit", "3 gwei",
                         "--from-balance")["job"]
        self.write("operator", "job", "assign", job, *[node_id for node_id, _, _ in self.nodes])
        self.say(f"chain: job {job} has {BUDGET} in escrow and {len(self.nodes)} nodes assigned")
        self.wait(self.streamed)
        for node_id, role, _ in self.nodes:
            self.pay(job, node_id, role, self.batches.get(node_id, []))
        self.write("customer", "job", "close", job)
        # A block of the time after the last report; refused until then.
        self.write("customer", "job", "finish", job, again=(4,))
        self.after = self.balances()

    def pay(self, job, node_id, role, lines):
        for at in range(0, len(lines), BATCH):
            part = lines[at:at + BATCH]
            file = self.folder / f"{node_id}-{at // BATCH}"
            file.write_text("".join(line + "\n" for line in part))
            ordinal = self.write("supplier", "job", "report", job, node_id, str(file))["ordinal"]
            self.write("operator", "job", "confirm", job, node_id, ordinal, str(file))
            paid = self.write("customer", "job", "settle", job, node_id, ordinal)
            self.paid[node_id] = self.paid.get(node_id, 0) + int(paid["paid_wei"])
            self.say(f"chain: {role:<12} {node_id[:8]} {len(part):>4} segments in batch {ordinal}: {paid['paid']}")

    def balances(self):
        return {name: int(self(name, "payment", "balance")["balance_wei"]) for name in ("customer", "supplier")}

    # in the end

    def wrong(self):
        due = sum(PRICES[role] * GWEI * len(self.batches.get(node_id, [])) for node_id, role, _ in self.nodes)
        got = {name: self.after[name] - self.before[name] for name in self.before}
        if got != {"customer": -due, "supplier": due}:
            return [f"payment: {due} wei were due, the balances moved by {got}"]
        return []

    def table(self):
        lines = [f"{'account':<10} {'before, ether':>24} {'after, ether':>24} {'difference, wei':>22}"]
        lines.append("-" * len(lines[0]))
        for name, before in self.before.items():
            after = self.after[name]
            lines.append(f"{name:<10} {ether(before):>24} {ether(after):>24} {after - before:>+22}")
        return "\n".join(lines)


def segment_lines(rows, renditions):
    """A line for each stored segment of the renditions: name, bytes, hash."""
    lines = []
    for row in rows:
        if row["rendition"] not in renditions:
            continue
        for name in row["names"]:
            try:
                bytes_ = report.fetch_bytes(row["folder"] + name)
            except (urllib.error.URLError, OSError) as e:
                raise network.DemoError(f"{row['folder'] + name} cannot be read: {e}") from None
            lines.append(f"{row['rendition']}/{pathlib.PurePosixPath(name).name} {len(bytes_)} {hashlib.sha256(bytes_).hexdigest()}")
    return lines


def delivered(rows, nodes, names):
    """{node id: lines} of the rows that are paid for: each transcoder made the rendition of its name, the distributor passed
    the source on, the storage kept all. `names`: those of the transcoders' renditions, in the transcoders' order."""
    transcoders = [node_id for node_id, role, _ in nodes if role == "transcoder"]
    made = {node_id: {row["rendition"] for row in rows if row["rendition"].endswith(name)}
            for node_id, name in zip(transcoders, names)}
    everything = {row["rendition"] for row in rows}
    source = everything.difference(*made.values())
    return {node_id: segment_lines(rows, made.get(node_id, everything if role == "storage" else source))
            for node_id, role, _ in nodes}
