"""The processes of the demo: a broker or a Whisper node of its own, dsnd, two agents, the programs. Each is ended by its pid."""
import contextlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import apart


class DemoError(Exception):
    """Something a person must read: what failed, on what, what to do."""


def traversable(folder):
    """Can a user without rights of his own reach this folder?"""
    for part in [folder, *folder.parents]:
        if part.exists() and not part.stat().st_mode & 0o001:
            return False
    return True


def prepare_folder(repository):
    """The demo's folder: build/demo, or one in the temporary folder when nginx's unprivileged user could not get there."""
    folder = repository / "build" / "demo"
    if os.geteuid() == 0 and not traversable(repository):
        folder = pathlib.Path(tempfile.gettempdir()) / "dsn-demo"
    mark = folder / ".dsn-demo"
    if folder.exists():
        if not mark.exists() or folder.stat().st_uid != os.geteuid() or folder.is_symlink():
            raise DemoError(f"{folder} exists and was not made by the demo: move it away")
        running = mark.read_text().strip()
        if running and pathlib.Path(f"/proc/{running}").exists():
            raise DemoError(f"a demo is running already in {folder} (pid {running}): end it with Ctrl-C there")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    mark.write_text(str(os.getpid()))
    return folder


def free_range(size, start=20000):
    """First port of `size` ports in a row that nobody uses now, from `start` on, below the ephemeral range."""
    for first in range(start, 32000 - size, size):
        taken = False
        for port in range(first, first + size):
            with contextlib.closing(socket.socket()) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind(("0.0.0.0", port))
                except OSError:
                    taken = True
                    break
        if not taken:
            return first
    raise DemoError(f"no {size} free ports in a row between {start} and 32000")


class Network:
    """Broker, dsnd, agents and vcli of one demo folder."""

    def __init__(self, repository, programs, folder, say, shield, first_port=20000):
        self.repository = repository
        self.first_port, self.ports_of = first_port, {}
        self.folder = folder
        self.say = say
        self.shield = shield  # no signal breaks in between a start and its record
        self.processes = []  # (name, Popen)
        self.payment = None  # money.Payment
        self.broker_port = self.bus = self.agent_bus = self.owner = self.manager = self.dsnd = None
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("dsn-agent", "dsn-hls", "dsn-relay", "vcli", "dsnd", "shhd"):
            source = pathlib.Path(programs) / name
            if not source.exists():
                raise DemoError(f"{source} is missing: run make first")
            shutil.copy2(source, self.bin / name)
        self.environment = dict(os.environ, XDG_STATE_HOME=str(folder / "vcli"), PATH=f"{self.bin}:{os.environ['PATH']}")
        for name in ("DSN_BUS", "DSN_NETWORK", "DSN_BROKER_PASSWORD", "DSN_CHAIN_RPC", "DSN_ADDRESSES", "DSN_ACCOUNT", "DSN_KEYSTORE", "DSN_STATE_DIR",
                     "DSN_IDENTITY", "DSN_DSND", "DSN_RPC_TOKEN", "DSN_RPC_TOKEN_FILE", "INPUT", "BUS", "ONCE", "PORT", "DRILL", "DEMO_FLAGS"):
            self.environment.pop(name, None)

    def start(self, name, argv, log):
        """In a session of its own, so that Ctrl-C reaches the demo alone; ended by stop() at the latest."""
        with self.shield():
            process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment,
                                       start_new_session=True)
            self.processes.append((name, process))
        log.close()
        return process

    # bus

    def start_bus(self, kind):
        """`agent_bus` is the URL for agents, `bus` that for vcli."""
        self.next_port = free_range(5, self.first_port)
        if kind == "whisper":
            self.start_whisper(self.next_port)
        else:
            self.start_broker()
            self.bus = self.agent_bus = f"amqp://127.0.0.1:{self.broker_port}/"
        self.next_port += 5
        self.owner = self.vcli("key", "show")["id"]

    def start_broker(self):
        """Also again, on its data."""
        with self.shield():
            self.broker_port = self.broker_port or self.next_port
            self._broker("start", str(self.broker_port))

    def broker_pid(self):
        done = apart.run([self.repository / "scripts" / "broker", "pid", self.folder / "broker"], capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise DemoError(f"the broker's process id: {done.stderr}")
        return int(done.stdout)

    def start_whisper(self, port):
        """One node that the others find each other through; agents and vcli bring nodes of their own."""
        state, ready = self.folder / "shhd", self.folder / "shhd.json"
        log = open(self.folder / "shhd.log", "ab")
        argv = [str(self.bin / "shhd"), "--data-dir", str(state), "--address", "127.0.0.1", "--port", str(port), "--rpc-port",
                str(port + 1), "--ready-file", str(ready)]
        process = self.start("shhd", argv, log)
        wait_until(lambda: ready.exists() or process.poll() is not None, 20, f"shhd is not ready; its log: {log.name}")
        self.agents_alive()
        enode = json.loads(ready.read_text())["enode"]
        self.agent_bus = f"shh:///?bootnode={enode}&listen=127.0.0.1:0"
        self.bus = f"shh:///?peer={enode}"

    def new_id(self, agent):
        """A node id whose key is the agent's."""
        return self.vcli("key", "new", str(self.folder / agent / "keys"))["id"]

    def _broker(self, what, *words):
        done = apart.run([self.repository / "scripts" / "broker", what, self.folder / "broker", *words],
                         capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise DemoError(f"the broker did not {what}: {done.stdout}{done.stderr}")

    # dsnd

    def start_dsnd(self):
        """The manager: the agents obey it, and who owns them may order from it."""
        ready, callers = self.folder / "dsnd.json", self.folder / "callers"
        ready.unlink(missing_ok=True)
        if not self.dsnd:
            self.prepare_dsnd(callers)
        log = open(self.folder / "dsnd.log", "ab")
        argv = [str(self.bin / "dsnd"), "--bus", self.bus, "--chain", "none", "--listen", self.dsnd.removeprefix("http://"), "--state-dir",
                str(self.folder / "dsnd"), "--ready-file", str(ready), "--callers", str(callers)]
        process = self.start("dsnd", argv, log)
        wait_until(lambda: ready.exists() or process.poll() is not None, 20, f"dsnd is not ready; its log: {log.name}")
        self.agents_alive()
        self.manager = json.loads(ready.read_text())["address"]

    def obeying(self):
        """The ids of the nodes that dsnd may give work to now."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "nodes.list", "params": {"state": "online"}}).encode()
        request = urllib.request.Request(f"{self.dsnd}/rpc", body, {"Content-Type": "application/json",
                                                                    "Authorization": f"Bearer {self.token_file.read_text()}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return {node["node_id"] for node in json.load(answer)["result"]["nodes"] if node["obeys"]}
        except OSError as e:
            raise DemoError(f"{self.dsnd}: {e}; its log: {self.folder / 'dsnd.log'}") from None

    def prepare_dsnd(self, callers):
        """Where it listens, and who may call it."""
        self.token_file = self.folder / "customer.token"
        token = secrets.token_hex(24)
        for path, text in ((self.token_file, token), (callers, f"{self.owner} customer {token}\n")):
            path.touch(mode=0o600)
            path.write_text(text)
        port = free_range(1, self.next_port)
        self.next_port = port + 1
        self.dsnd = f"http://127.0.0.1:{port}"

    # agents

    def start_agent(self, name, nodes, ports):
        """Also again, on its folder."""
        state = self.folder / name
        if name not in self.ports_of:  # else it comes back, where it was
            self.ports_of[name] = free_range(ports, self.next_port)
            self.next_port = self.ports_of[name] + ports
        first = self.ports_of[name]
        log = open(self.folder / f"{name}.log", "ab")
        argv = [str(self.bin / "dsn-agent"), "--bus", self.agent_bus, "--owner", self.owner, "--manager", self.manager, "--state-dir", str(state),
                "--port-range", f"{first}-{first + ports - 1}", "--segmenter", str(self.bin / "dsn-hls"), "--stop-units", "--status-every", "1s",
                "--end-after", "4s", "--load-ceiling", "0"]  # all of a network shares this machine
        for node in nodes:
            argv += ["--node", node]
        return self.start(name, argv, log)

    def killed(self, name):
        """It was, and that is no failure of the demo."""
        self.processes = [(known, process) for known, process in self.processes if known != name or process.wait(20) is None]

    def has_ended(self, name):
        return any(process.poll() is not None for known, process in self.processes if known == name)

    def agents_alive(self):
        for name, process in self.processes:
            if process.poll() is not None:
                raise DemoError(f"{name} ended with {process.returncode}; its log: {self.folder / (name + '.log')}")

    # vcli

    def vcli(self, *words, timeout=60, check=True):
        """Run vcli with --json; returns the parsed answer."""
        argv = [str(self.bin / "vcli"), *words, "--bus", self.bus, "--json"]
        try:
            done = apart.run(argv, capture_output=True, text=True, timeout=timeout, env=self.environment)
        except subprocess.TimeoutExpired:
            raise DemoError(f"vcli {' '.join(words)} did not end within {timeout} s; the agents' logs: {self.folder}") from None
        if check and done.returncode:
            raise DemoError(f"vcli {' '.join(words)} failed with {done.returncode}: {done.stderr.strip()} {done.stdout.strip()}")
        try:
            return json.loads(done.stdout)
        except ValueError:
            if check:
                raise DemoError(f"vcli {' '.join(words)} gave no JSON: {done.stdout!r} {done.stderr!r}") from None
            return None

    def order(self, what, *words, **how):
        """vcli order, as the customer."""
        return self.vcli("order", what, *words, *self.ordering(), **how)

    def order_start(self, what, *words):
        return self.vcli_start("order", what, *words, *self.ordering())

    def ordering(self):
        return "--dsnd", self.dsnd, "--rpc-token-file", str(self.token_file)

    def vcli_start(self, *words):
        """Let vcli run on."""
        argv = [str(self.bin / "vcli"), *words, "--bus", self.bus]
        return self.start(f"vcli {words[0]} {words[1]}", argv, open(self.folder / "push.log", "ab"))

    # end

    def stop(self):
        if self.payment:
            self.payment.stop()
        for name, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for name, process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                self.say(f"{name} (pid {process.pid}) did not end within 30 s: killed")
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if self.broker_port is not None:
            self._broker("stop")
        self.broker_port = None
        (self.folder / ".dsn-demo").write_text("")


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise DemoError(f"{what}: not within {seconds} s")
        time.sleep(0.1)
