"""Keeps the page's state: asks every node once a second, and says how old what it shows is."""
import threading
import time
import urllib.error

import network
import report

ASK_S = 3  # a node that has not answered by then shows what it said last, with its age


class Watcher(threading.Thread):
    """`nodes`: [(node id, role, agent)]; `document`: the file that names them and the job, which nodes are asked by."""

    def __init__(self, net, shown, job, master, nodes, document):
        super().__init__(daemon=True)
        self.net, self.shown, self.job, self.master, self.document = net, shown, job, master, document
        self.agents = {node_id: agent for node_id, _, agent in nodes}
        self.rows = {node_id: {"id": node_id, "role": role, "state": "asked", "units": [], "seen": time.time()}
                     for node_id, role, _ in nodes}
        self.speeds = {}  # node id -> the transcoder's last
        self.relay_restarts = 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            try:
                self.look()
            except (network.DemoError, OSError, ValueError, KeyError) as e:
                self.shown.update(note=str(e))
            self.ended.wait(1.0)

    def end(self):
        self.ended.set()
        self.join()

    def look(self):
        answer = self.net.vcli("pipeline", "status", str(self.document), "--timeout", f"{ASK_S}s", check=False) or {}
        said = (answer.get("error") or {}).get("message")
        for node in answer.get("nodes", []):
            self.take(self.rows[node["node_id"]], node)
        for node_id, row in self.rows.items():
            if self.net.has_ended(self.agents[node_id]):
                row.update(state="dead", why=f"{self.agents[node_id]} has ended")
        self.shown.update(nodes=list(self.rows.values()), note=said or "")
        self.look_at_playlists()

    def take(self, row, node):
        """A node's answer, or that it has given none."""
        failure = node.get("error")
        if failure:
            row.update(state="failed", why=failure.get("message", ""))
            return
        units = node.get("units", [])
        row.update(state=node["state"], why=node.get("trouble", ""), seen=time.time(), units=[
            {"name": u["name"].removeprefix(self.job + "-"), "state": u["state"], "speed": u.get("speed"), "frames": u.get("frames"),
             "restarts": u.get("restarts"), "why": u.get("last_exit", "") if u["state"] == "failing" else ""} for u in units])
        for unit in units:
            if row["role"] == "transcoder" and float(unit.get("speed") or 0) > 0:
                self.speeds[row["id"]] = float(unit["speed"])
            if unit["name"] == f"{self.job}-relay":
                self.relay_restarts = max(self.relay_restarts, int(unit.get("restarts") or 0))

    def look_at_playlists(self):
        try:
            renditions = []
            for rendition, (url, bandwidth, resolution) in report.master_variants(self.master).items():
                segments, _, _ = report.media_playlist(url)
                renditions.append({"rendition": rendition, "resolution": resolution, "segments": len(segments),
                                   "bitrate_bps": bandwidth})
            self.shown.update(renditions=renditions)
            if renditions and all(r["segments"] for r in renditions):
                self.shown.update(master=self.master)
        except (urllib.error.URLError, OSError):
            pass  # no playlist yet
