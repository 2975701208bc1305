"""Do the stored pictures show the film that was sent? Key frames of a sample of instants, beside the film's own.

A rendition's time stamps do not say where in the film they are: the job's time line begins somewhere, and a film that is
sent again and again has turns. So the film's instant of the first sample is looked for, and from then on both clocks must
run alike; what two renditions agree on decides. The measure is the PSNR of small pictures, in which the noise of a low bit
rate is averaged away: 37 dB and more at the demo's bit rates, 11 to 26 where the picture is grey, black or another one. A
rendition hardly larger than they are has lost details that they show, so the film goes through its size then.
"""
import math
import operator
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import apart

WIDTH, HEIGHT = 64, 36  # of what is compared
LUMA = WIDTH * HEIGHT
INSTANTS = 12  # at most
LEAST_DB = 28.0
OVER_FLAT_DB, FLAT_ENOUGH_DB = 2.0, 34.0  # a film of little contrast: better than its mean colour would be, up to here
ELSEWHERE_DB = 3.0  # it shows another instant when that is nearer by so much ...
SURE_DB = 40.0  # ... and its own is not as near as this
NEAR_S, DRIFT_S = 1.0, 0.1  # how far the clocks may differ; more for each turn
FAR_S = (6.0, 14.0)  # the beginning that was not sent, and what a relay that was started again left out
CLOCK_HZ, CLOCK_WRAP = 90000, 1 << 33
FRAME_S, LONGEST_GOP_S = 0.2, 20.0
SHOWN = re.compile(rb"showinfo.* pts_time:\s*(-?[0-9.]+) .* s:([0-9]+)x([0-9]+) ")


def pictures(*words, through=None):
    """[(seconds, (width, height), small picture as planes of 4:4:4)] of what ffmpeg reads with these words; the size is the
    one it has there. `through`: a size that it is scaled to first."""
    first = f"scale={through[0]}:{through[1]}," if through else ""
    argv = ["ffmpeg", "-hide_banner", "-v", "info", "-nostats", "-nostdin", *words, "-an", "-sn", "-dn", "-vf",
            f"showinfo=checksum=0,{first}scale={WIDTH}:{HEIGHT}:flags=area,format=yuv444p", "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    done = apart.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    size = 3 * LUMA
    planes = [done.stdout[at:at + size] for at in range(0, len(done.stdout) - size + 1, size)]
    told = [(float(seconds), (int(width), int(height))) for seconds, width, height in SHOWN.findall(done.stderr)]
    return [(seconds, shape, plane) for (seconds, shape), plane in zip(told, planes)]


def decibel(square_error):
    return 99.0 if square_error < 1e-4 else 10 * math.log10(255 * 255 / square_error)


def psnr(a, b):
    differences = list(map(operator.sub, a, b))
    return decibel(sum(map(operator.mul, differences, differences)) / len(differences))


def flat_psnr(picture):
    """What a picture of nothing but the mean colour would have."""
    error = 0.0
    for plane in (picture[at:at + LUMA] for at in range(0, len(picture), LUMA)):
        mean = sum(plane) / LUMA
        error += sum((x - mean) ** 2 for x in plane)
    return decibel(error / len(picture))


class Film:
    """Pictures of the film, by instant; `turn_s` after its beginning it begins again."""

    def __init__(self, path, turn_s):
        self.path, self.turn_s = path, turn_s

    def part(self, begin, end, through=None):
        """[(instant, picture)]. In a container without an index, such as MPEG-TS, ffmpeg may find a later key frame than the one
        before `begin`; then it is sent further back."""
        found, lead = [], 0.0
        while begin < end:
            start = max(0.0, begin - lead)
            found = pictures("-ss", f"{start:.3f}", "-t", f"{end - start:.3f}", "-i", f"file:{self.path}", through=through)
            found = [(start + seconds, picture) for seconds, _, picture in found]
            if start <= 0 or lead > LONGEST_GOP_S or (found and found[0][0] < begin + FRAME_S):
                break
            lead = max(2.0, 2 * lead)
        return [(instant, picture) for instant, picture in found if instant > begin - FRAME_S]

    def shown_in(self, instant, size):
        """The picture of an instant as a rendition of that size can show it."""
        found = self.window(instant, FRAME_S, FRAME_S, through=size)
        return min(found, key=lambda f: abs(f[0] - instant))[1] if found else None

    def window(self, at, before, after, through=None):
        """[(instant, picture)] around `at`; instants beyond the film's ends stand for those of the neighbouring turn."""
        after, before = min(after, self.turn_s / 2), min(before, self.turn_s / 2)
        found = self.part(max(0.0, at - before), min(self.turn_s, at + after), through)
        if at - before < 0:
            found += [(t - self.turn_s, p) for t, p in self.part(self.turn_s + at - before, self.turn_s, through)]
        if at + after > self.turn_s:
            found += [(t + self.turn_s, p) for t, p in self.part(0.0, at + after - self.turn_s, through)]
        return found


class Track:
    """Where in the film the stored clock is. `jumps`: how often it may have lost the film, since a relay was started again."""

    def __init__(self, film, jumps):
        self.film, self.jumps = film, jumps
        self.anchor = None  # (seconds of the stored clock, instant of the film)

    def locate(self, seconds, stored):
        """(nearest instant, its picture, all looked at) for the pictures stored at one instant."""
        expected, turns = 0.0, 0
        if self.anchor:
            since, instant = self.anchor
            turns, expected = divmod(instant + seconds - since, self.film.turn_s)
        near = NEAR_S + DRIFT_S * turns
        best = self.nearest(expected, near, near, stored)
        if best[0] < LEAST_DB and (not self.anchor or self.jumps > 0):
            wider = self.nearest(expected, FAR_S[0] if self.anchor else 0.0, FAR_S[1], stored)
            if wider[0] >= LEAST_DB and self.anchor:
                self.jumps -= 1
            best = max(best, wider, key=lambda b: b[0])
        likeness, instant, picture, looked_at = best
        if likeness >= LEAST_DB:
            if turns > 0:
                self.film.turn_s += (expected - instant) / turns
            self.anchor = (seconds, instant)
        elif not self.anchor:
            self.anchor = (seconds, 0.0)
        return instant, picture, looked_at

    def nearest(self, expected, before, after, stored):
        """By brightness, what the second best of the renditions finds nearest: most may be ruined, and one alone leads nobody astray."""
        looked_at = self.film.window(expected, before, after)
        best = (-1.0, expected, None, looked_at)
        for instant, picture in looked_at:
            likeness = sorted(psnr(s[:LUMA:2], picture[:LUMA:2]) for s in stored)[-2:][0]
            if likeness > best[0]:
                best = (likeness, instant, picture, looked_at)
        return best


def instants(rows):
    """[(seconds of the stored clock, {rendition: segment's URL})], a sample over the whole stream."""
    found = {}
    for row in rows:
        before, turns = None, 0
        for name, pts in zip(row["probed"], row["cuts"]):
            if pts is None:
                continue
            if before is not None and pts < before - CLOCK_WRAP // 2:
                turns += 1
            before = pts
            found.setdefault((pts + turns * CLOCK_WRAP) / CLOCK_HZ, {})[row["rendition"]] = row["folder"] + name
    times = sorted(found)
    count = min(INSTANTS, len(times))
    chosen = [times[i * (len(times) - 1) // max(1, count - 1)] for i in range(count)]
    return [(seconds, found[seconds]) for seconds in chosen]


def judge(picture, film_picture, others):
    """(PSNR, what is wrong or None)."""
    if film_picture is None:
        return 0.0, "the film has no picture there"
    likeness = psnr(picture, film_picture)
    least = max(LEAST_DB, min(flat_psnr(film_picture) + OVER_FLAT_DB, FLAT_ENOUGH_DB))
    if likeness < least:
        return likeness, f"it does not show the film: {likeness:.1f} dB of at least {least:.0f}"
    if likeness < SURE_DB and any(psnr(picture, other) > likeness + ELSEWHERE_DB for other in others):
        return likeness, f"it shows another instant of the film ({likeness:.1f} dB at its own)"
    return likeness, None


def compare(path, turn_s, rows, jumps):
    """Gives each row `picture`, the lowest PSNR in dB (None: nothing to compare), and `ruined`, a sentence or None."""
    for row in rows:
        row["picture"], row["ruined"] = None, None
    by_name = {row["rendition"]: row for row in rows}
    track = Track(Film(path, turn_s), jumps)
    sizes = {}
    located = []  # (seconds, {rendition: picture}, instant, film's picture, looked at)
    with ThreadPoolExecutor(2) as pool:
        for seconds, urls in instants(rows):
            stored = dict(zip(urls, pool.map(first_picture, urls.values())))
            shown = {name: found[2] for name, found in stored.items() if found}
            sizes.update({name: found[1] for name, found in stored.items() if found})
            for name in stored.keys() - shown.keys():
                by_name[name]["ruined"] = f"{urls[name]} has no picture"
            if shown:
                located.append((seconds, shown, *track.locate(seconds, list(shown.values()))))
    begin = located[0][0] if located else 0.0
    for seconds, shown, instant, film_picture, looked_at in located:
        others = [p for t, p in looked_at if abs(t - instant) > NEAR_S / 4]
        others += [p for s, _, _, p, _ in located if s != seconds and p is not None]
        for name, picture in shown.items():
            row = by_name[name]
            small = sizes[name][0] < 4 * WIDTH and film_picture is not None
            likeness, wrong = judge(picture, track.film.shown_in(instant, sizes[name]) if small else film_picture, others)
            row["picture"] = likeness if row["picture"] is None else min(row["picture"], likeness)
            if wrong and not row["ruined"]:
                row["ruined"] = f"the picture at {seconds - begin:.1f} s of the stream is not the film's: {wrong}"


def first_picture(url):
    """The first key frame of a segment, as pictures() tells it, or None."""
    found = pictures("-skip_frame", "nokey", "-i", url, "-frames:v", "1")
    return found[0] if found else None


def problems(rows):
    return [f"{row['rendition']}: {row['ruined']}" for row in rows if row["ruined"]]


def cell(row):
    return "-" if row["picture"] is None else f"{row['picture']:.1f} dB" + (" RUINED" if row["ruined"] else "")


def sound_rows(rows):
    """Those whose pictures are the film's: what is paid for."""
    return [row for row in rows if not row["ruined"]]
