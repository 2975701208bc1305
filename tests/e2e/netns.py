"""Machines on a bad network, for tests: network namespaces of our own, joined by a switch that delays, loses and parts.

    lab = netns.Lab(4)                       # machines 0..3, with the addresses 10.77.0.1 ... 10.77.0.4
    subprocess.Popen(lab.command(0, ["shhd", "--address", lab.address(0), ...]))
    with lab.inside(0):                      # sockets that are made here are machine 0's
        socket.create_connection(("127.0.0.1", port))
    lab.set(loss=0.3, delay_ms=20, jitter_ms=5)   # each way; of every frame but ARP's
    lab.part([0, 1], [2, 3])                 # the groups do not reach each other any more
    lab.join()                               # they do
    lab.counts()                             # {"forwarded": ..., "lost": ..., "parted": ..., "overflowed": ...}
    lab.close()

Each machine is a network namespace with a loopback and eth0, a TAP device whose other end the switch holds: a process of
its own that forwards Ethernet frames. So the kernel's TCP and UDP are the real ones, and neither netem nor the firewall
is needed. Namespaces and switch end with the process that made them, also when it is killed.

Needs root, iproute2, util-linux and /dev/net/tun; where unprivileged user namespaces are allowed, main() gets there
without root. missing() says what is not there. Clean of other network: nothing leads out of a lab.
"""
import contextlib
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
FRAME = 2048  # bytes that hold any frame of an MTU of 1500
WAITING = 50_000  # frames that may be on their way; more are lost, as in any switch
ARP = b"\x08\x06"
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
_libc = ctypes.CDLL(None, use_errno=True)


def missing():
    """Why there can be no lab here, or None."""
    for tool in ("ip", "nsenter", "unshare"):
        if not shutil.which(tool, path=PATH):
            return f"{tool} is not installed"
    if os.geteuid() != 0:
        return "network namespaces want root, or user namespaces that anybody may make"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun is not there"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, env={**os.environ, "PATH": PATH})
    return f"network namespaces cannot be made: {tried.stderr.strip()}" if tried.returncode else None


def main(run):
    """Calls run() as root, if need be as the root of a user namespace of our own."""
    if os.geteuid() != 0 and not os.environ.get("DSN_NETNS_ROOT"):
        words = ["unshare", "--map-root-user", "--net"]
        if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            os.environ["DSN_NETNS_ROOT"] = "1"
            os.execvp("unshare", [*words, sys.executable, *sys.argv])
    run()


def _set_namespace(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Lab:
    def __init__(self, machines, prefix="10.77.0"):
        if not 1 <= machines <= 250:
            raise ValueError("1 to 250 machines")
        self.prefix, self.holders, self.switch = prefix, [], None
        self.env = {**os.environ, "PATH": PATH}
        taps = []
        try:
            for i in range(machines):
                self.holders.append(self._holder())
                taps.append(self._tap(i))
            self.switch = subprocess.Popen([sys.executable, os.path.abspath(__file__), *map(str, taps)], pass_fds=taps,
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.counts()
        except BaseException:
            self.close()
            raise
        finally:
            for tap in taps:
                os.close(tap)

    def _holder(self):
        """A process that is there only to hold a namespace: cat, which ends when its input does."""
        holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env)
        # It answers once it is cat, and the namespace thus made.
        holder.stdin.write(b"here\n")
        holder.stdin.flush()
        if holder.stdout.readline() != b"here\n":
            raise OSError("a network namespace could not be made")
        return holder

    def _tap(self, i):
        with self.inside(i):
            tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP | IFF_NO_PI))
        for words in (["link", "set", "lo", "up"], ["link", "set", "eth0", "addrgenmode", "none"],
                      ["address", "add", f"{self.address(i)}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            subprocess.run(self.command(i, ["ip", *words]), check=True, env=self.env)
        return tap

    def address(self, i):
        return f"{self.prefix}.{i + 1}"

    def command(self, i, argv):
        """The argument vector that runs `argv` on machine `i`. It is exec all the way: the pid is the program's."""
        return [shutil.which("nsenter", path=PATH), f"--net=/proc/{self.holders[i].pid}/ns/net", *argv]

    @contextlib.contextmanager
    def inside(self, i):
        """What this thread opens meanwhile, it opens on machine `i`."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            there = os.open(f"/proc/{self.holders[i].pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                _set_namespace(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _set_namespace(own)
        finally:
            os.close(own)

    def _tell(self, **order):
        self.switch.stdin.write(json.dumps(order) + "\n")
        self.switch.stdin.flush()
        line = self.switch.stdout.readline()
        if not line:
            raise OSError("the switch has ended")
        return json.loads(line)

    def set(self, loss=0.0, delay_ms=0.0, jitter_ms=0.0):
        """From now on, for every frame: the probability of its loss; how long it takes, at least and how much more."""
        self._tell(loss=loss, delay=delay_ms / 1e3, jitter=jitter_ms / 1e3)

    def part(self, *groups):
        """Machines of different groups do not reach each other any more; who is in none reaches all."""
        self._tell(groups={str(i): k for k, group in enumerate(groups) for i in group})

    def join(self):
        self._tell(groups={})

    def counts(self):
        return self._tell()

    def close(self):
        for process in filter(None, [self.switch, *self.holders]):
            process.stdin.close()  # which ends it
            process.wait()
            process.stdout.close()
        self.switch, self.holders = None, []


class Switch:
    """Forwards Ethernet frames between TAP devices; the process behind a lab."""

    def __init__(self, taps):
        self.taps, self.ports = taps, {tap: i for i, tap in enumerate(taps)}
        self.learned = {}  # address: port
        self.loss = self.delay = self.jitter = 0.0
        self.groups = {}
        self.waiting, self.number = [], 0  # (when, number, tap, frame)
        self.counts = dict.fromkeys(("forwarded", "lost", "parted", "overflowed"), 0)

    def send(self, tap, frame):
        try:
            os.write(tap, frame)
        except OSError:
            self.counts["overflowed"] += 1  # its machine takes no more, or is going

    def pass_on(self, source, target, frame):
        mine, theirs = self.groups.get(str(source)), self.groups.get(str(target))
        if mine is not None and theirs is not None and mine != theirs:
            self.counts["parted"] += 1
        # Who cannot find out an address sends nothing at all; that is not the loss that is meant.
        elif frame[12:14] != ARP and random.random() < self.loss:
            self.counts["lost"] += 1
        elif len(self.waiting) >= WAITING:
            self.counts["overflowed"] += 1
        else:
            self.counts["forwarded"] += 1
            wait = self.delay + random.random() * self.jitter
            if not wait:
                self.send(self.taps[target], frame)
                return
            self.number += 1
            heapq.heappush(self.waiting, (time.monotonic() + wait, self.number, self.taps[target], frame))

    def take(self, tap):
        source = self.ports[tap]
        for _ in range(64):
            try:
                frame = os.read(tap, FRAME)
            except BlockingIOError:
                return
            self.learned[frame[6:12]] = source
            target = self.learned.get(frame[:6])
            for port in range(len(self.taps)) if target is None else (target,):
                if port != source:
                    self.pass_on(source, port, frame)

    def order(self, line):
        for name, value in json.loads(line).items():
            setattr(self, name, value)
        print(json.dumps(self.counts), flush=True)

    def run(self):
        poll = select.poll()
        for descriptor in [0, *self.taps]:
            poll.register(descriptor, select.POLLIN)
        orders = b""
        while True:
            now = time.monotonic()
            while self.waiting and self.waiting[0][0] <= now:
                self.send(*heapq.heappop(self.waiting)[2:])
            pause = None if not self.waiting else max(0.0, (self.waiting[0][0] - now) * 1e3)
            for descriptor, _ in poll.poll(pause):
                if descriptor:
                    self.take(descriptor)
                    continue
                data = os.read(0, 65536)
                if not data:
                    return
                *lines, orders = (orders + data).split(b"\n")
                for line in lines:
                    self.order(line)


if __name__ == "__main__":
    Switch([int(word) for word in sys.argv[1:]]).run()
