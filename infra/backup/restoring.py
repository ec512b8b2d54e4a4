"""`reelfold restore`: the folder is checked whole, then brought into an empty stack.

Nothing is written before every file has been compared with its digest and one sealing key has opened with
this stack's master key. An interrupted restore is run again: what is there, equal, is not in its way.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException

from infra.access.keyring import Keyring, KeyringUnavailable, MemoryKeyStore
from infra.access.keyring_s3 import KEYS
from infra.backup import registry
from infra.backup.folder import BackupFailed, BackupFolder, Entry, Manifest
from infra.backup.making import ARCHIVE, KEYRING, OWN_EXPORT, REGISTRY, SCHEMAS, buckets
from infra.backup.objects import Seen, Tell, alike, bring_back, listed
from infra.clients import master_key, s3_client
from infra.clock import SystemClock
from infra.kafka.reading import TopicState, topic_states
from infra.provision.buckets import ensure_buckets
from infra.registry import ensure, save_book
from infra.settings import Settings
from schemas.topics import OPS

LEADERS_S = 10.0
_SETTLING = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back: objects by part, and how many schema ids were not there yet."""

    manifest: Manifest
    moved: Mapping[str, int]
    schemas: int


def restore(settings: Settings, source: Path, merge: bool, tell: Tell) -> Restored:
    """Bring a backup into this stack. Raises BackupFailed, RegistryUnavailable, InvalidSettings.

    The stack must be empty. With ``merge`` it may hold data of its own: what is there stays, what is
    missing is added; meant for the stack that the backup was made of, when it has lost a part.
    """
    folder = BackupFolder(source)
    manifest = folder.manifest()
    if manifest is None:
        raise BackupFailed(f"{source} holds no backup: there is no manifest.json")
    with folder.held():
        held = {part: folder.entries(part) for part in manifest.parts}
        for part, entries in held.items():
            _all_sound(folder, part, entries, tell)
        _opens(folder, held.get(KEYRING, {}), settings)
        own = {part: bucket for part, bucket in buckets(settings).items() if part in held}
        client = s3_client(settings)
        _room(settings, held, {part: listed(client, bucket) for part, bucket in own.items()}, merge)
        ensure_buckets(client, settings)
        moved = {part: bring_back(client, own[part], part, held[part], folder, tell) for part in own}
        schemas = _schemas(settings, folder, may_empty=not merge)
    save_book(settings, ensure(settings))
    return Restored(manifest, moved, schemas)


def _all_sound(folder: BackupFolder, part: str, entries: Mapping[str, Entry], tell: Tell) -> None:
    for nth, entry in enumerate(entries.values(), 1):
        if not folder.sound(part, entry):
            raise BackupFailed(
                f"{folder.path(part, entry.name)} is damaged or gone; nothing was restored: take another"
                " backup"
            )
        tell(f"{part} checked", nth, len(entries))


def _opens(folder: BackupFolder, keys: Mapping[str, Entry], settings: Settings) -> None:
    """One sealing key is enough: they are all wrapped by the same master key."""
    for name in keys:
        store = MemoryKeyStore()
        store.objects[name.removeprefix(KEYS)] = folder.path(KEYRING, name).read_bytes()
        try:
            Keyring(store, master_key(settings), SystemClock()).check(name.removeprefix(KEYS))
        except KeyringUnavailable as error:
            raise BackupFailed(
                f"{error}: nothing was restored; start this stack with the REELFOLD_MASTER_KEY of the one "
                "that was backed up"
            ) from None
        return


def _room(
    settings: Settings,
    held: Mapping[str, Mapping[str, Entry]],
    standing: Mapping[str, Mapping[str, Seen]],
    merge: bool,
) -> None:
    """Raise BackupFailed unless the backup may come in here."""
    for part, seen in standing.items():
        known = held[part]
        strange = [one for one in seen.values() if one.name not in known or not alike(known[one.name], one)]
        other = [one.name for one in strange if one.name in known]
        if part == ARCHIVE and other:
            raise BackupFailed(
                f"the archive has another {other[0]}: it is that of another log, nothing was restored"
            )
        if strange and not merge:
            raise BackupFailed(
                _full(f"its {part} bucket holds {len(strange)} objects that the backup has not")
            )
    records = _records(settings)
    if records and not merge:
        raise BackupFailed(_full(f"its log holds {records} records"))


def _full(why: str) -> str:
    advice = "restore into an empty one, or see --merge in `reelfold restore --help`"
    return f"this stack is not empty ({why}): {advice}"


def _records(settings: Settings) -> int:
    states = _states(settings)
    ours = [state for state in states if state.topic.name != OPS]  # commands tell of themselves there
    return sum(following - first for state in ours for first, following in state.offsets)


def _states(settings: Settings) -> list[TopicState]:
    """Topics that were only just made have no leaders for a moment: asked again for so long."""
    deadline = time.monotonic() + LEADERS_S
    while True:
        try:
            return topic_states(settings)
        except KafkaException as error:
            said = error.args[0]
            if said.code() not in _SETTLING or time.monotonic() > deadline:
                raise BackupFailed(f"the log does not answer: {said.str()}; start the stack first") from None
            time.sleep(0.2)


def _schemas(settings: Settings, folder: BackupFolder, may_empty: bool) -> int:
    wanted = registry.from_json(folder.path(REGISTRY, SCHEMAS).read_bytes())
    own = folder.path(REGISTRY, OWN_EXPORT)
    return registry.bring_ids_back(settings, wanted, own.read_bytes() if own.exists() else b"", may_empty)
