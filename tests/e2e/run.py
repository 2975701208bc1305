#!/usr/bin/env python3
"""Runs a part of a suite: its representatives, which `make test` runs, or the rest, which `make test-all` runs too.

    run.py quick|rest SUITE_test.py [options of unittest]

representatives.txt names the representatives of each suite.
"""
import importlib.util
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def representatives(suite):
    for line in (HERE / "representatives.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if words and words[0] == suite:
            return words[1:]
    sys.exit(f"run.py: representatives.txt has no line for {suite}")


def tests_of(path):
    """Class.test of all there are, in the order in which unittest runs them."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    found, suites = [], [unittest.defaultTestLoader.loadTestsFromModule(module)]
    while suites:
        for test in suites.pop(0):
            if isinstance(test, unittest.TestSuite):
                suites.append(test)
            else:
                found.append(test.id().split(".", 1)[1])
    return found


def chosen(part, path):
    wanted, there = representatives(path.stem), tests_of(path)
    if wanted == ["*"]:
        return there if part == "quick" else sys.exit(f"run.py: {path.stem} has no rest")
    for name in wanted:
        if not any(test == name or test.startswith(name + ".") for test in there):
            sys.exit(f"run.py: representatives.txt names {name} of {path.stem}, which is not there")
    quick = [test for test in there if any(test == name or test.startswith(name + ".") for name in wanted)]
    return quick if part == "quick" else [test for test in there if test not in quick]


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("quick", "rest"):
        sys.exit(__doc__)
    path = pathlib.Path(sys.argv[2]).resolve()
    os.execv(sys.executable, [sys.executable, str(path), *sys.argv[3:], *chosen(sys.argv[1], path)])


if __name__ == "__main__":
    main()
