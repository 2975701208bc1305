"""A pipeline without a broker: commands, results and status over Whisper, each agent a Whisper node of its own, through a
bad network: packets lost, all cut off for a while, the node they met through killed, an agent killed.

The loss is the kernel's, in a network namespace of our own: only packets between Whisper nodes are dropped, so that what is
seen is the bus and not the media.
"""
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
from network import JOB, figure, wait_for  # noqa: E402

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
INSIDE = "DSN_INSIDE_NAMESPACE"
LOSS = 0.3


def cannot_drop():
    """Why packets cannot be dropped here, or None."""
    for tool in ("unshare", "ip", "iptables"):
        if not shutil.which(tool, path=PATH):
            return f"{tool} is not installed"
    if os.geteuid() != 0:
        return "a network namespace of our own wants root"
    tried = subprocess.run(["unshare", "--net", "iptables", "-A", "INPUT", "-m", "statistic", "--mode", "random", "--probability",
                            "0.3", "-j", "DROP"], env={**os.environ, "PATH": PATH}, capture_output=True, text=True, timeout=30)
    return f"packets cannot be dropped here: {tried.stderr.strip()}" if tried.returncode else None


class WhisperPipeline(network.TestCase):
    over_whisper = True

    def drop(self, net, share):
        """Of the packets from or to a Whisper node; 0: none."""
        iptables = ["iptables", "-w"]
        env = {**os.environ, "PATH": PATH}
        subprocess.run([*iptables, "-F", "INPUT"], check=True, env=env, timeout=30)
        if not share:
            return
        ports = ",".join(map(str, net.whisper_ports()))
        chance = [] if share == 1 else ["-m", "statistic", "--mode", "random", "--probability", str(share)]
        for protocol in ("tcp", "udp"):
            subprocess.run([*iptables, "-A", "INPUT", "-i", "lo", "-p", protocol, "-m", "multiport", "--ports", ports, *chance, "-j",
                            "DROP"], check=True, env=env, timeout=30)

    def dropping(self):
        if not os.environ.get(INSIDE):
            self.skipTest(cannot_drop() or "run by hand: start the file, not the module")

    def check_applied_once(self, net, answer):
        self.assertEqual({node["state"] for node in answer["nodes"]}, {"applied"}, answer)
        for key in net.ids:
            applied = [line for line in net.agent_of[key].log_lines("command.applied", what="pipeline-start")
                       if f"to={net.ids[key]}" in line]
            running = [d for d in net.decisions(key, "job.running") if d["why"].startswith(JOB + ":")]
            self.assertEqual((len(applied), len(running)), (1, 1), key)

    def stream(self, net, segments=3):
        push = net.push(self.film())
        net.wait_segments(segments)
        net.end_push(push)
        net.end_job()
        self.assertEqual(net.lost(), {v: [] for v in net.variants()})
        self.same_cuts(net)

    def started(self, process, seconds=120):
        out, said = process.communicate(timeout=seconds)
        self.assertEqual(process.returncode, 0, out + said)
        return json.loads(out)

    def test_whole(self):
        """As over a broker: start, stream, stop; no segment is lost, a stranger's order is refused."""
        net = self.network(transcoders=2)
        began = time.monotonic()
        answer = net.start_job()
        figure(f"pipeline start of {len(net.ids)} nodes over Whisper: {(time.monotonic() - began) * 1000:.0f} ms")
        self.check_applied_once(net, answer)
        self.stream(net)
        stranger = dict(net.environment, XDG_STATE_HOME=str(net.folder / "stranger"))
        done = subprocess.run([*net.vcli_argv("node", "purge", net.ids["s"]), "--json"], env=stranger, capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("obeys its owners only", done.stdout)
        self.assertEqual(net.node_status("s")["state"], "running")

    def test_loss(self):
        """A third of all packets between Whisper nodes is lost, all the time."""
        self.dropping()
        net = self.network(transcoders=2)
        self.drop(net, LOSS)
        self.addCleanup(self.drop, net, 0)
        began = time.monotonic()
        answer = self.started(net.vcli_start("pipeline", "start", str(net.document()), "--timeout", "90s", "--json"))
        taken = time.monotonic() - began
        push = net.push(self.film())
        net.wait_segments(3)
        net.end_push(push)
        net.end_job()
        self.drop(net, 0)  # what is looked at is not what is tested
        self.check_applied_once(net, answer)
        self.assertEqual(net.lost(), {v: [] for v in net.variants()})
        figure(f"{LOSS:.0%} of packets lost: pipeline start of {len(net.ids)} nodes in {taken:.1f} s, applied once each, segments "
               "lost 0")

    def test_parted(self):
        """Nobody reaches anybody for a while, as the commands go out."""
        self.dropping()
        net = self.network(transcoders=2)
        self.addCleanup(self.drop, net, 0)
        process = net.vcli_start("pipeline", "start", str(net.document()), "--timeout", "90s", "--json")
        wait_for("the job's file, which is written before anything is sent",
                 lambda: (net.folder / "user" / "dsn" / "jobs" / f"{JOB}.json").exists())
        self.drop(net, 1)
        time.sleep(8)  # the fault itself
        self.drop(net, 0)
        began = time.monotonic()
        answer = self.started(process)
        figure(f"parted for 8 s during the start: all {len(net.ids)} nodes applied {time.monotonic() - began:.1f} s after it healed")
        self.check_applied_once(net, answer)
        self.stream(net)

    def test_meeting_point_killed(self):
        """The node through which all have met dies during the start and comes back."""
        net = self.network(transcoders=2)
        process = net.vcli_start("pipeline", "start", str(net.document()), "--timeout", "90s", "--json")
        wait_for("the job's file", lambda: (net.folder / "user" / "dsn" / "jobs" / f"{JOB}.json").exists())
        net.whisper.kill()
        began = time.monotonic()
        net.whisper.start()
        answer = self.started(process)
        figure(f"the Whisper node all met through killed during the start: all {len(net.ids)} nodes applied "
               f"{time.monotonic() - began:.1f} s after its restart began")
        self.check_applied_once(net, answer)
        self.stream(net)

    def test_agent_killed(self):
        """An agent dies by SIGKILL with its command on the way, and the next one takes it up: once."""
        net = self.network(transcoders=2)
        agent = net.agent_of["t1"]
        network.signal_all([agent.process.pid], 19)  # SIGSTOP: it has not taken the command yet
        process = net.vcli_start("pipeline", "start", str(net.document()), "--timeout", "90s", "--json")
        wait_for("the others", lambda: len(net.units(keys=["d", "s", "t2"])) >= 7, 40)
        agent.kill()
        agent.start()
        answer = self.started(process)
        self.check_applied_once(net, answer)
        self.stream(net)


if __name__ == "__main__":
    if not os.environ.get(INSIDE) and cannot_drop() is None:
        os.environ[INSIDE] = "1"
        os.environ["PATH"] = PATH
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    if os.environ.get(INSIDE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=30)
    network.main()
