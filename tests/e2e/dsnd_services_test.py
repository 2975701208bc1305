"""Services of dsnd in processes of their own: one that is killed or frozen, who may pass calls on, and settings that do not fit."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

os.environ["DSN_TEST_DSND"] = "apart"

import dsnd_variant  # noqa: E402
import network  # noqa: E402
from dsnd_login_test import Alone  # noqa: E402
from dsnd_test import Case, Dsnd  # noqa: E402
from network import wait_for  # noqa: E402


def said(dsnd, port=None):
    return dsnd.get("/readyz", port=port)[1]


class Orders(Case):
    def away(self, service):
        """Kills its process; the front says so."""
        part = self.dsnd.parts[service]
        part.process.kill()
        part.process.wait()
        wait_for("what /readyz says", lambda: f"{service}: the dsnd at http://127.0.0.1:{part.port}: " in said(self.dsnd), 20,
                 lambda: said(self.dsnd))
        self.assertIn(f'dsnd_peer_up{{service="{service}"}} 0', self.dsnd.get("/metrics")[1])
        return part

    def back(self, part):
        part.start()
        wait_for("all is well", lambda: said(self.dsnd) == "ready\n", 40, lambda: said(self.dsnd))

    def unavailable(self, part, method, **params):
        began = time.monotonic()
        refused = self.dsnd.call(method, **params)
        self.assertEqual(refused["data"]["error"], "unavailable", refused)
        self.assertIn(f"the dsnd at http://127.0.0.1:{part.port}: ", refused["message"])
        self.assertLess(time.monotonic() - began, 10)

    def test_one_is_killed(self):
        """The rest goes on, and all is as before when it is back; nothing that streams notices."""
        net = self.network_with_dsnd(transcoders=1)
        wait_for("all is well", lambda: said(self.dsnd) == "ready\n", 40, lambda: said(self.dsnd))
        job = self.dsnd.call("orders.create", order=self.order(net))["job"]
        units = net.units(job)
        self.assertTrue(units)
        watch = f"/watch/{job}/master.m3u8"

        part = self.away("registry")
        self.unavailable(part, "nodes.list")
        self.unavailable(part, "nodes.get", node_id=net.ids["s"])
        self.assertEqual(self.dsnd.call("orders.status", job=job)["state"], "running")
        self.assertEqual(self.dsnd.call("orders.create", order=self.order(net))["data"]["error"], "unavailable")
        self.back(part)
        self.obeyed(3)

        part = self.away("jobs")
        self.unavailable(part, "orders.list")
        self.assertEqual(len(self.dsnd.call("nodes.list")["nodes"]), 3)
        self.assertEqual(self.dsnd.get(watch)[0], 503)
        self.back(part)
        self.assertEqual([(o["job"], o["state"]) for o in self.dsnd.call("orders.list")["orders"]], [(job, "running")])
        self.assertEqual(self.dsnd.get(watch)[0], 404)  # nothing was published

        part = self.away("play")
        self.assertEqual(self.dsnd.get(watch)[0], 503)
        self.assertEqual(self.dsnd.call("orders.status", job=job)["state"], "running")
        self.back(part)
        self.assertEqual(self.dsnd.get(watch)[0], 404)

        # What is in no file cannot be told while logins cannot be looked up; who is in it is served.
        self.dsnd.tokens["eve"] = net.folder / "eve.token"
        self.dsnd.tokens["eve"].write_text("guessed-guessed-guessed\n")
        question = b'{"jsonrpc":"2.0","id":1,"method":"orders.list"}'
        self.assertEqual(self.dsnd.get("/rpc", question, "eve")[0], 401)
        part = self.dsnd.parts["sessions"]
        part.process.send_signal(signal.SIGSTOP)
        self.assertEqual(self.dsnd.get("/rpc", question, "eve")[0], 503)
        self.assertEqual(self.dsnd.call("orders.status", job=job)["state"], "running")
        part.process.send_signal(signal.SIGCONT)
        wait_for("logins again", lambda: self.dsnd.get("/rpc", question, "eve")[0] == 401, 30)

        # The front itself.
        self.dsnd.process.kill()
        self.dsnd.process.wait()
        self.dsnd.spawn(self.dsnd, *dsnd_variant.part_flags(self.dsnd, dsnd_variant.FRONT))
        wait_for("all is well", lambda: said(self.dsnd) == "ready\n", 40, lambda: said(self.dsnd))
        self.assertEqual(net.units(job), units)
        self.assertEqual(self.dsnd.call("orders.cancel", job=job)["state"], "cancelled")
        self.assertEqual(self.dsnd.end(), 0)


class Trust(unittest.TestCase):
    """No bus is needed."""

    def setUp(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-services-"))
        self.addCleanup(shutil.rmtree, folder)
        self.net = Alone(folder)
        self.addCleanup(self.end_all)
        self.dsnd = Dsnd(self.net)

    def end_all(self):
        for process in self.net.started:
            if process.poll() is None:
                process.kill()
            process.wait()

    def test_who_may_pass_calls_on(self):
        self.dsnd.start()
        self.dsnd.tokens["peer"] = self.net.folder / "peer.token"
        jobs, registry = self.dsnd.parts["jobs"].port, self.dsnd.parts["registry"].port
        call = {"jsonrpc": "2.0", "id": 1, "method": "orders.list"}

        def ask(caller, token="peer", port=jobs, path="/peer", **changes):
            body = json.dumps({"caller": caller, "call": {**call, **changes}}).encode()
            return self.dsnd.get(path, body, token, port=port)

        operator, bob = ({"address": f"{n:040x}", "roles": [role]} for n, role in ((9, "operator"), (2, "customer")))
        status, text = ask(operator)
        self.assertEqual((status, json.loads(text)["result"]), (200, {"orders": []}))
        # Nobody's own token is that of a dsnd, nor the other way round; none is no token.
        for token in ("alice", "operator", None):
            self.assertEqual(ask(operator, token)[0], 401)
        self.assertEqual(self.dsnd.get("/rpc", json.dumps(call).encode(), "peer")[0], 401)
        # Who calls is told by nothing but the envelope of a dsnd.
        refused = self.dsnd.get("/rpc", json.dumps({"caller": operator, "call": call}).encode(), "alice")[1]
        self.assertEqual(json.loads(refused)["error"]["code"], -32600)
        refused = self.dsnd.get("/rpc", json.dumps({**call, "caller": operator}).encode(), "alice")[1]
        self.assertEqual(json.loads(refused)["error"]["code"], -32600)
        # Roles are held to there too, and nothing is passed on twice.
        self.assertEqual(json.loads(ask({**bob, "roles": []})[1])["error"]["data"]["error"], "refused")
        self.assertEqual(json.loads(ask(bob, method="session.who", params={"token": "x"}, port=self.dsnd.port)[1])["error"]["data"]["error"],
                         "refused")
        again = json.loads(ask(bob, port=self.dsnd.port)[1])["error"]
        self.assertIn("was passed on to a dsnd that does not host jobs", again["message"])
        for caller in ({}, {"roles": "operator"}, {"roles": ["king"]}, {"roles": [], "address": "12"}, {"roles": [], "session": "x"},
                       {"roles": [], "more": 1}, []):
            self.assertEqual(ask(caller)[0], 400, caller)
        self.assertEqual(self.dsnd.get("/peer", port=jobs, token="peer")[0], 405)
        # Who comes to a process that does not know where a method is gets the URL of the network.
        elsewhere = json.loads(self.dsnd.get("/rpc", json.dumps(call).encode(), "alice", port=registry)[1])["error"]
        self.assertIn(f"is a method of jobs, which this dsnd does not host and has no --peer for: call http://127.0.0.1:{self.dsnd.port}",
                      elsewhere["message"])
        self.assertNotIn(dsnd_variant.TOKEN, self.dsnd.log_path.read_text())

    def test_those_that_do_not_fit(self):
        """Another key, network or token: it is said, and no call goes there."""
        self.dsnd.start()
        part = self.dsnd.parts["jobs"]
        url = f"http://127.0.0.1:{part.port}"
        other = self.net.folder / "other.token"
        other.touch(0o600)
        other.write_text("another-peers-token\n")

        def restarted(words, *flags):
            part.process.kill()
            part.process.wait()
            self.dsnd.spawn(part, *dsnd_variant.part_flags(self.dsnd, "jobs"), *flags)
            wait_for(words, lambda: words in self.dsnd.call("orders.list").get("message", ""), 20, lambda: self.dsnd.call("orders.list"))

        key = "--identity", str(self.dsnd.folder / "identity.key")
        restarted(f"the dsnd at {url}: its manager is ")  # a key of its own
        restarted("--network is to be the same", "--network", "strange", *key)
        restarted("--public-url is to be the same", "--public-url", url, *key)
        restarted("does not know the token of --peer-token-file", "--peer-token-file", str(other), *key)
        part.process.kill()
        part.process.wait()
        part.start()
        wait_for("orders again", lambda: self.dsnd.call("orders.list") == {"orders": []}, 20, lambda: self.dsnd.call("orders.list"))

    def test_settings(self):
        secret, store = self.net.folder / "peer.token", self.dsnd.database.flags
        secret.touch(0o600)
        secret.write_text(dsnd_variant.TOKEN + "\n")
        token = "--peer-token-file", str(secret)

        def refused(*flags):
            done = subprocess.run([str(self.net.bin / "dsnd"), "--state-dir", str(self.net.folder / "other"), "--bus", self.net.bus,
                                   "--listen", "127.0.0.1:0", *flags],
                                  env=self.net.environment, capture_output=True, text=True, timeout=60, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertNotIn(dsnd_variant.TOKEN, done.stderr)
            return done.stderr

        registry, jobs = "registry=http://127.0.0.1:9", "jobs=http://127.0.0.1:9"
        self.assertIn("share a PostgreSQL server", refused("--services", "jobs", "--peer", registry, *token))
        self.assertIn("--peer-token-file too", refused("--services", "jobs", "--peer", registry, *store))
        self.assertIn("--peer registry=URL, please", refused("--services", "jobs", *token, *store))
        self.assertIn("play calls jobs, which this dsnd does not host", refused("--services", "play", "--peer", registry, *token, *store))
        self.assertIn("is not SERVICE=URL", refused("--peer", "http://127.0.0.1:9", *token, *store))
        self.assertIn('there is no service "cooks"', refused("--services", "registry", "--peer", "cooks=http://127.0.0.1:9", *token, *store))
        self.assertIn("jobs is hosted here", refused("--services", "registry", "--services", "jobs", "--peer", jobs, *token,
                                                     *store))
        self.assertIn("would cross the network in the clear", refused("--services", "registry", "--peer", "jobs=http://192.0.2.1:1", *token, *store))
        five = [word for _ in range(5) for word in ("--peer", jobs)]
        self.assertIn("named more than 4 times", refused("--services", "registry", *five, *token, *store))
        secret.write_text("short\n")
        self.assertIn("the token has 5 letters", refused("--services", "registry", *token, *store))
        secret.chmod(0o644)
        self.assertIn("peer.token", refused("--services", "registry", *token, *store))


if __name__ == "__main__":
    network.main()
