"""What the demo says, as long as somebody reads it: a terminal that is closed, or a pipe whose reader has left, ends the demo as
a kill with SIGHUP does, and does not keep it from tearing down."""
import os
import select
import signal
import sys
import threading
import time

LOOK_MS = 500
started = time.monotonic()


def say(text):
    out(f"[{time.monotonic() - started:6.1f} s] {text}")


def out(text, file=None):
    try:
        print(text, file=file or sys.stdout, flush=True)
    except OSError:
        nobody_reads()


def nobody_reads():
    """What is said from now on goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    os.kill(os.getpid(), signal.SIGHUP)


def _watch(terminal):
    poll = select.poll()
    poll.register(terminal, 0)
    while not poll.poll(LOOK_MS):
        pass
    nobody_reads()


def watch(terminal):
    """Where make leads the terminal's session it gets the hangup, and waits for us to end. `terminal`: a descriptor of it."""
    threading.Thread(target=_watch, args=(os.dup(terminal),), daemon=True).start()
