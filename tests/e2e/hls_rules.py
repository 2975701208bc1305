"""The rules of HLS, as a checker: RFC 8216 and Apple's "HLS Authoring Specification for Apple Devices", each with its section.

    check_master(text)                       one master playlist
    check_media(text)                        one media playlist
    check_refresh(old, new)                  two versions of one, the later one second
    check_renditions({uri: text})            those of one master playlist
    check_stored(master, {uri: text}, read)  against the segments: read(playlist uri, segment uri) gives bytes
    with Watcher(master_url) as w: ...       every version of a live stream; afterwards w.broken

All give a list of lines "section: what is wrong (where)"; an empty one is good. Texts may come from anybody's server.
"""
import pathlib
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import hls_ts

ROUNDING = 0.5        # seconds: EXTINF against what a segment holds
CORS = "Access-Control-Allow-Origin"
MASTER_TAGS = ("#EXT-X-STREAM-INF", "#EXT-X-MEDIA:", "#EXT-X-I-FRAME-STREAM-INF")
MEDIA_TAGS = ("#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY", "#EXT-X-ENDLIST",
              "#EXT-X-PLAYLIST-TYPE", "#EXT-X-GAP", "#EXT-X-BYTERANGE")


class Entry:
    def __init__(self):
        self.uri, self.duration, self.text, self.gap, self.discontinuity = None, None, None, False, False

    def key(self):
        return self.uri, self.text, self.gap, self.discontinuity


class Media:
    """A media playlist; what is wrong with the text alone is in `broken`."""

    def __init__(self, text, where=""):
        self.where, self.broken, self.entries, self.head = where, [], [], {}
        self.ended, entry, began = False, Entry(), False
        lines = self.lines = text.split("\n")
        if lines[0].rstrip("\r") != "#EXTM3U":
            self.say("4.3.1.1", "the first line is not #EXTM3U")
        if not text.endswith("\n"):
            self.say("4.1", "the last line has no end")
        for line in (raw.rstrip("\r") for raw in lines[1:]):
            tag, _, value = line.partition(":")
            if line.startswith(MASTER_TAGS):
                self.say("4.3.4", f"{tag} of master playlists in a media playlist")
            elif tag == "#EXTINF":
                entry.text = value
                if not re.fullmatch(r"\d+(\.\d+)?,.*", value):
                    self.say("4.3.2.1", f"EXTINF:{value}")
                else:
                    entry.duration = float(value.split(",")[0])
            elif tag == "#EXT-X-GAP":
                entry.gap = True
            elif tag == "#EXT-X-DISCONTINUITY":
                entry.discontinuity = began = True
            elif tag == "#EXT-X-ENDLIST":
                self.ended = True
            elif tag.startswith("#EXT-X-"):
                if tag in self.head:
                    self.say("4.1", f"{tag} twice")
                if began and tag in ("#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE"):
                    self.say("4.3.3.2" if "MEDIA" in tag else "4.3.3.3", f"{tag} behind the first segment or discontinuity")
                self.head[tag] = value
            elif line and not line.startswith("#"):
                entry.uri = line
                began = True
                if entry.text is None:
                    self.say("4.3.2.1", f"{line} has no EXTINF")
                self.entries.append(entry)
                entry = Entry()
        if entry.text is not None or entry.gap or entry.discontinuity:
            self.say("4.3.2", "tags of a segment, and no segment")
        self.look()

    def say(self, section, what):
        self.broken.append(f"RFC 8216 {section}: {what} ({self.where or 'media playlist'})")

    def number(self, tag, default):
        try:
            return int(self.head.get(tag, default))
        except ValueError:
            self.say("4.2", f"{tag}:{self.head[tag]} is no number")
            return default

    def look(self):
        self.version = self.number("#EXT-X-VERSION", 1)
        self.target = self.number("#EXT-X-TARGETDURATION", 0)
        self.sequence = self.number("#EXT-X-MEDIA-SEQUENCE", 0)
        self.discontinuities = self.number("#EXT-X-DISCONTINUITY-SEQUENCE", 0)
        if not self.target:
            self.say("4.3.3.1", "no EXT-X-TARGETDURATION")
        for e in self.entries:
            if e.duration is None:
                continue
            if int(e.duration + 0.5) > self.target:
                self.say("4.3.3.1", f"{e.uri} has EXTINF {e.duration}, the target duration is {self.target}")
            if e.duration != int(e.duration) and self.version < 3:
                self.say("7", f"fractions in EXTINF need version 3, this is {self.version}")
        uris = [e.uri for e in self.entries if not e.gap]
        if len(set(uris)) < len(uris):
            self.say("6.2.1", "a segment is listed twice")
        kind = self.head.get("#EXT-X-PLAYLIST-TYPE")
        if kind not in (None, "EVENT", "VOD"):
            self.say("4.3.3.5", f"playlist type {kind}")
        if "#EXT-X-INDEPENDENT-SEGMENTS" not in self.head:
            self.say("4.3.5.1", "no EXT-X-INDEPENDENT-SEGMENTS")

    def numbered(self):
        """[(discontinuity sequence number, start in the playlist's time, entry)]"""
        out, number, at = [], self.discontinuities, 0.0
        for i, e in enumerate(self.entries):
            # The tag of the first entry counts as well: its number is one more than the playlist's.
            number += e.discontinuity
            out.append((number, at, e))
            at += e.duration or 0
        return out


def check_media(text, where=""):
    return Media(text, where).broken


def attributes(line):
    return {name: value.strip('"') for name, value in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)', line.partition(":")[2])}


def variants(text):
    """[(uri, attributes)]"""
    found, pending = [], None
    for line in text.splitlines():
        if line.startswith("#EXT-X-STREAM-INF:"):
            pending = attributes(line)
        elif line and not line.startswith("#") and pending is not None:
            found.append((line, pending))
            pending = None
    return found


def check_master(text, where="master playlist"):
    broken, lines = [], text.splitlines()

    def say(section, what):
        broken.append(f"{section}: {what} ({where})")

    if not lines or lines[0] != "#EXTM3U":
        say("RFC 8216 4.3.1.1", "the first line is not #EXTM3U")
    if sum(line.startswith("#EXT-X-VERSION:") for line in lines) > 1:
        say("RFC 8216 4.3.1.2", "EXT-X-VERSION more than once")
    for line in lines:
        if line.startswith(MEDIA_TAGS):
            say("RFC 8216 4.3.2", f"{line.partition(':')[0]} of media playlists in a master playlist")
    if "#EXT-X-INDEPENDENT-SEGMENTS" not in lines:
        say("RFC 8216 4.3.5.1", "no EXT-X-INDEPENDENT-SEGMENTS")
    for i, line in enumerate(lines):
        if line.startswith("#EXT-X-STREAM-INF:") and (i + 1 == len(lines) or not lines[i + 1] or lines[i + 1].startswith("#")):
            say("RFC 8216 4.3.4.2", "no URI behind EXT-X-STREAM-INF")
    found = variants(text)
    if not found:
        say("RFC 8216 4.3.4.2", "no variant stream")
    if len({uri for uri, _ in found}) < len(found):
        say("RFC 8216 6.2.4", "a variant stream twice")
    for uri, a in found:
        for name, form in (("BANDWIDTH", r"[1-9]\d*"), ("AVERAGE-BANDWIDTH", r"[1-9]\d*"), ("CODECS", r"[\w.,]+"),
                           ("RESOLUTION", r"\d+x\d+"), ("FRAME-RATE", r"\d+(\.\d{1,3})?")):
            if not re.fullmatch(form, a.get(name, "")):
                section = "RFC 8216 4.3.4.2" if name in ("BANDWIDTH", "CODECS") else "Apple HLS authoring 9.12 to 9.16"
                say(section, f"{uri}: {name} is {a.get(name, 'missing')}")
        if int(a.get("AVERAGE-BANDWIDTH", "0") or 0) > int(a.get("BANDWIDTH", "0") or 0):
            say("RFC 8216 4.3.4.2", f"{uri}: the average is over the peak")
    return broken


def check_refresh(old_text, new_text, where=""):
    """What a server may do to a playlist: 6.2.1 and 6.2.2."""
    old, new = Media(old_text, where), Media(new_text, where)
    before = len(new.broken)
    for tag in ("#EXT-X-TARGETDURATION", "#EXT-X-VERSION", "#EXT-X-PLAYLIST-TYPE"):
        if old.head.get(tag) != new.head.get(tag):
            new.say("6.2.1", f"{tag} was {old.head.get(tag)} and is {new.head.get(tag)}")
    gone = new.sequence - old.sequence
    if gone < 0:
        new.say("6.2.2", f"the media sequence number goes back from {old.sequence} to {new.sequence}")
        return new.broken[before:]
    kept, same = old.entries[gone:], new.entries[:max(len(old.entries) - gone, 0)]
    # Behind the first segment of a window there may be a discontinuity that only the earlier version shows.
    if len(same) < len(kept):
        new.say("6.2.1", f"{len(kept) - len(same)} segments have left the end of the playlist")
    for a, b in zip(kept, same):
        if a.key() != b.key():
            new.say("6.2.1", f"{a.key()} has become {b.key()}")
    if gone and "EVENT" in (new.head.get("#EXT-X-PLAYLIST-TYPE"), old.head.get("#EXT-X-PLAYLIST-TYPE")):
        new.say("4.3.3.5", f"{gone} segments have left an EVENT playlist")
    dropped = sum(e.discontinuity for e in old.entries[:gone])
    if new.discontinuities - old.discontinuities != dropped and gone <= len(old.entries):
        new.say("6.2.2", f"EXT-X-DISCONTINUITY-SEQUENCE went from {old.discontinuities} to {new.discontinuities}, "
                         f"and {dropped} discontinuities have left")
    if gone and not new.ended and sum(e.duration or 0 for e in new.entries) < 3 * new.target:
        new.say("6.2.2", "a segment was removed, and less than three target durations are left")
    if old.ended and old_text != new_text:
        new.say("4.3.3.4", "changed behind EXT-X-ENDLIST" if new.ended else "EXT-X-ENDLIST was taken back")
    return new.broken[before:]


def check_renditions(texts):
    """The media playlists of one master playlist: 6.2.4. Segments of one name are of the same time."""
    lists = [Media(text, uri) for uri, text in texts.items()]
    broken = []
    if len({m.target for m in lists}) > 1:
        broken.append(f"RFC 8216 6.2.4: target durations differ: { {m.where: m.target for m in lists} }")
    for m in lists[1:]:
        first = {e.uri: (number, at) for number, at, e in lists[0].numbered() if not e.gap}
        common = [(first[e.uri], (number, at), e.uri) for number, at, e in m.numbered() if e.uri in first and not e.gap]
        for (number_a, _), (number_b, _), uri in common:
            if number_a != number_b:
                broken.append(f"RFC 8216 6.2.4: {uri} has discontinuity sequence number {number_a} in {lists[0].where} and "
                              f"{number_b} in {m.where}")
                break
        # A segment that was joined in its middle begins later than its namesake, but no rendition drifts away.
        apart = {}
        for (number, at_a), (number_b, at_b), uri in common:
            if number == number_b:
                apart.setdefault(number, []).append((at_a - at_b, uri))
        for steps in apart.values():
            (low, uri_a), (high, uri_b) = min(steps), max(steps)
            if high - low > m.target + ROUNDING:
                broken.append(f"RFC 8216 6.2.4: between {uri_a} and {uri_b} the playlist times of {lists[0].where} and {m.where} "
                              f"drift apart by {high - low:.3f} s")
    return broken


def peak(entries, sizes, target):
    """4.3.4.2: the highest bit rate of contiguous segments that last between a half and one and a half target durations."""
    best, whole = 0.0, [0, 0.0]
    for i, e in enumerate(entries):
        size, seconds = 0, 0.0
        if not e.gap:
            whole = [whole[0] + sizes[e.uri], whole[1] + e.duration]
        for f in entries[i:]:
            if f.gap:
                break
            size, seconds = size + sizes[f.uri], seconds + f.duration
            if seconds > 1.5 * target + 1e-6:
                break
            if seconds >= 0.5 * target - 1e-6 and seconds > 0:
                best = max(best, size * 8 / seconds)
    average = whole[0] * 8 / whole[1] if whole[1] else 0
    return max(best, average), average


def check_segments(media, read):
    """The segments of one playlist, each and one after the other. read(uri) gives bytes. Returns (broken, {uri: Segment})."""
    before, found, last, silent = len(media.broken), {}, None, 0.0
    for e in media.entries:
        if e.gap:
            silent += e.duration
            continue
        s = found[e.uri] = hls_ts.Segment(read(e.uri))
        for fault in s.faults:
            media.say("3.2", f"{e.uri}: {fault}")
        if [pid for pid in s.order if pid in (0, s.pmt_pid, *s.tracks)][:2] != [0, s.pmt_pid]:
            media.say("3.2", f"{e.uri} does not begin with PAT and PMT")
        why = hls_ts.starts_clean(s)
        if why:
            media.say("4.3.5.1", f"{e.uri}: {why}")
        times = s.times()
        if times:
            held = times[1] - times[0]
            if abs(held - e.duration) > ROUNDING:
                media.say("4.3.2.1", f"{e.uri} has EXTINF {e.duration} and holds {held:.3f} s")
            if held > media.target + ROUNDING:
                media.say("4.3.3.1", f"{e.uri} holds {held:.3f} s, the target duration is {media.target}")
        if last and not e.discontinuity:
            follows(media, last, (e, s, times), silent)
        last, silent = (e, s, times), 0.0
    return media.broken[before:], found


def follows(media, last, now, silent):
    """Section 3: time stamps and counters go on from the segment before, but for a discontinuity or a gap."""
    (e0, s0, t0), (e, s, t) = last, now
    if t0 and t:
        step = t[0] - t0[0]
        step = (step + hls_ts.WRAP / 180000) % (hls_ts.WRAP / 90000) - hls_ts.WRAP / 180000
        if abs(step - e0.duration - silent) > ROUNDING:
            media.say("3", f"{e.uri} begins {step:.3f} s after {e0.uri}; what is listed between lasts {e0.duration + silent:.3f} s")
    if s.kinds() != s0.kinds():
        media.say("4.3.2.3", f"{e.uri} has other tracks than {e0.uri} and no discontinuity")
    for pid, counter in s.first_counter.items():
        if not silent and pid in s0.last_counter and pid not in s.marked and counter != (s0.last_counter[pid] + 1) & 15:
            media.say("3", f"{e.uri}: the packet counter of {pid:#x} does not go on from {e0.uri}")


def codec_names(found):
    """HE-AAC's core is LC in the headers of the stream."""
    names = set().union(*(s.codecs() for s in found.values())) if found else set()
    return names


def check_variant(uri, a, media, found):
    """What the master playlist says of a variant, against all its segments: 4.3.4.2."""
    broken = []
    high, average = peak(media.entries, {u: s.size for u, s in found.items()}, media.target)
    said = int(a.get("BANDWIDTH", 0))
    for name, right in (("BANDWIDTH", high), ("AVERAGE-BANDWIDTH", average)):
        value = int(a.get(name, 0) or 0)
        # What has left a window counts for a peak that was told once.
        whole = "#EXT-X-PLAYLIST-TYPE" in media.head
        if (value < right * 0.999 and (whole or name == "BANDWIDTH")) or (value > right * 1.1 and whole):
            broken.append(f"RFC 8216 4.3.4.2: {uri}: {name} is {value}, its segments have {right:.0f}")
    said = set(a.get("CODECS", "").split(","))
    inside = codec_names(found)
    plain = {re.sub(r"mp4a\.40\.(5|29)$", "mp4a.40.2", name) for name in said}
    if plain != inside:
        broken.append(f"RFC 8216 4.3.4.2: {uri}: CODECS are {sorted(said)}, inside are {sorted(inside)}")
    return broken


def check_folder(folder, measured=None):
    """One rendition where it is stored; `measured`: attributes of its line in a master playlist."""
    folder = pathlib.Path(folder)
    media = Media((folder / "index.m3u8").read_text(), folder.name)
    _, found = check_segments(media, lambda uri: (folder / uri).read_bytes())
    return media.broken + (check_variant(folder.name, measured, media, found) if measured and found else [])


def check_stored(master, texts, read):
    """A whole stream at rest: its playlists, and everything in its segments. texts: {uri of the master playlist: text}."""
    broken = check_master(master) + check_renditions(texts)
    for uri, a in variants(master):
        if uri not in texts:
            broken.append(f"RFC 8216 6.2.4: {uri} is in the master playlist and not there")
            continue
        media = Media(texts[uri], uri)
        _, found = check_segments(media, lambda segment, u=uri: read(u, segment))
        broken += media.broken
        if found:
            broken += check_variant(uri, a, media, found)
    return broken


def fetch(url):
    """(status, headers, bytes); None when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()
    except OSError:
        return None


def check_headers(url, status, headers):
    count = len(headers.get_all(CORS, []))
    return [] if count == 1 else [f"Fetch standard 3.2 (CORS): {count} {CORS} with status {status} ({url})"]


def check_served(master_url):
    """A stream at rest, over HTTP."""
    def get(url):
        got = fetch(url)
        if not got or got[0] != 200:
            raise AssertionError(f"{url}: {got and got[0]}")
        return got[2]

    master = get(master_url).decode()
    texts = {uri: get(urllib.parse.urljoin(master_url, uri)).decode() for uri, _ in variants(master)}
    return check_stored(master, texts, lambda uri, segment: get(urllib.parse.urljoin(urllib.parse.urljoin(master_url, uri), segment)))


class Watcher:
    """Fetches a live stream's playlists several times a second, and checks each version and each step."""

    def __init__(self, master_url, every=0.3):
        self.url, self.every = master_url, every
        self.broken, self.versions, self.last = [], 0, {}
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *what):
        self.stop()

    def stop(self):
        """One more look, then what was found, each once."""
        if not self.ending.is_set():
            self.ending.set()
            self.thread.join()
            self.look()
        return self.broken

    def run(self):
        while not self.ending.wait(self.every):
            self.look()

    def say(self, broken):
        self.broken += [line for line in broken if line not in self.broken]

    def text(self, url):
        got = fetch(url)
        if not got:
            return None
        self.say(check_headers(url, got[0], got[1]))
        if got[0] != 200:
            self.last.pop(url, None)  # taken away: what comes next is another stream
            return None
        return got[2].decode()

    def look(self):
        master = self.text(self.url)
        if master is None:
            return
        if master != self.last.get(self.url):
            self.last[self.url] = master
            self.say(check_master(master))
        now = {}
        for uri, _ in variants(master):
            url = urllib.parse.urljoin(self.url, uri)
            text = self.text(url)
            if text is None or (url not in self.last and "#EXT-X-ENDLIST" in text):
                continue  # ended: of an earlier start of the job, which goes on when this one has begun
            now[uri] = text
            old = self.last.get(url)
            self.last[url] = text
            if text == old:
                continue
            self.versions += 1
            self.say(check_media(text, uri))
            if old is not None:
                self.say(check_refresh(old, text, uri))
        self.say(check_renditions(now))


def main():
    import sys
    broken = check_served(sys.argv[1])
    print(*broken or ["no rule broken"], sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
