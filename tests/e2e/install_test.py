#!/usr/bin/env python3
"""make install below a folder of its own: everything is there, and what is there fits together."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ.get("DSN_RELEASE_BIN") or os.environ.get("DSN_BIN") or
                   pathlib.Path(__file__).resolve().parents[2] / "build" / "bin")
PREFIX = "/opt/video"
PROGRAMS = ("dsn-agent", "dsn-hls", "dsn-relay", "dsn-bench", "dsnd", "shhd", "vcli")


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-install-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        done = subprocess.run(["cmake", "--install", BIN.parent, "--prefix", PREFIX], capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, DESTDIR=str(folder)))
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        cls.root = folder
        cls.prefix = folder / PREFIX.lstrip("/")

    def test_nothing_beside_the_prefix(self):
        self.assertEqual([str(p.relative_to(self.root)) for p in self.root.glob("*/*")], [PREFIX.lstrip("/")])

    def test_programs(self):
        for name in PROGRAMS:
            with self.subTest(name):
                done = subprocess.run([self.prefix / "bin" / name, "--help"], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(name, done.stdout)

    def test_units_name_the_installed_programs(self):
        units = sorted((self.prefix / "lib/systemd/system").glob("*.service"))
        self.assertEqual([u.name for u in units], ["dsn-agent.service", "dsnd.service", "shhd.service"])
        for unit in units:
            text = unit.read_text()
            self.assertNotRegex(text, r"@\w+@")
            program = re.search(r"^ExecStart=(\S+)", text, re.M).group(1)
            self.assertTrue(program.startswith(PREFIX + "/"), program)
            self.assertTrue((self.root / program.lstrip("/")).exists(), program)
            for page in re.findall(r"man:(\S+)\((\d)\)", text):
                self.assertTrue((self.prefix / "share/man" / f"man{page[1]}" / f"{page[0]}.{page[1]}").exists(), page)

    def test_manual_pages(self):
        pages = {p.name: p for p in (self.prefix / "share/man/man1").iterdir()}
        self.assertEqual(sorted(pages), ["dsn-agent.1", "dsn-hls.1", "dsn-relay.1", "dsnd.1", "shhd.1", "vcli.1"])
        for name, page in pages.items():
            text = page.read_text()
            with self.subTest(name):
                for other in re.findall(r"^\.BR (\S+) \(1\)", text, re.M):
                    self.assertIn(other.replace("\\-", "-") + ".1", pages)
                if shutil.which("groff"):
                    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", page], capture_output=True, text=True, timeout=60)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                if name == "vcli.1":
                    continue
                # Every setting that is in effect is explained.
                settings = subprocess.run([self.prefix / "bin" / name.removesuffix(".1"), "--help"], capture_output=True, text=True,
                                          timeout=60).stdout
                for flag in re.findall(r"^  --(\S+)", settings, re.M):
                    self.assertIn("\n.B \\-\\-" + flag.replace("-", "\\-"), text)

    def test_completion(self):
        script = self.prefix / "share/bash-completion/completions/vcli"
        done = subprocess.run(["bash", "-c", f". {script}; complete -p vcli"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.prefix / "share/zsh/site-functions/_vcli").read_text().startswith("#compdef vcli"))


if __name__ == "__main__":
    unittest.main()
