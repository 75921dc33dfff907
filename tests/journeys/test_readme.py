"""The README's tour, executed as it stands there, on ports of its own."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.gateway.test_commands import environment, serving
from tests.services import require

ROOT = Path(__file__).parents[2]
__all__ = ["environment"]


@pytest.mark.slow
async def test_the_tour_does_what_it_says(environment: dict[str, str], tmp_path: Path) -> None:
    require("postfix")  # which brings swaks
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 6
    script = "set -euo pipefail\n" + "\n".join(blocks)
    ports = {name: environment[f"HELPDESK_{name}_LISTEN"].rpartition(":")[2] for name in ("HTTP", "SMTP")}
    script = script.replace("localhost:8000", f"127.0.0.1:{ports['HTTP']}").replace(
        "localhost:8025", f"127.0.0.1:{ports['SMTP']}"
    )
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(Path(sys.executable).with_name("helpdesk"), tmp_path / ".venv" / "bin" / "helpdesk")
    async with serving(environment):
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            script,
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text + errors.decode()
    assert "olga <olga@example.com> was created and is an administrator now." in text
    assert '"message":"It says PC LOAD LETTER."' in text
    assert '{"id":1,"message":"Turn it off."}' in text
    assert sorted(line for line in text.splitlines() if line.startswith(("To:", "Subject:"))) == [
        "Subject: New ticket: The printer is on fire [#1]",
        "Subject: Re: The printer is on fire [#1]",
        "Subject: We have received your message [#1]",
        "To: maria@example.net",
        "To: maria@example.net",
        "To: olga@example.com",
    ]
    assert '"message":"It is off, and still burning."' in text
    assert text.count('"source":"smtp"') == 2
    assert '{"status":"c","changed_status":1}' in text
