"""One drill after the other on one network: a part of it dies while a film is sent, and what is missing afterwards is counted from what the
storages hold, picture by picture."""
import concurrent.futures
import json
import re
import time

import drill
import network
import numbered
import viewer

RUNGS = [("_120p", 214, 120, 200_000), ("_90p", 160, 90, 120_000)]
RENDITIONS = ("_src", *(name for name, *_ in RUNGS))
# Each on a machine of its own: enough for every order and for one more death.
MACHINES = [(role, f"agent-{role[0]}{n + 1}") for role, count in (("distributor", 2), ("transcoder", 5), ("storage", 3)) for n in range(count)]
PORTS = 12
# kind: (what dies, roles that have a standby)
KINDS = {
    "transcoder": ("transcoder", ()),
    "transcoder-standby": ("transcoder", ("transcoder", "storage")),
    "distributor": ("distributor", ()),
    "storage": ("storage", ()),
    "storage-standby": ("storage", ("storage",)),
    "broker": ("broker", ()),
    "dsnd": ("dsnd", ()),
}
WATCHES_S = 16  # a dsnd that has just come declares nobody lost
BEFORE_S, AFTER_S, LIMIT_S = 8, 8, 90
FILM_S = 180
SHORT = 2  # pictures that may stand on the other side of a cut


class Lab:
    """A network with a machine for each node, and a film. `say`: as the demo's."""

    def __init__(self, net, bus, fragment, say):
        self.net, self.bus, self.fragment, self.say = net, bus, fragment, say
        self.runs, self.watching_since = 0, 0.0
        self.film = numbered.make(net.folder / "film.mp4", FILM_S)

    def up(self):
        self.net.start_bus(self.bus)
        self.start_dsnd()
        self.nodes = [(self.net.new_id(agent), role, agent) for role, agent in MACHINES]
        for node_id, _, agent in self.nodes:
            self.net.start_agent(agent, [node_id], PORTS)
        for node_id, role, agent in self.nodes:
            network.wait_until(lambda: self.create(role, node_id), 60, f"{agent} did not claim node {node_id}")

    def start_dsnd(self):
        self.net.start_dsnd()
        self.watching_since = time.monotonic()

    def create(self, role, node_id):
        answer = self.net.vcli("node", "create", role, node_id, "--timeout", "30s", check=False) or {}
        return "ports" in answer

    def agent_of(self, node_id):
        return next(agent for known, _, agent in self.nodes if known == node_id)

    # one drill

    def run(self, kind, watched):
        """What came of it: a dictionary."""
        what, standby = KINDS[kind]
        self.runs += 1
        job, play = self.order(standby)
        push = self.push(job)
        watching = None
        try:
            network.wait_until(lambda: self.stored(job), 60, "no rendition has a segment")
            watching = viewer.Viewer(play) if watched else None
            begun = time.monotonic()
            network.wait_until(lambda: time.monotonic() > max(begun + BEFORE_S, self.watching_since + WATCHES_S), 60, "time to pass")
            before = self.placed(job)
            if watching:
                watching.begin()
            answer, replaced_s = self.kill(what, job, before)
            time.sleep(AFTER_S)
            seen = watching.seen() if watching else None
        finally:
            if watching:
                watching.close()
            push_ended = push.poll()
            if push_ended is None:
                push.terminate()
            push.wait(30)
        self.net.killed(answer["killed"])
        drill.bring_back(self.net, what) if what != "dsnd" else self.start_dsnd()
        self.revive(answer["killed"])
        self.finish(job)  # over Whisper, an end waits until everybody has heard of it
        counted = self.count(job, dead=answer["killed"] if "storage" in standby else None)
        return {"kind": kind, "bus": self.bus, "fragment_s": self.fragment, "killed": answer["killed"], "processes": answer["processes"],
                "back": all(row["back"] for row in answer["renditions"]), "wait_s": max(row["wait_ms"] for row in answer["renditions"]) / 1000,
                "replaced_s": replaced_s, "push_ended": push_ended, "viewer": seen, **counted}

    def push(self, job):
        """It may end by itself, and is not the network's then."""
        started = self.net.order_start("push", job, str(self.film))
        self.net.processes = [(name, process) for name, process in self.net.processes if process is not started]
        return started

    def order(self, standby):
        document = self.net.folder / "order.json"
        document.write_text(json.dumps({
            "apiVersion": "1.00", "typeApi": "public", "command": "pipeline", "subcommand": "start",
            "pipeline": {
                "type_source": "file", "number_of_streams": str(len(RUNGS)),
                "source": {"resolution_name": "_src", "resolution": f"{numbered.WIDTH}x{numbered.HEIGHT}", "bitrate": "500000"},
                "transcoding": [{"resolution_name": name, "resolution": f"{w}x{h}", "bitrate": str(bps)} for name, w, h, bps in RUNGS],
                "output": {"fragment": str(self.fragment), "preset": "ultrafast"},
                **({"redundancy": {role: "standby" for role in standby}} if standby else {})}}))

        def made():
            answer = self.net.order("create", str(document), "--yes", "--once", f"drill-{self.runs}", "--timeout", "30s", check=False) or {}
            if "job" not in answer and (answer.get("error") or {}).get("code") not in ("unavailable", "timeout"):
                raise network.DemoError(f"vcli order create: {answer}")
            return answer if "job" in answer else None

        answer = network.wait_until(made, 90, "no order")
        return answer["job"], answer["play"]

    def placed(self, job):
        """{role: node ids}, those first that others stand in for."""
        nodes = self.net.order("status", job)["document"]["pipeline"]["nodes"]
        return {role: [n["node_id"] for n in nodes if n["type"] == role] for role in ("distributor", "transcoder", "storage")}

    def kill(self, what, job, placed):
        """(vcli's answer, seconds until dsnd has given the place to another node)"""
        if what in placed:
            victim = self.agent_of(placed[what][0])
            drill.write_list(self.net, [node for node in self.nodes if node[2] == victim])
            process = next(p for name, p in self.net.processes if name == victim)
        else:
            drill.write_list(self.net, self.nodes)
            process = None
        log = self.net.folder / "dsnd.log"
        at = log.stat().st_size
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            killing = pool.submit(self.net.vcli, "drill", "kill", what, "--job", job, "--demo", str(self.net.folder), *self.net.ordering(),
                                  "--timeout", f"{LIMIT_S}s", timeout=LIMIT_S + 30, check=False)
            replaced_s = self.time_replacement(killing, process, log, at, job) if process else None
            answer = killing.result()
        if "renditions" not in (answer or {}):
            raise network.DemoError(f"vcli drill kill {what}: {answer}")
        return answer, replaced_s

    @staticmethod
    def time_replacement(killing, process, log, at, job):
        while process.poll() is None and not killing.done():
            time.sleep(0.005)
        gone = time.monotonic()
        while not killing.done():
            with open(log, "rb") as f:
                f.seek(at)
                if re.search(rf"jobs\.replaced .*job={job}".encode(), f.read()):
                    return round(time.monotonic() - gone, 2)
            time.sleep(0.01)
        return None

    def finish(self, job):
        def ended():
            answer = self.net.order("stop", job, "--timeout", "30s", check=False) or {}
            return answer.get("state") == "stopped"

        network.wait_until(ended, 60, f"job {job} does not stop")

    def revive(self, name):
        """A machine that was killed comes back, for the next drill."""
        nodes = [node_id for node_id, _, agent in self.nodes if agent == name]
        if nodes:
            self.net.start_agent(name, nodes, PORTS)
        network.wait_until(self.whole, 60, "not all nodes are there again")

    def whole(self):
        listed = self.net.vcli("node", "list", check=False) or {}
        return len([n for n in listed.get("nodes", []) if not n.get("error")]) >= len(self.nodes)

    # what is there afterwards

    def folders(self, job, rendition, dead=None):
        for node_id, role, agent in self.nodes:
            folder = self.net.folder / agent / "nodes" / node_id / "data" / "hls" / f"{job}{rendition}"
            if role == "storage" and agent != dead and folder.is_dir():
                yield folder

    def stored(self, job):
        return all(any(any(folder.glob("*.ts")) for folder in self.folders(job, rendition)) for rendition in RENDITIONS)

    def shown(self, job, rendition, dead):
        """{number of a segment: the source's pictures in the best copy of it}"""
        best = {}
        files = [path for folder in self.folders(job, rendition, dead) for path in folder.glob("*.ts")]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for path, pictures in zip(files, pool.map(numbered.read, files)):
                number = int(path.stem)
                if len(set(pictures)) > len(best.get(number, ())):
                    best[number] = set(pictures)
        return best

    def count(self, job, dead):
        """What each rendition lacks: fragments that are not there or not whole, against the source's pictures that any rendition has of
        them; and of the source's pictures between the first and the last one, how many seconds. The very last fragment ends with the
        stream."""
        shown = {rendition: self.shown(job, rendition, dead) for rendition in RENDITIONS}
        numbers = sorted(set().union(*shown.values()))
        if not numbers:
            raise network.DemoError(f"job {job}: nothing was stored")
        whole = {n: set().union(*(s.get(n, set()) for s in shown.values())) for n in numbers[:-1]}
        begins = max(min(s) for s in shown.values() if s)  # renditions that join late lack what nobody missed
        missing = {r: sum(n >= begins and len(w - s.get(n, set())) > SHORT for n, w in whole.items()) for r, s in shown.items()}
        every = set().union(*whole.values())
        lost = len(set(range(min(every), max(every) + 1)) - every)
        return {"missing": missing, "fragments": len(whole), "source_lost_s": round(lost / numbered.FPS, 2)}
