#!/usr/bin/env python3
"""The bus over Whisper with real shhd's and real participants, and no broker: through a bootnode alone, with nodes inside
the participants and with shhd's beside them; killed and restarted ones, absent ones, a bad and a parted network."""
import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import netns  # noqa: E402
from broker import BIN, Peer  # noqa: E402
from waiting import figure, wait_for  # noqa: E402

TTL = 60000
QUICK = 5  # seconds: more than anything takes while nothing is lost


class Shhd:
    """A running shhd, here or on a machine of a lab."""

    def __init__(self, folder, *options, lab=None, machine=None, env=None, discovery=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="shhd-", dir=folder))
        self.ready = self.folder / "ready.json"
        self.address = lab.address(machine) if lab else "127.0.0.1"
        self.argv = [os.path.join(BIN, "shhd"), "--data-dir", str(self.folder / "data"), "--ready-file", str(self.ready),
                     "--address", self.address, "--port", "0", "--rpc-port", "0", "--threads", "1",
                     *([] if discovery else ["--no-discovery"]), *options]
        if lab:
            self.argv = lab.command(machine, self.argv)
        self.env = {**os.environ, **(env or {})}
        self.process = None

    def start(self, *more):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([*self.argv, *more], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.env)
        wait_for("shhd is ready", lambda: self.ready.exists() or self.process.poll() is not None, 30)
        if self.process.poll() is not None:
            raise AssertionError("shhd has ended: " + (self.folder / "log").read_text())
        told = json.loads(self.ready.read_text())
        self.enode, self.port = told["enode"], told["rpc_port"]
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def kill(self):
        self.process.kill()
        self.process.wait(20)
        self.ready.unlink()


class Participant(Peer):
    """A bus_peer, here or on a machine of a lab. While one is waited for, all are read: none must stand still because
    nobody takes what it tells."""
    running = []

    def __init__(self, url, *flags, environment=None, lab=None, machine=None):
        self.events, self.rest = [], b""
        argv = [os.path.join(BIN, "bus_peer"), *flags, url]
        self.process = subprocess.Popen(lab.command(machine, argv) if lab else argv, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env=environment)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.running.append(self)

    def _read(self):
        for p in list(self.running):
            if p.process.stdout.closed:
                self.running.remove(p)
            elif p is not self:
                Peer._read(p)
        return Peer._read(self)


class Case(unittest.TestCase):
    number = 0

    def setUp(self):
        Case.number += 1
        self.network = f"test-{os.getpid()}-{Case.number}"
        self.folder = tempfile.mkdtemp(prefix="dsn-whisper-bus-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def shhd(self, *options, **more):
        s = Shhd(self.folder, *options, **more)
        self.addCleanup(s.stop)
        return s.start()

    def embedded(self, bootnode, listen=True):
        return f"shh:///?bootnode={bootnode.enode}" + ("&listen=127.0.0.1:0" if listen else "")

    def at(self, shhd):
        return f"shh://127.0.0.1:{shhd.port}"

    def peer(self, url, *flags, up=True, environment=None, lab=None, machine=None):
        flags = ("--sealed", "--network", self.network, *flags)
        p = Participant(url, *flags, environment=environment, lab=lab, machine=machine)
        self.addCleanup(p.__exit__)
        if up:
            p.wait("state", "up", timeout=30)
        return p

    def key(self, peer, word):
        peer.order("key", word)
        return peer.wait("key", word)[2]

    def node(self, url, *flags, word="node", timeout=30, **more):
        """A participant that serves a durable id, and that id. With a database each message has its effect once."""
        p = self.peer(url, *flags, **more)
        id = self.key(p, word)
        p.order("mode", "once" if "--db" in flags else "accept")
        p.order("serve", id, "durable")
        p.wait("served", id, timeout=timeout)
        return p, id

    def client(self, url, *flags, word="client", **more):
        p = self.peer(url, *flags, **more)
        id = self.key(p, word)
        p.order("serve", id, "ephemeral")
        p.wait("served", id)
        return p, id

    def effects(self, path):
        """Messages that have had their effect: so many different ones were accepted."""
        with contextlib.closing(sqlite3.connect(path)) as db:
            return db.execute("select count(*) from seen").fetchone()[0]


class Ways(Case):
    """Every pair of ways into the network, through one bootnode that is named alone."""

    def exchange(self, to_node, to_client):
        node, node_id = self.node(to_node)
        client, client_id = self.client(to_client)
        client.order("watch")
        for n in range(3):
            client.order("send", client_id, node_id, TTL, '{"do":"%d"}' % n)
            message = client.wait("sent", None, "ok", timeout=QUICK)[1]
            self.assertEqual(node.wait("message"), ["message", message, client_id, node_id, "command", '{"do":"%d"}' % n])
            node.order("send", node_id, client_id, TTL, '{"done":"%d"}' % n)
            node.wait("sent", None, "ok", timeout=QUICK)
            self.assertEqual(client.wait("message")[5], '{"done":"%d"}' % n)
        large = "x" * 200_000
        client.order("send", client_id, node_id, TTL, '{"large":"%s"}' % large)
        self.assertEqual(node.wait("message", timeout=30)[5], '{"large":"%s"}' % large)
        client.wait("sent", None, "ok")
        node.order("status", node_id, '{"state":"fine"}')
        self.assertEqual(client.wait("status")[1:], [node_id, '{"state":"fine"}'])
        self.assertFalse([e for e in node.poll() + client.poll() if e[0] in ("message", "error", "refused")])

    def test_embedded_to_embedded(self):
        boot = self.shhd()
        self.exchange(self.embedded(boot), self.embedded(boot, listen=False))

    def test_embedded_to_shhd(self):
        boot = self.shhd()
        other = self.shhd("--bootnodes", boot.enode)
        self.exchange(self.embedded(boot), self.at(other))

    def test_shhd_to_shhd(self):
        boot = self.shhd()
        a, b = self.shhd("--bootnodes", boot.enode), self.shhd("--bootnodes", boot.enode)
        self.exchange(self.at(a), self.at(b))

    def test_one_shhd_for_both(self):
        one = self.shhd(discovery=False)
        self.exchange(self.at(one), self.at(one))

    def test_high_proof_of_work(self):
        """An shhd that takes only much work: it mines for that."""
        boot = self.shhd("--min-pow", "2", discovery=False)
        node, node_id = self.node(self.at(boot))
        client, client_id = self.client(self.at(boot))
        client.order("send", client_id, node_id, TTL, '{"do":"1"}')
        client.wait("sent", None, "ok", timeout=QUICK)


class Faults(Case):
    def test_many_messages_once_and_in_order(self):
        boot = self.shhd()
        node, node_id = self.node(self.embedded(boot))
        client, client_id = self.client(self.embedded(boot))
        client.order("send", client_id, node_id, TTL, '{"first":"1"}')
        client.wait("sent", None, "ok")
        node.wait("message")
        took = []
        for n in range(50):
            began = time.monotonic()
            client.order("send", client_id, node_id, TTL, '{"n":"%d"}' % n)
            client.wait("sent", None, "ok")
            took.append((time.monotonic() - began) * 1e3)
        began = time.monotonic()
        for n in range(50, 550):
            client.order("send", client_id, node_id, TTL, '{"n":"%d"}' % n)
        for n in range(50, 550):
            client.wait("sent", None, "ok", timeout=60)
        seconds = time.monotonic() - began
        self.assertEqual([node.wait("message")[5] for _ in range(550)], ['{"n":"%d"}' % n for n in range(550)])
        figure(f"accepted and acknowledged through a bootnode: median {statistics.median(took):.1f} ms, "
               f"{500 / seconds:.0f} a second one after the other")

    def test_throughput_of_many_senders(self):
        boot = self.shhd()
        node, node_id = self.node(self.embedded(boot))
        client = self.peer(self.embedded(boot, listen=False))
        ids = [self.key(client, f"sender-{i}") for i in range(20)]
        client.order("serve", ids[0], "ephemeral")
        client.order("send", ids[0], node_id, TTL, '{"first":"1"}')
        client.wait("sent", None, "ok")
        began = time.monotonic()
        for n in range(1000):
            client.order("send", ids[n % 20], node_id, TTL, '{"n":"%d"}' % n)
        for _ in range(1000):
            client.wait("sent", None, "ok", timeout=60)
        figure(f"20 senders: {1000 / (time.monotonic() - began):.0f} messages a second accepted and acknowledged")
        got = [int(node.wait("message")[5].split('"')[3]) for _ in range(1001)][1:]
        for sender in range(20):
            self.assertEqual([n for n in got if n % 20 == sender], list(range(sender, 1000, 20)))

    def test_receiver_killed_and_restarted(self):
        boot, db = self.shhd(), os.path.join(self.folder, "node.db")
        node, node_id = self.node(self.embedded(boot), "--db", db)
        client, client_id = self.client(self.embedded(boot), "--db", os.path.join(self.folder, "client.db"))
        client.order("burst", client_id, node_id, 300)
        for round in range(2):
            wait_for("some have arrived", lambda: self.effects(db) >= 50 + 80 * round)
            node.kill()
            self.assertLess(self.effects(db), 300)
            node, _ = self.node(self.embedded(boot), "--db", db)
        for _ in range(300):
            client.wait("fate", None, "ok", timeout=60)
        self.assertEqual(self.effects(db), 300)
        client.order("pending")
        self.assertEqual(client.wait("pending"), ["pending", "0"])

    def test_sender_killed_and_restarted(self):
        boot, db = self.shhd(), os.path.join(self.folder, "client.db")
        node, node_id = self.node(self.embedded(boot), "--db", os.path.join(self.folder, "node.db"))
        client, client_id = self.client(self.embedded(boot), "--db", db)
        client.order("burst", client_id, node_id, 200)
        client.wait("fate", None, "ok")
        client.kill()
        client, _ = self.client(self.embedded(boot), "--db", db)
        first = [node.wait("message", timeout=60)[5] for _ in range(200)]
        self.assertEqual(first, ['{"n":"%d"}' % n for n in range(1, 201)])

    def test_receiver_away_until_before_the_deadline(self):
        boot, db = self.shhd(), os.path.join(self.folder, "node.db")
        node, node_id = self.node(self.embedded(boot), "--db", db)
        client, client_id = self.client(self.embedded(boot))
        client.order("send", client_id, node_id, TTL, '{"before":"1"}')
        client.wait("sent", None, "ok")
        node.kill()
        client.order("send", client_id, node_id, TTL, '{"while":"away"}')
        client.order("send", client_id, node_id, 1500, '{"too":"late"}')
        self.assertEqual(client.wait("sent", timeout=10)[2], "timeout")
        began = time.monotonic()
        back, _ = self.node(self.embedded(boot), "--db", db)
        self.assertEqual(back.wait("message", timeout=5)[5], '{"while":"away"}')
        client.wait("sent", None, "ok", timeout=20)
        figure(f"back after {time.monotonic() - began:.1f} s: what was sent meanwhile is there, and acknowledged")

    def test_last_acknowledgement_of_who_exits(self):
        """Exactly as vcli does: accept the answer and exit. Its sender must not go on repeating it."""
        boot = self.shhd()
        node, node_id = self.node(self.embedded(boot))
        for n, url in enumerate((self.embedded(boot, listen=False), self.at(boot))):
            client, client_id = self.client(url, word=f"client-{n}")
            client.order("send", client_id, node_id, TTL, "{}")
            client.wait("sent", None, "ok")
            client.order("mode", "hold")
            node.order("send", node_id, client_id, TTL, '{"answer":"1"}')
            client.wait("message")
            client.process.stdin.write(b"mode accept\nquit\n")
            client.process.stdin.flush()
            self.assertEqual(client.process.wait(20), 0)
            node.wait("sent", None, "ok", timeout=1)

    def test_shhd_restarted(self):
        boot = self.shhd(discovery=False)
        port = boot.port
        node, node_id = self.node(self.at(boot), "--db", os.path.join(self.folder, "node.db"))
        client, client_id = self.client(self.at(boot), "--db", os.path.join(self.folder, "client.db"))
        client.order("burst", client_id, node_id, 200)
        client.wait("fate", None, "ok")
        boot.kill()
        self.assertEqual(client.wait("state", "down")[2], "unavailable")
        node.wait("state", "down")
        boot.start("--rpc-port", str(port))
        for p in (client, node):
            p.wait("state", "up")
        for _ in range(199):
            client.wait("fate", None, "ok", timeout=60)
        got = [node.wait("message")[5] for _ in range(200)]
        self.assertEqual(got, ['{"n":"%d"}' % n for n in range(1, 201)])

    def test_bootnode_restarted(self):
        """The only peer goes and comes back: down, with the reason, and up again by itself."""
        boot = self.shhd(discovery=False)
        client, client_id = self.client(f"shh:///?peer={boot.enode}")
        boot.kill()
        down = client.wait("state", "down")
        self.assertIn("no Whisper peer yet: tried " + boot.enode.split("@")[1], " ".join(down))
        client.order("send", client_id, client_id, TTL, "{}")
        self.assertEqual(client.wait("sent")[2], "unavailable")
        boot.argv[boot.argv.index("--port") + 1] = boot.enode.rsplit(":", 1)[1].split("?")[0]
        boot.start()
        client.wait("state", "up", timeout=60)
        client.order("send", client_id, client_id, TTL, '{"to":"myself"}')
        client.wait("sent", None, "ok")
        self.assertEqual(client.wait("message")[5], '{"to":"myself"}')

    def test_second_server_is_refused_and_takes_over(self):
        boot = self.shhd()
        first, node_id = self.node(self.embedded(boot))
        second = self.peer(self.embedded(boot))
        self.key(second, "node")
        second.order("serve", node_id, "durable")
        self.assertEqual(second.wait("refused", node_id, timeout=5)[2], "exists")
        client, client_id = self.client(self.embedded(boot))
        client.order("send", client_id, node_id, TTL, '{"to":"first"}')
        client.wait("sent", None, "ok")
        self.assertEqual(first.wait("message")[5], '{"to":"first"}')
        self.assertFalse([e for e in second.poll() if e[0] in ("message", "served")])
        first.kill()
        client.order("send", client_id, node_id, TTL, '{"to":"second"}')
        self.assertEqual(second.wait("message", timeout=50)[5], '{"to":"second"}')
        client.wait("sent", None, "ok", timeout=20)


class Refusals(Case):
    def down(self, url, *flags, **more):
        event = self.peer(url, *flags, up=False, **more).wait("state", "down")
        return event[2], " ".join(event[3:])

    def test_nobody_there(self):
        code, why = self.down("shh:///?listen=127.0.0.1:0")
        self.assertEqual(code, "unavailable")
        self.assertRegex(why, r"no Whisper peer yet: waiting for one on 127\.0\.0\.1 port \d+")
        code, why = self.down("shh://127.0.0.1:1")
        self.assertEqual(code, "unavailable")
        self.assertIn("shhd at 127.0.0.1 port 1", why)

    def test_shhd_without_our_methods(self):
        boot = self.shhd("--api", "shh", discovery=False)
        code, why = self.down(self.at(boot))
        self.assertEqual(code, "not-found")
        self.assertIn("--api", why)

    def test_too_large_for_the_node(self):
        boot = self.shhd("--max-message", "64k", discovery=False)
        node, node_id = self.node(self.at(boot))
        client, client_id = self.client(self.at(boot))
        client.order("send", client_id, node_id, TTL, "{}")
        client.wait("sent", None, "ok")
        client.order("send", client_id, node_id, TTL, '{"large":"%s"}' % ("x" * 65000))
        event = client.wait("sent")
        self.assertEqual(event[2], "limit")
        self.assertIn("the Whisper network takes 65516", " ".join(event))

    def test_token(self):
        boot = self.shhd(discovery=False, env={"DSN_RPC_TOKEN": "sesame"})
        environment = {k: v for k, v in os.environ.items() if k != "DSN_RPC_TOKEN"}
        code, why = self.down(self.at(boot), environment=environment)
        self.assertEqual(code, "refused")
        self.assertNotIn("sesame", why)
        self.peer(self.at(boot), environment={**environment, "DSN_RPC_TOKEN": "sesame"})
        path = os.path.join(self.folder, "token")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write("sesame\n")
        self.peer(self.at(boot), "--password", path, environment=environment)

    def test_bad_urls_and_no_key(self):
        for url, says in (("shh:///", "listen="), ("shh:///?peer=enode://12@1.2.3.4:5", "invalid enode"),
                          ("shh://user@host", "token")):
            p = subprocess.run([os.path.join(BIN, "bus_peer"), "--sealed", url], stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, timeout=20)
            self.assertEqual(p.returncode, 1)
            self.assertIn("error invalid", p.stdout)
            self.assertIn(says, p.stdout)
        p = subprocess.run([os.path.join(BIN, "bus_peer"), "shh://127.0.0.1:1"], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=20)
        self.assertIn("sealed messages only", p.stdout)

    def test_an_id_without_key_is_not_served(self):
        p = self.peer(self.at(self.shhd(discovery=False)))
        p.order("serve", "ab" * 20, "durable")
        self.assertEqual(p.wait("error")[1], "invalid")


@unittest.skipIf(netns.missing(), f"a lab of machines: {netns.missing()}")
class BadNetwork(Case):
    """Machines of their own: 0 the bootnode, 1 the node, 2 the client."""

    def setUp(self):
        super().setUp()
        self.lab = netns.Lab(3)
        self.addCleanup(self.lab.close)
        self.boot = self.shhd(lab=self.lab, machine=0)
        self.db = os.path.join(self.folder, "node.db")
        self.node_peer, self.node_id = self.node(self.url(1), "--db", self.db, lab=self.lab, machine=1)
        self.client_peer, self.client_id = self.client(self.url(2), "--db", os.path.join(self.folder, "client.db"),
                                                       lab=self.lab, machine=2)

    def url(self, machine):
        return f"shh:///?bootnode={self.boot.enode}&listen={self.lab.address(machine)}:30303"

    def burst(self, count):
        self.client_peer.order("burst", self.client_id, self.node_id, count)

    def all_arrive(self, count, seconds):
        for _ in range(count):
            self.client_peer.wait("fate", None, "ok", timeout=seconds)
        self.assertEqual(self.effects(self.db), count)
        got = [self.node_peer.wait("message")[5] for _ in range(count)]
        self.assertEqual(got, ['{"n":"%d"}' % n for n in range(1, count + 1)])

    def test_a_third_of_the_packets_is_lost(self):
        self.lab.set(loss=0.3, delay_ms=5, jitter_ms=5)
        began = time.monotonic()
        self.burst(30)
        self.all_arrive(30, 300)
        figure(f"30 % loss each way: 30 messages, one after the other, in {time.monotonic() - began:.1f} s, each once; "
               f"{self.lab.counts()['lost']} packets lost")

    def test_parted_and_joined(self):
        self.burst(50)
        self.client_peer.wait("fate", None, "ok")
        self.lab.part([0, 1], [2])
        time.sleep(4)  # how long the network is parted: nothing is waited for
        self.burst(50)
        self.lab.join()
        began = time.monotonic()
        for _ in range(99):
            self.client_peer.wait("fate", None, "ok", timeout=120)
        figure(f"parted for 4 s, joined: everything there after {time.monotonic() - began:.1f} s")
        self.assertEqual(self.effects(self.db), 100)

    def test_parted_for_longer_than_connections_live(self):
        self.lab.part([0, 1], [2])
        self.burst(20)
        self.client_peer.wait("state", "down", timeout=60)
        self.lab.join()
        began = time.monotonic()
        self.client_peer.wait("state", "up", timeout=90)
        self.all_arrive(20, 120)
        figure(f"parted until no peer was left, joined: everything there after {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    netns.main(lambda: unittest.main(verbosity=2))
