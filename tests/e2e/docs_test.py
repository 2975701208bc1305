#!/usr/bin/env python3
"""The documentation holds what it names: files, functions, links, make targets, commands of vcli, packages."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("DSN_BIN") or SOURCE / "build" / "bin")
ROOM_PAGES = sorted((SOURCE / "src").glob("*/README.md"))
PAGES = [*(SOURCE / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *sorted((SOURCE / "docs").glob("*.md")),
         *sorted((SOURCE / "docs" / "adr").glob("*.md")),
         SOURCE / "packaging" / "docker" / "README.md", *ROOM_PAGES]
FILE = re.compile(r"^(?:[\w.-]+/)+[\w.*<>-]+\.(?:c|h|py|md|json|cmake|in)$")
ROOTS = ["", "src", "tests/e2e"]


def codes(text):
    """What stands in `backticks`, blocks left out."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", text)


def blocks(text):
    """Lines of command blocks, comments cut off."""
    return [line.strip().split("  #")[0].split(" # ")[0] for line in re.findall(r"^    (\S.*)$", text, re.M)]


class Docs(unittest.TestCase):
    def each(self):
        return [(page, page.read_text()) for page in PAGES]

    def found(self, name, page):
        pattern = re.sub(r"<\w+>", "*", name)
        for root in [*ROOTS, str(page.parent.relative_to(SOURCE))]:
            matches = [p for p in (SOURCE / root).glob(pattern) if ".git" not in p.parts]
            if matches:
                return matches
        return []

    def test_files_and_functions(self):
        seen = 0
        for page, text in self.each():
            for code in codes(text):
                name, _, functions = code.partition(": ")
                if not FILE.match(name):
                    continue
                matches = self.found(name, page)
                placeholder = "<" in name or "*" in name
                self.assertTrue(matches or (placeholder and "<" in name), f"{page.name} names {name}, which is not there")
                seen += 1
                for function in re.findall(r"(\w+)\(\)", functions):
                    self.assertTrue(any(re.search(rf"\b{function}\(", m.read_text()) for m in matches),
                                    f"{page.name} names {function}() in {name}")
        self.assertGreater(seen, 100)

    def test_links(self):
        for page, text in self.each():
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"https?:", target):
                    continue
                path, _, anchor = target.partition("#")
                other = (page.parent / path).resolve() if path else page
                self.assertTrue(other.exists(), f"{page.name} links to {target}")
                if anchor:
                    headings = [re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-")
                                for h in re.findall(r"^#+ (.*)$", other.read_text(), re.M)]
                    self.assertIn(anchor, headings, page.name)

    def test_make_targets(self):
        makefile = (SOURCE / "Makefile").read_text()
        targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.M))
        for page, text in self.each():
            for words in [*codes(text), *blocks(text)]:
                found = re.match(r"make ([a-z-]+)\b", words)
                if found:
                    self.assertIn(found.group(1), targets, f"{page.name}: {words}")
        helped = subprocess.run(["make", "-s", "-C", SOURCE, "help"], capture_output=True, text=True, timeout=30, check=True).stdout
        for target in targets:
            self.assertRegex(helped, rf"(?m)^make {target} +\S")
        for target in ("demo", "test", "test-all", "bench", "lint", "format", "asan", "install", "clean"):
            self.assertIn(target, targets)

    def test_commands_of_vcli(self):
        overview = subprocess.run([BIN / "vcli", "help"], capture_output=True, text=True, timeout=30, check=True).stdout
        known = set(re.findall(r"^  ([a-z]+(?: [a-z_]+)?)(?= |$)", overview, re.M))
        single = {k for k in known if " " not in k}
        for page, text in self.each():
            for words in [*codes(text), *blocks(text)]:
                found = re.match(r"vcli ([a-z]+)(?: ([a-z_]+))?", words)
                if found and found.group(1) != "command":
                    pair = " ".join(w for w in found.groups() if w)
                    self.assertTrue(pair in known or found.group(1) in single or pair in {k.split()[0] for k in known},
                                    f"{page.name}: {words}")
        text = (SOURCE / "docs" / "vcli.md").read_text()
        for command in known:
            if " " in command:
                self.assertTrue(re.search(rf"\b{command}\b", text), f"docs/vcli.md leaves out {command}")

    def test_packages_are_explained(self):
        """What the build looks for is installed by scripts/setup, each package with its reason."""
        setup = (SOURCE / "scripts" / "setup").read_text()
        table = setup.split("<<'TABLE'\n")[1].split("\nTABLE")[0]
        for line in table.splitlines():
            self.assertRegex(line, r"^\S+ +\w+( \w+)*  +\S.*$")

    def test_schemas_are_named(self):
        text = (SOURCE / "docs" / "api.md").read_text()
        for schema in (SOURCE / "docs" / "schemas").glob("*.json"):
            if schema.name != "common.json":
                kind = re.sub(r"(distributor|transcoder|storage)", "<role>", schema.name)
                self.assertTrue(schema.name in text or kind in text, schema.name)

    def tables(self, name, old, new):
        """What scripts/api-tables --check says of a copy of page and schemas in which `old` is `new`: exit code, its words."""
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder)
            (copy / "scripts").mkdir()
            shutil.copy2(SOURCE / "scripts" / "api-tables", copy / "scripts")
            shutil.copytree(SOURCE / "docs" / "schemas", copy / "docs" / "schemas")
            shutil.copy2(SOURCE / "docs" / "api.md", copy / "docs")
            text = (copy / name).read_text(encoding="utf-8")
            self.assertIn(old, text)
            (copy / name).write_text(text.replace(old, new, 1), encoding="utf-8")
            done = subprocess.run([sys.executable, copy / "scripts" / "api-tables", "--check"], capture_output=True, text=True, timeout=60)
            return done.returncode, done.stdout + done.stderr

    def test_tables_of_members_are_the_schemas(self):
        code, words = self.tables("docs/api.md", "# Documents", "# Documents")
        self.assertEqual((code, words), (0, ""))

    def test_tables_that_differ_are_refused(self):
        schema = "docs/schemas/pipeline-public.json"
        said = '"description": "Frames per second, for the dry run."'
        member = '"fps": {'
        for name, old, new, place in [
            (schema, said, said.replace("Frames", "Pictures"), "\n+| `pipeline.source.fps` | 1 to 240; default `25` | [ext] | Pictures"),
            (schema, f",\n\t\t\t\t\t\t\t{said}", "", f"{schema}: pipeline.source.fps has no description"),
            (schema, member, '"depth": {"type": "string", "description": "Bits."},\n' + member, "\n+| `pipeline.source.depth` | text | no | Bits |"),
            (schema, '"bitrate"\n\t\t\t\t\t]', '"bitrate",\n"fps"\n]', f"{schema}: pipeline.source.fps is required and an extension"),
            (schema, '"title": "1 to 240",', "", "has no title"),
            ("docs/schemas/common.json", '"description": "`1` to `65535`."', '"x": ""', "common.json: port has no description"),
            ("docs/schemas/command.json", '"description": "Jobs."', '"x": ""', "command.json: subcommand list has no description"),
            ("docs/api.md", "members: pipeline-private.json", "members: pipeline-public.json", "pipeline-private.json: pipeline.tasks stands in no table"),
            ("docs/api.md", "members: t45-storage.json", "members: t46-storage.json", "a table is of t46-storage.json, which is not in docs/schemas"),
            ("docs/api.md", "pipeline.output -->", "pipeline.outputs -->", 'no members for the table "members: pipeline-public.json pipeline.outputs"'),
            ("docs/api.md", "| `ip` | [host] | yes |", "| `ip` | [host] | no |", "docs/api.md is not what docs/schemas says"),
        ]:
            with self.subTest(name=name, new=new):
                code, words = self.tables(name, old, new)
                self.assertEqual(code, 1, words)
                self.assertIn(place, words)

    def test_every_decision_is_in_the_list(self):
        folder = SOURCE / "docs" / "adr"
        rows = re.findall(r"^(\d+)\. \[([^]]+)\]\((\S+)\): \S.*$", (folder / "README.md").read_text(), re.M)
        self.assertEqual([name for _, _, name in rows], sorted(p.name for p in folder.glob("*.md") if p.name != "README.md"))
        for number, title, name in rows:
            text = (folder / name).read_text()
            self.assertEqual(text.splitlines()[0], f"# {number}. {title}")
            self.assertEqual(int(name[:4]), int(number))
            for section in ("Context", "Decision", "Consequences"):
                self.assertIn(f"\n## {section}\n", text, name)

    def test_every_room_is_in_the_table(self):
        rooms = {p.name for p in (SOURCE / "src").iterdir() if p.is_dir()}
        text = (SOURCE / "docs" / "architecture.md").read_text()
        table = text.split("| floor | room | holds |")[1].split("\n\n")[0]
        self.assertEqual(set(re.findall(r"`(\w+)/`", table)), rooms)

    def test_every_room_has_its_page(self):
        rooms = {p.name for p in (SOURCE / "src").iterdir() if p.is_dir()}
        self.assertEqual({p.parent.name for p in ROOM_PAGES}, rooms)
        for page in ROOM_PAGES:
            lines = page.read_text().splitlines()
            self.assertEqual(lines[0], f"# {page.parent.name}")
            self.assertLessEqual(len(lines), 12, f"{page}: ten lines or so; the rest belongs into headers and docs/")


if __name__ == "__main__":
    unittest.main()
