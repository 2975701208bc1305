"""Somebody who watches: hls.js in a headless Chromium, whose page is not touched; how long its picture stood still, and what it skipped."""
import http.server
import pathlib
import shutil
import sys
import threading
import urllib.parse

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
PLAYER = REPOSITORY / "web" / "node_modules" / "hls.js" / "dist" / "hls.min.js"
JUMP_S = 0.5
PAGE = """<!doctype html><meta charset=utf-8><title>viewer</title><video id=video muted autoplay></video>
<script src=/hls.js></script>
<script>
const video = document.getElementById("video"), seen = {};
function begin() { Object.assign(seen, {stall_s: 0, jump_s: 0, fatal: "", at: performance.now(), position: video.currentTime, played_s: 0}); }
const hls = new Hls({liveSyncDurationCount: 3});
hls.on(Hls.Events.ERROR, (_, e) => { if (e.fatal) seen.fatal = e.details; });
setInterval(() => {
  const now = performance.now(), moved = video.currentTime - seen.position;
  if (moved > 0) {
    seen.played_s += moved;
    seen.jump_s = Math.max(seen.jump_s, moved - (now - seen.at) / 1000);
    Object.assign(seen, {at: now, position: video.currentTime});
  }
  seen.stall_s = Math.max(seen.stall_s, (now - seen.at) / 1000);
}, 100);
begin();
hls.loadSource(new URLSearchParams(location.search).get("at"));
hls.attachMedia(video);
</script>"""


def missing():
    """Why nobody can watch here, or None."""
    for program in ("chromedriver", "chromium"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return None if PLAYER.exists() else f"{PLAYER} is missing (scripts/setup npm)"


def serve():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            script = self.path == "/hls.js"
            body = PLAYER.read_bytes() if script else PAGE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if script else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Viewer:
    """Watches the master playlist at `url`, as soon as it plays; what is seen counts from begin() on."""

    def __init__(self, url):
        sys.path.append(str(REPOSITORY / "tests" / "e2e"))
        from webdriver import Browser
        self.server = serve()
        try:
            self.browser = Browser()
        except BaseException:
            self.server.shutdown()
            raise
        try:
            self.browser.open(f"http://127.0.0.1:{self.server.server_address[1]}/?at={urllib.parse.quote(url, safe='')}")
            self.browser.wait("return video.currentTime > 0 && !video.paused && seen.played_s > 1", 60, "it plays")
        except BaseException:
            self.close()
            raise

    def begin(self):
        self.browser.run("begin()")

    def seen(self):
        """{"stall_s": the longest time without a new picture, "skipped_s": what it has jumped over at most, "played_s", "fatal"}"""
        seen = self.browser.run("return seen")
        return {"stall_s": round(seen["stall_s"], 2), "skipped_s": round(seen["jump_s"], 2) if seen["jump_s"] > JUMP_S else 0.0,
                "played_s": round(seen["played_s"], 1), "fatal": seen["fatal"]}

    def close(self):
        self.browser.close()
        self.server.shutdown()
        self.server.server_close()
