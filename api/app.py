"""The application: routes, error table, middleware. `build(parts)` opens nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api import documented, health, problems, requests
from api.callers import dev_tokens
from api.door import bounds
from api.events import event_places, intake
from api.limits import InFlight
from api.parts import Parts
from api.reading import feeds, people, videos
from api.reading.warm import WarmFeed
from api.uploads import publishing
from api.uploads import routes as uploads
from infra.telemetry import Log

_LOG = Log("api")
ROUTERS = (
    intake.router,
    event_places.router,
    feeds.router,
    videos.router,
    publishing.router,
    people.router,
    uploads.router,
    health.router,
)
_CORS: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Content-Encoding", "If-None-Match", "X-Request-Id"],
    "expose_headers": ["ETag", "Retry-After", "X-Request-Id"],
    "max_age": 600,
}


class _Api(FastAPI):
    """The framework, and a shorter way for posts of events and plain reads of a feed: through our
    middlewares, past the framework's."""

    _short: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not (intake.is_post(scope) or feeds.is_plain(scope)):
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        if self._short is None:
            self._short = _straight
            for middleware in reversed(self.user_middleware):
                self._short = middleware.cls(self._short, *middleware.args, **middleware.kwargs)
        await self._short(scope, receive, send)


async def _straight(scope: Scope, receive: Receive, send: Send) -> None:
    await (intake.straight if scope["method"] == "POST" else feeds.straight)(scope, receive, send)


async def _nothing() -> None:
    """Parts that need no closing."""


def build(parts: Parts, close: Callable[[], Awaitable[None]] = _nothing) -> FastAPI:
    """The ASGI application over these parts; ``close`` runs when the server has stopped accepting."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        _LOG.info("api_started")
        yield
        _LOG.info("api_stopping")
        await close()

    app = _Api(
        title="Reelfold",
        version="1",
        summary="Post events, upload videos, read feeds.",
        description=documented.ABOUT,
        openapi_tags=documented.TAGS,
        openapi_url="/v1/openapi.json",
        docs_url="/docs",
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.parts = parts
    app.state.door = intake.Door.of(parts)
    app.state.warm = WarmFeed(parts, parts.pages, feeds.FOLLOWING) if parts.pages is not None else None
    for router in ROUTERS:
        app.include_router(router)
    if parts.settings.dev_issuer:
        app.include_router(dev_tokens.router)
    problems.install(app)
    documented.describe(app)
    app.add_middleware(bounds.Bounds, in_flight=InFlight())
    if origins := [one.strip() for one in parts.settings.cors_origins.split(",") if one.strip()]:
        app.add_middleware(CORSMiddleware, allow_origins=origins, **_CORS)
    app.add_middleware(requests.RequestLine, log_requests=True)
    return app
