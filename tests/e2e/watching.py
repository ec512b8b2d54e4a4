"""A real upload, as a client makes it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.demo.client import Client
from tests.e2e.supervised import Stack
from tests.e2e.town import client_of
from tests.e2e.waiting import until
from tests.media.clips import clip

SECONDS = 4
OVER = ("published", "rejected", "failed")


@dataclass(frozen=True, slots=True)
class Film:
    """A video that can be played: its id, and what GET /v1/videos/{id} says."""

    video_id: str
    card: dict[str, Any]


async def uploaded(client: Client, user: str, path: Path, **about: Any) -> dict[str, Any]:
    """Open, put, complete, and wait for the end; what GET /v1/uploads/{id} says then."""
    opened = await client.open_upload(user, **about)
    await client.put(opened["put_url"], path)
    await client.complete(user, opened["upload_id"])

    async def over() -> dict[str, Any] | None:
        upload = await client.get(f"/v1/uploads/{opened['upload_id']}", user)
        return upload if upload["state"] in OVER else None

    found = await until(over, f"the upload of {path.name} has an end", 120)
    assert found is not None
    return found


def filmed(stack: Stack, folder: Path) -> Film:
    """A clip of SECONDS with sound, uploaded and published."""

    async def run() -> Film:
        await stack.well()
        client = client_of(stack.settings)
        try:
            await client.sign_in("film-maker")
            made = clip(folder / "film.mp4", seconds=SECONDS)
            upload = await uploaded(client, "film-maker", made, title="Film", hashtags=["cats"])
            assert upload["state"] == "published", upload
            return Film(upload["video_id"], await client.get(f"/v1/videos/{upload['video_id']}"))
        finally:
            await client.close()

    return asyncio.run(run())
