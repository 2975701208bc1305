"""A whole network for the end-to-end tests of faults: a real broker, agents, vcli, nginx, ffmpeg and dsn-hls, in a folder
and on ports of its own, small enough that two cores keep up; and what can be told of it from outside.

    class Something(network.TestCase):
        def test_it(self):
            net = self.network(transcoders=2)   # a distributor, transcoders, a storage; one agent each
            net.start_job()
            net.push()
            net.wait_segments(3)
            ...
            net.end_job()
            net.lost()                          # {rendition: [numbers it has not, or not whole]}

Whatever happens in a test, all processes are ended by their ids when it is over.
"""
import csv
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module  # noqa: E402
import hls_rules  # noqa: E402
from waiting import figure, wait_for  # noqa: E402

BIN = pathlib.Path(os.environ.get("DSN_BIN") or pathlib.Path(__file__).resolve().parents[2] / "build" / "bin").resolve()
PROGRAMS = ("dsn-agent", "dsn-hls", "dsn-relay", "vcli", "shhd")
JOB = "fault0001"
FRAGMENT = 2  # seconds
MARK = 1024   # numbers that a discontinuity leaves out: HLS_MARK_FRAGMENTS of media/hls.h
GOP = 25  # frames at 25 per second
SIZE = (320, 180)
RENDITIONS = [("_180p", 320, 180, 150_000), ("_144p", 256, 144, 100_000), ("_90p", 160, 90, 80_000)]
PORTS_OF_AGENT = 12
WHOLE = FRAGMENT * 25 - 2  # pictures of a whole segment; one may stand on either side of a cut


def missing():
    """Why these tests cannot run here, or None."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for tool in ("nginx", "ffmpeg", "ffprobe"):
        if not shutil.which(tool, path=path):
            return f"{tool} is not installed"
    if not os.path.exists("/usr/lib/nginx/modules/ngx_rtmp_module.so"):
        return "nginx's rtmp module is not installed"
    if not broker_module.available():
        return "rabbitmq-server is not installed"
    return None


def free_range(size, start):
    """First port of `size` in a row, from `start` on, that nobody uses now; below the ephemeral range."""
    for first in range(start, 32000 - size, size):
        taken = []
        try:
            for port in range(first, first + size):
                s = socket.socket()
                taken.append(s)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("0.0.0.0", port))
            return first
        except OSError:
            continue
        finally:
            for s in taken:
                s.close()
    raise AssertionError(f"no {size} free ports in a row from {start} on")


# --- processes, by their ids ---

def stat_of(pid):
    """(state, session, start time), None when there is no such process."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    words = text.rsplit(") ", 1)[1].split()
    return words[0], int(words[3]), int(words[19])


def alive(pid):
    found = stat_of(pid)
    return found is not None and found[0] not in "ZX"


def session_of(leader):
    """Processes of the session that `leader` leads or led."""
    members = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            found = stat_of(entry.name)
            if found and found[1] == leader and found[0] not in "ZX":
                members.append(int(entry.name))
    return members


def signal_all(pids, signum):
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            pass


def processes_naming(text):
    """{pid: command line} of others' processes whose command line holds the text."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if text in line and alive(int(entry.name)):
                found[int(entry.name)] = line
    return found


class Refused(Exception):
    """vcli failed: its exit code, its JSON answer, what it said."""

    def __init__(self, words, code, answer, said):
        super().__init__(f"vcli {' '.join(words)}: exit code {code}: {said.strip()} {json.dumps(answer)[:2000]}")
        self.code, self.answer, self.said = code, answer, said


class Agent:
    """One dsn-agent and its state folder; may be killed and started again."""

    def __init__(self, net, name, nodes, flags=()):
        self.net, self.name, self.nodes, self.flags = net, name, list(nodes), list(flags)
        self.folder = net.folder / name
        self.log_path = net.folder / f"{name}.log"
        self.first_port = free_range(PORTS_OF_AGENT + 1, net.next_port)
        net.next_port = self.first_port + PORTS_OF_AGENT + 1
        self.process, self.environment, self.owners = None, {}, [net.owner]

    def take_keys(self):
        keys = self.folder / "keys"
        for node in self.nodes:
            keys.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy2(self.net.key_files[node], keys / node)

    def whisper_port(self):
        return self.first_port + PORTS_OF_AGENT

    def command(self):
        words = [str(self.net.bin / "dsn-agent"), "--bus", self.net.agent_bus(self), "--network", self.net.name, "--state-dir",
                 str(self.folder), "--port-range", f"{self.first_port}-{self.first_port + PORTS_OF_AGENT - 1}",
                 "--segmenter", str(self.net.bin / "dsn-hls"), "--stop-units", "--status-every", "1s", "--load-ceiling", "0", "--preset",
                 "ultrafast"]
        for owner in self.owners:
            words += ["--owner", owner]
        for node in self.nodes:
            words += ["--node", node]
        return words + self.flags

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**self.net.environment, **self.environment}, start_new_session=True)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def end(self):
        """SIGTERM; its units end too."""
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_lines(self, event, **fields):
        """Lines of one event that hold all fields."""
        wanted = [f"{key}={value}" for key, value in fields.items()]
        return [line for line in self.log().splitlines()
                if len(line.split()) > 2 and line.split()[2] == event and all(w in line.split() for w in wanted)]

    # what it runs

    def records(self, node="*"):
        """[(unit name, (pid, start time))] of programs that run, from the agent's records."""
        found = []
        for path in sorted(self.folder.glob(f"nodes/{node}/agent/*.json")):
            try:
                record = json.loads(path.read_text())
                pid, started = int(record["pid"]), int(record["start_time"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
            now = stat_of(pid)
            if now and now[0] not in "ZX" and now[2] == started:
                found.append((path.stem, (pid, started)))
        return found

    def units(self, node):
        """{unit name: (pid, start time)} of a node's programs that run."""
        return dict(self.records(node))

    def kill_units(self):
        """SIGKILL everything it runs, as a power cut would."""
        sessions = [pid for _, (pid, _) in self.records()]
        for leader in sessions:
            signal_all(session_of(leader), signal.SIGKILL)
        wait_for("end of killed programs", lambda: not any(session_of(leader) for leader in sessions))


class Whisper:
    """One shhd, through which agents and vcli find each other: in place of a broker."""

    def __init__(self, net):
        self.net, self.port = net, free_range(2, net.next_port)
        net.next_port = self.port + 2
        self.ready, self.process = net.folder / "shhd.json", None

    def start(self):
        self.ready.unlink(missing_ok=True)
        with open(self.net.folder / "shhd.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(self.net.bin / "shhd"), "--data-dir", str(self.net.folder / "shhd"), "--address", "127.0.0.1", "--port",
                 str(self.port), "--rpc-port", str(self.port + 1), "--ready-file", str(self.ready)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, env=self.net.environment, start_new_session=True)
        wait_for("shhd", lambda: self.ready.exists() or self.process.poll() is not None, 20)
        self.enode = json.loads(self.ready.read_text())["enode"]
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class Network:
    """One network on a broker, or over Whisper where `broker` is None: nodes d (distributor), t1.. (transcoders), s (storage)."""

    def __init__(self, place, broker, name, transcoders=2, together=False, agent_flags=(), output=None):
        self.broker, self.name = broker, name
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="n", dir=place))
        self.folder.chmod(0o755)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for program in PROGRAMS:
            shutil.copy2(BIN / program, self.bin / program)
        self.whisper = None
        self.agents, self.agent_of, self.started, self.ports = {}, {}, [], {}
        self.next_port = int(os.environ.get("DSN_TEST_PORTS", str(22000 + os.getpid() % 40 * 200)).split("-")[0])
        self.environment = dict(os.environ, XDG_STATE_HOME=str(self.folder / "user"),
                                XDG_CONFIG_HOME=str(self.folder / "user"))
        for variable in list(self.environment):
            if variable.startswith("DSN_"):
                del self.environment[variable]
        if broker:
            self.bus = f"amqp://127.0.0.1:{broker.port}/"
        else:
            self.whisper = Whisper(self).start()
            self.bus = f"shh:///?peer={self.whisper.enode}"
        self.owner = self.vcli("key", "show")["id"]
        keys = ["d", "s", *(f"t{i + 1}" for i in range(transcoders))]
        self.ids, self.key_files = {}, {}
        self.output = dict({"fragment": str(FRAGMENT), "preset": "ultrafast"}, **(output or {}))
        self.mounts = []
        self.watchers, self.broken_rules = {}, []
        for group in ([keys] if together else [[key] for key in keys]):
            self.ids.update({key: self.new_id() for key in group})
            agent = self.add_agent("all" if together else group[0], [self.ids[key] for key in group], agent_flags)
            self.agent_of.update({key: agent for key in group})

    def agent_bus(self, agent):
        """Over Whisper each agent has a port for its peers: the last of its range."""
        if not self.whisper:
            return self.bus
        return f"shh:///?bootnode={self.whisper.enode}&listen=127.0.0.1:{agent.whisper_port()}"

    def whisper_ports(self):
        """One end of every connection between Whisper nodes."""
        return [self.whisper.port, *(agent.whisper_port() for agent in self.agents.values())]

    def new_id(self):
        """A node id with a key, which add_agent() gives to the agent."""
        made = self.vcli("key", "new", str(self.folder / "new"))
        self.key_files[made["id"]] = made["file"]
        return made["id"]

    def add_agent(self, name, nodes, flags=()):
        agent = self.agents[name] = Agent(self, name, nodes, flags)
        agent.take_keys()
        return agent

    def role(self, key):
        return {"d": "distributor", "s": "storage"}.get(key, "transcoder")

    def up(self):
        """Start all agents and make the nodes."""
        for agent in self.agents.values():
            agent.start()
        for key in self.ids:
            self.create(key)
        self.up_at = time.monotonic()
        return self

    def create(self, key):
        """Make the node, as soon as its agent has a mailbox for it."""
        words = ("node", "create", self.role(key), self.ids[key], "--timeout", "30s")

        def made():
            if not self.agent_of[key].running():
                raise AssertionError(f"the agent has ended: {self.agent_of[key].log()}")
            code, answer, said = self.vcli_try(*words)
            if code not in (0, 3):
                raise Refused(words, code, answer, said)
            return answer if code == 0 else None

        answer = wait_for(f"a mailbox of {self.ids[key]}", made, 20)
        self.ports[key] = answer["ports"]
        return answer

    def settle(self):
        """RabbitMQ 3.10 notes a new quorum queue on disk half a second late and forgets its log when it is killed before:
        a test that kills the broker waits until its queues are older than that."""
        wait_for("queues on the broker's disk", lambda: time.monotonic() - self.up_at > 2)

    # vcli

    def vcli_argv(self, *words):
        return [str(self.bin / "vcli"), *words, "--bus", self.bus, "--network", self.name]

    def vcli(self, *words, seconds=90):
        """The JSON answer; Refused when it fails."""
        code, answer, said = self.vcli_try(*words, seconds=seconds)
        if code:
            raise Refused(words, code, answer, said)
        return answer

    def vcli_try(self, *words, seconds=90):
        """(exit code, JSON answer, what it said)."""
        process = self.vcli_start(*words, "--json")
        try:
            out, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, said = process.communicate()
            raise AssertionError(f"vcli {' '.join(words)}: no end within {seconds} s: {out} {said}") from None
        try:
            return process.returncode, json.loads(out), said
        except ValueError:
            raise AssertionError(f"vcli {' '.join(words)}: no JSON: code {process.returncode} {out!r} {said!r}") from None

    def vcli_start(self, *words):
        process = subprocess.Popen(self.vcli_argv(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   stdin=subprocess.DEVNULL, env=self.environment, start_new_session=True)
        self.started.append(process)
        return process

    # jobs

    def variants(self):
        return ["_src"] + [name for name, *_ in RENDITIONS[:len(self.transcoders())]]

    def transcoders(self):
        return [key for key in self.ids if key.startswith("t")]

    def document(self, job=JOB):
        """A public document; transcoder i makes rendition i."""
        nodes = []
        for key in ["d", "s", *self.transcoders()]:
            node = {"type": self.role(key), "node_id": self.ids[key], "ip": "127.0.0.1", "port": self.ports[key]["rtmp"]}
            if key == "s":
                node["http_port"] = self.ports[key]["http"]
            nodes.append(node)
        count = len(self.transcoders())
        path = self.folder / f"{job}.json"
        path.write_text(json.dumps({
            "apiVersion": "1.00", "typeApi": "public", "command": "pipeline", "subcommand": "start",
            "pipeline": {
                "type_source": "live", "job_id": job, "number_of_streams": str(count),
                "source": {"resolution_name": "_src", "resolution": f"{SIZE[0]}x{SIZE[1]}", "bitrate": "500000"},
                "transcoding": [{"resolution_name": name, "resolution": f"{w}x{h}", "bitrate": str(bps)}
                                for name, w, h, bps in RENDITIONS[:count]],
                "nodes": nodes, "output": self.output}}))
        return path

    def start_job(self, job=JOB, timeout="30s"):
        return self.vcli("pipeline", "start", str(self.document(job)), "--timeout", timeout)

    def end_job(self, job=JOB):
        answer = self.vcli("pipeline", "stop", job, "--timeout", "60s")
        self.look_at_stored(job)
        return answer

    def master_url(self, job=JOB):
        return f"http://127.0.0.1:{self.ports['s']['http']}/hls/{job}.m3u8"

    def watch(self, job=JOB):
        """From now on each version of the job's playlists is held against the rules of HLS; what is broken fails the test."""
        if job not in self.watchers and "s" in self.ports:
            self.watchers[job] = hls_rules.Watcher(self.master_url(job)).start()

    def look_at_stored(self, job=JOB):
        """The same for the playlists at rest, and for everything in their segments."""
        if job in self.watchers:
            self.broken_rules += self.watchers.pop(job).stop()
        if self.hls(f"{job}.m3u8"):
            self.broken_rules += hls_rules.check_served(self.master_url(job))

    def status(self, job=JOB):
        """{node key: its status of the job}."""
        answer = self.vcli("pipeline", "status", job)
        keys = {node: key for key, node in self.ids.items()}
        return {keys[node["node_id"]]: node for node in answer["nodes"]}

    def node_status(self, key):
        return self.vcli("node", "status", self.ids[key])

    def decisions(self, key, what=None):
        """What was decided at the node and why, oldest first; all fields are texts."""
        return [d for d in self.node_status(key)["decisions"] if what is None or d["what"] == what]

    def key(self, job=JOB):
        """The publisher's key, from the job's file of this user."""
        return json.loads((self.folder / "user" / "dsn" / "jobs" / f"{job}.json").read_text())["key"]

    def ingest_url(self, job=JOB, key=None):
        return f"rtmp://127.0.0.1:{self.ports['d']['rtmp']}/ingest/{job}?key={self.key(job) if key is None else key}"

    # publishers

    def push(self, film, job=JOB):
        """vcli pipeline push, as a customer would."""
        self.watch(job)
        log = open(self.folder / "push.log", "ab")
        process = subprocess.Popen(self.vcli_argv("pipeline", "push", job, str(film)), stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL, env=self.environment, start_new_session=True)
        log.close()
        self.started.append(process)
        return process

    def publish(self, film, job=JOB, key=None):
        """A live source that is sent as it is: ffmpeg, which knows nothing of us."""
        self.watch(job)
        log = open(self.folder / "publish.log", "ab")
        process = subprocess.Popen(["ffmpeg", "-v", "warning", "-nostdin", "-re", "-i", str(film), "-map", "0", "-c", "copy",
                                    "-f", "flv", self.ingest_url(job, key)], stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        log.close()
        self.started.append(process)
        return process

    def end_push(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            return process.wait(15)
        except subprocess.TimeoutExpired:
            signal_all(session_of(process.pid), signal.SIGKILL)
            process.wait()
            raise AssertionError("the publisher did not end on SIGINT within 15 s") from None

    # what was stored

    def hls(self, path):
        url = f"http://127.0.0.1:{self.ports['s']['http']}/hls/{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read()
        except (urllib.error.URLError, OSError):
            return None

    def playlist(self, variant, job=JOB):
        """[(number, seconds, is a gap)] and whether it is ended, as a player sees it; None: no playlist yet."""
        text = self.hls(f"{job}{variant}/index.m3u8")
        if text is None:
            return None
        entries, seconds, gap, lines = [], 0.0, False, text.decode().splitlines()
        for line in lines:
            if line.startswith("#EXTINF:"):
                seconds = float(line[8:].rstrip(","))
            elif line == "#EXT-X-GAP":
                gap = True
            elif line and not line.startswith("#"):
                entries.append((int(line.split(".")[0]), seconds, gap))
                gap = False
        return entries, "#EXT-X-ENDLIST" in lines

    def numbers(self, variant, job=JOB):
        """Numbers of the segments that are there."""
        found = self.playlist(variant, job)
        return [number for number, _, gap in found[0] if not gap] if found else []

    def newest(self, variant, job=JOB):
        return max(self.numbers(variant, job), default=-1)

    def wait_segments(self, count, variants=None, job=JOB, seconds=40):
        """Until each rendition has stored `count` segments more than now."""
        variants = variants or self.variants()
        before = {v: self.newest(v, job) for v in variants}
        least = {v: before[v] + count for v in variants}
        if -1 in before.values():
            wait_for("the first segment", lambda: all(self.numbers(v, job) for v in variants), seconds,
                     lambda: {v: self.newest(v, job) for v in variants})
            least = {v: max(least[v], self.numbers(v, job)[0] + count - 1) for v in variants}
        wait_for(f"{count} more segments of {variants}", lambda: all(self.newest(v, job) >= least[v] for v in variants), seconds,
                 lambda: {v: (self.newest(v, job), least[v]) for v in variants})

    def segment(self, variant, number, job=JOB):
        return self.agent_of["s"].folder / "nodes" / self.ids["s"] / "data" / "hls" / f"{job}{variant}" / f"{number:010d}.ts"

    def pictures(self, variant, job=JOB):
        """{number: time stamps of its pictures in 1/90000 s, rising}."""
        def look(number):
            done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts", "-of",
                                   "csv=p=0", str(self.segment(variant, number, job))], capture_output=True, text=True, timeout=60)
            return number, sorted(int(row[0]) for row in csv.reader(done.stdout.splitlines()) if row and row[0].isdigit())

        with ThreadPoolExecutor(2) as pool:
            return dict(pool.map(look, self.numbers(variant, job)))

    def lost(self, job=JOB):
        """{rendition: numbers it has not, or not whole}. All numbers any rendition has are to be in all, and those between but for
        marks; the very last one may be short, it ends with the stream."""
        stored = {v: {n: len(p) for n, p in self.pictures(v, job).items()} for v in self.variants()}
        found = sorted(set().union(*stored.values()))
        every = [n for a, b in zip(found, found[1:]) for n in (range(a, b) if b - a < MARK else [a])] + found[-1:]
        return {v: [n for n in every if n not in s or (s[n] < WHOLE and n != every[-1])] for v, s in stored.items()}

    def cuts(self, variant, job=JOB):
        """{number: time stamp of its first picture}."""
        return {number: pts[0] for number, pts in self.pictures(variant, job).items()}

    def decode_errors(self, variant, job=JOB):
        """What ffmpeg has to say while it decodes all stored segments, one by one."""
        def look(number):
            # Every picture keeps its time stamp: ffmpeg would round it to the frame rate that it guesses.
            done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-xerror", "-i", str(self.segment(variant, number, job)),
                                   "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"],
                                  capture_output=True, text=True, timeout=120)
            return f"{number}: code {done.returncode} {done.stderr.strip()[:300]}" if done.returncode or done.stderr else None

        with ThreadPoolExecutor(2) as pool:
            return [said for said in pool.map(look, self.numbers(variant, job)) if said]

    # units

    def unit(self, key, name):
        """(pid, start time) of a running program of a node, e.g. unit("t1", JOB + "-encode")."""
        return self.agent_of[key].units(self.ids[key]).get(name)

    def units(self, job=JOB, keys=None):
        """{(node key, unit): (pid, start time)} of the job's programs that run."""
        return {(key, name): who for key in keys or self.ids for name, who in self.agent_of[key].units(self.ids[key]).items()
                if name.startswith(job + "-")}

    # the end

    def close(self):
        """End everything; returns what did not end in order when it was asked to."""
        for job in list(self.watchers):
            self.broken_rules += self.watchers.pop(job).stop()
        for process in self.started:
            if process.poll() is None:
                signal_all(session_of(process.pid), signal.SIGKILL)
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()
        for agent in self.agents.values():
            if agent.running():
                agent.process.send_signal(signal.SIGCONT)
                agent.process.send_signal(signal.SIGTERM)
        left = []
        for agent in self.agents.values():
            if agent.running():
                try:
                    code = agent.process.wait(30)
                    if code:
                        left.append(f"{agent.name} ended with code {code}: {agent.log()[-3000:]}")
                except subprocess.TimeoutExpired:
                    left.append(f"{agent.name} did not end within 30 s of SIGTERM")
                    agent.kill()
            agent.kill_units()
        if self.whisper:
            self.whisper.end()
        strays = processes_naming(str(self.folder))
        # With their sessions: nginx's worker names no folder.
        members = {p for pid in strays for p in [pid, *session_of(pid)]}
        signal_all(members, signal.SIGKILL)
        wait_for("the end of strays", lambda: not any(map(alive, members)))
        left += [f"pid {pid}: {line}" for pid, line in strays.items()]
        for mount in self.mounts:
            subprocess.run(["umount", mount], check=False)
        return left


class TestCase(unittest.TestCase):
    """One broker for the class; each network has a name of its own on it."""
    broker = None
    over_whisper = False
    count = 0

    @classmethod
    def setUpClass(cls):
        reason = missing()
        if reason:
            raise unittest.SkipTest(reason)
        cls.broker = None if cls.over_whisper else broker_module.Broker().start()
        cls.place = tempfile.mkdtemp(prefix="dsnf-")
        os.chmod(cls.place, 0o755)

    @classmethod
    def tearDownClass(cls):
        if cls.broker:
            cls.broker.close()
        shutil.rmtree(cls.place, ignore_errors=True)

    @classmethod
    def film(cls, seconds=150, gop=GOP, audio="aac", name=None, extra=()):
        """A moving picture with sound; made once for all tests of a class."""
        path = pathlib.Path(cls.place) / f"{name or f'film-{seconds}-{gop}-{audio}'}.mkv"
        if not path.exists():
            sound = {"aac": ["-c:a", "aac", "-b:a", "64k"], "mp3": ["-c:a", "libmp3lame", "-b:a", "64k"]}[audio]
            subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i",
                            f"testsrc2=size={SIZE[0]}x{SIZE[1]}:rate=25", "-f", "lavfi", "-i",
                            "sine=frequency=440:sample_rate=44100", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt",
                            "yuv420p", "-sc_threshold", "0", "-bf", "2", "-g", str(gop), "-keyint_min", str(gop), "-b:v",
                            "300k", *extra, *sound, "-t", str(seconds), str(path)], check=True, timeout=120)
        return path

    def network(self, start=True, **how):
        TestCase.count += 1
        net = Network(self.place, self.broker, f"fault-{os.getpid()}-{TestCase.count}", **how)
        self.net = net
        self.addCleanup(self.finish, net)
        return net.up() if start else net

    def finish(self, net):
        left = net.close()
        result = self._outcome.result
        if any(test is self for test, _ in [*result.failures, *result.errors]):
            self.show_logs(net)
        shutil.rmtree(net.folder, ignore_errors=True)
        self.assertEqual(left, [], "everything is to end in order")
        self.assertEqual(net.broken_rules, [], "no rule of HLS is to be broken")

    @staticmethod
    def show_logs(net):
        for path in sorted([*net.folder.glob("*.log"), *net.folder.glob("*/nodes/*/log/*.log")]):
            noise = ("No such file", '"user" directive')
            lines = [line[:600] for line in path.read_text(errors="replace").splitlines()
                     if not any(n in line for n in noise)][-40:]
            if lines:
                print(f"--- {path.relative_to(net.folder)}", *lines, sep="\n", file=sys.stderr)

    def same_cuts(self, net, job=JOB):
        """Whole segments of one number begin at the same picture in all renditions."""
        lost, source = net.lost(job), net.cuts("_src", job)
        for variant in net.variants()[1:]:
            partial = {*lost[variant], *lost["_src"]}
            cuts = {n: pts for n, pts in net.cuts(variant, job).items() if n not in partial}
            self.assertEqual(cuts, {n: source[n] for n in cuts}, variant)
        return source

    def decodes(self, net, job=JOB):
        for variant in net.variants():
            self.assertEqual(net.decode_errors(variant, job), [], variant)


def main():
    """Exit code 77 when nothing could be tested here."""
    reason = missing()
    if reason:
        print("skipped:", reason)
        sys.exit(77)
    result = unittest.main(verbosity=2, exit=False).result
    if result.testsRun and len(result.skipped) == result.testsRun:
        sys.exit(77)
    sys.exit(0 if result.wasSuccessful() else 1)
