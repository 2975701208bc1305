"""A private RabbitMQ for tests (scripts/broker: own folders, ports, node name and epmd; 127.0.0.1 only) and the helper
that talks to tests/e2e/bus_peer.c.

    with Broker() as broker:
        broker.url("guest")           amqp://guest@127.0.0.1:PORT/
        broker.kill(); broker.start() a power cut and the return on the same data
"""
import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

SOURCE = os.environ.get("DSN_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("DSN_BIN") or os.path.join(SOURCE, "build", "bin")
SCRIPT = os.path.join(SOURCE, "scripts", "broker")
SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
PORTS = 5  # amqp, amqps, management, distribution, epmd


def available():
    return os.path.exists(SERVER)


def free_ports(count):
    """The first of `count` consecutive ports nobody listens on now; in the range of this test, when it has one."""
    span = os.environ.get("DSN_TEST_PORTS")
    first, last = map(int, span.split("-")) if span else (20000 + os.getpid() % 500 * 20, 31999)
    for base in range(first, last + 2 - count, count):
        taken = []
        try:
            for port in range(base, base + count):
                s = socket.socket()
                taken.append(s)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has only just closed does not count
                s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for s in taken:
                s.close()
    raise RuntimeError("no %d free ports in a row" % count)


class Broker:
    """management: with the HTTP API on management_port. tls: (ca, cert, key) PEM files, amqps on tls_port. schedulers: of
    Erlang; an operator's broker has one for each core."""

    def __init__(self, folder=None, management=False, tls=None, conf=None, schedulers=1):
        self.own = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="dsn-broker-")
        self.port = free_ports(PORTS)
        self.tls_port = self.port + 1
        self.management_port = self.port + 2
        self.environment = dict(os.environ, BROKER_SCHEDULERS=str(schedulers))
        if management:
            self.environment["BROKER_MANAGEMENT"] = "1"
        if tls:
            self.environment.update(zip(("BROKER_CA", "BROKER_CERT", "BROKER_KEY"), tls))
        if conf:
            path = os.path.join(self.folder, "extra.conf")
            with open(path, "w") as f:
                f.write(conf)
            self.environment["BROKER_CONF"] = path

    def _run(self, *words):
        done = subprocess.run([SCRIPT, *words], env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=150)
        if done.returncode:
            raise RuntimeError("broker %s: %s" % (words[0], done.stderr.strip()))
        return done.stdout

    def start(self):
        """Also after kill() or stop(): comes back on its data."""
        self._run("start", self.folder, str(self.port))
        return self

    def start_if_down(self):
        if subprocess.run([SCRIPT, "pid", self.folder], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode:
            self.start()

    def kill(self):
        """SIGKILL, as a power cut would."""
        self._run("kill", self.folder)

    def stop(self):
        self._run("stop", self.folder)

    def pid(self):
        return int(self._run("pid", self.folder))

    def url(self, user=None, host="127.0.0.1", tls=False):
        return "amqp%s://%s%s:%d/" % ("s" if tls else "", user + "@" if user else "", host,
                                      self.tls_port if tls else self.port)

    def ctl(self, *words):
        """rabbitmqctl (slow: a second or two)."""
        environment = dict(self.environment, HOME=os.path.join(self.folder, "home"),
                           ERL_EPMD_PORT=str(self.port + 4), RABBITMQ_NODENAME="dsn-%d@localhost" % self.port,
                           RABBITMQ_CONF_ENV_FILE="/dev/null")
        done = subprocess.run(["/usr/lib/rabbitmq/bin/rabbitmqctl", "-q", *words], env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120, cwd=self.folder)
        if done.returncode:
            raise RuntimeError("rabbitmqctl %s: %s" % (" ".join(words), done.stdout.strip()))
        return done.stdout

    def queue_messages(self, queue):
        """How many messages wait in a queue (vhost "/"), None when there is no such queue."""
        for line in self.ctl("list_queues", "--no-table-headers", "name", "messages").splitlines():
            name, _, count = line.partition("\t")
            if name == queue:
                return int(count or 0)
        return None

    def close(self):
        try:
            self.stop()
        finally:
            if self.own:
                shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except Exception:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()


def require():
    """For setUpModule: skip with a clear line where there is no RabbitMQ."""
    if not available():
        raise unittest.SkipTest("rabbitmq-server is not installed")


class Peer:
    """One bus_peer process. Events are lists of words; wait() takes them in order of arrival."""

    def __init__(self, url, *flags, environment=None):
        self.events = []
        self.rest = b""
        self.process = subprocess.Popen([os.path.join(BIN, "bus_peer"), *flags, url], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env=environment)
        os.set_blocking(self.process.stdout.fileno(), False)

    def order(self, *words):
        self.process.stdin.write((" ".join(str(w) for w in words) + "\n").encode())
        self.process.stdin.flush()

    def _read(self):
        try:
            data = os.read(self.process.stdout.fileno(), 1 << 20)
        except BlockingIOError:
            return True
        self.rest += data
        *lines, self.rest = self.rest.split(b"\n")
        self.events += [line.decode().split(" ") for line in lines]
        return bool(data)

    def poll(self):
        """All events so far that nobody has waited for."""
        self._read()
        return self.events

    def wait(self, *words, timeout=20):
        """The first event that begins with `words` (None matches any word); takes it out."""
        deadline = time.monotonic() + timeout
        while True:
            alive = self._read()
            for i, event in enumerate(self.events):
                if len(event) >= len(words) and all(w is None or w == e for w, e in zip(words, event)):
                    return self.events.pop(i)
            if not alive or time.monotonic() > deadline:
                raise AssertionError("no event %r within %g s%s; had %r" % (
                    words, timeout, "" if alive else " (the peer has ended)", self.events[-20:]))
            time.sleep(0.005)

    def quit(self):
        """Ends in order; returns its exit code."""
        if self.process.poll() is None:
            try:
                self.order("quit")
                self.process.wait(20)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(20)

    def kill(self):
        self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ends in order, so that a sanitizer build checks for leaks."""
        if not self.process.stdin.closed:
            was_running = self.process.poll() is None
            code = self.quit()
            if was_running and code:
                raise AssertionError("bus_peer ended with %d" % code)
