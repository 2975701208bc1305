"""A live source that sends FLV tags over RTMP exactly as it is told: stamps, codecs and gaps that no well-behaved publisher has.

    source = Source(film.flv)                      # tags of a file
    live = Publisher(url, source.tags(back_at(8)))  # a thread; sends in real time
    live.join()                                    # its end: live.ended is "sent", or why the server ended it
"""
import os
import socket
import struct
import threading
import time
import urllib.parse

SOUND, PICTURE, SCRIPT = 8, 9, 18


class Closed(Exception):
    pass


def amf(*values):
    """AMF0 of what RTMP's commands need."""
    out = b""
    for value in values:
        if value is None:
            out += b"\x05"
        elif isinstance(value, str):
            out += b"\x02" + struct.pack(">H", len(value)) + value.encode()
        elif isinstance(value, dict):
            members = b"".join(struct.pack(">H", len(k)) + k.encode() + amf(v) for k, v in value.items())
            out += b"\x03" + members + b"\x00\x00\x09"
        else:
            out += b"\x00" + struct.pack(">d", value)
    return out


class Connection:
    """One RTMP connection (Adobe's specification 1.0) that publishes one stream; every message is one chunk."""

    def __init__(self, url, source="127.0.0.1"):
        parts = urllib.parse.urlsplit(url)
        application, _, name = parts.path.lstrip("/").partition("/")
        self.socket = socket.create_connection((parts.hostname, parts.port), 10, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.publish(application, name + ("?" + parts.query if parts.query else ""), url)
        except BaseException:
            self.socket.close()
            raise

    def publish(self, application, name, url):
        self.shake_hands()
        self.message(2, 1, 0, 0, struct.pack(">I", 1 << 20))  # a message is one chunk
        self.command(0, "connect", 1, {"app": application, "tcUrl": url.split("?")[0].rpartition("/")[0]})
        self.expect(b"NetConnection.Connect.Success")
        self.command(0, "createStream", 2, None)
        self.expect(b"_result")
        self.command(1, "publish", 3, None, name, "live")
        self.expect(b"NetStream.Publish.Start")

    def shake_hands(self):
        self.socket.sendall(b"\x03" + bytes(8) + os.urandom(1528))
        got = b""
        while len(got) < 3073:
            part = self.socket.recv(3073 - len(got))
            if not part:
                raise Closed("in the handshake")
            got += part
        self.socket.sendall(got[1:1537])

    def message(self, channel, kind, stamp, stream, body):
        stamp &= 0xffffffff
        extended = stamp >= 0xffffff
        head = bytes([channel]) + (0xffffff if extended else stamp).to_bytes(3, "big") + len(body).to_bytes(3, "big")
        head += bytes([kind]) + struct.pack("<I", stream) + (struct.pack(">I", stamp) if extended else b"")
        try:
            self.socket.sendall(head + body)
        except OSError as e:
            raise Closed(str(e)) from None

    def command(self, stream, *words):
        self.message(3, 20, 0, stream, amf(*words))

    def expect(self, word):
        said, end = b"", time.monotonic() + 10
        while word not in said:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                part = self.socket.recv(65536)
            except OSError:
                part = b""
            said += part
            if not part or b"BadName" in said:
                raise Closed(f"no {word.decode()}")
        self.socket.settimeout(10)

    def still_open(self):
        self.socket.setblocking(False)
        try:
            if self.socket.recv(65536) == b"":
                raise Closed("the server closed the connection")
        except BlockingIOError:
            pass
        except OSError as e:
            raise Closed(str(e)) from None
        finally:
            self.socket.settimeout(10)

    def close(self):
        try:
            self.command(0, "deleteStream", 4, None, 1)
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(65536):
                pass
        except (OSError, Closed):
            pass
        self.socket.close()


class Tag:
    """`at_ms`: when it is sent; `stamp_ms`: what it says."""

    def __init__(self, kind, at_ms, body, stamp_ms=None):
        self.kind, self.at_ms, self.body = kind, at_ms, body
        self.stamp_ms = at_ms if stamp_ms is None else stamp_ms

    def is_settings(self):
        if self.kind == PICTURE:
            return self.body[0] & 15 == 7 and self.body[1] == 0
        return self.kind == SOUND and self.body[0] >> 4 == 10 and self.body[1] == 0


def read(path):
    """The tags of an FLV file."""
    with open(path, "rb") as file:
        data, found = file.read(), []
    at = struct.unpack(">I", data[5:9])[0] + 4
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        stamp = data[at + 7] << 24 | int.from_bytes(data[at + 4:at + 7], "big")
        found.append(Tag(data[at], stamp, data[at + 11:at + 11 + size]))
        at += 15 + size
    return found


class Publisher(threading.Thread):
    """Sends tags at their times; `ended` says how that went, `seconds` how long it took."""

    def __init__(self, url, tags):
        super().__init__(daemon=True)
        self.url, self.tags, self.ended, self.seconds = url, tags, None, 0.0
        self.leave = threading.Event()
        self.start()

    def run(self):
        begin = time.monotonic()
        try:
            connection = Connection(self.url)
        except (Closed, OSError) as e:
            self.ended = f"refused: {e}"
            return
        try:
            begin = time.monotonic()
            for tag in self.tags:
                if self.leave.wait(max(0, begin + tag.at_ms / 1000 - time.monotonic())):
                    break
                connection.still_open()
                body = amf("@setDataFrame") + tag.body if tag.kind == SCRIPT else tag.body
                connection.message({SOUND: 4, PICTURE: 6, SCRIPT: 5}[tag.kind], tag.kind, tag.stamp_ms, 1, body)
            self.ended = "sent"
        except Closed as e:
            self.ended = f"closed: {e}"
        self.seconds = time.monotonic() - begin
        connection.close()

    def stop(self):
        self.leave.set()
        self.join(10)


# --- what may be wrong with a source; each takes tags and gives others ---

def until(tags, seconds):
    return [t for t in tags if t.at_ms < seconds * 1000]


def clock_jumps(tags, at_s, by_s):
    """From at_s on the clock says by_s more."""
    return [Tag(t.kind, t.at_ms, t.body, t.stamp_ms + round(by_s * 1000) if t.at_ms >= at_s * 1000 else t.stamp_ms) for t in tags]


def strays(tags, every_s, by_s):
    """A picture from elsewhere every few seconds."""
    out, due = [], every_s * 1000
    for t in tags:
        stray = t.kind == PICTURE and not t.is_settings() and t.at_ms >= due
        due += every_s * 1000 if stray else 0
        out.append(Tag(t.kind, t.at_ms, t.body, t.stamp_ms + round(by_s * 1000) if stray else t.stamp_ms))
    return out


def sound_from(tags, at_s):
    """The sound, its settings too, comes later."""
    settings = [t for t in tags if t.kind == SOUND and t.is_settings()]
    sound = [Tag(SOUND, round(at_s * 1000), t.body) for t in settings]
    sound += [t for t in tags if t.kind == SOUND and not t.is_settings() and t.at_ms >= at_s * 1000]
    return sorted([t for t in tags if t.kind != SOUND] + sound, key=lambda t: t.at_ms)


def changes(tags, other, at_s, kinds=(SOUND, PICTURE)):
    """From the first key frame of at_s on it is what `other` sends of these kinds, with its settings."""
    at_ms = min(t.at_ms for t in tags if t.kind == PICTURE and t.body[0] >> 4 == 1 and not t.is_settings() and t.at_ms >= at_s * 1000)
    out = [t for t in tags if t.kind not in kinds or t.is_settings() or t.at_ms < at_ms]
    settings = [Tag(t.kind, at_ms, t.body) for t in other if t.kind in kinds and t.is_settings()]
    later = [t for t in other if t.kind in kinds and not t.is_settings() and t.at_ms >= at_ms]
    before = [t for t in out if t.at_ms < at_ms]
    return before + settings + sorted([t for t in out if t.at_ms >= at_ms] + later, key=lambda t: t.at_ms)


RUBBISH = {PICTURE: b"\x17\0\0\0\0\x01\x4d\x40\x1f\xff\xe1\xff\xff", SOUND: b"\xaf\0\0\0"}


def rubbish_settings(tags, at_s):
    """Settings of picture and sound that nobody can read, on the way."""
    return sorted([*tags, *(Tag(kind, round(at_s * 1000), body) for kind, body in RUBBISH.items())], key=lambda t: t.at_ms)


def too_long(body):
    """A picture whose first NAL unit's length says 1000 bytes more than there are."""
    return body[:5] + (int.from_bytes(body[5:9], "big") + 1000).to_bytes(4, "big") + body[9:]


def key_damaged(tags, at_s):
    """The first key frame from at_s on."""
    hit = next(t for t in tags if t.kind == PICTURE and not t.is_settings() and t.body[0] >> 4 == 1 and t.at_ms >= at_s * 1000)
    return [Tag(t.kind, t.at_ms, too_long(t.body), t.stamp_ms) if t is hit else t for t in tags]


def sound_only(tags):
    return [t for t in tags if t.kind == SOUND]


def enhanced_hevc(tags):
    """Dressed as OBS sends HEVC: a server sees the head of each tag."""
    def dress(t):
        if t.kind != PICTURE:
            return t
        kind = {0: 0, 1: 1, 2: 2}[t.body[1]]
        rest = t.body[2:5] + t.body[5:] if kind == 1 else t.body[5:]
        return Tag(t.kind, t.at_ms, bytes([0x80 | t.body[0] & 0x70 | kind]) + b"hvc1" + rest)
    return [dress(t) for t in tags]
