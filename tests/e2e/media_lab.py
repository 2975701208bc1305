"""What the media tests share: real nginx, ffmpeg and dsn-hls with the media room's own texts, on private ports."""
import contextlib
import csv
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

BIN = pathlib.Path(os.environ.get("DSN_BIN", "build/bin")).resolve()
ENCODE = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -sc_threshold 0"


def missing():
    """Why these tests cannot run here, or None."""
    for tool in ("nginx", "ffmpeg", "ffprobe"):
        if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"{tool} is not installed"
    if not module_path():
        return "nginx's rtmp module is not installed"
    return None


def module_path():
    for path in ("/usr/lib/nginx/modules/ngx_rtmp_module.so", "/usr/share/nginx/modules/ngx_rtmp_module.so"):
        if os.path.exists(path):
            return path
    return None


def argv(*words, keys=None):
    """A vector, as the media room builds it."""
    return json.loads(text(*words, keys=keys))


def text(*words, keys=None):
    before = ["--keys", str(keys)] if keys else []
    done = subprocess.run([BIN / "media_argv", *before, *map(str, words)], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"media_argv {words[0]}: {done.stderr}")
    return done.stdout


def free_ports(count):
    sockets = []
    for _ in range(count):
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        sockets.append(s)
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_for(what, condition, seconds=20):
    """Poll until `condition()` is true and return its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Lab:
    """A folder, the processes started in it, and their end."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-media-"))
        self.processes = {}
        self.agents = []

    def close(self):
        for process in self.processes.values():
            # Each leads a group of its own: nginx's worker goes with its master, also when that is dead already.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for agent in self.agents:
            agent.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, vector, progress=False):
        vector = [str(BIN / v) if v in ("dsn-hls", "dsn-relay") else v for v in map(str, vector)]
        if vector[0] == "nginx":
            vector[0] = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        log = open(self.folder / f"{name}.log", "ab")
        extra = os.open(self.folder / f"{name}.progress", os.O_WRONLY | os.O_CREAT | os.O_APPEND) if progress else -1

        def descriptor_three():
            if extra >= 0:
                os.dup2(extra, 3)

        process = subprocess.Popen(vector, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                   start_new_session=True, preexec_fn=descriptor_three,
                                   pass_fds=(3,) if progress else ())
        log.close()
        if extra >= 0:
            os.close(extra)
        self.processes[name] = process
        return process

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def progress(self, name):
        try:
            return json.loads(text("progress", self.folder / f"{name}.progress", 65536))
        except RuntimeError:
            return None


class Agent:
    """Answers nginx's callbacks on a unix socket like an agent: publishers must show the key their stream asks for,
    {(application, stream): key}; streams that are not there are refused."""

    def __init__(self, path, keys=None):
        self.keys = keys or {}
        self.calls = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def address_string(self):
                return "unix"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                fields = urllib.parse.parse_qs(body)
                stream = fields["app"][0], fields["name"][0]
                right = outer.keys.get(stream) == fields.get("key", [""])[-1]
                answer = 200 if right or not self.path.endswith("/publish") else 403
                outer.calls.append((self.path, *stream, answer))
                self.send_response(answer)
                self.send_header("content-length", "0")
                self.end_headers()

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

            def get_request(self):
                request, _ = super().get_request()
                return request, ("unix", 0)

        self.server = Server(str(path), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Node:
    """One managed nginx with the media room's configuration."""

    def __init__(self, lab, role, keys=None):
        self.lab, self.role = lab, role
        self.folder = lab.folder / role
        self.folder.mkdir()
        self.rtmp, self.control, self.http = free_ports(3)
        text("folders", self.folder)
        self.agent = Agent(self.folder / "agent.sock", keys)
        lab.agents.append(self.agent)
        conf = self.folder / "conf" / "nginx.conf"
        conf.write_text(text("conf", role, self.folder, module_path(), self.rtmp,
                             self.http if role == "storage" else 0, self.control, self.folder / "agent.sock", "ab" * 20))
        self.process = lab.start(f"nginx-{role}", argv("nginx", self.folder, conf, "-", "run"))
        wait_for(f"nginx of the {role}", self.answers)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"nginx ended: {self.lab.log('nginx-' + self.role)}")
        try:
            return self.status() is not None
        except OSError:
            return False

    def get(self, path):
        """GET over the control socket."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(str(self.folder / "run" / "control.sock"))
            s.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            data = b""
            while chunk := s.recv(65536):
                data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def status(self):
        code, body = self.get("/stat")
        if code != 200:
            raise AssertionError(f"/stat answers {code}")
        path = self.folder / "stat.xml"
        path.write_bytes(body)
        return json.loads(text("status", path))

    def publishing(self, application, name):
        return any(s["publishing"] and s["application"] == application and s["name"] == name for s in self.status())

    def clients(self, application, name):
        """Players and publisher of a stream, waiting players included."""
        return sum(s["clients"] for s in self.status() if s["application"] == application and s["name"] == name)


def make_source(path, seconds, rate="25", gop=50, options="", audio=True, size="320x180"):
    """A moving picture with sound; a key frame every `gop` frames."""
    sound = f"-f lavfi -i sine=frequency=440:sample_rate=48000 -c:a aac -b:a 64k -t {seconds}" if audio else ""
    inputs, _, rest = sound.partition(" -c:a") if audio else ("", "", "")
    vector = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}"]
    vector += inputs.split()
    vector += ENCODE.split() + ["-bf", "2", "-g", str(gop), "-keyint_min", str(gop), "-b:v", "400k"]
    vector += (["-c:a"] + rest.split()) if audio else ["-t", str(seconds)]
    subprocess.run(vector + options.split() + [str(path)], check=True, timeout=120)


def packets(path):
    """[(type, pts, dts, key)] of a file, time stamps as they stand in it."""
    done = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=codec_type,pts,dts,flags", "-of", "csv=p=0",
                           str(path)], capture_output=True, text=True, timeout=60, check=True)
    rows = []
    for row in csv.reader(done.stdout.splitlines()):
        if len(row) >= 4 and row[0] in ("video", "audio"):
            rows.append((row[0], int(row[1]), int(row[2]), "K" in row[3]))
    return rows


def decode_errors(path, level="warning"):
    """What ffmpeg has to say while it decodes everything."""
    done = subprocess.run(["ffmpeg", "-v", level, "-nostdin", "-xerror", "-i", str(path), "-f", "null", "-"],
                          capture_output=True, text=True, timeout=120)
    return done.stderr.strip() + ("" if done.returncode == 0 else f" rc={done.returncode}")


def playlist(folder):
    """{"entries": [(name, duration, tags)], "ended": bool, "head": {tag: value}} of a media playlist."""
    path = pathlib.Path(folder) / "index.m3u8"
    if not path.exists():
        return None
    out = {"entries": [], "ended": False, "head": {}}
    tags, duration = [], None
    for line in path.read_text().splitlines():
        if line.startswith("#EXTINF:"):
            duration = float(line[8:].rstrip(","))
        elif line == "#EXT-X-ENDLIST":
            out["ended"] = True
        elif line in ("#EXT-X-GAP", "#EXT-X-DISCONTINUITY"):
            tags.append(line)
        elif line.startswith("#"):
            name, _, value = line.partition(":")
            out["head"][name] = value
        else:
            out["entries"].append((line, duration, tags))
            tags = []
    return out


def stored(folder):
    """Names of the segments that are there and listed."""
    found = playlist(folder)
    return [name for name, _, tags in found["entries"] if "#EXT-X-GAP" not in tags] if found else []


def cut_points(folder):
    """{segment name: pts of its first video packet}, in 1/90000 s."""
    out = {}
    for name in stored(folder):
        video = [p for p in packets(pathlib.Path(folder) / name) if p[0] == "video"]
        out[name] = video[0][1]
    return out


def fetch(url, method="GET", headers=None):
    request = urllib.request.Request(url, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()
