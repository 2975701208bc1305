"""What is in an MPEG-TS segment (ISO/IEC 13818-1), as far as the rules of HLS ask: tracks, times, the first picture, counters."""

H264, AAC, MP3 = 0x1b, 0x0f, (0x03, 0x04)
VIDEO_TYPES = (H264, 0x24)
WRAP = 1 << 33


class Track:
    def __init__(self, kind):
        self.kind = kind
        self.pts = []
        self.first = b""         # the first access unit's bytes
        self.codecs = set()


class Segment:
    """Read from bytes; what cannot be read is in `faults`."""

    def __init__(self, data):
        self.faults, self.tracks, self.order = [], {}, []
        self.first_counter, self.last_counter, self.marked = {}, {}, set()
        self.pmt_pid = None
        self.size = len(data)
        if not data or len(data) % 188:
            self.faults.append(f"{len(data)} bytes are no whole number of packets")
        self.open = {}
        for at in range(0, len(data) - 187, 188):
            if data[at] != 0x47:
                self.faults.append(f"no sync byte at {at}")
                return
            self.packet(data[at:at + 188])
        for pid, pes in self.open.items():
            self.unit(self.tracks[pid], bytes(pes))

    def packet(self, p):
        pid, start, control = (p[1] & 0x1f) << 8 | p[2], p[1] & 0x40, p[3] >> 4 & 3
        at = 4
        if control & 2:
            if p[4] and p[5] & 0x80:
                self.marked.add(pid)
            at += 1 + p[4]
        if not control & 1:
            return
        if pid not in self.order:
            self.order.append(pid)
        counter = p[3] & 15
        self.first_counter.setdefault(pid, counter)
        if pid in self.last_counter and counter != (self.last_counter[pid] + 1) & 15:
            self.faults.append(f"packets of {pid:#x} are missing")
        self.last_counter[pid] = counter
        body = p[at:]
        if pid == 0 and start:
            section = body[1 + body[0]:]
            self.pmt_pid = (section[10] & 0x1f) << 8 | section[11]
        elif pid == self.pmt_pid and start:
            self.programme(body[1 + body[0]:])
        elif pid in self.tracks:
            if start:
                if pid in self.open:
                    self.unit(self.tracks[pid], bytes(self.open[pid]))
                self.open[pid] = bytearray()
            if pid in self.open:
                self.open[pid] += body

    def programme(self, s):
        length = (s[1] & 15) << 8 | s[2]
        at = 12 + ((s[10] & 15) << 8 | s[11])
        while at + 5 <= 3 + length - 4:
            pid = (s[at + 1] & 0x1f) << 8 | s[at + 2]
            self.tracks.setdefault(pid, Track(s[at]))
            at += 5 + ((s[at + 3] & 15) << 8 | s[at + 4])

    def unit(self, track, pes):
        if pes[:3] != b"\0\0\1" or len(pes) < 9:
            self.faults.append("a PES packet does not begin as one")
            return
        if pes[7] & 0x80:
            b = pes[9:14]
            track.pts.append((b[0] >> 1 & 7) << 30 | b[1] << 22 | b[2] >> 1 << 15 | b[3] << 7 | b[4] >> 1)
        payload = pes[9 + pes[8]:]
        if not track.first:
            track.first = payload
        if track.kind == H264:
            for nal in nals(payload):
                if nal and nal[0] & 31 == 7 and len(nal) > 3:
                    track.codecs.add("avc1.%02x%02x%02x" % (nal[1], nal[2], nal[3]))
        elif track.kind == AAC and len(payload) > 2 and payload[0] == 0xff:
            track.codecs.add(f"mp4a.40.{(payload[2] >> 6) + 1}")
        elif track.kind in MP3:
            track.codecs.add("mp4a.40.34")

    def video(self):
        return next((t for t in self.tracks.values() if t.kind in VIDEO_TYPES), None)

    def kinds(self):
        return sorted((pid, t.kind) for pid, t in self.tracks.items())

    def codecs(self):
        return set().union(*(t.codecs for t in self.tracks.values())) if self.tracks else set()

    def times(self):
        """(first, after the last) of its pictures, in seconds, a wrap within undone; None: no pictures."""
        track = self.video()
        if not track or not track.pts:
            return None
        base = track.pts[0]
        rising = sorted(base + ((p - base + WRAP // 2) % WRAP - WRAP // 2) for p in track.pts)
        frame = (rising[-1] - rising[0]) / (len(rising) - 1) if len(rising) > 1 else 3600
        return rising[0] / 90000, (rising[-1] + frame) / 90000


def nals(data):
    """The NAL units of an access unit in the form of annex B."""
    found, at = [], data.find(b"\0\0\1")
    while at >= 0:
        end = data.find(b"\0\0\1", at + 3)
        found.append(data[at + 3:end if end >= 0 else len(data)])
        at = end
    return found


def starts_clean(segment):
    """Why decoding cannot begin with this segment, or None."""
    track = segment.video()
    if not track:
        return "no video"
    types = [n[0] & 31 for n in nals(track.first) if n]
    slices = [i for i, t in enumerate(types) if 1 <= t <= 5]
    if not slices or types[slices[0]] != 5:
        return f"its first picture is no IDR picture (NAL units {types})"
    if 7 not in types[:slices[0]] or 8 not in types[:slices[0]]:
        return f"no parameter sets before its first picture (NAL units {types})"
    return None
