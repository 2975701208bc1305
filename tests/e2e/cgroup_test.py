#!/usr/bin/env python3
"""Control groups of units: their limits, what a taken-over unit tries against them, and what becomes of them when agents end.

Where the machine has no controller of version 2 to be had (one that is mounted as version 1 is not), all of it is skipped.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

from agent import Agent, alive, wait_for
from broker import BIN
from hostile_unit_test import DISTRIBUTOR, STORAGE, TASKS, Case

CONTROLLERS = ("memory", "pids")
MEMORY_MIB = 96  # --unit-memory
SEGMENTER, NGINX = "job-hls_a", "nginx"
STRANGE = "77" * 20  # a node that the agent does not know

# A program that takes the group over before it becomes another, as systemd's children do.
ENTER = """
import os, sys
os.write(os.open(sys.argv[1] + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC), b"0")
os.execv(sys.argv[2], sys.argv[2:])
"""

FORKS = '''
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
'''

# Two forks and a session of its own: none of the unit's process group, and nobody's child.
SURVIVOR = '''
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(writer, str(os.getpid()).encode())
        time.sleep(300)
    os._exit(0)
answer = int(os.read(reader, 20))
'''

# Its own group is root's, as all of them.
LEAVE = '''
answer = []
for path, text in TRIES:
    try:
        with open(path, "w") as f:
            f.write(text)
        answer.append(path)
    except OSError:
        pass
for name in ("made", "../made"):
    try:
        os.mkdir(os.path.join(OWN, name))
        answer.append(name)
    except OSError:
        pass
'''


def read(path):
    return pathlib.Path(path).read_text()


def mounted():
    """Where the hierarchy of version 2 is; None: nowhere."""
    for line in read("/proc/self/mounts").splitlines():
        words = line.split()
        if words[2] == "cgroup2":
            return pathlib.Path(words[1])
    return None


def lacks():
    """Why there can be no group with limits here; None: there can be."""
    if os.geteuid() != 0:
        return "only root makes control groups"
    root = mounted()
    if not root:
        return "no control groups of version 2 are mounted"
    if not set(read(root / "cgroup.controllers").split()) & set(CONTROLLERS):
        return f"{root} has neither the controller memory nor pids (are they mounted as version 1?)"
    if not os.access(root / "cgroup.subtree_control", os.W_OK):
        return f"{root} cannot be written"
    return None


LACKS = lacks()


def group_of(pid):
    for line in read(f"/proc/{pid}/cgroup").splitlines():
        if line.startswith("0::"):
            return str(mounted()) + line[3:]
    return None


def pids(group):
    return [int(line) for line in read(group / "cgroup.procs").split()]


class Group:
    """One for an agent, as an operator makes it."""

    def __init__(self, case):
        root = mounted()
        there = read(root / "cgroup.controllers").split()
        before = read(root / "cgroup.subtree_control").split()
        self.controllers = [c for c in CONTROLLERS if c in there]
        for controller in self.controllers:
            if controller not in before:
                (root / "cgroup.subtree_control").write_text("+" + controller)
                case.addCleanup((root / "cgroup.subtree_control").write_text, "-" + controller)
        self.path = root / f"dsn-test-{os.getpid()}"
        self.path.mkdir()
        case.addCleanup(self.remove)

    def remove(self):
        def groups():
            return [g for g in self.path.iterdir() if g.is_dir()] + [self.path]

        def removed():
            for group in groups():
                try:
                    group.rmdir()
                except OSError:
                    for pid in pids(group):
                        if pid != os.getpid():
                            os.kill(pid, signal.SIGKILL)
            return not self.path.exists()

        wait_for(removed, 20, "the groups of the test are gone")

    def unit(self, node, unit):
        return self.path / f"{node}-{unit}"

    def units(self):
        return sorted(p.name for p in self.path.iterdir() if p.is_dir() and p.name not in ("agent", ".control"))

    def on(self):
        return read(self.path / "cgroup.subtree_control").split()


class GroupAgent(Agent):
    """setting: of --cgroup. inside: a group that it is started in, as a service is; None: in the test's own."""
    setting, inside = "none", None

    def start(self, *flags):
        argv = self.argv
        self.argv = [*argv, "--cgroup", self.setting]
        if self.inside:
            self.argv = [sys.executable, "-c", ENTER, str(self.inside), *self.argv]
        try:
            return super().start(*flags)
        finally:
            self.argv = argv


@unittest.skipIf(LACKS, LACKS)
class Groups(Case):
    flags = ("--unit-tasks", str(TASKS), "--unit-memory", str(MEMORY_MIB))
    inside, auto = False, False

    def setUp(self):
        self.group = Group(self)
        if self.auto:
            os.setxattr(self.group.path, "user.delegate", b"1")
        super().setUp()
        self.agent.id()

    def make_agent(self):
        agent = GroupAgent(self.broker, "--relay", self.relay.path, *self.flags)
        agent.setting = "auto" if self.auto else str(self.group.path)
        agent.inside = self.group.path if self.inside else None
        return agent

    def has(self, controller):
        if controller not in self.group.controllers:
            self.skipTest(f"the controller {controller} is not to be had")

    def release(self):
        return subprocess.run([os.path.join(BIN, "dsn-agent"), "--accept-plain", "--release-cgroup", "--cgroup",
                               str(self.group.path)], capture_output=True, text=True, timeout=30)

    def last_exits(self, node):
        """What a node's status says of the last ends of its units."""
        return re.findall(r'"last_exit": "([^"]*)"', json.dumps(self.client.node(node, "status", timeout=30)))

    def expect_limits(self, node, unit, tasks=TASKS, mib=MEMORY_MIB):
        """nginx has what a node has: in classic mode it starts all of a node's programs, each of which may end alone."""
        group = self.group.unit(node, unit)
        if "pids" in self.group.controllers:
            self.assertEqual(read(group / "pids.max"), f"{tasks * 4 if unit == NGINX else tasks}\n")
        if "memory" in self.group.controllers:
            self.assertEqual(read(group / "memory.max"), f"{mib << 20}\n")
            self.assertEqual(read(group / "memory.oom.group"), "0\n" if unit == NGINX else "1\n")
            if (group / "memory.swap.max").exists():
                self.assertEqual(read(group / "memory.swap.max"), "0\n")


class Units(Groups):
    def test_each_has_one_with_limits(self):
        self.distributor()
        self.storage()
        self.assertIn(f"cgroup={self.group.path}", self.agent.text())
        self.assertEqual(group_of(self.agent.process.pid), str(self.group.path / "agent") if self.inside else
                         group_of(os.getpid()))
        units = self.agent.units()
        self.assertIn((STORAGE, SEGMENTER), units)
        self.assertIn((DISTRIBUTOR, NGINX), units)
        for (node, unit), pid in units.items():
            self.assertEqual(group_of(pid), str(self.group.unit(node, unit)))
            self.expect_limits(node, unit)
        master = units[STORAGE, NGINX]
        for child in read(f"/proc/{master}/task/{master}/children").split():
            self.assertEqual(group_of(int(child)), str(self.group.unit(STORAGE, NGINX)))
        self.assertEqual(self.group.units(), sorted(f"{node}-{unit}" for node, unit in units))
        self.client.node(DISTRIBUTOR, "purge", timeout=60)
        wait_for(lambda: all(name.startswith(STORAGE) for name in self.group.units()), 10, "its groups are gone")

    def test_a_nodes_own_limit_of_memory(self):
        self.has("memory")
        self.client.create("storage", STORAGE, to=self.agent.id(),
                           spec={"containers": {"memory": str(64 << 20)}, "runtime": "process"})
        self.expect_limits(STORAGE, NGINX, mib=64)

    def test_fork_bomb(self):
        """It ends at the unit's limit: the node's (RLIMIT_NPROC) is four times as much, and others have theirs."""
        self.has("pids")
        self.storage()
        count = self.segmenter.order(FORKS, LIMIT=TASKS * 16)
        self.assertLess(count, TASKS)
        self.assertIn("max", read(self.group.unit(STORAGE, SEGMENTER) / "pids.events"))
        self.assertNotIn("max 0", read(self.group.unit(STORAGE, SEGMENTER) / "pids.events"))
        members = pids(self.group.unit(STORAGE, SEGMENTER))
        self.assertEqual(len(members), TASKS)
        self.answers(STORAGE)
        os.kill(self.agent.units()[STORAGE, SEGMENTER], signal.SIGKILL)
        wait_for(lambda: not any(alive(pid) for pid in members), 10, "all of them are gone")

    def test_what_a_unit_has_left_is_ended(self):
        self.storage()
        survivor = self.segmenter.order(SURVIVOR)
        pid = self.agent.units()[STORAGE, SEGMENTER]
        self.assertEqual(group_of(survivor), str(self.group.unit(STORAGE, SEGMENTER)))
        self.segmenter.again()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(survivor), 10, "the survivor is gone")
        wait_for(lambda: self.agent.units().get((STORAGE, SEGMENTER), pid) != pid, 20, "the unit runs again")
        again = self.agent.units()[STORAGE, SEGMENTER]
        self.assertEqual(self.segmenter.order("answer = os.getpid()"), again)
        self.assertEqual(group_of(again), str(self.group.unit(STORAGE, SEGMENTER)))
        survivor = self.segmenter.order(SURVIVOR)
        self.client.pipeline(STORAGE, "stop", "job")
        wait_for(lambda: not alive(survivor), 10, "the second survivor is gone")
        wait_for(lambda: self.group.units() == [f"{STORAGE}-{NGINX}"], 10, "its group is gone")

    def test_a_unit_cannot_leave(self):
        self.storage()
        own = self.group.unit(STORAGE, SEGMENTER)
        tries = [(str(folder / name), text) for folder in (own, self.group.path, self.group.path / "agent", mounted())
                 for name, text in (("cgroup.procs", "0"), ("memory.max", "max"), ("pids.max", "max"),
                                    ("cgroup.subtree_control", "-pids"), ("cgroup.kill", "1"))]
        self.assertEqual(self.segmenter.order(LEAVE, TRIES=tries, OWN=str(own)), [])
        self.expect_limits(STORAGE, SEGMENTER)
        self.answers(STORAGE)

    def test_memory_without_end(self):
        self.has("memory")
        self.storage()
        other = self.agent.units()[STORAGE, NGINX]
        pid = self.agent.units()[STORAGE, SEGMENTER]
        self.segmenter.again()
        (self.where / "orders" / "new").write_text("if os.fork() == 0: time.sleep(300)\nblocks = []\n"
                                                   "while True: blocks.append(b'x' * (1 << 20))\n")
        os.rename(self.where / "orders" / "new", self.where / "orders" / "segmenter.0")
        wait_for(lambda: not alive(pid), 30, "the unit is ended")
        self.segmenter.again()
        words = f"ended by its memory limit of {MEMORY_MIB} MiB; if it needs more: spec.containers.memory"
        wait_for(lambda: any(words in text for text in self.last_exits(STORAGE)), 20, "its status says why")
        self.assertTrue(alive(other))
        wait_for(lambda: alive(self.agent.units().get((STORAGE, SEGMENTER), pid)), 20, "it runs again")

    def test_two_agents(self):
        second = GroupAgent(self.broker, *self.flags)
        second.setting = str(self.group.path)
        self.addCleanup(second.close)
        second.start()
        self.assertEqual(second.process.wait(20), 4)
        self.assertIn("another agent has this control group", second.text())
        done = self.release()
        self.assertEqual((done.returncode, "another agent" in done.stderr), (4, True), done.stderr)


class Restarts(Groups):
    """As a service: each agent is started in the group itself."""
    inside = True

    def expect_adopted(self, before, **limits):
        wait_for(lambda: self.answers(STORAGE)["state"] == "running", 20, "the node serves")
        self.assertEqual(self.agent.units(), before)
        for (node, unit), pid in before.items():
            self.assertEqual(group_of(pid), str(self.group.unit(node, unit)))
            self.expect_limits(node, unit, **limits)
        self.assertEqual(group_of(self.agent.process.pid), str(self.group.path / "agent"))

    def enter(self):
        """Is a new process let in?"""
        done = subprocess.run([sys.executable, "-c", ENTER, str(self.group.path), "/bin/true"], capture_output=True, text=True)
        return done.returncode == 0 or done.stderr.strip().splitlines()[-1]

    def test_killed(self):
        self.storage()
        before = self.agent.units()
        self.agent.kill()
        self.assertEqual(sorted(self.group.on()), sorted(self.group.controllers))
        self.assertIn("busy", self.enter())  # what systemd would meet
        done = self.release()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.group.on(), [])
        self.assertTrue(all(alive(pid) for pid in before.values()))
        self.assertIs(self.enter(), True)
        self.agent.start("--unit-tasks", str(TASKS * 2))
        self.expect_adopted(before, tasks=TASKS * 2)

    def test_ended(self):
        self.storage()
        before = self.agent.units()
        self.assertEqual(self.agent.stop(), 0)
        self.assertEqual(self.group.on(), [])
        self.assertIs(self.enter(), True)
        self.assertEqual(self.release().returncode, 0)  # once more changes nothing
        self.agent.start()
        self.expect_adopted(before)
        survivor = self.segmenter.order(SURVIVOR)
        self.client.node(STORAGE, "purge", timeout=60)
        wait_for(lambda: not alive(survivor) and self.group.units() == [], 10, "nothing is left")

    def test_left_over(self):
        """Of a node that is no more, and of a unit that ended while no agent was there; others' groups are theirs."""
        self.storage()
        survivor = self.segmenter.order(SURVIVOR)
        pid = self.agent.units()[STORAGE, SEGMENTER]
        self.agent.kill()
        self.assertEqual(self.release().returncode, 0)
        sleepers = []
        for name in (f"{STRANGE}-nginx", f"{STORAGE}-old_job-hls", "operators-own"):
            (self.group.path / name).mkdir()
            sleepers.append(subprocess.Popen(["sleep", "300"]))
            self.addCleanup(sleepers[-1].wait)
            self.addCleanup(sleepers[-1].kill)
            (self.group.path / name / "cgroup.procs").write_text(str(sleepers[-1].pid))
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), 10, "the unit has ended")
        self.segmenter.again()
        self.agent.start()
        for sleeper in sleepers[:2]:
            self.assertEqual(sleeper.wait(20), -signal.SIGKILL)
        wait_for(lambda: not alive(survivor), 20, "the survivor is gone")
        wait_for(lambda: self.agent.units().get((STORAGE, SEGMENTER), pid) != pid, 20, "the unit runs again")
        wait_for(lambda: self.group.units() == sorted([f"{STORAGE}-{NGINX}", f"{STORAGE}-{SEGMENTER}", "operators-own"]),
                 10, "their groups are gone")
        self.assertIsNone(sleepers[2].poll())

    def test_of_an_agent_without_groups(self):
        """An upgrade: its units are in the group itself. They get groups, and go on."""
        self.agent.kill()
        self.assertEqual(self.release().returncode, 0)
        self.agent.setting = "none"
        self.agent.start()
        self.storage()
        before = self.agent.units()
        self.assertEqual(group_of(before[STORAGE, NGINX]), str(self.group.path))
        self.agent.kill()
        self.agent.setting = str(self.group.path)
        self.agent.start()
        self.expect_adopted(before)
        self.assertEqual(pids(self.group.path / "agent"), [self.agent.process.pid])


class Auto(Groups):
    """The group that systemd delegates is told by its mark."""
    inside, auto = True, True

    def in_control(self):
        """`--release-cgroup` as systemd runs ExecStopPost=: in a group beside."""
        control = self.group.path / ".control"
        control.mkdir(exist_ok=True)
        return subprocess.run([sys.executable, "-c", ENTER, str(control), os.path.join(BIN, "dsn-agent"), "--accept-plain",
                               "--release-cgroup", "--cgroup", "auto"], capture_output=True, text=True, timeout=30)

    def test_delegated(self):
        self.storage()
        before = self.agent.units()
        self.assertIn(f"cgroup={self.group.path}", self.agent.text())
        self.assertEqual(group_of(before[STORAGE, SEGMENTER]), str(self.group.unit(STORAGE, SEGMENTER)))
        self.agent.kill()
        done = self.in_control()
        self.assertEqual((done.returncode, done.stderr, self.group.on()), (0, "", []))
        self.agent.start()
        wait_for(lambda: self.answers(STORAGE)["state"] == "running", 20, "the node serves")
        self.assertEqual(self.agent.units(), before)
        self.expect_limits(STORAGE, SEGMENTER)

    def test_not_delegated(self):
        self.agent.kill()
        self.assertEqual(self.in_control().returncode, 0)
        os.removexattr(self.group.path, "user.delegate")
        os.truncate(self.agent.log, 0)
        self.agent.start()
        self.storage()
        self.assertIn("is not delegated to the agent", self.agent.text())
        self.assertRegex(self.agent.text(), r"agent\.started .* cgroup=none\n")
        self.assertEqual(self.group.units(), [])
        self.assertEqual(self.group.on(), [])
        self.assertEqual(self.in_control().returncode, 0)


if __name__ == "__main__":
    result = unittest.main(verbosity=2, exit=False).result
    sys.exit(77 if result.testsRun and len(result.skipped) == result.testsRun else 0 if result.wasSuccessful() else 1)
