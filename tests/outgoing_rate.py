"""How many mails a second leave: `python -m tests.outgoing_rate` (make rate-out).

A sink in a process of its own takes them, with and without PIPELINING, at once or as if it were some milliseconds
away. First letters alone, over one and more connections that are kept; then the whole courier, from rows in a new
SQLite file to rows that are settled, each in a commit that is synced, unsigned and signed.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import func, select

from gateway import outbox, people
from gateway.config import Settings, load_settings
from gateway.database import Database
from gateway.migrate import migrate
from gateway.model import Audience, Mailbox, OutboxKind, OutboxState
from gateway.schema import outbox as table
from gateway.values import Relay
from mail.compose import Letter
from mail.courier import Courier
from mail.intake import new_name, utc_now
from mail.relay import SmtpSender

_LETTER = Letter("support@desk.example", "maria@customer.example", b"Subject: x\r\n\r\n" + (b"x" * 76 + b"\r\n") * 60)
_DOMAINS = 50


def _serve(ports: Any, pipelining: bool, delay_seconds: float) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, EOFError):
            await talk(reader, writer)
        writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            # The answers to what came in one packet leave together, as a real relay's do.
            if delay_seconds and not reader._buffer:  # type: ignore[attr-defined]
                await asyncio.sleep(delay_seconds)
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250 PIPELINING\r\n" if pipelining else b"250 sink\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 2.0.0 Ok: queued as 4ZxYc12Vz\r\n")
            else:
                writer.write(b"250 2.1.0 Ok\r\n")

    async def serve() -> None:
        server = await asyncio.start_server(take, "127.0.0.1", 0, limit=1 << 20)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def _sink(*, pipelining: bool = True, delay_seconds: float = 0) -> Iterator[Relay]:
    ports: Any = multiprocessing.Queue()
    process = multiprocessing.Process(target=_serve, args=(ports, pipelining, delay_seconds), daemon=True)
    process.start()
    try:
        yield Relay(scheme="smtp", host="127.0.0.1", port=ports.get())
    finally:
        process.terminate()
        process.join()


async def _letters(relay: Relay, count: int, connections: int) -> float:
    async def send(sender: SmtpSender) -> None:
        for _ in range(count // connections):
            await sender.send(_LETTER)
        await sender.close()

    begun = time.perf_counter()
    await asyncio.gather(*(send(SmtpSender(relay, "desk.example")) for _ in range(connections)))
    return count / (time.perf_counter() - begun)


async def _courier(settings: Settings, count: int) -> float:
    database = Database(settings.database_url)
    await migrate(database)

    async def owe(connection: Any) -> None:
        for number in range(count):
            address = f"ant{number}@customer{number % _DOMAINS}.example"
            person = await people.ensure_customer(connection, Mailbox(address=address), utc_now())
            await outbox.enqueue(
                connection,
                settings,
                kind=OutboxKind.CONFIRM,
                person=person,
                audience=Audience.CUSTOMER,
                context={"username": "ant", "expires_at": 0},
                now=utc_now(),
                new_name=new_name,
            )

    async def sent(connection: Any) -> int:
        query = select(func.count()).select_from(table).where(table.c.state == OutboxState.SENT)
        return int((await connection.execute(query)).scalar_one())

    await database.write(owe)
    courier = Courier(settings, database)
    begun = time.perf_counter()
    running = asyncio.create_task(courier.run())
    while await database.read(sent) < count:
        await asyncio.sleep(0.05)
    rate = count / (time.perf_counter() - begun)
    courier.stop()
    await running
    await courier.close()
    await database.close()
    return rate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.outgoing_rate", description=__doc__)
    parser.add_argument("--count", type=int, default=4000, help="mails for each line")
    count = parser.parse_args().count
    for milliseconds in (0, 5):
        for pipelining in (False, True):
            with _sink(pipelining=pipelining, delay_seconds=milliseconds / 1000) as relay:
                for connections in (1, 5, 20):
                    most = count if not milliseconds else connections * 50
                    rate = asyncio.run(_letters(relay, most, connections))
                    way = "pipelined" if pipelining else "one by one"
                    print(f"letters, {milliseconds} ms away, {way}, {connections:2} connections: {rate:7,.0f}/s")  # noqa: T201
    with TemporaryDirectory(prefix="helpdesk-rate-") as name, _sink() as relay:
        folder = Path(name)
        keys = {"unsigned": "", "signed with Ed25519": "ed25519", "signed with RSA 2048": "rsa:2048"}
        for way, key in keys.items():
            environ = {"HELPDESK_DATA_DIR": way.replace(" ", "-"), "HELPDESK_SUPPORT_ADDRESS": "support@desk.example"}
            if key:
                algorithm, _, bits = key.partition(":")
                options = ["-pkeyopt", f"rsa_keygen_bits:{bits}"] if bits else []
                path = folder / f"{algorithm}.pem"
                command = ["openssl", "genpkey", "-algorithm", algorithm, *options, "-out", path]
                subprocess.run(command, check=True, capture_output=True)
                environ |= {"HELPDESK_DKIM_KEY": str(path), "HELPDESK_DKIM_SELECTOR": "s1"}
            settings = replace(load_settings(environ, folder), relay=relay)
            print(f"the whole courier, {way}: {asyncio.run(_courier(settings, count)):7,.0f}/s")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
