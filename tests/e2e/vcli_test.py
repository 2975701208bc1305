"""vcli as people and scripts use it: first without a broker, then against a real broker, a real agent, nginx and ffmpeg."""
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module  # noqa: E402
from agent import NETWORK, Agent, wait_for  # noqa: E402

VCLI = os.path.join(broker_module.BIN, "vcli")
DISTRIBUTOR, STORAGE, TRANSCODER, SECOND = "d1" * 20, "57" * 20, "a1" * 20, "a2" * 20
NOBODY = "ee" * 20
COMMANDS = ["node create", "node list", "node rename", "node forget", "pipeline init", "key agent", "node status", "node remove", "node purge", "node hardware", "node free_hardware",
            "node maintenance", "node pipeline", "pipeline plan", "pipeline private", "pipeline start", "pipeline push",
            "pipeline stop", "pipeline list", "pipeline status", "pipeline monitor", "pipeline close", "broker setup", "bus send",
            "bus receive", "outbox list", "outbox resend", "outbox replace",
            "outbox abandon", "outbox flush", "whisper send", "whisper receive", "whisper genpub", "whisper ping",
            "whisper pong", "whisper net up", "whisper net status", "whisper net down", "account new", "account list",
            "account import", "account export", "chain up", "chain status", "chain down", "chain deploy", "counter get",
            "counter increment", "counter decrement", "counter clear", "bar add", "bar lift", "bar appeal", "bar decide", "bar show",
            "payment transfer", "payment send", "completion", "manual", "help", "version"]


def document(job="vclijob", ports=None, **output):
    """A public pipeline: distributor, storage, two transcoders, all at 127.0.0.1."""
    ports = ports or {}

    def node(role, node_id):
        return {"type": role, "node_id": node_id, "ip": "127.0.0.1", "port": ports.get(node_id, {}).get("rtmp", "1935")}

    storage = dict(node("storage", STORAGE), http_port=ports.get(STORAGE, {}).get("http", "8080"))
    nodes = [node("distributor", DISTRIBUTOR), storage, node("transcoder", TRANSCODER), node("transcoder", SECOND)]
    if not ports:
        for n, address in zip(nodes, ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4")):
            n["ip"] = address
    return {
        "apiVersion": "1.00", "typeApi": "public", "command": "pipeline", "subcommand": "start",
        "pipeline": {
            "type_source": "file", "job_id": job, "number_of_streams": "2",
            "source": {"resolution_name": "_src", "resolution": "320x180", "bitrate": "400000"},
            "transcoding": [{"resolution_name": "_144p", "resolution": "256x144", "bitrate": "150000"},
                            {"resolution_name": "_90p", "resolution": "160x90", "bitrate": "80000"}],
            "nodes": nodes, "output": dict({"fragment": "2", "preset": "ultrafast"}, **output)}}


class Case(unittest.TestCase):
    """self.vcli(...) runs it in a home of its own."""

    bus = "amqp://127.0.0.1:1/"  # nobody listens there

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="dsn-vcli-"))
        self.addCleanup(shutil.rmtree, self.home, True)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("DSN_", "XDG_"))}
        self.environment.update(HOME=str(self.home), DSN_BUS=self.bus, DSN_NETWORK=NETWORK, DSN_SEND_PLAIN="yes")

    def vcli(self, *words, code=0, environment=None, timeout=60):
        done = subprocess.run([VCLI, *words], env=dict(self.environment, **(environment or {})), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)
        self.assertEqual(done.returncode, code, f"vcli {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done

    def json(self, *words, code=0, **more):
        done = self.vcli(*words, "--json", code=code, **more)
        self.assertEqual(done.stdout.count("\n"), 1, "one line of JSON is wanted: " + done.stdout)
        return json.loads(done.stdout)

    def file(self, name, content):
        path = self.home / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def state(self):
        return self.home / ".local" / "state" / "dsn"


class Words(Case):
    def test_help_names_every_command(self):
        text = self.vcli("help").stdout
        for command in COMMANDS:
            self.assertIn("  " + command, text)
        self.assertEqual(text, self.vcli("--help").stdout)

    def test_each_command_explains_itself(self):
        for command in COMMANDS:
            text = self.vcli(*command.split(), "--help").stdout
            self.assertTrue(text.startswith("usage: vcli " + command), text)
            self.assertIn("--json", text)
            self.assertRegex(text, r"\nExample:\n  .*vcli " + command)
            self.assertEqual(text, self.vcli("help", *command.split()).stdout)
            self.assertEqual(text, self.json("help", *command.split())["help"])

    def test_help_of_a_group(self):
        text = self.vcli("node", "--help").stdout
        self.assertIn("node create", text)
        self.assertNotIn("pipeline start", text)

    def test_no_command(self):
        done = self.vcli(code=2)
        self.assertEqual(done.stdout, "")
        self.assertIn("pipeline start", done.stderr)

    def test_slips_are_answered_with_what_was_meant(self):
        for words, meant in ((("pipelin", "start", "x"), 'did you mean "pipeline"'),
                             (("node", "craete", "x"), 'did you mean "node create"'),
                             (("node", "status", "x", "--tiemout", "1s"), "did you mean --timeout"),
                             (("node", "gibberish"), "free_hardware"),
                             (("node",), "wants one more word"),
                             (("help", "pipeline", "strat"), 'did you mean "pipeline start"'),
                             (("node", "status"), "usage: vcli node status NODE_ID"),
                             (("version", "please"), "too many arguments"),
                             (("node", "status", NOBODY, "--detach"), "takes no such flag"),
                             (("node", "status", NOBODY, "-x"), "two dashes"),
                             (("node", "status", NOBODY, "-v"), "--log-level debug, or --version"),
                             (("node", "list", "--broker", "x"), "did you mean --bus"),
                             (("order", "film.json"), 'did you mean "pipeline start"'),
                             (("start", "film.json"), 'did you mean "pipeline start"'),
                             (("node", "ls"), 'did you mean "node list"'),
                             (("node", "delete", NOBODY), 'did you mean "node remove"'),
                             (("create",), '"node create", "order create", "job create"'),
                             (("node", "status", NOBODY, "--timeout", "soon"), "--timeout"),
                             (("completion", "fish"), "neither bash nor zsh"),
                             (("node", "create", "director", NOBODY), "director"),
                             (("node", "create", "storage", "57"), "40 hexadecimal digits"),
                             (("node", "maintenance", "maybe", NOBODY), "maybe")):
            with self.subTest(words=words):
                done = self.vcli(*words, code=2)
                self.assertIn(meant, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_what_strangers_name_instead(self):
        film = self.home / "film.mp4"
        film.write_bytes(b"\0\0\0\x20ftypisom" + b"[" * (5 << 20))
        for command in ("plan", "start", "private"):
            self.assertIn("film.mp4: is no JSON document, it is no text at all", self.vcli("pipeline", command, str(film), code=2).stderr)
        self.assertIn("NODE_ID: is missing after storage", self.vcli("node", "create", "storage", code=2).stderr)
        self.assertIn("(--password-file)", self.vcli("node", "status", NOBODY, "--bus", "amqp://me@127.0.0.1:1/", code=2).stderr)

    def test_json_of_a_refusal(self):
        answer = self.json("node", "craete", code=2)
        self.assertEqual(answer["state"], "failed")
        self.assertEqual(answer["error"]["code"], "invalid")
        self.assertIn("node create", answer["error"]["message"])

    def test_version(self):
        self.assertRegex(self.vcli("version").stdout, r"^vcli \d+\.\d+\.\d+\n$")
        self.assertEqual("vcli " + self.json("version")["version"] + "\n", self.vcli("--version").stdout)
        self.assertEqual(self.vcli("-v").stdout, self.vcli("--version").stdout)

    def test_settings_from_flag_environment_and_file(self):
        folder = self.home / ".config" / "dsn"
        folder.mkdir(parents=True)
        (folder / "vcli.conf").write_text("network = from-file\nlog-level = warn\n")
        printed = self.vcli("node", "list", "--print-config").stdout
        self.assertIn(f"network = {NETWORK}\n", printed)
        self.assertIn("log-level = warn\n", printed)
        self.assertIn("network = flag\n", self.vcli("node", "list", "--print-config", "--network", "flag").stdout)
        (folder / "vcli.conf").write_text("colour = blue\n")
        self.assertIn("vcli.conf:1: \"colour\"", self.vcli("version", code=2).stderr)

    def test_manual_is_clean_roff(self):
        text = self.vcli("manual").stdout
        for command in COMMANDS:
            self.assertIn(".SS vcli " + command.replace("-", "\\-"), text)
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=text, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.stderr, "")
            self.assertIn("SYNOPSIS", re.sub(".\b|\x1b\\[[0-9;]*m", "", done.stdout))

    def complete(self, *words):
        script = self.file("complete.bash", self.vcli("completion", "bash").stdout)
        lines = f'source {script}; COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}; _vcli 2>/dev/null; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "-c", lines, "bash", "vcli", *words], env=self.environment, cwd=self.home,
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_completion_of_bash(self):
        self.assertEqual(self.complete("pipe"), {"pipeline"})
        self.assertEqual(self.complete("--bus", "amqp://127.0.0.1:5672/", "no"), {"node"})
        self.assertEqual(self.complete("pipeline", "st"), {"start", "stop", "status"})
        self.assertEqual(self.complete("node", "create", ""), {"distributor", "transcoder", "storage"} | self.files())
        self.assertEqual(self.complete("register", ""), {"customer", "supplier", "remove", "add", "update", "list"})
        self.assertEqual(self.complete("register", "remove", ""), {"customer", "supplier", "node"})
        self.assertEqual(self.complete("whisper", "net", ""), {"up", "status", "down"})
        self.assertEqual(self.complete("register", "add", "node", "--pr"), {"--price"})
        self.assertEqual(self.complete("register", "add", "node", "storage", "compl"), {"complete.bash"})
        self.assertEqual(self.complete("role", "grant", ""), {"manager", "verifier"})
        self.assertEqual(self.complete("bar", ""), {"add", "lift", "appeal", "decide", "show"})
        self.assertEqual(self.complete("bar", "decide", NOBODY, ""), {"lift", "keep"})
        self.assertEqual(self.complete("bar", "appeal", NOBODY, "compl"), {"complete.bash"})
        self.assertEqual(self.complete("counter", "move", "st"), {"start", "stop"})
        self.assertEqual(self.complete("register", "list", ""), {"customers", "suppliers", "nodes"})
        self.assertIn("--detach", self.complete("pipeline", "start", "--"))
        self.assertNotIn("--detach", self.complete("node", "list", "--"))
        self.assertEqual(self.complete("node", "create", "--mode", ""), {"managed", "classic"})
        self.assertEqual(self.complete("--bus", "amqp://x/", "--json", "node", "ma"), {"maintenance"})
        jobs = self.state() / "jobs"
        jobs.mkdir(parents=True)
        (jobs / "film7.json").write_text("{}")
        self.assertIn("film7", self.complete("pipeline", "stop", "fi"))
        self.assertIn("complete.bash", self.complete("pipeline", "start", "compl"))

    def files(self):
        return {p.name for p in self.home.iterdir()}

    def test_completion_of_zsh(self):
        text = self.vcli("completion", "zsh").stdout
        self.assertTrue(text.startswith("#compdef vcli\n"))
        if shutil.which("zsh"):
            subprocess.run(["zsh", "-n", self.file("_vcli", text)], check=True, timeout=30)


class Documents(Case):
    def test_plan(self):
        path = self.file("p.json", document())
        self.assertIn("feasible", self.vcli("pipeline", "plan", path).stdout)
        answer = self.json("pipeline", "plan", path)
        self.assertEqual(len(answer["nodes"]), 4)

    def test_only_public_documents_are_planned(self):
        private = self.json("pipeline", "private", self.file("p.json", document()))
        for planned in (private, {"tasks": [{"enode": "ab" * 20, "command": "x.json"}]}):
            done = self.vcli("pipeline", "plan", self.file("planned.json", planned), code=2)
            self.assertIn("pipeline start", done.stderr)

    def test_private_form(self):
        answer = self.json("pipeline", "private", self.file("p.json", document()))
        self.assertEqual([t["node_id"] for t in answer["pipeline"]["tasks"]], [DISTRIBUTOR, STORAGE, TRANSCODER, SECOND])
        self.assertEqual(answer["typeApi"], "private")
        self.assertNotIn("key", json.dumps(answer["pipeline"]["tasks"][1]["msg"]["nginx-rtmp-core"]))
        self.assertEqual(json.loads(self.vcli("pipeline", "private", self.file("p.json", document())).stdout), answer)

    def test_slips_name_their_place_and_nothing_is_sent(self):
        def changed(change):
            d = document()
            change(d["pipeline"])
            return d

        cases = [("{", "line 1"), ("[]", "object"), (json.dumps(document())[:-40], "line"),
                 (changed(lambda p: p["nodes"][2].update(ip="35.2330.1.4")), "pipeline.nodes[2].ip"),
                 (changed(lambda p: p["nodes"][0].update(node_id="d1")), "pipeline.nodes[0].node_id"),
                 (changed(lambda p: p["transcoding"][1].update(resolution="352×240")), "pipeline.transcoding[1].resolution"),
                 (changed(lambda p: p.update(job_id="../../etc")), "pipeline.job_id"),
                 (changed(lambda p: p["source"].update(bitrate=400000)), "pipeline.source.bitrate")]
        for content, place in cases:
            with self.subTest(place=place):
                path = self.file("bad.json", content)
                for command in ("plan", "private", "start"):
                    done = self.vcli("pipeline", command, path, code=2)
                    self.assertIn(path, done.stderr)
                    self.assertIn(place, done.stderr)
        self.assertFalse((self.state() / "jobs").exists() and list((self.state() / "jobs").iterdir()))

    def test_missing_file(self):
        self.assertIn("nowhere.json", self.vcli("pipeline", "plan", "/nowhere.json", code=3).stderr)
        self.assertIn("pipeline list", self.vcli("pipeline", "status", "unknownjob", code=3).stderr)

    def test_node_create_file(self):
        slip = {"apiVersion": "1.00", "typeApi": "private", "command": "node", "subcommand": "create", "params": "storage",
                "node_id": STORAGE, "spec": {"containers": {"ports": {"1935": "99999"}}}}
        done = self.vcli("node", "create", self.file("n.json", slip), code=2)
        self.assertIn("spec.containers.ports.1935", done.stderr)
        slip = dict(slip, subcommand="status")
        del slip["spec"], slip["params"]
        self.assertIn("no node create", self.vcli("node", "create", self.file("n.json", slip), code=2).stderr)


class Away(Case):
    """No broker at all."""

    def test_unreachable_broker(self):
        for words in (("node", "status", NOBODY), ("node", "list"), ("bus", "send", "q", "x"), ("bus", "receive", "q")):
            done = self.vcli(*words, "--timeout", "1s", code=5)
            self.assertIn("127.0.0.1:1", done.stderr)
            self.assertIn("--bus", done.stderr)
        answer = self.json("node", "status", NOBODY, "--timeout", "1s", code=5)
        self.assertEqual(answer["error"]["code"], "unavailable")

    def terminal(self, *words):
        """What is shown on a terminal's error output meanwhile, and the exit code."""
        ours, its = pty.openpty()
        process = subprocess.Popen([VCLI, *words], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=its)
        os.close(its)
        shown = b""
        try:
            while True:
                try:
                    piece = os.read(ours, 4096)
                except OSError:  # the other end is closed
                    break
                if not piece:
                    break
                shown += piece
            process.stdout.read()
            return shown.decode(), process.wait(30)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            os.close(ours)

    def test_progress_on_a_terminal(self):
        """What takes more than a second says what it waits for; a line that is wiped at the end, and none when it is quick or quiet."""
        shown, code = self.terminal("node", "status", NOBODY, "--timeout", "3s")
        self.assertEqual(code, 5, shown)
        self.assertRegex(shown, r"\r\x1b\[K\S[^\r]* \([12] s\)")
        self.assertRegex(shown, r"\r\x1b\[Kvcli: ")
        for words in (("--timeout", "500ms"), ("--timeout", "2s", "--quiet")):
            shown, code = self.terminal("node", "status", NOBODY, *words)
            self.assertEqual(code, 5, shown)
            self.assertNotRegex(shown, r"\(\d+ s\)")

    def test_password_in_the_url_is_refused(self):
        done = self.vcli("node", "list", "--bus", "amqp://me:secret99@127.0.0.1/", "--timeout", "1s", code=2)
        self.assertNotIn("secret99", done.stdout + done.stderr)

    def test_password_in_the_url_is_not_kept_or_shown(self):
        url = ("--bus", "amqp://me:secret99@127.0.0.1/")
        for words in (("node", "remove", NOBODY, "--detach"), ("node", "list", "--print-config")):
            done = self.vcli(*words, *url, code=2)
            self.assertNotIn("secret99", done.stdout + done.stderr)
        self.assertFalse([p for p in self.home.rglob("*") if p.is_file() and b"secret99" in p.read_bytes()])

    def test_flush_makes_no_outbox(self):
        for name in ("nosuch", "../../x"):
            self.assertIn(name, self.vcli("outbox", "flush", name, code=3).stderr)
        self.assertEqual(list(self.home.rglob("outbox.db")), [])

    def test_empty_lists(self):
        self.assertEqual(self.json("outbox", "list"), {"commands": [], "transactions": []})
        self.assertEqual(self.json("pipeline", "list"), {"jobs": []})


class Online(Case):
    """A broker and an agent for all tests of the class."""

    @classmethod
    def setUpClass(cls):
        broker_module.require()
        cls.broker = broker_module.Broker()
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start_if_down()
        cls.agent = Agent(cls.broker, "--status-every", "1s", "--end-after", "2s", nodes=(DISTRIBUTOR, STORAGE, TRANSCODER, SECOND))
        cls.addClassCleanup(cls.agent.close)
        cls.agent.start()
        cls.bus = cls.broker.url()

    def setUp(self):
        super().setUp()
        wait_for(lambda: "claimed" in self.answering(), 30, "the agent answers")

    def answering(self):
        done = subprocess.run([VCLI, "node", "list", "--agent", self.agent.id(), "--timeout", "5s"], env=self.environment,
                              capture_output=True, text=True, timeout=30)
        return "claimed" if done.returncode == 0 else ""

    def create_all(self):
        roles = ((DISTRIBUTOR, "distributor"), (STORAGE, "storage"), (TRANSCODER, "transcoder"), (SECOND, "transcoder"))
        return {node: self.json("node", "create", role, node)["ports"] for node, role in roles}

    def start(self, job, *flags, **output):
        self.addCleanup(subprocess.run, [VCLI, "pipeline", "close", job, "--timeout", "30s"], env=self.environment,
                        capture_output=True, timeout=60)
        self.path = self.file(job + ".json", document(job, self.create_all(), **output))
        return self.json("pipeline", "start", self.path, *flags)


class Nodes(Online):
    def test_life_of_a_node(self):
        text = self.vcli("node", "create", "transcoder", SECOND).stdout
        self.assertIn(SECOND + " is created", text)
        self.json("node", "create", "transcoder", SECOND)  # wanted state: again is no harm
        status = self.json("node", "status", SECOND)
        self.assertEqual((status["node_id"], status["role"], status["state"]), (SECOND, "transcoder", "running"))
        self.assertIn("rtmp", status["ports"])
        self.assertIn("ports.rtmp", self.vcli("node", "status", SECOND).stdout)
        listed = self.json("node", "list", "--agent", self.agent.id())["nodes"]
        self.assertIn(SECOND, [n["node_id"] for n in listed])
        heard = self.json("node", "list", "--timeout", "3s")["nodes"]
        self.assertIn((SECOND, "transcoder"), [(n["node_id"], n["role"]) for n in heard])
        self.assertEqual(self.json("node", "maintenance", "on", SECOND)["maintenance"], "on")
        self.assertEqual(self.json("node", "maintenance", SECOND, "off")["maintenance"], "off")
        self.assertEqual(self.json("node", "pipeline", SECOND)["jobs"], [])
        self.assertGreater(int(self.json("node", "free_hardware", SECOND)["cpu"]["cores"]), 0)
        folder = status["folder"]
        self.json("node", "remove", SECOND)
        self.assertTrue(os.path.isdir(folder))
        self.json("node", "create", "transcoder", SECOND)
        self.json("node", "purge", SECOND)
        self.assertFalse(os.path.exists(folder))

    def test_create_from_a_document(self):
        public = {"apiVersion": "1.00", "typeApi": "public", "command": "node", "subcommand": "create", "params": "transcoder",
                  "node_id": SECOND}
        self.assertEqual(self.json("node", "create", self.file("n.json", public), "--runtime", "process")["runtime"], "process")

    def test_create_at_an_agent(self):
        new = os.urandom(20).hex()
        self.assertEqual(self.json("node", "create", "storage", new, "--agent", self.agent.id())["role"], "storage")
        self.assertEqual(self.json("node", "status", new)["state"], "running")
        self.json("node", "purge", new)

    def test_hardware(self):
        self.assertIn("libx264", self.json("node", "hardware", self.agent.id())["encoders"])

    def test_unknown_node_is_an_error_at_once(self):
        began = time.monotonic()
        done = self.vcli("node", "status", NOBODY, code=3)
        self.assertLess(time.monotonic() - began, 3)
        self.assertIn(NOBODY, done.stderr)
        self.assertIn("--node", done.stderr)
        self.assertEqual(self.json("node", "purge", NOBODY, code=3)["error"]["code"], "not-found")

    def test_agent_away(self):
        away = os.urandom(20).hex()
        other = Agent(self.broker, nodes=(away,))
        self.addCleanup(other.close)
        other.start()
        wait_for(lambda: subprocess.run([VCLI, "node", "status", away, "--timeout", "2s"], env=self.environment,
                                        capture_output=True, timeout=30).stderr.find(b"created") >= 0, 20, "the other agent")
        other.kill()
        done = self.vcli("node", "status", away, "--timeout", "1s", code=6)
        self.assertIn(away, done.stderr)
        self.assertIn("1000 ms", done.stderr)


class Bus(Online):
    def test_hello_world(self):
        self.vcli("bus", "send", "hello", "Hello World!")
        self.vcli("bus", "send", "hello", "zweite Zeile ü")
        self.assertEqual(self.vcli("bus", "receive", "hello").stdout, "Hello World!\n")
        self.assertEqual(self.json("bus", "receive", "hello")["messages"], ["zweite Zeile ü"])
        self.vcli("bus", "receive", "hello", "--timeout", "500ms", code=6)
        self.assertEqual(self.json("bus", "receive", "hello", "--count", "0", "--timeout", "500ms")["messages"], [])

    def test_queue_of_an_unknown_node_is_not_made(self):
        self.vcli("bus", "send", NOBODY, "{}", code=3)


class Pipelines(Online):
    def test_from_start_to_close(self):
        answer = self.start("whole")
        self.assertEqual(answer["state"], "applied")
        self.assertEqual({(n["node_id"], n["role"]) for n in answer["nodes"]},
                         {(DISTRIBUTOR, "distributor"), (STORAGE, "storage"), (TRANSCODER, "transcoder"), (SECOND, "transcoder")})
        stored = self.state() / "jobs" / "whole.json"
        self.assertEqual(stat.S_IMODE(stored.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(stored.parent.stat().st_mode), 0o700)
        key = json.loads(stored.read_text())["key"]
        self.assertNotIn(key, json.dumps(answer["ingest"]))
        hashes = {n["node_id"]: n["config_hash"] for n in answer["nodes"]}

        again = self.json("pipeline", "start", self.path, "--show-key")
        self.assertEqual({n["node_id"]: n["config_hash"] for n in again["nodes"]}, hashes)
        self.assertEqual(again["ingest"]["key"], key)
        text = self.vcli("pipeline", "start", self.path)
        self.assertRegex(text.stdout, rf"distributor +{DISTRIBUTOR}  applied +\d+ ms\n")
        self.assertIn("all 4 nodes serve", text.stdout)
        self.assertNotIn(key, text.stdout + text.stderr)

        film = self.home / "film.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=5", "-f", "lavfi", "-i", "sine=d=5",
                        "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", film],
                       check=True, timeout=60)
        push = subprocess.Popen([VCLI, "pipeline", "push", "whole", film, "--json"], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: self.json("pipeline", "status", "whole")["nodes"][0].get("published"), 20, "the film arrives")
            shown = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, timeout=30).stdout
            self.assertIn("film.mp4", shown)
            self.assertNotIn(key, shown)
            done = subprocess.run([VCLI, "pipeline", "monitor", "whole", "--json", "--count", "3", "--timeout", "10s"],
                                  env=self.environment, capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len([json.loads(line) for line in done.stdout.splitlines()]), 3)
            out, err = push.communicate(timeout=60)
        finally:
            if push.poll() is None:
                push.send_signal(signal.SIGTERM)
                push.wait(20)
        self.assertEqual(push.returncode, 0, err)
        self.assertEqual(json.loads(out)["sent_as"], "copy")
        self.assertGreater(int(json.loads(out)["frames"]), 100)
        self.assertEqual([p.name for p in stored.parent.iterdir()], ["whole.json"], "the key file of the push is gone")

        wait_for(lambda: any(int(r["segments"]) >= 2 for n in self.json("pipeline", "status", "whole")["nodes"]
                             for r in n.get("renditions", [])), 30, "segments")
        jobs = self.json("pipeline", "list")["jobs"]
        self.assertEqual({j["job_id"] for j in jobs}, {"whole"})
        self.assertIn(DISTRIBUTOR, self.vcli("pipeline", "list", DISTRIBUTOR).stdout)
        self.assertIn("job whole has ended", self.vcli("pipeline", "stop", "whole").stdout)
        self.assertEqual({n["state"] for n in self.json("pipeline", "status", self.path)["nodes"]}, {"stopped"})
        self.assertEqual(self.json("pipeline", "close", "whole")["state"], "applied")
        self.assertFalse(stored.exists())

    def test_film_that_does_not_fit_is_normalised_and_said_why(self):
        self.start("mend")
        film = self.home / "film.avi"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3", "-c:v", "mpeg4", film],
                       check=True, timeout=60)
        done = self.vcli("pipeline", "push", "mend", str(film))
        self.assertIn("mpeg4", done.stderr)
        self.assertIn("normalised", done.stdout)

    def test_push_without_the_right_key(self):
        self.start("locked")
        path = self.state() / "jobs" / "locked.json"
        stored = json.loads(path.read_text())
        path.write_text(json.dumps(dict(stored, key="A" * 32)))
        film = self.home / "film.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-c:v", "libx264", "-preset",
                        "ultrafast", "-g", "25", film], check=True, timeout=60)
        done = self.vcli("pipeline", "push", "locked", str(film), code=1)
        self.assertIn("locked", done.stderr)
        self.assertNotIn("A" * 32, done.stderr)
        path.write_text(json.dumps(stored))

    def test_the_node_that_fails_is_named(self):
        self.start("partial")
        self.json("pipeline", "close", "partial")
        self.json("node", "purge", SECOND)
        done = self.vcli("pipeline", "start", self.path, code=3)
        self.assertRegex(done.stdout, rf"transcoder +{SECOND}  FAILED")
        self.assertRegex(done.stdout, rf"storage +{STORAGE}  applied")
        self.assertIn("1 of 4 nodes failed", done.stderr)
        self.assertIn(SECOND, done.stderr)
        answer = self.json("pipeline", "start", self.path, code=3)
        self.assertEqual([n["node_id"] for n in answer["nodes"] if n["state"] == "failed"], [SECOND])

    def test_private_document(self):
        ports = self.create_all()
        private = self.json("pipeline", "private", self.file("p.json", document("byhand", ports)))
        path = self.file("private.json", private)
        self.addCleanup(subprocess.run, [VCLI, "pipeline", "close", path], env=self.environment, capture_output=True, timeout=60)
        answer = self.json("pipeline", "start", path)
        self.assertEqual(answer["state"], "applied")
        self.assertTrue(answer["ingest"]["url"].startswith(f"rtmp://127.0.0.1:{ports[DISTRIBUTOR]['rtmp']}/"))

    def test_unknown_node_in_a_pipeline(self):
        d = document("strange", self.create_all())
        d["pipeline"]["nodes"][3]["node_id"] = NOBODY
        path = self.file("strange.json", d)
        self.addCleanup(subprocess.run, [VCLI, "pipeline", "close", path], env=self.environment, capture_output=True, timeout=60)
        began = time.monotonic()
        done = self.vcli("pipeline", "start", path, code=3)
        self.assertLess(time.monotonic() - began, 15)
        self.assertRegex(done.stdout, rf"{NOBODY}  FAILED")


class Outages(Online):
    """The broker goes and comes back."""

    settled = False

    def setUp(self):
        self.broker.start_if_down()
        super().setUp()
        if not Outages.settled:
            # RabbitMQ 3.10 notes a new quorum queue on disk half a second late; killed before that it loses the queue.
            time.sleep(1.5)
            Outages.settled = True

    def sender(self):
        """The background process, by its command line."""
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/cmdline", "rb") as f:
                        words = f.read().split(b"\0")
                except OSError:
                    continue
                if b"outbox" in words and str(self.home).encode() in b" ".join(words):
                    return int(entry)
        return None

    def test_detached_start_during_an_outage(self):
        ports = self.create_all()
        path = self.file("later.json", document("later", ports))
        self.addCleanup(subprocess.run, [VCLI, "pipeline", "close", "later"], env=self.environment, capture_output=True, timeout=60)
        self.broker.kill()
        answer = self.json("pipeline", "start", path, "--detach")
        self.assertEqual(answer["state"], "kept")
        self.assertEqual({n["state"] for n in answer["nodes"]}, {"waiting"})
        self.assertEqual({c["state"] for c in self.json("outbox", "list")["commands"]}, {"waiting"})
        self.assertIsNotNone(self.sender())
        self.broker.start()
        wait_for(lambda: {c["state"] for c in self.json("outbox", "list")["commands"]} == {"sent"}, 40, "all are sent")
        wait_for(lambda: self.sender() is None, 10, "the sender ends")
        # The nodes' agents come back to the broker in their own time.
        running = lambda: {n["state"] for n in self.json("pipeline", "status", "later", "--timeout", "30s")["nodes"]} == {"running"}
        wait_for(running, 30, "the job runs")

    def test_outbox_survives_its_sender(self):
        self.create_all()
        self.broker.kill()
        self.json("node", "maintenance", "on", SECOND, "--detach")
        wait_for(self.sender, 5, "the sender")
        os.kill(self.sender(), signal.SIGKILL)
        wait_for(lambda: self.sender() is None, 5, "its end")
        self.broker.start()
        self.assertEqual(self.json("outbox", "list")["commands"][0]["state"], "waiting")
        self.assertEqual(self.json("outbox", "flush", "--timeout", "30s")["state"], "sent")
        # The nodes' agents come back to the broker in their own time.
        arrived = lambda: self.json("node", "status", SECOND, "--timeout", "30s")["maintenance"] == "on"
        wait_for(arrived, 20, "the command arrives")
        self.json("node", "maintenance", "off", SECOND)

    def test_next_run_sends_what_is_left(self):
        self.create_all()
        self.broker.kill()
        self.json("node", "maintenance", "on", SECOND, "--detach")
        wait_for(self.sender, 5, "the sender")
        os.kill(self.sender(), signal.SIGKILL)
        self.broker.start()
        self.json("node", "status", SECOND, "--timeout", "30s")
        wait_for(lambda: self.json("node", "status", SECOND)["maintenance"] == "on", 20, "the command arrives")
        self.json("node", "maintenance", "off", SECOND)

    def test_detached_to_nobody(self):
        answer = self.json("node", "purge", NOBODY, "--detach", code=3)
        self.assertIn(NOBODY, answer["error"]["message"])
        self.assertEqual(self.json("outbox", "list")["commands"][0]["state"], "failed")

    def test_void_before_the_broker_came_back(self):
        self.broker.kill()
        self.json("node", "maintenance", "on", SECOND, "--detach", "--ttl", "1s")
        wait_for(lambda: self.json("outbox", "list")["commands"][0]["state"] == "failed", 10, "its end")
        wait_for(lambda: self.sender() is None, 10, "the sender ends")
        self.broker.start()

    def test_attached_command_bridges_an_outage(self):
        self.create_all()
        self.broker.kill()
        run = subprocess.Popen([VCLI, "node", "maintenance", "off", SECOND, "--timeout", "60s"], env=self.environment,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        time.sleep(0.5)
        self.assertIsNone(run.poll())
        self.broker.start()
        out, _ = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 0, out)


class Setup(Case):
    """A broker of its own with the management API."""

    def setUp(self):
        super().setUp()
        broker_module.require()
        self.broker = broker_module.Broker(management=True)
        self.addCleanup(self.broker.close)
        self.broker.start_if_down()

    def test_users_have_their_rights_and_passwords_stay_in_files(self):
        words = ("broker", "setup", "--management", f"http://127.0.0.1:{self.broker.management_port}", "--node",
                 f"{DISTRIBUTOR},{STORAGE}", "--client", "ops")
        made = self.json(*words)
        self.assertEqual(made["state"], "done")
        folder = pathlib.Path(made["passwords"])
        before = {p.name: p.read_text() for p in folder.iterdir()}
        self.assertEqual(set(before), {f"dsn.{NETWORK}.{DISTRIBUTOR}", f"dsn.{NETWORK}.ops"})
        for path in folder.iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        text = self.vcli(*words).stdout  # again: nothing changes
        self.assertEqual({p.name: p.read_text() for p in folder.iterdir()}, before)
        for secret in before.values():
            self.assertNotIn(secret.strip(), text + json.dumps(made))

        me = ("--bus", f"amqp://dsn.{NETWORK}.ops@127.0.0.1:{self.broker.port}/", "--password-file")
        self.assertEqual(self.json("node", "list", "--timeout", "1s", *me, str(folder / f"dsn.{NETWORK}.ops"), code=5)["nodes"], [])
        self.vcli("node", "status", STORAGE, "--timeout", "1s", *me, str(folder / f"dsn.{NETWORK}.ops"), code=6)
        wrong = self.file("wrong", "not-the-password\n")
        os.chmod(wrong, 0o600)
        done = self.vcli("node", "list", "--timeout", "20s", *me, wrong, code=4)
        self.assertNotIn("not-the-password", done.stderr)
        os.chmod(wrong, 0o644)
        self.assertIn("wrong", self.vcli("node", "list", *me, wrong, code=4).stderr)

    def test_unreachable_management(self):
        self.vcli("broker", "setup", "--management", "http://127.0.0.1:1", code=5)


if __name__ == "__main__":
    unittest.main()
