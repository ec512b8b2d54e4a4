"""The identity provider's public keys, fetched when a token names one that is not known.

Bounded: one fetch at a time, at most one in ten seconds whatever tokens ask for, 256 KiB, 100 keys;
keys that were fetched serve on while the provider is away.
"""

import asyncio
from typing import Any

import httpx
import jwt

from api.callers.accounts import Refused
from infra.clock import Clock
from infra.telemetry import Log

_LOG = Log("api")
ALGORITHMS = ("EdDSA", "RS256")
FRESH_MS = 300_000
PAUSE_MS = 10_000
TIMEOUT_S = 3.0
MAX_BYTES = 256 << 10
MAX_KEYS = 100


class Jwks:
    """SigningKeys by URL. Keys older than five minutes are fetched again; `kid` is required."""

    algorithms = ALGORITHMS

    def __init__(self, url: str, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._clock = clock
        self._transport = transport
        self._lock = asyncio.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._tried_at = -FRESH_MS
        self._fetched_at = -FRESH_MS

    async def key_for(self, token: str) -> Any:
        key_id, algorithm = _header(token)
        if key_id not in self._keys or self._age(self._fetched_at) > FRESH_MS:
            async with self._lock:
                if self._age(self._tried_at) > PAUSE_MS:
                    await self._fetch()
        key = self._keys.get(key_id)
        # a public RSA key must not be taken for anything but RSA: the key decides the algorithm
        if key is None or key.algorithm_name != algorithm:
            raise Refused("the token's key is not known")
        return key.key

    def _age(self, since: int) -> int:
        return self._clock.now_ms() - since

    async def _fetch(self) -> None:
        self._tried_at = self._clock.now_ms()
        try:
            keys = jwt.PyJWKSet.from_json((await self._download()).decode()).keys
        except (httpx.HTTPError, jwt.PyJWTError, ValueError, TimeoutError) as error:
            _LOG.warning("jwks_unavailable", error=type(error).__name__)
            return
        usable = [key for key in keys[:MAX_KEYS] if key.key_id and key.algorithm_name in ALGORITHMS]
        self._keys = {str(key.key_id): key for key in usable}
        self._fetched_at = self._clock.now_ms()

    async def _download(self) -> bytes:
        body = b""
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx.AsyncClient(transport=self._transport, timeout=TIMEOUT_S) as client,
            client.stream("GET", self._url) as answer,
        ):
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError("the JWKS is too large")
        return body


def _header(token: str) -> tuple[str, str]:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise Refused(f"the token does not hold: {type(error).__name__}") from None
    key_id, algorithm = header.get("kid"), header.get("alg")
    if not isinstance(key_id, str) or algorithm not in ALGORITHMS:
        raise Refused("the token names no key of ours")
    return key_id, algorithm
