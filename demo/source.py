"""The demo's film: a moving picture with a burnt-in clock, and sound."""
import subprocess

from network import DemoError

WIDTH, HEIGHT, FPS, KEY_SECONDS, BITRATE = 1280, 720, 25, 2, 2_500_000
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
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise DemoError(f"ffmpeg made no film: {done.stderr.strip()}")


def measure(path):
    """(width, height, bits per second) of a film somebody brought."""
    done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                           "stream=width,height,bit_rate:format=bit_rate", "-of", "csv=p=0:nk=1", str(path)],
                          capture_output=True, text=True, timeout=120)
    numbers = [int(word) for word in done.stdout.replace("\n", ",").split(",") if word.isdigit()]
    if done.returncode or len(numbers) < 3:
        raise DemoError(f"{path}: ffprobe found no video in it: {done.stderr.strip()}")
    return numbers[0], numbers[1], numbers[2]
