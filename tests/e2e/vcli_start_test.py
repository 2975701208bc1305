"""vcli pipeline start beside the nodes' own ports: what a document names, leaves out, or gets wrong."""
import copy
import json
import subprocess
import unittest
import urllib.parse
import urllib.request

from agent import make_film, wait_for
from broker_cluster_test import Balancer
import vcli_test
from vcli_test import DISTRIBUTOR, SECOND, STORAGE, TRANSCODER, VCLI, document


class Start(vcli_test.Online):
    def ordered(self, job, change=None, ports=True):
        """The document's path; `change` gets its nodes by id."""
        d = document(job, self.create_all())
        nodes = {n["node_id"]: n for n in d["pipeline"]["nodes"]}
        for n in nodes.values():
            n["ip"] = "127.0.0.1"
            if not ports:
                n.pop("port", None)
                n.pop("http_port", None)
        if change:
            change(nodes)
        self.addCleanup(subprocess.run, [VCLI, "pipeline", "close", job, "--timeout", "30s"], env=self.environment,
                        capture_output=True, timeout=60)
        return self.file(job + ".json", d)

    def test_ports_that_are_not_the_nodes_own_are_refused_with_both(self):
        for node, member, port, wrong in ((TRANSCODER, "port", "rtmp", "1935"), (STORAGE, "http_port", "http", "8080"),
                                          (DISTRIBUTOR, "port", "rtmp", "1936")):
            with self.subTest(member=member, wrong=wrong):
                path = self.ordered("wrong", lambda nodes: nodes[node].update({member: wrong}))
                own = self.create_all()[node][port]
                done = self.vcli("pipeline", "start", path, code=2)
                self.assertIn(f".{member}: says {wrong}, but node {node} has port {own}", done.stderr)
                self.assertIn("nothing was sent", done.stderr)
                self.assertNotIn("serve", done.stdout)
                self.assertEqual(self.json("node", "pipeline", DISTRIBUTOR)["jobs"], [])
        done = self.vcli("pipeline", "start", path, "--force", code=2)  # what an agent sees by itself it refuses then
        self.assertIn("note: ", done.stderr)
        self.assertIn("1936", done.stderr)

    def test_a_document_without_ports_takes_the_nodes_own_and_plays(self):
        path = self.ordered("taken", ports=False)
        ports = self.create_all()
        text = self.vcli("pipeline", "start", path).stdout
        self.assertIn("all 4 nodes serve", text)
        server = f"rtmp://127.0.0.1:{ports[DISTRIBUTOR]['rtmp']}/ingest"
        watch = f"http://127.0.0.1:{ports[STORAGE]['http']}/hls/taken.m3u8"
        self.assertIn(f"server is {server}, its stream key taken?key=KEY", text)
        self.assertIn(watch, text)
        stored = json.loads((self.state() / "jobs" / "taken.json").read_text())
        self.assertNotIn(stored["key"], text)
        self.assertIn(f"stream key taken?key={stored['key']}", self.vcli("pipeline", "status", "taken", "--show-key").stdout)
        self.assertEqual(self.json("pipeline", "status", "tak")["job"], "taken")
        again = self.json("pipeline", "start", path, "--show-key")
        self.assertEqual(again["ingest"]["stream_key"], f"taken?key={stored['key']}", "the same order keeps its keys")
        self.assertEqual(again["watch"], watch)
        plan = self.json("pipeline", "plan", path)
        self.assertEqual({n["node_id"]: n["ports"] for n in plan["nodes"]}, {n: p for n, p in ports.items()})

        film = make_film(str(self.home / "film.mp4"), seconds=6, size="320x180", gop=25)
        self.vcli("pipeline", "push", "taken", film)
        master = wait_for(lambda: self.fetched(watch, "#EXT-X-STREAM-INF"), 20, "the playlist that start has named")
        self.assertIn("taken_144p", master)

    def fetched(self, url, text):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                found = answer.read().decode()
        except OSError:
            return None
        return found if text in found else None

    def test_streams_of_a_private_document_must_go_to_its_nodes(self):
        path = self.ordered("byhand")
        private = self.json("pipeline", "private", path)
        bad = copy.deepcopy(private)
        output = bad["pipeline"]["tasks"][0]["msg"]["ffmpeg-rtmp"]["outputs"][1]
        del output["port"]
        done = self.vcli("pipeline", "start", self.file("bad.json", bad), code=2)
        self.assertIn("pipeline.tasks[0].msg.ffmpeg-rtmp.outputs[1]: goes to 127.0.0.1 port 1935", done.stderr)
        self.assertIn(self.create_all()[TRANSCODER]["rtmp"], done.stderr)
        self.assertEqual(self.json("pipeline", "start", self.file("good.json", private))["state"], "applied")
        self.vcli("pipeline", "close", "byhand")

    def test_a_command_of_two_steps_has_one_connection(self):
        """The nodes are asked for their ports, then told what to do."""
        path = self.ordered("single", ports=False)
        bus = urllib.parse.urlsplit(self.environment["DSN_BUS"])
        counter = Balancer([bus.port])
        self.addCleanup(counter.close)
        through = bus._replace(netloc=bus.netloc.replace(f":{bus.port}", f":{counter.port}")).geturl()
        self.vcli("pipeline", "start", path, environment={"DSN_BUS": through})
        self.assertEqual(counter.taken, 1)
        self.vcli("pipeline", "close", "single")

    def test_a_node_that_does_not_answer_is_asked_for_only_where_its_port_is_needed(self):
        path = self.ordered("away", ports=False)
        self.json("node", "purge", SECOND)
        environment = {"XDG_STATE_HOME": str(self.home / "other")}  # knows no node
        done = self.vcli("pipeline", "start", path, code=3, environment=environment)
        self.assertIn("pipeline.nodes[3].port: the document names none", done.stderr)
        self.assertIn(SECOND, done.stderr)
        self.assertEqual(self.json("node", "pipeline", DISTRIBUTOR)["jobs"], [], "nothing was sent")


if __name__ == "__main__":
    unittest.main()
