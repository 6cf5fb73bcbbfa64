"""How a program that runs until it is told is told."""

import signal
import subprocess


def end(process, patience_seconds):
    """Asks it to end; one that cannot deliver may take minutes to believe it."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
