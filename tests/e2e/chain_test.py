"""The chain client beside the real anvil: transactions, contracts, logs; and what it makes of endpoints, disks and
processes that fail."""
import json
import os
import random
import sqlite3
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chain_lab import CHAIN, PATIENCE, Anvil, Folder, Peer, Proxy, require, until  # noqa: E402

TO = "0x3535353535353535353535353535353535353535"
INCREMENT = "0x5b34b966"  # incrementCounter()
QUICK = {"poll": 50, "give_up": 4000, "answer": 1000}


def setUpModule():
    require()


class Case(unittest.TestCase):
    anvil_args = ()

    def setUp(self):
        self.folder = self.enter(Folder(prefix="dsn-chain-"))
        self.anvil = self.enter(Anvil(*self.anvil_args))

    def enter(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def peer(self, *urls, **options):
        peer = self.enter(Peer(urls or [self.anvil.url], self.folder, **{**QUICK, **options}))
        self.anvil.fund(peer.address)
        return peer

    def counter(self, peer):
        """The address of a Counter that the peer has created."""
        peer.order("deploy", "counter", "Counter", "[]")
        miner = self.mining()
        fate = peer.wait("fate counter").split()
        miner()
        self.assertEqual(fate[2], "done", fate)
        return fate[6]

    def mining(self, every=0.05):
        """Blocks from now on, until the function that is returned has come back: no block comes after it."""
        stop = threading.Event()

        def run():
            while not stop.wait(every):
                try:
                    self.anvil.mine()
                except (OSError, RuntimeError):
                    pass

        thread = threading.Thread(target=run, daemon=True)
        thread.start()

        def end():
            stop.set()
            thread.join()

        self.addCleanup(end)
        return end


class Work(Case):
    """With a block for each transaction."""

    def test_contracts_are_created_called_and_asked(self):
        peer = self.peer()
        counter = self.counter(peer)
        for i in range(3):
            peer.order("transact", "up%d" % i, "Counter", counter, "incrementCounter", "[]", 0)
        peer.order("transact", "down", "Counter", counter, "derementCounter", "{}", 0)
        fates = peer.wait_fates(5)
        self.assertEqual([f[2] for f in fates], ["done"] * 5)
        self.assertEqual(sorted(int(f[3]) for f in fates), list(range(5)))
        self.assertEqual(peer.ask("ask", "Counter", counter, "getCount", "[]", start="answer"), 'answer ok ["2"]')
        self.assertIn("at this address there is no such contract",
                      peer.ask("ask", "Counter", TO, "getCount", "[]", start="answer"))
        self.assertIn('no function "getTotal"; it has: ',
                      peer.ask("ask", "Counter", counter, "getTotal", "[]", start="answer"))
        self.assertIn("changes nothing: ask it",
                      peer.ask("transact", "x", "Counter", counter, "getCount", "[]", 0, start="error"))
        self.assertIn("takes no ether",
                      peer.ask("transact", "x", "Counter", counter, "incrementCounter", "[]", 5, start="error"))
        peer.quit()

    def test_every_kind_of_transaction_is_accepted(self):
        peer = self.peer()
        peer.ask("call", "eth_chainId", "[]", start="reply")
        for nonce, tip in ((0, "-"), (1, 1000000000)):
            raw = peer.ask("sign", TO, 7, nonce, 21000, 50000000000, tip, start="raw").split()[1]
            self.anvil("eth_sendRawTransaction", raw)
        until(lambda: int(self.anvil("eth_getBalance", TO, "latest"), 16) == 14, "both are carried out")
        peer.quit()

    def test_what_a_contract_refuses_is_never_sent(self):
        peer = self.peer()
        peer.order("deploy", "accounts", "Accounts", "[]")
        accounts = peer.wait("fate accounts done").split()[6]
        peer.order("transact", "too-much", "Accounts", accounts, "withdraw", '["5"]', 0)
        peer.order("put", "plain", TO, 1, "0x", 21000)
        self.assertEqual(peer.wait("fate too-much").split()[2], "refused")
        peer.wait("fate plain done")
        self.assertEqual(self.anvil.count(peer.address), 2)
        peer.order("put", "small", TO, 1, "0x", 20000)
        self.assertIn("20000 gas is too little, it takes 21000", peer.wait("fate small refused"))
        peer.order("put", "big", TO, 1, "0x", 10**12)
        self.assertIn("is more than a block has", peer.wait("fate big refused"))
        peer.quit()

    def test_one_that_reverts_when_it_runs_is_told(self):
        peer = self.peer()
        peer.order("deploy", "accounts", "Accounts", "[]")
        accounts = peer.wait("fate accounts done").split()[6]
        peer.order("put", "bad", accounts, 0, "0xdeadbeef", 100000)  # with gas given nobody is asked before
        self.assertEqual(peer.wait("fate bad").split()[2], "reverted")
        peer.quit()

    def test_an_id_is_one_intention(self):
        peer = self.peer()
        self.assertEqual(peer.ask("put", "a", TO, 1, "0x", 21000, start="put"), "put a ok")
        peer.wait("fate a done")
        self.assertEqual(peer.ask("put", "a", TO, 1, "0x", 21000, start="put"), "put a ok")
        self.assertIn("exists another intention", peer.ask("put", "a", TO, 2, "0x", 21000, start="put"))
        peer.order("put", "b", TO, 1, "0x", 21000)
        peer.wait("fate b done")
        self.assertEqual(self.anvil.count(peer.address), 2)
        peer.quit()

    def test_one_sender_for_an_account(self):
        self.peer()
        with self.assertRaisesRegex(AssertionError, "error exists"):
            self.peer()

    def test_an_outbox_belongs_to_its_chain(self):
        peer = self.peer()
        peer.order("put", "a", TO, 1, "0x", 21000)
        peer.wait("fate a done")
        peer.quit()
        other = self.enter(Anvil("--chain-id", "4711"))
        peer = self.peer(other.url)
        peer.order("put", "b", TO, 1, "0x", 21000)
        until(lambda: "belongs to" in peer.ask("trouble", start="trouble"), "the trouble is told")
        self.assertIn("the outbox belongs to chain 31337, the endpoint is on chain 4711",
                      peer.ask("trouble", start="trouble"))
        self.assertEqual(other.count(peer.address), 0)
        peer.quit()


class Mined(Case):
    """Blocks are made when the test wants them."""
    anvil_args = ("--no-mining",)

    def test_many_in_flight(self):
        peer = self.peer()
        counter = self.counter(peer)
        peer.order("burst", "up", 1000, counter, INCREMENT, 60000)
        self.mining()
        fates = peer.wait_fates(1000, "up")
        self.assertEqual({f[2] for f in fates}, {"done"})
        self.assertEqual(sorted(int(f[3]) for f in fates), list(range(1, 1001)))
        self.assertEqual(self.anvil.storage(counter), 1000)
        peer.quit()

    def test_a_stuck_one_is_replaced(self):
        peer = self.peer(stuck=500, resend=300)
        peer.order("put", "a", TO, 1, "0x", 21000)
        until(lambda: int(self.anvil("txpool_status")["pending"], 16) == 1, "it is in the pool")
        for _ in range(8):
            self.anvil("anvil_setNextBlockBaseFeePerGas", hex(200 * 10**9))
            self.anvil.mine()
            time.sleep(0.15)
        stop = self.mining()
        self.assertEqual(peer.wait("fate a").split()[2], "done")
        stop()
        self.assertTrue([e for e in peer.errors if "sender.raised" in e])
        self.assertEqual(self.anvil.count(peer.address), 1)
        self.assertEqual(int(self.anvil("eth_getBalance", TO, "latest"), 16), 1)
        peer.quit()

    def test_a_chain_that_makes_no_blocks_is_told(self):
        peer = self.peer(stuck=300)
        peer.order("put", "a", TO, 1, "0x", 21000)
        until(lambda: peer.ask("trouble", start="trouble") == "trouble the chain makes no blocks: the latest is still 0",
              "the trouble is told")
        self.mining()
        self.assertEqual(peer.wait("fate a").split()[2], "done")
        self.assertFalse([e for e in peer.errors if "sender.raised" in e])
        peer.quit()

    def test_a_price_over_the_limit_waits(self):
        self.anvil("anvil_setNextBlockBaseFeePerGas", hex(50 * 10**9))
        self.anvil.mine()
        peer = self.peer(highest_fee=10**9)
        peer.order("put", "a", TO, 1, "0x", 21000)
        until(lambda: "over the limit of 1 gwei" in peer.ask("trouble", start="trouble"), "the trouble is told")
        self.anvil("anvil_setNextBlockBaseFeePerGas", hex(10**8))
        self.mining()
        self.assertEqual(peer.wait("fate a").split()[2], "done")
        peer.quit()

    def test_another_program_uses_the_key(self):
        peer = self.peer(resend=200)
        peer.ask("call", "eth_chainId", "[]", start="reply")
        # Its nonce 0 is taken while ours waits in the pool: the block has the other one.
        raw = peer.ask("sign", TO, 7, 0, 21000, 900000000000, 900000000000, start="raw").split()[1]
        peer.order("put", "a", TO, 1, "0x", 21000)
        until(lambda: int(self.anvil("txpool_status")["pending"], 16) == 1, "it is in the pool")
        self.anvil("eth_sendRawTransaction", raw)
        self.mining()
        fate = peer.wait("fate a").split()
        self.assertEqual(fate[2:4], ["done", "1"])
        self.assertEqual(int(self.anvil("eth_getBalance", TO, "latest"), 16), 8)
        peer.quit()

    def test_too_little_ether_is_told_and_mended(self):
        peer = self.peer()
        self.anvil("anvil_setBalance", peer.address, "0x0")
        peer.order("put", "a", TO, 1, "0x", 21000)
        self.mining()
        until(lambda: "nsufficient funds" in peer.ask("trouble", start="trouble"), "the trouble is told")
        self.anvil.fund(peer.address)
        self.assertEqual(peer.wait("fate a").split()[2], "done")
        peer.quit()


class Crash(Case):
    anvil_args = ("--no-mining",)

    def once(self, peer, counter, count):
        peer.wait_fates(count, "up")
        until(lambda: peer.ask("pending", start="pending") == "pending 0", "all is final")
        self.assertEqual(self.anvil.storage(counter), count)

    def restart(self, peer, *urls, **options):
        """What was told to the first is told to the second too."""
        told = list(peer.lines)
        peer.end(9)
        again = self.peer(*urls, **options)
        again.lines[:0] = [line for line in told if line.startswith("fate")]
        return again

    def kill_at_send(self, forward_first):
        proxy = self.enter(Proxy(self.anvil.port))
        peer = self.peer(proxy.url)
        counter = self.counter(peer)
        killed = threading.Event()

        def kill(calls, forward):
            if killed.is_set() or not any(c["method"] == "eth_sendRawTransaction" for c in calls):
                return forward()
            if forward_first:
                forward()
            peer.process.kill()
            killed.set()
            return None

        proxy.mode = kill
        peer.order("burst", "up", 30, counter, INCREMENT, 60000)
        self.assertTrue(killed.wait(PATIENCE))
        in_pool = int(self.anvil("txpool_status")["pending"], 16)
        self.assertEqual(in_pool, 30 if forward_first else 0)
        peer = self.restart(peer, proxy.url)
        self.mining()
        self.once(peer, counter, 30)
        peer.quit()

    def test_killed_between_signing_and_sending(self):
        self.kill_at_send(forward_first=False)

    def test_killed_between_sending_and_the_answer(self):
        self.kill_at_send(forward_first=True)

    def test_killed_again_and_again(self):
        dice = random.Random(4)
        peer = self.peer()
        counter = self.counter(peer)
        peer.order("burst", "up", 300, counter, INCREMENT, 60000)
        peer.wait("put up ok")
        self.mining(0.2)
        for _ in range(8):
            time.sleep(dice.uniform(0.02, 0.5))
            peer = self.restart(peer)
        until(lambda: peer.ask("pending", start="pending") == "pending 0", "all is final")
        self.assertEqual(self.anvil.storage(counter), 300)
        self.assertEqual(self.anvil.count(peer.address), 301)
        peer.quit()

    def test_a_node_that_forgets_its_pool(self):
        self.anvil.end()
        state = os.path.join(self.folder, "state")
        self.anvil.args += ["--state", state]
        self.anvil.start()
        peer = self.peer(resend=60000)
        counter = self.counter(peer)
        peer.order("burst", "up", 50, counter, INCREMENT, 60000)
        until(lambda: int(self.anvil("txpool_status")["pending"], 16) == 50, "all are in the pool")
        self.anvil.end()
        time.sleep(0.5)
        self.anvil.start()
        self.assertEqual(self.anvil.count(peer.address), 1)
        self.mining()
        self.once(peer, counter, 50)
        peer.quit()

    def test_a_full_disk(self):
        peer = self.peer()
        counter = self.counter(peer)
        peer.quit()
        size = max(os.path.getsize(os.path.join(self.folder, f)) for f in os.listdir(self.folder))
        peer = self.peer(limit_bytes=size + 30000)
        self.mining()
        said = []
        for i in range(400):
            said.append(peer.ask("transact", "up%d" % i, "Counter", counter, "incrementCounter", "[]", 0, start="put"))
            if not said[-1].endswith("ok"):
                break
        self.assertRegex(said[-1], r"chain\.db: .*(disk is full|disk I/O error)")
        stored = sum(s.endswith("ok") for s in said)
        self.assertGreater(stored, 0)
        time.sleep(1)  # whatever it does with a full disk, it must not send twice
        peer = self.restart(peer)
        until(lambda: peer.ask("pending", start="pending") == "pending 0", "all is final")
        self.assertEqual(self.anvil.storage(counter), stored)
        peer.quit()


class Reorganised(Case):
    anvil_args = ("--no-mining",)

    def test_depth_three_under_a_transaction(self):
        peer = self.peer(confirmations=5)
        counter = self.counter(peer)
        self.anvil.mine(6)
        snapshot = self.anvil("evm_snapshot")
        peer.order("burst", "up", 10, counter, INCREMENT, 60000)
        until(lambda: int(self.anvil("txpool_status")["pending"], 16) == 10, "all are in the pool")
        self.anvil.mine(3)
        self.assertEqual(self.anvil.storage(counter), 10)
        until(lambda: len(self.states("mined")) == 10, "the peer knows of the block")
        self.anvil("evm_revert", snapshot)
        self.assertEqual(self.anvil.storage(counter), 0)
        # Another history, longer than the first
        self.anvil("evm_increaseTime", 7)
        self.mining()
        peer.wait_fates(10, "up")
        self.assertEqual(self.anvil.storage(counter), 10)
        self.assertEqual(self.anvil.count(peer.address), 11)
        self.assertTrue([e for e in peer.errors if "sender.unmined" in e])
        peer.quit()

    def states(self, state):
        db = sqlite3.connect(os.path.join(self.folder, "chain.db"))
        try:
            return db.execute("select id from tx_intents where state = ?", [state]).fetchall()
        finally:
            db.close()

    def test_deeper_than_the_confirmations(self):
        peer = self.peer(confirmations=1)
        counter = self.counter(peer)
        snapshot = self.anvil("evm_snapshot")
        peer.order("burst", "up", 5, counter, INCREMENT, 60000)
        stop = self.mining()
        peer.wait_fates(5, "up")
        stop()
        self.anvil("evm_revert", snapshot)
        self.assertEqual(self.anvil.storage(counter), 0)
        # What comes next finds the gap, and what was final is sent again.
        peer.order("put", "next", TO, 1, "0x", 21000)
        self.mining()
        peer.wait("fate next done")
        self.assertEqual(self.anvil.storage(counter), 5)
        peer.quit()

    def emitter(self, peer):
        """Accounts tells of each deposit by an event."""
        peer.order("deploy", "accounts", "Accounts", "[]")
        stop = self.mining()
        address = peer.wait("fate accounts done").split()[6]
        stop()
        return address

    def deposit(self, peer, address, name):
        peer.order("transact", name, "Accounts", address, "deposit", "[]", 5)
        until(lambda: int(self.anvil("txpool_status")["pending"], 16) == 1, "it is in the pool")
        self.anvil.mine()

    def seen(self):
        db = sqlite3.connect(os.path.join(self.folder, "chain.db"))
        try:
            return db.execute("select block, place from seen order by block, place").fetchall()
        finally:
            db.close()

    def on_chain(self, address):
        logs = self.anvil("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": address})
        return [(int(log["blockNumber"], 16), int(log["logIndex"], 16)) for log in logs]

    def test_logs_come_once_and_in_order(self):
        peer = self.peer()
        address = self.emitter(peer)
        for i in range(5):
            self.deposit(peer, address, "d%d" % i)
        peer.order("follow", "reader", 0, 2, address)
        self.anvil.mine(2)
        until(lambda: len(self.seen()) == 5, "all logs came")
        self.assertEqual(self.seen(), self.on_chain(address))
        # Killed anywhere, the next goes on where the first was.
        for i in range(3):
            self.deposit(peer, address, "e%d" % i)
            peer.end(9)
            self.anvil.mine(2)
            peer = self.peer()
            peer.order("follow", "reader", 0, 2, address)
            until(lambda n=i: len(self.seen()) == 6 + n, "the next log came")
        self.assertEqual(self.seen(), self.on_chain(address))
        peer.quit()

    def reorganise(self, confirmations):
        peer = self.peer()
        address = self.emitter(peer)
        peer.order("follow", "reader", 0, confirmations, address)
        self.deposit(peer, address, "first")
        self.anvil.mine(6)
        until(lambda: len(self.seen()) == 1, "the first log came")
        snapshot = self.anvil("evm_snapshot")
        self.deposit(peer, address, "second")
        self.anvil.mine(2)
        head = self.anvil.head()
        if confirmations == 0:
            peer.wait("reached %d" % head)
            self.assertEqual(len(self.seen()), 2)
        else:
            until(lambda: peer.find("fate second"), "it is mined")
        self.anvil("evm_revert", snapshot)
        self.anvil("evm_increaseTime", 5)
        self.anvil.mine(3)
        # The second was final for the sender; with the third it is carried out again.
        peer.order("transact", "third", "Accounts", address, "deposit", "[]", 5)
        stop = self.mining()
        peer.wait("fate third done")
        stop()
        self.anvil.mine(7)
        self.assertEqual(len(self.on_chain(address)), 3)
        until(lambda: self.seen() == self.on_chain(address), "what was read is what the chain has")
        peer.wait("reached %d" % (self.anvil.head() - confirmations))
        self.assertEqual(self.seen(), self.on_chain(address))
        self.assertEqual(bool(peer.find("undo")), confirmations == 0)
        peer.quit()

    def test_logs_of_lost_blocks_are_undone(self):
        self.reorganise(confirmations=0)

    def test_logs_that_wait_for_confirmations_are_never_undone(self):
        self.reorganise(confirmations=4)


class Endpoints(Case):
    def setUp(self):
        super().setUp()
        self.proxy = self.enter(Proxy(self.anvil.port))

    def reply(self, peer, method="eth_blockNumber", params="[]"):
        return peer.ask("call", method, params, start="reply").split(" ", 2)[2]

    def bare(self, *urls, **options):
        return self.enter(Peer(urls, **{"chain": CHAIN, "answer": 500, "give_up": 3000, **options}))

    def test_calls_of_one_turn_travel_together(self):
        peer = self.bare(self.proxy.url)
        self.reply(peer)
        before = self.proxy.requests
        peer.process.stdin.write("".join("call eth_blockNumber []\n" for _ in range(50)))
        until(lambda: sum(line.startswith("reply") for line in list(peer.lines)) == 51, "all are answered")
        self.assertLessEqual(self.proxy.requests - before, 3)
        peer.quit()

    def test_a_dead_endpoint_is_passed_over(self):
        self.proxy.mode = "dead"
        peer = self.bare(self.proxy.url, self.anvil.url)
        self.assertEqual(self.reply(peer), 'ok "0x0"')
        peer.quit()

    def test_nobody_there(self):
        self.proxy.mode = "dead"
        peer = self.bare(self.proxy.url)
        said = self.reply(peer)
        self.assertRegex(said, r"timeout eth_blockNumber: nobody answered for 3000 ms: http://127.0.0.1:\d+: ")
        self.proxy.mode = "pass"
        self.assertEqual(self.reply(peer), 'ok "0x0"')
        peer.quit()

    def test_a_slow_endpoint_is_passed_over(self):
        peer = self.bare(self.proxy.url, self.anvil.url)
        self.assertEqual(self.reply(peer), 'ok "0x0"')
        self.proxy.mode = "slow"
        before = time.monotonic()
        self.assertEqual(self.reply(peer), 'ok "0x0"')
        self.assertLess(time.monotonic() - before, 2.5)
        peer.quit()

    def test_another_endpoint_is_asked_before_a_call_is_given_up(self):
        other = self.enter(Proxy(self.anvil.port))
        other.mode = "dead"
        peer = self.bare(self.proxy.url, other.url, answer=0)
        self.assertEqual(self.reply(peer), 'ok "0x0"')
        self.proxy.mode, other.mode = "slow", "pass"
        self.assertEqual(self.reply(peer), 'ok "0x0"')
        peer.quit()

    def test_a_slow_endpoint_alone(self):
        self.proxy.mode = "slow"
        peer = self.bare(self.proxy.url)
        self.assertIn("no answer in time", self.reply(peer))
        peer.quit()

    def test_one_that_is_too_slow_for_many_calls_is_asked_for_fewer(self):
        busy = threading.Lock()

        def slow(calls, forward):
            with busy:
                time.sleep(0.02 * len(calls))
            return forward()

        self.proxy.mode = slow
        peer = self.bare(self.proxy.url, give_up=15000)
        self.reply(peer)
        peer.process.stdin.write("".join("call eth_blockNumber []\n" for _ in range(80)))
        until(lambda: sum(line.startswith("reply") for line in list(peer.lines)) == 81, "all are answered")
        self.assertEqual({line.split(" ", 2)[2] for line in peer.lines if line.startswith("reply")}, {'ok "0x0"'})
        peer.quit()

    def test_another_chain_is_refused(self):
        self.proxy.mode = "lie"
        peer = self.bare(self.proxy.url)
        before = time.monotonic()
        said = self.reply(peer)
        self.assertRegex(said, r"refused eth_blockNumber: no endpoint of the right chain: http://127.0.0.1:\d+: "
                               r"it is on chain 1, wanted is chain 31337: not used; name an endpoint of the right chain")
        self.assertLess(time.monotonic() - before, 2)
        peer.quit()
        peer = self.bare(self.proxy.url, self.anvil.url)
        self.assertEqual(self.reply(peer), 'ok "0x0"')
        peer.quit()

    def test_nothing_is_sent_to_another_chain(self):
        sent = []

        def lie(calls, forward):
            sent.extend(c["method"] for c in calls)
            answer = forward()
            return answer.replace(b'"0x7a69"', b'"0x1"') if calls[0]["method"] == "eth_chainId" else answer

        self.proxy.mode = lie
        peer = self.peer(self.proxy.url, chain=CHAIN)
        peer.order("put", "a", TO, 1, "0x", 21000)
        until(lambda: "wanted is chain 31337" in peer.ask("trouble", start="trouble"), "the trouble is told")
        self.assertEqual(set(sent), {"eth_chainId"})
        self.proxy.mode = "pass"
        peer.wait("fate a done")
        peer.quit()

    def test_garbage_is_refused_by_its_place(self):
        self.proxy.mode = "garbage"
        rows = [
            (b"<html>", "line 1"),
            (b"", "line 1"),
            (b'{"jsonrpc":"2.0","id":2,"result":"banana"}', "must be a quantity"),
            (b"[" * 100000, "levels"),
            (b"\xff\xfe" * 50, "line 1"),
            (b'{"jsonrpc":"2.0","id":99,"result":"0x1"}', "the id of no call"),
        ]
        for garbage, part in rows:
            with self.subTest(garbage=garbage[:20]):
                self.proxy.garbage = garbage
                peer = self.bare(self.proxy.url, give_up=1000)
                said = self.reply(peer)
                self.assertIn(part, said) if b'"id":2' not in garbage else self.assertRegex(said, "quantity|no call")
                peer.quit()
        peer = self.bare(self.proxy.url, self.anvil.url)
        self.assertEqual(self.reply(peer), 'ok "0x0"')
        peer.quit()

    def test_a_gigantic_answer_is_cut_off(self):
        self.proxy.mode = "gigantic"
        peer = self.bare(self.proxy.url, limit=1048576, answer=20000, give_up=30000)
        self.assertRegex(self.reply(peer), "limit http.*: eth_blockNumber: the answer is longer than 1048576 bytes")
        self.assertEqual(self.reply(peer, "web3_clientVersion")[:5], "limit")
        peer.quit()
        peer = self.bare(self.proxy.url, self.anvil.url, limit=1048576, answer=20000, give_up=30000)
        self.assertEqual(self.reply(peer), 'ok "0x0"')
        peer.quit()

    def test_what_could_happen_twice_is_not_repeated(self):
        tries = []

        def swallow(calls, forward):
            if calls[0]["method"] == "evm_mine":
                tries.append(forward())
                return None
            return forward()

        self.proxy.mode = swallow
        peer = self.bare(self.proxy.url)
        self.assertIn("may have been carried out or not", self.reply(peer, "evm_mine"))
        self.assertEqual(len(tries), 1)
        peer.quit()

    def test_an_outage_while_much_is_under_way(self):
        peer = self.peer(self.proxy.url)
        counter = self.counter(peer)
        peer.order("burst", "up", 200, counter, INCREMENT, 60000)
        dice = random.Random(9)
        for _ in range(6):
            self.proxy.mode = lambda calls, forward: forward() if dice.random() < 0.5 else forward() and None
            time.sleep(0.3)
            self.proxy.mode = "dead"
            time.sleep(0.3)
        self.proxy.mode = "pass"
        peer.wait_fates(200, "up")
        self.assertEqual(self.anvil.storage(counter), 200)
        self.assertEqual(self.anvil.count(peer.address), 201)
        peer.quit()


class Wavering(Case):
    """Endpoints that answer some calls but not others, late, or of another state than they said before."""

    LIMITED = {"error": {"code": -32005, "message": "limit exceeded"}}

    def setUp(self):
        super().setUp()
        self.proxy = self.enter(Proxy(self.anvil.port))
        self.changed = 0

    def change(self, other):
        """From now on other(call) is what is answered to a call, unless it is None; self.changed counts."""
        def mode(calls, forward):
            answer = json.loads(forward())
            methods = {c["id"]: c for c in calls}
            for reply in answer if isinstance(answer, list) else [answer]:
                instead = other(methods[reply["id"]])
                if instead:
                    reply.pop("result", None)
                    reply.pop("error", None)
                    reply.update(instead)
                    self.changed += 1
            return json.dumps(answer).encode()

        self.proxy.mode = mode

    def trouble(self, peer):
        return peer.ask("trouble", start="trouble")

    def carried_out_once(self, peer):
        self.proxy.mode = "pass"
        self.assertEqual(peer.wait("fate a").split()[2:4], ["done", "0"])
        self.assertEqual(self.anvil.count(peer.address), 1)
        self.assertEqual(int(self.anvil("eth_getBalance", TO, "latest"), 16), 1)
        peer.quit()

    def test_a_refused_receipt_is_not_a_missing_one(self):
        self.change(lambda call: call["method"] == "eth_getTransactionReceipt" and self.LIMITED)
        peer = self.peer(self.proxy.url, resend=50)
        peer.order("put", "a", TO, 1, "0x", 21000)
        until(lambda: self.changed > 12, "the receipt was refused often")
        until(lambda: "limit exceeded" in self.trouble(peer), "the trouble is told")
        self.carried_out_once(peer)

    def test_a_receipt_of_another_transaction_is_not_a_missing_one(self):
        peer = self.peer(self.proxy.url, resend=50)
        self.anvil.fund(self.anvil("eth_accounts")[0])
        other = self.anvil("eth_sendTransaction", {"from": self.anvil("eth_accounts")[0], "to": peer.address})
        receipt = until(lambda: self.anvil("eth_getTransactionReceipt", other), "it is mined")
        self.change(lambda call: call["method"] == "eth_getTransactionReceipt" and {"result": receipt})
        peer.order("put", "a", TO, 1, "0x", 21000)
        until(lambda: self.changed > 12, "another's receipt was answered often")
        until(lambda: "another transaction's" in self.trouble(peer), "the trouble is told")
        self.carried_out_once(peer)

    def test_a_receipt_that_comes_late(self):
        """Behind one URL may be several nodes: one counts a transaction, the next does not have its block yet."""
        self.change(lambda call: call["method"] == "eth_getTransactionReceipt" and {"result": None})
        peer = self.peer(self.proxy.url, resend=30000)
        peer.order("put", "a", TO, 1, "0x", 21000)
        until(lambda: self.changed > 12, "there was no receipt for some rounds")
        self.carried_out_once(peer)

    def waits_and_goes_on(self, peer, counter, trouble):
        """A call is put off by what the endpoint does, which is told, and carried out once it does so no more."""
        peer.order("transact", "up", "Counter", counter, "incrementCounter", "[]", 0)
        until(lambda: trouble in self.trouble(peer), "the trouble is told")
        self.proxy.mode = "pass"
        self.assertEqual(peer.wait("fate up").split()[2], "done")
        peer.quit()

    def test_an_estimate_that_nobody_answers(self):
        peer = self.peer(self.proxy.url, give_up=800)
        counter = self.counter(peer)
        asked = []

        def silent(calls, forward):
            if any(c["method"] == "eth_estimateGas" for c in calls):
                asked.append(calls)
                return None
            return forward()

        self.proxy.mode = silent
        self.waits_and_goes_on(peer, counter, "eth_estimateGas: nobody answered")

    def test_an_estimate_that_cannot_be(self):
        peer = self.peer(self.proxy.url)
        counter = self.counter(peer)
        self.change(lambda call: call["method"] == "eth_estimateGas" and {"result": "0x1"})
        self.waits_and_goes_on(peer, counter, "1 gas is too little")

    def test_an_estimate_older_than_what_it_rests_on(self):
        """It is made before a block and told after what is in that block is known: no reason to refuse for good."""
        self.anvil.end()
        self.anvil.args.append("--no-mining")
        self.anvil.start()
        peer = self.peer(self.proxy.url, answer=8000)
        peer.order("deploy", "accounts", "Accounts", "[]")
        stop = self.mining()
        accounts = peer.wait("fate accounts done").split()[6]
        stop()
        self.asked = 0

        def overtaken(calls, forward):
            estimate = next((c for c in calls if c["method"] == "eth_estimateGas"), None)
            if not estimate or self.asked:
                return forward()
            if len(calls) > 1:  # among the questions of a round: it is asked again, alone
                answers = [a for a in json.loads(forward()) if a["id"] != estimate["id"]]
                return json.dumps([*answers, {"jsonrpc": "2.0", "id": estimate["id"], **self.LIMITED}]).encode()
            self.asked = 1
            self.anvil.mine()
            peer.wait("fate pays-in done")
            return json.dumps({"jsonrpc": "2.0", "id": calls[0]["id"],
                               "error": {"code": 3, "message": "execution reverted", "data": "0x"}}).encode()

        # With gas given nobody is asked for an estimate of the first.
        peer.order("put", "pays-in", accounts, 5, "0xd0e30db0", 200000)
        until(lambda: int(self.anvil("txpool_status")["pending"], 16) == 1, "it is in the pool")
        self.proxy.mode = overtaken
        peer.order("transact", "pays-out", "Accounts", accounts, "withdraw", '["5"]', 0)
        peer.wait("fate pays-in done")
        until(lambda: self.asked, "the estimate was asked for")
        self.mining()
        self.assertEqual(peer.wait("fate pays-out").split()[2], "done")
        peer.quit()

    def test_a_chain_that_is_begun_anew(self):
        """What is on the old chain must not be carried out on the new one, though the chain's id is the same."""
        peer = self.peer()
        peer.order("put", "a", TO, 1, "0x", 21000)
        peer.wait("fate a done")
        genesis = self.anvil("eth_getBlockByNumber", "0x0", False)["hash"]
        self.anvil.end()
        self.anvil.args += ["--gas-limit", "29000000"]
        self.anvil.start()
        self.assertNotEqual(self.anvil("eth_getBlockByNumber", "0x0", False)["hash"], genesis)
        self.anvil.fund(peer.address)
        peer.order("put", "b", TO, 1, "0x", 21000)
        until(lambda: "belongs to an earlier, other chain 31337" in self.trouble(peer), "the trouble is told")
        for _ in range(5):  # and it stays so
            peer.order("put", "b", TO, 1, "0x", 21000)
            self.assertIn("belongs to an earlier", self.trouble(peer))
        self.assertEqual(self.anvil.count(peer.address), 0)
        self.assertEqual(int(self.anvil("txpool_status")["queued"], 16), 0)
        peer.quit()

    def test_a_batch_that_is_too_large_for_a_node(self):
        """go-ethereum answers it with an array of one refusal, under the first call's id."""
        def small(calls, forward):
            if len(calls) < 5:
                return forward()
            return json.dumps([{"jsonrpc": "2.0", "id": calls[0]["id"],
                                "error": {"code": -32600, "message": "batch too large"}}]).encode()

        self.proxy.mode = small
        peer = self.peer(self.proxy.url)
        peer.order("put", "a", TO, 1, "0x", 21000)
        self.carried_out_once(peer)

    def test_a_node_refusal_is_told_until_it_is_over(self):
        def full(calls, forward):
            if calls[0]["method"] != "eth_sendRawTransaction":
                return forward()
            self.changed += 1
            return json.dumps({"jsonrpc": "2.0", "id": calls[0]["id"],
                               "error": {"code": -32000, "message": "txpool is full"}}).encode()

        self.proxy.mode = full
        peer = self.peer(self.proxy.url)
        peer.order("put", "a", TO, 1, "0x", 21000)
        until(lambda: "txpool is full" in self.trouble(peer), "the trouble is told")
        rounds = self.proxy.requests + 4
        until(lambda: self.proxy.requests > rounds, "some rounds more")
        self.assertEqual(self.changed, 1)
        self.assertIn("nonce 0: ", self.trouble(peer))
        self.assertIn("txpool is full", self.trouble(peer))
        peer.quit()
        self.proxy.mode = "pass"
        self.carried_out_once(self.peer(self.proxy.url))

    def follow(self, other):
        """A reader of logs has read all; then blocks that it has read are answered by other()."""
        peer = self.peer(self.proxy.url)
        peer.order("put", "a", TO, 1, "0x", 21000)
        peer.wait("fate a done")
        self.anvil.mine(5)
        peer.order("follow", "reader", 0, 0, "-")
        peer.wait("reached 6")
        self.change(lambda call: call["method"] == "eth_getBlockByNumber" and call["params"][0] not in ("latest", "0x0")
                    and other)
        until(lambda: self.changed > 3, "it was answered often")
        self.proxy.mode = "pass"
        self.anvil.mine()
        peer.wait("reached 7")
        self.assertIsNone(peer.find("undo"))
        peer.quit()

    def test_a_refused_block_is_no_reorganisation(self):
        self.follow(self.LIMITED)

    def test_a_block_that_a_node_does_not_have_yet_is_no_reorganisation(self):
        self.follow({"result": None})


if __name__ == "__main__":
    program = unittest.main(exit=False)
    ran = program.result
    sys.exit(77 if ran.wasSuccessful() and ran.skipped and not ran.testsRun else not ran.wasSuccessful())
