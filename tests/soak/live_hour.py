#!/usr/bin/env python3
"""A live stream of an hour with everything wrong that a source may have, at random, and the rules of HLS held against each
version of its playlists and against all that was stored.

    tests/soak/live_hour.py --bin build/bin [--seconds 3600] [--seed N] [--faults damaged,key,...] [--every 8]

The seed is printed; the same seed gives the same faults. Exit code 0: no rule was broken, and no more was lost than the
faults cost at most (FAULTS says what each may cost).
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOP, FPS, FILM_S = 25, 25, 60
JOB = "hour0001"

# Pictures of a rendition that each may cost: a key frame takes those that need it and, where its segment cannot begin, those
# until the next fragment; an ended connection those on the way.
FAULTS = {
    "damaged": 1,       # an inter picture with a NAL unit longer than its frame
    "key": 3 * FPS,     # the same of a key frame
    "sound": 0,         # a frame of sound of one byte
    "settings": 0,      # an AVC header of rubbish, then an AAC one
    "empty": 1,         # a picture without bytes
    "stray": 1,         # one picture stamped somewhere else
    "back": 0,          # the clock jumps back
    "forward": 0,       # the clock jumps ahead
    "late": FPS,        # as "leave", and the sound begins seconds after the picture
    "leave": FPS,       # the publisher ends and comes back
}


def options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--bin", default=str(ROOT / "build" / "bin"), help="folder of the programs")
    p.add_argument("--seconds", type=int, default=3600)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--faults", default=",".join(FAULTS), help="which, of " + ", ".join(FAULTS))
    p.add_argument("--every", type=float, default=8, help="seconds between two faults, on average")
    p.add_argument("--ports", default="19300-19899")
    p.add_argument("--logs", help="folder for what the programs have said")
    o = p.parse_args()
    o.faults = [name for name in o.faults.split(",") if name]
    if set(o.faults) - set(FAULTS):
        p.error(f"no such fault: {set(o.faults) - set(FAULTS)}")
    o.seed = random.SystemRandom().randrange(1 << 31) if o.seed is None else o.seed
    return o


class Source:
    """The film over and over as one publisher's session after the other; sessions end where the plan says so."""

    def __init__(self, flv, film, o):
        self.flv, self.film, self.o = flv, [t for t in flv.read(film) if t.kind != flv.SCRIPT], o
        self.random = random.Random(o.seed)
        self.settings = [t for t in self.film if t.is_settings()]
        self.pictures = [t for t in self.film if not t.is_settings()]
        self.done, self.sent, self.after = collections.Counter(), 0, None
        self.clock_ms = 0

    def pause(self):
        return max(0.5, self.random.expovariate(1 / self.o.every))

    def frames(self):
        """Tags of an endless film: (milliseconds since the session began, tag)."""
        shift = 0
        while True:
            for tag in self.pictures:
                yield tag.at_ms + shift, tag
            shift += FILM_S * 1000

    def session(self, seconds):
        """Tags of one publisher, until a fault ends it or the time is over. What ended it is self.after."""
        flv, out = self.flv, self.flv.Tag
        due, shift_ms, fault = self.pause() * 1000, 0, None
        quiet_ms = 3000 if self.after == "late" else 0
        self.after = None
        for tag in self.settings:
            if tag.kind == flv.PICTURE or not quiet_ms:
                yield out(tag.kind, 0, tag.body)
        for at_ms, tag in self.frames():
            if at_ms > seconds * 1000:
                return
            if quiet_ms and at_ms >= quiet_ms:
                quiet_ms = 0
                for late in self.settings:
                    if late.kind == flv.SOUND:
                        yield out(late.kind, at_ms, late.body, at_ms + shift_ms)
            if quiet_ms and tag.kind == flv.SOUND:
                continue
            if at_ms >= due and fault is None and at_ms > 4000:
                fault = self.random.choice(self.o.faults)
            body, stamp_ms = tag.body, at_ms + shift_ms
            picture, key = tag.kind == flv.PICTURE, tag.kind == flv.PICTURE and tag.body[0] >> 4 == 1
            hit = True
            if fault in ("leave", "late"):
                self.done[fault] += 1
                self.after = fault
                return
            if fault == "damaged" and picture and not key:
                body = flv.too_long(body)
            elif fault == "key" and key:
                body = flv.too_long(body)
            elif fault == "empty" and picture and not key:
                body = body[:5]
            elif fault == "sound" and tag.kind == flv.SOUND:
                body = body[:3]
            elif fault == "settings" and picture:
                yield from (out(kind, at_ms, body, stamp_ms) for kind, body in flv.RUBBISH.items())
            elif fault == "stray" and picture and not key:
                stamp_ms = max(0, stamp_ms + self.random.choice((-1, 1)) * self.random.randrange(5000, 3600_000))
            elif fault == "back" and stamp_ms > 3000:
                by_ms = self.random.randrange(2000, stamp_ms)
                shift_ms, stamp_ms = shift_ms - by_ms, stamp_ms - by_ms
            elif fault == "forward":
                by_ms = self.random.randrange(5000, 600_000)
                shift_ms, stamp_ms = shift_ms + by_ms, stamp_ms + by_ms
            else:
                hit = False
            if hit:
                self.done[fault] += 1
                fault, due = None, at_ms + self.pause() * 1000
            self.sent += picture
            yield out(tag.kind, at_ms, body, stamp_ms)


def make_film(place):
    film = place / "film.flv"
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", f"testsrc2=size=320x180:rate={FPS}", "-f",
                    "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", str(FILM_S), "-c:v", "libx264", "-preset",
                    "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-g", str(GOP), "-keyint_min", str(GOP), "-sc_threshold", "0",
                    "-b:v", "300k", "-c:a", "aac", "-b:a", "64k", str(film)], check=True, timeout=300)
    return film


def publish(o, net, flv, source):
    """Sessions until the time is over; a publisher that is sent away is said so."""
    end, trouble = time.monotonic() + o.seconds, []
    while time.monotonic() < end:
        publisher = flv.Publisher(net.ingest_url(JOB), source.session(end - time.monotonic()))
        while publisher.is_alive():
            publisher.join(1)
        if publisher.ended != "sent":
            trouble.append(f"after {o.seconds - (end - time.monotonic()):.0f} s: {publisher.ended}")
        print(f"{o.seconds - (end - time.monotonic()):7.0f} s: {dict(source.done)}; next: {source.after}", flush=True)
        time.sleep(source.random.uniform(0.3, 3))
    return trouble


def stored(net, rules):
    """{rendition: (pictures, gap entries that are whole fragments, [(segment, pictures missing before its end)])}"""
    found = {}
    for variant in net.variants():
        media, pictures, holes, last = rules.Media(net.hls(f"{JOB}{variant}/index.m3u8").decode()), 0, [], None
        for entry in (e for e in media.entries if not e.gap):
            stamps = sorted(rules.hls_ts.Segment(net.hls(f"{JOB}{variant}/{entry.uri}")).video().pts)
            pictures += len(stamps)
            line = [last, *stamps] if last is not None and not entry.discontinuity else stamps
            missing = sum(round((b - a) * FPS / 90000) - 1 for a, b in zip(line, line[1:]))
            holes += [(entry.uri.lstrip("0")[:-3], missing)] if missing else []
            last = stamps[-1]
        found[variant] = pictures, sum(e.gap and ".rest." not in e.uri for e in media.entries), holes
    return found


def keep_logs(net, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*net.folder.glob("*.log"), *net.folder.glob("*/nodes/*/log/*.log*")]:
        shutil.copy2(path, folder / path.name)


def run(o, place):
    import broker
    import flv_publisher as flv
    import hls_rules
    import network
    network.RENDITIONS = [("_90p", 160, 90, 80_000)]
    server = broker.Broker().start()
    net = network.Network(place, server, f"hour-{os.getpid()}", transcoders=1, together=True, output={"keep": "all"})
    try:
        net.up()
        net.start_job(JOB)
        net.watch(JOB)
        source = Source(flv, make_film(place), o)
        trouble = publish(o, net, flv, source)
        net.end_job(JOB)
        held = stored(net, hls_rules)
    finally:
        left = net.close()
        server.close()
        if o.logs:
            keep_logs(net, pathlib.Path(o.logs))
    allowed, count = sum(FAULTS[name] * count for name, count in source.done.items()), sum(source.done.values())
    print(f"faults: {dict(source.done)}")
    print(f"pictures: {source.sent} sent, {allowed} may be lost; fragments: {count} may be")
    broken = [*net.broken_rules, *left, *trouble]
    for variant, (pictures, gaps, holes) in held.items():
        lost = source.sent - pictures
        print(f"{variant}: {pictures} pictures stored, {lost} lost; {gaps} whole fragments listed as lost")
        print(f"{variant}: holes (segment, pictures): {holes}")
        if lost > allowed:
            broken.append(f"{lost} pictures of {variant} are lost, its faults cost {allowed} at most")
        if gaps > count:
            broken.append(f"{gaps} fragments of {variant} are lost, more than there were faults")
    return broken


def main():
    o = options()
    print(f"seed {o.seed}, {o.seconds} s, faults {','.join(o.faults)}", flush=True)
    os.environ["DSN_BIN"], os.environ["DSN_TEST_PORTS"] = str(pathlib.Path(o.bin).resolve()), o.ports
    sys.path.insert(0, str(ROOT / "tests" / "e2e"))
    place = pathlib.Path(tempfile.mkdtemp(prefix="dsn-hour-"))
    place.chmod(0o755)
    try:
        broken = run(o, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(*broken or ["no rule broken"], sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
