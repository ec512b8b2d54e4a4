"""The schema registry: every version of every event type registered, and the book of ids that follows.

Ids belong to one registry. `ensure` makes the book at provision and `load_book` reads the copy that
provision left in the data folder, so that a running stack needs the registry only for ids it has never seen.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from infra.access.tls import trust
from infra.settings import Settings
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema, parse, versions
from schemas.errors import UnknownSchema

if TYPE_CHECKING:
    import httpx

COMPATIBILITY = "FULL_TRANSITIVE"
_JSON = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
_CACHE = "schemas.json"


class RegistryUnavailable(Exception):
    """The registry does not answer; asking again later may help."""


class IncompatibleSchema(Exception):
    """The registry refuses a schema: it breaks readers or writers of an older version."""


def ensure(settings: Settings) -> SchemaBook:
    """Set the global rule, register all versions, oldest first; safe to run again.

    Raises RegistryUnavailable, or IncompatibleSchema naming the subject.
    """
    with registry_client(settings) as client:
        checked(client.put("/config", json={"compatibility": COMPATIBILITY}))
        entries = [(_register(client, schema), schema) for group in versions().values() for schema in group]
    return SchemaBook.of(entries)


def lookup(settings: Settings, schema_id: int, version: int = 0) -> EventSchema:
    """The schema of an id that the book at hand does not know.

    ``version`` is what the schema is filed under; the registry does not tell. Raises UnknownSchema when
    it has no such id, or when that schema is no event of ours, and RegistryUnavailable.
    """
    with registry_client(settings) as client:
        answer = client.get(f"/schemas/ids/{schema_id}")
    if answer.status_code == 404:
        raise UnknownSchema(schema_id)
    raw = json.loads(checked(answer).json()["schema"])
    if not isinstance(raw, dict) or "event_type" not in raw:
        raise UnknownSchema(schema_id)
    return parse(raw, version)


def load_book(settings: Settings) -> SchemaBook:
    """The book that provision left on disk, else one from the registry; raises RegistryUnavailable."""
    path = book_path(settings)
    if path.exists():
        return SchemaBook.from_json(path.read_text("utf-8"))
    return save_book(settings, ensure(settings))


def save_book(settings: Settings, book: SchemaBook) -> SchemaBook:
    """Keep the book on disk, whole or not at all."""
    path = book_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    half.write_text(book.to_json(), "utf-8")
    half.rename(path)
    return book


def book_path(settings: Settings) -> Path:
    """Where the book is kept."""
    return settings.data / _CACHE


def _register(client: "httpx.Client", schema: EventSchema) -> int:
    answer = client.post(f"/subjects/{schema.subject}/versions", json={"schema": schema.text})
    if answer.status_code == 409:
        raise IncompatibleSchema(f"{schema.subject} version {schema.version} is not {COMPATIBILITY}")
    return int(checked(answer).json()["id"])


@contextmanager
def registry_client(settings: Settings) -> "Iterator[httpx.Client]":
    """A client of the registry: its certificate checked, basic authorization where there is a name."""
    import httpx  # a fifth of a second at a worker's start, which mostly asks nothing

    url, name = settings.registry_url, settings.registry_username
    try:
        with httpx.Client(
            base_url=url,
            headers=_JSON,
            timeout=10.0,
            trust_env=False,
            verify=trust(settings.ca_file),
            auth=(name, settings.registry_password.get_secret_value()) if name else None,
        ) as client:
            yield client
    except httpx.TransportError as error:
        raise RegistryUnavailable(f"the schema registry at {url} does not answer: {error}") from error


def checked(answer: "httpx.Response") -> "httpx.Response":
    """The answer; raises RegistryUnavailable where it is the registry's trouble, or ours with its door."""
    if answer.status_code in (401, 403):
        raise RegistryUnavailable(
            f"the schema registry answers {answer.status_code}: see REELFOLD_REGISTRY_USERNAME and _PASSWORD"
        )
    if answer.status_code >= 500:
        raise RegistryUnavailable(f"the schema registry answers {answer.status_code}")
    return answer.raise_for_status()
