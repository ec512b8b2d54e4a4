"""POST -> Kafka as tutorials write it: FastAPI, a pydantic model, fastavro, aiokafka, uvicorn."""

import json
import os
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI
from pydantic import BaseModel

TASK = json.loads(Path(os.environ["TASK"]).read_text("utf-8"))
SCHEMA = fastavro.parse_schema(TASK["schema"])
DEFAULTS = {field["name"]: field.get("default") for field in TASK["schema"]["fields"]}


class Event(BaseModel):
    event_id: str
    event_type: str
    occurred_at: int
    video_id: str
    view_id: str
    surface: str = "unknown"
    platform: str | None = None
    app_version: str | None = None
    country: str | None = None
    lang: str | None = None
    network: str | None = None
    session_id: str | None = None
    request_id: str | None = None


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.producer = AIOKafkaProducer(
        bootstrap_servers=TASK["bootstrap"], acks="all", enable_idempotence=True, linger_ms=5
    )
    await app.state.producer.start()
    yield
    await app.state.producer.stop()


app = FastAPI(lifespan=lifespan)


@app.post("/v1/events", status_code=202)
async def events(batch: list[Event]) -> dict[str, Any]:
    for one in batch:
        said = (
            DEFAULTS
            | one.model_dump()
            | {"source": "/client/ios", "actor_id": "ann", "received_at": one.occurred_at}
        )
        out = BytesIO()
        fastavro.schemaless_writer(out, SCHEMA, said)
        await app.state.producer.send_and_wait("bench-tutorial", out.getvalue(), key=one.video_id.encode())
    return {"accepted": len(batch)}
