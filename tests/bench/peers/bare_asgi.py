"""The floor of an answer in Python: bytes from an ASGI application without a framework."""

BODY = b'{"items": [' + b", ".join(b'"v%06d"' % nth for nth in range(20)) + b"]}"
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(scope, receive, send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})
