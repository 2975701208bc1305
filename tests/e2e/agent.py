"""Starts dsn-agent in a private folder and speaks to it over the bus, for the end-to-end tests.

    with Broker() as broker, Agent(broker) as agent, Client(broker) as client:
        client.create("storage", STORAGE)
        client.command(STORAGE, task)
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from broker import BIN, Peer, free_ports

PORTS = 60  # for the nodes of one agent
NETWORK = "test"  # that of bus_peer


class Failed(Exception):
    """A command's result said so; code and message are the agent's."""

    def __init__(self, error):
        super().__init__("%s: %s" % (error["code"], error["message"]))
        self.code = error["code"]
        self.message = error["message"]


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("%s: not within %g s" % (what, seconds))
        time.sleep(0.05)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def folder():
    """Short, since unix sockets lie below it, and to be passed by the user that units run as."""
    path = tempfile.mkdtemp(prefix="dsn-a-")
    os.chmod(path, 0o755)
    return path


def programs(where):
    """The segmenter, and the relay beside it, where an unprivileged user reaches it, whatever the build folder's rights are."""
    target = os.path.join(where, "dsn-hls")
    shutil.copy2(os.path.join(BIN, "dsn-hls"), target)
    shutil.copy2(os.path.join(BIN, "dsn-relay"), where)
    os.chmod(target, 0o755)
    return target


class Agent:
    """flags: further settings, such as "--status-every", "1s". A new process on the same folder: start() again."""

    def __init__(self, broker, *flags, where=None, nodes=(), ports=None):
        self.own = where is None
        self.where = where or folder()
        self.state = os.path.join(self.where, "state")
        self.log = os.path.join(self.where, "agent.log")
        first = ports or free_ports(PORTS)
        self.argv = [os.path.join(BIN, "dsn-agent"), "--bus", broker.url(), "--network", NETWORK, "--state-dir", self.state, "--port-range",
                     "%d-%d" % (first, first + PORTS - 1), "--segmenter", programs(self.where), *flags]
        for node in nodes:
            self.argv += ["--node", node]
        if "--owner" not in flags and "--accept-plain" not in flags:
            self.argv.append("--accept-plain")  # node ids without keys; sealing has tests of its own
        self.process = None

    def start(self, *flags):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.argv, *flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def id(self):
        path = os.path.join(self.state, "agent.id")
        wait_for(lambda: os.path.exists(path), 10, "agent.id")
        with open(path) as f:
            return f.read().strip()

    def stop(self):
        """SIGTERM; returns the exit code. Units go on unless --stop-units was given."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def text(self):
        with open(self.log) as f:
            return f.read()

    def units(self):
        """{(node, unit): pid} by the process runtime's records."""
        found = {}
        nodes = os.path.join(self.state, "nodes")
        for node in os.listdir(nodes) if os.path.isdir(nodes) else []:
            run = os.path.join(nodes, node, "agent")
            for name in os.listdir(run) if os.path.isdir(run) else []:
                if not name.endswith(".json"):
                    continue
                try:
                    with open(os.path.join(run, name)) as f:
                        found[node, name[:-5]] = int(json.load(f)["pid"])
                except (OSError, ValueError, KeyError):
                    continue
        return found

    def close(self):
        """Nothing is left running, whatever the test did."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        for pid in self.units().values():
            try:
                if os.getsid(pid) == pid:
                    os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        if self.own:
            shutil.rmtree(self.where, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


class Client:
    """A participant of its own that sends commands and waits for their results."""

    def __init__(self, broker, *flags):
        self.address = os.urandom(20).hex()
        self.peer = Peer(broker.url(), *flags)
        self.peer.wait("state", "up")
        self.peer.order("serve", self.address, "ephemeral")
        self.seen = set()

    def send(self, to, body):
        """Returns the command's id."""
        self.peer.order("send", self.address, to, 60000, json.dumps(body, separators=(",", ":")))
        event = self.peer.wait("sent")
        if event[2] != "ok":
            raise Failed({"code": event[2], "message": " ".join(event[3:])})
        return event[1]

    def result(self, timeout=30):
        """(state, data or error) of the next result."""
        while True:  # a result may come twice: from an agent that was killed before it knew that it had been sent
            event = self.peer.wait("message", None, None, None, "result", timeout=timeout)
            if event[1] not in self.seen:
                break
        self.seen.add(event[1])
        body = json.loads(" ".join(event[5:]))
        return body["state"], body.get("data") or body.get("error")

    def command(self, to, body, timeout=30):
        deadline = time.monotonic() + timeout
        while True:  # an agent that has just started may have no mailbox yet
            try:
                self.send(to, body)
                break
            except Failed as e:
                if e.code != "not-found" or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        state, data = self.result(timeout)
        if state == "failed":
            raise Failed(data)
        return data

    def node(self, node_id, subcommand, timeout=30, to=None, **more):
        return self.command(to or node_id, {"apiVersion": "1.00", "typeApi": "private", "command": "node",
                                            "subcommand": subcommand, "node_id": node_id, **more}, timeout)

    def create(self, role, node_id, to=None, **more):
        return self.node(node_id, "create", to=to, params=role, **more)

    def pipeline(self, node_id, subcommand, job, timeout=60):
        return self.command(node_id, {"apiVersion": "1.00", "typeApi": "private", "command": "pipeline",
                                      "subcommand": subcommand, "job_id": job}, timeout)

    def close(self):
        self.peer.quit()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# --- tasks, in private form ---

def target(ip, port, variant=None, key=None):
    o = {"ip": ip, "failover_ip": ip, "port": str(port)}
    if variant:
        o["variant"] = variant
    if key:
        o["key"] = key
    return o


def core(job):
    return {"command": "config", "nginx-rtmp-core": {"listen": "1935", "application": job}, "nginx-rtmp-live": {"live": "on"}}


def distributor_task(job, outputs, key=None, fragment=2, **more):
    task = {**core(job), "type": "distributor", "ffmpeg-rtmp": {"outputs": outputs}, "fragment": str(fragment), **more}
    if key:
        task["key"] = key
    return task


def transcoder_task(job, output, size="320x180", bitrate=200000, variant="_180p", key=None, fragment=2, **more):
    task = {**core(job), "type": "transcoder", "fragment": str(fragment), "ffmpeg-rtmp": {"output": {
        "application": job, "variant": variant, "codec": "libx264", "bitrate": str(bitrate), "resolution": size,
        **output}}, **more}
    task["ffmpeg-rtmp"]["output"]["variant"] = variant
    if key:
        task["key"] = key
    return task


def storage_task(job, variants, key=None, fragment=2, **more):
    task = {**core(job), "type": "storage", "nginx-rtmp-hls": {
        "hls_fragment": str(fragment), "hls_playlist_length": "30", "hls_fragment_naming": "timestamp",
        "hls_fragment_naming_granularity": "2", "hls_fragment_slicing": "aligned",
        "hls_variant": [{"variant": v, "params": "BANDWIDTH=%d,RESOLUTION=%s" % (b, s)} for v, b, s in variants]}, **more}
    if key:
        task["key"] = key
    return task


# --- streams ---

def make_film(path, seconds=10, size="640x360", gop=50, codec="libx264"):
    """25 frames a second with sound; a key frame every `gop` frames."""
    argv = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=%s:rate=25" % size, "-f", "lavfi", "-i",
            "sine=frequency=440:sample_rate=48000", "-t", str(seconds), "-c:v", codec, "-g", str(gop)]
    if codec == "libx264":
        argv += ["-preset", "ultrafast", "-bf", "2", "-sc_threshold", "0", "-keyint_min", str(gop)]
    subprocess.run([*argv, "-pix_fmt", "yuv420p", "-b:v", "600k", "-c:a", "aac", "-b:a", "64k", path], check=True,
                   stdin=subprocess.DEVNULL)
    return path


def push(film, url, loop=False, log=None):
    """Send in real time; the Popen."""
    argv = ["ffmpeg", "-v", "error", "-nostdin", "-re", *(["-stream_loop", "-1"] if loop else []), "-i", film, "-c",
            "copy", "-f", "flv", url]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=log if log else subprocess.DEVNULL)


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def playlist(url):
    """([segment names], gaps, ended); nothing where there is no playlist yet."""
    try:
        text = fetch(url)
    except OSError:
        return [], 0, False
    names, gaps, gap = [], 0, False
    for line in text.splitlines():
        if line.startswith("#EXT-X-GAP"):
            gap = True
        elif line and not line.startswith("#"):
            if gap:
                gaps += 1
            else:
                names.append(line)
            gap = False
    return names, gaps, "#EXT-X-ENDLIST" in text
