"""make demo DRILL=1: parts of the network die one after the other while a stream flows, and what viewers miss is measured (vcli drill)."""
import json
import os
import pathlib

import network

WHAT = ("dsnd", "broker", "transcoder", "storage")  # what viewers should miss nothing of first
LIMIT_S = 120


def start_time(pid):
    """Clock ticks since boot (proc(5)): with the pid, who it is."""
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[19])


def process(pid):
    return {"pid": pid, "start_time": start_time(pid)}


def write_list(net, nodes):
    """What may be killed: this network's own processes. `nodes`: [(node id, role, agent)]."""
    running = {name: started.pid for name, started in net.processes if started.poll() is None}
    listed = {"machines": [{"name": name, "state_dir": str(net.folder / name), **process(pid),
                            "nodes": [node_id for node_id, _, agent in nodes if agent == name]}
                           for name, pid in running.items() if name.startswith("agent-")]}
    if "dsnd" in running:
        listed["dsnd"] = process(running["dsnd"])
    if net.broker_port is not None:
        listed["broker"] = process(net.broker_pid())
    if net.payment and net.payment.anvil:
        listed["chain"] = process(net.payment.anvil.pid)
    path = net.folder / "processes.json"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(json.dumps(listed) + "\n")


def bring_back(net, what):
    """The broker and dsnd, which the next drill needs; a machine stays dead, as it would."""
    if what == "broker":
        net.start_broker()
    elif what == "dsnd":
        net.start_dsnd()


def table(outcomes):
    lines = [("killed", "processes", "rendition", "missing", "longest wait", "back")]
    for answer in outcomes:
        for row in answer["renditions"]:
            lines.append((answer["killed"], str(answer["processes"]), row["rendition"], str(row["missing"]),
                          f"{row['wait_ms'] / 1000:.1f} s", "yes" if row["back"] else "NO"))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(text)


def run(net, job, nodes, say):
    """(outcomes, problems found)"""
    outcomes, found = [], []
    for what in WHAT:
        if what == "broker" and net.broker_port is None:
            continue
        write_list(net, nodes)
        say(f"drill: {what} dies")
        answer = net.vcli("drill", "kill", what, "--job", job, "--demo", str(net.folder), *net.ordering(), "--timeout", f"{LIMIT_S}s",
                          timeout=LIMIT_S + 30, check=False) or {}
        if "renditions" not in answer:
            raise network.DemoError(f"vcli drill kill {what}: {answer}")
        net.killed(answer["killed"])
        outcomes.append(answer)
        gone = [row["rendition"] for row in answer["renditions"] if not row["back"]]
        say(f"drill: {answer['killed']} was killed, {answer['processes']} processes; "
            + (f"{', '.join(gone)} did not come back within {LIMIT_S} s" if gone else "all renditions went on"))
        found += [f"drill: {name} did not come back after the end of {answer['killed']}" for name in gone]
        bring_back(net, what)
    return outcomes, found
