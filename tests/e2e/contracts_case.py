"""What the tests of the contracts share: a chain for each process, a network of fresh contracts for each test.

Another chain than anvil takes part by `use()` before the tests run; see tests/interop/contracts_test.py.
"""
import functools
import shutil
import subprocess
import sys
import tempfile
import unittest

import chain as chains
from chain import ETHER, SOURCE, left_out  # noqa: F401 (for the tests)
from keccak import keccak256
from solidity_abi import encode

CUSTOMER, SUPPLIER = 0, 1
OWNER, MANAGER, VERIFIER = 0, 1, 2
DISTRIBUTOR, TRANSCODER, STORAGE = 0, 1, 2
NONE, OPEN, ACTIVE, CLOSING, CANCELLED, CLOSED, EXPIRED = range(7)
B_NONE, B_REPORTED, B_JUDGED, B_DISPUTED, B_RESOLVED, B_SETTLED = range(6)
ZERO = "0x" + 40 * "0"

_chain = None
_folder = None


def use(chain):
    global _chain
    _chain = chain


def the_chain():
    global _chain, _folder
    if _chain is None:
        _folder = tempfile.mkdtemp(prefix="dsn-contracts-")
        try:
            _chain = chains.Anvil(_folder)
        except BaseException:
            shutil.rmtree(_folder)
            raise
        unittest.addModuleCleanup(_stop)
    return _chain


def _stop():
    global _chain
    _chain.stop()
    _chain = None
    shutil.rmtree(_folder)


def compiled(folder):
    """Compile the tests' own contracts; returns the folder of their artefacts."""
    out = tempfile.mkdtemp(prefix="dsn-attackers-")
    unittest.addModuleCleanup(shutil.rmtree, out)
    subprocess.run([SOURCE / "scripts" / "contracts", folder, out], check=True)
    return out


def h(text):
    """A hash that stands for a document."""
    return keccak256(str(text).encode())


class Tree:
    """RFC 9162's tree over the segments of a batch, made by its recursive definition; when it is asked for, since our Keccak is
    slow."""

    def __init__(self, job, node, ordinal, segments):
        self.place, self.segments = (job, node, ordinal), segments

    @functools.cached_property
    def leaves(self):
        place = encode(["uint256", "address", "uint256"], self.place)
        return [keccak256(b"\0" + place + i.to_bytes(32, "big") + s) for i, s in enumerate(self.segments)]

    @functools.cached_property
    def root(self):
        return self._root(self.leaves)

    @staticmethod
    def _split(leaves):
        return 1 << (len(leaves) - 1).bit_length() - 1

    def _root(self, leaves):
        if len(leaves) == 1:
            return leaves[0]
        k = self._split(leaves)
        return keccak256(b"\1" + self._root(leaves[:k]) + self._root(leaves[k:]))

    def _path(self, index, leaves):
        if len(leaves) == 1:
            return []
        k = self._split(leaves)
        if index < k:
            return self._path(index, leaves[:k]) + [self._root(leaves[k:])]
        return self._path(index - k, leaves[k:]) + [self._root(leaves[:k])]

    def proof(self, index):
        return self._path(index, self.leaves)


class Network:
    """All contracts, deployed, and the people around them."""

    def __init__(self, chain):
        self.chain = chain
        for name in ("owner", "manager", "verifier", "verifier2", "customer", "supplier", "stranger"):
            setattr(self, name, chain.person(name))
        self.counter = chain.deploy("Counter", self.owner)
        self.roles = chain.deploy("Roles", self.owner)
        self.accounts = chain.deploy("Accounts", self.owner)
        self.nodes = chain.deploy("Nodes", self.owner, self.accounts.address)
        self.blacklist = chain.deploy("Blacklist", self.owner, self.roles.address, self.nodes.address)
        self.report_s, self.verify_s, self.dispute_s, self.resolve_s = chain.windows
        self.jobs = chain.deploy("Jobs", self.owner, self.roles.address, self.accounts.address, self.nodes.address,
                                 self.blacklist.address, *chain.windows)

    def staff(self):
        """Fill the roles."""
        for role, who in ((MANAGER, self.manager), (VERIFIER, self.verifier), (VERIFIER, self.verifier2)):
            self.roles.send(self.owner, "grant", role, who)
            self.roles.send(who, "acceptGrant", role)

    def members(self):
        """Register a customer and a supplier."""
        self.accounts.send(self.customer, "register", CUSTOMER, h("customer"))
        self.accounts.send(self.supplier, "register", SUPPLIER, h("supplier"))

    def consent(self, key, owner):
        return key.sign_message(self.nodes("consentHash", key.address, owner))

    def add_node(self, name="node", work=TRANSCODER, price=1000, capacity=2, owner=None, endpoint="127.0.0.1:30303"):
        owner = owner or self.supplier
        address, key = self.chain.person(name), self.chain.key(name)
        self.nodes.send(owner, "add", key.public, work, endpoint, price, capacity, "1.0", self.consent(key, owner))
        return address

    def create_job(self, budget=10**6, limits=(2000, 2000, 2000), lasts=10**6, customer=None):
        """Returns the id of a job whose budget was sent along."""
        deadline = self.chain.now() + lasts
        receipt = self.jobs.send(customer or self.customer, "create", h("job"), budget, deadline, *limits, value=budget)
        return self.jobs.events(receipt)[0][1]["jobId"]

    def job(self, job):
        """Fields of a job by their names."""
        return dict(zip(("customer", "state", "document", "deadline", "ends_at", "budget", "free", "held", "open"),
                        self.jobs("getJob", job)))

    def batch(self, job, node, ordinal):
        return dict(zip(("root", "count", "accepted", "state", "since", "verifier"),
                        self.jobs("getBatch", job, node, ordinal)))

    def working(self, **options):
        """A job with a node that works for it."""
        job = self.create_job(**options)
        node = self.add_node()
        self.jobs.send(self.manager, "assign", job, node, 1000)
        return job, node

    def report(self, job, node, ordinal=0, count=5, sender=None):
        tree = Tree(job, node, ordinal, [h(f"segment {i}") for i in range(count)])
        self.jobs.send(sender or self.supplier, "report", job, node, ordinal, count, tree.root)
        return tree

    def balance(self, who):
        return self.accounts("balanceOf", who)

    def escrow(self):
        """What lies in escrow, over all jobs."""
        jobs = [self.job(i + 1) for i in range(self.jobs("jobCount"))]
        return sum(j["free"] + j["held"] for j in jobs)


class ContractsCase(unittest.TestCase):
    staffed = True

    def setUp(self):
        self.chain = the_chain()
        self.net = Network(self.chain)
        if self.staffed:
            self.net.staff()
            self.net.members()

    def told(self, contract, receipt, *events):
        """The transaction told exactly these events of the contract, in this order."""
        self.assertEqual(contract.events(receipt), list(events))

    def complete(self, *names):
        for name in names:
            self.assertEqual(left_out(name), {"functions": set(), "errors": set(), "events": set()}, name)


def main():
    """Run the tests of a file; code 77 where anvil or the compiler was not installed."""
    if not chains.Anvil.programs() or not (SOURCE / "contracts" / "node_modules" / "solc").exists():
        print("skipped: no anvil or solc; run scripts/setup contracts")
        sys.exit(77)
    unittest.main(verbosity=2)
