"""Credentials: who gets in, and every way not to."""

import base64
import json
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from api.callers.accounts import Refused
from api.callers.credentials import Credentials, NoKeys, SharedKey, load_keys
from api.callers.jwks import PAUSE_MS, Jwks
from infra.clock import HandClock
from infra.settings import InvalidSettings
from tests.api.door import NARROW_KEY, NOW, SECRET, SERVICE_KEY, Door, like

GOOD = {"sub": "ann", "aud": "reelfold", "exp": NOW // 1_000 + 60}


def signed(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return jwt.encode(claims, secret, algorithm=algorithm)


@pytest.fixture
def credentials() -> Credentials:
    return Credentials([], SharedKey(SECRET), "reelfold", HandClock(NOW))


async def test_a_token_stands_for_its_subject(credentials: Credentials) -> None:
    principal = await credentials.principal(signed(scope="a b"))
    assert (principal.actor_id, principal.role) == ("ann", "user")
    assert principal.scopes == {"a", "b"}


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": NOW // 1_000},
        {"exp": True},
        {"exp": "soon"},
        {"nbf": NOW // 1_000 + 120},
        {"aud": None},
        {"aud": "another"},
        {"sub": None},
        {"sub": ""},
        {"sub": "a b"},
        {"sub": "svc:backfill"},
        {"sub": "anon:d1"},
        {"role": "device"},
        {"role": "service"},
        {"role": ["user"]},
        {"secret": "another shared key of at least 32 bytes"},
        {"algorithm": "HS512", "secret": SECRET * 2},
    ],
)
async def test_a_token_that_does_not_hold_is_refused(
    credentials: Credentials, changes: dict[str, Any]
) -> None:
    with pytest.raises(Refused):
        await credentials.principal(signed(**changes))


@pytest.mark.parametrize("text", ["", "a.b.c", "\ud800", "x" * 10_000, "rf_x_short", "é.é.é"])
async def test_nonsense_is_refused(credentials: Credentials, text: str) -> None:
    with pytest.raises(Refused):
        await credentials.principal(text)


async def test_an_unsigned_token_is_refused(credentials: Credentials) -> None:
    head, body = ({"alg": "none"}, GOOD)
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (head, body)
    ]
    with pytest.raises(Refused):
        await credentials.principal(".".join([*parts, ""]))


async def test_a_remembered_token_expires_all_the_same() -> None:
    clock = HandClock(NOW)
    credentials = Credentials([], SharedKey(SECRET), "reelfold", clock)
    token = signed()
    await credentials.principal(token)
    clock.advance(60_000)
    with pytest.raises(Refused, match="expired"):
        await credentials.principal(token)


async def test_without_an_issuer_no_token_is_good() -> None:
    with pytest.raises(Refused):
        await Credentials([], NoKeys(), "reelfold", HandClock(NOW)).principal(signed())


def test_a_short_shared_key_is_refused_at_start() -> None:
    with pytest.raises(InvalidSettings):
        SharedKey("short")


async def test_api_keys_rotate_and_a_wrong_secret_is_refused() -> None:
    door = Door()
    for key in (SERVICE_KEY, NARROW_KEY, "rf_backfill_an_older_key_0000"):
        answer = await door.post([like() | ({"actor_id": "ann"} if key == SERVICE_KEY else {})], token=key)
        assert answer.status_code == 202
    assert (await door.post([like()], token=SERVICE_KEY + "x")).status_code == 401
    assert (await door.post([like()], token="rf_nobody_0123456789abcdef")).status_code == 401


def test_a_key_file_that_is_wrong_is_named(tmp_path: Any) -> None:
    path = tmp_path / "keys.json"
    path.write_text('[{"id": "a", "sha256": "secret"}]')
    with pytest.raises(InvalidSettings, match="API_KEYS_FILE"):
        load_keys(str(path))


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer ", "bearer", "x", "Bearer a b"])
async def test_401_says_how_to_come_in(header: str) -> None:
    answer = await Door().http.post("/v1/events", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_no_credential_is_401() -> None:
    assert (await Door().http.post("/v1/events")).json()["code"] == "no_credential"


async def test_the_dev_issuer_is_there_only_when_asked_for() -> None:
    assert (await Door().http.post("/v1/dev/tokens", json={"user_id": "ann"})).status_code == 404
    door = Door(dev_issuer=True)
    token = (await door.http.post("/v1/dev/tokens", json={"user_id": "zoe"})).json()["token"]
    assert (await door.post([like()], token=token)).status_code == 202
    assert door.log.events[0]["actor_id"] == "zoe"
    device = (await door.http.post("/v1/dev/tokens", json={"device_id": "d9"})).json()["token"]
    assert (await door.post([like()], token=device)).json()["events"][0]["code"] == "forbidden_type"
    for wrong in ({}, {"user_id": "a", "device_id": "b"}, {"user_id": "anon:x"}):
        assert (await door.http.post("/v1/dev/tokens", json=wrong)).status_code == 422


class Provider:
    """An identity provider: keys that can be rotated, fetches that are counted."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.fetches = 0
        self.down = False
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, _: httpx.Request) -> httpx.Response:
        self.fetches += 1
        return httpx.Response(503) if self.down else httpx.Response(200, json={"keys": self.keys})

    def make(self, key_id: str, algorithm: str) -> Any:
        key: Any = (
            Ed25519PrivateKey.generate() if algorithm == "EdDSA" else generate_private_key(65_537, 2_048)
        )
        to_jwk: Any = jwt.get_algorithm_by_name(algorithm)
        public = json.loads(to_jwk.to_jwk(key.public_key()))
        self.keys.append(public | {"kid": key_id, "alg": algorithm, "use": "sig"})
        return key


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
async def test_jwks_keys_verify_are_kept_and_rotate(algorithm: str) -> None:
    clock, provider = HandClock(NOW), Provider()
    first = provider.make("one", algorithm)
    credentials = Credentials([], Jwks("http://idp", clock, provider.transport), "reelfold", clock)

    def token(key: Any, key_id: str, **claims: Any) -> str:
        return jwt.encode(GOOD | claims, key, algorithm=algorithm, headers={"kid": key_id})

    assert (await credentials.principal(token(first, "one"))).actor_id == "ann"
    provider.down = True
    assert (await credentials.principal(token(first, "one", sub="bob"))).actor_id == "bob"
    assert provider.fetches == 1
    for index in range(20):  # tokens that name unknown keys do not make us hammer the provider
        with pytest.raises(Refused):
            await credentials.principal(token(first, f"unknown-{index}"))
    assert provider.fetches == 1
    provider.down = False
    second = provider.make("two", algorithm)
    clock.advance(PAUSE_MS + 1)
    assert (await credentials.principal(token(second, "two"))).actor_id == "ann"


async def test_a_public_key_is_not_taken_for_a_shared_secret() -> None:
    clock, provider = HandClock(NOW), Provider()
    key = provider.make("one", "RS256")
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps(GOOD).encode()).rstrip(b"=").decode()
    forged = jwt.get_algorithm_by_name("HS256").sign(f"{header}.{body}".encode(), pem)
    signature = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
    credentials = Credentials([], Jwks("http://idp", clock, provider.transport), "reelfold", clock)
    with pytest.raises(Refused):
        await credentials.principal(f"{header}.{body}.{signature}")
