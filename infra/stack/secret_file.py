"""The local stack's own secrets: made at first start, kept mode 0600 in the data folder.

They reach the parts through the environment or through files of mode 0600, never through a command
line, which every user of the machine can read. A secret that the environment names wins.
"""

import base64
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from infra.clock import SystemClock
from infra.settings import PREFIX, InvalidSettings, Settings

FILE = "secrets.json"
_WORDS = (
    "s3_access_key",
    "s3_secret_key",
    "jwt_secret",
    "cursor_secret",
    "clickhouse_password",
    "clickhouse_reader_password",
    "redis_password",
)
_PRINCIPAL = "kafka:"

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def local_environment(environ: Mapping[str, str], *, create: bool = False) -> dict[str, str]:
    """The environment of every part: what is given, then the stack's secrets and addresses.

    With ``create`` the secrets are made when there are none yet; without it they are left out then.
    """
    given = dict(environ)
    settings = Settings.from_env(given)
    data = settings.data.resolve()
    kept = _load_or_create(data, _words(settings)) if create else kept_secrets(data)
    given[f"{PREFIX}DATA"] = str(data)
    redis_password = kept.pop("redis_password", "")
    if redis_password:
        given[f"{PREFIX}REDIS_URL"] = _with_password(settings.redis_url.get_secret_value(), redis_password)
    for name, value in kept.items():
        if not name.startswith(_PRINCIPAL):  # each part is given its own, by the table of parts
            given.setdefault(PREFIX + name.upper(), value)
    if settings.stack_tls:
        _secure(given, settings, kept, create)
    media = f"http{'s' if settings.stack_tls else ''}://{settings.s3_endpoint}/{settings.bucket_media}"
    given.setdefault(f"{PREFIX}MEDIA_BASE_URL", media)
    # Tokens for anybody are for this machine; who opens the API to a network must ask for them by name.
    given.setdefault(f"{PREFIX}DEV_ISSUER", "true" if settings.api_host in LOOPBACK else "false")
    return given


def local_settings(environ: Mapping[str, str], *, create: bool = False) -> Settings:
    """The settings of the local stack that this environment describes."""
    return Settings.from_env(local_environment(environ, create=create))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    half = path.with_name(path.name + ".half")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.rename(path)


def kept_secrets(data: Path) -> dict[str, str]:
    """What the folder keeps, nothing before the first start. Raises InvalidSettings: to go on without
    would make new secrets beside old data."""
    path = data / FILE
    try:
        return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}
    except (ValueError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not the JSON that the stack wrote"
        raise InvalidSettings(f"the secrets in {path} cannot be read: {why}; bring the file back") from None


def principal_word(name: str) -> str:
    """Under what a Kafka principal's password is kept."""
    return _PRINCIPAL + name


def _words(settings: Settings) -> tuple[str, ...]:
    if not settings.stack_tls:
        return _WORDS
    from infra.stack.wires import principals

    return (*_WORDS, *map(principal_word, principals(settings)))


def _secure(given: dict[str, str], settings: Settings, kept: Mapping[str, str], create: bool) -> None:
    from infra.stack import wires

    if create:
        wires.prepared(settings, SystemClock().now_ms())
    wires.secured(given, settings, kept)


def _load_or_create(data: Path, words: Iterable[str]) -> dict[str, str]:
    kept = kept_secrets(data)
    fresh = {name: secrets.token_urlsafe(32) for name in words}
    # AES-256 wants 32 bytes exactly.
    fresh["master_key"] = base64.b64encode(secrets.token_bytes(32)).decode()
    fresh["s3_access_key"] = "reelfold"
    if fresh.keys() - kept.keys():
        data.mkdir(parents=True, exist_ok=True)
        kept = {**fresh, **kept}
        write_private(data / FILE, json.dumps(kept, indent=1))
    return kept


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    if parts.password:
        return url
    return urlunsplit(parts._replace(netloc=f":{password}@{parts.hostname}:{parts.port}"))
