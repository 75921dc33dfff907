"""Logging: one line for each event on standard error, with the time in UTC.

Control characters of foreign origin are dropped, and who logs foreign words writes them with %r, so that one event
stays one line (T34). Tokens, passwords and bodies are never logged by anyone.
"""

from __future__ import annotations

import logging
import time

from gateway.model import drop_controls


class _OneLine(logging.Formatter):
    converter = time.gmtime  # type: ignore[assignment]

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).split("\n")
        # A traceback keeps its lines, indented; the message itself is made one line by its author's %r.
        return "\n    ".join(drop_controls(line.replace("\t", " ")) for line in lines)


class _NoDescriptors(logging.Filter):
    """asyncio tells a hundred times a second, each with a traceback, that there is no descriptor left for another
    connection. Once in ten seconds, in one line, is enough."""

    _EVERY_SECONDS = 10.0
    _told_at = -_EVERY_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith("socket.accept() out of system resource"):
            return True
        if abs(record.created - self._told_at) < self._EVERY_SECONDS:
            return False
        self._told_at = record.created
        record.msg, record.args, record.exc_info = "no descriptor is left for another connection", (), None
        return True


def start_logging(level: int = logging.INFO) -> None:
    """Send the log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("helpdesk").setLevel(level)
    logging.getLogger("asyncio").addFilter(_NoDescriptors())
    for quiet in ("mail.log", "aiohttp.access"):
        logging.getLogger(quiet).setLevel(logging.ERROR)
