"""The floor of an answer in Python: bytes of an ASGI application without a framework, served as the API is.

`python bare_asgi.py PORT`
"""

import sys

from api.serve import server

BODY = b'{"items": [' + b", ".join(b'"v%06d"' % nth for nth in range(20)) + b"]}"
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(scope, receive, send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    server(app, "127.0.0.1", int(sys.argv[1])).run()
