#!/usr/bin/env python3
"""scripts/setup on a real Debian: this machine's own root under an overlay in a mount and process namespace, with three
servers purged from it. What setup installs there stays there; Debian's package source is needed."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine import main  # noqa: E402

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
POLICY = "/usr/sbin/policy-rc.d"
NO = "#!/bin/sh\nexit 101\n"
PURGED = ["nginx-common", "rabbitmq-server", "docker.io"]  # and what needs them
WANTED = {"nginx-light": "media server", "libnginx-mod-rtmp": "RTMP", "rabbitmq-server": "the broker", "docker.io": "Docker's engine"}
UNITS = ["nginx.service", "rabbitmq-server.service", "docker.service", "docker.socket", "epmd.socket"]
SERVERS = ("nginx", "beam.smp", "dockerd", "containerd", "epmd")


class Machine:
    """The root, at self.root; run() runs inside."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-setup-"))
        self.root = self.folder / "root"
        self.holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "sleep",
                                        "infinity"], stdin=subprocess.DEVNULL)
        children = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        end = time.monotonic() + 10
        self.pid = ""
        while not self.pid and self.holder.poll() is None and time.monotonic() < end:
            self.pid = children.read_text().strip()
            time.sleep(0.02)
        if not self.pid:
            raise unittest.SkipTest("no namespaces here: unshare failed")
        lines = ("mount -t tmpfs tmpfs $0 && mkdir $0/upper $0/work $0/root && "
                 "mount -t overlay overlay -o lowerdir=/,upperdir=$0/upper,workdir=$0/work $0/root && "
                 "mount -t proc proc $0/root/proc && mount --rbind /dev $0/root/dev && mount -t tmpfs tmpfs $0/root/tmp && "
                 "chmod 1777 $0/root/tmp")
        done = self.inside(["sh", "-c", lines, str(self.folder)])
        if done.returncode:
            raise unittest.SkipTest(f"no overlay here: {done.stderr.strip()}")
        # From outside the mounts are seen through the holder.
        self.seen = pathlib.Path(f"/proc/{self.pid}/root{self.root}")
        copy = self.seen / "tmp" / "dsn"
        (copy / "scripts").mkdir(parents=True)
        shutil.copy2(SOURCE / "scripts" / "setup", copy / "scripts" / "setup")
        shutil.copytree(SOURCE / "web", copy / "web", symlinks=True)
        # Of what npm has installed setup looks at the list only.
        (copy / "contracts" / "node_modules").mkdir(parents=True)
        for name in ("package.json", "package-lock.json", "node_modules/.package-lock.json"):
            shutil.copy2(SOURCE / "contracts" / name, copy / "contracts" / name)

    def inside(self, argv, **more):
        return subprocess.run(["nsenter", "--target", self.pid, "--mount", "--pid", *argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=300, **more)

    def run(self, *argv, user=None):
        switch = ["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups"] if user else []
        return self.inside(["chroot", str(self.root), *switch, *argv])

    def servers(self):
        """Servers that run inside."""
        names = [p.read_text().strip() for p in (self.seen / "proc").glob("[0-9]*/comm")]
        return sorted(set(names) & set(SERVERS))

    def path(self, name):
        return self.seen / name.lstrip("/")

    def close(self):
        self.holder.kill()
        self.holder.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@unittest.skipUnless(os.geteuid() == 0, "needs root for its namespaces")
class Setup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()
        cls.addClassCleanup(cls.machine.close)
        done = cls.machine.run("apt-get", "-o", "APT::Update::Error-Mode=any", "update")
        if done.returncode:
            raise unittest.SkipTest(f"Debian's package source cannot be reached: {done.stderr.strip()[-200:]}")

    def purge(self, *packages):
        self.machine.path(POLICY).write_text(NO)
        self.machine.path(POLICY).chmod(0o755)
        done = self.machine.run("apt-get", "purge", "-y", *packages)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.machine.path(POLICY).unlink()

    def setup(self, user=None):
        return self.machine.run("/tmp/dsn/scripts/setup", "test", user=user)

    def enabled(self):
        return [u for u in UNITS if self.machine.run("systemctl", "is-enabled", u).stdout.strip() == "enabled"]

    def test_missing_packages(self):
        """Installs what is missing and says why; no service runs or is enabled after it; the second time it does nothing."""
        self.purge(*PURGED)
        if not shutil.which("sudo"):
            done = self.setup(user="nobody")
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("run as root", done.stderr)
            self.assertIn("rabbitmq-server", done.stderr)
        done = self.setup()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for package, why in WANTED.items():
            self.assertTrue(any(line.split()[:1] == [package] and why in line for line in done.stdout.splitlines()), done.stdout)
        self.assertEqual(self.machine.servers(), [])
        self.assertEqual(self.enabled(), [])
        self.assertFalse(self.machine.path(POLICY).exists(), "what kept the services still is gone")
        before = self.machine.path("/var/lib/dpkg/status").stat().st_mtime_ns
        done = self.setup(user="nobody")  # needs no rights: there is nothing to do
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.machine.path("/var/lib/dpkg/status").stat().st_mtime_ns, before)

    def test_through_sudo_beside_a_policy_of_the_machine(self):
        """As a user with sudo; the machine has a policy of its own, which stays, and a server of its own, which stays enabled."""
        if not shutil.which("sudo"):
            self.assertEqual(self.machine.run("apt-get", "install", "-y", "--no-install-recommends", "sudo").returncode, 0)
        rule = self.machine.path("/etc/sudoers.d/nobody")
        rule.write_text("nobody ALL=(ALL) NOPASSWD: ALL\n")
        rule.chmod(0o440)
        self.addCleanup(rule.unlink)
        self.purge("rabbitmq-server")
        own = "#!/bin/sh\n# the machine's own\nexit 101\n"
        self.machine.path(POLICY).write_text(own)
        self.machine.path(POLICY).chmod(0o755)
        self.addCleanup(self.machine.path(POLICY).unlink)
        self.assertEqual(self.machine.run("systemctl", "enable", "nginx.service").returncode, 0)
        self.addCleanup(self.machine.run, "systemctl", "disable", "nginx.service")
        done = self.setup(user="nobody")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("rabbitmq-server", done.stdout)
        self.assertEqual(self.machine.path(POLICY).read_text(), own)
        self.assertEqual(self.enabled(), ["nginx.service"])
        self.assertEqual(self.machine.servers(), [])

    def test_policy_of_a_killed_setup(self):
        """What a setup that was killed has left behind goes; that of one at work stays."""
        script = (SOURCE / "scripts" / "setup").read_text()
        mark = next(line.split("'")[1] for line in script.splitlines() if line.startswith("mark="))
        policy = self.machine.path(POLICY)
        policy.write_text(f"#!/bin/sh\n{mark} 1\nexit 101\n")  # 1 lives
        self.machine.run("/tmp/dsn/scripts/setup", "build")
        self.assertTrue(policy.exists())
        policy.write_text(f"#!/bin/sh\n{mark} 4000000\nexit 101\n")
        self.assertIn(POLICY, self.machine.run("/tmp/dsn/scripts/setup", "build").stdout)
        self.assertFalse(policy.exists())

    def test_wrong_use(self):
        done = self.machine.run("/tmp/dsn/scripts/setup", "everything")
        self.assertEqual(done.returncode, 2)
        self.assertIn("interop", done.stderr)


if __name__ == "__main__":
    main()
