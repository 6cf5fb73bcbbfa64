"""Waiting: always for a condition, always with a deadline, never for a while."""

import time


class Late(Exception):
    """A condition did not come true before its deadline."""


def until(what, condition, seconds, every_seconds=0.02):
    """Polls `condition` until it returns something true, and returns that.

    `what` completes the sentence "... did not happen within N s".
    """
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Late(f"{what} did not happen within {seconds} s")
        time.sleep(every_seconds)


def random_moment(dice, seconds_max):
    """Lets a random time pass: what is tried next must hold at any moment, and none can be waited for."""
    time.sleep(dice.uniform(0, seconds_max))
