"""`python -m tests.fuzz --seed 1 --count 100000`: a long campaign. `--only 4711` reads one mail of it again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.fuzz.campaign import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Read mutated mails.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--only", type=int, help="the number of the one mail to read")
    given = parser.parse_args()
    numbers = range(given.count) if given.only is None else [given.only]
    report = run(given.seed, numbers, Path(mkdtemp(prefix="fuzz-")))
    sys.stdout.write(f"{report}\n")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
