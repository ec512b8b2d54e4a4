"""The plain form of a busy read, past the framework's dependencies.

A feed's first page is asked with a token and perhaps a limit. To find that out FastAPI takes longer than to
answer; what is asked in any other form goes its way, and so does every refusal of a parameter.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from api.pages import DEFAULT_LIMIT, MAX_LIMIT

_PLAIN = re.compile(rb"(?:limit=(\d{1,2}))?")
Direct = Callable[[Request, int], Awaitable[Response]]
"""(request, limit of the first page) -> what the route would answer; raises as the route does."""
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def direct_router(path: str, answer: Direct, **options: Any) -> APIRouter:
    """A router whose GET ``path`` (without the prefix) is answered by ``answer`` when asked plainly."""

    class Route(APIRoute):
        def get_route_handler(self) -> Handler:
            careful = super().get_route_handler()
            if not self.path.endswith(path) or self.methods != {"GET"}:
                return careful

            async def handle(request: Request) -> Response:
                asked = _PLAIN.fullmatch(request.scope["query_string"])
                limit = int(asked[1] or DEFAULT_LIMIT) if asked else 0
                return await (answer(request, limit) if 1 <= limit <= MAX_LIMIT else careful(request))

            return handle

    return APIRouter(route_class=Route, **options)
