"""GET /watch/JOB/master.m3u8 of dsnd: one address for a job, whichever storages keep it, also while one is away or lies."""
import http.server
import json
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import hls_rules
import network
from dsnd_test import Case, Dsnd
from network import wait_for
from webdriver import Browser

SOURCE = pathlib.Path(__file__).resolve().parents[2]
HLS_JS = SOURCE / "web" / "node_modules" / "hls.js" / "dist"
JOB = "0200000000000000000001"
HEAD = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
INF = ('#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,'
       "FRAME-RATE=25.000")
PAGE = """<!doctype html><meta charset=utf-8><title>watch</title><video id=video muted autoplay></video>
<script src=/hls.js></script>
<script>
const hls = new Hls({liveSyncDurationCount: 3});
hls.on(Hls.Events.ERROR, (_, e) => { if (e.fatal) document.title = e.details; });
hls.loadSource(new URLSearchParams(location.search).get("at"));
hls.attachMedia(document.getElementById("video"));
</script>"""


class Served:
    """An HTTP server of fixed texts: {path: text}; what is not there is 404. `asked` has the paths."""

    def __init__(self, texts, port=0):
        self.texts, self.asked, self.leads_to = texts, [], None
        served = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.partition("?")[0]
                served.asked.append(path)
                if served.leads_to:
                    self.send_response(302)
                    self.send_header("Location", served.leads_to)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                text = served.texts.get(path)
                body = (text or "").encode() if not isinstance(text, bytes) else text
                self.send_response(200 if text is not None else 404)
                self.send_header("Content-Type", "text/javascript" if path.endswith(".js") else "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def ask(url, method="GET"):
    """(status, headers, text)"""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()


class Live(Case):
    over_whisper = True

    def in_browser(self, url):
        """Its picture moves in a page of another site."""
        script = next((HLS_JS / name for name in ("hls.min.js", "hls.light.min.js") if (HLS_JS / name).exists()), None)
        if not shutil.which("chromedriver") or not script:
            return
        page = Served({"/": PAGE, "/hls.js": script.read_bytes()})
        browser = Browser()
        try:
            browser.open(f"http://127.0.0.1:{page.port}/?at={urllib.parse.quote(url, safe='')}")
            browser.wait("return document.getElementById('video').currentTime > 1 || document.title !== 'watch'", 60, "it plays")
            self.assertEqual(browser.run("return document.title"), "watch")
        finally:
            browser.close()
            page.stop()

    def uris(self, url=None, text=None):
        return [uri for uri, _ in hls_rules.variants(text or ask(url)[2])]

    def test_a_stream(self):
        net = self.network_with_dsnd(transcoders=1)
        made = self.dsnd.vcli("order", "create", self.order_file(net), "--yes", "--show-key")
        job, url = made["job"], made["play"]
        self.assertEqual(url, f"http://127.0.0.1:{self.dsnd.port}/watch/{job}/master.m3u8")
        self.assertEqual(ask(url)[0], 404, "nothing is stored yet")
        said = net.vcli_start(*self.dsnd.words("order", "status", job)).communicate(timeout=60)[0]
        self.assertIn(f"watch it at:    {url}", said)
        push = net.publish(self.film(60), job, made["ingest"]["key"])
        net.wait_segments(2, job=job)
        status, headers, text = wait_for("both renditions", lambda: (lambda a: a[2].count("STREAM-INF") == 2 and a)(ask(url)), 20)
        self.assertEqual((status, headers["Content-Type"]), (200, "application/vnd.apple.mpegurl"))
        self.assertEqual(hls_rules.check_master(text), [])
        self.assertNotIn("STEERING", text)
        base = net.master_url(job).rsplit("/", 1)[0]
        self.assertEqual([uri for uri, _ in hls_rules.variants(text)], [f"{base}/{job}{v}/index.m3u8" for v in net.variants()])
        with hls_rules.Watcher(url) as watcher:
            net.wait_segments(3, job=job)
            self.in_browser(url)
        self.assertEqual(watcher.broken, [])

        # The storage's web server is away: what it had stays said, also by HEAD, and steering is there for none.
        storage = net.agent_of["s"]
        nginx = storage.units(net.ids["s"])["nginx"][0]
        network.signal_all([nginx], signal.SIGSTOP)
        try:
            self.assertEqual(self.uris(url), self.uris(text=text))
        finally:
            network.signal_all([nginx], signal.SIGCONT)
        self.assertEqual(ask(url, "HEAD")[0::2], (200, ""))
        self.assertEqual(ask(url.replace("master.m3u8", "steering.json"))[0], 404)
        net.end_push(push)
        self.dsnd.vcli("order", "cancel", job, "--yes")
        self.assertEqual(self.uris(url), self.uris(text=text), "what was stored stays, and is watched")


class Storages(Case):
    """A dsnd whose order is kept by storages of ours, which say what they like. It needs no broker for that."""

    over_whisper = True

    def setUp(self):
        self.net = self.network(start=False, transcoders=0)
        self.dsnd = Dsnd(self.net).start()
        self.storages = [Served({}), Served({})]
        for storage in self.storages:
            self.addCleanup(storage.stop)
        self.url, self.path = f"http://127.0.0.1:{self.dsnd.port}/watch/{JOB}/master.m3u8", f"/hls/{JOB}.m3u8"

    def kept_by(self, *storages, host="127.0.0.1"):
        """One order, in the database as dsnd writes it."""
        self.dsnd.end()
        nodes = [{"type": "storage", "node_id": f"{n + 1}" * 40, "ip": host, "port": "1935", "http_port": str(s.port)}
                 for n, s in enumerate(storages)]
        self.dsnd.database.write(
            "insert into jobs_order(number,job,owner,state,document,tasks,created_ms,changed_ms) values(1,?,?,?,?,'{}',0,0)",
            [(JOB, f"{1:040x}", "cancelled", json.dumps({"pipeline": {"nodes": nodes}}))])
        self.dsnd.start()

    def bases(self):
        return [f"http://127.0.0.1:{s.port}/hls/" for s in self.storages]

    def until(self, what, check):
        return wait_for(what, check, 20, lambda: ask(self.url))

    def master(self, *variants):
        return HEAD + "".join(f"{INF}\n{JOB}{v}/index.m3u8\n" for v in variants)

    def test_two(self):
        self.kept_by(*self.storages)
        first, second = self.storages
        a, b = self.bases()
        steering = self.url.replace("master.m3u8", "steering.json")
        self.assertEqual((ask(self.url)[0], ask(steering)[0]), (404, 404))
        first.texts[self.path] = self.master("_hi", "_lo")
        self.until("the first one", lambda: ask(self.url)[2] == HEAD + f"{INF}\n{a}{JOB}_hi/index.m3u8\n{INF}\n{a}{JOB}_lo/index.m3u8\n")
        self.assertEqual(ask(steering)[0], 404)
        second.texts[self.path] = self.master("_hi", "_lo").replace("900000", "900001")
        text = self.until("both", lambda: (lambda t: t.count("STREAM-INF") == 4 and t)(ask(self.url)[2]))
        self.assertEqual(hls_rules.check_master(text), [])
        self.assertIn(f'#EXT-X-CONTENT-STEERING:SERVER-URI="steering.json",PATHWAY-ID="{"1" * 16}"\n', text)
        self.assertEqual([(uri, v["PATHWAY-ID"]) for uri, v in hls_rules.variants(text)],
                         [(f"{base}{JOB}{v}/index.m3u8", pathway * 16) for v in ("_hi", "_lo") for base, pathway in ((a, "1"), (b, "2"))])
        self.assertEqual({v["BANDWIDTH"] for _, v in hls_rules.variants(text)}, {"900000"}, "redundant ones are alike (6.2.4)")
        status, headers, manifest = ask(steering)
        self.assertEqual((status, headers["Content-Type"], json.loads(manifest)),
                         (200, "application/json", {"VERSION": 1, "TTL": 10, "PATHWAY-PRIORITY": ["1" * 16, "2" * 16]}))

        # One is away: what it had stays, behind the other one's.
        del first.texts[self.path]
        self.until("the other one first", lambda: json.loads(ask(steering)[2])["PATHWAY-PRIORITY"] == ["2" * 16, "1" * 16])
        text = ask(self.url)[2]
        self.assertEqual([v["PATHWAY-ID"] for _, v in hls_rules.variants(text)], ["2" * 16, "1" * 16] * 2)
        first.texts[self.path] = "<html>"  # so it is when it says what is none
        self.assertEqual(hls_rules.variants(ask(self.url)[2]), hls_rules.variants(text))
        second.stop()
        self.until("both are away", lambda: json.loads(ask(steering)[2])["PATHWAY-PRIORITY"] == ["1" * 16, "2" * 16])
        self.assertEqual(ask(self.url)[2].count("STREAM-INF"), 4)

    def test_storages_that_lie(self):
        self.kept_by(self.storages[0])
        liar = self.storages[0]
        good = self.master("_hi")
        for lie in ("", "<html>", good + "#" * 2000, good * 600, good.replace(f"{JOB}_hi", "http://192.0.2.1/x"),
                    good.replace(f"{JOB}_hi", f"../{JOB}_hi"), good.replace(f"{JOB}_hi", f"//192.0.2.1/{JOB}"),
                    good.replace(JOB, "0200000000000000000002"), good + '#EXT-X-MEDIA:TYPE=AUDIO,URI="http://192.0.2.1/"\n'):
            liar.texts[self.path] = lie
            before = len(liar.asked)
            self.until("it is asked", lambda: ask(self.url) and len(liar.asked) > before)
            self.assertEqual(ask(self.url)[0], 404, lie[:200])
        liar.texts[self.path] = good
        self.until("the truth", lambda: ask(self.url)[0] == 200)
        self.assertEqual(set(liar.asked), {self.path})

    def test_storages_that_lead_elsewhere(self):
        """Where dsnd connects to is what a supplier says: to nothing of its own machine once others can ask for it."""
        self.kept_by(self.storages[0], host="localhost")
        liar, other = self.storages
        liar.texts[self.path] = other.texts[self.path] = self.master("_hi")
        self.until("who sits at this machine watches", lambda: ask(self.url)[0] == 200)
        liar.leads_to = f"http://127.0.0.1:{other.port}{self.path}"
        before = len(liar.asked)
        self.until("it is asked", lambda: ask(self.url) and len(liar.asked) > before)
        self.dsnd.end()
        self.dsnd.start()
        self.assertEqual(ask(self.url)[0], 404)
        self.assertEqual(other.asked, [], "a redirect is not followed")
        liar.leads_to, before = None, len(liar.asked)
        self.dsnd.end()
        self.dsnd.start("--public-url", "https://video.example.org")
        self.assertEqual([ask(self.url)[0] for _ in range(3)], [404] * 3)
        self.assertEqual(len(liar.asked), before)
        said = [line for line in self.dsnd.log_path.read_text().splitlines() if "play.refused" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn(" is this machine, ", said[0])
        self.assertIn("--media-network", said[0])
        self.dsnd.end()
        self.dsnd.start("--public-url", "https://video.example.org", "--media-network", "192.168.0.0/16", "--media-network",
                        "127.0.0.0/8")
        self.until("the operator has named it", lambda: ask(self.url)[0] == 200)
        done = subprocess.run([str(self.net.bin / "dsnd"), "--media-network", "127.0.0.1/8", "--state-dir",
                               str(self.net.folder / "other")], env=self.net.environment, capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--media-network: \"127.0.0.1/8\" has bits of a host", done.stderr)

    def test_asked_once_for_all(self):
        self.kept_by(self.storages[0])
        self.storages[0].texts[self.path] = self.master("_hi")
        self.until("it is there", lambda: ask(self.url)[0] == 200)
        before = len(self.storages[0].asked)
        with ThreadPoolExecutor(20) as pool:
            began = time.monotonic()
            answers = list(pool.map(lambda _: ask(self.url)[0], range(100)))
            took = time.monotonic() - began
        self.assertEqual(set(answers), {200})
        self.assertLessEqual(len(self.storages[0].asked) - before, took / 0.25 + 1)

    def test_what_is_answered_to_whom(self):
        """Every answer may be read by a page of any site; what is not there is not told from what one may not see."""
        self.kept_by(self.storages[0])
        self.storages[0].texts[self.path] = self.master("_hi")
        self.until("it is there", lambda: ask(self.url)[0] == 200)
        base = f"http://127.0.0.1:{self.dsnd.port}/watch/"
        for method, url, status in (
                ("GET", self.url, 200), ("HEAD", self.url, 200), ("OPTIONS", self.url, 204), ("POST", self.url, 405),
                ("GET", self.url + "?_HLS_pathway=1", 200), ("GET", base, 404), ("GET", base + JOB, 404), ("GET", base + JOB + "/", 404),
                ("GET", base + JOB + "/x.m3u8", 404), ("GET", base + "02%30/master.m3u8", 404),
                ("GET", base + "0200000000000000000009/master.m3u8", 404), ("GET", base + "a%2f..%2fb/master.m3u8", 404),
                ("GET", base + "a" * 65 + "/master.m3u8", 404), ("GET", base + "%0d%0ax/master.m3u8", 404)):
            with self.subTest(method=method, url=url):
                got, headers, text = ask(url, method)
                if got == 400:  # refused before anybody looks at the path
                    continue
                self.assertEqual((got, headers[hls_rules.CORS]), (status, "*"), text)
                self.assertIn("HEAD", headers["Access-Control-Allow-Methods"])
                self.assertRegex(headers["Cache-Control"], "no-store|no-cache")
                self.assertEqual(text == "", method in ("HEAD", "OPTIONS"))

    def test_public_url(self):
        self.kept_by(self.storages[0])
        self.dsnd.end()
        self.dsnd.start("--public-url", "https://video.example.org")
        self.assertEqual(self.dsnd.call("orders.status", job=JOB)["play"], f"https://video.example.org/watch/{JOB}/master.m3u8")
        for bad in ("video.example.org", "ftp://x", "http://", "https://x/tv", "http://a b", 'http://a"b'):
            done = subprocess.run([str(self.net.bin / "dsnd"), "--public-url", bad, "--state-dir", str(self.net.folder / "other")],
                                  env=self.net.environment, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 2, bad)
            self.assertIn("--public-url", done.stderr)


if __name__ == "__main__":
    network.main()
