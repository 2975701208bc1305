#!/usr/bin/env python3
"""Classic mode: a job serves, or has stopped, once nginx has taken the reload over, not before. nginx's master is held by
SIGSTOP, so that its reload lasts as long as a test needs. Process runtime; real RabbitMQ, nginx and ffmpeg."""
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker as broker_module  # noqa: E402
from agent import Agent, Client, Failed, folder, make_film, push, storage_task, wait_for  # noqa: E402

JOB, OTHER = "0400000000000000000009", "0400000000000000000010"
VARIANT = [("_src", 600000, "320x180")]
WORKER = "nginx: worker process"

shared = {}


def setUpModule():
    broker_module.require()
    shared["broker"] = broker_module.Broker().start()
    shared["folder"] = folder()
    shared["film"] = make_film(os.path.join(shared["folder"], "film.mp4"), 6, "320x180")


def tearDownModule():
    if "broker" in shared:
        shared["broker"].close()
    if "folder" in shared:
        shutil.rmtree(shared["folder"])


def sighup_waits(pid):
    """Has it been sent to a process that could not take it yet?"""
    with open("/proc/%d/status" % pid) as f:
        pending = [int(line.split()[1], 16) for line in f if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask & 1 << (signal.SIGHUP - 1) for mask in pending)


def workers(master):
    """Pids of those that accept connections."""
    found = set()
    with open("/proc/%d/task/%d/children" % (master, master)) as f:
        pids = f.read().split()
    for pid in pids:
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if f.read().rstrip(b"\0 ").decode() == WORKER:
                    found.add(int(pid))
        except OSError:
            continue
    return found


class ReloadTest(unittest.TestCase):
    def setUp(self):
        self.node = os.urandom(20).hex()
        self.client = Client(shared["broker"])  # its commands wait
        self.addCleanup(self.client.close)
        self.observer = Client(shared["broker"])
        self.addCleanup(self.observer.close)
        self.agent = Agent(shared["broker"], nodes=(self.node,)).start()
        self.addCleanup(self.end)
        self.ports = self.client.create("storage", self.node, spec={"containers": {}, "mode": "classic"})["ports"]
        self.nginx = self.agent.units()[self.node, "nginx"]
        wait_for(lambda: len(workers(self.nginx)) == 1, 10, "nginx's worker")

    def end(self):
        result = self._outcome.result
        if any(test is self for test, _ in result.failures + result.errors):
            sys.stderr.write(self.agent.text()[-6000:])
        self.agent.close()

    def hold(self):
        os.kill(self.nginx, signal.SIGSTOP)

    def let_go(self):
        os.kill(self.nginx, signal.SIGCONT)

    def send(self, job=JOB):
        self.client.send(self.node, storage_task(job, VARIANT))

    def send_stop(self, job=JOB):
        self.client.send(self.node, {"apiVersion": "1.00", "typeApi": "private", "command": "pipeline", "subcommand": "stop",
                                     "job_id": job})

    def applied(self):
        state, data = self.client.result(30)
        self.assertEqual(state, "applied", data)

    def status(self, job=JOB):
        return self.observer.pipeline(self.node, "status", job)

    def file(self, job=JOB):
        return os.path.join(self.agent.state, "nodes", self.node, "nginx", "app-enabled", job)

    def start_held(self):
        """The command waits: nginx has accepted the configuration, its master has not taken it."""
        self.hold()
        self.send()
        wait_for(lambda: sighup_waits(self.nginx), 20, "SIGHUP")
        self.assertEqual(self.status()["state"], "starting")

    def test_start_and_stop_wait_for_nginx(self):
        old = workers(self.nginx)
        self.start_held()
        self.let_go()
        self.applied()
        new = workers(self.nginx)  # without waiting: that is what "applied" says
        self.assertTrue(new and not new & old, (old, new))
        self.assertEqual(self.status()["state"], "running")
        url = "rtmp://127.0.0.1:%s/%s/%s_src" % (self.ports["rtmp"], JOB, JOB)
        self.assertEqual(push(shared["film"], url).wait(40), 0)

        self.hold()
        self.send_stop()
        wait_for(lambda: sighup_waits(self.nginx), 20, "SIGHUP")
        self.assertEqual(self.status()["state"], "stopping")
        self.let_go()
        self.applied()
        newest = workers(self.nginx)
        self.assertTrue(newest and not newest & new, (new, newest))
        self.assertEqual(self.status()["state"], "stopped")
        refused = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-re", "-i", shared["film"], "-c", "copy", "-f", "flv",
                                  url], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=40, check=False)
        self.assertNotEqual(refused.returncode, 0)

    def test_worker_that_still_has_a_publisher_is_no_hindrance(self):
        self.send()
        self.applied()
        url = "rtmp://127.0.0.1:%s/%s/%s_src" % (self.ports["rtmp"], JOB, JOB)
        process = push(shared["film"], url, loop=True)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        data = os.path.join(self.agent.state, "nodes", self.node, "data", JOB)
        wait_for(lambda: any(name.endswith(".ts") for name in os.listdir(data)), 20, "a segment")
        self.send(OTHER)
        self.applied()
        self.assertEqual(self.status(OTHER)["state"], "running")
        self.assertIsNone(process.poll())

    def test_reloads_do_not_overlap(self):
        self.start_held()
        self.send(OTHER)
        self.assertEqual(wait_for(lambda: self.status(OTHER), 10, "the other job")["state"], "starting")
        self.assertFalse(os.path.exists(self.file(OTHER)))
        self.let_go()
        self.applied()
        self.applied()
        self.assertEqual([self.status(job)["state"] for job in (JOB, OTHER)], ["running", "running"])

    def test_reload_that_takes_long_is_told_and_goes_on(self):
        self.start_held()
        state, error = self.client.result(30)
        self.assertEqual(state, "failed", error)
        log = os.path.join(self.agent.state, "nodes", self.node, "log", "nginx.log")
        self.assertIn("nginx's error log: " + log, error["message"])
        status = self.status()
        self.assertEqual(status["state"], "failing")
        self.assertIn("nginx's error log", status["trouble"])
        self.let_go()
        self.assertNotIn("trouble", wait_for(lambda: self.status()["state"] == "running" and self.status(), 20, "it runs"))

    def test_nginx_dies_meanwhile(self):
        self.start_held()
        os.kill(self.nginx, signal.SIGKILL)
        self.applied()
        self.assertNotEqual(self.agent.units()[self.node, "nginx"], self.nginx)
        url = "rtmp://127.0.0.1:%s/%s/%s_src" % (self.ports["rtmp"], JOB, JOB)
        self.assertEqual(push(shared["film"], url).wait(40), 0)

    def test_nginx_dies_while_a_job_stops(self):
        self.send()
        self.applied()
        self.hold()
        self.send_stop()
        wait_for(lambda: sighup_waits(self.nginx), 20, "SIGHUP")
        os.kill(self.nginx, signal.SIGKILL)
        self.applied()
        self.assertEqual(self.status()["state"], "stopped")

    def test_next_agent_waits_too(self):
        """What was not taken over when the agent died is not taken for served by the next."""
        self.start_held()
        self.agent.kill()
        self.agent.start()
        told = wait_for(lambda: self.known(), 20, "the job is known")
        self.assertEqual(told["state"], "starting")
        self.let_go()
        self.applied()
        self.assertEqual(self.status()["state"], "running")

    def known(self):
        try:
            return self.status()
        except Failed:
            return None


if __name__ == "__main__":
    unittest.main(verbosity=2)
