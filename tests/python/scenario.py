"""What the programs share: the cluster they're in front of, and how the test says what to do."""

import os
import sys

MODULE = os.environ["MODULE"]
PIN = os.environ["PIN"]
TOKEN = os.environ["TOKEN"]


def play(scenarios):
    """Plays the function that the first argument names."""
    named = {scenario.__name__: scenario for scenario in scenarios}
    named[sys.argv[1]]()


def refused(error, call, *arguments, **named):
    """Asserts that a call raises this error."""
    try:
        call(*arguments, **named)
    except error as raised:
        return raised
    raise AssertionError(f"{call} should have raised {error}")
