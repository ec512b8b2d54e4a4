"""One header of a request, without building all of them: what every request is asked costs little."""

from fastapi import Request


def header(request: Request, name: bytes) -> str | None:
    """The first header of this name (in lower case, as ASGI has them), None without one."""
    for given, value in request.scope["headers"]:
        if given == name:
            text: str = value.decode("latin-1")
            return text
    return None
