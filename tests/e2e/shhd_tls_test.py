#!/usr/bin/env python3
"""packaging/nginx/shhd.conf, run by a real nginx before a real shhd: its JSON-RPC and WebSocket over TLS, HTTP/2 where the
client speaks it, the token and the names that shhd asks for, and answers that come piece by piece."""
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import http2  # noqa: E402
from shhd_node import Node, wait_for  # noqa: E402
from websocket import Refused, WebSocket  # noqa: E402

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
NAME, TOKEN = "whisper.example.org", "a-token-for-a-test"
BEARER = {"Authorization": "Bearer " + TOKEN}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Events(http.server.BaseHTTPRequestHandler):
    """An event stream: each when the test has seen the one before."""
    seen = threading.Semaphore(0)
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for word in (b"one", b"two", b"three"):
            self.wfile.write(b"data: " + word + b"\n\n")
            self.wfile.flush()
            self.seen.acquire(timeout=30)

    def log_message(self, *_):
        pass


class Nginx:
    """The example as it is, but for the ports, the certificate and the folder."""

    def __init__(self, folder, upstream):
        self.folder, self.port = pathlib.Path(folder), free_port()
        self.folder.mkdir()
        self.certificate, key = self.folder / "cert.pem", self.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=" + NAME, "-addext", "subjectAltName=DNS:" + NAME,
                        "-keyout", key, "-out", self.certificate], check=True, capture_output=True)
        text = (SOURCE / "packaging/nginx/shhd.conf").read_text()
        for old, new in (("server 127.0.0.1:8545;", f"server 127.0.0.1:{upstream};"),
                         ("listen 443 ssl http2;", f"listen 127.0.0.1:{self.port} ssl http2;"),
                         ("/etc/ssl/private/whisper.example.org/fullchain.pem", str(self.certificate)),
                         ("/etc/ssl/private/whisper.example.org/key.pem", str(key))):
            if text.count(old) != 1:
                raise AssertionError(f"packaging/nginx/shhd.conf: {old} stands there {text.count(old)} times")
            text = text.replace(old, new)
        temporary = "\n".join(f"{kind}_temp_path {self.folder}/{kind};"
                              for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(f"{user} daemon off; worker_processes 1; pid {self.folder}/pid;\n"
                                                f"error_log {self.folder}/error.log;\nevents {{}}\n"
                                                f"http {{\naccess_log off;\n{temporary}\n{text}}}\n")
        self.process = subprocess.Popen([NGINX, "-p", self.folder, "-c", self.folder / "nginx.conf"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError((self.folder / "error.log").read_text())
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def connect(self, alpn=("http/1.1",), trusted=True):
        context = ssl.create_default_context(cafile=self.certificate if trusted else None)
        context.set_alpn_protocols(list(alpn))
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 20), server_hostname=NAME)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class Client(http.client.HTTPConnection):
    """HTTP/1.1 over a connection that stands already."""

    def __init__(self, connection):
        super().__init__(NAME)
        self.sock = connection


class SecureWebSocket(WebSocket):
    def __init__(self, nginx, headers):
        self.nginx = nginx
        super().__init__(nginx.port, headers)

    def dial(self, port, seconds):
        return self.nginx.connect()

    def host(self, port):
        return NAME


@unittest.skipUnless(NGINX and shutil.which("openssl"), "nginx or openssl is not installed")
class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.node = Node(cls.folder, "node", "--hosts", NAME, env={"DSN_RPC_TOKEN": TOKEN})
        cls.addClassCleanup(cls.node.stop)
        cls.node.start()
        cls.nginx = cls.before(cls.folder / "nginx", cls.node.port)

    @classmethod
    def before(cls, folder, upstream):
        nginx = Nginx(folder, upstream)
        cls.addClassCleanup(nginx.stop)
        wait_for(nginx.listens)
        return nginx

    def post(self, connection, body, headers):
        client = Client(connection)
        self.addCleanup(client.close)
        client.request("POST", "/", body, {"Content-Type": "application/json", **headers})
        answer = client.getresponse()
        return answer.status, answer.read()

    def test_json_rpc(self):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "shh_version"})
        status, answer = self.post(self.nginx.connect(), body, BEARER)
        self.assertEqual((status, json.loads(answer)["result"]), (200, "6.0"))
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.nginx.connect(trusted=False)

    def test_http2(self):
        connection = self.nginx.connect(("h2", "http/1.1"))
        self.addCleanup(connection.close)
        body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "shh_version"}).encode()
        status, answer = http2.post(connection, NAME, body, [("authorization", BEARER["Authorization"])])
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(answer), {"jsonrpc": "2.0", "id": 7, "result": "6.0"})

    def test_who_has_no_token_is_refused(self):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "shh_version"})
        self.assertEqual(self.post(self.nginx.connect(), body, {})[0], 401)
        with self.assertRaises(Refused) as refused:
            SecureWebSocket(self.nginx, ())
        self.assertEqual(str(refused.exception), "401")

    def test_a_name_that_shhd_does_not_know_is_refused(self):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "shh_version"})
        self.assertEqual(self.post(self.nginx.connect(), body, {**BEARER, "Host": "elsewhere.example.org"})[0], 403)

    def test_a_body_of_the_limit_passes_and_a_larger_one_does_not(self):
        def ask(n):
            frame = '{"jsonrpc":"2.0","id":1,"method":"web3_sha3","params":["0x"]}'
            digits = (n - len(frame)) // 2 * 2
            return self.post(self.nginx.connect(), frame.replace('"0x"', f'"0x{"0" * digits}"').ljust(n), BEARER)

        status, answer = ask(5 << 20)
        self.assertEqual(status, 200)
        self.assertIn("result", json.loads(answer))
        self.assertEqual(ask((5 << 20) + 1)[0], 413)

    def test_websocket_and_its_notifications(self):
        ws = SecureWebSocket(self.nginx, ["Authorization: " + BEARER["Authorization"]])
        self.addCleanup(ws.close)
        key = ws.call("shh_generateSymKeyFromPassword", "a password")["result"]
        self.assertIn("result", ws.call("shh_subscribe", "messages", {"symKeyID": key, "topics": ["0x01020304"]}))
        self.assertIn("result", ws.call("shh_post", {"symKeyID": key, "payload": "0x68656c6c6f", "ttl": 20, "powTarget": 0.2,
                                                     "powTime": 5, "topic": "0x01020304"}))
        self.assertEqual(ws.note(20)["params"]["result"]["payload"], "0x68656c6c6f")

    def test_events_come_one_by_one(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Events)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.addCleanup(server.server_close)
        nginx = self.before(self.folder / "events", server.server_address[1])
        client = Client(nginx.connect())
        self.addCleanup(client.close)
        self.addCleanup(Events.seen.release, 3)
        client.request("GET", "/")
        answer = client.getresponse()
        for word in (b"one", b"two", b"three"):
            self.assertEqual((answer.readline(), answer.readline()), (b"data: " + word + b"\n", b"\n"))
            Events.seen.release()


if __name__ == "__main__":
    unittest.main(verbosity=2)
