"""JSON-RPC over a WebSocket (RFC 6455), client side: answers by id, notifications by subscription."""
import base64
import collections
import hashlib
import itertools
import json
import os
import socket
import struct
import time

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WebSocket:
    def __init__(self, port, seconds=30):
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self.buffer = b""
        self.numbers = itertools.count(1)
        self.notes = collections.deque()  # (subscription, result)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.more()
        head, self.buffer = head.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        if " 101 " not in lines[0] + " ":
            raise AssertionError(f"no WebSocket: {lines[0]}")
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        if fields.get("sec-websocket-accept") != expected:
            raise AssertionError("wrong Sec-WebSocket-Accept")

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the WebSocket was closed")
        return data

    def take(self, n):
        while len(self.buffer) < n:
            self.buffer += self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def send_frame(self, opcode, data):
        mask = os.urandom(4)
        n = len(data)
        size = (struct.pack("!B", 0x80 | n) if n < 126 else
                struct.pack("!BH", 0x80 | 126, n) if n < 65536 else struct.pack("!BQ", 0x80 | 127, n))
        repeated = mask * (n // 4 + 1)
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(repeated[:n], "big")).to_bytes(n, "big") if n else b""
        self.socket.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def receive(self):
        """The next text message."""
        whole = b""
        while True:
            first, second = self.take(2)
            n = second & 0x7f
            if n == 126:
                n = struct.unpack("!H", self.take(2))[0]
            elif n == 127:
                n = struct.unpack("!Q", self.take(8))[0]
            data = self.take(n)
            opcode = first & 0x0f
            if opcode == 9:
                self.send_frame(10, data)
            elif opcode == 8:
                raise ConnectionError(f"the WebSocket was closed: {data[:2].hex()} {data[2:].decode(errors='replace')}")
            elif opcode in (0, 1):
                whole += data
                if first & 0x80:
                    return json.loads(whole)

    def sort(self, document):
        if document.get("method") == "shh_subscription":
            self.notes.append((document["params"]["subscription"], document["params"]["result"]))
            return None
        return document

    def send(self, document):
        """A request with an id; the answer to it."""
        self.send_frame(1, json.dumps(document).encode())
        while True:
            answer = self.sort(self.receive())
            if answer and answer["id"] == document["id"]:
                return answer

    def rpc(self, method, *params):
        answer = self.send({"jsonrpc": "2.0", "id": next(self.numbers), "method": method, "params": list(params)})
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def note(self, seconds=20):
        """The next notification: (subscription, result)."""
        end = time.monotonic() + seconds
        while not self.notes:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            self.sort(self.receive())
        return self.notes.popleft()

    def close(self):
        self.socket.close()
