"""A feed as tutorials write it: FastAPI and redis.asyncio, one ZREVRANGE a request."""

import os

import redis.asyncio
from fastapi import FastAPI

app = FastAPI()
client = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


@app.get("/v1/feed/{user}")
async def feed(user: str) -> dict[str, list[str]]:
    return {"items": await client.zrevrange(f"bench-feed:{user}", 0, 19)}
