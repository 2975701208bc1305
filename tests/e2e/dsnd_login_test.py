"""Who calls dsnd: a wallet's login (ERC-4361) for programs and for browsers, each refusal, and what a restart leaves."""
import datetime
import http.client
import json
import re

import network
from dsnd_test import Dsnd
from secp256k1 import Key


class Login(network.TestCase):
    flags = ()

    def setUp(self):
        self.net = self.network(start=False, transcoders=0)
        self.dsnd = Dsnd(self.net)
        self.carol, self.dave, self.eve = Key("carol"), Key("dave"), Key("eve")
        with open(self.dsnd.callers, "a", encoding="utf-8") as callers:
            for key in (self.carol, self.dave):
                callers.write(f"{key.address[2:]} customer -\n")
        self.dsnd.start(*self.flags)
        self.origin = f"http://127.0.0.1:{self.dsnd.port}"

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


if __name__ == "__main__":
    network.main()
