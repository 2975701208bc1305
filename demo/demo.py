#!/usr/bin/env python3
"""make demo: a whole video network on this machine, for real.

A RabbitMQ of its own (or Whisper instead), two agents with six nodes (a distributor, four transcoders, a storage), a film going in, adaptive
HLS coming out; on a chain of its own (anvil) a job with escrow, from which the nodes are paid for what they delivered.
Everything it does it does with vcli, as an operator would.
"""
import argparse
import json
import pathlib
import signal
import subprocess
import sys
import threading
import time
import urllib.error

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import money  # noqa: E402
import network  # noqa: E402
import page  # noqa: E402
import report  # noqa: E402
import source  # noqa: E402

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
JOB = "demo0001"
FRAGMENT = 4  # seconds
ROLES = [  # (role, agent)
    ("distributor", "agent-1"),
    ("transcoder", "agent-1"),
    ("transcoder", "agent-2"),
    ("transcoder", "agent-2"),
    ("transcoder", "agent-2"),
    ("storage", "agent-1"),
]
BUSES = {"amqp": "starting RabbitMQ on a private port",
         "whisper": "starting a Whisper node on a private port: the agents and vcli meet there, no broker"}
STEPS = [(2 / 3, 900_000), (1 / 2, 600_000), (3 / 8, 400_000), (1 / 4, 200_000)]  # of the source's size; bits per second

started = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


class Stopped(Exception):
    """Ctrl-C or a polite kill."""


def on_signal(signum, _):
    raise Stopped(signal.Signals(signum).name)


def ladder(width, height):
    """One rendition a transcoder: the source's shape, never larger than it, and small enough for two cores."""
    scale = min(1.0, 1280 / max(width, height))
    sizes = [(max(16, 2 * round(width * scale * step / 2)), max(16, 2 * round(height * scale * step / 2)), bps) for step, bps in STEPS]
    return [(f"_{min(w, h)}p", w, h, bps) for w, h, bps in sizes]


def pipeline_document(chosen, statuses, width, height, bitrate):
    """The customer's order: a public API 1.00 document with ports, since all nodes share one address."""
    nodes = []
    for node_id, role, _ in sorted(chosen, key=lambda n: ("distributor", "storage", "transcoder").index(n[1])):
        node = {"type": role, "node_id": node_id, "ip": "127.0.0.1", "port": str(statuses[node_id]["ports"]["rtmp"])}
        if role == "storage":
            node["http_port"] = str(statuses[node_id]["ports"]["http"])
        nodes.append(node)
    return {
        "_comments": "made by make demo",
        "apiVersion": "1.00",
        "typeApi": "public",
        "command": "pipeline",
        "subcommand": "start",
        "pipeline": {
            "type_source": "file",
            "job_id": JOB,
            "number_of_streams": str(len(STEPS)),
            "source": {"resolution_name": "_src", "resolution": f"{width}x{height}", "bitrate": str(bitrate)},
            "transcoding": [{"resolution_name": name, "resolution": f"{w}x{h}", "bitrate": str(bps)} for name, w, h, bps in ladder(width, height)],
            "nodes": nodes,
            "output": {"fragment": str(FRAGMENT), "preset": "veryfast"},
        },
    }


class Watcher(threading.Thread):
    """Asks every node for its status once a second and keeps the page's state."""

    def __init__(self, net, shown, master):
        super().__init__(daemon=True)
        self.net, self.shown, self.master = net, shown, master
        self.speeds = {}
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            try:
                self.look()
            except (network.DemoError, OSError, ValueError, KeyError) as e:
                self.shown.update(note=str(e))
            self.ended.wait(1.0)

    def look(self):
        answer = self.net.vcli("pipeline", "status", JOB, check=False) or {}
        nodes = []
        for node in answer.get("nodes", []):
            units = node.get("units", [])
            nodes.append({"id": node["node_id"], "role": node["role"], "state": node["state"], "units": [
                {"name": u["name"].removeprefix(JOB + "-"), "state": u["state"], "speed": u.get("speed"), "frames": u.get("frames"),
                 "restarts": u.get("restarts")} for u in units]})
            if node["role"] == "transcoder":
                for unit in units:
                    if float(unit.get("speed") or 0) > 0:
                        self.speeds[node["node_id"]] = float(unit["speed"])
        self.shown.update(nodes=nodes)
        try:
            base = self.master.rsplit("/", 1)[0] + "/"
            renditions = []
            for uri, bandwidth, resolution in report.master_variants(self.master):
                segments, _, _ = report.media_playlist(base + uri)
                renditions.append({"rendition": uri.split("/")[0], "resolution": resolution, "segments": len(segments),
                                   "bitrate_bps": bandwidth})
            self.shown.update(renditions=renditions)
            if renditions and all(r["segments"] for r in renditions):
                self.shown.update(master=self.master)
        except (urllib.error.URLError, OSError):
            pass  # no playlist yet


def create(net, role, node_id):
    """True when the node exists; False while its agent is still on its way to the broker."""
    net.agents_alive()
    answer = net.vcli("node", "create", role, node_id, "--timeout", "30s", check=False) or {}
    if (answer.get("error") or {}).get("code") == "not-found":
        return False
    if "ports" not in answer:
        raise network.DemoError(f"vcli node create {role} {node_id}: {answer}")
    return True


def start_payment(net):
    program = money.anvil_program(REPOSITORY)
    if not program:
        say("no payment: anvil is missing (scripts/setup contracts installs it with npm); the stream goes on without")
        return
    net.payment = money.Payment(net, program, say)
    net.payment.start()
    say(f"chain: anvil at {net.payment.url}; contracts, people and payment beside the stream")


def show_payment(net, rows, master, nodes, names):
    """Problems found."""
    net.payment.delivered(money.delivered(master, rows, nodes, names))
    found = net.payment.result()
    if net.payment.after:
        print()
        print(net.payment.table(), flush=True)
        print()
    return found


def bring_up(net, options):
    """[(node id, role, agent)] and {node id: its status}."""
    say(BUSES[options.bus])
    net.start_bus(options.bus)
    say(f"bus: {net.bus}")
    start_payment(net)
    nodes = [(net.new_id(agent), role, agent) for role, agent in ROLES]
    for agent in ("agent-1", "agent-2"):
        ids = [node_id for node_id, _, where in nodes if where == agent]
        net.start_agent(agent, ids, 64)
        say(f"{agent} serves {len(ids)} nodes")
    statuses = {}
    for node_id, role, agent in nodes:
        network.wait_until(lambda: create(net, role, node_id), 30, f"{agent} did not claim node {node_id}")
        statuses[node_id] = net.vcli("node", "status", node_id)
        say(f"{role:<12} {node_id[:8]} on {agent}: RTMP port {statuses[node_id]['ports']['rtmp']}")
    net.agents_alive()
    return nodes, statuses


def run(net, options, shown):
    film = pathlib.Path(options.input) if options.input else net.folder / "film.mp4"
    if options.input:
        if not film.exists():
            raise network.DemoError(f"{film}: no such file")
        width, height, bitrate = source.measure(film)
    else:
        say(f"making a film of {options.seconds} s: moving picture, clock, sound")
        source.make(film, options.seconds)
        width, height, bitrate = source.WIDTH, source.HEIGHT, source.BITRATE

    nodes, statuses = bring_up(net, options)
    document = net.folder / "pipeline.json"
    document.write_text(json.dumps(pipeline_document(nodes, statuses, width, height, bitrate), indent=1) + "\n")
    if net.payment:
        net.payment.served(nodes, document)
    say(f"pipeline start {document}")
    begin = time.monotonic()
    result = net.vcli("pipeline", "start", str(document), "--timeout", "30s")
    for node in result["nodes"]:
        say(f"  {node['role']:<12} {node['node_id'][:8]} {node['state']}")
    say(f"all {len(result['nodes'])} nodes serve after {(time.monotonic() - begin) * 1000:.0f} ms")

    storage = next(node_id for node_id, role, _ in nodes if role == "storage")
    master = f"http://127.0.0.1:{statuses[storage]['ports']['http']}/hls/{JOB}.m3u8"
    shown.update(job=JOB, phase="streaming")
    watcher = Watcher(net, shown, master)
    watcher.start()
    say(f"HLS:  {master}")
    say(f"page: {shown.url}")

    push = net.vcli_start("pipeline", "push", JOB, str(film), *([] if options.once else ["--loop"]))
    say("streaming" + ("" if options.once else "; Ctrl-C ends it"))
    try:
        code = push.wait()
        if code:
            raise network.DemoError(f"vcli pipeline push ended with {code}; its output: {net.folder / 'push.log'}")
        say("the film has been sent; waiting for the end of the stream")
    except Stopped:
        say("ending the stream")
        push.send_signal(signal.SIGINT)
        try:
            push.wait(20)
        except subprocess.TimeoutExpired:
            say("vcli pipeline push does not end by itself")  # it is ended with the rest
    shown.update(phase="ending")
    net.vcli("pipeline", "stop", JOB, "--timeout", "60s", timeout=90)
    watcher.ended.set()
    watcher.join()
    shown.update(phase="ended")

    say("looking at what was stored")
    speeds = {}
    transcoders = [node_id for node_id, role, _ in nodes if role == "transcoder"]
    for node_id, (_, w, h, _) in zip(transcoders, ladder(width, height)):
        speeds[f"{w}x{h}"] = watcher.speeds.get(node_id)
    rows = report.inspect(master, speeds)
    print()
    print(report.table(rows), flush=True)
    print()
    found = report.problems(rows)
    if not found:
        say(f"all {sum(row['segments'] for row in rows)} segments decode cleanly, none is missing, every playlist ends with EXT-X-ENDLIST")
    if net.payment:
        found += show_payment(net, rows, master, nodes, [name for name, *_ in ladder(width, height)])
    return found


def main():
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of the programs")
    parser.add_argument("--once", action="store_true", help="send the film once, check, tear down")
    parser.add_argument("--input", help="a film of your own")
    parser.add_argument("--bus", choices=sorted(BUSES), default="amqp", help="what carries the commands")
    parser.add_argument("--seconds", type=int, default=24, help="length of the made film")
    parser.add_argument("--page-port", type=int, default=0, help="port of the page; 0 takes a free one")
    options = parser.parse_args()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, on_signal)

    found = []
    net = shown = None
    try:
        net = network.Network(REPOSITORY, options.bin, network.prepare_folder(REPOSITORY), say)
        shown = page.Page(REPOSITORY / "web", options.page_port)
        (net.folder / "page.url").write_text(shown.url)
        found = run(net, options, shown)
    except network.DemoError as e:
        found = [str(e)]
    except Stopped as e:
        found = [f"ended by {e}"] if options.once else []
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        if net:
            say("tearing down")
            try:
                net.stop()
            except network.DemoError as e:
                found.append(str(e))
        if shown:
            shown.stop()
    for problem in found:
        print(f"demo: {problem}", file=sys.stderr)
    if net:
        say(f"{'FAILED' if found else 'done'}; nothing is left running; what was made is in {net.folder}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
