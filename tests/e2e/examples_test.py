"""Each file of examples/ does what its README says, at a real broker and agent: documents start, settings are settings."""
import pathlib
import re
import subprocess
import unittest

import vcli_test
from agent import PORTS
from broker import BIN, SOURCE, free_ports
from vcli_test import DISTRIBUTOR, SECOND, STORAGE, TRANSCODER, VCLI

EXAMPLES = pathlib.Path(SOURCE) / "examples"


class Examples(vcli_test.Online):
    def example(self, name, ports=()):
        """A copy with private ports in the places of the example's."""
        text = (EXAMPLES / name).read_text()
        for theirs, ours in ports:
            self.assertIn(theirs, text)
            text = text.replace(theirs, str(ours))
        return self.file(name, text)

    def starts(self, path, job):
        self.addCleanup(subprocess.run, [VCLI, "pipeline", "close", path, "--timeout", "30s"], env=self.environment,
                        capture_output=True, timeout=60)
        answer = self.json("pipeline", "start", path)
        self.assertEqual((answer["state"], answer["job"]), ("applied", job))
        self.assertEqual({n["state"] for n in answer["nodes"]}, {"applied"})
        self.assertIn(f"/{job}.m3u8", answer["watch"])
        self.json("pipeline", "close", path)

    def test_every_file_is_told_of(self):
        text = (EXAMPLES / "README.md").read_text()
        self.assertEqual(set(re.findall(r"^\| \[[^]]+\]\(([^)]+)\)", text, re.M)),
                         {p.name for p in EXAMPLES.iterdir()} - {"README.md"})

    def test_public_documents(self):
        self.create_all()
        self.starts(self.example("film.json"), "film")
        self.starts(self.example("live.json"), "live")

    def test_a_node_with_a_name_and_ports_and_a_private_document(self):
        first = free_ports(4 + PORTS) + PORTS
        storage = (("20941", first), ("20942", first + 1))
        for node in (STORAGE, DISTRIBUTOR, TRANSCODER):
            self.vcli_any("node", "purge", node, "--force")
        made = self.json("node", "create", self.example("node-storage.json", storage))
        self.assertEqual((made["name"], made["ports"]), ("shelf", {"rtmp": str(first), "http": str(first + 1)}))
        ports = {node: self.json("node", "create", role, node)["ports"]["rtmp"]
                 for role, node in (("distributor", DISTRIBUTOR), ("transcoder", TRANSCODER))}
        self.starts(self.example("private.json", (storage[0], ("20921", ports[DISTRIBUTOR]), ("20931", ports[TRANSCODER]))),
                    "byhand")
        self.json("node", "purge", "shelf", "--force")

    def vcli_any(self, *words):
        return subprocess.run([VCLI, *words], env=self.environment, capture_output=True, timeout=60)

    def test_settings(self):
        for program, words, name in (("dsn-agent", (), "agent.conf"), ("vcli", ("node", "list"), "vcli.conf")):
            done = subprocess.run([f"{BIN}/{program}", *words, "--config", EXAMPLES / name, "--print-config"], capture_output=True,
                                  text=True, timeout=30)
            self.assertEqual(done.returncode, 0, done.stderr)
            for line in (EXAMPLES / name).read_text().splitlines():
                if line and not line.startswith("#"):
                    self.assertIn(line.replace(" = ", "="), done.stdout.replace(" = ", "=").replace('"', ""))

    def test_init_writes_such_a_document(self):
        ports = self.create_all()
        path = str(self.home / "mine.json")
        self.assertIn("job mine, 4 nodes, 2 renditions", self.vcli("pipeline", "init", path).stdout)
        made = self.json("pipeline", "plan", path)
        self.assertEqual({n["node_id"]: n["ports"] for n in made["nodes"]}, ports)
        self.starts(path, "mine")
        self.assertIn("is there already", self.vcli("pipeline", "init", path, code=4).stderr)
        self.json("node", "maintenance", "on", SECOND)
        self.assertIn("3 nodes, 1 rendition;", self.vcli("pipeline", "init", path, "--force").stdout)
        self.json("node", "maintenance", "off", SECOND)
        self.assertIn("job id", self.vcli("pipeline", "init", str(self.home / "two words.json"), code=2).stderr)
        self.json("node", "purge", STORAGE)
        self.assertIn('make one with "vcli node create storage', self.vcli("pipeline", "init", path, "--force", code=3).stderr)


if __name__ == "__main__":
    unittest.main()
