"""A private PostgreSQL server for tests: a folder, a port and a folder of sockets of its own, 127.0.0.1 only, run by an unprivileged
user where the test is root (the server refuses to be), ended by its process id.

    with Postgres() as server:
        server.url()                  postgresql://dsn@127.0.0.1:PORT/dsn?passfile=... with a password
        server.kill(); server.start() a crash and the return on the same data

As a program it serves the unit tests (tests/unit/store/world.h): it says the URL of a server ("password": over TCP, "small": tables on a
disk of 16 MB, else without a password on a socket), with "&" at its end, or an empty line where there can be none; does what it reads line by line
(kill, end, start, freeze, thaw), and ends the server when its standard input is closed.
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
# Mounts a file system of a size at a folder, becomes the server.
IN_ITS_MOUNT = """
import os, subprocess, sys
size, user, folder, words = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},uid={user},gid={user},mode=700", "tmpfs", folder], check=True)
os.execvp(words[0], words)
"""


def binaries():
    """The folder of initdb and postgres; Debian keeps them out of PATH."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if found:
        return pathlib.Path(found[-1]).parent
    beside = shutil.which("initdb")
    return pathlib.Path(beside).parent if beside else None


def available():
    return binaries() is not None


def can_be_small():
    """A disk of its own takes a mount namespace."""
    return os.getuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0


class Postgres:
    """`port` 0: on a socket only. `size`, as mount(8) takes it: tables are on a disk of that size (in memory: it goes with the server), all
    else is not, as a server ends at once when the disk of its own log is full."""

    def __init__(self, port=0, password=None, size=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-pg-"))
        self.port, self.password, self.size, self.process = port, password, size, None
        self.data = self.folder / "data"
        os.chmod(self.folder, 0o755)
        self.small = self.folder / "small"
        self.data.mkdir()
        self.small.mkdir()
        self.root = os.getuid() == 0
        if self.root:
            for folder in (self.folder, self.data, self.small):
                os.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        if password:
            self.passfile = self.folder / "passfile"
            self.passfile.touch(0o600)
            self.passfile.write_text(f"*:*:*:{USER}:{password}\n")
        try:
            subprocess.run(self.unprivileged(*self.first_words()), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
            self.start()
            if size:
                self.sql(f"create tablespace small location '{self.small}'")
        except BaseException:
            self.stop()
            raise

    def unprivileged(self, *words):
        # Should this process be killed, the server goes too.
        drop = ["--reuid", str(UNPRIVILEGED), "--regid", str(UNPRIVILEGED), "--clear-groups"] if self.root else []
        return ["setpriv", *drop, "--pdeathsig", "INT", *map(str, words)]

    def first_words(self):
        words = [binaries() / "initdb", "-D", self.data, "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        if not self.password:
            return [*words, "-A", "trust"]
        secret = self.folder / "secret"
        secret.touch(0o600)
        secret.write_text(self.password + "\n")
        if self.root:
            os.chown(secret, UNPRIVILEGED, UNPRIVILEGED)
        return [*words, "-A", "scram-sha-256", "--pwfile", secret]

    def words(self):
        # A crash of the server is not one of the machine: nothing is lost without fsync.
        settings = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "30", "autovacuum": "off",
                    "unix_socket_directories": self.folder, "port": self.port or 5432, "listen_addresses": "127.0.0.1" if self.port else "",
                    "min_wal_size": "32MB", "max_wal_size": "32MB"}
        return [binaries() / "postgres", "-D", self.data, *[word for key, value in settings.items() for word in ("-c", f"{key}={value}")]]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # --- its life ---

    def start(self):
        words = self.unprivileged(*self.words())
        if self.size:
            words = ["unshare", "--mount", sys.executable, "-c", IN_ITS_MOUNT, self.size, str(UNPRIVILEGED), str(self.small), *words]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
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
        if self.size:
            base += "options=-cdefault_tablespace%3Dsmall&"
        return base + "".join(f"{key}={value}&" for key, value in options.items())

    def sql(self, text):
        """Rows as text, columns parted by |."""
        environment = dict(os.environ)
        if self.password:
            environment["PGPASSFILE"] = str(self.passfile)
        done = subprocess.run([binaries() / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p",
                               str(self.port or 5432), "-U", USER, "-d", "postgres", "-f", "-"], env=environment, check=False,
                              input=text, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{text[:1000]}: {done.stderr}")
        return done.stdout.strip()


def free_port(last=False):
    """In the range of this test, when it has one: the first, or the last, which others do not count on."""
    span = os.environ.get("DSN_TEST_PORTS")
    begin, end = map(int, span.split("-")) if span else (20000 + os.getpid() % 500 * 20, 31999)
    ports = range(end, begin - 1, -1) if last else range(begin, end + 1)
    for port in ports:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def made(how):
    if how == "password":
        return Postgres(port=free_port(), password="a secret's word")
    if how == "small":
        return Postgres(size="16m")
    return Postgres()


def main():
    how = sys.argv[1] if len(sys.argv) > 1 else ""
    if not available() or (how == "small" and not can_be_small()):
        print(flush=True)
        sys.stdin.read()
        return
    with made(how) as server:
        print(server.url(), flush=True)
        for line in sys.stdin:
            getattr(server, line.strip())()
            print("done", flush=True)


if __name__ == "__main__":
    main()
