#!/usr/bin/env python3
"""vcli whisper with real nodes: texts under a password, start and stop as deeds, the ping list, pings and answers, and the
net of nodes; each with what it refuses."""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import xml.dom.minidom

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from waiting import wait_for  # noqa: E402

BIN = pathlib.Path(os.environ.get("DSN_BIN") or pathlib.Path(__file__).resolve().parents[2] / "build" / "bin").resolve()
NOBODY = "ws://127.0.0.1:1"
PASSWORD = "open sesame"


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] not in "ZX"
    except OSError:
        return False


class Running:
    """vcli in the background; its lines as they come."""

    def __init__(self, argv, environment):
        self.process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.out, self.err = b"", b""

    def read(self, seconds=0.0):
        streams = [s for s in (self.process.stdout, self.process.stderr) if s and not s.closed]
        for stream in select.select(streams, [], [], seconds)[0]:
            data = os.read(stream.fileno(), 65536)
            if not data:
                stream.close()
            elif stream is self.process.stdout:
                self.out += data
            else:
                self.err += data

    def wait_said(self, text, seconds=20):
        def said():
            self.read(0.05)
            return text.encode() in self.out + self.err

        wait_for(f"{text!r} is said", said, seconds, lambda: (self.out, self.err))

    def events(self):
        self.read()
        return [json.loads(line) for line in self.out.decode().splitlines()]

    def wait_event(self, seconds=20, **members):
        wait_for(f"{members}", lambda: any(members.items() <= e.items() for e in self.events()), seconds,
                 lambda: (self.out, self.err))
        return [e for e in self.events() if members.items() <= e.items()][-1]

    def end(self, signum=None, seconds=30):
        """Its exit code."""
        if signum and self.process.poll() is None:
            self.process.send_signal(signum)
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"it did not end: {self.out!r} {self.err!r}")
        for stream in (self.process.stdout, self.process.stderr):
            while not stream.closed:
                self.read(0.05)
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Case(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="dsn-vwhisper-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.home, True)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("DSN_", "XDG_"))}
        self.environment.update(HOME=str(self.home))
        self.password = self.file("password", PASSWORD + "\n", 0o600)

    def file(self, name, content, mode=0o644):
        path = self.home / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        path.chmod(mode)
        return str(path)

    def vcli(self, *words, code=0, environment=None, timeout=120):
        done = subprocess.run([BIN / "vcli", *map(str, words)], env={**self.environment, **(environment or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                              start_new_session=True)
        self.assertEqual(done.returncode, code, f"vcli {words}\n{done.stdout}{done.stderr}")
        return done

    def json(self, *words, code=0, **more):
        return json.loads(self.vcli(*words, "--json", code=code, **more).stdout)

    def start(self, *words):
        running = Running([str(BIN / "vcli"), *map(str, words)], self.environment)
        self.addCleanup(running.close)
        return running

    def net(self, nodes, senders):
        self.addCleanup(self.vcli, "whisper", "net", "down")
        return self.json("whisper", "net", "up", "--nodes", nodes, "--senders", senders)["nodes"]

    def node(self, *options, environment=None):
        """A single shhd; its RPC URL and its process."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="node-", dir=self.home))
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [BIN / "shhd", "--data-dir", folder / "data", "--ready-file", folder / "ready", "--address", "127.0.0.1",
                 "--port", "0", *(options or ("--rpc-port", "0"))], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**self.environment, **(environment or {})})

        def stop():
            if process.poll() is None:
                process.terminate()
            process.wait(20)

        self.addCleanup(stop)
        wait_for("shhd is ready", lambda: (folder / "ready").exists(), 30, lambda: (folder / "log").read_text())
        return f"ws://127.0.0.1:{json.loads((folder / 'ready').read_text())['rpc_port']}", process


class Refused(Case):
    """Nothing of it needs a node."""

    def refused(self, code, words, *argv, **more):
        answer = self.json(*argv, code=code, **more)
        self.assertEqual(answer["state"], "failed")
        self.assertIn(words, answer["error"]["message"])
        self.assertNotIn(PASSWORD, json.dumps(answer))

    def test_passwords(self):
        send = ("whisper", "send", "hello", "--rpc", NOBODY)
        self.refused(4, "chmod 600", *send, "--password-file", self.file("open", PASSWORD, 0o644))
        self.refused(3, "nowhere", *send, "--password-file", self.home / "nowhere")
        self.refused(2, "is empty", *send, "--password-file", self.file("empty", "\n", 0o600))
        self.refused(3, "nowhere", *send, "--whisper-password-file", self.home / "nowhere")
        # A broker's password, from the environment or the settings' file, is no messages' password.
        self.refused(2, "no password: name its file with --whisper-password-file", *send,
                     environment={"DSN_PASSWORD_FILE": str(self.password)})
        self.refused(2, "no password: name its file with --whisper-password-file", *send)
        self.refused(2, "say one of them", *send, "--password-file", self.password,
                     environment={"DSN_WHISPER_PASSWORD": PASSWORD})
        self.refused(1, "at most 1024 bytes", *send, environment={"DSN_WHISPER_PASSWORD": "x" * 1025})

    def test_endpoints(self):
        send = ("whisper", "send", "hello", "--password-file", self.password)
        self.refused(5, f"the Whisper node at {NOBODY} cannot be reached", *send, "--rpc", NOBODY)
        self.refused(5, "cannot be reached", "whisper", "receive", "--password-file", self.password, "--rpc", NOBODY)
        self.refused(2, "ws://host", *send, "--rpc", "http://127.0.0.1:8545")
        self.refused(2, "no user and no password", *send, "--rpc", "ws://me:secret@127.0.0.1")
        self.refused(2, "talks to one node, 2 were named", *send, "--rpc", NOBODY, "--rpc", "ws://127.0.0.1:2")
        self.refused(2, "named twice", "whisper", "genpub", "--rpc", NOBODY, "--rpc", NOBODY)
        self.refused(2, "say one of them", "whisper", "genpub", "--rpc", NOBODY, "--net")
        self.refused(3, "no net is up", "whisper", "genpub", "--net")
        self.refused(3, "no net is up", "whisper", "net", "status")
        self.refused(4, "chmod 600", *send, "--rpc", NOBODY, "--rpc-token-file", self.file("token", "x", 0o640))

    def test_settings(self):
        send = ("whisper", "send", "hello", "--password-file", self.password, "--rpc", NOBODY)
        self.refused(2, "eight hexadecimal digits", *send, "--topic", "news")
        self.refused(2, "a topic of zeros is none", *send, "--topic", "0x00000000")
        self.refused(2, "a proof of work is a number", *send, "--pow-target", "much")
        self.refused(2, "--message-ttl: wants 1s to", *send, "--message-ttl", "10ms")
        self.refused(2, "--pow-time: wants 1s to 100s", *send, "--pow-time", "10m")
        receive = ("whisper", "receive", "--password-file", self.password, "--rpc", NOBODY)
        self.refused(2, "--on-start: line 1", *receive, "--on-start", "[ffmpeg]")
        self.refused(2, "--hook: element 1 of its array is no text", *receive, "--hook", '["a", 1]')
        self.refused(2, "of 3 nodes at most 2 can be senders", "whisper", "net", "up", "--nodes", "3", "--senders", "3")
        self.refused(2, "--nodes", "whisper", "net", "up", "--nodes", "1000")
        self.refused(1, "at most 65536 are sent", "whisper", "send", "x" * 65537, "--password-file", self.password)

    def test_lists(self):
        for content, words in (("", "line 1"), ({}, "address-node"), ({"address-node": []}, "address-node"),
                               ({"address-node": [{"address": "0x1"}]}, "address-node[0].address")):
            path = self.file("list.json", content)
            for command in ("ping", "pong", "genpub"):
                self.refused(2, words, "whisper", command, path, "--rpc", NOBODY)
        self.refused(3, "no.json", "whisper", "ping", self.home / "no.json", "--rpc", NOBODY)
        self.refused(2, "ends with .md", "whisper", "ping", path, "--rpc", NOBODY, "--report", "report.html")


class Talk(Case):
    def setUp(self):
        super().setUp()
        self.nodes = self.net(4, 1)
        self.a, self.b = self.nodes[0]["rpc"], self.nodes[3]["rpc"]
        self.common = ("--password-file", self.password, "--pow-target", "0.2")

    def send(self, text, *more):
        return self.json("whisper", "send", text, "--rpc", self.a, *self.common, *more)

    def receive(self, *more, url=None):
        running = self.start("whisper", "receive", "--rpc", url or self.b, "--password-file", self.password, "--json", *more)
        running.wait_said("receiving at")
        return running

    def test_texts(self):
        receiver = self.receive("--count", 2)
        sent = self.send("Grüße")
        self.assertRegex(sent["hash"], "^0x[0-9a-f]{64}$")
        self.assertEqual(receiver.wait_event(event="message")["text"], "Grüße")
        self.send("another topic", "--topic", "0x01020304")
        self.vcli("whisper", "send", "another password", "--rpc", self.a, "--pow-target", "0.2",
                  environment={"DSN_WHISPER_PASSWORD": "else"})
        self.send("two\x1b[31m")
        self.assertEqual(receiver.end(), 0)
        self.assertEqual([e["text"] for e in receiver.events()], ["Grüße", "two\x1b[31m"])
        self.assertEqual(receiver.events()[0]["hash"], sent["hash"])

    def test_a_terminal_is_not_harmed(self):
        receiver = self.start("whisper", "receive", "--rpc", self.b, "--password-file", self.password, "--count", 1)
        receiver.wait_said("receiving at")
        self.send("red\x1b[31m\n")
        self.assertEqual(receiver.end(), 0)
        self.assertTrue(receiver.out.decode().endswith("  red?[31m?\n"), receiver.out)

    def test_ends(self):
        self.assertEqual(self.receive("--timeout", "3s").end(), 0)
        late = self.receive("--timeout", "3s", "--count", 1)
        self.assertEqual(late.end(), 6)
        self.assertEqual(late.events()[-1]["error"]["code"], "timeout")
        self.assertEqual(self.receive().end(signal.SIGINT), 0)

    def test_a_node_that_refuses(self):
        answer = self.json("whisper", "send", "weak", "--rpc", self.a, "--password-file", self.password, "--pow-target",
                           "0", code=1)
        self.assertIn("shh_post: message rejected, PoW too low", answer["error"]["message"])

    def test_start_and_stop(self):
        done = self.home / "hooks"
        program = self.file("program", f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {self.home}/words\nexec sleep 1000\n", 0o755)
        hook = self.file("hook", f"#!/bin/sh\necho \"$@\" >> {done}\n", 0o755)
        receiver = self.receive("--on-start", json.dumps([program, "x y", "$HOME"]), "--hook", json.dumps([hook, "counter"]))
        self.send("stop")
        receiver.wait_event(event="idle")
        self.send(" start\n")
        pid = int(receiver.wait_event(event="started")["pid"])
        wait_for("the program runs", lambda: pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
        self.assertEqual((self.home / "words").read_text(), "x y\n$HOME\n")  # no shell has seen them
        self.assertNotIn(PASSWORD.encode(), pathlib.Path(f"/proc/{pid}/environ").read_bytes())
        self.send("start")
        receiver.wait_event(event="runs", pid=str(pid))
        self.send("restart please")
        self.send("stop")
        receiver.wait_event(event="ended", signal="15")
        self.assertFalse(alive(pid))
        # The end takes along what runs.
        self.send("start")
        wait_for("a second one", lambda: len([e for e in receiver.events() if e["event"] == "started"]) == 2)
        second = int(receiver.wait_event(event="started")["pid"])
        self.assertTrue(alive(second))
        self.assertEqual(receiver.end(signal.SIGTERM), 0)
        self.assertFalse(alive(second))
        self.assertEqual(done.read_text().split("\n"), ["counter stop", "counter start", "counter start", "counter stop",
                                                        "counter start", ""])

    def test_a_program_that_fails(self):
        receiver = self.receive("--on-start", "/nowhere/program", "--hook", '["false"]', "--count", 1)
        self.send("start")
        self.assertEqual(receiver.end(), 0)
        self.assertIn("/nowhere/program", receiver.wait_event(event="failed")["why"])
        self.assertEqual(receiver.wait_event(event="hook")["code"], "1")

    def test_a_stubborn_program_is_started_again_after_its_end(self):
        program = self.file("program", f"#!/bin/sh\ntrap 'sleep 1; exit 3' TERM\n: > {self.home}/trapped\n"
                                       "while :; do sleep 0.05; done\n", 0o755)
        receiver = self.receive("--on-start", program)
        self.send("start")
        receiver.wait_event(event="started")
        wait_for("the shell has set its trap", (self.home / "trapped").exists)
        self.send("stop")
        receiver.wait_event(event="stopping")
        self.send("start")
        receiver.wait_event(event="ended", code="3")
        wait_for("started again", lambda: len([e for e in receiver.events() if e["event"] == "started"]) == 2)
        self.assertEqual(receiver.end(signal.SIGINT), 0)

    def test_a_stranger_cannot_repeat_a_word(self):
        """The contents in a new envelope, as one makes it who cannot read them: here with the key, but the same padding."""
        receiver = self.receive("--on-start", '["sleep","1000"]')
        rpc = Rpc(self.nodes[1]["rpc"])
        key = rpc("shh_generateSymKeyFromPassword", PASSWORD)
        post = {"symKeyID": key, "topic": "0x64736e31", "ttl": 20, "payload": "0x" + b"stop".hex(), "padding": "0x" + "ab" * 99,
                "powTarget": 0.2, "powTime": 5}
        rpc("shh_post", post)
        receiver.wait_event(event="idle")
        rpc("shh_post", {**post, "ttl": 21})
        receiver.wait_event(event="repeated")
        self.assertEqual(len([e for e in receiver.events() if e["event"] == "idle"]), 1)

    def test_a_node_that_goes_and_comes_back(self):
        url, process = self.node()
        receiver = self.receive(url=url)
        process.terminate()
        process.wait(20)
        receiver.wait_said("trying again")
        again, _ = self.node("--rpc-port", url.rsplit(":", 1)[1])
        self.assertEqual(again, url)
        wait_for("it receives again", lambda: (receiver.read(), receiver.err.count(b"receiving at") == 2)[1], 30)
        self.json("whisper", "send", "back", "--rpc", url, *self.common)
        receiver.wait_event(event="message", text="back")

    def test_a_token(self):
        token = self.file("token", "tops3cret\n", 0o600)
        url, _ = self.node("--rpc-port", "0", "--token-file", token)
        self.assertIn("wants a token", self.json("whisper", "send", "x", "--rpc", url, *self.common, code=4)["error"]["message"])
        self.json("whisper", "send", "x", "--rpc", url, *self.common, "--rpc-token-file", token)
        self.vcli("whisper", "send", "x", "--rpc", url, *self.common, environment={"DSN_RPC_TOKEN": "tops3cret"})

    def test_no_key_is_left_at_the_node(self):
        rpc = Rpc(self.a)

        def keys():
            return int(re.search(r"^shhd_symmetric_keys (\d+)", rpc.get("/metrics"), re.M)[1])

        before = keys()
        self.send("one")
        self.assertEqual(self.receive("--timeout", "5s", url=self.a).end(), 0)
        self.assertEqual(keys(), before)

    def test_a_password_typed_at_the_terminal(self):
        receiver = self.receive("--count", 1)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(BIN / "vcli", ["vcli", "whisper", "send", "typed", "--rpc", self.a, "--pow-target", "0.2"],
                      self.environment)
        said = b""
        try:
            while b"Password" not in said:
                said += os.read(terminal, 1024)
            os.write(terminal, b"wrong\x15" + PASSWORD.encode() + b"x\x7f\n")  # Ctrl-U, and one backspace
            while True:
                said += os.read(terminal, 1024)
        except OSError:
            pass  # its end
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, said)
        self.assertNotIn(PASSWORD.encode(), said)
        self.assertEqual(receiver.end(), 0)
        self.assertEqual(receiver.events()[0]["text"], "typed")


class Rpc:
    """JSON-RPC over HTTP, on the port where the WebSocket is too."""

    def __init__(self, url):
        self.port = int(url.rsplit(":", 1)[1])

    def get(self, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def __call__(self, method, *params):
        document = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return json.loads(self.get("/", json.dumps(document).encode()))["result"]


class Net(Case):
    def test_up_status_down(self):
        nodes = self.net(5, 2)
        self.assertEqual([n["role"] for n in nodes], ["sender"] * 2 + ["receiver"] * 3)
        pids = [int(n["pid"]) for n in nodes]
        self.assertTrue(all(map(alive, pids)))
        self.assertIn("is up already", self.json("whisper", "net", "up", "--nodes", "2", "--senders", "1",
                                                 code=4)["error"]["message"])
        status = self.json("whisper", "net", "status")
        self.assertEqual(status["state"], "up")
        self.assertTrue(all(int(n["peers"]) > 0 and int(n["memory_bytes"]) > 0 for n in status["nodes"]), status)
        table = self.vcli("whisper", "net", "status").stdout
        self.assertEqual(len(table.splitlines()), 6)
        self.assertIn(" MB", table)
        # One is killed: status says so, down ends the others.
        os.kill(pids[3], signal.SIGKILL)
        wait_for("it is gone", lambda: not alive(pids[3]))
        status = self.json("whisper", "net", "status", code=1)
        self.assertEqual([n["state"] for n in status["nodes"]], ["runs"] * 3 + ["ended", "runs"])
        self.assertEqual(self.json("whisper", "net", "down")["ended"], "4")
        self.assertFalse(any(map(alive, pids)))
        self.assertFalse((self.home / ".local/state/dsn/whisper-net").exists())
        self.assertEqual(self.json("whisper", "net", "down")["ended"], "0")

    def test_a_number_that_is_somebody_elses_now(self):
        self.net(2, 1)
        stranger = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        record = self.home / ".local/state/dsn/whisper-net/02/process.json"
        old = json.loads(record.read_text())
        record.write_text(json.dumps({**old, "pid": str(stranger.pid)}))
        self.assertEqual(self.json("whisper", "net", "down")["ended"], "1")
        self.assertIsNone(stranger.poll())
        os.kill(int(old["pid"]), signal.SIGTERM)

    def test_a_start_that_fails_leaves_nothing(self):
        shhd = self.file("shhd", "#!/bin/sh\necho this is no node >&2\nexit 3\n", 0o755)
        answer = self.json("whisper", "net", "up", "--shhd", shhd, "--nodes", "3", "--senders", "1", code=1)
        self.assertIn("this is no node", answer["error"]["message"])
        self.assertFalse((self.home / ".local/state/dsn/whisper-net").exists())
        answer = self.json("whisper", "net", "up", "--shhd", "/nowhere/shhd", code=3)
        self.assertIn("/nowhere/shhd", answer["error"]["message"])
        self.assertFalse((self.home / ".local/state/dsn/whisper-net").exists())

    def interrupted(self, signum):
        """An up whose nodes never get ready is told to end, or killed."""
        shhd = self.file("shhd", "#!/bin/sh\nexec sleep 1000\n", 0o755)
        up = self.start("whisper", "net", "up", "--shhd", shhd, "--nodes", "3", "--senders", "1")
        record = self.home / ".local/state/dsn/whisper-net/01/process.json"
        wait_for("the first has started", record.exists)
        pid = int(json.loads(record.read_text())["pid"])
        wait_for("it runs", lambda: alive(pid))
        return up.end(signum), pid

    def test_an_interrupted_start_leaves_nothing(self):
        code, pid = self.interrupted(signal.SIGINT)
        self.assertEqual(code, 1)
        self.assertFalse(alive(pid))
        self.assertFalse((self.home / ".local/state/dsn/whisper-net").exists())

    def test_a_killed_start_is_cleaned_up_by_down(self):
        code, pid = self.interrupted(signal.SIGKILL)
        self.assertEqual(code, -signal.SIGKILL)
        self.assertTrue(alive(pid))
        self.assertIn("no net is up", self.json("whisper", "net", "status", code=3)["error"]["message"])
        self.assertEqual(self.json("whisper", "net", "down")["ended"], "1")
        self.assertFalse(alive(pid))


class Pings(Case):
    def setUp(self):
        super().setUp()
        self.nodes = self.net(4, 1)
        self.list = str(self.home / "list.json")

    def wait_posted(self):
        rpc = Rpc(self.nodes[0]["rpc"])
        wait_for("pings are sent", lambda: re.search(r"^shhd_posted_total [1-9]", rpc.get("/metrics"), re.M))

    def pong(self, *more):
        pong = self.start("whisper", "pong", self.list, "--net", "--json", "--pow-target", "0.2", *more)
        pong.wait_said("answering pings to 3 key pairs at 3 nodes")
        return pong

    def test_the_list(self):
        first = self.json("whisper", "genpub", self.list, "--net")
        document = json.loads(pathlib.Path(self.list).read_text())
        self.assertEqual(list(document), ["address-node"])
        self.assertEqual(document["address-node"], first["address-node"])
        self.assertEqual(len(document["address-node"]), 4)
        for n, entry in zip(self.nodes, document["address-node"]):
            self.assertEqual(list(entry), ["address", "keyPairId", "PubKey"])
            self.assertEqual(Rpc(n["rpc"])("shh_getPublicKey", entry["keyPairId"]), entry["PubKey"])
        # Again: the same keys, but for a node that has lost its own.
        Rpc(self.nodes[2]["rpc"])("shh_deleteKeyPair", document["address-node"][2]["keyPairId"])
        again = self.json("whisper", "genpub", self.list, "--net")
        self.assertEqual(again["kept"], "3")
        same = [a == b for a, b in zip(first["address-node"], again["address-node"])]
        self.assertEqual(same, [True, True, False, True])
        printed = json.loads(self.vcli("whisper", "genpub", "--rpc", self.nodes[0]["rpc"]).stdout)
        self.assertEqual(len(printed["address-node"]), 1)

    def test_a_node_with_an_account(self):
        account = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
        url, _ = self.node("--rpc-port", "0", "--etherbase", account)
        answer = self.json("whisper", "genpub", "--rpc", url)
        self.assertEqual(answer["address-node"][0]["address"], account)

    def test_pings_are_answered(self):
        self.vcli("whisper", "genpub", self.list, "--net")
        pong = self.pong()
        report = self.home / "report.md"
        words = ("whisper", "ping", self.list, "--net", "--pings", "3", "--interval", "20ms", "--pow-target", "0.2")
        answer = self.json(*words, "--report", report)
        self.assertEqual((answer["sent"], answer["answered"], answer["lost"]), ("9", "9", "0"))
        self.assertEqual([n["answered"] for n in answer["nodes"]], ["3"] * 3)
        times = {k: float(v) for k, v in answer["round_trip_ms"].items()}
        self.assertTrue(0 < times["min"] <= times["median"] <= times["p95"] <= times["max"] < 30000, times)
        text = report.read_text()
        self.assertIn("| **all** | 9 | 0 | 0.0 |", text)
        self.assertIn("(report.svg)", text)
        plot = xml.dom.minidom.parse(str(self.home / "report.svg"))
        self.assertEqual(plot.documentElement.tagName, "svg")
        table = self.vcli(*words).stdout.splitlines()
        self.assertEqual(len(table), 5)
        self.assertRegex(table[-1], r"^all +9 +9 +0 +0\.0 ")
        self.assertEqual(pong.end(signal.SIGTERM), 0)
        self.assertEqual(pong.events()[-1]["answered"], "18")

    def test_pings_are_lost(self):
        self.vcli("whisper", "genpub", self.list, "--net")
        answer = self.json("whisper", "ping", self.list, "--net", "--timeout", "1s", "--interval", "0s", code=6)
        self.assertEqual((answer["answered"], answer["lost"]), ("0", "3"))
        self.assertIn("3 of 3 pings were not answered", answer["error"]["message"])
        self.assertEqual(answer["round_trip_ms"], {})

    def test_an_answer_of_somebody_else_does_not_count(self):
        entries = self.json("whisper", "genpub", self.list, "--net")["address-node"]
        rpc = Rpc(self.nodes[1]["rpc"])
        pings = rpc("shh_newMessageFilter", {"privateKeyID": entries[1]["keyPairId"], "topics": ["0x64736e31"]})
        stranger = rpc("shh_newKeyPair")
        ping = self.start("whisper", "ping", self.list, "--net", "--timeout", "3s", "--json")
        came = wait_for("a ping", lambda: rpc("shh_getFilterMessages", pings))[0]
        note = json.loads(bytes.fromhex(came["payload"][2:]))
        self.assertEqual(came["sig"], entries[0]["PubKey"])
        note["type"] = "pong"
        pong = {"pubKey": came["sig"], "topic": "0x64736e31", "ttl": 20, "powTarget": 0.2, "powTime": 5,
                "payload": "0x" + json.dumps(note).encode().hex()}
        rpc("shh_post", {**pong, "sig": stranger})
        time.sleep(1)  # it would have come by now
        rpc("shh_post", {**pong, "sig": entries[1]["keyPairId"]})
        rpc("shh_post", {**pong, "sig": entries[1]["keyPairId"]})
        self.assertEqual(ping.end(), 6)
        answer = ping.events()[-1]
        self.assertEqual([n["answered"] for n in answer["nodes"]], ["1", "0", "0"])
        self.assertGreater(float(answer["round_trip_ms"]["min"]), 1000)

    def test_a_live_table(self):
        self.vcli("whisper", "genpub", self.list, "--net")
        self.pong()
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(BIN / "vcli", ["vcli", "whisper", "ping", self.list, "--net", "--count", "3"], self.environment)
        said = b""
        try:
            while True:
                said += os.read(terminal, 4096)
        except OSError:
            pass
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, said)
        self.assertIn(b"\x1b[5A\x1b[J", said)
        self.assertRegex(said.decode().splitlines()[-1], r"^all +9 +9 +0 ")

    def test_an_interrupted_ping_counts_what_it_knows(self):
        self.vcli("whisper", "genpub", self.list, "--net")
        ping = self.start("whisper", "ping", self.list, "--net", "--count", "1000", "--interval", "50ms", "--json")
        self.wait_posted()
        self.assertEqual(ping.end(signal.SIGINT), 0)
        answer = ping.events()[-1]
        self.assertTrue(0 < int(answer["sent"]) < 3000, answer)
        self.assertGreaterEqual(int(answer["sent"]), int(answer["answered"]) + int(answer["lost"]))

    def test_nobody_to_ping(self):
        entry = json.loads(self.vcli("whisper", "genpub", "--rpc", self.nodes[0]["rpc"]).stdout)
        path = self.file("own.json", entry)
        self.assertIn("no node but those that ping", self.json("whisper", "ping", path, "--rpc", self.nodes[0]["rpc"],
                                                               code=3)["error"]["message"])
        self.assertIn("none of the nodes holds a key pair", self.json(
            "whisper", "pong", path, "--rpc", self.nodes[1]["rpc"], code=3)["error"]["message"])

    def test_a_node_that_goes_while_it_is_pinged(self):
        self.vcli("whisper", "genpub", self.list, "--net")
        self.pong()
        os.kill(int(self.nodes[3]["pid"]), signal.SIGKILL)
        answer = self.json("whisper", "ping", self.list, "--net", "--timeout", "2s", "--interval", "0s", code=6)
        self.assertEqual([n["lost"] for n in answer["nodes"]], ["0", "0", "1"])

    def test_the_only_sender_goes(self):
        self.vcli("whisper", "genpub", self.list, "--net")
        ping = self.start("whisper", "ping", self.list, "--net", "--count", "1000", "--interval", "50ms", "--json")
        self.wait_posted()
        os.kill(int(self.nodes[0]["pid"]), signal.SIGKILL)
        self.assertEqual(ping.end(), 5, ping.err)


if __name__ == "__main__":
    for program in ("vcli", "shhd"):
        if not (BIN / program).exists():
            sys.exit(f"{BIN / program} is not built")
    unittest.main()
