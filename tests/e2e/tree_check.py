"""A check of the source tree: content with the tree as it is, and with nothing that a test breaks in a copy of it."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))


class TreeCheck(unittest.TestCase):
    script = None  # its name in scripts/

    def setUp(self):
        self.copy = pathlib.Path(tempfile.mkdtemp(prefix="dsn-tree-"))
        self.addCleanup(shutil.rmtree, self.copy)
        (self.copy / "scripts").mkdir()
        shutil.copy2(SOURCE / "scripts" / self.script, self.copy / "scripts")
        shutil.copy2(SOURCE / "CMakeLists.txt", self.copy)
        shutil.copytree(SOURCE / "src", self.copy / "src")

    def check(self, *parts, code=1):
        done = subprocess.run([self.copy / "scripts" / self.script], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)
