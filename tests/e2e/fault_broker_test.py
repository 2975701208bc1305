"""Faults of the broker and of messages: a power cut of the broker while a pipeline starts, commands that come twice, and
commands that come again when they are long out of date."""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
from amqp_wire import Wire  # noqa: E402
from network import JOB, figure, wait_for  # noqa: E402


class BrokerFaults(network.TestCase):
    def once(self, net, job=JOB):
        """{node: how often its part of the job was carried out}, from the nodes' own records."""
        applied = {}
        for key in net.ids:
            results = [line for line in net.agent_of[key].log_lines("command.applied", what="pipeline-start")
                       if f"to={net.ids[key]}" in line]
            running = [d for d in net.decisions(key, "job.running") if d["why"].startswith(job + ":")]
            started = [line for line in net.agent_of[key].log_lines("unit.started") if f"unit={job}-" in line]
            self.assertEqual(len(started), len(net.units(job, [key])), started)
            applied[key] = (len(results), len(running))
        return applied

    def check_started(self, net, process, began, what):
        out, said = process.communicate(timeout=90)
        taken = time.monotonic() - began
        self.assertEqual(process.returncode, 0, out + said)
        answer = json.loads(out)
        self.assertEqual({node["state"] for node in answer["nodes"]}, {"applied"}, answer)
        applied = self.once(net)
        figure(f"broker killed {what}: all {len(applied)} nodes applied {taken:.1f} s after its restart began; applications per node "
               f"{({k: n for k, (n, _) in applied.items()})}")
        self.assertEqual(applied, {key: (1, 1) for key in net.ids})
        for key, node in net.status().items():
            self.assertEqual(node["state"], "running", key)
            self.assertEqual([u for u in node["units"] if u["restarts"] != "0"], [], key)

    def test_killed_while_commands_wait(self):
        """The broker dies with half of the commands carried out and half of them in its queues."""
        net = self.network()
        net.settle()
        slow = [net.agent_of[key].process.pid for key in ("t2", "s")]
        network.signal_all(slow, signal.SIGSTOP)
        process = net.vcli_start("pipeline", "start", str(net.document()), "--timeout", "60s", "--json")
        wait_for("the nodes that are awake", lambda: len(net.units(keys=["d", "t1"])) == 5)
        self.broker.kill()
        network.signal_all(slow, signal.SIGCONT)
        began = time.monotonic()
        self.broker.start()
        self.check_started(net, process, began, "with two nodes configured and two commands waiting")
        self.assertEqual(len(net.units()), 9)

    def test_killed_at_once(self):
        """The broker dies the moment vcli has connected, before or after the commands are safe."""
        net = self.network()
        net.settle()
        document = str(net.document())
        process = net.vcli_start("pipeline", "start", document, "--timeout", "60s", "--json")
        wait_for("the job's file, which is written before anything is sent",
                 lambda: (net.folder / "user" / "dsn" / "jobs" / f"{JOB}.json").exists())
        self.broker.kill()
        began = time.monotonic()
        self.broker.start()
        self.check_started(net, process, began, "as vcli began to send")

    def test_duplicates(self):
        """Each command comes three times: carried out once. Replayed after the stop: nothing starts again."""
        net = self.network(together=True)
        agent, exchange = net.agent_of["d"], f"dsn.{net.name}"
        wire = Wire(self.broker.port)
        self.addCleanup(wire.close)
        wire.copy(exchange, list(net.ids.values()))
        net.start_job()
        commands = [wire.take() for _ in net.ids]
        self.assertNotIn(None, commands)
        self.assertEqual({body[:1] for _, _, body in commands}, {b"\x04"}, "sealed")
        ids = [word[3:] for line in agent.log_lines("command.applied", what="pipeline-start") for word in line.split()
               if word.startswith("id=")]
        self.assertEqual(len(ids), len(commands))
        push = net.push(self.film())
        net.wait_segments(1)
        before, decided = net.units(), {key: len(net.decisions(key)) for key in net.ids}
        for _ in range(2):
            for key, properties, body in commands:
                wire.send(exchange, key, properties, body)
        wait_for("all copies seen", lambda: all(len(agent.log_lines("command.repeated", id=i)) == 2 for i in ids))
        net.wait_segments(1)
        self.assertEqual(net.units(), before, "no program was started anew")
        self.assertEqual({key: len(net.decisions(key)) for key in net.ids}, decided, "nothing was decided")
        net.end_push(push)
        net.end_job()
        lost = net.lost()
        self.assertEqual(lost, {v: [] for v in net.variants()})
        stored = {v: net.numbers(v) for v in net.variants()}
        for key, properties, body in commands:
            wire.send(exchange, key, properties, body)
        wait_for("the old start seen", lambda: all(len(agent.log_lines("command.repeated", id=i)) == 3 for i in ids))
        self.assertEqual({key: node["state"] for key, node in net.status().items()}, {key: "stopped" for key in net.ids})
        # Altered on the way: nobody's order.
        for key, properties, body in commands:
            wire.send(exchange, key, properties, body[:-1] + bytes([body[-1] ^ 1]))
        for key in net.ids:
            self.assertEqual(net.status()[key]["state"], "stopped", key)  # in order: what was sent before is settled
        self.assertEqual(net.units(), {})
        self.assertEqual({v: net.numbers(v) for v in net.variants()}, stored)
        for key in net.ids:
            applied = [line for line in agent.log_lines("command.applied", what="pipeline-start") if net.ids[key] in line]
            self.assertEqual(len(applied), 1, key)
        figure(f"each of {len(commands)} commands sent three times, replayed after the stop, and altered: "
               "applied once each, no program touched, segments lost 0, nothing started again")


if __name__ == "__main__":
    network.main()
