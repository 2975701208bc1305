#!/usr/bin/env python3
"""Passphrases from the real gpg-agent, whose pinentry is the test's own: vcli with a person there, shhd and dsn-agent
without one; and agents that are dead, silent or another thing."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chain_lab import BIN, Anvil, free_port, require, until  # noqa: E402
from vcli_chain_test import EXIT, Case  # noqa: E402

PRESET = "/usr/lib/gnupg/gpg-preset-passphrase"
PINENTRY = """#!/usr/bin/python3
import sys
answers, log = {answers!r}, {log!r}
print("OK", flush=True)
for line in sys.stdin:
    open(log, "a").write(line)
    word = line.split()[0]
    if word == "GETPIN":
        left = open(answers).read().splitlines()
        open(answers, "w").write("".join(a + "\\n" for a in left[1:]))
        if not left or left[0] == "CANCEL":
            print("ERR 83886179 Operation cancelled <Pinentry>", flush=True)
            continue
        print("D " + left[0].replace("%", "%25"))
    print("OK", flush=True)
    if word == "BYE":
        break
"""
SECRET = "correct horse 100% +"


class GpgAgent:
    def __init__(self, folder):
        self.home = folder / "gnupg"
        self.home.mkdir(mode=0o700)
        self.answers, self.log = folder / "answers", folder / "pinentry.log"
        self.pinentry = folder / "pinentry"
        self.pinentry.write_text(PINENTRY.format(answers=str(self.answers), log=str(self.log)))
        self.pinentry.chmod(0o700)
        self.socket = str(self.home / "S.gpg-agent")
        self.pid = 0
        self.start()

    def start(self):
        subprocess.run(["gpg-agent", "--homedir", str(self.home), "--pinentry-program", str(self.pinentry),
                        "--allow-preset-passphrase", "--daemon"], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(self.socket)
            s.sendall(b"GETINFO pid\n")
            heard = b""
            while heard.count(b"\n") < 3:  # its greeting, D, OK
                heard += s.recv(1000)
        self.pid = int(heard.splitlines()[1].split()[1])

    def kill(self):
        """It keeps nothing on the disk."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            until(lambda: not self.listens(), "the end of gpg-agent")
        self.pid = 0

    def listens(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.socket) == 0

    def will_type(self, *answers):
        self.answers.write_text("".join(a + "\n" for a in answers))
        self.log.write_text("")

    def asked(self):
        """How often somebody was, since will_type()."""
        return self.log.read_text().splitlines().count("GETPIN")

    def preset(self, address, passphrase):
        subprocess.run([PRESET, "--homedir", str(self.home), "--preset", "dsn:" + address], input=passphrase.encode(),
                       check=True, timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class AgentCase(Case):
    def setUp(self):
        if not shutil.which("gpg-agent") or not os.path.exists(PRESET):
            raise unittest.SkipTest("gpg-agent is missing (Debian: gpg-agent)")
        super().setUp()
        self.agent = self.enter(GpgAgent(self.home))
        self.environment["DSN_PASSPHRASE_AGENT"] = self.agent.socket

    def vcli(self, *words, ok=True):
        ran = super().vcli(*words, ok=ok)
        self.assertNotIn("correct horse", ran.stdout + ran.stderr)
        return ran

    def account(self):
        self.agent.will_type(SECRET, SECRET)
        return self.answer("account", "new", "--light")

    def unlock(self, made, *flags):
        """The key, taken out of the keystore."""
        bare = self.home / "bare"
        bare.unlink(missing_ok=True)
        self.vcli("account", "export", made["address"], str(bare), "--raw", *flags)
        return bare.read_text()


class Person(AgentCase):
    def test_typed_once_and_remembered(self):
        made = self.account()
        self.assertEqual(self.agent.asked(), 2)
        self.assertIn("SETDESC Passphrase of the new account " + made["address"].lower(), self.agent.log.read_text())
        key = self.unlock(made)
        self.assertEqual(self.agent.asked(), 2)
        typed = self.secret("typed", SECRET)
        del self.environment["DSN_PASSPHRASE_AGENT"]
        self.assertEqual(self.unlock(made, "--passphrase-file", typed), key)
        self.agent.kill()
        self.agent.start()
        self.agent.will_type(SECRET)
        for _ in range(2):
            self.assertEqual(self.unlock(made, "--passphrase-agent", self.agent.socket), key)
        self.assertEqual(self.agent.asked(), 1)
        self.assertIn("SETDESC Passphrase of " + made["address"].lower(), self.agent.log.read_text())

    def test_a_wrong_one_is_forgotten(self):
        made = self.account()
        self.agent.kill()
        self.agent.start()
        self.agent.will_type("battery staple", SECRET)
        bare = str(self.home / "x")
        self.refused("refused", "the agent has forgotten what it gave: keystore: wrong passphrase", "account", "export",
                     made["address"], bare, "--raw")
        self.assertFalse(os.path.exists(bare))
        self.unlock(made)
        self.assertEqual(self.agent.asked(), 2)

    def test_given_up_and_typed_differently(self):
        self.agent.will_type("CANCEL")
        self.refused("refused", "no passphrase was given", "account", "new", "--light")
        self.agent.will_type("one", "other", SECRET, SECRET)
        made = self.answer("account", "new", "--light")
        self.assertEqual(self.agent.asked(), 4)
        self.unlock(made)

    def test_a_new_one_is_never_one_remembered(self):
        """Who takes a key anew wants to say under what."""
        made = self.account()
        key = self.unlock(made)
        self.agent.will_type("geheim", "geheim")
        again = self.answer("account", "import", str(self.home / "bare"), "--light", "--keystore", str(self.home / "again"))
        self.assertEqual(self.agent.asked(), 2)
        del self.environment["DSN_PASSPHRASE_AGENT"]
        self.assertEqual(self.unlock(made, "--keystore", str(self.home / "again"), "--passphrase-file",
                                     self.secret("new", "geheim")), key)
        self.assertEqual(again["address"], made["address"])

    def test_a_file_comes_first(self):
        made = self.account()
        self.agent.will_type()
        self.refused("refused", "wrong passphrase", "account", "export", made["address"], str(self.home / "x"), "--raw",
                     "--passphrase-file", self.passphrase)
        self.unlock(made, "--passphrase-file", self.secret("typed", SECRET))
        self.unlock(made)  # what the agent has is not forgotten for a file's mistake
        self.assertEqual(self.agent.asked(), 0)

    def test_an_identity_and_its_copy(self):
        made = self.account()
        sealed = str(self.home / "sealed")
        self.vcli("account", "export", made["address"], sealed)
        self.assertEqual("0x" + self.answer("key", "show", "--identity", sealed)["id"], made["address"].lower())
        self.assertEqual(self.answer("account", "import", sealed, "--light", "--keystore", str(self.home / "y"))["address"],
                         made["address"])
        self.assertEqual(self.agent.asked(), 2)
        self.agent.kill()
        self.refused("unavailable", "no agent listens there", "key", "show", "--identity", sealed)


class Trouble(AgentCase):
    def export(self, code, part):
        begun = time.monotonic()
        self.refused(code, part, "account", "export", "0x", str(self.home / "x"), "--raw")
        return time.monotonic() - begun

    def test_dead(self):
        self.account()
        self.agent.kill()
        self.export("unavailable", "%s: no agent listens there: start it" % self.agent.socket)
        os.unlink(self.agent.socket)
        self.export("unavailable", "gpgconf --list-dirs agent-socket")

    def listener(self, talk):
        path = str(self.home / "S")
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        self.addCleanup(server.close)

        def serve():
            connection, _ = server.accept()
            with connection:
                talk(connection)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 30)
        self.environment["DSN_PASSPHRASE_AGENT"] = path

    def test_silent(self):
        self.account()
        self.listener(lambda connection: connection.recv(1))
        self.assertLess(self.export("timeout", "no answer in time"), 30)

    def test_no_agent(self):
        self.account()

        def web(connection):
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.recv(1)
        self.listener(web)
        self.export("invalid", "none of OK, ERR")

    def test_killed_while_it_asks(self):
        self.account()
        self.agent.kill()
        self.agent.pinentry.write_text("#!/bin/sh\necho OK\necho $$ >'%s'\nexec sleep 60\n" % (self.home / "asking"))
        self.agent.start()
        ran = subprocess.Popen([os.path.join(BIN, "vcli"), "account", "export", "0x", str(self.home / "x"), "--raw"],
                               env=self.environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until(lambda: (self.home / "asking").exists() and (self.home / "asking").read_text().strip(), "the pinentry")
        self.agent.kill()
        _, said = ran.communicate(timeout=30)
        os.kill(int((self.home / "asking").read_text()), signal.SIGKILL)
        self.assertEqual(ran.returncode, EXIT["unavailable"], said)
        self.assertIn("the agent has hung up", said)


class Unattended(AgentCase):
    """Programs that nobody sits at take what the agent holds, and never ask."""

    def setUp(self):
        super().setUp()
        made = self.account()
        self.address = made["address"][2:].lower()
        self.file = made["file"]
        self.agent.kill()
        self.agent.start()
        self.agent.will_type(SECRET)

    def run_until_ready(self, argv):
        """Its standard error when it has ended by itself, None once it has told systemd that it is ready (sd_notify(3))."""
        notify = self.enter(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        notify.setblocking(False)
        path = self.home / f"notify.{notify.fileno()}"
        notify.bind(str(path))

        def ready():
            try:
                return b"READY=1" in notify.recv(4096)
            except BlockingIOError:
                return False

        with open(self.home / "log", "w+") as log:
            ran = subprocess.Popen(argv, env=self.environment | {"NOTIFY_SOCKET": str(path)}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=log)
            try:
                until(lambda: ready() or ran.poll() is not None, "a start or an end of %s" % argv[0])
            finally:
                path.unlink()
                if ran.poll() is None:
                    ran.terminate()
                    self.assertEqual(ran.wait(30), 0)
                    started = True
                else:
                    started = False
            log.seek(0)
            said = log.read()
        self.assertNotIn("correct horse", said)
        return None if started else said

    def both(self, argv):
        said = self.run_until_ready(argv)
        self.assertIn("gpg-preset-passphrase --preset dsn:" + self.address, said or "it has started")
        self.assertEqual(self.agent.asked(), 0)
        self.agent.preset(self.address, "battery staple")
        self.assertIn("wrong passphrase", self.run_until_ready(argv) or "it has started")
        self.assertIn("--preset dsn:" + self.address, self.run_until_ready(argv) or "it has started")
        self.agent.preset(self.address, SECRET)
        self.assertIsNone(self.run_until_ready(argv))
        self.assertEqual(self.agent.asked(), 0)

    def test_dsn_agent(self):
        state = self.home / "state"
        (state / "keys").mkdir(parents=True)
        self.home.chmod(0o711)  # whom nginx runs as passes through
        shutil.copy2(self.file, state / "keys" / "node")
        self.both([os.path.join(BIN, "dsn-agent"), "--state-dir", str(state), "--owner", self.address, "--bus",
                   "amqp://127.0.0.1:%d/" % free_port()])

    def test_shhd(self):
        self.both([os.path.join(BIN, "shhd"), "--data-dir", str(self.home / "shhd"), "--keystore", self.file, "--address",
                   "127.0.0.1", "--port", "0", "--no-discovery", "--rpc-port", "0"])


class Money(AgentCase):
    def test_signs_payments(self):
        require()
        anvil = self.enter(Anvil())
        self.environment.update(DSN_CHAIN_RPC=anvil.url, DSN_CHAIN_ID="31337")
        anvil.fund(self.account()["address"])
        self.agent.kill()
        self.agent.start()
        self.agent.will_type(SECRET)
        self.answer("chain", "deploy")
        self.answer("register", "customer")
        self.answer("payment", "deposit", "3", "ether")
        self.assertEqual(self.answer("payment", "balance")["balance_wei"], str(3 * 10**18))
        node = self.home / "node"
        self.vcli("account", "export", "0x", str(node))
        self.answer("register", "supplier")
        self.answer("register", "add", "node", "storage", str(node), "--price", "2 gwei")
        self.assertEqual(self.agent.asked(), 1)


if __name__ == "__main__":
    unittest.main()
