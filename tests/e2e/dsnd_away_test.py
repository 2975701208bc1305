"""Bad days of a network that dsnd runs, on which something is away and back: dsnd, the broker, the way to it for dsnd or for one machine.
DSN_BAD_DAY_S: for how many seconds; by hand also 600."""
import os
import signal
import threading
import time

import broker
import network
from dsnd_bad_days_test import Days
from network import figure, wait_for
from proxy import Proxy

AWAY = int(os.environ.get("DSN_BAD_DAY_S", "20"))  # longer than the silence that makes a node suspect


class Away(Days):
    def test_dsnd(self):
        """Agents mend what breaks, publishers come and go."""
        net = self.machines()
        self.ordered(net)
        push = self.published(net, AWAY + 90)
        self.dsnd.kill()
        began = time.monotonic()
        before = net.units(self.job, ["t1"])
        (_, unit), (pid, _) = next(iter(before.items()))
        network.signal_all(network.session_of(pid), signal.SIGKILL)
        wait_for("the agent's own mend", lambda: net.units(self.job, ["t1"]).get(("t1", unit)) not in (None, before[("t1", unit)]), 30)
        net.wait_segments(2, job=self.job)
        net.end_push(push)
        push = net.publish(self.film(AWAY + 90), self.job, self.key)
        net.agent_of["s"].kill()
        net.agent_of["s"].start()
        net.wait_segments(2, job=self.job)
        wait_for("a day without dsnd", lambda: time.monotonic() - began > AWAY, AWAY + 10)
        units = net.units(self.job)
        self.dsnd.start()
        self.as_before(net, units)
        second = self.create(net)
        self.assertEqual(second["state"], "running", second)
        for job in (second["job"], self.job):
            self.assertEqual(self.dsnd.call("orders.cancel", job=job)["state"], "cancelled")
        wait_for("the end everywhere", lambda: not net.units(self.job), 40)
        net.end_push(push)
        figure(f"dsnd dead for {time.monotonic() - began:.0f} s: stream, a restarted program, a restarted agent and a new publisher went on")

    def test_broker_and_the_way_to_it(self):
        """The broker is dead; then it is there, but not for dsnd."""
        proxy = Proxy(self.broker.port)
        self.addCleanup(proxy.close)

        def before(_):
            self.dsnd.bus = f"amqp://127.0.0.1:{proxy.port}/"

        net = self.machines(before=before)
        self.ordered(net)
        push = self.published(net, 2 * AWAY + 90)
        net.settle()
        units = net.units(self.job)
        for what, away, back in (("the broker dead", self.broker.kill, self.broker.start), ("dsnd cut off", proxy.stall, proxy.flow)):
            with self.subTest(what):
                began = time.monotonic()
                away()
                refused = []
                asking = threading.Thread(target=lambda answers=refused: answers.append(self.create(net)))
                asking.start()
                net.wait_segments(2, job=self.job)
                wait_for(what, lambda start=began: time.monotonic() - start > AWAY, AWAY + 10)
                self.assertEqual(self.status()["state"], "running")
                back()
                asking.join(60)
                self.as_before(net, units)
                figure(f"{what} for {time.monotonic() - began:.0f} s: nothing moved; an order meanwhile: "
                       f"{refused[0].get('message', refused[0].get('state'))}")
                for order in self.dsnd.call("orders.list")["orders"]:
                    if order["job"] != self.job and order["state"] not in ("failed", "cancelled"):
                        self.assertIn(self.dsnd.call("orders.cancel", job=order["job"])["state"], ("cancelled", "cancelling"))
        net.end_push(push)
        self.assertEqual(self.dsnd.call("orders.cancel", job=self.job)["state"], "cancelled")
        self.assertEqual(net.lost(self.job), {v: [] for v in net.variants()})

    def test_a_node_is_cut_off_and_comes_back(self):
        """Its media flow all the time; after a minute of silence its place is another one's, and it learns that when it is back."""
        proxies = {}

        def before(net):
            direct = net.agent_bus
            for key in ("s", "s2"):
                proxies[key] = Proxy(self.broker.port)
                self.addCleanup(proxies[key].close)
            net.agent_bus = lambda agent: f"amqp://127.0.0.1:{proxies[agent.name].port}/" if agent.name in proxies else direct(agent)

        net = self.machines(more=["s2"], before=before)
        self.ordered(net)
        push = self.published(net, 150)
        old, old_agent, ports = net.ids["s"], net.agent_of["s"], net.ports["s"]
        began = time.monotonic()
        proxies[old_agent.name].stall()
        net.watchers.pop(self.job).stop()
        wait_for("another storage", lambda: self.node("storage") != old and self.status()["state"] == "running"
                 and not self.status().get("why"), 100, self.status)
        moved = time.monotonic() - began
        self.look_at(net)
        wait_for("its address", lambda: self.status().get("watch") == net.master_url(self.job), 20, self.status)
        net.wait_segments(3, job=self.job)
        kept = {p.relative_to(old_agent.folder): p.stat().st_size for p in old_agent.folder.glob(f"**/{self.job}*/*.ts")}
        self.assertTrue(kept)
        proxies[old_agent.name].flow()
        wait_for("the end at the old node", lambda: [j["state"] for j in net.vcli("node", "status", old)["jobs"]] == ["stopped"], 60,
                 lambda: net.vcli("node", "status", old))
        self.assertNotEqual(self.node("storage"), old)
        self.assertEqual(net.agent_of["s2"].units(old).keys() & {f"{self.job}-hls{v}" for v in net.variants()}, set())
        now = {p.relative_to(old_agent.folder): p.stat().st_size for p in old_agent.folder.glob(f"**/{self.job}*/*.ts")}
        self.assertEqual({p: now.get(p) for p in kept}, kept, "what it had stored stays there as it was")
        net.wait_segments(2, job=self.job)
        self.assertIn(net.end_push(push), (0, 255))
        self.assertEqual(self.dsnd.call("pipelines.stop", job=self.job)["state"], "stopped")
        figure(f"a storage cut off: replaced after {moved:.0f} s, ended by itself when it was back; {len(kept)} segments stayed there")
        self.assertEqual(len(self.replaced()), 1)
        self.assertEqual({v: len(lost) > 1 for v, lost in net.lost(self.job).items()}, {v: False for v in net.variants()})
        self.assertNotEqual(net.ports["s"], ports)


if __name__ == "__main__":
    network.main()
