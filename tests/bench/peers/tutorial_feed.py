"""A feed as tutorials write it: FastAPI and redis.asyncio, one ZREVRANGE a request; and one whose items are
cards as ours are, a pipeline more."""

import json
import os

import redis.asyncio
from fastapi import FastAPI

app = FastAPI()
client = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


@app.get("/v1/feed/{user}")
async def feed(user: str) -> dict[str, list[str]]:
    return {"items": await client.zrevrange(f"bench-feed:{user}", 0, 19)}


@app.get("/v1/cards/{user}")
async def cards(user: str) -> dict[str, list[dict]]:
    videos = await client.zrevrange(f"bench-feed:{user}", 0, 19)
    async with client.pipeline(transaction=False) as pipe:
        pipe.mget([f"bench-card:{video}" for video in videos])
        for video in videos:
            pipe.hgetall(f"bench-count:{video}")
        held, *counts = await pipe.execute()
    return {"items": [json.loads(card) | {"counts": one} for card, one in zip(held, counts, strict=True)]}
