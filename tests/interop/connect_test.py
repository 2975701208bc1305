"""Who finds and dials whom: geth us, we geth, by address and over a bootnode of either kind; and finds back again."""
import node
from node import until_connected, wait_for


def setUpModule():
    node.require()


class Statically(node.TestCase):
    def test_we_dial(self):
        g, s = self.geth(), self.shhd()
        s.dial(g)
        until_connected(g, s)
        self.assertFalse(s.peers()[g.key]["network"]["inbound"])
        self.assertTrue(g.peers()[s.key]["network"]["inbound"])

    def test_geth_dials(self):
        g, s = self.geth(), self.shhd()
        g.dial(s)
        until_connected(g, s)
        self.assertTrue(s.peers()[g.key]["network"]["inbound"])
        self.assertFalse(g.peers()[s.key]["network"]["inbound"])

    def test_both_dial_at_once(self):
        g, s = self.geth(), self.shhd()
        g.dial(s)
        s.dial(g)
        until_connected(g, s)
        self.assertEqual((len(g.peers()), len(s.peers())), (1, 1))

    def test_named_at_the_start(self):
        g = self.geth()
        s = self.shhd(static=[g.enode])
        until_connected(g, s)
        other = self.geth(static=[s.enode])
        until_connected(other, s)

    def test_it_finds_back_after_geth_was_away(self):
        g, s = self.geth(), self.shhd()
        s.dial(g)
        until_connected(g, s)
        port, key = g.enode.rsplit(":", 1)[1], g.key
        g.stop()
        wait_for("the peer is gone", lambda: not s.peers())
        g.common[g.common.index("--port") + 1] = port
        g.start()
        self.assertEqual(g.key, key)
        until_connected(g, s, 60)

    def test_removed(self):
        g, s = self.geth(), self.shhd()
        s.dial(g)
        until_connected(g, s)
        s.rpc("admin_removePeer", g.enode)
        wait_for("both parted", lambda: not s.peers() and not g.peers())

    def test_what_they_tell_of_each_other(self):
        g, s = self.geth(), self.shhd()
        s.dial(g)
        until_connected(g, s)
        for here, there in ((g, s), (s, g)):
            told = here.peers()[there.key]
            self.assertEqual(told["id"], there.rpc("admin_nodeInfo")["id"])
            self.assertEqual(told["name"], there.rpc("admin_nodeInfo")["name"])
            self.assertEqual(here.rpc("net_peerCount"), "0x1")
        self.assertEqual(set(g.peers()[s.key]) - {"enr"}, set(s.peers()[g.key]) - {"enr"})


class OverABootnode(node.TestCase):
    def test_that_of_geth(self):
        from geth import Bootnode
        boot = self.node(Bootnode)
        g, s = self.geth(bootnodes=[boot.enode]), self.shhd(bootnodes=[boot.enode])
        until_connected(g, s, 90)

    def test_that_is_a_shhd(self):
        boot = self.shhd(discovery=True)
        g, s = self.geth(bootnodes=[boot.enode]), self.shhd(bootnodes=[boot.enode])
        until_connected(g, boot, 90)
        until_connected(g, s, 90)

    def test_that_is_a_geth(self):
        boot = self.geth(discovery=True)
        s, g = self.shhd(bootnodes=[boot.enode]), self.geth(bootnodes=[boot.enode])
        until_connected(s, boot, 90)
        until_connected(g, s, 90)


if __name__ == "__main__":
    node.main()
