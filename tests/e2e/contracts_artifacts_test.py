#!/usr/bin/env python3
"""The committed artefacts are what the pinned compiler makes of the sources, and say of themselves what is so."""
import json
import re
import subprocess
import unittest

from chain import ARTIFACTS, SOURCE
from contracts_case import main
from keccak import keccak256

# The interface that the counter was given, with its spelling.
COUNTER = [("clearCounter", "nonpayable", []), ("derementCounter", "nonpayable", []), ("getCount", "view", ["int256"]),
           ("incrementCounter", "nonpayable", [])]
# What go-ethereum 1.9.20 does not know; as a rule found outside the data of a PUSH only.
YOUNGER = {0x48: "BASEFEE", 0x49: "BLOBHASH", 0x4a: "BLOBBASEFEE", 0x5c: "TLOAD", 0x5d: "TSTORE", 0x5e: "MCOPY", 0x5f: "PUSH0"}

EXPLAINED = re.compile(r"\t?(abstract|library|contract|enum|error|event|function|constructor|modifier)\b|\t[^/]* public ")


def instructions(code):
    at = 0
    while at < len(code):
        yield code[at]
        at += 1 + (code[at] - 0x5f if 0x60 <= code[at] <= 0x7f else 0)


class Artifacts(unittest.TestCase):
    def setUp(self):
        self.all = {path.stem: json.loads(path.read_text()) for path in ARTIFACTS.glob("*.json")}

    def test_they_are_all_there(self):
        self.assertEqual(set(self.all), {"Accounts", "Blacklist", "Counter", "Jobs", "Nodes", "Roles"})

    def test_they_rebuild(self):
        made = subprocess.run([SOURCE / "scripts" / "contracts", "--check"], capture_output=True, text=True)
        self.assertEqual(made.returncode, 0, made.stderr)

    def test_identifiers(self):
        for a in self.all.values():
            for kind, size in (("functions", 4), ("errors", 4), ("events", 32)):
                for signature, identifier in a[kind].items():
                    self.assertEqual(identifier, "0x" + keccak256(signature.encode())[:size].hex(), signature)

    def test_the_counter_has_the_interface_it_was_given(self):
        abi = self.all["Counter"]["abi"]
        self.assertEqual(sorted((e["name"], e["stateMutability"], [o["type"] for o in e["outputs"]]) for e in abi), COUNTER)
        self.assertTrue(all(e["type"] == "function" and not e["inputs"] for e in abi))

    def test_no_instruction_is_too_young(self):
        for name, a in self.all.items():
            self.assertFalse(set(instructions(bytes.fromhex(a["deployedBytecode"][2:]))) & set(YOUNGER), name)

    def test_everything_is_explained(self):
        """NatSpec before each contract, function, event, error and public value."""
        for path in sorted((SOURCE / "contracts" / "src").rglob("*.sol")):
            lines = path.read_text().splitlines()
            for before, line in zip(lines, lines[1:]):
                if EXPLAINED.match(line):
                    self.assertRegex(before, r"^\t?///", f"{path.name}: {line}")

    def test_they_can_be_deployed(self):
        for name, a in self.all.items():
            self.assertLessEqual(len(a["deployedBytecode"]) // 2 - 1, 24576, name)


if __name__ == "__main__":
    main()
