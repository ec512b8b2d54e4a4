"""`reelfold backup`: from the buckets and the registry into a folder, and what is there already stays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.backup import registry
from infra.backup.folder import BackupFailed, BackupFolder, Entry, Manifest, Part, digest, write_whole
from infra.backup.objects import Seen, Tell, fetch, listed
from infra.clients import s3_client
from infra.settings import Settings

ARCHIVE, KEYRING, REGISTRY = "archive", "keyring", "registry"
ORIGINALS, MEDIA = "originals", "media"
SCHEMAS, OWN_EXPORT = "schemas.json", "apicurio.zip"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did: the manifest it wrote, and how many objects it moved or let go, by part."""

    manifest: Manifest
    moved: Mapping[str, int]
    dropped: Mapping[str, int]


def buckets(settings: Settings) -> dict[str, str]:
    """Part -> its bucket."""
    return {
        ARCHIVE: settings.bucket_archive,
        KEYRING: settings.bucket_keyring,
        ORIGINALS: settings.bucket_originals,
        MEDIA: settings.bucket_media,
    }


def backup(
    settings: Settings, target: Path, made_at: str, version: str, media: bool, erased: bool, tell: Tell
) -> Outcome:
    """Bring a backup in this folder up to date. Raises BackupFailed, RegistryUnavailable.

    A part that was in it stays in it: without ``media`` the originals and renditions of an earlier run are
    kept as they are. ``erased`` says that many keys have really been deleted.
    """
    folder = BackupFolder(target)
    with folder.held():
        before = folder.manifest()
        parts = dict(before.parts) if before else {}
        moved, dropped = dict[str, int](), dict[str, list[str]]()
        client = s3_client(settings)
        for part in (ARCHIVE, KEYRING, *((ORIGINALS, MEDIA) if media else ())):
            bucket, held = buckets(settings)[part], folder.entries(part)
            seen = _whole(listed(client, bucket)) if part == ARCHIVE else listed(client, bucket)
            gone = {} if part == ARCHIVE else {name: one for name, one in held.items() if name not in seen}
            _believable(part, held, gone, erased)
            found, moved[part] = fetch(client, bucket, part, seen.values(), folder, tell)
            # The archive only grows: what its bucket has lost is here, and stays here.
            kept = {**held, **found} if part == ARCHIVE else found
            parts[part] = folder.write_list(part, kept.values())
            dropped[part] = [name for name in held if name not in kept]
        parts[REGISTRY], moved[REGISTRY] = _schemas(settings, folder)
        manifest = Manifest(made_at, version, parts)
        folder.finish(manifest)
        for part, names in dropped.items():  # an erased key must be gone from here too
            for name in names:
                folder.path(part, name).unlink(missing_ok=True)
    return Outcome(manifest, moved, {part: len(names) for part, names in dropped.items()})


def _schemas(settings: Settings, folder: BackupFolder) -> tuple[Part, int]:
    contents: dict[str, Callable[[], bytes]] = {
        SCHEMAS: lambda: registry.to_json(registry.exported(settings)),
        OWN_EXPORT: lambda: registry.own_export(settings),
    }
    entries, moved = [], 0
    held = folder.entries(REGISTRY)
    same_schemas = False
    for name, made in contents.items():
        known = held.get(name)
        if name == OWN_EXPORT and same_schemas and known and folder.sound(REGISTRY, known):
            entries.append(known)  # it is stamped with the time: new bytes for the same schemas
            continue
        content, path = made(), folder.path(REGISTRY, name)
        if not content:
            continue
        write_whole(path, content)
        entry = Entry(name, len(content), digest(path), "")
        same_schemas, fresh = name == SCHEMAS and known == entry, known != entry
        entries.append(entry)
        moved += fresh
    return folder.write_list(REGISTRY, entries), moved


def _whole(seen: Mapping[str, Seen]) -> dict[str, Seen]:
    """Ranges with both their files: one that is being written comes with the next run."""
    stems = {name.removesuffix(".json") for name in seen if name.endswith(".json")}
    stems &= {name.removesuffix(".avro") for name in seen if name.endswith(".avro")}
    return {name: one for name, one in seen.items() if name.rpartition(".")[0] in stems}


def _believable(part: str, held: Mapping[str, Entry], gone: Mapping[str, Entry], erased: bool) -> None:
    """Erasures come one by one. A bucket that has lost half of what it had is a loss, not to be copied."""
    if not erased and 2 * len(gone) > len(held):
        raise BackupFailed(
            f"{len(gone)} of the {len(held)} objects of {part} in the backup are gone from the bucket: this "
            "looks like a loss, and the backup is left as it was; say --accept-erasures if they were deleted"
        )
