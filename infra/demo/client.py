"""The demo as a client sees Reelfold: HTTP to the API, HTTP to ClickHouse, and nothing else."""

import asyncio
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import orjson

from infra.access.tls import trust

BATCH = 500
RETRIES = 20


class DemoFailed(Exception):
    """Something the demo promises did not happen; the message says what, in a sentence."""


class Client:
    """One session against a running stack."""

    def __init__(
        self, api_url: str, clickhouse_url: str, analyst: tuple[str, str], database: str, ca_file: str = ""
    ) -> None:
        self._trusted = trust(ca_file)
        self._http = httpx.AsyncClient(base_url=api_url, timeout=30, verify=self._trusted)
        self._clickhouse = httpx.AsyncClient(base_url=clickhouse_url, timeout=30, verify=self._trusted)
        self._analyst = {
            "X-ClickHouse-User": analyst[0],
            "X-ClickHouse-Key": analyst[1],
            "X-ClickHouse-Database": database,
        }
        self._tokens: dict[str, str] = {}

    async def close(self) -> None:
        """Close both connections."""
        await self._http.aclose()
        await self._clickhouse.aclose()

    async def sign_in(self, user_id: str) -> None:
        """Get a token from the local stack's issuer."""
        answer = await self._http.post("/v1/dev/tokens", json={"user_id": user_id})
        if answer.status_code == 404:
            raise DemoFailed("this stack has no dev issuer; start it with REELFOLD_DEV_ISSUER=true")
        self._tokens[user_id] = _good(answer)["token"]

    async def post(self, actor_id: str, events: Sequence[dict[str, Any]]) -> int:
        """Post one person's events in order, at most 500 a request; how many were accepted."""
        accepted, rest = 0, iter(events)
        while batch := list(islice(rest, BATCH)):
            accepted += await self._post_batch(actor_id, batch)
        return accepted

    async def _post_batch(self, actor_id: str, batch: list[dict[str, Any]]) -> int:
        """503 and 429 mean: the same batch again, with the same ids, after Retry-After."""
        for _ in range(RETRIES):
            headers = self._headers(actor_id) | {"Content-Type": "application/json"}
            answer = await self._http.post("/v1/events", content=orjson.dumps(batch), headers=headers)
            if answer.status_code not in (429, 503):
                verdicts = _good(answer)
                refused = [v for v in verdicts["events"] if v["status"] != "accepted"]
                if refused:
                    raise DemoFailed(f"{len(refused)} events were rejected, the first: {refused[0]}")
                return len(batch)
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        raise DemoFailed(f"the API answered {answer.status_code} {RETRIES} times: {answer.text[:300]}")

    async def open_upload(self, user_id: str, **about: Any) -> dict[str, Any]:
        """POST /v1/uploads."""
        return _good(await self._http.post("/v1/uploads", json=about, headers=self._headers(user_id)))

    async def put(self, url: str, path: Path) -> None:
        """Send the file to the presigned address."""
        async with httpx.AsyncClient(timeout=300, verify=self._trusted) as http:
            answer = await http.put(url, content=path.read_bytes())
        if answer.status_code != 200:
            raise DemoFailed(f"the store answered {answer.status_code} to the upload of {path.name}")

    async def complete(self, user_id: str, upload_id: str) -> None:
        """POST /v1/uploads/{id}/complete."""
        _good(await self._http.post(f"/v1/uploads/{upload_id}/complete", headers=self._headers(user_id)))

    async def get(self, path: str, user_id: str | None = None, **query: Any) -> dict[str, Any]:
        """GET a JSON document of the API."""
        headers = self._headers(user_id) if user_id else {}
        return _good(await self._http.get(path, params=query, headers=headers))

    async def head(self, url: str) -> tuple[int, str, bytes]:
        """Status, MIME type and body of a playback URL."""
        answer = await self._http.get(url)
        return answer.status_code, answer.headers.get("Content-Type", "").partition(";")[0], answer.content

    async def query(self, sql: str, **parameters: str) -> list[dict[str, Any]]:
        """Rows of a ClickHouse query, asked as the read-only analyst."""
        answer = await self._clickhouse.post(
            "/",
            params={f"param_{name}": value for name, value in parameters.items()},
            content=f"{sql} FORMAT JSONEachRow",
            headers=self._analyst,
        )
        if answer.status_code != 200:
            raise DemoFailed(f"ClickHouse answered {answer.status_code}: {answer.text[:300]}")
        return [orjson.loads(line) for line in answer.content.splitlines()]

    def _headers(self, user_id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[user_id]}"}


def _good(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        method, path = answer.request.method, answer.request.url.path
        raise DemoFailed(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
    document: dict[str, Any] = answer.json()
    return document
