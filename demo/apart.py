"""Programs that the terminal's Ctrl-C does not reach: what it ends is for the demo to say."""
import signal
import subprocess

AGAIN = 3


def run(argv, **how):
    """subprocess.run() in a session of its own. Ctrl-C that comes between its fork and that session ends a program before its
    first instruction: it is run again."""
    for _ in range(AGAIN):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, start_new_session=True, **how)
        if done.returncode != -signal.SIGINT:
            break
    return done
