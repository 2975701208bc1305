#!/usr/bin/env python3
"""scripts/contract-bindings: C that uses a contract compiles with the artefacts as they are, and no longer when what it uses has
changed."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
USER = """
#include "contracts/counter_abi.h"
#include "contracts/jobs_abi.h"
#include "contracts/refusals_abi.h"

struct error *use(struct buf *to)
{
	const struct jobs_top_up_call call = {.job_id = u256_of(1), .amount = u256_of(2)};

	return jobs_top_up_encode(&call, to);
}

struct error *create(struct buf *to)
{
	const struct jobs_constructor_call call = {.report_window = 1, .verify_window = 2, .dispute_window = 3, .resolve_window = 4};

	return counter_constructor_encode(to) ? NULL : jobs_constructor_encode(&call, to);
}

uint64_t deadline(const struct jobs_job_created_event *event)
{
	return event->deadline;
}

enum contracts_work work(const struct jobs_get_assignment_result *assignment)
{
	return assignment->work == CONTRACTS_WORK_STORAGE ? CONTRACTS_WORK_DISTRIBUTOR : assignment->work;
}

enum contracts_refusal refusal(void)
{
	return CONTRACTS_REFUSAL_NODE_FULL;
}
"""


class Bindings(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-bindings-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"
        for file in (SOURCE / "contracts" / "artifacts").glob("*.json"):
            shutil.copy(file, self.folder)
        self.path = self.folder / "Jobs.json"
        self.jobs = json.loads(self.path.read_text())

    def generate(self, code=0):
        self.path.write_text(json.dumps(self.jobs))
        done = subprocess.run([SOURCE / "scripts" / "contract-bindings", self.out, *sorted(self.folder.glob("*.json"))],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stderr

    def compile(self, *parts):
        """With these words of the compiler, or without complaint."""
        self.generate()
        flags = subprocess.run(["pkg-config", "--cflags", "talloc", "jansson", "libuv", "sqlite3"], capture_output=True, text=True,
                               check=True, timeout=60).stdout.split()
        (self.folder / "user.c").write_text(USER)
        for file in (self.folder / "user.c", self.out / "contracts_abi.c"):
            done = subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-D_GNU_SOURCE",
                                   f"-I{self.out}", f"-I{SOURCE / 'src'}", *flags, file], capture_output=True, text=True, timeout=120)
            if done.returncode or (parts and file.name == "user.c"):
                break
        self.assertEqual(done.returncode != 0, bool(parts), done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def entry(self, name):
        return next(e for e in self.jobs["abi"] if e.get("name") == name)

    def resign(self, kind, entry, before):
        """Its identifier under the new signature; which one does not matter here."""
        after = f"{entry['name']}({','.join(v['type'] for v in entry['inputs'])})"
        self.jobs[kind][after] = self.jobs[kind].pop(before)

    def test_as_it_is(self):
        self.compile()

    def test_made_again_is_the_same(self):
        self.generate()
        before = {p: p.stat().st_mtime_ns for p in self.out.rglob("*.[ch]")}
        self.generate()
        self.assertEqual(before, {p: p.stat().st_mtime_ns for p in self.out.rglob("*.[ch]")})

    def test_an_argument_of_another_type(self):
        entry = self.entry("topUp")
        entry["inputs"][1]["type"] = "uint64"
        self.resign("functions", entry, "topUp(uint256,uint112)")
        self.compile("amount")

    def test_an_argument_of_another_name(self):
        self.entry("topUp")["inputs"][1]["name"] = "sum"
        self.compile("amount")

    def constructor(self):
        return next(e for e in self.jobs["abi"] if e["type"] == "constructor")

    def test_an_argument_of_the_constructor_that_is_gone(self):
        self.constructor()["inputs"] = [v for v in self.constructor()["inputs"] if v["name"] != "verifyWindow_"]
        self.compile("verify_window")

    def test_a_constructor_without_arguments(self):
        self.constructor()["inputs"] = []
        self.compile("jobs_constructor_call")

    def test_a_contract_that_cannot_be_created(self):
        self.jobs["bytecode"] = "0x"
        self.compile("jobs_constructor_call")

    def test_a_constructor_that_takes_ether(self):
        self.constructor()["stateMutability"] = "payable"
        self.assertIn("the constructor of Jobs takes ether", self.generate(code=1))

    def test_a_function_that_is_gone(self):
        self.jobs["abi"].remove(self.entry("topUp"))
        self.compile("jobs_top_up_call")

    def test_a_value_of_an_event_that_is_gone(self):
        entry = self.entry("JobCreated")
        before = f"JobCreated({','.join(v['type'] for v in entry['inputs'])})"
        entry["inputs"] = [v for v in entry["inputs"] if v["name"] != "deadline"]
        self.resign("events", entry, before)
        self.compile("deadline")

    def test_a_member_of_an_enumeration_that_is_gone(self):
        for file in self.folder.glob("*.json"):
            text = file.read_text().replace('"Storage"', '"Archive"')
            file.write_text(text)
        self.jobs = json.loads(self.path.read_text())
        self.compile("CONTRACTS_WORK_STORAGE")

    def test_a_refusal_that_is_gone(self):
        self.jobs["abi"].remove(self.entry("NodeFull"))
        self.compile("CONTRACTS_REFUSAL_NODE_FULL")

    def test_types_without_a_form(self):
        entry = self.entry("topUp")
        entry["inputs"][1]["type"] = "uint112[2]"
        self.resign("functions", entry, "topUp(uint256,uint112)")
        self.assertIn("Jobs.topUp(uint256,uint112[2]): uint112[2] has no form in C yet", self.generate(code=1))

    def test_two_of_one_name(self):
        self.entry("topUp")["inputs"][1]["name"] = "job_id"
        self.assertIn("two values have one name in C", self.generate(code=1))
        self.setUp()
        self.entry("topUp")["name"] = "top_up"
        self.jobs["functions"]["top_up(uint256,uint112)"] = "0x00000000"
        self.jobs["abi"].append({**self.entry("top_up"), "name": "topUp"})
        self.assertIn("are both jobs_top_up_function in C", self.generate(code=1))

    def test_contracts_that_disagree(self):
        self.jobs["enums"]["Work"].append("Archive")
        self.assertIn("enum Work has other members in", self.generate(code=1))
        self.jobs["enums"]["Work"].pop()
        self.entry("NotYours")["inputs"][0]["name"] = "who"
        self.assertIn("the error NotYours of Jobs has other values than that of another contract", self.generate(code=1))

    def test_an_indexed_text(self):
        entry = self.entry("JobToppedUp")
        entry["inputs"][0]["type"] = "string"
        self.resign("events", entry, "JobToppedUp(uint256,uint112)")
        self.assertIn("jobId is indexed, so that a log has only its hash", self.generate(code=1))


if __name__ == "__main__":
    unittest.main()
