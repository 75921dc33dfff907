"""How many old mails a second the desk takes: `make speed`, or `python -m tests.speed.importing --count 10000`.

The mails are made up: about 3 kB each, three to a conversation, with Received fields, quotes and a signature. They lie
in an mbox; `helpdesk import` takes them into an empty database. Measured is the whole command, and the import alone.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_WORDS = ("the printer burns", "again and", "says", "load letter", "which", "nobody here", "understands", "at all")


def write_mbox(path: Path, count: int) -> None:
    """Write an archive of `count` mails; the same each time."""
    chance = random.Random(1)
    with path.open("wb") as file:
        for number in range(count):
            file.write(b"From maria@customer.example Mon Nov 23 12:00:00 2020\n" + _mail(number, chance) + b"\n")


def _mail(number: int, chance: random.Random) -> bytes:
    first = number - number % 3
    lines = []
    for hop in range(3):
        lines.append(f"Received: from mx{hop}.example ([192.0.2.{hop}]) by mx{hop + 1}.example with ESMTPS")
        lines.append(f"\tid {chance.getrandbits(64):x} for <support@localhost>; Mon, 23 Nov 2020 12:00:00 +0000")
    customer = f"Maria <maria{first % 500}@customer.example>"
    is_answer = number % 3 == 1
    lines.append(f"From: {'Support <support@localhost>' if is_answer else customer}")
    lines.append(f"To: {customer if is_answer else 'support@localhost'}")
    lines += [f"Subject: {'Re: ' if number > first else ''}Printer {first}", f"Message-ID: <{number}@customer.example>"]
    lines.append(f"Date: {1 + number % 28} Nov 2020 12:00:00 +0000")
    if number > first:
        lines.append(f"In-Reply-To: <{number - 1}@customer.example>")
        lines.append(f"References: <{first}@customer.example>\n <{number - 1}@customer.example>")
    lines += ["User-Agent: Mozilla Thunderbird", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", ""]
    lines += [" ".join(chance.choices(_WORDS, k=8)) for _ in range(16)]
    lines += ["", "On Mon, 23 Nov 2020 at 11:00, Support <support@localhost> wrote:"]
    lines += ["> " + " ".join(chance.choices(_WORDS, k=7)) for _ in range(10)]
    lines += ["", "-- ", "Maria", ""]
    return "\n".join(lines).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how quickly an archive is imported.")
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_mbox(folder / "old.mbox", options.count)
        size = (folder / "old.mbox").stat().st_size
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HELPDESK_")}
        environment["HELPDESK_DATA_DIR"] = str(folder / "data")
        root = Path(__file__).parents[2]
        for what in ("empty desk", "known already"):
            started, used = time.perf_counter(), _used_seconds()
            subprocess.run(
                [sys.executable, "-m", "gateway", "import", str(folder / "old.mbox")],
                check=True,
                env=environment | {"PYTHONPATH": str(root)},
                cwd=folder,
            )
            seconds = time.perf_counter() - started
            each = (_used_seconds() - used) / options.count * 1000
            print(
                f"{what}: {options.count / seconds:,.0f} mails a second, {size // options.count} bytes and "
                f"{each:.2f} ms of processor time each"
            )


def _used_seconds() -> float:
    """The processor time of all processes that have ended, which tells more than the clock on a busy machine."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
