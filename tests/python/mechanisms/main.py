"""Compares one part of the mechanisms with a second implementation: main.py PART.

The environment names the module (MODULE), a PIN (PIN), the rows of the mechanism table as JSON (MECHANISMS), and, to
repeat a run, the seed of its random inputs (SEED); RSA keys are new in every run. Says the seed, and last what was
compared."""

import importlib
import json
import os
import random
import secrets
import sys

from session import Session


def main():
    part = sys.argv[1]
    seed = int(os.environ.get("SEED") or secrets.randbits(32))
    print(f"{part}: SEED={seed}", flush=True)
    rows = json.loads(os.environ["MECHANISMS"])
    session = Session(os.environ["MODULE"], os.environ["PIN"].encode(), rows, random.Random(seed))
    importlib.import_module(part).compare(session)
    for name, purpose in sorted(session.compared):
        print(f"compared {name} {purpose}")
    session.global_call("C_Finalize", None)


main()
