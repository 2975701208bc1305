"""What every end-to-end test does: wait for a condition with a deadline, and tell a figure."""
import time


def figure(text):
    print(f"figure: {text}", flush=True)


def wait_for(what, condition, seconds=20, why=None):
    """Poll until `condition()` is true and return its value. `why()` tells more when it is not."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s{'; ' + str(why()) if why else ''}")
        time.sleep(0.02)
