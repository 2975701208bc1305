"""shhd in a folder and on ports of its own, for tests, and its JSON-RPC."""
import http.client
import json
import os
import pathlib
import subprocess
import time

BIN = pathlib.Path(os.environ["DSN_BIN"])


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.02)


class Node:
    def __init__(self, folder, name, *options, address="127.0.0.1", env=None, discovery=False, log="debug"):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.ready, self.log = self.folder / "ready.json", self.folder / "log"
        self.argv = [str(BIN / "shhd"), "--data-dir", str(self.folder / "data"), "--ready-file", str(self.ready),
                     "--address", address, "--port", "0", "--rpc-port", "0", "--log-level", log,
                     *([] if discovery else ["--no-discovery"]), *options]
        self.env = {**os.environ, **(env or {})}
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdout=log, stderr=log, env=self.env)
        wait_for(lambda: self.ready.exists() or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise AssertionError(f"shhd ended with {self.process.returncode}: {self.log.read_text()}")
        told = json.loads(self.ready.read_text())
        self.port, self.ws_port, self.enode = told["rpc_port"], told["ws_port"], told["enode"]
        assert told["pid"] == self.process.pid
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        return self.process.returncode if self.process else None

    def http(self, body, method="POST", path="/", headers=None, port=None):
        """(status, headers, text)"""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def ask(self, document):
        status, _, text = self.http(document if isinstance(document, str) else json.dumps(document))
        assert status == 200, (status, text)
        return json.loads(text) if text else None

    def call(self, method, *params):
        return self.ask({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})

    def get(self, method, *params):
        answer = self.call(method, *params)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def messages(self, filter_id, seconds=20):
        return wait_for(lambda: self.get("shh_getFilterMessages", filter_id), seconds)
