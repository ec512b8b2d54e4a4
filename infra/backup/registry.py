"""The registry's subjects and ids. Bytes in the log name schemas by id: a restored registry must have the
same ones, or old events could not be read by whoever asks it.

Ids are given by a registry as it likes. Where it takes them from us (Confluent's IMPORT mode, Apicurio's
import of its own export) it is told; where it does not, schemas are registered in the order of their ids
into the empty registry, and what came out is compared. None of it is believed: ids are read back.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from infra.backup.folder import BackupFailed
from infra.registry import checked, registry_client
from infra.settings import Settings

_CONFLUENT, _APICURIO = "/apis/ccompat/", "/apis/registry/v2/admin"
_SLOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Registered:
    """A version of a subject, and its id."""

    id: int
    subject: str
    version: int
    schema: str


def exported(settings: Settings) -> list[Registered]:
    """Every version of every subject, by id. Raises RegistryUnavailable."""
    with registry_client(settings) as client:
        subjects = checked(client.get("/subjects")).json()
        found = [one for subject in sorted(subjects) for one in _versions(client, subject)]
    return sorted(found, key=lambda one: (one.id, one.subject, one.version))


def own_export(settings: Settings) -> bytes:
    """Apicurio's export of itself, which alone it takes back with ids; empty where it is another registry."""
    address = _own_address(settings)
    if not address:
        return b""
    with registry_client(settings) as client:
        answer = client.get(f"{address}/export", headers={"Accept": "application/zip"}, timeout=_SLOW_S)
    return answer.content if answer.status_code == httpx.codes.OK else b""


def to_json(schemas: list[Registered]) -> bytes:
    """As it is kept."""
    return json.dumps([asdict(one) for one in schemas], indent=1).encode()


def from_json(content: bytes) -> list[Registered]:
    """What `to_json` wrote; raises BackupFailed."""
    try:
        return [Registered(**one) for one in json.loads(content)]
    except (ValueError, TypeError) as error:
        raise BackupFailed(f"the backup's schemas cannot be read: {error}") from None


def bring_ids_back(settings: Settings, wanted: list[Registered], own: bytes, may_empty: bool) -> int:
    """Have the registry give these ids; how many had to be registered: 0 where it gave them already.

    ``may_empty``: nothing in the log names an id yet, so subjects that stand may go. Raises BackupFailed,
    RegistryUnavailable.
    """
    if not _differing(settings, wanted):
        return 0
    standing = exported(settings)
    if standing and not may_empty:
        raise BackupFailed(
            "the registry gives other ids than the backup, and data of this stack may name them: restore "
            "into an empty stack"
        )
    with registry_client(settings) as client:
        for subject in sorted({one.subject for one in standing}):
            checked(client.delete(f"/subjects/{subject}"))
            checked(client.delete(f"/subjects/{subject}", params={"permanent": "true"}))
        _register(client, settings, wanted, own)
    if differing := _differing(settings, wanted):
        one = differing[0]
        raise BackupFailed(
            f"the registry does not take ids: {one.subject} has not got id {one.id}; restore into a registry "
            "that was never used"
        )
    return len(wanted)


def _register(client: httpx.Client, settings: Settings, wanted: list[Registered], own: bytes) -> None:
    address = _own_address(settings)
    if own and address:
        headers = {"Content-Type": "application/zip"}
        checked(client.post(f"{address}/import", content=own, headers=headers, timeout=_SLOW_S))
        return
    importing = client.put("/mode", params={"force": "true"}, json={"mode": "IMPORT"}).is_success
    try:
        for one in wanted:
            body: dict[str, Any] = {"schema": one.schema}
            body |= {"id": one.id, "version": one.version} if importing else {}
            checked(client.post(f"/subjects/{one.subject}/versions", json=body))
    finally:
        if importing:
            checked(client.put("/mode", json={"mode": "READWRITE"}))


def _differing(settings: Settings, wanted: list[Registered]) -> list[Registered]:
    """Those that this registry does not have, or has under another id."""
    standing = {(one.subject, one.id): json.loads(one.schema) for one in exported(settings)}
    return [one for one in wanted if standing.get((one.subject, one.id)) != json.loads(one.schema)]


def _versions(client: httpx.Client, subject: str) -> list[Registered]:
    numbers = checked(client.get(f"/subjects/{subject}/versions")).json()
    told = [checked(client.get(f"/subjects/{subject}/versions/{number}")).json() for number in numbers]
    return [Registered(one["id"], one["subject"], one["version"], one["schema"]) for one in told]


def _own_address(settings: Settings) -> str:
    """Apicurio's own interface, where the address is that of its Confluent-compatible one."""
    root, found, _ = settings.registry_url.partition(_CONFLUENT)
    return f"{root}{_APICURIO}" if found else ""
