"""Sealing: personal text is encrypted under its owner's key before the log sees it.

A key per subject (a user), 32 random bytes, wrapped by the master key and kept by a `KeyStore`
outside the log. Who deletes the key deletes the text, everywhere and for good: `open` then answers
None, as if the text had never been. A key id is `<sha256 of the subject>.<the key's own tag>`; the
tag tells an erased key from its successor.
"""

import base64
import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.clock import Clock
from infra.telemetry import Log

_LOG = Log("infra")
_NONCE = 12
CACHED_KEYS = 10_000
KEY_LIFE_MS = 600_000
MISSING_LIFE_MS = 60_000


class KeyringUnavailable(Exception):
    """The key store did not answer: nothing can be sealed or opened now; try again."""


class KeyStore(Protocol):
    """Where wrapped keys are kept. Calls raise KeyringUnavailable."""

    def get(self, name: str) -> bytes | None:
        """The object, or None."""
        ...

    def create(self, name: str, body: bytes) -> bytes:
        """Store unless there is one; return the one that stands (so that two gateways agree)."""
        ...

    def delete(self, name: str) -> None:
        """Remove it; absent is fine."""
        ...


@dataclass(frozen=True, slots=True)
class _Key:
    key_id: str
    cipher: AESGCM


class Keyring:
    """Seals and opens; blocking, safe in threads, with a bounded cache of keys (10 minutes)."""

    def __init__(self, store: KeyStore, master_key: bytes, clock: Clock) -> None:
        if len(master_key) != 32:
            raise ValueError("the master key is 32 bytes (base64 in REELFOLD_MASTER_KEY)")
        self._store = store
        self._master = AESGCM(master_key)
        self._clock = clock
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, tuple[int, _Key | None]] = OrderedDict()

    def seal(self, subject: str, event_id: str, fields: Mapping[str, Any]) -> tuple[str, str]:
        """(pii, key id) of the fields under the subject's key, which is made when absent."""
        name = _name(subject)
        key = self._cached(name) or self._load(name) or self._make(name)
        nonce = secrets.token_bytes(_NONCE)
        sealed = key.cipher.encrypt(nonce, orjson.dumps(dict(fields)), event_id.encode())
        return base64.b64encode(nonce + sealed).decode(), key.key_id

    def open(self, pii: str, key_id: str, event_id: str) -> dict[str, Any] | None:
        """The sealed fields, or None when the key is gone or the text is not this event's."""
        name = key_id.partition(".")[0]
        key = self._held(name)
        if key is None or key.key_id != key_id:
            return None
        try:
            sealed = base64.b64decode(pii, validate=True)
            plain = key.cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], event_id.encode())
        except (InvalidTag, ValueError):
            return None
        fields: dict[str, Any] = orjson.loads(plain)
        return fields

    def check(self, name: str) -> None:
        """Raise KeyringUnavailable when the key stored under this name does not open with the master key."""
        body = self._store.get(name)
        if body is not None:
            self._unwrap(name, body)

    def forget(self, subject: str) -> None:
        """Delete the subject's key. Other processes may still hold it for KEY_LIFE_MS."""
        name = _name(subject)
        self._store.delete(name)
        self._remember(name, None)

    def _held(self, name: str) -> _Key | None:
        with self._lock:
            entry = self._cache.get(name)
        if entry and entry[0] > self._clock.now_ms():
            return entry[1]
        return self._load(name)

    def _cached(self, name: str) -> _Key | None:
        with self._lock:
            entry = self._cache.get(name)
        return entry[1] if entry and entry[0] > self._clock.now_ms() else None

    def _load(self, name: str) -> _Key | None:
        body = self._store.get(name)
        return self._remember(name, self._unwrap(name, body) if body else None)

    def _make(self, name: str) -> _Key:
        key_id = f"{name}.{secrets.token_hex(8)}"
        nonce = secrets.token_bytes(_NONCE)
        wrapped = nonce + self._master.encrypt(nonce, secrets.token_bytes(32), key_id.encode())
        body = orjson.dumps({"v": 1, "id": key_id, "wrapped": base64.b64encode(wrapped).decode()})
        standing = self._store.create(name, body)
        if standing == body:
            _LOG.info("key_created", key_id=key_id)
        key = self._unwrap(name, standing)
        self._remember(name, key)
        return key

    def _unwrap(self, name: str, body: bytes) -> _Key:
        """The key in a stored object; raises KeyringUnavailable when it is not readable to us."""
        try:
            record = orjson.loads(body)
            wrapped = base64.b64decode(record["wrapped"])
            plain = self._master.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], record["id"].encode())
        except (InvalidTag, ValueError, KeyError, TypeError, AttributeError):
            # not None: a wrong master key must stop the sealing, not look like an erasure
            raise KeyringUnavailable(f"key {name[:12]} does not open with this master key") from None
        return _Key(record["id"], AESGCM(plain))

    def _remember(self, name: str, key: _Key | None) -> _Key | None:
        until = self._clock.now_ms() + (KEY_LIFE_MS if key else MISSING_LIFE_MS)
        with self._lock:
            self._cache[name] = (until, key)
            self._cache.move_to_end(name)
            while len(self._cache) > CACHED_KEYS:
                self._cache.popitem(last=False)
        return key


def _name(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()


class MemoryKeyStore:
    """The key store in a dict: the twin for tests."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        return self.objects.get(name)

    def create(self, name: str, body: bytes) -> bytes:
        return self.objects.setdefault(name, body)

    def delete(self, name: str) -> None:
        self.objects.pop(name, None)
