"""Serves the demo's page (web/) and /state.json, on 127.0.0.1."""
import http.server
import json
import pathlib
import threading
import time

from network import DemoError

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml"}


class Page:
    def __init__(self, web, port):
        self.lock = threading.Lock()
        self.state = {}
        files = {"/": web / "index.html", "/app.js": web / "app.js", "/style.css": web / "style.css",
                 "/favicon.svg": web / "favicon.svg", "/favicon.ico": web / "favicon.svg",
                 "/hls.js": web / "node_modules" / "hls.js" / "dist" / "hls.light.min.js"}
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.split("?")[0]
                if path == "/state.json":
                    with page.lock:
                        body = json.dumps({**page.state, "now": time.time()}).encode()
                    kind = "application/json"
                elif path in files:
                    body = files[path].read_bytes()
                    kind = TYPES[pathlib.Path(files[path]).suffix]
                else:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        try:
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as e:
            raise DemoError(f"port {port} for the page: {e.strerror}; choose another one with PORT=") from None
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def update(self, **members):
        with self.lock:
            self.state.update(members)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
