"""A film whose pictures carry their number, as black and white stripes that survive any transcoding, and reading it back: which pictures of
the source a segment shows, whatever became of its time stamps."""
import subprocess

import apart

WIDTH, HEIGHT, FPS, BITS = 320, 180, 25, 16
BLACK, WHITE = 0x10, 0xeb


def picture(number):
    stripe = WIDTH // BITS
    row = b"".join(bytes([WHITE if number >> bit & 1 else BLACK]) * stripe for bit in range(BITS))
    return row * HEIGHT


def make(path, seconds, key_seconds=1):
    """With sound; `key_seconds`: from key frame to key frame."""
    encode = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "pipe:0",
         "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100", "-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast",
         "-pix_fmt", "yuv420p", "-sc_threshold", "0", "-bf", "2", "-g", str(FPS * key_seconds), "-keyint_min", str(FPS * key_seconds),
         "-b:v", "300k", "-c:a", "aac", "-b:a", "64k", "-t", str(seconds), str(path)], stdin=subprocess.PIPE, start_new_session=True)
    with encode.stdin:
        for number in range(seconds * FPS):
            encode.stdin.write(picture(number))
    if encode.wait(120):
        raise OSError(f"{path}: ffmpeg made no film")
    return path


def read(path):
    """The numbers of the pictures that a file shows; nothing of one that cannot be decoded."""
    done = apart.run(["ffmpeg", "-v", "quiet", "-i", str(path), "-an", "-vf", f"scale={BITS}:1:flags=area,format=gray", "-fps_mode", "passthrough",
                      "-f", "rawvideo", "-"], capture_output=True, timeout=120)
    shown = [done.stdout[at:at + BITS] for at in range(0, len(done.stdout) - BITS + 1, BITS)]
    return [sum((level > 0x80) << bit for bit, level in enumerate(stripes)) for stripes in shown]
