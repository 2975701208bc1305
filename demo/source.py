"""The demo's film: a moving picture with a burnt-in clock, and sound; or one that somebody brought."""
import json

import apart
from network import DemoError

WIDTH, HEIGHT, FPS, KEY_SECONDS, BITRATE = 1280, 720, 25, 2, 2_500_000
LEAST_BITS_PER_PIXEL_S = 1
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf"


def make(path, seconds):
    clock = f"drawtext=fontfile={FONT}:text='%{{pts\\:hms}}':fontsize=96:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=16:x=(w-tw)/2:y=h-th-40"
    argv = ["ffmpeg", "-hide_banner", "-v", "error", "-nostdin", "-y",
            "-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}:rate={FPS}",
            "-f", "lavfi", "-i", "sine=frequency=330:beep_factor=4:sample_rate=48000",
            "-vf", clock, "-t", str(seconds),
            "-c:v", "libx264", "-preset", "veryfast", "-b:v", str(BITRATE), "-maxrate", str(BITRATE), "-bufsize", str(2 * BITRATE),
            "-g", str(FPS * KEY_SECONDS), "-keyint_min", str(FPS * KEY_SECONDS), "-sc_threshold", "0", "-pix_fmt", "yuv420p",
            "-c:a", "aac", "-b:a", "96k", str(path)]
    done = apart.run(argv, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise DemoError(f"ffmpeg made no film: {done.stderr.strip()}")
    return Film(path, WIDTH, HEIGHT, BITRATE, measure(path).seconds)


class Film:
    """What the customer's order says of a film, and the checks need."""

    def __init__(self, path, width, height, bitrate_bps, seconds):
        self.path = path
        self.width, self.height = width, height  # as players show it: turned, and even
        self.bitrate_bps = bitrate_bps
        self.seconds = seconds  # the longest of its streams: a turn, when it is sent again and again


def probe(path, *entries):
    done = apart.run(["ffprobe", "-v", "error", "-select_streams", "v:0", *entries, "-of", "json", f"file:{path}"],
                     capture_output=True, text=True, errors="replace", timeout=600)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = {}
    if done.returncode or not answer:
        raise DemoError(f"{path}: ffprobe cannot read it as a film: {done.stderr.strip()[-300:]}")
    return answer


def number(told, name):
    """A member that may be missing or "N/A"; 0 then."""
    try:
        value = float(told.get(name, 0))
    except (TypeError, ValueError):
        return 0.0
    return value if 0 < value < 1e12 else 0.0


def turned(stream):
    """Does the container say that the picture lies on its side?"""
    sides = stream.get("side_data_list", [])
    told = [side["rotation"] for side in sides if "rotation" in side] or [stream.get("tags", {}).get("rotate", 0)]
    try:
        return round(float(told[0])) % 180 == 90
    except ValueError:
        return False


def measured(path):
    """(bits per second, seconds) of the picture, from its packets."""
    packets = probe(path, "-show_entries", "packet=size,pts_time")["packets"]
    times = [float(packet["pts_time"]) for packet in packets if "pts_time" in packet]
    seconds = max(times) - min(times) if times else 0.0
    if len(times) > 1:
        seconds *= len(times) / (len(times) - 1)  # the last one lasts too
    return (sum(int(packet["size"]) for packet in packets) * 8 / seconds if seconds else 0.0), seconds


def measure(path):
    """The Film that somebody brought."""
    answer = probe(path, "-show_entries", "stream=width,height,bit_rate:stream_side_data=rotation:stream_tags=rotate:format=duration")
    streams = answer.get("streams", [])  # a program's streams are told again, under "programs"
    width, height = (int(number(streams[0] if streams else {}, name)) for name in ("width", "height"))
    if not width or not height:
        raise DemoError(f"{path}: ffprobe found no video in it")
    if turned(streams[0]):
        width, height = height, width
    bitrate, seconds = number(streams[0], "bit_rate"), number(answer.get("format", {}), "duration")
    if not bitrate or not seconds:
        counted, lasted = measured(path)
        bitrate, seconds = bitrate or counted, seconds or lasted
    width, height = (max(2, side - side % 2) for side in (width, height))
    # A picture that hardly moves takes next to nothing as it is, and much more should it have to be encoded.
    return Film(path, width, height, round(max(bitrate, LEAST_BITS_PER_PIXEL_S * width * height)), seconds)
