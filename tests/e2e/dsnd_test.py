"""dsnd end to end: an order becomes a stream on nodes that it picked, at a real broker, with real agents, nginx and ffmpeg."""
import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import dsnd_variant
import network
from network import wait_for


class Dsnd:
    """One dsnd of a network, and its state folder; may be killed and started again. `flags` are its own, beside those of a start."""

    def __init__(self, net, *flags, name="dsnd"):
        self.net, self.name, self.folder, self.process, self.flags = net, name, net.folder / name, None, flags
        self.parts = {}
        if "--store" not in flags:
            self.database = dsnd_variant.database(self.folder)
            self.flags += self.database.flags
            self.parts = {service: None for service in dsnd_variant.parts()}
        self.chain = ("--chain", "none")
        self.ready_file, self.log_path = net.folder / f"{name}.ready", net.folder / f"{name}.log"
        if not (net.bin / "dsnd").exists():
            shutil.copy2(network.BIN / "dsnd", net.bin / "dsnd")
        self.port = network.free_range(1, net.next_port)
        net.next_port = self.port + 1
        self.bus, self.environment = net.bus, {}
        for service in self.parts:
            self.parts[service] = Part(self, service)
        self.callers = net.folder / "callers"
        self.tokens = {}
        lines = []
        for name, address, roles in (("alice", f"{1:040x}", "customer"), ("bob", f"{2:040x}", "customer"),
                                     ("owner", getattr(net, "owner", f"{4:040x}"), "supplier"), ("another", f"{3:040x}", "supplier")):
            self.tokens[name] = net.folder / f"{name}.token"
            self.tokens[name].write_text(f"{name}-{'t' * 20}\n")
            self.tokens[name].chmod(0o600)
            lines.append(f"{address} {roles} {name}-{'t' * 20}\n")
        self.callers.write_text("# who may call\n" + "".join(lines))
        self.callers.chmod(0o600)
        self.tokens["operator"] = self.folder / "operator.token"

    def spawn(self, part, *flags):
        """A process: this one, or the one of a service. `part` gets its process."""
        part.ready_file.unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            part.process = subprocess.Popen(
                [str(self.net.bin / "dsnd"), "--bus", self.bus, "--network", self.net.name, *self.chain, "--listen",
                 f"127.0.0.1:{part.port}", "--state-dir", str(part.folder), "--ready-file", str(part.ready_file), "--callers",
                 str(self.callers), *self.flags, *flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**self.net.environment, **self.environment}, start_new_session=True)
        self.net.started.append(part.process)
        wait_for("dsnd", lambda: part.ready_file.exists() or part.process.poll() is not None, 20)
        if part.process.poll() is not None:
            raise AssertionError(self.log_path.read_text())

    def start(self, *flags):
        self.spawn(self, *dsnd_variant.part_flags(self, dsnd_variant.FRONT), *flags)
        self.address = json.loads(self.ready_file.read_text())["address"]
        for part in self.parts.values():
            part.start(*flags)
        if self.parts:
            wait_for("services that are led", self.is_led, 20, self.metrics)
        # On a server, the lease of one that was killed has to expire.
        wait_for("a leader", lambda: "nobody leads" not in self.get("/readyz")[1], 20)
        return self

    def is_led(self):
        said = [line for line in self.metrics().splitlines() if line.startswith(("dsnd_leads{", "dsnd_peer_up{"))]
        return len(said) == sum(1 + len(peers) for peers in dsnd_variant.PEERS.values()) and all(line.endswith(" 1") for line in said)

    def metrics(self):
        """Those of all its processes."""
        return "".join(self.get("/metrics", port=part.port)[1] for part in (self, *self.parts.values()))

    def kill(self):
        for part in (self, *self.parts.values()):
            part.process.kill()
            part.process.wait()
            part.ready_file.unlink()

    def end(self):
        """How it ended, or one of its processes that did not end well."""
        processes = [part.process for part in (self, *self.parts.values())]
        network.signal_all([p.pid for p in processes if p.poll() is None], signal.SIGTERM)
        return max((p.wait(20) for p in processes), key=abs)

    def get(self, path, body=None, token=None, kind="application/json", port=None):
        """(status, text)"""
        headers = {"Content-Type": kind} if body is not None else {}
        if token:
            headers["Authorization"] = "Bearer " + self.tokens[token].read_text().strip()
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.port}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def call(self, method, token="alice", **params):
        """The result, or the error object."""
        body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode()
        status, text = self.get("/rpc", body, token)
        if status != 200:
            raise AssertionError(f"{method}: {status} {text}")
        answer = json.loads(text)
        assert answer["jsonrpc"] == "2.0" and answer["id"] == 7, text
        return answer.get("result", answer.get("error"))

    def words(self, *words, who="alice"):
        return (*words, "--dsnd", f"http://127.0.0.1:{self.port}", "--rpc-token-file", str(self.tokens[who]))

    def vcli(self, *words, who="alice"):
        return self.net.vcli(*self.words(*words, who=who))


class Part:
    """The process of one service, where each has its own ($DSN_TEST_DSND)."""

    def __init__(self, dsnd, service):
        self.dsnd, self.service, self.process = dsnd, service, None
        self.folder, self.ready_file = dsnd.net.folder / f"{dsnd.name}.{service}", dsnd.net.folder / f"{dsnd.name}.{service}.ready"
        self.port = network.free_range(1, dsnd.net.next_port)
        dsnd.net.next_port = self.port + 1

    def start(self, *flags):
        self.dsnd.spawn(self, *dsnd_variant.part_flags(self.dsnd, self.service), "--identity", str(self.dsnd.folder / "identity.key"), *flags)


class Case(network.TestCase):
    def network_with_dsnd(self, transcoders=2, flags=(), **how):
        net = self.network(start=False, transcoders=transcoders, **how)
        self.dsnd = Dsnd(net).start()
        for agent in net.agents.values():
            agent.flags += ["--manager", self.dsnd.address, *flags]
        net.up()
        self.obeyed(transcoders + 2)
        return net

    def obeyed(self, count):
        def nodes():
            return [n for n in self.dsnd.call("nodes.list")["nodes"] if n["obeys"] and n["state"] == "online" and n["serves"]]

        return wait_for(f"{count} nodes that obey", lambda: len(nodes()) == count and nodes(), 30,
                        lambda: self.dsnd.call("nodes.list"))

    def order(self, net, **changes):
        document = json.loads(net.document().read_text())
        for key in ("nodes", "job_id"):
            del document["pipeline"][key]
        document["pipeline"].update(changes)
        return document

    def order_file(self, net, **changes):
        path = net.folder / "order.json"
        path.write_text(json.dumps(self.order(net, **changes)))
        return str(path)


class Orders(Case):
    def test_from_order_to_play(self):
        net = self.network_with_dsnd()
        made = self.dsnd.vcli("order", "create", self.order_file(net), "--yes", "--show-key")
        job = made["job"]
        self.assertEqual(job, "0200000000000000000001")
        self.assertEqual((made["state"], {n["state"] for n in made["nodes"]}), ("running", {"applied"}))
        self.assertEqual({n["node_id"] for n in made["nodes"]}, set(net.ids.values()))
        self.assertEqual(made["ingest"]["stream_key"], f"{job}?key={made['ingest']['key']}")
        self.assertEqual(made["watch"], net.master_url(job))
        self.assertNotIn("key", self.dsnd.vcli("order", "status", job)["ingest"])
        said = net.vcli_start(*self.dsnd.words("order", "status", job)).communicate(timeout=60)[0]
        for words in (f"job {job}: running", made["ingest"]["url"], f"{job}?key=KEY", "--show-key", made["watch"], net.ids["s"]):
            self.assertIn(words, said)
        self.assertNotIn(made["ingest"]["key"], said)
        push = net.publish(self.film(40), job, made["ingest"]["key"])
        net.wait_segments(3, job=job)

        # How it fares at its nodes is asked from anywhere, and only by whose it is.
        self.assertEqual([p["job"] for p in self.dsnd.call("pipelines.list")["pipelines"]], [job])
        asked = self.dsnd.vcli("pipeline", "status", job)
        self.assertEqual({n["node_id"]: n["status"]["state"] for n in asked["nodes"]}, dict.fromkeys(net.ids.values(), "running"), asked)
        self.assertNotIn(made["ingest"]["key"], json.dumps(asked))
        said = net.vcli_start(*self.dsnd.words("pipeline", "status", job)).communicate(timeout=60)[0]
        for words in (f"job {job}: running", *net.ids.values()):
            self.assertIn(words, said)

        # It goes, and what streams goes on; the next one knows its orders.
        before = net.units(job)
        self.assertTrue(before)
        self.dsnd.kill()
        net.wait_segments(1, job=job)
        self.dsnd.start()
        self.obeyed(4)
        self.assertEqual(self.dsnd.vcli("order", "list")["orders"][0]["job"], job)
        net.wait_segments(1, job=job)
        self.assertEqual(net.units(job), before)

        # Nobody else's business, not even that it is there.
        strange = self.dsnd.call("orders.status", "bob", job=job)
        missing = self.dsnd.call("orders.status", "bob", job="0200000000000000009999")
        self.assertEqual(strange["code"], missing["code"])
        self.assertEqual(strange["message"].replace(job, "JOB"), missing["message"].replace("0200000000000000009999", "JOB"))
        for method in ("orders.cancel", "pipelines.stop", "pipelines.start", "pipelines.status", "pipelines.close"):
            self.assertEqual(self.dsnd.call(method, "bob", job=job), strange)
        self.assertEqual(self.dsnd.call("orders.list", "bob"), {"orders": []})
        self.assertEqual(self.dsnd.call("pipelines.list", "bob"), {"pipelines": []})
        self.assertEqual(self.dsnd.call("orders.status", "operator", job=job)["state"], "running")

        net.end_push(push)
        self.assertEqual(self.dsnd.vcli("order", "stop", job)["state"], "stopped")
        net.look_at_stored(job)
        for variant in net.variants():
            self.assertGreaterEqual(len(net.numbers(variant, job)), 5, variant)
            self.assertEqual(net.decode_errors(variant, job), [], variant)

        # Again, on the same nodes with the same key; and for good.
        self.assertEqual(self.dsnd.vcli("order", "start", job, "--show-key")["ingest"], made["ingest"])
        self.assertEqual(self.dsnd.vcli("order", "cancel", job, "--yes")["state"], "cancelled")
        self.assertEqual(self.dsnd.call("pipelines.start", job=job)["data"]["error"], "refused")
        self.assertEqual(self.dsnd.call("pipelines.list")["pipelines"], [])

        # By its id, from anywhere: and nothing stays of it, without a word about its time.
        stored = net.agent_of["s"].folder / "nodes" / net.ids["s"] / "data" / "hls"
        self.assertTrue(list(stored.glob(f"{job}*")))
        self.assertEqual(self.dsnd.vcli("pipeline", "close", job)["state"], "cancelled")
        wait_for("nothing stored", lambda: not list(stored.glob(f"{job}*")), 40, lambda: list(stored.glob(f"{job}*")))
        self.assertEqual(self.dsnd.end(), 0)

    def test_what_cannot_be_placed(self):
        net = self.network_with_dsnd(transcoders=1)
        # Rather one transcoder that makes two renditions than no stream; without a storage there is none.
        wide = self.order(net)
        wide["pipeline"]["transcoding"].append(
            {"resolution_name": "_90p", "resolution": "160x90", "bitrate": "80000"})
        del wide["pipeline"]["number_of_streams"]
        planned = self.dsnd.call("orders.plan", order=wide)
        self.assertEqual([len(n.get("renditions", ())) for n in planned["nodes"]], [0, 2, 0], planned)
        net.vcli("node", "maintenance", "on", net.ids["s"])
        wait_for("maintenance", lambda: "storage: of 1, 1 are in maintenance; 1 would do with" in
                 str(self.dsnd.call("orders.plan", order=self.order(net))), 20)
        for method in ("orders.plan", "orders.create"):
            refused = self.dsnd.call(method, order=wide)
            self.assertEqual(refused["data"]["error"], "unavailable")
            self.assertIn("storage: of 1, 1 are in maintenance", refused["message"])
        net.vcli("node", "maintenance", "off", net.ids["s"])
        self.assertIn("plan", wait_for("work", lambda: (lambda a: "plan" in a and a)(
            self.dsnd.call("orders.plan", order=self.order(net))), 20))
        self.assertEqual(self.dsnd.call("orders.list"), {"orders": []})

        # The same word twice: one order.
        first = self.dsnd.call("orders.create", order=self.order(net), once="film-1")
        self.assertEqual(self.dsnd.call("orders.create", order=self.order(net), once="film-1")["job"], first["job"])
        self.assertEqual(len(self.dsnd.call("orders.list")["orders"]), 1)

        # Whose manager it is no more: the node refuses, and the others are told to end it.
        agent = net.agent_of["s"]
        agent.flags.clear()
        agent.process.send_signal(signal.SIGTERM)
        agent.process.wait(30)
        agent.start()
        wait_for("the storage again", lambda: net.vcli_try("node", "status", net.ids["s"])[0] == 0, 30)
        failed = self.dsnd.call("orders.create", order=self.order(net))
        if failed["data"]["error"] == "failed":  # asked before the registry knew
            self.assertIn("obeys its owners only", failed["message"])
            wait_for("its end", lambda: self.dsnd.call("orders.list")["orders"][0]["state"] == "failed", 30,
                     lambda: self.dsnd.call("orders.list"))
        else:
            self.assertIn("storage: of 1, ", failed["message"])


    def test_told_again(self):
        """What is wanted outlives dsnd, and whoever was away while it was told."""
        net = self.network_with_dsnd(transcoders=1)
        storage = net.agent_of["s"]
        storage.process.send_signal(signal.SIGSTOP)
        ordering = net.vcli_start(*self.dsnd.words("order", "create", self.order_file(net), "--yes"))
        job = wait_for("the order", lambda: self.dsnd.call("orders.list")["orders"], 20)[0]["job"]
        code, answer, _ = net.vcli_try(*self.dsnd.words("order", "push", job, "film.mp4"))
        self.assertEqual((code, answer["error"]["code"]), (3, "not-found"))
        self.assertIn(f"job {job}: its distributor's address is not known yet: it is starting", answer["error"]["message"])
        self.dsnd.kill()
        self.assertEqual(ordering.wait(30), 5)
        self.assertEqual(net.units(job, ["s"]), {})
        storage.process.send_signal(signal.SIGCONT)
        self.dsnd.start()
        order = wait_for("the stream", lambda: (lambda o: o["state"] == "running" and o)(self.dsnd.call("orders.status", job=job)), 40,
                         lambda: self.dsnd.call("orders.status", job=job))
        self.assertEqual(order["watch"], net.master_url(job))
        self.assertTrue(net.units(job, ["s"]))
        self.assertEqual(len(self.dsnd.call("orders.list")["orders"]), 1)

        storage.kill()
        cancelled = self.dsnd.call("orders.cancel", job=job)
        self.assertEqual((cancelled["state"], {n["role"]: n["state"] for n in cancelled["nodes"]}["storage"]), ("cancelled", "away"))
        self.assertIn("1 of its nodes are away", cancelled["why"])
        storage.start()
        wait_for("the end at the storage", lambda: not net.units(job, ["s"]), 40)


    def test_cancelled_while_it_starts(self):
        """An end is a wanted state: it takes effect at once, whatever nodes are being told."""
        net = self.network_with_dsnd(transcoders=1)
        storage = net.agent_of["s"]
        storage.process.send_signal(signal.SIGSTOP)
        ordering = net.vcli_start(*self.dsnd.words("order", "create", self.order_file(net), "--yes"))
        job = wait_for("the order", lambda: self.dsnd.call("orders.list")["orders"], 20)[0]["job"]
        wait_for("a program", lambda: net.units(job, ["d", "t1"]), 20)
        cancelled = self.dsnd.call("orders.cancel", job=job)
        self.assertEqual(cancelled["state"], "cancelled", cancelled)
        self.assertIn("something else is wanted of it now", ordering.communicate(timeout=30)[1])
        self.assertNotEqual(ordering.returncode, 0)
        storage.process.send_signal(signal.SIGCONT)
        wait_for("the end everywhere", lambda: not net.units(job), 40, lambda: net.units(job))
        self.assertEqual(self.dsnd.call("orders.status", job=job)["state"], "cancelled")


class Times(Case):
    """Orders that begin and end by themselves, and what becomes of what they have stored."""

    def at(self, seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))

    def sql(self, text):
        """As time would do it: days pass. dsnd does not run meanwhile."""
        self.dsnd.kill()
        self.dsnd.database.write(text)
        self.dsnd.start()

    def events(self, job):
        return [e["type"] for e in self.dsnd.call("events.list", "operator")["events"] if e["subject"] == job]

    def wait_event(self, job, what, seconds=40):
        wait_for(what, lambda: what in self.events(job), seconds, lambda: (self.events(job), self.dsnd.call("orders.status", job=job)))

    def wait_state(self, job, state, seconds=40):
        return wait_for(state, lambda: (o := self.dsnd.call("orders.status", job=job))["state"] == state and o, seconds,
                        lambda: self.dsnd.call("orders.status", job=job))

    def stored(self, net, job):
        return list((net.agent_of["s"].folder / "nodes" / net.ids["s"]).glob(f"data/hls/{job}*"))

    def test_scheduled_kept_deleted(self):
        net = self.network_with_dsnd(transcoders=1)
        refused = self.dsnd.call("orders.create", order=self.order(net, schedule={"start_at": self.at(31 * 86400)}))
        self.assertIn("params.order: pipeline.schedule.start_at: is more than 30 days ahead", refused["message"])
        refused = self.dsnd.call("orders.create", order=self.order(net, schedule={"end_at": self.at(-10)}))
        self.assertIn("params.order: pipeline.schedule.end_at: is over", refused["message"])

        # One is for later and is told so; nothing is promised, it may be cancelled, a call does not start it.
        start, far = self.at(15), {"start_at": self.at(86400), "end_at": self.at(2 * 86400)}
        later = self.dsnd.vcli("order", "create", self.order_file(net, schedule=far), "--yes")
        self.assertEqual((later["state"], later["nodes"], later["start_at"][:19], later["retain_days"]), ("scheduled", [], far["start_at"][:19], 30))
        said = net.vcli_start(*self.dsnd.words("order", "status", later["job"])).communicate(timeout=60)[0]
        for words in ("scheduled", "starts at:", "ends at:", "30 days after its end"):
            self.assertIn(words, said)
        self.assertIn("has no nodes yet", self.dsnd.call("pipelines.start", job=later["job"])["message"])
        self.assertEqual(self.dsnd.call("pipelines.stop", job=later["job"])["data"]["error"], "refused")
        self.assertEqual(self.dsnd.call("orders.cancel", job=later["job"])["state"], "cancelled")

        # It begins by itself, also when dsnd has been away meanwhile; why it does not is told.
        net.vcli("node", "maintenance", "on", net.ids["s"])
        made = self.dsnd.call("orders.create", order=self.order(net, schedule={"start_at": start, "end_at": self.at(75)}, retain="7"))
        self.assertEqual(made["state"], "scheduled", made)
        job = made["job"]
        self.dsnd.kill()
        self.dsnd.start()
        why = wait_for("why", lambda: self.dsnd.call("orders.status", job=job).get("why"), 60, lambda: self.dsnd.call("orders.status", job=job))
        self.assertIn("storage", why)
        self.assertGreaterEqual(self.at(0), start)
        net.vcli("node", "maintenance", "off", net.ids["s"])
        order = self.wait_state(job, "running")
        self.assertNotIn("why", order)
        push = net.publish(self.film(120), job, order["ingest"]["key"])
        net.wait_segments(1, job=job)

        # It ends by itself, and does not start again; what was stored is there, until its time.
        order = self.wait_state(job, "stopped", 90)
        net.end_push(push)
        self.assertEqual(net.units(job), {})
        self.assertIn("has ended by its end_at", self.dsnd.call("pipelines.start", job=job)["message"])
        self.assertEqual(order["delete_at"][:10], self.at(7 * 86400)[:10])
        net.look_at_stored(job)
        self.assertTrue(self.stored(net, job))
        self.sql(f"update jobs_order set delete_at_ms=delete_at_ms-{int(6.5 * 86400)}*1000 where job='{job}'")
        self.wait_event(job, "recording.expiring")
        self.assertTrue(self.stored(net, job))

        # A storage that is away learns it when it is back.
        net.agent_of["s"].process.send_signal(signal.SIGSTOP)
        self.sql(f"update jobs_order set delete_at_ms=delete_at_ms-86400000, notice_ms=notice_ms-86400000 where job='{job}'")
        self.wait_event(job, "recording.deleting")
        self.assertNotIn("recording.deleted", self.events(job))
        net.agent_of["s"].process.send_signal(signal.SIGCONT)
        wait_for("nothing stored", lambda: not self.stored(net, job), 60, lambda: self.stored(net, job))
        self.sql("update jobs_recording set told_ms=0")
        self.wait_event(job, "recording.deleted")
        self.assertNotIn("delete_at", self.dsnd.call("orders.status", job=job))


class Push(Case):
    """vcli order push: what a dsnd says reaches ffmpeg only when it can be nothing else than an address, a key and a job."""

    over_whisper = True  # no broker is needed

    def setUp(self):
        self.net = self.network(start=False, transcoders=1)
        self.net.ports = {key: {"rtmp": str(n), "http": str(n + 50)} for n, key in enumerate(self.net.ids, 21900)}
        self.document = json.loads(self.net.document("0200000000000000000001").read_text())

    def said(self, document, **ingest):
        """What vcli says when a dsnd answers so."""
        order = {"job": "0200000000000000000001", "state": "running", "document": document,
                 "ingest": {"url": "rtmp://127.0.0.1:21900/ingest", "stream": "x", "key": "k" * 16, **ingest}}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": order}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            code, answer, _ = self.net.vcli_try("order", "push", "0200000000000000000001", "none.mp4", "--dsnd",
                                                f"http://127.0.0.1:{server.server_address[1]}")
            server.shutdown()
        self.assertNotEqual(code, 0)
        return answer["error"]["message"]

    def test_a_dsnd_that_lies(self):
        self.assertIn("none.mp4", self.said(self.document))  # all is well but the film
        for url in ("file:///etc/passwd", "http://127.0.0.1/x", "-y", ""):
            self.assertIn("dsnd: ingest.url: is not rtmp://", self.said(self.document, url=url))
        for url in ("rtmp://h/a b", "rtmp://h/a\nb", "rtmp://h/\u00fc"):
            self.assertIn("dsnd: ingest.url: has a letter that no address has", self.said(self.document, url=url))
        for key in ("k", "k" * 15 + "\n", "k" * 65):
            self.assertIn("dsnd: ingest.key", self.said(self.document, key=key))
        pipeline = self.document["pipeline"]
        self.assertIn("job_id", self.said({**self.document, "pipeline": {**pipeline, "job_id": "../../x"}}))
        self.assertIn("dsnd: document", self.said([]))


class Nodes(Case):
    def changes(self, known=None):
        """What an asker knows then: {"epoch", "version", "rows": {id: row}}."""
        asked = {"epoch": known["epoch"], "since": known["version"]} if known else {}
        answer = self.dsnd.call("nodes.changes", "operator", **asked)
        rows = dict(known["rows"]) if known and answer["epoch"] == known["epoch"] else {}
        for node_id in answer["gone"]:
            del rows[node_id]
        rows.update({row["node_id"]: row for row in answer["nodes"]})
        return {"epoch": answer["epoch"], "version": answer["version"], "rows": rows, "told": len(answer["nodes"])}

    def test_changes(self):
        net = self.network_with_dsnd(transcoders=1)
        known = self.changes()
        self.assertEqual(set(known["rows"]), set(net.ids.values()))
        for row in known["rows"].values():
            self.assertLessEqual(
                {"node_id", "name", "role", "state", "ip", "rtmp_port", "http_port", "jobs", "mode", "maintenance", "serves",
                 "obeys", "agent_id", "seen", "owner", "version", "region", "labels", "gpu", "capacity", "load_pm", "jobs_load_pm",
                 "realtime_pm", "policy"}, set(row))
            self.assertEqual((set(row["capacity"]), len(row["realtime_pm"])), ({"blocks_per_s", "bps"}, 8))
            self.assertEqual(set(row["policy"]), {"customers", "ceiling_pm", "most_jobs", "price"})

        # What happens to one node is told of that node.
        net.agent_of["s"].process.send_signal(signal.SIGSTOP)
        def silent():
            nonlocal known
            known = self.changes(known)
            return known["rows"][net.ids["s"]]["state"] == "suspect"
        wait_for("the silent node", silent, 40)
        self.assertEqual({n for n, row in known["rows"].items() if row["state"] == "online"}, set(net.ids.values()) - {net.ids["s"]})
        net.agent_of["s"].process.send_signal(signal.SIGCONT)
        wait_for("the node again", lambda: not silent() and known["rows"][net.ids["s"]]["state"] == "online", 40)
        listed = {n["node_id"]: n for n in self.dsnd.call("nodes.list")["nodes"]}
        known = self.changes(known)
        for node_id, row in known["rows"].items():
            self.assertEqual((row["state"], row["jobs"]), (listed[node_id]["state"], listed[node_id]["jobs"]))

        # Another dsnd, another epoch: all are told.
        self.dsnd.kill()
        self.dsnd.start()
        self.obeyed(3)
        again = self.changes(known)
        self.assertNotEqual(again["epoch"], known["epoch"])
        self.assertEqual((set(again["rows"]), again["told"]), (set(net.ids.values()), 3))
        refused = self.dsnd.call("nodes.changes")
        self.assertEqual(refused["data"]["error"], "refused")
        self.assertIn("nodes.changes is for operator", refused["message"])


    def row(self, node_id):
        return self.dsnd.call("nodes.get", node_id=node_id)

    def wait_state(self, node_id, state):
        wait_for(f"{node_id} {state}", lambda: self.row(node_id)["state"] == state, 30, lambda: self.row(node_id))

    def test_heartbeats(self):
        """What agents say of themselves, and what the operator says of nodes."""
        customer = "5c0d" * 10
        net = self.network_with_dsnd(transcoders=1, flags=(
            "--region", "eu-1", "--label", "ssd", "--label", "rack-7", "--customers", customer, "--most-jobs", "1", "--price", "12",
            "--bandwidth", "100"))
        storage = net.ids["s"]
        row = wait_for("a heartbeat", lambda: (lambda r: r["version"] and r)(self.row(storage)), 20, lambda: self.row(storage))
        self.assertEqual((row["owner"], row["region"], row["labels"]), (net.owner, "eu-1", ["ssd", "rack-7"]))
        policy = {"ceiling_pm": 1000, "most_jobs": 1, "price": 12}
        for who in ("operator", "owner"):
            self.assertEqual(self.dsnd.call("nodes.get", who, node_id=storage)["policy"], {"customers": [customer], **policy})
        for who in ("alice", "another"):
            listed = {n["node_id"]: n["policy"] for n in self.dsnd.call("nodes.list", who)["nodes"]}
            self.assertEqual([listed[storage], self.dsnd.call("nodes.get", who, node_id=storage)["policy"]], [policy] * 2)
        self.assertEqual(row["capacity"], {"blocks_per_s": -1, "bps": 100_000_000})
        wait_for("the load", lambda: self.row(storage)["load_pm"] > 0, 30, lambda: self.row(storage))

        # Its owner's maintenance.
        net.vcli("node", "maintenance", "on", storage)
        self.wait_state(storage, "draining")
        net.vcli("node", "maintenance", "off", storage)
        self.wait_state(storage, "online")

        # The operator's word outlives dsnd.
        self.assertEqual(self.dsnd.call("nodes.bar", node_id=storage, why="guess")["data"]["error"], "refused")
        self.assertEqual(self.dsnd.call("nodes.admit", "operator", node_id=storage)["data"]["error"], "not-found")
        self.assertEqual(self.dsnd.call("nodes.set_aside", "operator", node_id=storage, why="drops frames")["state"], "set_aside")
        self.dsnd.kill()
        self.dsnd.start()
        wait_for("it to obey", lambda: self.row(storage).get("obeys"), 30)
        self.wait_state(storage, "set_aside")
        self.assertEqual(self.dsnd.call("nodes.bar", "operator", node_id=storage, why="again")["state"], "barred")
        refused = self.dsnd.call("orders.plan", order=self.order(net))
        self.assertEqual(refused["data"]["error"], "unavailable")
        self.assertEqual(self.dsnd.call("nodes.admit", "operator", node_id=storage, why="mended")["state"], "online")
        history = self.dsnd.call("nodes.history", node_id=storage)["history"]
        self.assertEqual([(h["state"], h["why"]) for h in history if "by" in h],
                         [("admitted", "mended"), ("barred", "again"), ("set_aside", "drops frames")])
        self.assertIn("draining", [h["state"] for h in history])
        # Its owner hears of it, and nobody else but the operator.
        told = self.dsnd.call("events.list", "owner", after=0)["events"]
        self.assertLessEqual({"node.draining", "node.set_aside", "node.barred", "node.admitted"},
                             {e["type"] for e in told if e["subject"] == storage})
        self.assertEqual(self.dsnd.call("events.list", "another", after=0)["events"], [])

        # Whose agents are too old.
        self.dsnd.kill()
        self.dsnd.start("--least-version", "99.0.0", "--suggested-version", "99.1.0")
        wait_for("it to obey", lambda: self.row(storage).get("obeys"), 30)
        self.wait_state(storage, "too_old")
        listed = self.dsnd.call("nodes.list", state="too_old")
        self.assertEqual((listed["least_version"], listed["suggested_version"]), ("99.0.0", "99.1.0"))
        self.assertIn(storage, [n["node_id"] for n in listed["nodes"]])

    def test_a_full_node_says_so(self):
        """What its owner takes is held at the agent too, whoever asks."""
        net = self.network_with_dsnd(transcoders=1, flags=("--most-jobs", "1"))
        first = self.dsnd.call("orders.create", order=self.order(net))
        self.assertEqual(first["state"], "running", first)
        refused = self.dsnd.call("orders.create", order=self.order(net))
        self.assertIn(refused["data"]["error"], ("failed", "unavailable", "limit"), refused)
        self.assertEqual(self.dsnd.call("orders.status", job=first["job"])["state"], "running")
        self.assertEqual(self.dsnd.call("orders.cancel", job=first["job"])["state"], "cancelled")


class Calls(Case):
    """What comes in over HTTP; no node is needed."""

    def setUp(self):
        self.net = self.network(start=False, transcoders=0)
        self.dsnd = Dsnd(self.net).start()

    def test_pages(self):
        self.assertEqual(self.dsnd.get("/healthz"), (200, "alive\n"))
        wait_for("the bus", lambda: self.dsnd.get("/readyz")[0] == 200, 20)
        self.assertEqual(self.dsnd.get("/metrics")[0], 200)
        text = self.dsnd.metrics()
        for line in ("dsnd_bus_up 1", 'dsnd_nodes{state="online"} 0', 'dsnd_orders{state="running"} 0'):
            self.assertIn(line, text)
        self.assertEqual(self.dsnd.get("/")[0], 404)
        self.assertEqual(self.dsnd.get("/rpc")[0], 405)
        self.assertEqual(self.dsnd.get("/rpc", b"{}", "alice", "text/plain")[0], 415)
        document = self.dsnd.call("rpc.discover", None)
        self.assertEqual(document["openrpc"], "1.3.2")
        self.assertIn("orders.create", [m["name"] for m in document["methods"]])

    def test_who_calls(self):
        request = b'{"jsonrpc":"2.0","id":1,"method":"orders.list"}'
        status, text = self.dsnd.get("/rpc", request)
        self.assertEqual((status, json.loads(text)["error"]["data"]["error"]), (200, "refused"))
        self.dsnd.tokens["eve"] = self.net.folder / "eve.token"
        self.dsnd.tokens["eve"].write_text("guessed-guessed-guessed\n")
        self.assertEqual(self.dsnd.get("/rpc", request, "eve")[0], 401)
        self.assertEqual(self.dsnd.call("orders.list", "operator"), {"orders": []})
        self.assertEqual((self.dsnd.folder / "operator.token").stat().st_mode & 0o777, 0o600)

    def test_what_is_refused(self):
        order = {"order": {"apiVersion": "1.00"}}
        for method, params, word, code, place in (
                ("orders.status", {}, "invalid", -32602, "params.job: is missing"),
                ("orders.status", {"job": 5}, "invalid", -32602, "params.job: must be a string"),
                ("orders.status", {"job": "../x"}, "invalid", -32602, "params.job"),
                ("orders.status", {"job": "a", "jop": "b"}, "invalid", -32602, "params.jop: is no parameter of orders.status"),
                ("orders.list", {"most": 0}, "invalid", -32602, "params.most: is 0; 1 to 1000, please"),
                ("orders.create", {"order": []}, "invalid", -32602, "params.order: must be an object"),
                ("orders.create", order, "invalid", -32602, "params.order: "),
                ("orders.create", {"order": {"pipeline": {"nodes": []}}}, "invalid", -32602,
                 "params.order: pipeline.nodes: leave it out"),
                ("orders.create", {"order": {"x": "y" * 70000}}, "invalid", -32602, "params.order: has "),
                ("nodes.list", {"role": "tester"}, "invalid", -32602, "none of distributor|transcoder|storage"),
                ("nodes.list", {"state": "asleep"}, "invalid", -32602, "none of online|suspect|offline|draining"),
                ("nodes.history", {"node_id": "12"}, "invalid", -32602, "params.node_id"),
                ("nodes.history", {"node_id": "1" * 40, "most": 1001}, "invalid", -32602, "params.most: is 1001; 1 to 1000"),
                ("nodes.get", {"node_id": "12"}, "invalid", -32602, "params.node_id"),
                ("nodes.get", {"node_id": "1" * 40}, "not-found", -32004, "was not heard of"),
                ("orders.steal", {}, "not-found", -32601, "there is no method")):
            with self.subTest(method=method, params=str(params)[:80]):
                refused = self.dsnd.call(method, **params)
                self.assertEqual((refused["data"]["error"], refused["code"]), (word, code), refused)
                self.assertIn(place, refused["message"])
                self.assertTrue(refused["data"]["mend"])
        for body, code in ((b"{", -32700), (b"[]", -32600), (b'{"jsonrpc":"1.0","id":1,"method":"a"}', -32600),
                           (b'{"jsonrpc":"2.0","id":{},"method":"a"}', -32600),
                           (b'{"jsonrpc":"2.0","id":1,"method":"orders.list","params":[1]}', -32602)):
            with self.subTest(body=body):
                self.assertEqual(json.loads(self.dsnd.get("/rpc", body, "alice")[1])["error"]["code"], code)
        self.assertEqual(self.dsnd.get("/rpc", b'{"jsonrpc":"2.0","method":"orders.list"}', "alice"), (204, ""))

    def test_settings(self):
        def refused(*flags):
            done = subprocess.run([str(self.net.bin / "dsnd"), "--state-dir", str(self.net.folder / "other"), *flags],
                                  env=self.net.environment, capture_output=True, text=True, timeout=60, check=False)
            self.assertNotEqual(done.returncode, 0)
            return done.stderr

        self.assertIn("tokens would cross the network in the clear", refused("--listen", "0.0.0.0:8640"))
        self.assertIn('there is no service "cooks"', refused("--services", "cooks"))
        self.assertIn("--start-timeout", refused("--start-timeout", "1h"))
        self.assertIn('"1.2" is no version', refused("--least-version", "1.2"))
        os.chmod(self.dsnd.callers, 0o644)
        self.assertIn("others may read it", refused("--callers", str(self.dsnd.callers)))
        self.dsnd.callers.write_text("not an address at all, and not a token\n")
        os.chmod(self.dsnd.callers, 0o600)
        said = refused("--callers", str(self.dsnd.callers))
        self.assertIn(f"{self.dsnd.callers}:1: begins with no address", said)
        self.assertNotIn("token\n", said)
        second = subprocess.run([str(self.net.bin / "dsnd"), "--state-dir", str(self.dsnd.folder), "--bus", self.net.bus],
                                env=self.net.environment, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(second.returncode, 4, second.stderr)


if __name__ == "__main__":
    network.main()
