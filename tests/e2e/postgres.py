"""A private PostgreSQL server for tests: a folder, a port and a folder of sockets of its own, 127.0.0.1 only, run by an unprivileged
user where the test is root (the server refuses to be), ended by its process id.

    with Postgres() as server:
        server.url()                  postgresql://dsn@127.0.0.1:PORT/dsn?passfile=... with a password
        server.kill(); server.start() a crash and the return on the same data

As a program it serves the unit tests (tests/unit/store/world.h): it says the URL of a server without a password on a socket, with
"&" or "?" at its end, or an empty line where none is installed, and ends the server when its standard input is closed.
"""
import glob
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from waiting import wait_for  # noqa: E402

USER = "dsn"
UNPRIVILEGED = 65534  # nobody
START_S = 60


def binaries():
    """The folder of initdb and postgres; Debian keeps them out of PATH."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if found:
        return pathlib.Path(found[-1]).parent
    beside = shutil.which("initdb")
    return pathlib.Path(beside).parent if beside else None


def available():
    return binaries() is not None


class Postgres:
    """`port` 0: on a socket only. `settings`: more lines of postgresql.conf."""

    def __init__(self, port=0, password=None, settings=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-pg-"))
        self.port, self.password, self.process = port, password, None
        self.data = self.folder / "data"
        os.chmod(self.folder, 0o755)
        self.data.mkdir()
        self.drop = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if os.getuid() == 0 else {}
        if self.drop:
            os.chown(self.data, UNPRIVILEGED, UNPRIVILEGED)
            os.chown(self.folder, UNPRIVILEGED, UNPRIVILEGED)
        words = [binaries() / "initdb", "-D", self.data, "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        if password:
            secret = self.folder / "secret"
            secret.write_text(password + "\n")
            self.own(secret)
            words += ["-A", "scram-sha-256", "--pwfile", secret]
            self.passfile = self.folder / "passfile"
            self.passfile.write_text(f"*:*:*:{USER}:{password}\n")
            self.passfile.chmod(0o600)
        else:
            words += ["-A", "trust"]
        try:
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/", **self.drop)
            with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
                # A crash of the server is not one of the machine: nothing is lost without fsync.
                conf.write("fsync = off\nshared_buffers = 16MB\nmax_connections = 30\nautovacuum = off\n"
                           f"unix_socket_directories = '{self.folder}'\nport = {port or 5432}\n"
                           f"listen_addresses = '{'127.0.0.1' if port else ''}'\n" + "".join(line + "\n" for line in settings))
            self.start()
        except BaseException:
            self.stop()
            raise

    def own(self, path):
        path.chmod(0o600)
        if self.drop:
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # --- its life ---

    def start(self):
        with open(self.folder / "log", "ab") as log:
            # Should this process be killed, the server goes too.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "INT", binaries() / "postgres", "-D", self.data],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self.drop)
        wait_for("the server answers", self.answers, START_S, why=self.said)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server has ended: {self.said()}")
        return subprocess.run([binaries() / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port or 5432)], check=False).returncode == 0

    def said(self):
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def kill(self):
        """A crash: no process of the server is left."""
        children = self.children()
        self.process.kill()
        self.process.wait()
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for("its processes are gone", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children))
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def children(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def freeze(self, signum=signal.SIGSTOP):
        for pid in (*self.children(), self.process.pid):
            os.kill(pid, signum)

    def thaw(self):
        self.freeze(signal.SIGCONT)

    def end(self):
        """Fast shutdown: connections are closed, data is whole."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def stop(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- asking it ---

    def url(self, **options):
        if self.port:
            base = f"postgresql://{USER}@127.0.0.1:{self.port}/postgres?"
        else:
            base = f"postgresql:///postgres?user={USER}&host={self.folder}&port=5432&"
        if self.password:
            base += f"passfile={self.passfile}&"
        return base + "".join(f"{key}={value}&" for key, value in options.items())

    def sql(self, text):
        """Rows as text, columns parted by |."""
        environment = dict(os.environ)
        if self.password:
            environment["PGPASSFILE"] = str(self.passfile)
        done = subprocess.run([binaries() / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p",
                               str(self.port or 5432), "-U", USER, "-d", "postgres", "-c", text], env=environment, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{text}: {done.stderr}")
        return done.stdout.strip()


def free_port():
    """In the range of this test, when it has one."""
    span = os.environ.get("DSN_TEST_PORTS")
    first, last = map(int, span.split("-")) if span else (20000 + os.getpid() % 500 * 20, 31999)
    for port in range(first, last + 1):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def main():
    if not available():
        print(flush=True)
        sys.stdin.read()
        return
    with Postgres() as server:
        print(server.url(), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
