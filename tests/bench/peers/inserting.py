"""What the peers that write rows share: a client, and an event as a row."""

from urllib.parse import urlsplit
from uuid import UUID

import clickhouse_connect
from task import TASK

COLUMNS = [
    "event_id",
    "event_type",
    "actor_id",
    "video_id",
    "occurred_at",
    "received_at",
    "source",
    "device_id",
    "session_id",
    "request_id",
    "country",
    "platform",
]


def client():
    """To the ClickHouse of the task."""
    url = urlsplit(TASK["clickhouse_url"])
    return clickhouse_connect.get_client(
        host=url.hostname,
        port=url.port,
        username=TASK["clickhouse_user"],
        password=TASK["clickhouse_password"],
        autogenerate_session_id=False,
    )


def row(event: dict) -> list:
    """An event's columns."""
    return [UUID(event["event_id"]), *(event[name] for name in COLUMNS[1:])]
