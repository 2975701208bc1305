"""Ctrl-C and polite kills: they end the stream first, and when they come again, what follows it."""
import contextlib
import os
import signal
import time

import voice

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BOUNCE_S = 1.0  # who presses twice means once


class Stopped(Exception):
    """Ctrl-C or a polite kill."""


class Interrupts:
    """Raises Stopped in the main thread, but never while something is being started that must be remembered to be ended."""

    def __init__(self):
        self.last = float("-inf")
        self.shields = 0
        self.pending = None
        for signum in SIGNALS:
            signal.signal(signum, self._on_signal)

    def _on_signal(self, signum, _):
        bounced = time.monotonic() - self.last < BOUNCE_S
        self.last = time.monotonic()
        if bounced:
            return
        if self.shields:
            self.pending = signum
        else:
            raise Stopped(signal.Signals(signum).name)

    @contextlib.contextmanager
    def shield(self):
        self.shields += 1
        try:
            yield
        finally:
            self.shields -= 1
        if self.pending is not None and not self.shields:
            signum, self.pending = self.pending, None
            raise Stopped(signal.Signals(signum).name)

    @staticmethod
    def ignore():
        for signum in SIGNALS:
            signal.signal(signum, signal.SIG_IGN)


@contextlib.contextmanager
def foreground():
    """Have the terminal's Ctrl-C to ourselves: make would die of it even though the demo ends well. A group of our own in
    the terminal's foreground, as a shell gives one; without a terminal, nothing."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        yield
        return
    before = None
    voice.watch(terminal)
    try:
        if os.tcgetpgrp(terminal) == os.getpgrp() != os.getpid():
            before = os.getpgrp()
            # Nobody waits for a stopped demo: it would hold the terminal.
            signal.signal(signal.SIGTSTP, signal.SIG_IGN)
            os.setpgid(0, 0)
            _give(terminal, os.getpid())
        yield
    finally:
        if before is not None:
            with contextlib.suppress(OSError):
                _give(terminal, before)
        os.close(terminal)


def _give(terminal, group):
    """Who is not in the foreground may do that only while SIGTTOU is held back."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(terminal, group)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})
