"""Who calls dsnd: a wallet's login (ERC-4361) for programs and for browsers, each refusal, and what a restart leaves."""
import datetime
import fcntl
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

import network
import waiting
from dsnd_test import Dsnd
from secp256k1 import Key


class Alone:
    """What a dsnd needs of a network, without one: nobody listens where its bus should be."""
    name, bus = "login", "amqp://127.0.0.1:1/"

    def __init__(self, folder):
        self.folder, self.bin, self.started = folder, folder / "bin", []
        self.next_port = int(os.environ.get("DSN_TEST_PORTS", "22500-").split("-")[0])
        self.bin.mkdir(parents=True)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8",
                            **{name: value for name, value in os.environ.items() if "SAN_OPTIONS" in name}}


class Login(unittest.TestCase):
    flags = ()

    def setUp(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="dsn-login-"))
        self.addCleanup(shutil.rmtree, folder)
        self.net = Alone(folder)
        self.addCleanup(self.end_all)
        self.dsnd = Dsnd(self.net)
        self.carol, self.dave, self.eve = Key("carol"), Key("dave"), Key("eve")
        with open(self.dsnd.callers, "a", encoding="utf-8") as callers:
            for key in (self.carol, self.dave):
                callers.write(f"{key.address[2:]} customer -\n")
        self.dsnd.start(*self.flags)
        self.origin = f"http://127.0.0.1:{self.dsnd.port}"

    def end_all(self):
        for process in self.net.started:
            if process.poll() is None:
                process.kill()
            process.wait()

    def http(self, method, path, body=None, **headers):
        """(status, JSON or text, headers)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.dsnd.port, timeout=60)
        self.addCleanup(connection.close)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json", **named})
        answer = connection.getresponse()
        text = answer.read().decode()
        try:
            return answer.status, json.loads(text), answer.headers
        except ValueError:
            return answer.status, text, answer.headers

    def rpc(self, method, token=None, headers=None, **params):
        """The result, or the error; a refusal of HTTP as (status, text)."""
        shown = dict(headers or {})
        if token:
            shown["Authorization"] = "Bearer " + token
        status, answer, _ = self.http("POST", "/rpc", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, **shown)
        return answer.get("result", answer.get("error")) if status == 200 else (status, answer)

    def challenge(self, key):
        return self.rpc("session.challenge", address=key.address[2:])["message"]

    def sign(self, key, message):
        return {"message": message, "signature": "0x" + key.sign_message(message.encode()).hex()}

    def login(self, key):
        return self.rpc("session.login", **self.sign(key, self.challenge(key)))

    def refused(self, answer, word, said):
        self.assertIn("data", answer, answer)
        self.assertEqual(answer["data"]["error"], word, answer)
        self.assertIn(said, answer["message"])
        self.assertTrue(answer["data"]["mend"])

    def browser(self, key):
        """Logs a browser in: its cookie."""
        status, answer, headers = self.http("POST", "/session", self.sign(key, self.challenge(key)), Origin=self.origin)
        self.assertEqual(status, 200, answer)
        self.assertNotIn("token", answer)
        return headers["Set-Cookie"]


class Wallet(Login):
    def test_login(self):
        made = self.login(self.carol)
        self.assertEqual((made["address"], made["roles"]), (self.carol.address[2:], "customer"))
        self.assertEqual(self.rpc("orders.list", made["token"]), {"orders": []})
        self.refused(self.rpc("session.logout", made["token"], session="0" * 16), "not-found", "no login")
        dave = self.login(self.dave)
        listed = self.rpc("session.list", made["token"])
        self.assertEqual([(s["session"], s["this"]) for s in listed["sessions"]], [(made["session"], True)])
        # Another's login is not to be ended, nor seen; an operator sees and ends all.
        self.refused(self.rpc("session.logout", made["token"], session=dave["session"]), "not-found", "no login")
        everybodys = self.dsnd.call("session.list", "operator", all=True)["sessions"]
        self.assertEqual({s["address"] for s in everybodys}, {self.carol.address[2:], self.dave.address[2:]})
        self.assertEqual(self.dsnd.call("session.logout", "operator", session=dave["session"]), {"ended": 1})
        self.assertEqual(self.rpc("orders.list", dave["token"])[0], 401)

        # It outlives dsnd, and nothing on the disk tells the token.
        self.dsnd.kill()
        for path in self.dsnd.folder.glob("dsnd.db*"):
            self.assertNotIn(made["token"][5:].encode(), path.read_bytes())
        self.dsnd.start()
        self.assertEqual(self.rpc("orders.list", made["token"]), {"orders": []})
        self.assertEqual(self.rpc("session.logout", made["token"]), {"ended": 1})
        self.assertEqual(self.rpc("orders.list", made["token"])[0], 401)
        log = self.dsnd.log_path.read_text()
        self.assertNotIn(made["token"][5:], log)

    def test_refusals(self):
        message = self.challenge(self.carol)
        signed = self.sign(self.carol, message)
        now = datetime.datetime.now(datetime.timezone.utc)

        def changed(pattern, to):
            text, count = re.subn(pattern, to, message, count=1, flags=re.M)
            self.assertEqual(count, 1, pattern)
            return self.rpc("session.login", **self.sign(self.carol, text))

        def stamp(seconds):
            return (now + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

        self.refused(changed(r"^127\.0\.0\.1:\d+ wants", "dsn.evil.net wants"), "refused", "for the domain dsn.evil.net")
        self.refused(changed(r"^URI: .*$", "URI: https://dsn.evil.net/"), "refused", "its URI is not of")
        self.refused(changed(r"^Chain ID: 1$", "Chain ID: 5"), "refused", "it is for chain 5")
        self.refused(changed(r"^Nonce: .*$", "Nonce: 12345678"), "refused", "none that was given out")
        self.refused(changed(r"^Nonce: ..", "Nonce: 01"), "refused", "none that was given out")
        self.refused(changed(r"^Issued At: .*$", f"Issued At: {stamp(3600)}"), "refused", "in the future")
        self.refused(changed(r"^Expiration Time: .*$", f"Expiration Time: {stamp(-10)}"), "refused", "is over")
        self.refused(changed(r"(Expiration Time: .*)$", rf"\1\nNot Before: {stamp(3600)}"), "refused", "does not hold yet")
        self.refused(changed(r"^Version: 1$", "Version: 2"), "invalid", "params.message: Version: is not 1")
        self.refused(changed("^0x.*$", self.carol.address), "invalid", "EIP-55")
        self.refused(self.rpc("session.login", **{**signed, "signature": self.sign(self.eve, message)["signature"]}), "refused",
                     "params.signature: is not that of the address")
        self.refused(self.rpc("session.login", **{**signed, "signature": "0x" + "ff" * 65}), "invalid", "params.signature")
        # One who is nobody's customer.
        self.refused(self.login(self.eve), "refused", f"{self.eve.address[2:]} is no customer")
        # None of these has used the nonce; it serves once.
        self.assertIn("token", self.rpc("session.login", **signed))
        self.refused(self.rpc("session.login", **signed), "refused", "has served a login already")
        # A restart leaves no nonce.
        signed = self.sign(self.carol, self.challenge(self.carol))
        self.dsnd.kill()
        self.dsnd.start()
        self.refused(self.rpc("session.login", **signed), "refused", "none that was given out")
        self.assertEqual(self.rpc("orders.list", "dsns_" + "0" * 64)[0], 401)

    def test_too_often(self):
        for _ in range(32):
            self.assertIn("token", self.login(self.carol))
        self.refused(self.login(self.carol), "limit", "has logged in 32 times")
        dave = self.login(self.dave)
        self.assertEqual(len(self.dsnd.call("session.list", "operator", all=True)["sessions"]), 16 + 1)
        self.assertEqual(self.rpc("session.logout", dave["token"], everywhere=True), {"ended": 1})

    def test_lifetime(self):
        self.dsnd.end()
        self.dsnd.start("--login-time", "1m")
        made = self.login(self.carol)
        ends = datetime.datetime.fromisoformat(made["expires"].replace("Z", "+00:00"))
        left = (ends - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
        self.assertTrue(30 < left <= 60, made)


class Open(Login):
    flags = ("--open-login",)

    def test_anybody(self):
        made = self.login(self.eve)
        self.assertEqual(made["roles"], "customer")
        self.assertEqual(self.rpc("orders.list", made["token"]), {"orders": []})
        # No longer: who was a customer by that alone is none.
        self.dsnd.end()
        self.dsnd.start()
        self.assertEqual(self.rpc("orders.list", made["token"])[0], 401)


class Browser(Login):
    def test_cookie(self):
        shown = self.browser(self.carol)
        value = shown.split(";")[0]
        self.assertTrue(value.startswith("dsn=dsns_"), shown)
        for word in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
            self.assertIn(word, shown)
        self.assertNotIn("Secure", shown)
        for ours in ({"Origin": self.origin}, {"Sec_Fetch_Site": "same-origin"},
                     {"Origin": self.origin, "Sec_Fetch_Site": "same-origin"}):
            self.assertEqual(self.rpc("orders.list", headers={"Cookie": value, **ours}), {"orders": []}, ours)
        # The browser sends it for others' pages too where it is told to: that serves them nothing.
        for theirs in ({}, {"Origin": "http://evil.net"}, {"Origin": "null"}, {"Origin": self.origin + "0"},
                       {"Sec_Fetch_Site": "same-site"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "none"},
                       {"Origin": self.origin, "Sec_Fetch_Site": "cross-site"}):
            with self.subTest(theirs=theirs):
                self.assertEqual(self.rpc("orders.list", headers={"Cookie": value, **theirs})[0], 403)
        status, _, _ = self.http("POST", "/rpc", {}, Cookie=value, Origin=self.origin, Content_Type="text/plain")
        self.assertEqual(status, 415)
        # Two of a name: somebody has put one beside it.
        self.assertEqual(self.rpc("orders.list", headers={"Cookie": f"dsn=x; {value}", "Origin": self.origin})[0], 400)
        # Among others, and one that is over is nobody's.
        self.assertEqual(self.rpc("orders.list", headers={"Cookie": f"a=b; {value}; xdsn=1", "Origin": self.origin}), {"orders": []})
        stale = {"Cookie": "dsn=dsns_" + "0" * 64, "Origin": self.origin}
        self.assertIn("message", self.rpc("session.challenge", headers=stale, address=self.carol.address[2:]))
        self.refused(self.rpc("orders.list", headers=stale), "refused", "has shown no token")
        # Out.
        status, answer, headers = self.http("DELETE", "/session", Cookie=value, Origin="http://evil.net")
        self.assertEqual(status, 403, answer)
        status, answer, headers = self.http("DELETE", "/session", Cookie=value, Origin=self.origin)
        self.assertEqual((status, answer), (200, {"ended": 1}))
        self.assertIn("Max-Age=0", headers["Set-Cookie"])
        self.refused(self.rpc("orders.list", headers={"Cookie": value, "Origin": self.origin}), "refused", "has shown no token")

    def test_what_is_refused(self):
        signed = self.sign(self.carol, self.challenge(self.carol))
        for headers, status in (({}, 403), ({"Origin": "http://evil.net"}, 403), ({"Sec_Fetch_Site": "cross-site"}, 403),
                                ({"Origin": self.origin, "Content_Type": "text/plain"}, 415)):
            with self.subTest(headers=headers):
                self.assertEqual(self.http("POST", "/session", signed, **headers)[0], status)
        self.assertEqual(self.http("GET", "/session")[0], 405)
        self.assertEqual(self.http("POST", "/session", [], Origin=self.origin)[0], 400)
        self.assertEqual(self.http("POST", "/session", {"message": "a"}, Origin=self.origin)[0], 400)
        status, answer, headers = self.http("POST", "/session", self.sign(self.eve, self.challenge(self.eve)), Origin=self.origin)
        self.assertEqual((status, answer["error"]), (403, "refused"))
        self.assertIsNone(headers["Set-Cookie"])
        self.assertEqual(self.http("POST", "/session", signed, Origin=self.origin)[0], 200)
        self.assertEqual(self.http("POST", "/session", signed, Origin=self.origin)[0], 403)

    def test_behind_tls(self):
        self.dsnd.end()
        self.dsnd.start("--public-url", "https://DSN.example.org/")
        self.origin = "https://dsn.example.org"
        message = self.challenge(self.carol)
        self.assertTrue(message.startswith("dsn.example.org wants you"), message)
        self.assertIn("\nURI: https://dsn.example.org/\n", message)
        shown = self.browser(self.carol)
        self.assertTrue(shown.startswith("__Host-dsn=dsns_"), shown)
        self.assertTrue(shown.endswith("; Secure"), shown)
        value = shown.split(";")[0]
        self.assertEqual(self.rpc("orders.list", headers={"Cookie": value, "Origin": self.origin}), {"orders": []})
        self.assertEqual(self.rpc("orders.list", headers={"Cookie": value, "Origin": f"http://127.0.0.1:{self.dsnd.port}"})[0], 403)


class Reader:
    """One that reads GET /events; keeps what it was told."""

    def __init__(self, port, token, after=None, **headers):
        self.events, self.last, self.rest = [], after, b""
        path = "/events" if after is None or "Last-Event-ID" in headers else f"/events?after={after}"
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        named = {**({"Authorization": "Bearer " + token} if token else {}), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
        while b"\r\n\r\n" not in self.rest:
            got = self.socket.recv(65536)
            if not got:
                break
            self.rest += got
        self.head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])

    def read_until(self, done, seconds=60):
        """Reads on until done(self), or the end of the stream: then False."""
        self.socket.settimeout(seconds)
        while not done(self):
            try:
                got = self.socket.recv(65536)
            except TimeoutError as e:
                raise AssertionError(f"not within {seconds} s; {len(self.events)} events, the last {self.last}") from e
            except ConnectionResetError:
                got = b""
            if not got:
                return False
            self.rest += got
            *blocks, self.rest = self.rest.split(b"\n\n")
            for block in blocks:
                self.take(dict(line.split(": ", 1) for line in block.decode().splitlines() if ": " in line))
        return True

    def take(self, fields):
        if "id" in fields:
            self.last = int(fields["id"])
        if "data" in fields:
            event = json.loads(fields["data"])
            assert (event["id"], event["type"]) == (self.last, fields["event"]), fields
            self.events.append(event)

    def close(self):
        self.socket.close()


class Events(Login):
    flags = ("--open-login",)

    def read(self, token, after=None, **headers):
        reader = Reader(self.dsnd.port, token, after, **headers)
        self.addCleanup(reader.close)
        return reader

    def write_events(self, count, owner, body=""):
        """As a service of dsnd writes them; dsnd may be away."""
        last = int(self.dsnd.database.read("select coalesce(max(id),0) from event")[0][0])
        self.dsnd.database.write("insert into event(id,at_ms,type,subject,body,cause) values(?,0,'job.running',?,?,0)", [
            (last + n, f"job{n}", json.dumps({"owner": owner, "n": n, "x": body})) for n in range(1, count + 1)])
        return last + count

    def test_who_sees_what(self):
        carol, dave = self.login(self.carol)["token"], self.login(self.dave)["token"]
        operator = self.dsnd.tokens["operator"].read_text().strip()
        mine, his, all_of_them = self.read(carol, 0), self.read(dave, 0), self.read(operator, 0)
        self.assertEqual([r.status for r in (mine, his, all_of_them)], [200] * 3)
        self.assertIn(b"text/event-stream", mine.head)
        self.write_events(1, self.carol.address[2:])
        self.write_events(1, self.dave.address[2:])
        self.write_events(1, "")
        last = self.write_events(1, "nobody")
        all_of_them.read_until(lambda r: r.last == last)
        self.assertEqual([e["type"] for e in all_of_them.events], ["session.begun"] * 2 + ["job.running"] * 4)
        # The others have been told up to there, and of their own only.
        mine.read_until(lambda r: r.last == last)
        his.read_until(lambda r: r.last == last)
        self.assertEqual([e["body"]["owner"] for e in mine.events], [self.carol.address[2:]] * 2)
        self.assertEqual([e["body"]["owner"] for e in his.events], [self.dave.address[2:]] * 2)
        self.assertEqual(self.rpc("events.list", carol)["events"], mine.events)
        self.assertEqual(self.rpc("events.list", carol, after=mine.events[0]["id"])["events"], mine.events[1:])
        self.assertEqual(self.rpc("events.list", carol, after=0, most=1), {"events": mine.events[:1], "after": 1})
        # From now on, without an id.
        late = self.read(carol)
        last = self.write_events(1, self.carol.address[2:])
        late.read_until(lambda r: r.last == last)
        self.assertEqual([e["id"] for e in late.events], [last])
        # Whose login is over hears no more.
        self.rpc("session.logout", dave)
        self.assertFalse(his.read_until(lambda r: False))
        # In a browser.
        value = self.browser(self.carol).split(";")[0]
        self.assertEqual(self.read(None, **{"Cookie": value, "Sec-Fetch-Site": "same-origin"}).status, 200)
        self.assertEqual(self.read(None, **{"Cookie": value, "Sec-Fetch-Site": "cross-site"}).status, 403)

    def test_what_is_refused(self):
        token = self.login(self.carol)["token"]
        self.assertEqual(self.read(None).status, 401)
        self.assertEqual(self.read("dsns_" + "0" * 64).status, 401)
        for after in ("x", "-1", "1x", "99999999999999999999"):
            self.assertEqual(self.read(token, after).status, 400, after)
        self.assertEqual(self.read(token, 0, **{"Last-Event-ID": "y"}).status, 400)
        self.assertEqual(self.read(token, 1000).status, 410)
        self.refused(self.rpc("events.list", token, after=1000), "not-found", "1000")
        opened = [self.read(token) for _ in range(9)]
        self.assertEqual([r.status for r in opened], [200] * 8 + [429])
        self.assertEqual(self.read(self.login(self.dave)["token"]).status, 200)
        opened[0].close()
        waiting.wait_for("room", lambda: self.read(token).status == 200, 20)

    def test_throwaway_keys_leave_room(self):
        """Whoever nobody has named gets half of all streams at most."""
        opened = []
        for n in range(17):
            made = self.log_in_in_time(Key(f"throwaway {n}"))
            opened += [self.read(made["token"]).status for _ in range(8)]
        self.assertEqual(opened, [200] * 128 + [429] * 8)
        self.assertEqual([self.read(self.login(key)["token"], 0).status for key in (self.carol, self.dave) for _ in range(2)], [200] * 4)

    def log_in_in_time(self, key):
        """Five strangers a second may."""
        made = {}

        def try_it():
            made.update(self.login(key))
            return "token" in made
        waiting.wait_for("the login", try_it, 30)
        return made

    def test_nothing_lost_nothing_twice(self):
        """dsnd is killed again and again while a reader reads: it comes back with the last id that it has."""
        token, owner = self.login(self.carol)["token"], self.carol.address[2:]
        seen, last = [], 1
        for round_ in range(3):
            reader = self.read(token, None, **{"Last-Event-ID": str(last)})
            self.assertEqual(reader.status, 200)
            newest = self.write_events(400, owner, "y" * 500)
            wanted = last + 150 * (round_ + 1)
            reader.read_until(lambda r: (r.last or 0) >= wanted)  # pylint: disable=cell-var-from-loop
            self.dsnd.kill()
            reader.read_until(lambda r: False)
            seen += reader.events
            last = reader.last
            self.write_events(50, owner)
            self.dsnd.start(*self.flags)
        reader = self.read(token, None, **{"Last-Event-ID": str(last)})
        newest = self.write_events(1, owner)
        reader.read_until(lambda r: r.last == newest)
        self.assertEqual([e["id"] for e in seen + reader.events], list(range(2, newest + 1)))

    def test_slow_reader(self):
        """It holds nobody up, is told nothing more, dropped, and comes back."""
        token, owner = self.login(self.carol)["token"], self.carol.address[2:]
        slow, quick = self.read(token, 1), self.read(token, 1)
        newest = self.write_events(3000, owner, "z" * 5000)
        quick.read_until(lambda r: r.last == newest)
        self.assertEqual(len(quick.events), 3000)
        waiting.wait_for("its end", lambda: "dsnd_event_streams_dropped_total 1\n" in self.dsnd.get("/metrics")[1], 90)
        slow.read_until(lambda r: False)
        self.assertLess(len(slow.events), 3000)
        again = self.read(token, slow.last)
        again.read_until(lambda r: r.last == newest)
        self.assertEqual([e["id"] for e in slow.events + again.events], [e["id"] for e in quick.events])

    def test_vcli(self):
        made = json.loads(self.vcli("login", self.origin))["account"][2:].lower()
        self.vcli("events")
        newest = self.write_events(1500, made)
        following = subprocess.Popen([str(network.BIN / "vcli"), "--json", "events", "--follow", "--after", "1"], stdin=subprocess.DEVNULL,
                                     env=self.net.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.net.started.append(following)
        self.addCleanup(following.stdout.close)
        told = [json.loads(following.stdout.readline())["id"] for _ in range(1500)]
        self.assertEqual(told, list(range(2, newest + 1)))
        self.dsnd.kill()
        self.write_events(2, made)
        self.dsnd.start(*self.flags)
        told = [following.stdout.readline() for _ in range(2)]
        self.assertEqual([json.loads(line).get("id", line) for line in told], [newest + 1, newest + 2])
        self.assertEqual([e["id"] for e in json.loads(self.vcli("events", "--after", str(newest)))["events"]], [newest + 1, newest + 2])

    def vcli(self, *words):
        done = subprocess.run([str(network.BIN / "vcli"), "--json", *words], env=self.net.environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class Contexts(Login):
    """vcli: what was told once is not told again."""
    flags = ("--open-login", "--public-bus", "amqp://user@bus.example.org:5672/dsn")

    def run_vcli(self, *words, code=0):
        """The JSON it prints, or what it complains of."""
        done = subprocess.run([str(network.BIN / "vcli"), "--json", *words], env=self.net.environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.said = done.stdout + done.stderr
        return json.loads(done.stdout) if code == 0 and done.stdout else done.stderr

    def end_sessions(self):
        for session in self.dsnd.call("session.list", "operator", all=True)["sessions"]:
            self.dsnd.call("session.logout", "operator", session=session["session"])

    def test_login(self):
        name = f"127.0.0.1:{self.dsnd.port}"
        self.assertIn("8640", self.run_vcli("order", "list", code=5))
        made = self.run_vcli("login", self.origin)
        self.assertEqual((made["name"], made["current"], made["roles"]), (name, True, "customer"))
        self.assertEqual(made["network"]["manager"], self.dsnd.address)
        self.assertNotIn("dsns_", self.said)
        file = self.net.folder / ".local/state/dsn/contexts.json"
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        token = json.loads(file.read_text())["contexts"][name]["token"]
        self.assertEqual(self.run_vcli("order", "list"), {"orders": []})
        self.assertEqual(self.run_vcli("order", "list", "--dsnd", self.origin + "/"), {"orders": []})
        # It is over: made again, since the key is at hand.
        self.end_sessions()
        self.assertEqual(self.run_vcli("order", "list"), {"orders": []})
        self.assertNotEqual(json.loads(file.read_text())["contexts"][name]["token"], token)
        self.assertEqual(len(self.dsnd.call("session.list", "operator", all=True)["sessions"]), 1)
        # The token goes to its own dsnd only.
        elsewhere = Alone(self.net.folder / "elsewhere")
        elsewhere.next_port, elsewhere.started = self.dsnd.port + 1, self.net.started
        other = Dsnd(elsewhere).start()
        self.assertIn("has shown no token", self.run_vcli("order", "list", "--dsnd", f"http://127.0.0.1:{other.port}", code=4))
        self.assertNotIn("dsns_", self.run_vcli("context", "show") and self.said)
        self.assertEqual([(c["name"], c["current"]) for c in self.run_vcli("context", "list")["contexts"]], [(name, True)])
        self.run_vcli("logout", "network")
        self.assertEqual(self.dsnd.call("session.list", "operator", all=True)["sessions"], [])
        self.assertIn("has shown no token", self.run_vcli("order", "list", code=4))
        self.assertIn("there is no login", self.run_vcli("logout", "network", code=3))
        self.run_vcli("context", "remove", name)
        self.assertEqual(self.run_vcli("context", "list"), {"contexts": []})
        for words in (("use", name), ("show", name), ("remove", name)):
            self.assertIn("there is no context", self.run_vcli("context", *words, code=3))
        self.assertIn("no context is in use", self.run_vcli("context", "show", code=3))
        file.chmod(0o644)
        self.assertIn("others may read it", self.run_vcli("context", "list", code=4))

    def test_a_given_token_stays_where_it_was_meant_for(self):
        """Not at the network of the context in use."""
        file = self.net.folder / "other.token"
        file.write_text("an-other-networks\n")
        file.chmod(0o600)
        name = self.run_vcli("login", self.origin)["name"]
        self.net.environment["DSN_RPC_TOKEN"] = "an-other-networks"
        self.assertEqual(self.run_vcli("order", "list"), {"orders": []})
        said = self.run_vcli("order", "list", "--rpc-token-file", str(file), code=2)
        self.assertIn(f"the context in use is {self.origin}: name its dsnd, --dsnd URL", said)
        self.assertIn("nobody's", self.run_vcli("order", "list", "--dsnd", self.origin, code=4))
        operator = ("--rpc-token-file", str(self.dsnd.tokens["operator"]))
        self.assertEqual(self.run_vcli("order", "list", "--dsnd", self.origin, *operator), {"orders": []})
        # Nor when the context has no login: then nobody asks.
        self.run_vcli("logout", "network")
        self.assertIn("has shown no token", self.run_vcli("order", "list", code=4))
        # Without a context, the one of this machine is asked.
        self.run_vcli("context", "remove", name)
        self.assertIn("8640", self.run_vcli("order", "list", code=5))

    def test_a_login_is_renewed_where_it_was(self):
        """Another vcli takes another context into use while this one logs in again."""
        name = self.run_vcli("login", self.origin)["name"]
        folder = self.net.folder / ".local/state/dsn"
        all_of_them = json.loads((folder / "contexts.json").read_text())
        before = all_of_them["contexts"][name]["token"]
        self.end_sessions()
        with open(folder / "contexts.lock", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            asking = subprocess.Popen([str(network.BIN / "vcli"), "--json", "order", "list"], env=self.net.environment,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            self.net.started.append(asking)
            self.addCleanup(asking.stdout.close)
            waiting.wait_for("the login", lambda: self.dsnd.call("session.list", "operator", all=True)["sessions"], 30)
            all_of_them["contexts"]["other"] = {"url": "https://other.example.org"}
            all_of_them["current"] = "other"
            (folder / "contexts.json").write_text(json.dumps(all_of_them))
        self.assertEqual(json.loads(asking.communicate(timeout=60)[0]), {"orders": []})
        after = json.loads((folder / "contexts.json").read_text())
        self.assertEqual(after["contexts"]["other"], {"url": "https://other.example.org"})
        self.assertEqual(after["current"], "other")
        self.assertNotEqual(after["contexts"][name]["token"], before)

    def test_key_under_a_passphrase(self):
        secret = self.net.folder / "passphrase"
        secret.write_text("correct horse\n")
        secret.chmod(0o600)
        account = self.run_vcli("account", "new", "--light", "--passphrase-file", str(secret))["address"]
        made = self.run_vcli("login", self.origin, "--passphrase-file", str(secret))
        self.assertEqual(made["account"].lower(), account.lower())
        self.assertEqual(self.run_vcli("order", "list"), {"orders": []})
        self.end_sessions()
        self.assertIn(f"vcli login {self.origin}", self.run_vcli("order", "list", code=4))
        self.assertEqual(self.run_vcli("order", "list", "--passphrase-file", str(secret)), {"orders": []})

    def test_what_is_refused(self):
        self.assertIn("take https://, or a tunnel", self.run_vcli("login", "http://dsn.example.org", code=2))
        self.dsnd.end()
        self.dsnd.start("--open-login", "--public-url", "https://dsn.example.org")
        said = self.run_vcli("login", self.origin, code=4)
        self.assertIn("it wants a login to dsn.example.org signed", said)
        self.assertEqual(self.dsnd.call("session.list", "operator", all=True)["sessions"], [])
        for words in (("--public-url", "http://dsn.example.org"), ("--public-url", "https://a/b"), ("--login-time", "1s")):
            done = subprocess.run([str(self.net.bin / "dsnd"), "--state-dir", str(self.net.folder / "none"), *words],
                                  env=self.net.environment, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words[0], done.stderr)

    def test_join(self):
        status, described, _ = self.http("GET", "/network.json")
        self.assertEqual((status, described), (200, self.rpc("network.describe")))
        self.assertEqual((described["bus"], described["url"]), (["amqp://bus.example.org:5672/dsn"], self.origin))
        file = self.net.folder / "agent.conf"
        joined = self.run_vcli("join", self.origin, "--write", str(file))
        self.assertEqual(file.read_text(), f"# made by: vcli join {self.origin}\n" + joined["settings"])
        self.assertIn(f"manager = {self.dsnd.address}\n", joined["settings"])
        self.assertIn("owner = " + self.run_vcli("key", "show")["id"] + "\n", joined["settings"])
        self.assertIn("--force", self.run_vcli("join", self.origin, "--write", str(file), code=4))
        done = subprocess.run([str(network.BIN / "dsn-agent"), "--config", str(file), "--print-config"], env=self.net.environment,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"manager = {self.dsnd.address}", done.stdout)


class OverTheBus(network.TestCase):
    """Calls as sealed messages to dsnd's address: who signs is who calls."""

    def test_calls(self):
        net = self.network(start=False, transcoders=0)
        dsnd = Dsnd(net)
        with open(dsnd.callers, "a", encoding="utf-8") as callers:
            callers.write(f"{net.vcli('key', 'show')['id']} customer -\n")
        dsnd.start()
        waiting.wait_for("the bus", lambda: dsnd.get("/readyz")[0] == 200, 60)
        there = ("--dsnd", f"bus:{dsnd.address}", "--timeout", "60s")
        self.assertEqual(net.vcli("order", "list", *there), {"orders": []})
        self.assertEqual(net.vcli("events", "--after", "0", *there)["events"], [])
        # A refusal is the method's own.
        code, said = net.vcli_try("order", "status", "0200000000000000000001", *there)[:2]
        self.assertEqual(code, 3, said)
        # A stranger is nobody.
        key = net.folder / "stranger.key"
        key.write_text("5" * 64 + "\n")
        key.chmod(0o600)
        code, said = net.vcli_try("order", "list", "--identity", str(key), *there)[:2]
        self.assertEqual(code, 4, said)
        # By the context, which tells whom to ask.
        net.vcli("join", f"http://127.0.0.1:{dsnd.port}")
        self.assertEqual(net.vcli("order", "list", "--via", "bus", "--timeout", "60s"), {"orders": []})
        self.assertIn("dsnd_mail_calls_total 5\n", dsnd.get("/metrics")[1])
        # Each was answered, and its answer is kept; the stranger's is not.
        self.assertEqual(dsnd.database.read("select count(*), count(answer) from mail_call"), [("4", "4")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
