"""What the tests of `vcli pipeline push` share: films of the field, and a receiver that keeps what arrives, time stamps as they come."""
import functools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

BIN = pathlib.Path(os.environ.get("DSN_BIN", "build/bin")).resolve()
VCLI = BIN / "vcli"
JOB = "pushed"
KEY = "k" * 32
X264 = "-c:v libx264 -preset ultrafast -sc_threshold 0 -pix_fmt yuv420p -b:v 200k"
KEYS = "-g 20 -keyint_min 20"


def ffmpeg(*words):
    vector = ["ffmpeg", "-hide_banner", "-v", "error", "-nostdin", "-y"]
    for word in words:
        vector += word.split() if isinstance(word, str) else [str(word)]
    subprocess.run(vector, check=True, timeout=120, stdin=subprocess.DEVNULL)


def picture(seconds, size="160x90", rate=25):
    return f"-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds}"


def sound(seconds):
    """A beep in the first half second, then silence: where it begins is heard again after the way."""
    return f"-f lavfi -i aevalsrc=lt(t\\,0.5)*sin(2764*t)/2:s=48000:d={seconds}"


@functools.lru_cache(maxsize=None)
def probe(path):
    """All packets and streams of a file that changes no more."""
    done = subprocess.run(["ffprobe", "-v", "error", "-show_packets", "-show_streams", "-of", "json=compact=1", str(path)], capture_output=True,
                          text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def streams(path):
    return {s["codec_type"]: s for s in probe(path)["streams"]}


def packets(path, kind):
    """[(pts, dts, key)] in ms."""
    return [(round(float(p["pts_time"]) * 1000), round(float(p["dts_time"]) * 1000), "K" in p["flags"]) for p in probe(path)["packets"]
            if p["codec_type"] == kind]


def sizes(path, kind):
    return [int(p["size"]) for p in probe(path)["packets"] if p["codec_type"] == kind]


def idr_count(path):
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-map", "0:v", "-c", "copy", "-bsf:v", "filter_units=pass_types=5",
                           "-f", "framecrc", "-"], capture_output=True, text=True, timeout=60, check=True)
    return sum(1 for line in done.stdout.splitlines() if not line.startswith("#"))


def gray(path, at=1.0):
    """One picture as it is shown: rows of brightness."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-ss", str(at), "-i", str(path), "-frames:v", "1", "-c:v", "pgm", "-pix_fmt", "gray",
                           "-f", "image2pipe", "-"], capture_output=True, timeout=60, check=True)
    _, sides, _, data = done.stdout.split(b"\n", 3)
    width, height = map(int, sides.split())
    return [data[y * width:(y + 1) * width] for y in range(height)]


def beeps(path):
    """When each beep begins, in s."""
    done = subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-copyts", "-i", str(path), "-vn", "-af", "silencedetect=noise=-30dB:d=0.3",
                           "-f", "null", "-"], capture_output=True, text=True, timeout=60, check=True)
    return [float(line.split("silence_end:")[1].split()[0]) for line in done.stderr.splitlines() if "silence_end:" in line]


class Receiver:
    """An RTMP server that takes one publisher and writes what comes into a file: ffmpeg, which copies."""

    def __init__(self, folder):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.file = folder / "received.flv"
        self.log = folder / "receiver.log"
        self.progress = folder / "receiver.progress"
        self.url = f"rtmp://127.0.0.1:{self.port}/ingest"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["ffmpeg", "-hide_banner", "-nostdin", "-v", "warning", "-copyts", "-progress", self.progress, "-listen", "1",
                                             "-i",
                                             f"{self.url}/{JOB}", "-c", "copy", "-y", self.file],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wanted = f":{self.port:04X} "
        end = time.monotonic() + 20
        while not any(wanted in line and " 0A " in line for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()):
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError("the receiver does not listen: " + self.log.read_text())
            time.sleep(0.02)

    def received_ms(self):
        """Where the time line is that arrives."""
        text = self.progress.read_text() if self.progress.exists() else ""
        at = [line.partition("=")[2] for line in text.splitlines() if line.startswith("out_time_us=")]
        return int(at[-1]) // 1000 if at and at[-1].lstrip("-").isdigit() else 0

    def wait_for_ms(self, ms, seconds=60):
        end = time.monotonic() + seconds
        while self.received_ms() < ms:
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(f"{self.received_ms()} of {ms} ms have arrived; " + self.log.read_text())
            time.sleep(0.1)

    def close(self):
        """Nobody listens any more."""
        self.process.kill()
        self.process.wait()

    def end(self):
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.log.read_text()


class Pusher:
    """Starts pushes, each to a receiver of its own, and ends them."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="dsn-push-"))
        self.pushes = []

    def close(self):
        for push in self.pushes:
            self.end(push)
        shutil.rmtree(self.home, True)

    def film(self, name, *words):
        path = self.home / name
        ffmpeg(*words, path)
        return path

    def begin(self, film, *flags, fragment=1, size=None):
        """The job's file is as `pipeline start` leaves it."""
        home = self.home / f"push-{len(self.pushes)}"
        jobs = home / "jobs"
        jobs.mkdir(parents=True)
        receiver = Receiver(home)
        source = {"resolution": size} if size else {}
        (jobs / f"{JOB}.json").write_text(json.dumps({
            "job": JOB, "fragment": str(fragment), "url": receiver.url, "nodes": [{"node_id": "d1" * 20, "role": "distributor"}],
            "document": {"pipeline": {"source": source}}, "private": {}}))
        process = subprocess.Popen([VCLI, "pipeline", "push", JOB, str(film), "--state-dir", str(home), *flags],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        push = {"process": process, "receiver": receiver, "jobs": jobs, "file": receiver.file}
        self.pushes.append(push)
        return push

    def end(self, push):
        """Wait for a push that ends by itself, or was told to: its code, out, err, and what the receiver said ("heard")."""
        if "code" in push:
            return push
        process = push["process"]
        try:
            push["out"], push["err"] = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            push["out"], push["err"] = process.communicate()
        push["heard"] = push["receiver"].end()
        push["left"] = [path.name for path in push["jobs"].iterdir()]
        push["code"] = process.returncode
        return push
