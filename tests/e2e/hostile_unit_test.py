#!/usr/bin/env python3
"""Media processes that strangers have taken over: what they try against the agent, which is root, and against other nodes.

The programs that the agent runs as dsn-relay and dsn-hls are ours: they do what a test orders, with a unit's rights, its
descriptors and from its folder. Each attack ends with an agent that answers and a victim that is untouched.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from agent import Agent, Client, alive, distributor_task, storage_task, target, wait_for
from broker import Broker, available

TASKS = 32  # --unit-tasks
FILE_BYTES = 1 << 30
DISTRIBUTOR, STORAGE = "d1" * 20, "5a" * 20
NOBODY = 65534
KEY = "0123456789abcdef"

# One that every user may run, as a developer's own in a home folder may not be.
PYTHON = next(p for p in ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable) if os.path.exists(p))

# Runs as the unit: does what is written into orders/<name>.<number>, one after the other.
UNIT = '''#!%s
import os, signal, sys, time
where, name = %r, %r
os.umask(0)
number = 0
while True:
    path = "%%s/orders/%%s.%%d" %% (where, name, number)
    if not os.path.exists(path):
        time.sleep(0.02)
        continue
    time.sleep(0.02)
    scope = {"answer": None, "os": os, "signal": signal, "time": time}
    try:
        exec(open(path).read(), scope)
        text = repr(scope["answer"])
    except BaseException as e:
        text = repr("%%s: %%s" %% (type(e).__name__, e))
    answer = "%%s/answers/%%s.%%d" %% (where, name, number)
    with open(answer + ".new", "w") as f:
        f.write(text)
    os.rename(answer + ".new", answer)
    number += 1
'''

# Tried on every file that the agent believes; the names of those that gave way.
REPLACE = '''
import errno
answer = []
def attempt(what, path, call, *args):
    try:
        call(*args)
        answer.append((what, path))
    except OSError as e:
        if e.errno not in (errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTEMPTY, errno.ENOENT, errno.EXDEV, errno.EINVAL):
            answer.append((what, path, str(e)))
for path in PATHS:
    folder, name = os.path.split(path)
    attempt("make", folder, lambda: os.close(os.open(folder + "/made", os.O_CREAT | os.O_WRONLY, 0o666)))
    attempt("link", folder, os.symlink, "/etc/passwd", folder + "/linked")
    attempt("fifo", folder, os.mkfifo, folder + "/fifo")
    attempt("rename", path, os.rename, path, path + ".away")
    attempt("write", path, lambda: os.close(os.open(path, os.O_WRONLY)) if os.path.isfile(path) else os.listdir("/nowhere"))
    attempt("take", path, os.rename, path, "run/taken")
    if not path.endswith("/run"):  # its own
        attempt("mode", path, os.chmod, path, 0o666)
'''


class Unit:
    """One program of ours that runs as a unit."""

    def __init__(self, case, name):
        self.where, self.name, self.number = case.where, name, 0
        path = case.where / name
        path.write_text(UNIT % (PYTHON, str(case.where), name))
        path.chmod(0o755)
        self.path = str(path)

    def again(self):
        """A new process counts from the beginning."""
        for folder in ("orders", "answers"):
            for path in (self.where / folder).glob(self.name + ".*"):
                path.unlink()
        self.number = 0

    def order(self, code, seconds=20, **values):
        text = "".join(f"{key} = {value!r}\n" for key, value in values.items()) + code
        path = self.where / "orders" / f"{self.name}.{self.number}"
        (path.parent / "new").write_text(text)
        os.rename(path.parent / "new", path)
        answer = self.where / "answers" / f"{self.name}.{self.number}"
        wait_for(answer.exists, seconds, f"{self.name}'s answer to {code[:60]}")
        self.number += 1
        return eval(answer.read_text())


@unittest.skipUnless(os.geteuid() == 0, "only a root agent has rights to lose")
@unittest.skipUnless(available(), "rabbitmq-server is not installed")
class Case(unittest.TestCase):
    flags = ()

    def make_agent(self):
        return Agent(self.broker, "--relay", self.relay.path, *self.flags)

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker()
        cls.broker.start()
        cls.addClassCleanup(cls.broker.close)

    def setUp(self):
        self.where = pathlib.Path(tempfile.mkdtemp(prefix="dsn-h-"))
        self.addCleanup(shutil.rmtree, self.where, ignore_errors=True)
        self.where.chmod(0o755)
        for name in ("orders", "answers"):
            (self.where / name).mkdir()
            (self.where / name).chmod(0o777)
        self.victims = self.where / "victims"
        self.victims.mkdir(0o755)
        self.secret = self.victims / "secret"
        self.secret.write_text("#EXTM3U\nroot's own words\n")
        self.secret.chmod(0o644)
        self.relay, self.segmenter = Unit(self, "relay"), Unit(self, "segmenter")
        self.agent = self.make_agent()
        self.addCleanup(self.agent.close)
        self.agent.argv[self.agent.argv.index("--segmenter") + 1] = self.segmenter.path
        self.agent.start()
        self.client = Client(self.broker)
        self.addCleanup(self.client.close)
        self.nodes = pathlib.Path(self.agent.state) / "nodes"

    def storage(self):
        self.client.create("storage", STORAGE, to=self.agent.id())
        self.client.command(STORAGE, storage_task("job", [("_a", 100000, "320x180")], key=KEY))
        return self.nodes / STORAGE

    def distributor(self):
        self.client.create("distributor", DISTRIBUTOR, to=self.agent.id())
        self.client.command(DISTRIBUTOR, distributor_task("job", [target("127.0.0.1", 1)], key=KEY))
        return self.nodes / DISTRIBUTOR

    def restart(self, *flags):
        self.agent.kill()
        self.agent.start(*flags)

    def answers(self, node):
        """Also when something was put in its way: soon."""
        before = time.monotonic()
        status = self.client.node(node, "status", timeout=15)
        self.assertLess(time.monotonic() - before, 10)
        self.assertEqual(self.secret.read_text(), "#EXTM3U\nroot's own words\n")
        self.assertEqual(sorted(os.listdir(self.victims)), ["secret"])
        for path in (self.victims, self.secret):
            self.assertEqual((path.stat().st_uid, path.stat().st_gid), (0, 0), path)
        return status

    def victim(self):
        """A process of root that no node has to do with."""
        process = subprocess.Popen(["sleep", "300"], start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def record_of(self, pid, uid):
        with open(f"/proc/{pid}/stat") as f:
            started = f.read().rsplit(")", 1)[1].split()[19]
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return json.dumps({"pid": str(pid), "start_time": started, "boot_id": boot, "fingerprint": f"aa/{uid}:{uid}"})


class HostileUnit(Case):
    flags = ("--unit-tasks", str(TASKS))

    # records

    def test_forged_record(self):
        """Text of its own in files of root's (its log, its progress), moved to where a record would be."""
        self.distributor()
        victim = self.victim()
        uid = self.relay.order("answer = os.getuid()")
        self.relay.order('''
for fd in (1, 3):
    os.ftruncate(fd, 0)
    os.write(fd, RECORD.encode())
    path = os.readlink("/proc/self/fd/%d" % fd)
    for new in ("run/evil%d.json" % fd, "agent/evil%d.json" % fd):
        try:
            os.rename(path, new)
        except OSError:
            pass
for new in ("run/plain.json", "agent/plain.json"):
    try:
        with open(new, "w") as f:
            f.write(RECORD)
    except OSError:
        pass
''', RECORD=self.record_of(victim.pid, uid))
        self.restart()
        wait_for(lambda: self.answers(DISTRIBUTOR)["state"] == "running", 20, "the node serves")
        self.restart()
        wait_for(lambda: self.answers(DISTRIBUTOR)["state"] == "running", 20, "the node serves")
        self.assertIsNone(victim.poll())

    def test_nothing_that_is_believed_can_be_replaced(self):
        for unit, make in ((self.relay, self.distributor), (self.segmenter, self.storage)):
            folder = make()
            paths = [str(p) for p in folder.rglob("*") if p.relative_to(folder).parts[0] != "run" and
                     (p.relative_to(folder).parts[:2] != ("data", "hls") or len(p.relative_to(folder).parts) < 4)]
            paths = [p for p in paths if not p.endswith("/data/hls/job_a")] + [str(folder / "run")]
            self.assertGreater(len(paths), 10)
            self.assertEqual(unit.order(REPLACE, PATHS=paths), [])

    # links, FIFOs, sockets

    def test_link_for_the_media_folder(self):
        self.storage()
        self.segmenter.order('''
for old in ("data/hls", "data", "data/hls/job_a"):
    try:
        os.rename(old, "run/away")
        os.symlink(VICTIMS, old)
        break
    except OSError:
        pass
''', VICTIMS=str(self.victims))
        self.client.pipeline(STORAGE, "stop", "job")
        self.segmenter.again()
        self.storage()
        self.answers(STORAGE)
        self.client.pipeline(STORAGE, "stop", "job")
        self.client.pipeline(STORAGE, "close", "job")
        self.answers(STORAGE)

    def test_link_for_the_playlist(self):
        self.storage()
        self.segmenter.order('os.symlink(SECRET, "data/hls/job_a/index.m3u8")', SECRET=str(self.secret))
        self.assertNotIn("root's own words", json.dumps(self.answers(STORAGE)))
        self.client.pipeline(STORAGE, "stop", "job")
        self.answers(STORAGE)

    def test_fifo_for_the_playlist(self):
        self.storage()
        self.segmenter.order('os.mkfifo("data/hls/job_a/index.m3u8")')
        self.answers(STORAGE)
        self.client.pipeline(STORAGE, "stop", "job", timeout=30)
        self.answers(STORAGE)

    def test_fifos_everywhere(self):
        """In the place of whatever it can move, while it runs and for the next agent."""
        self.distributor()
        self.relay.order('''
for folder, _, names in list(os.walk(".")):
    for name in names:
        path = os.path.join(folder, name)
        try:
            os.rename(path, path + ".away")
            os.mkfifo(path)
        except OSError:
            pass
''')
        self.answers(DISTRIBUTOR)
        self.relay.again()
        os.kill(self.agent.units()[DISTRIBUTOR, "job-relay"], signal.SIGKILL)
        self.answers(DISTRIBUTOR)
        self.restart()
        wait_for(lambda: self.answers(DISTRIBUTOR), 20, "the node answers")

    def test_second_name_of_a_file_of_roots(self):
        """fs.protected_hardlinks is off on some machines: here the test makes the names."""
        folder = self.storage()
        os.link(self.secret, folder / "data/hls/job_a/index.m3u8")
        self.assertNotIn("root's own words", json.dumps(self.answers(STORAGE)))
        shutil.rmtree(folder / "run/tmp")
        os.link(self.secret, folder / "run/tmp")
        os.kill(self.agent.units()[STORAGE, "nginx"], signal.SIGKILL)
        wait_for(lambda: self.client.node(STORAGE, "status")["state"] != "running", 10, "nginx is missed")
        time.sleep(1)  # its next start
        self.answers(STORAGE)
        self.client.node(STORAGE, "purge")
        self.assertEqual(self.secret.stat().st_nlink, 1)
        self.assertEqual(self.secret.stat().st_uid, 0)

    def test_huge_playlist(self):
        self.storage()
        self.segmenter.order('''
with open("data/hls/job_a/index.m3u8", "w") as f:
    f.truncate(1 << 29)
''')
        self.answers(STORAGE)
        self.client.pipeline(STORAGE, "stop", "job")
        self.answers(STORAGE)

    def test_foreign_socket_for_nginxs(self):
        """The agent speaks to nginx over a socket that nginx has made: not to another that it is led to."""
        self.distributor()
        path = self.where / "engine.sock"
        reached = []
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen(8)
            listener.settimeout(4)

            def accept():
                try:
                    connection, _ = listener.accept()
                    reached.append(connection.recv(200))
                    connection.close()
                except OSError:
                    pass

            thread = threading.Thread(target=accept)
            thread.start()
            self.relay.order('os.unlink("run/control.sock"); os.symlink(ENGINE, "run/control.sock")', ENGINE=str(path))
            thread.join()
        self.assertEqual(reached, [])
        self.answers(DISTRIBUTOR)

    # more than its job

    def test_rights_and_bounds(self):
        self.storage()
        status, core = self.segmenter.order('''
import resource
answer = (dict(line.split(":", 1) for line in open("/proc/self/status")), resource.getrlimit(resource.RLIMIT_CORE))
''')
        self.assertEqual((status["NoNewPrivs"].strip(), int(status["CapEff"], 16), core), ("1", 0, (0, 0)))
        self.assertIn("File too large", self.segmenter.order("os.ftruncate(1, BYTES)", BYTES=FILE_BYTES * 2))
        self.answers(STORAGE)

    def test_another_node(self):
        other = self.storage()
        self.distributor()
        found = self.relay.order('''
answer = []
for pid in PIDS:
    try:
        os.kill(pid, 0)
        answer.append(pid)
    except OSError:
        pass
for path in PATHS:
    try:
        os.listdir(path) if os.path.isdir(path) else open(path).close()
        answer.append(path)
    except OSError:
        pass
''', PIDS=[pid for (node, _), pid in self.agent.units().items() if node == STORAGE],
            PATHS=[str(other / p) for p in ("run", "keys", "agent", "run/control.sock")])
        self.assertEqual(found, [])

    def test_fork_bomb(self):
        self.distributor()
        count = self.relay.order('''
answer = 0
try:
    while answer < LIMIT:
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(300)
            os._exit(0)
        answer += 1
except OSError:
    pass
''', LIMIT=TASKS * 16)
        self.assertLess(count, TASKS * 5)
        self.answers(DISTRIBUTOR)
        uid = self.relay.order("answer = os.getuid()")
        self.client.node(DISTRIBUTOR, "purge", timeout=60)
        wait_for(lambda: not [p for p in os.listdir("/proc") if p.isdigit() and owner(p) == uid], 10, "all of them are gone")

    def test_purge_with_a_racing_survivor(self):
        """A process that has left its unit goes on swapping folders for links while the node is purged."""
        folder = self.storage()
        pid = self.segmenter.order('''
answer = os.fork()
if answer == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.chdir("data/hls/job_a")
    while True:
        try:
            os.mkdir("x"); os.mkdir("x/y"); open("x/secret", "w").close()
            os.rename("x", "z"); os.symlink(VICTIMS, "x"); os.unlink("x"); os.unlink("z/secret"); os.rmdir("z/y"); os.rmdir("z")
        except OSError:
            pass
''', VICTIMS=str(self.victims))
        self.addCleanup(lambda: alive(pid) and os.kill(pid, signal.SIGKILL))
        self.client.node(STORAGE, "purge", timeout=60)
        self.assertFalse(folder.exists())
        wait_for(lambda: not alive(pid), 10, "the survivor is gone")
        self.assertEqual(sorted(os.listdir(self.victims)), ["secret"])

    def test_deep_folders(self):
        folder = self.storage()
        self.segmenter.order('''
os.chdir("data/hls/job_a")
for i in range(400):
    os.mkdir("d"); os.chdir("d")
os.chdir(HOME)
''', HOME=str(folder))
        self.client.node(STORAGE, "purge", timeout=60)
        self.assertFalse(folder.exists())

    def test_signals_are_ignored(self):
        self.distributor()
        pid = self.agent.units()[DISTRIBUTOR, "job-relay"]
        self.relay.order('''
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
''')
        self.client.pipeline(DISTRIBUTOR, "stop", "job", timeout=30)
        self.assertFalse(alive(pid))

    def test_a_unit_that_hides(self):
        """Not dumpable, in another folder, in a session of its own: the next agent finds and replaces it."""
        self.distributor()
        pid = self.agent.units()[DISTRIBUTOR, "job-relay"]
        self.relay.order('''
import ctypes
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
os.chdir("/")
''')
        self.agent.kill()
        shutil.copy(self.relay.path, self.relay.path + "2")
        self.agent.argv[self.agent.argv.index("--relay") + 1] = self.relay.path + "2"
        self.agent.start()
        wait_for(lambda: not alive(pid), 20, "it has been replaced")
        self.answers(DISTRIBUTOR)

    # users

    def test_users_are_given_back(self):
        def users():
            with sqlite3.connect(f"file:{self.agent.state}/agent.db?mode=ro", uri=True) as db:
                return db.execute("select node, uid from node_user").fetchall()

        folder = self.storage()
        uid = (folder / "run").stat().st_uid
        self.assertGreaterEqual(uid, 70000)
        self.assertEqual(users(), [(STORAGE, uid)])
        self.client.node(STORAGE, "remove", timeout=60)
        self.assertEqual(users(), [(STORAGE, uid)])  # its folder is there
        self.assertEqual((folder / "run").stat().st_uid, uid)
        self.client.node(STORAGE, "purge", to=self.agent.id(), timeout=60)
        self.assertFalse(folder.exists())
        self.assertEqual(users(), [])

    def test_users_run_out(self):
        self.agent.stop()
        self.agent.start("--unit-uids", "71990-71990")
        self.storage()
        with self.assertRaisesRegex(Exception, "unit-uids"):
            self.distributor()

    def test_ranges_that_are_none(self):
        for text, word in (("x", "no range"), ("5-9", "below 1000"), ("80000-70000", "above the last"), ("70000", "no range")):
            done = subprocess.run([*self.agent.argv, "--unit-uids", text, "--state-dir", str(self.where / "other")],
                                  capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(word, done.stderr)


class EarlierRelease(Case):
    """A state folder as the last release left it, with units that run and one that has prepared for this."""
    flags = ("--unit-uids", "none")

    def as_before(self, folder):
        for name in ("agent", "progress"):
            for path in list((folder / name).glob("*.json")) + list((folder / name).glob("*.progress")):
                path.rename(folder / "run" / path.name)
            shutil.rmtree(folder / name)
        for path in [folder / "log", folder / "keys", folder / "data", folder / "data/hls", *(folder / "keys").iterdir(),
                     *(folder / "data/hls").glob("*.m3u8")]:
            os.chown(path, NOBODY, NOBODY)

    def test_taken_over(self):
        folder = self.storage()
        before = self.agent.units()
        victim = self.victim()
        self.agent.kill()
        self.as_before(folder)
        (folder / "run/evil.json").write_text(self.record_of(victim.pid, NOBODY))
        os.symlink(self.secret, folder / "log/away.log")
        os.link(self.secret, folder / "log/linked.log")
        os.mkfifo(folder / "log/fifo.log")
        self.agent.start()
        wait_for(lambda: self.agent.units() == before, 20, "its units are found again")
        self.answers(STORAGE)
        self.assertIsNone(victim.poll())
        for name in ("agent", "log", "keys", "progress", "data", "data/hls"):
            self.assertEqual((folder / name).stat().st_uid, 0, name)
        for path in (folder / "log").iterdir():
            self.assertTrue(stat.S_ISREG(path.lstat().st_mode), path)
        self.assertEqual(list((folder / "run").glob("*.json")), [])
        self.assertEqual(self.segmenter.order("answer = os.getuid()"), NOBODY)

    def test_to_users_of_their_own(self):
        """The units are replaced by ones of the node's new user, who gets what was stored."""
        folder = self.storage()
        before = self.agent.units()
        self.segmenter.order('open("data/hls/job_a/0000000001.ts", "w").close()')
        self.agent.kill()
        self.as_before(folder)
        self.segmenter.again()
        self.agent.start("--unit-uids", "72000-72999")
        uid = wait_for(lambda: self.segmenter.order("answer = os.getuid()"), 20, "a new segmenter")
        self.assertGreaterEqual(uid, 72000)
        self.assertEqual((folder / "data/hls/job_a/0000000001.ts").stat().st_uid, uid)
        wait_for(lambda: not any(alive(pid) for pid in before.values()), 20, "the old ones are gone")
        wait_for(lambda: self.answers(STORAGE)["state"] == "running", 20, "the node serves")


def owner(pid):
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


if __name__ == "__main__":
    unittest.main(verbosity=2)
