"""Headless Chromium through ChromeDriver, spoken to over the W3C WebDriver protocol with Python's standard library."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request


class Browser:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-browser-"))
        with contextlib.closing(socket.socket()) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.log = open(self.folder / "chromedriver.log", "wb")
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=self.log, stderr=self.log,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        self.session = None
        try:
            self._wait_ready()
            arguments = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--mute-audio",
                         "--autoplay-policy=no-user-gesture-required", "--window-size=1280,800",
                         f"--user-data-dir={self.folder / 'profile'}"]
            if os.geteuid() == 0:
                arguments.append("--no-sandbox")
            answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": {"args": arguments, "binary": shutil.which("chromium")}}}})
            self.session = answer["sessionId"]
        except BaseException:
            self.close()
            raise

    def _wait_ready(self):
        deadline = time.monotonic() + 20
        while True:
            try:
                if self._call("GET", "/status")["ready"]:
                    return
            except (OSError, urllib.error.URLError):
                pass
            if time.monotonic() > deadline or self.driver.poll() is not None:
                raise RuntimeError(f"chromedriver did not come up: {(self.folder / 'chromedriver.log').read_text()}")
            time.sleep(0.1)

    def _call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + path, data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError(f"{method} {path}: {e.read().decode()[:500]}") from None

    def open(self, url):
        self._call("POST", f"/session/{self.session}/url", {"url": url})

    def run(self, script, *arguments):
        """Value of a function body run in the page."""
        return self._call("POST", f"/session/{self.session}/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script, seconds, what):
        deadline = time.monotonic() + seconds
        while True:
            value = self.run(script)
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {seconds} s; page says: {self.run('return document.body.innerText')}")
            time.sleep(0.2)

    def resize(self, width, height):
        """Of the page, whatever the window's own least size is."""
        self._call("POST", f"/session/{self.session}/goog/cdp/execute", {
            "cmd": "Emulation.setDeviceMetricsOverride",
            "params": {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}})

    def screenshot(self, path):
        import base64
        pathlib.Path(path).write_bytes(base64.b64decode(self._call("GET", f"/session/{self.session}/screenshot")))

    def close(self):
        if self.session:
            with contextlib.suppress(RuntimeError, OSError):
                self._call("DELETE", f"/session/{self.session}")
        self.driver.terminate()
        try:
            self.driver.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.driver.pid, signal.SIGKILL)
            self.driver.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
