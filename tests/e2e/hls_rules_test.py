"""The checker of HLS's rules, one bad playlist or segment per rule; none of this needs a server or a stream."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hls_rules  # noqa: E402
import hls_ts  # noqa: E402

HEAD = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:4\n"
EVENT = "#EXT-X-PLAYLIST-TYPE:EVENT\n"


def segment(number, seconds="2.000", tags=""):
    return f"{tags}#EXTINF:{seconds},\n{number:010d}.ts\n"


GOOD = HEAD + "".join(segment(n) for n in range(4, 10))
GAP, JUMP = "#EXT-X-GAP\n", "#EXT-X-DISCONTINUITY\n"
LINE = '#EXT-X-STREAM-INF:BANDWIDTH=1000,AVERAGE-BANDWIDTH=900,CODECS="avc1.4d401f,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=25.000\n'
MASTER = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n" + LINE + "a/index.m3u8\n" + LINE + "b/index.m3u8\n"


# --- segments, packet by packet ---

def packet(pid, counter, body, start=True, mark=False):
    """One transport packet, filled up in its adaptation field."""
    room = 184 - len(body)
    field = b""
    if room:
        field = bytes([room - 1]) + (bytes([0x80 if mark else 0]) + b"\xff" * (room - 2) if room > 1 else b"")
    return bytes([0x47, (0x40 if start else 0) | pid >> 8, pid & 255, (0x30 if room else 0x10) | counter & 15]) + field + body


def table(body):
    return b"\0" + body + b"\0\0\0\0"


PAT = table(b"\0\xb0\x0d\0\1\xc1\0\0\0\1\xf0\0")
PMT_VIDEO = table(b"\x02\xb0\x12\0\1\xc1\0\0\xe1\0\xf0\0\x1b\xe1\0\xf0\0")
PMT_BOTH = table(b"\x02\xb0\x17\0\1\xc1\0\0\xe1\0\xf0\0\x1b\xe1\0\xf0\0\x0f\xe1\1\xf0\0")
SETS = b"\0\0\0\1\x09\xf0\0\0\0\1\x67\x4d\x40\x1f\0\0\0\1\x68\xee"
IDR, INTER = b"\0\0\0\1\x65\x88", b"\0\0\0\1\x41\x9a"


def stamp(pts):
    return bytes([0x21 | pts >> 29 & 14, pts >> 22 & 255, pts >> 14 & 254 | 1, pts >> 7 & 255, pts << 1 & 254 | 1])


def pes(pts, payload, kind=0xe0):
    return b"\0\0\1" + bytes([kind]) + b"\0\0\x80\x80\x05" + stamp(pts) + payload


def ts(begin=10.0, seconds=2.0, counters=(0, 0, 0), first=SETS + IDR, tables=True, pmt=PMT_VIDEO, mark=False, skip=False):
    """A segment of five pictures a second, and the counters behind it."""
    out, (a, b, v) = b"", counters
    if tables:
        out += packet(0, a, PAT, mark=mark) + packet(0x1000, b, pmt, mark=mark)
        a, b = a + 1, b + 1
    for i in range(int(seconds * 5)):
        v += skip and i == 3
        out += packet(0x100, v, pes(round((begin + i / 5) * 90000), first if i == 0 else INTER), mark=mark and i == 0)
        v += 1
    return out, (a, b, v)


def stream(*parts):
    """{uri: bytes} of segments 4.. that follow each other; each part says what is different."""
    found, counters, begin = {}, (0, 0, 0), 10.0
    for n, part in enumerate(parts):
        how = dict({"begin": begin, "counters": counters}, **part)
        data, counters = ts(**how)
        found[f"{n + 4:010d}.ts"] = data
        begin += 2
    return found


class Rules(unittest.TestCase):
    def one(self, broken, *words):
        self.assertEqual(len(broken), 1, broken)
        for word in words:
            self.assertIn(word, broken[0])

    def test_good(self):
        self.assertEqual(hls_rules.check_media(GOOD), [])
        self.assertEqual(hls_rules.check_media(GOOD.replace(segment(6), segment(6, tags=JUMP + GAP))), [])
        self.assertEqual(hls_rules.check_master(MASTER), [])
        self.assertEqual(hls_rules.check_refresh(GOOD, GOOD + segment(10)), [])
        self.assertEqual(hls_rules.check_renditions({"a": GOOD, "b": GOOD + segment(10)}), [])

    def test_media(self):
        for text, *words in (
                (GOOD[8:], "4.3.1.1", "#EXTM3U"),
                (GOOD[:-1], "4.1", "no end"),
                (GOOD.replace("#EXT-X-TARGETDURATION:3\n", ""), "4.3.3.1"),
                (GOOD.replace("TARGETDURATION:3", "TARGETDURATION:x"), "4.2"),
                (GOOD + segment(10, "3.500"), "4.3.3.1", "3.5"),
                (GOOD + segment(10, "3.500", GAP), "4.3.3.1", "3.5"),
                (GOOD + segment(10, "two"), "4.3.2.1", "two"),
                (GOOD + "0000000010.ts\n", "4.3.2.1", "no EXTINF"),
                (GOOD + "#EXTINF:2.000,\n", "4.3.2", "no segment"),
                (GOOD + segment(9), "6.2.1", "twice"),
                (GOOD + "#EXT-X-DISCONTINUITY-SEQUENCE:1\n", "4.3.3.3"),
                (GOOD.replace("#EXT-X-MEDIA-SEQUENCE:4\n", "") + "#EXT-X-MEDIA-SEQUENCE:4\n", "4.3.3.2"),
                (GOOD.replace("#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n" * 2), "4.1", "twice"),
                (GOOD.replace("2.000", "2").replace("VERSION:6", "VERSION:2") + segment(10, "2.5"), "7", "version 3"),
                (GOOD.replace("#EXT-X-INDEPENDENT-SEGMENTS\n", ""), "4.3.5.1"),
                (HEAD + "#EXT-X-PLAYLIST-TYPE:LIVE\n", "4.3.3.5"),
                (GOOD + LINE, "4.3.4")):
            found = hls_rules.check_media(text)
            if words[0] in ("4.3.3.1", "4.2") and "TARGET" in str(found):
                found = found[:1]  # without a target duration all segments are too long
            self.one(found, *words)

    def test_master(self):
        def without(name):
            return MASTER.replace(LINE, hls_rules.re.sub(rf',?{name}=("[^"]*"|[^,\n]*)', "", LINE, count=1), 1)

        for text, *words in (
                (MASTER[8:], "4.3.1.1"),
                (without("RESOLUTION"), "RESOLUTION"),
                (without("FRAME-RATE"), "FRAME-RATE"),
                (without("CODECS"), "4.3.4.2", "CODECS"),
                (without("AVERAGE-BANDWIDTH"), "AVERAGE-BANDWIDTH is missing"),
                (MASTER.replace("AVERAGE-BANDWIDTH=900", "AVERAGE-BANDWIDTH=1900", 1), "over the peak"),
                (MASTER.replace("BANDWIDTH=1000", "BANDWIDTH=-1", 1), "4.3.4.2", "BANDWIDTH is -1"),
                (MASTER.replace("b/index", "a/index"), "6.2.4", "twice"),
                (MASTER + LINE, "4.3.4.2", "no URI"),
                (MASTER.replace("#EXT-X-INDEPENDENT-SEGMENTS\n", ""), "4.3.5.1"),
                (MASTER.replace("#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n" * 2), "4.3.1.2"),
                (MASTER + "#EXT-X-ENDLIST\n", "4.3.2"),
                ("#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n", "no variant stream")):
            found = hls_rules.check_master(text)
            self.one(found[:1], *words)

    def test_refresh(self):
        slid = GOOD.replace("SEQUENCE:4", "SEQUENCE:5").replace(segment(4), "") + segment(10)
        self.assertEqual(hls_rules.check_refresh(GOOD, slid), [])
        marked = GOOD.replace(segment(4), segment(4, tags=JUMP))
        counted = slid.replace("#EXT-X-MEDIA", "#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXT-X-MEDIA")
        self.assertEqual(hls_rules.check_refresh(marked, counted), [])
        ended = GOOD + "#EXT-X-ENDLIST\n"
        self.assertEqual(hls_rules.check_refresh(GOOD, ended), [])
        self.assertEqual(hls_rules.check_refresh(ended, ended), [])
        short = HEAD + segment(4) + segment(5)
        for old, new, *words in (
                (GOOD, GOOD.replace("TARGETDURATION:3", "TARGETDURATION:4"), "6.2.1", "TARGETDURATION"),
                (GOOD, GOOD.replace("VERSION:6", "VERSION:8"), "6.2.1", "VERSION"),
                (GOOD, GOOD.replace("#EXT-X-MEDIA", EVENT + "#EXT-X-MEDIA"), "6.2.1", "PLAYLIST-TYPE"),
                (slid, GOOD, "6.2.2", "goes back"),
                (GOOD, GOOD.replace(segment(9), ""), "6.2.1", "left the end"),
                (GOOD, GOOD.replace(segment(9), segment(9, "2.500")), "6.2.1", "has become"),
                (GOOD, GOOD.replace(segment(9), segment(9, tags=GAP)), "6.2.1", "has become"),
                (GOOD.replace(HEAD, HEAD + EVENT), slid.replace("#EXTINF", EVENT + "#EXTINF", 1), "4.3.3.5", "EVENT"),
                (marked, slid, "6.2.2", "DISCONTINUITY-SEQUENCE"),
                (GOOD, counted, "6.2.2", "DISCONTINUITY-SEQUENCE"),
                (short, short.replace("SEQUENCE:4", "SEQUENCE:5").replace(segment(4), ""), "6.2.2", "three target durations"),
                (ended, GOOD, "4.3.3.4", "taken back"),
                (ended, ended.replace("#EXT-X-ENDLIST\n", segment(10) + "#EXT-X-ENDLIST\n"), "4.3.3.4", "behind")):
            self.one(hls_rules.check_refresh(old, new), *words)

    def test_renditions(self):
        for other, *words in (
                (GOOD.replace("TARGETDURATION:3", "TARGETDURATION:4"), "target durations differ"),
                (GOOD.replace(segment(7), segment(7, tags=JUMP)), "0000000007.ts has discontinuity sequence number 0"),
                (GOOD.replace(segment(6) + segment(7), ""), "drift apart by 4.000 s")):
            self.one(hls_rules.check_renditions({"a": GOOD, "b": other}), "6.2.4", *words)
        lost = GOOD.replace(segment(6), segment(6, tags=GAP))
        self.assertEqual(hls_rules.check_renditions({"a": GOOD, "b": lost}), [])

    def segments(self, *parts, text=None):
        found = stream(*parts)
        media = hls_rules.Media(text or HEAD + "".join(segment(4 + n) for n in range(len(parts))))
        self.assertEqual(media.broken, [])
        return hls_rules.check_segments(media, found.__getitem__)[0]

    def test_segments(self):
        self.assertEqual(self.segments({}, {}, {}), [])
        for part, *words in (
                ({"first": SETS + INTER}, "4.3.5.1", "no IDR picture"),
                ({"first": IDR}, "4.3.5.1", "no parameter sets"),
                ({"tables": False}, "3.2", "PAT and PMT"),
                ({"begin": 14.0}, "RFC 8216 3:", "begins 4.000 s after"),
                ({"counters": (0, 0, 0)}, "RFC 8216 3:", "packet counter"),
                ({"pmt": PMT_BOTH}, "4.3.2.3", "other tracks"),
                ({"skip": True}, "3.2", "are missing")):
            found = self.segments({}, part)
            if "packet counter" in words:
                found = found[:1]
            self.one([line for line in found if "no video" not in line][:1], *words)
        self.assertEqual(self.segments({}, {"counters": (5, 5, 5), "mark": True}), [], "a marked discontinuity of counters")
        jumped = HEAD + segment(4) + segment(5, tags=JUMP)
        self.assertEqual(self.segments({}, {"begin": 500.0, "counters": (7, 7, 7)}, text=jumped), [])
        gap = HEAD + segment(4) + segment(6, tags=GAP).replace("6.ts", "4.rest.ts") + segment(5)
        self.assertEqual(self.segments({}, {"begin": 14.0}, text=gap), [])
        self.one(self.segments({"seconds": 1.0}), "4.3.2.1", "holds 1.000 s")
        wrapped = (1 << 33) / 90000 - 1
        self.assertEqual(self.segments({"begin": wrapped}, {"begin": wrapped + 2 - (1 << 33) / 90000}), [])

    def test_no_transport_stream(self):
        for data, why in ((b"", "no whole number"), (b"x" * 188, "no sync byte"), (b"\x47" * 100, "no whole number")):
            self.assertIn(why, hls_ts.Segment(data).faults[0])

    def variant(self, **changes):
        """Two segments of 1880 bytes and 2 s each."""
        found = stream({}, {})
        media = hls_rules.Media(HEAD + EVENT + segment(4) + segment(5))
        _, read = hls_rules.check_segments(media, found.__getitem__)
        bits = sum(map(len, found.values())) * 8 / 4
        a = dict({"BANDWIDTH": str(round(bits)), "AVERAGE-BANDWIDTH": str(round(bits)), "CODECS": "avc1.4d401f"}, **changes)
        return hls_rules.check_variant("a", a, media, read), round(bits)

    def test_variants(self):
        good, bits = self.variant()
        self.assertEqual(good, [])
        self.one(self.variant(BANDWIDTH=str(bits * 9 // 10))[0], "4.3.4.2", "BANDWIDTH is")
        self.one(self.variant(BANDWIDTH=str(bits * 12 // 10))[0], "4.3.4.2", "BANDWIDTH is")
        self.one(self.variant(**{"AVERAGE-BANDWIDTH": str(bits // 2)})[0], "AVERAGE-BANDWIDTH is")
        self.one(self.variant(CODECS="avc1.4d401f,mp4a.40.2")[0], "CODECS are")
        self.one(self.variant(CODECS="avc1.64001f")[0], "CODECS are")

    def test_peak(self):
        """Half to one and a half target durations: a short segment counts with its neighbour only."""
        media = hls_rules.Media(HEAD + segment(4, "1.000") + segment(5, "2.000") + segment(6, "2.000", GAP) + segment(7, "3.000"))
        sizes = {"0000000004.ts": 1000, "0000000005.ts": 1000, "0000000007.ts": 600}
        high, average = hls_rules.peak(media.entries, sizes, 3)
        self.assertEqual(high, 2000 * 8 / 3)
        self.assertEqual(average, 2600 * 8 / 6)

    def test_headers(self):
        from email.message import Message
        head = Message()
        self.one(hls_rules.check_headers("u", 404, head), "0 Access-Control-Allow-Origin")
        head["Access-Control-Allow-Origin"] = "*"
        self.assertEqual(hls_rules.check_headers("u", 404, head), [])
        head["Access-Control-Allow-Origin"] = "*"
        self.one(hls_rules.check_headers("u", 416, head), "2 Access-Control-Allow-Origin")


if __name__ == "__main__":
    unittest.main()
