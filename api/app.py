"""The web application: routes and middleware, without anything that it is given at start.

`build` is what `gateway.app` calls; it puts database, mailroom and the like under the keys of `gateway.keys`.
"""

from __future__ import annotations

from aiohttp import web

from api import accounts, middleware, openapi
from api.routes import ROUTES
from gateway.config import Settings
from gateway.keys import SETTINGS
from gateway.limits import RateCounter


def build(settings: Settings) -> web.Application:
    """The application with every route of the table."""
    app = web.Application(middlewares=[middleware.answer_errors])
    app[SETTINGS] = settings
    app[middleware.REQUESTS] = RateCounter(settings.api_limit)
    app[accounts.FAILED_BY_ACCOUNT] = RateCounter(settings.login_limit)
    app[accounts.FAILED_BY_CLIENT] = RateCounter(settings.login_limit, factor=10)
    app[accounts.REGISTRATIONS] = RateCounter(settings.register_limit)
    app[openapi.DOCUMENT] = openapi.describe(ROUTES, settings.public_url)
    for route in ROUTES:
        path = route.path.replace("{id}", "{id:[0-9]+}")
        handler = middleware.endpoint(route)
        for variant in (path, f"{path}/"):
            if route.method == "GET" and route.may_head:
                app.router.add_get(variant, handler, allow_head=True)
            else:
                app.router.add_route(route.method, variant, handler)
    return app
