"""The bus against a real RabbitMQ: confirms, refusals, outages, lifetimes, dead letters, plain queues, TLS."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module
from broker import Broker, Peer, require
from secp256k1 import Key

NODE = "a1" * 20
OTHER = "b2" * 20
CLIENT = "c3" * 20
NOBODY = "d4" * 20
TTL = 60000


def make_certificates(folder, names):
    """A test CA and a server certificate for DNS `names`; a second CA that signed nothing. Returns their paths."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    for ca in ("ca", "strange-ca"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=dsn test " + ca, "-keyout", ca + ".key", "-out", ca + ".pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + names[0],
            "-keyout", "server.key", "-out", "server.csr")
    with open(os.path.join(folder, "san"), "w") as f:
        f.write("subjectAltName=" + ",".join("DNS:" + n for n in names) + "\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "san", "-out", "server.pem")
    return {n: os.path.join(folder, n) for n in ("ca.pem", "strange-ca.pem", "server.pem", "server.key")}


def setUpModule():
    require()


class WithBroker(unittest.TestCase):
    """One broker for the class; each test has a network of its own."""
    broker = None
    count = 0

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker().start()

    @classmethod
    def tearDownClass(cls):
        cls.broker.close()

    def setUp(self):
        WithBroker.count += 1
        self.network = "test-%d" % WithBroker.count
        self.folder = tempfile.mkdtemp(prefix="dsn-bus-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def peer(self, *flags, up=True, url=None, environment=None):
        p = Peer(url or self.broker.url("guest"), "--network", self.network, *flags, environment=environment)
        self.addCleanup(p.__exit__)
        if up:
            p.wait("state", "up")
        return p

    def node(self, id=NODE, *flags):
        """A peer that serves `id`."""
        p = self.peer(*flags)
        p.order("serve", id, "durable")
        self.until_served(p, id)
        return p

    def until_served(self, p, id):
        p.wait("served", id)

    def settle(self):
        """RabbitMQ 3.10 notes the name of a new quorum queue on disk half a second late; a broker killed before that
        forgets the queue's log. A test about other things waits it out."""
        time.sleep(1.5)

    def dead(self, count):
        """Waits until the dead letters are `count`."""
        deadline = time.monotonic() + 20
        while True:
            n = self.broker.queue_messages("dsn.%s.dead" % self.network)
            if n == count or time.monotonic() > deadline:
                self.assertEqual(n, count)
                return


class Delivery(WithBroker):
    def test_command_and_result(self):
        node, client = self.node(), self.peer()
        client.order("serve", CLIENT, "ephemeral")
        self.until_served(client, CLIENT)
        client.order("send", CLIENT, NODE, TTL, '{"do":"this"}')
        id = client.wait("sent", None, "ok")[1]
        self.assertEqual(node.wait("message"), ["message", id, CLIENT, NODE, "command", '{"do":"this"}'])
        node.order("send", NODE, CLIENT, TTL, '{"done":"yes"}')
        node.wait("sent", None, "ok")
        self.assertEqual(client.wait("message")[2:], [NODE, CLIENT, "command", '{"done":"yes"}'])

    def test_unknown_mailbox_is_an_error_at_once(self):
        client = self.peer()
        began = time.monotonic()
        client.order("send", CLIENT, NOBODY, TTL, "{}")
        event = client.wait("sent")
        self.assertEqual(event[2], "not-found")
        self.assertIn(NOBODY, event)
        self.assertLess(time.monotonic() - began, 5)

    def test_returns_are_mapped_to_their_messages(self):
        """Good and unroutable messages mixed in one window: each gets its own fate."""
        node, client = self.node(), self.peer()
        for n in range(200):
            client.order("send", CLIENT, NODE if n % 3 else NOBODY, TTL, '{"n":"%d"}' % n)
        fates = [client.wait("sent") for _ in range(200)]
        self.assertEqual(sum(f[2] == "not-found" for f in fates), 67)
        got = [node.wait("message") for _ in range(133)]
        self.assertEqual([m[5] for m in got], ['{"n":"%d"}' % n for n in range(200) if n % 3])
        self.assertEqual({m[1] for m in got}, {f[1] for f in fates if f[2] == "ok"})

    def test_mailbox_outlives_its_node(self):
        node, client = self.node(), self.peer()
        self.assertEqual(node.quit(), 0)
        client.order("send", CLIENT, NODE, TTL, '{"while":"away"}')
        client.wait("sent", None, "ok")
        back = self.peer()
        back.order("serve", NODE, "durable")
        self.assertEqual(back.wait("message")[5], '{"while":"away"}')

    def test_client_mailbox_goes_with_the_client(self):
        node, client = self.node(), self.peer()
        client.order("serve", CLIENT, "ephemeral")
        self.until_served(client, CLIENT)
        client.kill()
        deadline = time.monotonic() + 10
        while True:
            node.order("send", NODE, CLIENT, TTL, "{}")
            if node.wait("sent")[2] == "not-found":
                break
            self.assertLess(time.monotonic(), deadline)

    def test_removed_mailbox_is_gone(self):
        node, client = self.node(), self.peer()
        node.order("unserve", NODE, "remove")
        deadline = time.monotonic() + 10
        while True:
            client.order("send", CLIENT, NODE, TTL, "{}")
            if client.wait("sent")[2] == "not-found":
                break
            self.assertLess(time.monotonic(), deadline)

    def test_deliveries_of_a_mailbox_given_up_are_not_the_next_ones(self):
        """What is still on its way when a mailbox is given up must not pass for a message of one served right after."""
        client, body = self.peer(), '{"n":"%s"}' % ("x" * 50000)
        for id in (NODE, OTHER):
            self.assertEqual(self.node(id).quit(), 0)
            for _ in range(40):
                client.order("send", CLIENT, id, TTL, body)
                client.wait("sent", None, "ok")
        node = self.peer("--prefetch", "40")
        node.order("mode", "hold")
        node.order("serve", NODE, "durable")
        for now, then in ((NODE, OTHER), (OTHER, NODE)) * 5:
            node.wait("served", now)
            node.order("unserve", now, "keep")
            node.order("serve", then, "durable")
        node.kill()
        back = self.peer("--prefetch", "40")
        for id in (NODE, OTHER):
            back.order("serve", id, "durable")
        got = [back.wait("message", timeout=60)[3] for _ in range(80)]
        self.assertEqual((got.count(NODE), got.count(OTHER)), (40, 40))
        self.dead(0)

    def test_second_server_is_refused_and_takes_over(self):
        first, second = self.node(), self.peer()
        second.order("serve", NODE, "durable")
        self.assertEqual(second.wait("refused", NODE)[2], "exists")
        second.wait("refused", NODE)  # it tries again
        client = self.peer()
        client.order("send", CLIENT, NODE, TTL, '{"to":"first"}')
        self.assertEqual(first.wait("message")[5], '{"to":"first"}')
        self.assertFalse([e for e in second.poll() if e[0] == "message"])
        first.kill()
        client.order("send", CLIENT, NODE, TTL, '{"to":"second"}')
        self.assertEqual(second.wait("message")[5], '{"to":"second"}')

    def test_unaccepted_comes_again(self):
        node, client = self.node(), self.peer()
        node.order("mode", "hold")
        client.order("send", CLIENT, NODE, TTL, '{"hold":"1"}')
        id = node.wait("message")[1]
        node.kill()
        back = self.peer()
        back.order("serve", NODE, "durable")
        self.assertEqual(back.wait("message")[1], id)

    def test_accepted_are_gone(self):
        """Those that come at once are acknowledged together; each of them is."""
        node, client = self.node(), self.peer()
        node.process.send_signal(signal.SIGSTOP)
        try:
            for n in range(30):
                client.order("send", CLIENT, NODE, TTL, '{"n":"%d"}' % n)
            for n in range(30):
                client.wait("sent", None, "ok")
        finally:
            node.process.send_signal(signal.SIGCONT)
        for n in range(30):
            node.wait("message")
        node.order("serve", CLIENT[::-1], "ephemeral")  # carried out after what was to be acknowledged
        node.wait("served", CLIENT[::-1])
        node.kill()
        back = self.node()
        client.order("send", CLIENT, NODE, TTL, '{"n":"last"}')
        self.assertEqual(back.wait("message")[5], '{"n":"last"}')

    def test_prefetch_bounds_what_is_held(self):
        node, client = self.node(NODE, "--prefetch", "3"), self.peer()
        node.order("mode", "hold")
        for n in range(10):
            client.order("send", CLIENT, NODE, TTL, '{"n":"%d"}' % n)
            client.wait("sent", None, "ok")
        held = [node.wait("message") for _ in range(3)]
        time.sleep(0.3)  # nothing more may come: there is no event for that
        self.assertFalse([e for e in node.poll() if e[0] == "message"])
        node.order("mode", "accept")
        rest = [node.wait("message") for _ in range(7)]
        self.assertEqual([m[5] for m in held + rest], ['{"n":"%d"}' % n for n in range(10)])

    def test_deleted_mailbox_is_made_again(self):
        """Somebody deletes the queue: its node hears of it, and serves again without a word from anybody."""
        node, client = self.node(), self.peer()
        self.broker.ctl("delete_queue", "dsn.%s.%s" % (self.network, NODE))
        node.wait("refused", NODE)
        self.until_served(node, NODE)
        client.order("send", CLIENT, NODE, TTL, '{"and":"again"}')
        client.wait("sent", None, "ok")
        self.assertEqual(node.wait("message")[5], '{"and":"again"}')

    def test_deleted_exchange_is_made_again(self):
        """The broker closes the channel of who sends to it; the connection stays, and so does what it serves."""
        node, client = self.node(), self.peer()
        client.order("serve", CLIENT, "ephemeral")
        self.until_served(client, CLIENT)
        exchange = 'rabbit_misc:r(<<"/">>, exchange, <<"dsn.%s">>)' % self.network
        self.broker.ctl("eval", 'rabbit_exchange:delete(%s, false, <<"test">>).' % exchange)
        client.order("send", CLIENT, NODE, TTL, "{}")
        client.wait("sent", None, "unavailable")
        client.order("send", CLIENT, NODE, TTL, "{}")
        client.wait("sent", None, "not-found")  # the exchange is there again, its bindings are not
        again = self.peer()
        again.order("serve", OTHER, "durable")
        self.until_served(again, OTHER)
        client.order("send", CLIENT, OTHER, TTL, '{"and":"again"}')
        client.wait("sent", None, "ok")
        self.assertEqual(again.wait("message")[5], '{"and":"again"}')
        # What docs/broker.md says: who connects again is bound again.
        self.broker.ctl("close_all_connections", "mended")
        client.wait("state", "up")
        self.until_served(node, NODE)
        client.order("send", CLIENT, NODE, TTL, '{"found":"again"}')
        client.wait("sent", None, "ok")
        self.assertEqual(node.wait("message")[5], '{"found":"again"}')
        node.quit()

    def test_status_reaches_every_watcher_and_needs_none(self):
        node, first, second = self.peer(), self.peer(), self.peer()
        node.order("status", NODE, '{"n":"0"}')
        node.wait("sent", None, "ok")  # nobody watches
        first.order("watch")
        second.order("watch")
        for watcher in (first, second):
            deadline = time.monotonic() + 10
            while not [e for e in watcher.poll() if e[0] == "status"]:
                self.assertLess(time.monotonic(), deadline)
                node.order("status", NODE, '{"n":"1"}')
                node.wait("sent", None, "ok")
            self.assertEqual(watcher.wait("status")[1:], [NODE, '{"n":"1"}'])


class Lifetime(WithBroker):
    def test_message_expires_in_the_mailbox(self):
        node, client = self.node(), self.peer()
        node.quit()
        client.order("send", CLIENT, NODE, 1000, '{"old":"1"}')
        client.wait("sent", None, "ok")
        client.order("send", CLIENT, NODE, TTL, '{"young":"1"}')
        client.wait("sent", None, "ok")
        time.sleep(1.2)
        back = self.peer()
        back.order("serve", NODE, "durable")
        self.assertEqual(back.wait("message")[5], '{"young":"1"}')
        self.dead(1)

    def test_rejected_goes_to_the_dead_letters_with_the_reason(self):
        node, client = self.node(), self.peer()
        node.order("mode", "reject")
        client.order("send", CLIENT, NODE, TTL, '{"bad":"1"}')
        node.wait("message")
        self.dead(1)
        node.quit()
        back = self.peer()
        back.order("serve", NODE, "durable")
        self.until_served(back, NODE)  # the rejected one does not come again


class Raw(WithBroker):
    def raw(self, *words):
        done = subprocess.run([os.path.join(broker_module.BIN, "bus_raw"), self.broker.url("guest"), *words],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        return done.returncode, done.stdout

    def test_hello_world(self):
        """Any queue, text as it is."""
        self.assertEqual(self.raw("send", "hello", "x")[0], 3)  # no such queue: said, not swallowed
        self.assertEqual(self.raw("declare", "hello"), (0, ""))
        self.assertEqual(self.raw("declare", "hello"), (0, ""))
        for text in ("Hello World!", "", "zwei \u20ac"):
            self.assertEqual(self.raw("send", "hello", text), (0, ""))
        self.assertEqual(self.raw("receive", "hello", "2", "5000"), (0, "Hello World!\n\n"))
        self.assertEqual(self.raw("receive", "hello", "1", "5000"), (0, "zwei \u20ac\n"))
        code, text = self.raw("receive", "hello", "1", "200")
        self.assertEqual((code, text.split()[0]), (6, "timeout"))

    def test_plain_queue_of_a_node(self):
        """A message without envelope in the queue named by the bare node id is a command, each time anew."""
        node = self.node(OTHER, "--plain")
        deadline = time.monotonic() + 10
        while self.raw("send", OTHER, '{"hello":"world"}')[0]:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(self.raw("send", OTHER, '{"hello":"world"}'), (0, ""))
        first, second = node.wait("message"), node.wait("message")
        self.assertEqual(first[2:], ["-", OTHER, "command", '{"hello":"world"}'])
        self.assertNotEqual(first[1], second[1])
        self.assertEqual(self.raw("send", OTHER, "no json"), (0, ""))
        self.dead(1)


class Outage(WithBroker):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.broker.start_if_down)

    def test_broker_killed_while_sending(self):
        """Nothing is lost, nothing has an effect twice, order is kept; both sides come back by themselves."""
        count = 600
        node = self.node(NODE, "--db", os.path.join(self.folder, "node.db"))
        node.order("mode", "once")
        client = self.peer("--db", os.path.join(self.folder, "client.db"))
        self.settle()
        client.order("burst", CLIENT, NODE, count)
        for _ in range(100):
            node.wait("message")
        self.broker.kill()
        node.wait("state", "down")
        client.wait("state", "down")
        client.order("put", CLIENT, NODE, TTL * 10, '{"put":"away"}')
        began = time.monotonic()
        self.broker.start()
        node.wait("state", "up", timeout=60)
        client.wait("state", "up", timeout=60)
        back = time.monotonic() - began
        got = [node.wait("message", timeout=60)[5] for _ in range(count + 1 - 100)]
        self.assertEqual(got, ['{"n":"%d"}' % n for n in range(101, count + 1)] + ['{"put":"away"}'])
        fates = [client.wait("fate", timeout=60) for _ in range(count + 1)]
        self.assertEqual({f[2] for f in fates}, {"ok"})
        client.order("pending")
        self.assertEqual(client.wait("pending"), ["pending", "0"])
        events = [e[0] for e in node.poll()]
        self.assertNotIn("message", events)
        print("broker killed: %d messages once each; %d duplicates dropped; up %.1f s after the restart began" % (
            count + 1, events.count("duplicate"), back))

    def test_outbox_survives_its_process(self):
        node = self.node(NODE)
        db = os.path.join(self.folder, "client.db")
        client = self.peer("--db", db)
        self.settle()
        self.broker.kill()
        client.wait("state", "down")
        client.order("put", CLIENT, NODE, TTL, '{"kept":"1"}')
        client.order("put", CLIENT, NODE, 1000, '{"void":"1"}')
        client.order("put", CLIENT, NOBODY, TTL, '{"nobody":"1"}')
        client.order("pending")
        client.wait("pending", "3")
        client.kill()
        self.broker.start()
        node.wait("state", "up", timeout=60)
        client = self.peer("--db", db)
        self.assertEqual(sorted(client.wait("fate")[2] for _ in range(3)), ["not-found", "ok", "timeout"])
        self.assertEqual(node.wait("message")[5], '{"kept":"1"}')

    def test_broker_away_at_the_start(self):
        self.broker.stop()
        p = self.peer(up=False)
        self.assertEqual(p.wait("state", "down")[2], "unavailable")
        p.order("serve", NODE, "durable")
        p.order("send", CLIENT, NODE, TTL, "{}")
        self.assertEqual(p.wait("sent")[2], "unavailable")
        self.broker.start()
        p.wait("state", "up", timeout=60)
        self.until_served(p, NODE)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="dsn-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        good, bad = os.path.join(cls.folder, "good"), os.path.join(cls.folder, "bad")
        os.mkdir(good)
        os.mkdir(bad)
        cls.files = make_certificates(good, ["localhost"])
        cls.other = make_certificates(bad, ["elsewhere.example"])
        cls.broker = Broker(tls=tuple(cls.files[n] for n in ("ca.pem", "server.pem", "server.key")))
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start()

    def state(self, url, ca):
        with Peer(url, "--ca", ca) as p:
            return p.wait("state")

    def test_right_host_and_ca(self):
        with Peer(self.broker.url("guest", "localhost", tls=True), "--ca", self.files["ca.pem"]) as p:
            p.wait("state", "up")
            p.order("serve", NODE, "durable")
            p.wait("served", NODE)
            p.order("send", CLIENT, NODE, TTL, '{"over":"tls"}')
            p.wait("sent", None, "ok")
            self.assertEqual(p.wait("message")[5], '{"over":"tls"}')

    def test_strange_ca_is_refused(self):
        event = self.state(self.broker.url("guest", "localhost", tls=True), self.files["strange-ca.pem"])
        self.assertEqual(event[:3], ["state", "down", "unavailable"])
        self.assertIn("verif", " ".join(event).lower())

    def test_wrong_host_is_refused(self):
        with Broker(tls=tuple(self.other[n] for n in ("ca.pem", "server.pem", "server.key"))) as wrong:
            event = self.state(wrong.url("guest", "localhost", tls=True), self.other["ca.pem"])
        self.assertEqual(event[:3], ["state", "down", "unavailable"])
        self.assertIn("hostname", " ".join(event).lower())

    def test_plain_port_is_no_tls(self):
        url = self.broker.url("guest", "localhost").replace("amqp:", "amqps:")
        self.assertEqual(self.state(url, self.files["ca.pem"])[1], "down")


class Setup(unittest.TestCase):
    """`vcli broker setup`: users with their own rights only, on a broker with the management plugin."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="dsn-setup-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.broker = Broker(management=True)
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start()
        cls.lines = cls.setup()

    @classmethod
    def setup(cls, *words, network="shop", keys="keys"):
        done = subprocess.run([os.path.join(broker_module.BIN, "bus_setup"),
                               "http://127.0.0.1:%d" % cls.broker.management_port, network,
                               os.path.join(cls.folder, keys), "agent:%s" % NODE, "agent:%s" % OTHER, "client:office",
                               *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        if done.returncode:
            raise AssertionError(done.stdout)
        return done.stdout

    def key(self, name, keys="keys", network="shop"):
        return os.path.join(self.folder, keys, "dsn.%s.%s" % (network, name))

    def peer(self, name, *flags, network="shop", keys="keys", vhost=""):
        user = "dsn.%s.%s" % (network, name)
        p = Peer(self.broker.url(user) + vhost, "--network", network, "--password", self.key(name, keys, network),
                 *flags)
        self.addCleanup(p.__exit__)
        p.wait("state", "up")
        return p

    def exchange_messages(self, **where):
        node, client = self.peer(NODE, **where), self.peer("office", **where)
        node.order("serve", NODE, "durable")
        node.wait("served", NODE)
        client.order("serve", CLIENT, "ephemeral")
        client.order("send", CLIENT, NODE, TTL, '{"to":"node"}')
        client.wait("sent", None, "ok")
        self.assertEqual(node.wait("message")[5], '{"to":"node"}')
        node.order("send", NODE, CLIENT, TTL, '{"to":"client"}')
        node.wait("sent", None, "ok")
        self.assertEqual(client.wait("message")[5], '{"to":"client"}')
        return node, client

    def test_users_can_do_their_work(self):
        node, client = self.exchange_messages()
        deadline = time.monotonic() + 10
        client.order("watch")
        while not [e for e in client.poll() if e[0] == "status"]:
            self.assertLess(time.monotonic(), deadline)
            node.order("status", NODE, '{"n":"1"}')
            node.wait("sent", None, "ok")
        node.order("mode", "reject")
        client.order("send", CLIENT, NODE, TTL, '{"bad":"1"}')
        node.wait("message")
        while self.broker.queue_messages("dsn.shop.dead") != 1:
            self.assertLess(time.monotonic(), deadline + 20)

    def test_a_node_cannot_serve_another(self):
        node = self.peer(NODE)
        node.order("serve", OTHER, "durable")
        self.assertEqual(node.wait("refused", OTHER)[2], "refused")

    def test_a_node_cannot_read_or_bind_otherwise(self):
        raw = os.path.join(broker_module.BIN, "bus_raw")
        with open(self.key(NODE)) as f:
            environment = dict(os.environ, DSN_BROKER_PASSWORD=f.readline().strip())
        url = self.broker.url("dsn.shop." + NODE)
        for words in (("receive", "dsn.shop." + OTHER, "1", "500"), ("receive", "dsn.shop.dead", "1", "500"),
                      ("declare", "anything")):
            done = subprocess.run([raw, url, *words], env=environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=30)
            self.assertEqual((done.returncode, done.stdout.split()[0]), (4, "refused"), words)

    def test_passwords_are_private_and_stay(self):
        with open(self.key(NODE)) as f:
            before = f.read()
        self.assertEqual(os.stat(self.key(NODE)).st_mode & 0o777, 0o600)
        self.assertGreaterEqual(len(before.strip()), 32)
        again = self.setup()
        with open(self.key(NODE)) as f:
            self.assertEqual(f.read(), before)
        for text in (self.lines, again):
            self.assertNotIn(before.strip(), text)
        self.exchange_messages()

    def test_another_vhost(self):
        self.setup("vhost:video one", network="other", keys="others")
        self.exchange_messages(network="other", keys="others", vhost="video%20one")

    def test_plain_queue_with_own_rights(self):
        self.setup("plain", network="plain", keys="plains")
        node = self.peer(NODE, "--plain", network="plain", keys="plains")
        node.order("serve", NODE, "durable")
        done = subprocess.run([os.path.join(broker_module.BIN, "bus_raw"), self.broker.url("guest"), "send", NODE,
                               '{"hello":"1"}'], stdout=subprocess.PIPE, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(node.wait("message")[5], '{"hello":"1"}')

    def test_the_queue_of_an_enode_is_made_and_may_be_read(self):
        key = Key("a node that is known by its enode")
        enode, node = key.public.hex(), key.address[2:]
        lines = self.setup("plain", "agent:" + enode, network="enodes", keys="enodes")
        for queue in (enode, node):
            self.assertIn("queue %s (plain messages)" % queue, lines)
        with open(self.key(node, "enodes", "enodes")) as f:
            environment = dict(os.environ, DSN_BROKER_PASSWORD=f.readline().strip())
        for queue in (enode, node):
            done = subprocess.run([os.path.join(broker_module.BIN, "bus_raw"), self.broker.url("dsn.enodes." + node), "receive", queue, "1",
                                   "200"], env=environment, stdout=subprocess.PIPE, text=True, timeout=30)
            self.assertEqual(done.stdout.split()[0], "timeout", queue)  # nothing in it, and not refused

    def test_without_management(self):
        with self.assertRaises(AssertionError) as caught:
            port, self.__class__.broker.management_port = self.broker.management_port, self.broker.port + 40
            try:
                self.setup()
            finally:
                self.__class__.broker.management_port = port
        self.assertIn("management", str(caught.exception))


class Credentials(WithBroker):
    def refused(self, url, *flags, environment=None):
        p = Peer(url, *flags, environment=environment)
        self.addCleanup(p.__exit__)
        event = p.wait("error")
        p.process.wait(10)
        return " ".join(event)

    def test_password_in_the_url_is_refused(self):
        text = self.refused("amqp://guest:sesame@127.0.0.1:%d/" % self.broker.port)
        self.assertIn("DSN_BROKER_PASSWORD", text)
        self.assertNotIn("sesame", text)

    def test_default_account_is_for_loopback_only(self):
        self.assertIn("loopback", self.refused("amqp://broker.example/"))
        self.assertIn("password", self.refused("amqp://guest@broker.example/"))

    def test_loose_password_file_is_refused(self):
        path = os.path.join(self.folder, "password")
        with open(path, "w") as f:
            f.write("guest\n")
        os.chmod(path, 0o644)
        self.assertIn(path, self.refused(self.broker.url("guest"), "--password", path))
        os.chmod(path, 0o600)
        self.peer("--password", path)

    def test_wrong_password(self):
        environment = dict(os.environ, DSN_BROKER_PASSWORD="not-it")
        p = self.peer(up=False, environment=environment)
        event = p.wait("state", "down")
        self.assertEqual(event[2], "refused")
        self.assertNotIn("not-it", " ".join(event))


if __name__ == "__main__":
    unittest.main()
