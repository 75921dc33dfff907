"""The description of the API: true to what is served, and held against it by schemathesis in the slow suite."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from api.openapi import describe
from api.routes import ROUTES
from tests.api.test_intake import with_attachments
from tests.builders import Desk, a_mail

CONTRACT = {
    ("POST", "/auth/users"),
    ("GET", "/auth/users/{id}"),
    ("GET", "/auth/users/me"),
    ("POST", "/auth/jwt/create"),
    ("POST", "/auth/jwt/refresh"),
    ("POST", "/auth/jwt/verify"),
    ("POST", "/api/ticket"),
    ("GET", "/api/ticket"),
    ("GET", "/api/ticket/{id}"),
    ("POST", "/api/ticket/{id}/answer"),
    ("GET", "/api/comment/{id}"),
    ("POST", "/api/ticket/{id}/set_status"),
    ("GET", "/admin/users"),
    ("POST", "/admin/users/{id}/staff"),
    ("POST", "/admin/keys"),
    ("GET", "/admin/keys"),
    ("DELETE", "/admin/keys/{id}"),
    ("GET", "/api/ticket/{id}/messages"),
    ("GET", "/api/attachment/{id}"),
    ("GET", "/api/intake"),
    ("GET", "/api/intake/{id}"),
    ("GET", "/api/intake/{id}/raw"),
    ("POST", "/api/intake/{id}/reprocess"),
    ("POST", "/api/mail"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/openapi.json"),
}


def test_every_documented_call_is_a_route() -> None:
    assert {(route.method, route.path) for route in ROUTES} >= CONTRACT


def test_each_route_is_described_once_and_says_who_may_call() -> None:
    document = describe(ROUTES, "http://desk.example")
    assert document["openapi"] == "3.1.0"
    names = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(names) == len(set(names)) == len(ROUTES)
    text = json.dumps(document)
    schemas = document["components"]["schemas"]
    assert all(f"#/components/schemas/{name}" in text for name in schemas), "no schema that nobody uses"
    assert schemas["TicketObject"]["required"] == [
        "id",
        "from_user_id",
        "from_user",
        "message",
        "status",
        "changed_status",
        "answers",
        "created_at",
    ]
    assert schemas["NewMessage"]["properties"]["message"]["maxLength"] == 100_000


async def test_the_document_is_served(desk: Desk) -> None:
    served = await desk.nobody.call("GET", "/openapi.json")
    assert served == describe(ROUTES, "http://localhost:8000")


@pytest.mark.slow
@pytest.mark.settings(
    HELPDESK_API_LIMIT="off", HELPDESK_LOGIN_LIMIT="off", HELPDESK_REGISTER_LIMIT="off", HELPDESK_NOTIFY_STAFF="off"
)
@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ["admin", "customer", "nobody"])
async def test_schemathesis_finds_no_500_and_no_undocumented_answer(desk: Desk, role: str, tmp_path: Path) -> None:
    admin = await desk.staff()
    customer = await desk.register("anna")
    # Something to be found under each kind of id.
    ticket = await customer.call("POST", "/api/ticket", {"message": "x"}, status=201)
    await admin.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "y"}, status=201)
    await desk.send(with_attachments())
    await desk.send(a_mail(name="bee"))
    who = {"admin": admin, "customer": customer, "nobody": desk.nobody}[role]
    document: dict[str, Any] = await desk.nobody.call("GET", "/openapi.json")
    # Ids of things that are there are found now and then.
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "id":
                    parameter["examples"] = {"first": {"value": 1}}
            # It cannot write a mail; anything else must be answered 415.
            content = operation.get("requestBody", {}).get("content", {})
            if mail := content.pop("message/rfc822", None):
                content["application/octet-stream"] = mail
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    options = ["--header", f"Authorization: Bearer {who.token}"] if who.token else []
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        str(tmp_path / "openapi.json"),
        "--url",
        f"http://127.0.0.1:{desk.gateway.http_port}",
        "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--max-examples",
        "40",
        "--seed",
        "1",
        "--generation-database",
        "none",
        "--no-color",
        *options,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    counted = re.search(r"(\d+) generated, (\d+) passed", output.decode())
    assert counted, output.decode()
    assert counted[1] == counted[2]
    assert int(counted[1]) > 500
