"""As much of HTTP/2 (RFC 9113) as one request over TLS needs, by Python's standard library."""
import ssl
import struct

DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
# ":status" of the static table (RFC 7541, appendix A), as one byte.
STATUS = {0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}


def literal(text):
    """Not Huffman's coding, shorter than 127 bytes."""
    data = text.encode()
    assert len(data) < 127, text
    return bytes([len(data)]) + data


def field(name, value):
    return b"\x10" + literal(name) + literal(value)  # never indexed


def frame(kind, flags, stream, data=b""):
    return struct.pack("!I", len(data))[1:] + struct.pack("!BBI", kind, flags, stream) + data


def post(connection, host, body, headers=()):
    """Asks over a connection of ssl that agreed on h2: (status or None when it is none of the table, body)."""
    assert isinstance(connection, ssl.SSLSocket) and connection.selected_alpn_protocol() == "h2"
    fields = [(":method", "POST"), (":scheme", "https"), (":path", "/"), (":authority", host),
              ("content-type", "application/json"), *headers]
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0) +
                       frame(HEADERS, END_HEADERS, 1, b"".join(field(*f) for f in fields)) +
                       frame(DATA, END_STREAM, 1, body))
    reader, status, answer = connection.makefile("rb"), None, b""
    while True:
        head = reader.read(9)
        if len(head) < 9:
            raise AssertionError("the server closed before the answer's end")
        n, kind, flags, stream = struct.unpack("!I", b"\0" + head[:3])[0], head[3], head[4], head[5:]
        data = reader.read(n)
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        elif kind == HEADERS and stream == b"\0\0\0\1":
            status = next((STATUS[b] for b in data[:4] if b in STATUS), None)
        elif kind == DATA:
            answer += data
        elif kind == GOAWAY:
            raise AssertionError(f"the server ended the connection: {data!r}")
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            return status, answer
