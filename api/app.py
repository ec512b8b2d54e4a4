"""The application: routes, error table, middleware. `build(parts)` opens nothing."""

from fastapi import FastAPI

from api import intake, problems, requests
from api.parts import Parts

ROUTERS = (intake.router,)


def build(parts: Parts) -> FastAPI:
    """The ASGI application over these parts."""
    app = FastAPI(
        title="Reelfold",
        version="1",
        summary="Post events, upload videos, read feeds.",
        openapi_url="/v1/openapi.json",
        docs_url="/docs",
        redoc_url=None,
    )
    app.state.parts = parts
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app)
    app.add_middleware(requests.RequestLine, log_requests=True)
    return app
