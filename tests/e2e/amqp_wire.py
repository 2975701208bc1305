"""Just enough AMQP 0-9-1 to be an eavesdropper and a forger on a test's broker: a queue of its own beside a mailbox gets a
copy of each message, and any bytes can be put into a mailbox, again and again.

    wire = Wire(port)
    wire.copy("dsn.NETWORK", [node ids])   what is sent to them from now on is copied
    wire.take(seconds)                     -> (routing key, properties, body) or None
    wire.send("dsn.NETWORK", node id, properties, body)     confirmed when it returns
"""
import select
import socket
import struct
import time

FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT, FRAME_END = 1, 2, 3, 8, 0xCE
CHANNEL = 1


def short(text):
    data = text.encode()
    return bytes([len(data)]) + data


def long(data):
    return struct.pack(">I", len(data)) + data


class Wire:
    def __init__(self, port, user="guest", password="guest"):
        self.rest, self.frames, self.copies = b"", [], []
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.sendall(b"AMQP\x00\x00\x09\x01")
        self.expect(0, 10, 10)
        self.method(0, 10, 11, long(b"") + short("PLAIN") + long(f"\0{user}\0{password}".encode()) + short("en_US"))
        self.expect(0, 10, 30)
        self.method(0, 10, 31, struct.pack(">HIH", 2047, 131072, 0))
        self.method(0, 10, 40, short("/") + b"\0\0")
        self.expect(0, 10, 41)
        self.method(CHANNEL, 20, 10, b"\0")
        self.expect(CHANNEL, 20, 11)
        self.method(CHANNEL, 85, 10, b"\0")
        self.expect(CHANNEL, 85, 11)

    # frames

    def frame(self, kind, channel, payload):
        self.socket.sendall(struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes([FRAME_END]))

    def method(self, channel, class_id, method_id, arguments):
        self.frame(FRAME_METHOD, channel, struct.pack(">HH", class_id, method_id) + arguments)

    def next_frame(self, seconds):
        end = time.monotonic() + seconds
        while True:
            if len(self.rest) >= 7:
                kind, channel, size = struct.unpack(">BHI", self.rest[:7])
                if len(self.rest) >= size + 8:
                    payload, self.rest = self.rest[7:size + 7], self.rest[size + 8:]
                    if kind != FRAME_HEARTBEAT:
                        return kind, channel, payload
                    continue
            if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
                return None
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("the broker has closed the connection")
            self.rest += data

    def look(self, seconds):
        """One method (class, method, arguments), deliveries set aside; None when the time is over."""
        found = self.next_frame(seconds)
        if found is None:
            return None
        kind, _, payload = found
        if kind != FRAME_METHOD:
            raise ConnectionError(f"a frame of kind {kind} out of turn")
        class_id, method_id = struct.unpack(">HH", payload[:4])
        if (class_id, method_id) == (60, 60):
            self.delivery(payload[4:])
        elif method_id in (40, 50) and class_id in (10, 20):
            raise ConnectionError(f"the broker refuses: {payload[4:]!r}")
        return class_id, method_id, payload[4:]

    def delivery(self, arguments):
        at = 1 + arguments[0] + 8 + 1  # consumer tag, delivery tag, redelivered
        at += 1 + arguments[at]  # exchange
        key = arguments[at + 1:at + 1 + arguments[at]].decode()
        header = self.next_frame(10)[2]
        size, body = struct.unpack(">Q", header[4:12])[0], b""
        while len(body) < size:
            body += self.next_frame(10)[2]
        self.copies.append((key, header[12:], body))

    def expect(self, channel, class_id, method_id):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = self.look(max(0, end - time.monotonic()))
            if found and found[:2] == (class_id, method_id):
                return found[2]
        raise TimeoutError(f"no answer {class_id}.{method_id} from the broker")

    # messages

    def copy(self, exchange, keys):
        self.method(CHANNEL, 50, 10, b"\0\0" + short("") + bytes([0b01100]) + long(b""))  # exclusive, auto-delete
        answer = self.expect(CHANNEL, 50, 11)
        queue = answer[1:1 + answer[0]].decode()
        for key in keys:
            self.method(CHANNEL, 50, 20, b"\0\0" + short(queue) + short(exchange) + short(key) + b"\0" + long(b""))
            self.expect(CHANNEL, 50, 21)
        self.method(CHANNEL, 60, 20, b"\0\0" + short(queue) + short("") + bytes([0b0010]) + long(b""))  # no ack
        self.expect(CHANNEL, 60, 21)

    def take(self, seconds=10):
        end = time.monotonic() + seconds
        while not self.copies:
            if self.look(max(0, end - time.monotonic())) is None:
                return None
        return self.copies.pop(0)

    def send(self, exchange, key, properties, body):
        """`properties`: flags and values as they stand in a content header, e.g. of a copy."""
        self.method(CHANNEL, 60, 40, b"\0\0" + short(exchange) + short(key) + b"\0")
        self.frame(FRAME_HEADER, CHANNEL, struct.pack(">HHQ", 60, 0, len(body)) + properties)
        self.frame(FRAME_BODY, CHANNEL, body)
        self.expect(CHANNEL, 60, 80)

    def close(self):
        self.socket.close()
