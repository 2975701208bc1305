#!/usr/bin/env python3
"""dsn-agent with real RabbitMQ, nginx and ffmpeg: nodes, pipelines, keys, restarts and refusals. Process runtime."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module  # noqa: E402
from agent import (Agent, Client, Failed, alive, distributor_task, fetch, folder, make_film, playlist, push,  # noqa: E402
                   storage_task, target, transcoder_task, wait_for)
from secp256k1 import Key  # noqa: E402

DISTRIBUTOR = TRANSCODER = STORAGE = OTHER = None  # new ones for each test
VARIANTS = [("_src", 600000, "640x360"), ("_180p", 200000, "320x180")]
INGEST_KEY, HOP_KEY = "ingestkey0123456789", "hopkey0123456789012"

shared = {}


def setUpModule():
    broker_module.require()
    shared["broker"] = broker_module.Broker().start()
    shared["folder"] = folder()
    shared["film"] = make_film(os.path.join(shared["folder"], "film.mp4"), 10)


def tearDownModule():
    if "broker" in shared:
        shared["broker"].close()
    if "folder" in shared:
        subprocess.run(["rm", "-rf", shared["folder"]], check=True)


class Case(unittest.TestCase):
    flags = ("--end-after", "3s", "--stall-after", "4s")

    def setUp(self):
        # Nodes nobody knows: what waits for those of another test is not ours.
        global DISTRIBUTOR, TRANSCODER, STORAGE, OTHER
        DISTRIBUTOR, TRANSCODER, STORAGE, OTHER = (os.urandom(20).hex() for _ in range(4))
        self.broker = shared["broker"]
        self.client = Client(self.broker)
        self.addCleanup(self.client.close)
        self.agents = []
        self.pushes = []
        self.addCleanup(self.end)

    def end(self):
        for process in self.pushes:
            if process.poll() is None:
                process.kill()
            process.wait()
        result = self._outcome.result
        for agent in self.agents:
            if any(test is self for test, _ in result.failures + result.errors):
                sys.stderr.write(agent.text()[-6000:])
            agent.close()

    def agent(self, *flags, nodes=None, **more):
        nodes = (DISTRIBUTOR, TRANSCODER, STORAGE) if nodes is None else nodes
        agent = Agent(self.broker, *self.flags, *flags, nodes=nodes, **more)
        self.agents.append(agent)
        return agent.start()

    def push(self, url, loop=False, film=None):
        process = push(film or shared["film"], url, loop)
        self.pushes.append(process)
        return process

    def create_all(self):
        self.ports = {}
        for role, node in (("distributor", DISTRIBUTOR), ("transcoder", TRANSCODER), ("storage", STORAGE)):
            self.ports[node] = self.client.create(role, node)["ports"]

    def tasks(self, job, **more):
        rtmp = {node: ports["rtmp"] for node, ports in self.ports.items()}
        return {
            STORAGE: storage_task(job, VARIANTS, key=HOP_KEY),
            TRANSCODER: transcoder_task(job, {**target("127.0.0.1", rtmp[STORAGE], key=HOP_KEY), "preset": "ultrafast"},
                                        key=HOP_KEY),
            DISTRIBUTOR: distributor_task(job, [target("127.0.0.1", rtmp[STORAGE], "_src", HOP_KEY),
                                                target("127.0.0.1", rtmp[TRANSCODER], key=HOP_KEY)], key=INGEST_KEY, **more),
        }

    def start(self, job, **more):
        """All three nodes; the ingest URL with its key."""
        for node, task in self.tasks(job, **more).items():
            data = self.client.command(node, task)
        return data["endpoint"]["rtmp"] + "?key=" + INGEST_KEY

    def stop_all(self, job, subcommand="stop"):
        body = {"apiVersion": "1.00", "typeApi": "private", "command": "pipeline", "subcommand": subcommand, "job_id": job}
        for node in (DISTRIBUTOR, TRANSCODER, STORAGE):
            self.client.send(node, body)
        for _ in range(3):
            state, data = self.client.result(60)
            self.assertEqual(state, "applied", data)

    def hls(self, job, variant):
        return playlist("http://127.0.0.1:%s/hls/%s%s/index.m3u8" % (self.ports[STORAGE]["http"], job, variant))

    def wait_segments(self, job, count, seconds=30):
        wait_for(lambda: all(len(self.hls(job, v)[0]) >= count for v, _, _ in VARIANTS), seconds, "%d segments" % count)

    def assert_equal_renditions(self, job, gaps=0, ended=True):
        found = [self.hls(job, v) for v, _, _ in VARIANTS]
        self.assertTrue(found[0][0])
        for names, gap, end in found:
            self.assertEqual(names, found[0][0])
            self.assertLessEqual(gap, gaps)
            self.assertEqual(end, ended)
        return found[0][0]

    def job_states(self, node, job):
        """Of a job that is wanted, and of its units: none may ever be told as stopped."""
        status = self.client.pipeline(node, "status", job)
        states = [status["state"], *(unit["state"] for unit in status["units"])]
        self.assertEqual(status["wanted"], "running")
        self.assertNotIn("stopped", states)
        return states

    def wait_running(self, node, job):
        wait_for(lambda: self.job_states(node, job)[0] == "running", 20, "%s runs" % job)

    def decisions(self, node):
        return [d["what"] for d in self.client.node(node, "status")["decisions"]]


class PipelineTest(Case):
    def test_stream_from_ingest_to_hls(self):
        agent = self.agent()
        self.create_all()
        url = self.start("job1")
        self.assertEqual(self.push(url).wait(30), 0)
        self.stop_all("job1")
        names = self.assert_equal_renditions("job1")
        self.assertIn(len(names), (5, 6))
        master = fetch("http://127.0.0.1:%s/hls/job1.m3u8" % self.ports[STORAGE]["http"])
        self.assertIn("job1_180p/index.m3u8", master)
        self.assertEqual(self.client.pipeline(STORAGE, "status", "job1")["state"], "stopped")
        self.assertNotIn(INGEST_KEY, agent.text())
        self.stop_all("job1", "close")
        self.assertEqual(self.hls("job1", "_src"), ([], 0, False))
        self.assertFalse(os.listdir(os.path.join(agent.state, "nodes", STORAGE, "data", "hls")))
        with self.assertRaises(Failed) as failed:
            self.client.pipeline(STORAGE, "status", "job1")
        self.assertEqual(failed.exception.code, "not-found")

    def test_keys_are_asked_and_kept_secret(self):
        agent = self.agent()
        self.create_all()
        url = self.start("job1")
        bare = url.split("?")[0]
        for bad in (bare, bare + "?key=wrong", bare.replace("job1", "job2") + "?key=" + INGEST_KEY,
                    bare.replace("/ingest/", "/live/") + "?key=wrong"):
            self.assertNotEqual(self.push(bad).wait(20), 0, bad)
        self.assertIn("publish.refused", agent.text())
        process = self.push(url)
        wait_for(lambda: self.client.pipeline(DISTRIBUTOR, "status", "job1")["published"], 10, "published")
        keys = (INGEST_KEY.encode(), HOP_KEY.encode())
        for pid in agent.units().values():
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                command = f.read()
            self.assertFalse(any(key in command for key in keys), command)
        process.kill()
        self.assertNotIn(INGEST_KEY, agent.text())
        self.assertNotIn(HOP_KEY, agent.text())

    def test_publisher_returns_and_time_goes_on(self):
        self.agent()
        self.create_all()
        url = self.start("job1")
        self.assertEqual(self.push(url).wait(30), 0)
        wait_for(lambda: self.hls("job1", "_src")[2] and self.hls("job1", "_180p")[2], 15, "end of stream")
        first = self.assert_equal_renditions("job1")
        self.assertEqual(self.push(url).wait(30), 0)
        self.stop_all("job1")
        both = self.assert_equal_renditions("job1", gaps=1)  # the return begins with the next fragment but one at most
        self.assertEqual(both[:len(first)], first)
        self.assertGreaterEqual(len(both), len(first) + 5)
        self.assertEqual(both, sorted(both))

    def test_another_job_disturbs_nothing(self):
        agent = self.agent()
        self.create_all()
        url = self.start("job1")
        process = self.push(url, loop=True)
        self.wait_segments("job1", 2)
        before = agent.units()
        self.start("job2")
        self.stop_all("job2")
        self.stop_all("job2", "close")
        self.assertEqual(agent.units(), before)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        self.stop_all("job1")
        self.assert_equal_renditions("job1")


class PlainTest(Case):
    def test_plain_message_in_the_bare_queue(self):
        """The seed's way: the document alone, in the queue that is named by the node id."""
        agent = self.agent("--accept-plain", nodes=(STORAGE,))
        self.client.create("storage", STORAGE)
        text = json.dumps(storage_task("job7", VARIANTS))
        words = [os.path.join(broker_module.BIN, "vcli"), "bus", "send", STORAGE, text, "--bus", self.broker.url()]
        for _ in range(2):  # the second has no effect
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL, timeout=30, env={**os.environ, "HOME": agent.where})
        wait_for(lambda: self.client.node(STORAGE, "pipeline")["jobs"], 10, "the job")
        self.wait_running(STORAGE, "job7")
        units = agent.units()
        agent.kill()
        agent.start()
        self.wait_running(STORAGE, "job7")
        self.assertEqual(agent.units(), units)

    def test_the_original_drives_a_node(self):
        """The proof of concept's messages as they are: its forerunner names a queue by the node's 128-digit enode, and its
        pipeline messages send each copy to the same transcoder."""
        key = Key(os.urandom(16).hex())
        enode, node = key.public.hex(), key.address[2:]
        agent = self.agent("--accept-plain", nodes=(enode,))
        port = self.client.create("distributor", node, spec={"containers": {}, "mode": "classic"})["ports"]["rtmp"]

        def publish(queue, message):
            subprocess.run([os.path.join(broker_module.BIN, "vcli"), "bus", "send", queue, json.dumps(message), "--bus", self.broker.url()],
                           check=True, stdin=subprocess.DEVNULL, timeout=30, env={**os.environ, "HOME": agent.where})

        message = json.loads((pathlib.Path(broker_module.SOURCE) / "tests/data/t45/distributor.json").read_text())
        message["input"]["port"] = str(port)
        publish(enode, message)
        self.wait_running(node, "quay")
        copies = [target("203.0.113.31", 1935), target("203.0.113.31", 1935), target("203.0.113.31", 1935)]
        publish(node, distributor_task("job8", [target("203.0.113.20", 1935, "_4k"), *copies]))
        self.wait_running(node, "job8")
        text = pathlib.Path(agent.state, "nodes", node, "nginx/app-enabled/job8").read_text()
        self.assertEqual(text.count("203.0.113.31"), 1, text)
        self.assertEqual(text.count("203.0.113.20"), 1, text)
        warned = [d["why"] for d in self.client.node(node, "status")["decisions"] if d["what"] == "task.warning"]
        self.assertEqual(len(warned), 1)
        self.assertIn("left out", warned[0])

    def test_measures_the_machine(self):
        agent = self.agent(nodes=())
        asked = {"apiVersion": "1.00", "typeApi": "private", "command": "node"}
        hardware = self.client.command(agent.id(), {**asked, "subcommand": "hardware"}, 60)
        self.assertIn("libx264", hardware["encoders"])
        free = self.client.command(agent.id(), {**asked, "subcommand": "free_hardware"}, 60)
        self.assertGreater(int(free["free"]["veryfast"]), 0)


class FaultTest(Case):
    def test_agent_killed_during_a_stream(self):
        agent = self.agent()
        self.create_all()
        process = self.push(self.start("job1"), loop=True)
        self.wait_segments("job1", 2)
        before = agent.units()
        agent.kill()
        time.sleep(1)  # the stream goes on without its keeper; there is nothing to poll
        self.assertTrue(all(alive(pid) for pid in before.values()))
        agent.start()
        wait_for(lambda: self.client.pipeline(DISTRIBUTOR, "status", "job1")["published"] == ["ingest/job1", "live/job1"], 20,
                 "publishers known again")
        for node in (DISTRIBUTOR, TRANSCODER, STORAGE):
            self.wait_running(node, "job1")
        self.assertEqual(agent.units(), before)
        count = len(self.hls("job1", "_src")[0])
        self.wait_segments("job1", count + 2)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        self.stop_all("job1")
        self.assert_equal_renditions("job1", gaps=0)

    def test_job_not_taken_up_yet_is_starting(self):
        """As long as nginx does not answer, a new agent has not begun with what it found."""
        agent = self.agent(nodes=(STORAGE,))
        self.client.create("storage", STORAGE)
        self.client.command(STORAGE, storage_task("job1", VARIANTS))
        units = agent.units()
        agent.kill()
        os.killpg(units[STORAGE, "nginx"], signal.SIGSTOP)
        agent.start()
        self.assertEqual(set(self.job_states(STORAGE, "job1")), {"starting"})
        self.assertEqual(self.client.node(STORAGE, "pipeline")["jobs"][0]["state"], "starting")
        status = self.client.node(STORAGE, "status")
        self.assertEqual((status["state"], status["jobs"][0]["state"]), ("starting", "starting"))
        os.killpg(units[STORAGE, "nginx"], signal.SIGCONT)
        self.wait_running(STORAGE, "job1")
        self.assertEqual(agent.units(), units)

    def test_everything_comes_back_after_a_reboot(self):
        """Agent and all units gone at once: the same jobs run again."""
        agent = self.agent()
        self.create_all()
        url = self.start("job1")
        units = agent.units()
        agent.kill()
        for pid in units.values():
            os.killpg(pid, signal.SIGKILL)
        wait_for(lambda: not any(alive(pid) for pid in units.values()), 10, "all ended")
        agent.start()
        for node in (DISTRIBUTOR, TRANSCODER, STORAGE):
            self.wait_running(node, "job1")
        self.assertEqual(self.push(url).wait(30), 0)
        self.stop_all("job1")
        self.assert_equal_renditions("job1")

    def restarted(self, node, unit, signum, seconds, *follow):
        """Only the unit itself is started anew, and those in `follow`, whose stream ends with it."""
        agent = self.agent()
        self.create_all()
        process = self.push(self.start("job1"), loop=True)
        self.wait_segments("job1", 2)
        before = agent.units()
        os.kill(before[node, unit], signum)
        wait_for(lambda: agent.units().get((node, unit), before[node, unit]) != before[node, unit], seconds, "a new " + unit)
        count = len(self.hls("job1", "_src")[0])
        self.wait_segments("job1", count + 2)
        after = agent.units()
        for key, pid in before.items():
            if key not in ((node, unit), *follow):
                self.assertEqual(after[key], pid, key)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        self.stop_all("job1")
        return self.hls("job1", "_src"), self.hls("job1", "_180p")

    def test_encoder_killed(self):
        (source, gaps, _), (made, made_gaps, ended) = self.restarted(TRANSCODER, "job1-encode", signal.SIGKILL, 5,
                                                                          (STORAGE, "job1-hls_180p"))
        self.assertEqual(gaps, 0)
        self.assertLessEqual(len(source) - len(made), 2)
        self.assertLessEqual(made_gaps, 2)
        self.assertTrue(set(made) <= set(source) and ended)
        self.assertIn("unit.restart", self.decisions(TRANSCODER))

    def test_encoder_frozen(self):
        (source, gaps, _), (made, _, ended) = self.restarted(TRANSCODER, "job1-encode", signal.SIGSTOP, 20,
                                                                (STORAGE, "job1-hls_180p"))
        self.assertEqual(gaps, 0)
        self.assertTrue(set(made) <= set(source) and ended)

    def test_nginx_killed(self):
        agent = self.agent()
        self.create_all()
        url = self.start("job1")
        before = agent.units()
        os.kill(before[STORAGE, "nginx"], signal.SIGKILL)  # its worker loses its master
        wait_for(lambda: agent.units().get((STORAGE, "nginx")) not in (None, before[STORAGE, "nginx"]), 10, "a new nginx")
        wait_for(lambda: self.client.node(STORAGE, "status")["state"] == "running", 10, "the node serves")
        self.assertEqual(self.push(url).wait(30), 0)
        self.stop_all("job1")
        self.assert_equal_renditions("job1")

    def test_dead_target_harms_nobody_and_is_joined_later(self):
        self.agent()
        self.create_all()
        tasks = self.tasks("job1")
        del tasks[TRANSCODER]  # does not expect the job yet: refuses it
        for node, task in tasks.items():
            data = self.client.command(node, task)
        process = self.push(data["endpoint"]["rtmp"] + "?key=" + INGEST_KEY, loop=True)
        wait_for(lambda: len(self.hls("job1", "_src")[0]) >= 3, 20, "segments of the copy")
        self.assertIn("unit.restart", self.decisions(DISTRIBUTOR))
        self.client.command(TRANSCODER, self.tasks("job1")[TRANSCODER])
        wait_for(lambda: len(self.hls("job1", "_180p")[0]) >= 2, 30, "segments of the late one")
        process.send_signal(signal.SIGINT)
        process.wait(10)
        self.stop_all("job1")
        source, gaps, _ = self.hls("job1", "_src")
        made, _, _ = self.hls("job1", "_180p")
        self.assertEqual(gaps, 0)
        self.assertEqual(made, source[-len(made):])

    def test_repeated_commands_have_no_effect(self):
        agent = self.agent()
        self.create_all()
        self.start("job1")
        before = agent.units()
        # The same document anew: a new command, the same state.
        self.client.command(STORAGE, self.tasks("job1")[STORAGE])
        self.assertEqual(agent.units(), before)
        self.assertEqual(self.client.pipeline(STORAGE, "status", "job1")["state"], "running")

    def test_disk_full_is_told_and_nothing_is_half_done(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        agent = Agent(self.broker, *self.flags, nodes=(STORAGE,))
        self.agents.append(agent)
        os.mkdir(agent.state)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", agent.state], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", agent.state], check=True)
        self.addCleanup(agent.close)
        agent.start()
        self.client.create("storage", STORAGE)
        filler = os.path.join(agent.state, "filler")
        with self.assertRaises(OSError), open(filler, "wb", buffering=0) as f:
            while True:
                f.write(b"x" * 4096)
        with self.assertRaises(Failed) as failed:
            self.client.command(STORAGE, storage_task("job1", VARIANTS))
        self.assertEqual(failed.exception.code, "limit")
        self.assertIn("full", failed.exception.message)
        os.unlink(filler)
        self.assertEqual(self.client.node(STORAGE, "pipeline")["jobs"], [])
        agent.kill()
        agent.start()
        self.assertEqual(self.client.node(STORAGE, "pipeline")["jobs"], [])
        self.client.command(STORAGE, storage_task("job1", VARIANTS))

class RefusalTest(Case):
    def refused(self, code, words, call, *args, **more):
        with self.assertRaises(Failed) as failed:
            call(*args, **more)
        self.assertEqual(failed.exception.code, code, failed.exception)
        self.assertIn(words, failed.exception.message)

    def test_refusals_name_their_reason(self):
        self.agent()
        self.refused("not-found", "node create", self.client.command, STORAGE, storage_task("job1", VARIANTS))
        self.create_all()
        tasks = self.tasks("job1")
        self.refused("invalid", "transcoder", self.client.command, STORAGE, tasks[TRANSCODER])
        wrong = storage_task("job1", VARIANTS)
        wrong["nginx-rtmp-core"]["listen"] = "1936"
        self.refused("invalid", "listen", self.client.command, STORAGE, wrong)
        self.refused("exists", "storage", self.client.create, "transcoder", STORAGE)
        self.refused("not-found", "job9", self.client.pipeline, STORAGE, "status", "job9")
        self.refused("invalid", "command", self.client.command, STORAGE, {"command": "dance"})
        spec = {"containers": {"image": "x", "ports": {"1935": self.ports[STORAGE]["rtmp"]}, "volume-mounts": {}}}
        self.refused("exists", "another node", self.client.create, "transcoder", OTHER, to=self.agents[0].id(), spec=spec)

    def test_a_node_that_never_had_a_job_agrees_to_its_end(self):
        self.agent()
        self.client.create("storage", STORAGE)
        for verb in ("stop", "close"):
            for node in (STORAGE, TRANSCODER):  # one that was created, and one that was not
                self.assertEqual(self.client.pipeline(node, verb, "job9"), {"job_id": "job9", "jobs": []})

    def test_jobs_share_no_stream(self):
        self.agent()
        self.create_all()
        first, other = storage_task("job1", [("_a_b", 600000, "640x360")]), storage_task("job1_a", [("_b", 600000, "640x360")])
        self.client.command(STORAGE, first)
        self.refused("exists", "job1's", self.client.command, STORAGE, other)
        self.client.command(STORAGE, first)
        self.client.pipeline(STORAGE, "close", "job1")
        self.client.command(STORAGE, other)

    def test_maintenance_drains(self):
        agent = self.agent()
        self.create_all()
        self.start("job1")
        self.client.node(STORAGE, "maintenance", params="on")
        self.refused("refused", "maintenance", self.client.command, STORAGE, storage_task("job2", VARIANTS))
        agent.stop()
        agent.start()
        self.assertEqual(self.client.node(STORAGE, "status")["maintenance"], "on")
        self.wait_running(STORAGE, "job1")
        self.client.node(STORAGE, "maintenance", params="off")
        self.client.command(STORAGE, storage_task("job2", VARIANTS))

    def test_one_agent_per_folder_and_per_node(self):
        agent = self.agent()
        self.create_all()
        same = subprocess.run(agent.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=30)
        self.assertEqual(same.returncode, 4, same.stdout)
        self.assertIn("another agent runs", same.stdout)
        second = self.agent("--claim-timeout", "2s", nodes=(STORAGE,))
        self.assertEqual(second.process.wait(30), 4)
        self.assertIn("two agents", second.text())
        self.assertEqual(self.client.node(STORAGE, "status")["state"], "running")

    def test_nodes_come_and_go(self):
        agent = self.agent()
        self.create_all()
        self.start("job1")
        listed = self.client.command(agent.id(), {"apiVersion": "1.00", "typeApi": "private", "command": "node",
                                                  "subcommand": "list"})
        self.assertEqual(len(listed["nodes"]), 3)
        created = self.client.create("transcoder", OTHER, to=agent.id())
        self.assertEqual(created["node_id"], OTHER)
        self.assertEqual(self.client.node(OTHER, "status")["state"], "running")
        self.assertEqual(self.client.node(STORAGE, "pipeline")["jobs"][0]["job_id"], "job1")
        pids = agent.units()
        self.client.node(STORAGE, "remove", timeout=60)
        self.assertFalse(any(alive(pid) for (node, _), pid in pids.items() if node == STORAGE))
        where = os.path.join(agent.state, "nodes", STORAGE)
        self.assertTrue(os.path.isdir(where))
        self.client.node(STORAGE, "purge", timeout=60)
        self.assertFalse(os.path.exists(where))
        self.client.node(OTHER, "purge", timeout=60, to=agent.id())
        self.assertFalse(os.path.exists(os.path.join(agent.state, "nodes", OTHER)))
        self.client.create("storage", STORAGE)

    def test_stop_units_ends_all(self):
        agent = self.agent("--stop-units")
        self.create_all()
        self.start("job1")
        units = agent.units()
        self.assertGreaterEqual(len(units), 9)
        self.assertEqual(agent.stop(), 0)
        self.assertFalse(any(alive(pid) for pid in units.values()))
        self.assertFalse(agent.units())
        agent.start()
        wait_for(lambda: set(agent.units()) == set(units), 20, "all units again")


class IngestTest(Case):
    def test_irregular_source_is_normalised_once(self):
        film = make_film(os.path.join(shared["folder"], "wild.mp4"), 20, gop=130)
        self.agent()
        self.create_all()
        process = self.push(self.start("job1"), film=film)
        wait_for(lambda: "ingest.normalised" in self.decisions(DISTRIBUTOR), 25, "normalised")
        process.wait(30)
        self.stop_all("job1")
        status = self.client.pipeline(DISTRIBUTOR, "status", "job1")
        self.assertEqual(status["ingest"]["normalised"], "yes")
        source, made = self.hls("job1", "_src"), self.hls("job1", "_180p")
        self.assertTrue(set(made[0]) & set(source[0]))

    def test_irregular_source_is_refused_where_wanted(self):
        film = make_film(os.path.join(shared["folder"], "wild.mp4"), 20, gop=130)
        self.agent()
        self.create_all()
        process = self.push(self.start("job1", normalise="off"), film=film)
        self.assertNotEqual(process.wait(30), 0)
        status = self.client.pipeline(DISTRIBUTOR, "status", "job1")
        self.assertIn("key", status["ingest"]["refused"])
        self.assertIn("ingest.refused", self.decisions(DISTRIBUTOR))


if __name__ == "__main__":
    unittest.main(verbosity=2)
