#!/usr/bin/env python3
"""make demo: a whole video network on this machine, for real.

A RabbitMQ of its own (or Whisper instead), dsnd, two agents with six nodes (a distributor, four transcoders, a storage), a stream ordered
from dsnd, a film going in, adaptive HLS coming out; on a chain of its own (anvil) a job with escrow, from which the nodes are paid for what they delivered.
Everything it does it does with vcli, as an operator would.
"""
import argparse
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import drill  # noqa: E402
import money  # noqa: E402
import network  # noqa: E402
import page  # noqa: E402
import picture  # noqa: E402
import report  # noqa: E402
import source  # noqa: E402
from interrupt import Interrupts, Stopped, foreground  # noqa: E402
from voice import out, say  # noqa: E402
from watcher import Watcher  # noqa: E402

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
FRAGMENT = 4  # seconds
ROLES = [  # (role, agent)
    ("distributor", "agent-1"),
    ("transcoder", "agent-1"),
    ("transcoder", "agent-2"),
    ("transcoder", "agent-2"),
    ("transcoder", "agent-2"),
    ("storage", "agent-1"),
]
DRILL_ROLES = [  # each on a machine that may die, and others in its place
    ("distributor", "agent-1"),
    ("transcoder", "agent-2"),
    ("transcoder", "agent-2"),
    ("transcoder", "agent-3"),
    ("transcoder", "agent-3"),
    ("transcoder", "agent-4"),
    ("transcoder", "agent-4"),
    ("storage", "agent-5"),
    ("storage", "agent-6"),
]
BUSES = {"amqp": "starting RabbitMQ on a private port",
         "whisper": "starting a Whisper node on a private port: the agents and vcli meet there, no broker"}
STEPS = [(2 / 3, 900_000), (1 / 2, 600_000), (3 / 8, 400_000), (1 / 4, 200_000)]  # of the source's size; bits per second


def ladder(width, height):
    """One rendition a transcoder: the source's shape, never larger than it, and small enough for two cores."""
    scale = min(1.0, 1280 / max(width, height))
    rungs, names = [], set()
    for step, bps in STEPS:
        w, h = (max(16, 2 * round(side * scale * step / 2)) for side in (width, height))
        name = f"_{min(w, h)}p"
        while name in names:  # a small film's
            name += "x"
        names.add(name)
        rungs.append((name, w, h, bps))
    return rungs


def order_document(film, standby):
    """The customer's order: a public API 1.00 document without nodes, which dsnd picks. `standby`: with a second storage."""
    return {
        "_comments": "made by make demo",
        "apiVersion": "1.00",
        "typeApi": "public",
        "command": "pipeline",
        "subcommand": "start",
        "pipeline": {
            "type_source": "file",
            "number_of_streams": str(len(STEPS)),
            "source": {"resolution_name": "_src", "resolution": f"{film.width}x{film.height}",
                       "bitrate": str(film.bitrate_bps)},
            "transcoding": [{"resolution_name": name, "resolution": f"{w}x{h}", "bitrate": str(bps)}
                            for name, w, h, bps in ladder(film.width, film.height)],
            "output": {"fragment": str(FRAGMENT), "preset": "veryfast"},
            **({"redundancy": {"storage": "standby"}} if standby else {}),
        },
    }


def create(net, role, node_id):
    """Its RTMP port when the node exists; None while its agent is still on its way to the broker."""
    net.agents_alive()
    answer = net.vcli("node", "create", role, node_id, "--timeout", "30s", check=False) or {}
    if (answer.get("error") or {}).get("code") == "not-found":
        return None
    if "ports" not in answer:
        raise network.DemoError(f"vcli node create {role} {node_id}: {answer}")
    return answer["ports"]["rtmp"]


def start_payment(net):
    program = money.anvil_program(REPOSITORY)
    if not program:
        say("no payment: anvil is missing (scripts/setup contracts installs it with npm); the stream goes on without")
        return
    net.payment = money.Payment(net, program, say)
    net.payment.start()
    say(f"chain: anvil at {net.payment.url}; contracts, people and payment beside the stream")


def show_payment(net, rows, nodes, names):
    """Problems found."""
    net.payment.delivered(money.delivered(picture.sound_rows(rows), nodes, names))
    found = net.payment.result()
    if net.payment.after:
        out(f"\n{net.payment.table()}\n")
    return found


def bring_up(net, options):
    """[(node id, role, agent)]"""
    say(BUSES[options.bus])
    net.start_bus(options.bus)
    say(f"bus: {net.bus}")
    net.start_dsnd()
    say(f"dsnd: {net.dsnd}, which the nodes obey and the customer orders from")
    if not options.drill:
        start_payment(net)
    nodes = [(net.new_id(agent), role, agent) for role, agent in (DRILL_ROLES if options.drill else ROLES)]
    for agent in sorted({agent for _, _, agent in nodes}):
        ids = [node_id for node_id, _, where in nodes if where == agent]
        net.start_agent(agent, ids, 64)
        say(f"{agent} serves {len(ids)} nodes")
    for node_id, role, agent in nodes:
        port = network.wait_until(lambda: create(net, role, node_id), 30, f"{agent} did not claim node {node_id}")
        say(f"{role:<12} {node_id[:8]} on {agent}: RTMP port {port}")
    net.agents_alive()
    return nodes


def find_film(net, options):
    if not options.input:
        say(f"making a film of {options.seconds} s: moving picture, clock, sound")
        return source.make(net.folder / "film.mp4", options.seconds)
    path = pathlib.Path(options.input)
    if not path.exists():
        raise network.DemoError(f"{path}: no such file")
    return source.measure(path)


def place_order(net, document):
    """The order, once dsnd has heard of enough nodes; None until then."""
    net.agents_alive()
    answer = net.order("create", str(document), "--yes", "--once", "demo", "--timeout", "30s", check=False) or {}
    if (answer.get("error") or {}).get("code") == "unavailable":
        return None
    if "job" not in answer:
        raise network.DemoError(f"vcli order create {document}: {answer}")
    return answer


def chosen(net, job, nodes):
    """The nodes of the order, (node id, role, agent) each, as its document has them: the nth transcoder makes the nth rendition. The
    document, pipeline.json, is written for who pays and who watches."""
    document = net.order("status", job)["document"]
    path = net.folder / "pipeline.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    agents = {node_id: agent for node_id, _, agent in nodes}
    return [(node["node_id"], node["type"], agents[node["node_id"]]) for node in document["pipeline"]["nodes"]], path


def order(net, nodes, film, standby):
    """The order's job, its nodes, the document with them, and its master playlist. All nodes are heard of first: of fewer, one would make
    several renditions."""
    wanted = {node_id for node_id, _, _ in nodes}
    network.wait_until(lambda: net.agents_alive() or wanted <= net.obeying(), 30, "dsnd does not hear of all nodes")
    document = net.folder / "order.json"
    document.write_text(json.dumps(order_document(film, standby), indent=1) + "\n")
    say(f"order create {document}")
    begin = time.monotonic()
    made = network.wait_until(lambda: place_order(net, document), 30, "dsnd does not find nodes that are free")
    took_ms = (time.monotonic() - begin) * 1000
    nodes, pipeline = chosen(net, made["job"], nodes)
    if net.payment:
        net.payment.served(nodes, pipeline)
    say(f"dsnd has picked the nodes of job {made['job']}")
    for node_id, role, _ in nodes:
        say(f"  {role:<12} {node_id[:8]}")
    say(f"all {len(nodes)} nodes serve after {took_ms:.0f} ms")
    return made["job"], nodes, pipeline, made["play"]


def push_film(net, job, film, once):
    """Until it has been sent, or until Ctrl-C."""
    push = net.order_start("push", job, str(film.path), *([] if once else ["--loop"]))
    log = net.folder / "push.log"
    say("streaming" + ("" if once else "; Ctrl-C ends it"))
    try:
        code = push.wait()
        if code == 0:
            say("the film has been sent; waiting for the end of the stream")
    except Stopped as e:
        if once:
            raise
        say(f"ending the stream ({e}); once more, and what was stored is not looked at")
        push.terminate()
        try:
            code = push.wait(20)
        except subprocess.TimeoutExpired:
            raise network.DemoError(f"vcli order push did not end within 20 s; its output: {log}") from None
    if code:
        last = (log.read_text(errors="replace").strip().splitlines() or ["nothing"])[-1]
        raise network.DemoError(f"vcli order push ended with {code} and said: {last}; all of it: {log}")


def look(net, film, master, nodes, watcher):
    """What was stored, as a table; (rows, problems found)."""
    say("looking at what was stored")
    speeds = {}
    transcoders = [node_id for node_id, role, _ in nodes if role == "transcoder"]
    for node_id, (_, w, h, _) in zip(transcoders, ladder(film.width, film.height)):
        speeds[f"{w}x{h}"] = watcher.speeds.get(node_id)
    rows = report.inspect(master, speeds)
    picture.compare(film.path, film.seconds, rows, watcher.relay_restarts)
    out(f"\n{report.table(rows)}\n")
    found = report.problems(rows) + picture.problems(rows)
    if found:
        found = report.too_slow(rows) + found
    else:
        say(f"all {sum(row['segments'] for row in rows)} segments decode cleanly and show the film, none is missing, every playlist ends with "
            "EXT-X-ENDLIST")
    return rows, found


def run_drill(net, film, job, nodes):
    """Problems found."""
    push = net.order_start("push", job, str(film.path), "--loop")
    outcomes, found = drill.run(net, job, nodes, say)
    out(f"\n{drill.table(outcomes)}\n")
    if push.poll() is not None:
        found.append(f"vcli order push ended with {push.returncode}; what it said: {net.folder / 'push.log'}")
    return found


def run(net, options, shown):
    film = find_film(net, options)
    network_nodes = bring_up(net, options)
    job, nodes, document, master = order(net, network_nodes, film, options.drill)
    shown.update(job=job, phase="streaming")
    watcher = Watcher(net, shown, job, master, nodes, document)
    watcher.start()
    say(f"HLS:  {master}")
    say(f"page: {shown.url}")
    try:
        if options.drill:
            return run_drill(net, film, job, network_nodes)
        push_film(net, job, film, options.once)
        shown.update(phase="ending")
        net.order("stop", job, "--timeout", "60s", timeout=90)
        watcher.end()
        shown.update(phase="ended")
        rows, found = look(net, film, master, nodes, watcher)
        if net.payment:
            found += show_payment(net, rows, nodes, [name for name, *_ in ladder(film.width, film.height)])
    except Stopped as e:
        raise network.DemoError(f"ended by {e} before what was stored had been looked at") from None
    finally:
        watcher.end()
    return found


def read_options():
    """make hands its variables over in the environment, where no shell reads them."""
    given = {name: os.environ.get(name, "") for name in ("INPUT", "BUS", "ONCE", "PORT", "DRILL", "DEMO_FLAGS")}
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of the programs")
    parser.add_argument("--once", action="store_true", default=bool(given["ONCE"]), help="send the film once, check, tear down (ONCE=1)")
    parser.add_argument("--drill", action="store_true", default=bool(given["DRILL"]),
                        help="kill dsnd, the broker, a transcoder's and the storage's machine in turn, and measure what viewers miss (DRILL=1)")
    parser.add_argument("--input", default=given["INPUT"], help="a film of your own (INPUT=)")
    parser.add_argument("--bus", choices=sorted(BUSES), default=given["BUS"] or "amqp", help="what carries the commands (BUS=)")
    parser.add_argument("--seconds", type=int, default=24, help="length of the made film")
    parser.add_argument("--page-port", type=int, default=given["PORT"] or 0, help="port of the page; 0 takes a free one (PORT=)")
    try:
        options = parser.parse_args(shlex.split(given["DEMO_FLAGS"]) + sys.argv[1:])
    except ValueError as e:
        parser.error(f"DEMO_FLAGS: {e}")
    if options.bus not in BUSES:
        parser.error(f"BUS={options.bus}: one of {', '.join(sorted(BUSES))}")
    if not 0 <= options.page_port <= 65535:
        parser.error(f"PORT={options.page_port}: a port number is at most 65535")
    return options


def main():
    options = read_options()
    with foreground():
        return demo(options, Interrupts())


def demo(options, interrupts):
    found = []
    net = shown = None
    try:
        with interrupts.shield():
            net = network.Network(REPOSITORY, options.bin, network.prepare_folder(REPOSITORY), say, interrupts.shield)
            shown = page.Page(REPOSITORY / "web", options.page_port)
        (net.folder / "page.url").write_text(shown.url)
        found = run(net, options, shown)
    except network.DemoError as e:
        found = [str(e)]
    except Stopped as e:
        found = [f"ended by {e}"] if options.once else []
    finally:
        interrupts.ignore()
        if net:
            say("tearing down")
            try:
                net.stop()
            except network.DemoError as e:
                found.append(str(e))
        if shown:
            shown.stop()
    for problem in found:
        out(f"demo: {problem}", sys.stderr)
    if net:
        say(f"{'FAILED' if found else 'done'}; nothing is left running; what was made is in {net.folder}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
