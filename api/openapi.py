"""The description of the API (OpenAPI 3.1), made from the routes and the very types that validate.

Made once, when the application is built. What is documented is what is enforced: bodies, answers, errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from api.calls import Call, Reply, Route, Who
from api.payloads import Detail

DOCUMENT = web.AppKey("DOCUMENT", dict)

_REF = "#/components/schemas/{name}"
_FIELD_ERRORS = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
    "description": "For each field what is wrong.",
}
_WHO = {
    Who.ANYONE: "anyone",
    Who.SIGNED_IN: "whoever is signed in",
    Who.STAFF: "staff",
    Who.ADMIN: "administrators",
}


async def get_document(call: Call[None]) -> Reply:
    return Reply(call.request.app[DOCUMENT])


def describe(routes: Iterable[Route], public_url: str) -> dict[str, Any]:
    """The OpenAPI document of these routes."""
    routes = tuple(routes)
    types = [kind for route in routes for kind in (route.body, *_answers(route)) if kind is not None]
    schemas, components = msgspec.json.schema_components([*types, Detail], ref_template=_REF)
    schema_of = {repr(kind): schema for kind, schema in zip([*types, Detail], schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Helpdesk Gateway", "version": "0.1.0"},
        "servers": [{"url": public_url}],
        "paths": paths,
        "components": {
            "schemas": {**components, "FieldErrors": _FIELD_ERRORS},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token; the scheme JWT is taken as well.",
                },
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, hdk_…, which is good for nothing else.",
                },
            },
        },
    }


def _answers(route: Route) -> tuple[Any, ...]:
    if route.answer is None:
        return ()
    return route.answer if isinstance(route.answer, tuple) else (route.answer,)


def _operation(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": f"For {_WHO[route.who]}{', or by an API key' if route.or_by_key else ''}.",
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "responses": _responses(route, schema_of),
    }
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.who is not Who.ANYONE:
        operation["security"] = [{"bearer": []}, *([{"apiKey": []}] if route.or_by_key else [])]
    if route.body is not None:
        content = {"application/json": {"schema": schema_of[repr(route.body)]}}
        operation["requestBody"] = {"required": not route.body_optional, "content": content}
    elif route.raw_body:
        operation["requestBody"] = {"required": True, "content": {route.raw_body: {"schema": {"type": "string"}}}}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if "{id}" in route.path:
        schema = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
        parameters.append({"name": "id", "in": "path", "required": True, "schema": schema})
    if "{secret}" in route.path:
        schema = {"type": "string", "pattern": "^[A-Za-z0-9-]+$"}
        parameters.append({"name": "secret", "in": "path", "required": True, "schema": schema})
    parameters.extend(
        {"name": query.name, "in": "query", "schema": query.schema, "description": query.description}
        for query in route.query
    )
    return parameters


def _responses(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    kinds = [schema_of[repr(kind)] for kind in _answers(route)]
    schema = {"type": "string"} if not kinds else kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    answer = {route.content_type: {"schema": schema}}
    responses: dict[str, Any] = {str(route.status): {"description": "Done", "content": answer}}
    if route.status == HTTPStatus.NO_CONTENT:
        del responses[str(route.status)]["content"]
    for status, meaning in route.more_answers.items():
        responses[str(status)] = {"description": meaning, "content": answer}
    for status in sorted(possible_errors(route)):
        detail: dict[str, Any] = schema_of[repr(Detail)]
        if status == HTTPStatus.BAD_REQUEST and route.body is not None:
            detail = {"anyOf": [{"$ref": _REF.format(name="FieldErrors")}, detail]}
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"schema": detail}},
        }
    return responses


def possible_errors(route: Route) -> set[int]:
    """Every error status that this route may answer with."""
    errors = set(route.errors) | {503}
    if route.who is not Who.ANYONE:
        errors |= {401, 429}
    if route.who > Who.SIGNED_IN:
        errors.add(403)
    if route.body is not None or route.raw_body:
        errors |= {400, 408, 413, 415}
    if route.query:
        errors.add(400)
    return errors
