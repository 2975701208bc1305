"""A WebSocket client (RFC 6455) for tests, that can also misbehave."""
import base64
import collections
import hashlib
import json
import os
import socket
import struct
import time


class Refused(Exception):
    """The handshake was answered with another status."""


class Closed(Exception):
    """The peer closed; `code` is None without a close frame."""

    def __init__(self, code):
        super().__init__(f"closed with {code}")
        self.code = code


class WebSocket:
    def __init__(self, port, headers=(), path="/", seconds=20):
        self.socket = self.dial(port, seconds)
        self.buffer = b""
        self.notes = collections.deque()
        self.number = 0
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.host(port)}", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        status = head.split(b" ", 2)[1].decode()
        if status != "101":
            self.socket.close()
            raise Refused(status)
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        assert b"Sec-WebSocket-Accept: " + accept in head, head

    def dial(self, port, seconds):
        return socket.create_connection(("127.0.0.1", port), seconds)

    def host(self, port):
        return f"127.0.0.1:{port}"

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Closed(None)
        self.buffer += data

    def take(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def send_frame(self, opcode, data, final=True):
        n, mask = len(data), os.urandom(4)
        head = bytes([(0x80 if final else 0) | opcode])
        head += (struct.pack("!B", 0x80 | n) if n < 126 else struct.pack("!BH", 0xfe, n) if n < 65536
                 else struct.pack("!BQ", 0xff, n))
        key = (mask * (n // 4 + 1))[:n]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(n, "big")
        self.socket.sendall(head + mask + masked)

    def frame(self):
        """The next frame: (opcode, data)."""
        first, second = self.take(2)
        n = second & 0x7f
        if n == 126:
            n = struct.unpack("!H", self.take(2))[0]
        elif n == 127:
            n = struct.unpack("!Q", self.take(8))[0]
        return first & 0x0f, self.take(n)

    def receive(self):
        """The next text as JSON."""
        while True:
            opcode, data = self.frame()
            if opcode == 1:
                return json.loads(data)
            if opcode == 8:
                raise Closed(struct.unpack("!H", data[:2])[0] if data else 1005)

    def ask(self, document):
        """What is answered to a document; notifications that come before go to `notes`."""
        self.send_frame(1, json.dumps(document).encode())
        while True:
            answer = self.receive()
            if isinstance(answer, list) or "method" not in answer:
                return answer
            self.notes.append(answer)

    def call(self, method, *params):
        self.number += 1
        return self.ask({"jsonrpc": "2.0", "id": self.number, "method": method, "params": list(params)})

    def note(self, seconds=10):
        """The next notification."""
        end = time.monotonic() + seconds
        while not self.notes:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            self.notes.append(self.receive())
        return self.notes.popleft()

    def close(self):
        self.socket.close()
