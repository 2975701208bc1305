"""Which nodes dsnd chooses, and what it says of it, at a real broker with real agents: wishes of an order, standbys, what is
promised once, and why."""
import dsnd_test
import network
from network import wait_for


class Place(dsnd_test.Case):
    def test_wishes_and_reasons(self):
        net = self.network_with_dsnd(transcoders=2)
        order = self.order(net, constraints={"labels": ["under-the-sea"]})
        refused = self.dsnd.call("orders.create", order=order)
        self.assertEqual(refused["data"]["error"], "unavailable")
        self.assertIn("distributor: of 1, 1 lack a label; 1 would do with fewer labels", refused["message"])
        wrong = self.dsnd.call("orders.plan", order=self.order(net, redundancy={"storage": "two"}))
        self.assertEqual(wrong["data"]["error"], "invalid")
        self.assertIn('params.order: pipeline.redundancy.storage: "two" is neither standby nor none', wrong["message"])
        lonely = self.dsnd.call("orders.plan", order=self.order(net, redundancy={"storage": "standby"}))
        self.assertIn("standby of a storage: of 1, 1 have a part of this order already", lonely["message"])

        # One decode makes the whole ladder; the other transcoder stands ready, where it is on another machine.
        both = self.order(net, transcoders="1")
        planned = self.dsnd.call("orders.plan", order=both)
        self.assertEqual([n["type"] for n in planned["nodes"]], ["distributor", "transcoder", "storage"])

        made = self.dsnd.vcli("order", "create", self.order_file(net), "--yes")
        explained = self.dsnd.call("orders.explain", job=made["job"])
        self.assertEqual([d["kind"] for d in explained["decisions"]], ["order"])
        parts = explained["decisions"][0]["record"]["parts"]
        self.assertEqual({p["node"] for p in parts}, {n["node_id"] for n in made["nodes"]})
        for part in parts:
            self.assertEqual(part["candidates"][0]["node"], part["node"])
            self.assertIn("load", part["candidates"][0]["terms"])
        self.assertEqual(self.dsnd.call("orders.explain", "bob", job=made["job"])["data"]["error"], "not-found")
        said = net.vcli_start(*self.dsnd.words("order", "explain", made["job"])).communicate(timeout=60)[0]
        for part in parts:
            self.assertIn(f"{part['role']} {part['node']}", said)
        self.assertIn("locality", said)

        # Why a node gets nothing: for its owner, not for customers.
        node = net.ids["s"]
        self.assertEqual(self.dsnd.call("nodes.explain", "alice", node_id=node)["data"]["error"], "refused")
        another = self.dsnd.call("nodes.explain", "another", node_id=node)
        self.assertEqual(another["data"]["error"], "refused")
        self.assertIn("is another's", another["message"])
        wait_for("its owner", lambda: self.dsnd.call("nodes.get", node_id=node)["owner"] == net.owner, 20)
        self.assertTrue(self.dsnd.call("nodes.explain", "owner", node_id=node)["would_do"])
        answer = self.dsnd.call("nodes.explain", "operator", node_id=node)
        self.assertEqual((answer["would_do"], answer["keeps_out"], answer["promised"]["jobs"]), (True, [], 1))
        net.vcli("node", "maintenance", "on", node)
        wait_for("maintenance", lambda: [r["why"] for r in self.dsnd.call("nodes.explain", "operator", node_id=node)["keeps_out"]]
                 == ["draining"], 20)
        order["pipeline"].pop("nodes", None)
        answer = self.dsnd.call("nodes.explain", "operator", node_id=node, order=order)
        self.assertEqual([r["why"] for r in answer["keeps_out"]], ["draining", "labels"])
        said = net.vcli_start(*self.dsnd.words("node", "explain", node, who="operator")).communicate(timeout=60)[0]
        self.assertIn("it is one of those that are in maintenance; what helps: nodes whose maintenance ends", said)
        self.assertEqual(self.dsnd.call("nodes.explain", "operator", node_id="1" * 40)["data"]["error"], "not-found")

        # What is promised is promised after a restart too, and given back at the end.
        self.dsnd.kill()
        self.dsnd.start()
        wait_for("what it has promised", lambda: self.dsnd.call("nodes.explain", "operator", node_id=node).get("promised", {}).get("jobs")
                 == 1, 30)
        self.dsnd.call("orders.cancel", job=made["job"])
        wait_for("what is free again", lambda: self.dsnd.call("nodes.explain", "operator", node_id=node)["promised"]["jobs"] == 0, 10)


if __name__ == "__main__":
    network.main()
