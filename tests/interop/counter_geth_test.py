"""A word over Whisper moves the Counter, on go-ethereum's Clique."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clique import Clique  # noqa: E402
import geth  # noqa: E402
import counter_hook_test  # noqa: E402


def setUpModule():
    geth.require()


class Case(counter_hook_test.Case):
    chain = Clique


if __name__ == "__main__":
    unittest.main()
