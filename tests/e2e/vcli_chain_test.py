"""vcli's accounts, and its contracts on the real anvil."""
import json
import os
import pathlib
import pty
import select
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chain_lab import BIN, SOURCE, Anvil, Folder, Proxy, anvil_program, call, require, until  # noqa: E402

VCLI = os.path.join(BIN, "vcli")
EXIT = {"invalid": 2, "not-found": 3, "exists": 4, "refused": 4, "unavailable": 5, "timeout": 6, "failed": 1}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Case(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(self.enter(Folder(prefix="dsn-vcli-chain-")))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("DSN_", "XDG_"))}
        self.environment.update(HOME=str(self.home))
        self.passphrase = self.secret("passphrase", "correct horse")

    def enter(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def secret(self, name, text, mode=0o600):
        path = self.home / name
        path.write_text(text + "\n")
        path.chmod(mode)
        return str(path)

    def vcli(self, *words, ok=True):
        ran = subprocess.run([VCLI, *words], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=90, start_new_session=True)
        if ok:
            self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran

    def answer(self, *words):
        return json.loads(self.vcli("--json", *words).stdout)

    def refused(self, code, part, *words):
        ran = self.vcli(*words, ok=False)
        self.assertEqual(ran.returncode, EXIT[code], ran.stderr)
        self.assertIn(part, ran.stderr)

    def new(self):
        return self.answer("account", "new", "--light", "--passphrase-file", self.passphrase)


class Accounts(Case):
    def test_a_key_is_made_listed_copied_and_taken(self):
        self.assertEqual(self.vcli("account", "list").stdout,
                         "no accounts in %s\n" % (self.home / ".local/state/dsn/keystore"))
        made = self.new()
        self.assertEqual(stat.S_IMODE(os.stat(made["file"]).st_mode), 0o600)
        self.assertEqual(self.answer("account", "list")["accounts"], [made])
        sealed, bare = str(self.home / "sealed"), str(self.home / "bare")
        self.vcli("account", "export", made["address"], sealed)
        self.vcli("account", "export", made["address"][:8].lower(), bare, "--raw", "--passphrase-file", self.passphrase)
        self.assertEqual(stat.S_IMODE(os.stat(bare).st_mode), 0o600)
        self.assertRegex(pathlib.Path(bare).read_text(), "^[0-9a-f]{64}$")
        for file in (sealed, bare):
            folder = str(self.home / ("from-" + os.path.basename(file)))
            taken = self.answer("account", "import", file, "--light", "--keystore", folder, "--passphrase-file",
                                self.passphrase)
            self.assertEqual(taken["address"], made["address"])

    def test_refusals(self):
        made = self.new()
        sealed = str(self.home / "sealed")
        wrong, open_to_all = self.secret("wrong", "battery staple"), self.secret("open", "correct horse", 0o644)
        self.refused("refused", "is there already", "account", "import", made["file"], "--passphrase-file", self.passphrase)
        self.refused("refused", "passphrase", "account", "import", made["file"], "--passphrase-file", wrong, "--keystore",
                     str(self.home / "x"))
        self.refused("refused", "mode", "account", "new", "--passphrase-file", open_to_all)
        self.refused("invalid", "neither a keystore file nor a key", "account", "import", wrong, "--passphrase-file", wrong)
        self.refused("invalid", "zero: ", "account", "import", self.secret("zero", 64 * "0"), "--passphrase-file", wrong)
        self.refused("not-found", "has no account 0x12", "account", "export", "0x12", sealed)
        self.refused("invalid", "EIP-55", "account", "export", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", sealed)
        self.vcli("account", "export", "0x", sealed)
        self.refused("refused", "is there already", "account", "export", "0x", sealed)
        self.new()
        self.refused("invalid", "has 2 accounts that begin with 0x", "account", "export", "0x", str(self.home / "y"))
        self.refused("invalid", "--account: ", "payment", "balance")
        self.refused("unavailable", "name that with --passphrase-file", "account", "new")
        self.refused("invalid", "--passphrase", "account", "new", "--passphrase", "secret")

    def test_a_beginning_that_fits_two(self):
        # The addresses of the keys 5 and 6 begin with 0xe1 and 0xE5; the first is our identity.
        state = self.home / ".local/state/dsn"
        state.mkdir(parents=True, mode=0o700)
        self.secret(".local/state/dsn/identity.key", "%064x" % 5)
        self.vcli("account", "import", self.secret("six", "%064x" % 6), "--light", "--passphrase-file", self.passphrase)
        balance = ("payment", "balance", "--account")
        self.refused("invalid", "our identity and an account of ", *balance, "0xe")
        # Which of them it is, is known before any chain is asked.
        for which in ("0xe1", "0xe5"):
            self.refused("timeout", "127.0.0.1", *balance, which, "--chain-rpc", "http://127.0.0.1:1",
                         "--timeout", "1s")

    def talk(self, lines, *words):
        """At a terminal: (what it shows, exit code)."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(VCLI, [VCLI, *words], self.environment)
        shown, end = b"", time.monotonic() + 30
        while True:
            if lines and shown.rstrip().endswith(b":"):
                time.sleep(0.05)
                os.write(fd, lines.pop(0).encode())
                shown += b"\n[typed]\n"
            if time.monotonic() > end:
                os.kill(pid, 9)
            if not select.select([fd], [], [], 0.1)[0]:
                continue
            try:
                got = os.read(fd, 4096)
            except OSError:
                break
            if not got:
                break
            shown += got
        os.close(fd)
        return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_a_terminal_shows_no_passphrase(self):
        shown, code = self.talk(["tr\x7f\x7fgeheim\n", "geheim\n"], "account", "new", "--light")
        self.assertEqual(code, 0, shown)
        self.assertNotIn("geheim", shown)
        file = self.answer("account", "list")["accounts"][0]["file"]
        self.vcli("account", "import", file, "--light", "--keystore", str(self.home / "x"), "--passphrase-file",
                  self.secret("typed", "geheim"))
        shown, code = self.talk(["one\n", "other\n"], "account", "new", "--light")
        self.assertEqual(code, EXIT["invalid"])
        self.assertIn("the two passphrases differ", shown)
        shown, code = self.talk(["one\x03"], "account", "new", "--light")
        self.assertEqual(code, EXIT["refused"])
        self.assertIn("no passphrase was given", shown)


class Contracts(Case):
    def setUp(self):
        require()
        super().setUp()
        self.anvil = self.enter(Anvil())
        self.environment.update(DSN_CHAIN_RPC=self.anvil.url, DSN_CHAIN_ID="31337")
        self.environment["DSN_PASSPHRASE_FILE"] = self.passphrase
        self.address = self.new()["address"]

    def test_deploy_and_count(self):
        self.refused("not-found", "the operator of your network has the file", "counter", "get")
        self.anvil.fund(self.address)
        made = self.answer("chain", "deploy")
        self.assertEqual([c["contract"] for c in made["contracts"]],
                         ["Counter", "Roles", "Accounts", "Nodes", "Blacklist", "Jobs"])
        for contract in made["contracts"]:
            self.assertGreater(len(self.anvil("eth_getCode", contract["address"], "latest")), 2)
        file = json.loads(pathlib.Path(made["addresses"]).read_text())
        self.assertEqual(file["contracts"], {c["contract"]: c["address"] for c in made["contracts"]})
        self.refused("refused", "--force", "chain", "deploy")
        self.assertEqual(self.vcli("counter", "increment").stdout, "1\n")
        self.assertEqual(self.answer("counter", "increment"), {"count": "2"})
        self.assertEqual(self.vcli("counter", "decrement").stdout, "1\n")
        self.assertEqual(self.vcli("counter", "clear").stdout, "0\n")
        self.assertEqual(self.vcli("counter", "move", "start").stdout, "1\n")
        self.assertEqual(self.vcli("counter", "move", "start").stdout, "2\n")
        self.assertEqual(self.vcli("counter", "move", "stop").stdout, "1\n")
        self.refused("invalid", "neither start nor stop", "counter", "move", "halt")
        # Another chain has other contracts.
        other = self.enter(Anvil("--chain-id", "4711"))
        self.refused("refused", "it is on chain 4711, wanted is chain 31337", "counter", "get", "--chain-rpc", other.url)

    def test_what_cannot_be_deployed_or_written_down_costs_nothing(self):
        self.anvil.fund(self.address)
        for windows in ("1,2", "a,b,c,d", "0,1,1,1", "1,1,1,2592001", "-1,1,1,1"):
            self.refused("invalid", "--windows", "chain", "deploy", "--windows=" + windows)
        # A file that holds something else is not written over, and a place that cannot be written to is told before.
        notes = pathlib.Path(self.secret("notes", "not addresses"))
        self.refused("invalid", "--force", "chain", "deploy", "--addresses", str(notes))
        self.assertEqual(notes.read_text(), "not addresses\n")
        self.refused("not-found", "--addresses", "chain", "deploy", "--addresses", str(self.home / "nowhere" / "a.json"))
        self.assertEqual(self.anvil("eth_getTransactionCount", self.address, "latest"), "0x0")
        # Half of it can be paid for: what there is is told, and said again with its name it goes on.
        once = ("chain", "deploy", "--addresses", str(notes), "--force", "--once", "first")
        self.anvil("anvil_setBalance", self.address, hex(2500 * 10**12))
        ran = self.vcli(*once, ok=False)
        self.assertIn("send ether to it", ran.stderr)
        counter = ran.stdout.split("Counter")[1].split()[0]
        self.assertEqual(notes.read_text(), "not addresses\n")
        self.anvil.fund(self.address)
        self.assertIn(counter, self.vcli(*once).stdout)
        self.refused("refused", "other arguments", *once, "--windows", "1,1,1,1")
        self.assertEqual(self.vcli("counter", "get", "--addresses", str(notes)).stdout, "0\n")

    def test_a_chain_that_has_lost_the_contracts_gets_nothing(self):
        self.anvil.fund(self.address)
        before = self.anvil("evm_snapshot")
        self.vcli("chain", "deploy")
        self.assertTrue(self.anvil("evm_revert", before))
        for command in (("counter", "get"), ("counter", "increment"), ("payment", "deposit", "1 gwei")):
            self.refused("not-found", "the chain has no contract Jobs", *command)
        self.assertEqual(self.anvil("eth_getTransactionCount", self.address, "latest"), "0x0")
        self.vcli("chain", "deploy")
        self.assertEqual(self.vcli("counter", "get").stdout, "0\n")

    def test_an_endpoint_that_names_a_price_is_held_to_a_limit(self):
        self.anvil.fund(self.address)
        self.vcli("chain", "deploy")
        proxy = self.enter(Proxy(self.anvil.port))

        def dear(calls, forward):
            answer = json.loads(forward())
            method = {c["id"]: c["method"] for c in calls}
            for reply in answer if isinstance(answer, list) else [answer]:
                if method[reply["id"]] in ("eth_gasPrice", "eth_maxPriorityFeePerGas"):
                    reply["result"] = hex(10**15)
            return json.dumps(answer).encode()

        proxy.mode = dear
        before = int(self.anvil("eth_getBalance", self.address, "latest"), 16)
        self.vcli("counter", "increment", "--highest-fee", "50 gwei", "--chain-rpc", proxy.url)
        paid = before - int(self.anvil("eth_getBalance", self.address, "latest"), 16)
        self.assertLess(paid, 100000 * 50 * 10**9)
        self.refused("timeout", "over the limit of 1 wei", "counter", "increment", "--highest-fee", "1 wei", "--timeout", "2s")
        self.assertEqual(self.vcli("counter", "increment").stdout, "3\n")
        self.refused("invalid", "--highest-fee: \"50\" has no unit", "counter", "increment", "--highest-fee", "50")
        self.refused("invalid", "--highest-fee: must be over 0", "counter", "increment", "--highest-fee", "0 wei")

    def test_what_was_not_confirmed_in_time_is_not_lost(self):
        self.anvil.fund(self.address)
        self.vcli("chain", "deploy")
        proxy = self.enter(Proxy(self.anvil.port))

        def no_sending(calls, forward):
            return None if any(c["method"] == "eth_sendRawTransaction" for c in calls) else forward()

        proxy.mode = no_sending
        self.refused("timeout", "it is kept, and the next command of this account goes on", "counter", "increment", "--chain-rpc",
                     proxy.url, "--timeout", "2s")
        self.assertEqual(self.vcli("counter", "get").stdout, "0\n")
        self.assertEqual(self.vcli("counter", "increment").stdout, "2\n")

    def test_commands_of_one_account_take_turns(self):
        self.anvil.fund(self.address)
        self.vcli("chain", "deploy")
        each = [subprocess.Popen([VCLI, "counter", "increment"], env=self.environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        self.assertEqual([(ran.communicate(timeout=60)[1], ran.returncode) for ran in each], [("", 0)] * 4)
        self.assertEqual(self.vcli("counter", "get").stdout, "4\n")
        proxy = self.enter(Proxy(self.anvil.port))
        proxy.mode = lambda calls, forward: None if any(c["method"] == "eth_sendRawTransaction" for c in calls) else forward()
        slow = subprocess.Popen([VCLI, "counter", "increment", "--chain-rpc", proxy.url, "--timeout", "20s"],
                                env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lock = list((self.home / ".local/state/dsn/chain").glob("*.lock"))[0]
        until(lambda: subprocess.run(["flock", "-n", str(lock), "true"]).returncode == 1, "it holds the lock")
        self.refused("refused", "still at work", "counter", "increment", "--timeout", "1s")
        slow.kill()
        slow.wait()

    def test_nobody_there(self):
        self.anvil.end()
        for command in (("counter", "get"), ("counter", "increment"), ("chain", "deploy"), ("payment", "balance", self.address)):
            self.refused("timeout", "nobody answered", *command, "--timeout", "1s")
            self.refused("timeout", "vcli chain up", *command, "--timeout", "1s")
        self.refused("invalid", "--chain-rpc", "counter", "get", "--chain-rpc", "nowhere")


class Network(Case):
    """A development chain that goes on when vcli has ended."""

    def setUp(self):
        require()
        super().setUp()
        self.environment.update(DSN_ANVIL=anvil_program(), DSN_PASSPHRASE_FILE=self.passphrase)
        self.new()
        self.addCleanup(self.vcli, "chain", "down", ok=False)

    @staticmethod
    def ended(pid):
        """Also when nobody has asked for its exit code."""
        try:
            return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    def test_up_status_down_and_up_again(self):
        self.refused("not-found", "no chain was started", "chain", "status")
        rpc = self.answer("chain", "up")["rpc"]
        status = self.answer("chain", "status")
        self.assertEqual([p["state"] for p in status["processes"]], ["running"])
        self.assertEqual((status["rpc"], status["chain_id"], status["gas_limit"]), (rpc, "31337", "23000000"))
        self.refused("refused", "is up already", "chain", "up")
        self.refused("not-found", "deploy the contracts on your chain first", "counter", "get")
        self.vcli("chain", "deploy")
        self.assertEqual(self.vcli("counter", "increment").stdout, "1\n")
        self.vcli("chain", "down")
        self.refused("not-found", "no chain is up", "chain", "status")
        pid = int(status["processes"][0]["pid"])
        self.assertTrue(self.ended(pid))
        self.assertEqual(self.answer("chain", "up")["rpc"], rpc, "others have written it down")
        self.assertEqual(self.vcli("counter", "get").stdout, "1\n")
        # One that died is told, and takes nothing with it.
        pid = int(self.answer("chain", "status")["processes"][0]["pid"])
        os.kill(pid, 9)
        until(lambda: self.ended(pid), "it has died")
        ran = self.vcli("chain", "status", "--timeout", "1s", ok=False)
        self.assertEqual((ran.returncode, "ended" in ran.stdout), (EXIT["unavailable"], True), ran.stderr)
        self.assertIn("vcli chain up goes on with its data", ran.stderr)
        self.vcli("chain", "up")
        self.assertEqual(self.vcli("counter", "get").stdout, "1\n")

    def test_port(self):
        """As it is asked for, then kept; never one that somebody has, nor another one unasked."""
        port = free_port()
        rpc = [f"http://127.0.0.1:{port}"]
        self.assertEqual(self.answer("chain", "up", "--port", str(port))["rpc"], rpc)
        self.vcli("chain", "down")
        with socket.create_server(("127.0.0.1", port)):
            self.refused("refused", f"port {port} of 127.0.0.1 is in use: choose another one with --port", "chain", "up")
        self.assertEqual(self.answer("chain", "up")["rpc"], rpc)
        self.vcli("chain", "down")
        other = free_port()
        self.assertEqual(self.answer("chain", "up", "--port", str(other))["rpc"], [f"http://127.0.0.1:{other}"])
        self.refused("invalid", "--port", "chain", "up", "--port", "65536")

    def test_blocks_at_a_pace(self):
        rpc = self.answer("chain", "up", "--period", "1")["rpc"]
        port = int(rpc[0].rsplit(":", 1)[1])
        head = int(call(port, "eth_blockNumber"), 16)
        until(lambda: int(call(port, "eth_blockNumber"), 16) >= head + 2, "blocks without transactions")
        self.vcli("chain", "down")

    def test_what_anvil_has_no_use_for(self):
        self.refused("invalid", "--sealers: only with --poa", "chain", "up", "--sealers", "3")
        self.refused("invalid", "--period", "chain", "up", "--period", "0")
        self.refused("not-found", "no chain was started", "chain", "status")

    def test_the_script_that_npm_installs(self):
        """It ends before the program that it has started, whose state must be written all the same."""
        script = os.path.join(SOURCE, "contracts", "node_modules", ".bin", "anvil")
        if not os.path.exists(script):
            self.skipTest("anvil was not installed by npm")
        self.environment.update(DSN_ANVIL=script)
        self.vcli("chain", "up")
        self.vcli("chain", "deploy")
        for count in range(1, 4):
            self.assertEqual(self.vcli("counter", "increment").stdout, "%d\n" % count)
            self.vcli("chain", "down")
            self.vcli("chain", "up")
        self.assertEqual(self.vcli("counter", "get").stdout, "3\n")
        port = int(self.answer("chain", "status")["rpc"][0].rsplit(":", 1)[1])
        self.vcli("counter", "increment")
        made = int(call(port, "eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self.assertLess(abs(time.time() - made), 10, "its clock is ours")

    def test_no_other_chain_is_removed_unasked(self):
        self.vcli("chain", "up")
        self.vcli("chain", "deploy")
        self.vcli("chain", "down")
        # Programs that are there, and do nothing.
        geth = ("chain", "up", "--poa", "--geth", "/bin/false", "--bootnode", "/bin/false")
        self.refused("refused", "is one of anvil: vcli chain up goes on with it, --force removes it", *geth)
        self.refused("not-found", "--bootnode names the program", *geth[:-1], "/no-such-program", "--force")
        self.refused("not-found", "--anvil names the program", "chain", "up", "--anvil", "no-such-program", "--force")
        self.vcli("chain", "up")
        self.assertEqual(self.vcli("counter", "get").stdout, "0\n")

    def interrupt(self, count, *words):
        """Ctrl-C as soon as `count` programs were started: none is left, and the last line says so."""
        up = subprocess.Popen([VCLI, "chain", "up", *words], env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(lambda: up.poll() is None and up.kill())
        net = self.home / ".local/state/dsn/chain/net"

        def started():
            try:
                rows = json.loads((net / "net.json").read_text())["processes"]
            except FileNotFoundError:
                return None
            return rows if len(rows) == count else None

        pids = [int(row["pid"]) for row in until(started, "they are started")]
        up.send_signal(signal.SIGINT)
        out, err = up.communicate(timeout=60)
        self.assertEqual((up.returncode, out), (1, ""), err)
        self.assertEqual(err.splitlines()[-1], f"vcli: interrupted: the chain is down again, its data stays in {net}")
        self.assertEqual([pid for pid in pids if not self.ended(pid)], [])
        self.refused("not-found", "no chain is up", "chain", "status")

    def test_interrupted_while_the_nodes_join(self):
        """Programs that run and never answer: it waits for them until it is told to give up."""
        silent = self.home / "silent"
        silent.write_text('#!/bin/sh\ncase " $* " in *" init "*) exec mkdir -p "$2/geth";; esac\nexec sleep 600\n')
        silent.chmod(0o700)
        self.interrupt(2, "--poa", "--sealers", "2", "--geth", str(silent), "--bootnode", str(silent))
        self.vcli("chain", "up", "--force")
        self.vcli("chain", "down")
        self.interrupt(1, "--anvil", str(silent))
        self.vcli("chain", "up")

    def test_a_program_that_is_none(self):
        self.refused("not-found", "no-such-program", "chain", "up", "--anvil", "/no-such-program")
        self.assertEqual(self.vcli("chain", "up", "--anvil", "/bin/false", ok=False).returncode, 1)


if __name__ == "__main__":
    unittest.main()
