#!/usr/bin/env python3
"""How the programs were linked, and how much systemd says the services are exposed."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
BIN = pathlib.Path(os.environ.get("DSN_RELEASE_BIN") or SOURCE / "build" / "bin")
PROGRAMS = ("dsn-agent", "dsn-hls", "shhd", "vcli")
# What a service may be exposed at most, of 10.
EXPOSURE = {"dsn-agent": 2.5, "dsnd": 1.5, "shhd": 2.0}


def output(*argv):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True).stdout


@unittest.skipUnless(shutil.which("readelf"), "readelf is not installed")
@unittest.skipUnless(all((BIN / p).exists() for p in PROGRAMS), f"no release programs in {BIN}")
class Programs(unittest.TestCase):
    def each(self, *flags):
        for name in PROGRAMS:
            with self.subTest(name):
                yield output("readelf", "-W", *flags, str(BIN / name))

    def test_position_independent(self):
        for text in self.each("-hd"):
            self.assertRegex(text, r"Type:\s+DYN")
            self.assertRegex(text, r"FLAGS_1\).*\bPIE\b")

    def test_relocations_are_read_only(self):
        for text in self.each("-ld"):
            self.assertIn("GNU_RELRO", text)
            self.assertRegex(text, r"\bBIND_NOW\b|Flags:.*\bNOW\b")

    def test_stack_is_not_executable(self):
        for text in self.each("-l"):
            self.assertRegex(text, r"GNU_STACK.* RW ")

    def test_stack_is_guarded(self):
        for text in self.each("--dyn-syms"):
            self.assertIn("__stack_chk_fail", text)
            self.assertRegex(text, r"__\w+_chk@")

    def test_no_client_of_a_database_server(self):
        """Memory of who opens no URL of a PostgreSQL server is not spent on its library."""
        for text in self.each("-d"):
            self.assertNotIn("libpq", text)

    @unittest.skipUnless(os.uname().machine == "x86_64", "control-flow protection is x86's")
    def test_control_flow_is_protected(self):
        # The note of a whole program says so only when the C library's start files do too: the functions' own
        # landing marks are what the compiler has made.
        for name in PROGRAMS:
            with self.subTest(name):
                text = output("objdump", "-d", "--no-show-raw-insn", str(BIN / name))
                self.assertGreater(text.count("endbr64"), 50)

    def test_large_frames_touch_each_page(self):
        """-fstack-clash-protection was given to every file."""
        commands = BIN.parent / "compile_commands.json"
        if not commands.exists():
            self.skipTest("no compile_commands.json beside the programs")
        for line in re.findall(r'"command": "(.*)"', commands.read_text()):
            self.assertIn("-fstack-clash-protection", line)


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Services(unittest.TestCase):
    def test_exposure(self):
        with tempfile.TemporaryDirectory(prefix="dsn-unit-") as folder:
            for name, most in EXPOSURE.items():
                text = (SOURCE / f"packaging/systemd/{name}.service.in").read_text().replace("@BINDIR@", "/usr/bin")
                path = pathlib.Path(folder) / f"{name}.service"
                path.write_text(text)
                with self.subTest(name):
                    text = output("systemd-analyze", "security", "--offline=true", "--no-pager", str(path))
                    level = float(re.search(r"exposure level for \S+: ([0-9.]+)", text).group(1))
                    self.assertLessEqual(level, most, text)

    def test_ceilings(self):
        text = (SOURCE / "packaging/systemd/dsn-agent.service.in").read_text()
        for setting in ("ProtectSystem=strict", "PrivateTmp=yes", "OOMPolicy=continue", "NoNewPrivileges=yes"):
            self.assertRegex(text, f"(?m)^{setting}$")
        for name in ("MemoryMax", "TasksMax"):
            self.assertRegex(text, rf"(?m)^{name}=\d")

    def test_control_groups(self):
        """Its own is the agent's, the others are read-only; and what a killed agent left on is switched off."""
        text = (SOURCE / "packaging/systemd/dsn-agent.service.in").read_text()
        for setting in ("Delegate=memory pids", "ProtectControlGroups=yes", "ReadWritePaths=-/sys/fs/cgroup/system.slice/%n",
                        "ExecStopPost=-@BINDIR@/dsn-agent --release-cgroup"):
            self.assertIn(setting, text.splitlines())


if __name__ == "__main__":
    unittest.main()
