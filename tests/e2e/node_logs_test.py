"""A unit's last words are in its status, and its log can be read over the bus: vcli node logs."""
import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
from network import JOB, wait_for  # noqa: E402


class NodeLogs(network.TestCase):
    def log(self, net, key, unit):
        return os.path.join(net.agent_of[key].folder, "nodes", net.ids[key], "log", f"{unit}.log")

    def write(self, net, key, unit, text):
        with open(self.log(net, key, unit), "ab") as f:
            f.write(text)

    def lines(self, net, *words):
        answer = net.vcli("node", "logs", *words)
        return {log["unit"]: log["lines"] for log in answer["logs"]}

    def follow(self, net, *words):
        """The lines as they come."""
        process = net.vcli_start("node", "logs", *words, "-f")
        lines = []

        def read():
            for line in process.stdout:
                lines.append(line)

        threading.Thread(target=read, daemon=True).start()
        return process, lines

    def test_last_words_and_logs(self):
        net = self.network(transcoders=1)
        unit = JOB + "-to-2"  # the storage's copy is the first
        relay = JOB + "-relay"
        net.start_job()
        dead = net.agent_of["t1"]
        port = net.node_status("t1")["ports"]["rtmp"]
        dead.kill()
        dead.kill_units()
        push = net.push(self.film())

        # The last words say who refused.
        def why():
            return {u["name"]: u for u in net.node_status("d")["jobs"][0]["units"]}[unit].get("why")

        wait_for("the copy fails", why, 40)
        self.assertIn("Connection refused", why())
        self.assertIn(f":{port}", why())
        self.assertIn("Connection refused", net.decisions("d", "unit.restart")[-1]["why"])
        self.assertNotIn("key=" + net.key(), json.dumps(net.node_status("d")))

        # One unit, all units, some lines, none of that name.
        self.assertTrue(any("Connection refused" in line for line in self.lines(net, net.ids["d"], unit)[unit]))
        self.assertEqual(self.lines(net, net.ids["d"]).keys(), {"nginx", relay, unit, JOB + "-to-1"})
        secret = b"first\nrtmp://h/live/x?key=5ecret \x1b[2J\xff\nlast\n"
        self.write(net, "d", relay, secret)
        self.assertEqual(self.lines(net, net.ids["d"], relay, "--lines", "2")[relay], ["rtmp://h/live/x?key=*** ?[2J?", "last"])
        code, answer, _ = net.vcli_try("node", "logs", net.ids["d"], "none")
        self.assertEqual((code, answer["error"]["code"]), (3, "not-found"))

        # Much is told in part.
        self.write(net, "d", relay, b"".join(b"%099d\n" % i for i in range(2000)))
        told = self.lines(net, net.ids["d"], relay, "--lines", "1000")[relay]
        self.assertEqual((len(told), told[-1]), (655, "%099d" % 1999))

        # What is written from now on, also over a cut of the log, and not through a link.
        process, lines = self.follow(net, net.ids["d"], relay)
        wait_for("it follows", lambda: len(lines) >= 50, 20)
        self.write(net, "d", relay, b"now\n")
        wait_for("the line comes", lambda: lines[-1] == "now\n", 20)
        with open(self.log(net, "d", relay), "r+b") as f:
            kept = f.read()[-1000:]
            f.truncate(0)
        self.write(net, "d", relay, kept + b"after the cut\n")
        wait_for("it goes on", lambda: lines[-1] == "after the cut\n", 20)
        self.assertEqual(lines.count("now\n"), 1)
        process.terminate()
        process.wait(10)
        os.rename(self.log(net, "d", relay), self.log(net, "d", "away"))
        os.symlink("/etc/passwd", self.log(net, "d", relay))
        code, answer, _ = net.vcli_try("node", "logs", net.ids["d"], relay)
        self.assertEqual(code, 4, answer)
        os.remove(self.log(net, "d", relay))
        os.rename(self.log(net, "d", "away"), self.log(net, "d", relay))
        net.end_push(push)


if __name__ == "__main__":
    network.main()
