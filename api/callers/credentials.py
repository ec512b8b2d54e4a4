"""Credentials -> principals: API keys by hash, JWTs by shared key or JWKS."""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jwt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from api.callers.accounts import ANONYMOUS, Principal, Refused, Role
from infra.clock import Clock
from infra.settings import InvalidSettings

_ACTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
_API_KEY = re.compile(r"rf_([A-Za-z0-9-]{1,32})_([A-Za-z0-9_-]{16,128})")
_ROLES: dict[str, Role] = {"user": "user", "device": "device", "operator": "operator"}
MAX_TOKEN = 8_192
REMEMBERED = 10_000


class ApiKey(BaseModel):
    """A server's key as it is kept: `rf_<id>_<secret>` by its SHA-256. Two may share an id: rotation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9-]{1,32}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: frozenset[str] = frozenset()
    source: str = Field(pattern=r"^/[A-Za-z0-9/._-]{1,63}$")


def load_keys(path: str) -> tuple[ApiKey, ...]:
    """The keys of a JSON file, none when no path is set; raises InvalidSettings."""
    if not path:
        return ()
    try:
        return TypeAdapter(tuple[ApiKey, ...]).validate_json(Path(path).read_bytes())
    except (OSError, ValidationError) as error:
        raise InvalidSettings(f"REELFOLD_API_KEYS_FILE: {type(error).__name__} reading {path}") from None


class SigningKeys(Protocol):
    """Where the key that verifies a token comes from."""

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What it may be signed with."""
        ...

    async def key_for(self, token: str) -> Any:
        """The key for this token's header; raises Refused."""
        ...


@dataclass(frozen=True, slots=True)
class SharedKey:
    """One HS256 key that the issuer shares with us, at least 32 bytes."""

    secret: str
    algorithms: tuple[str, ...] = ("HS256",)

    def __post_init__(self) -> None:
        if len(self.secret.encode()) < 32:
            raise InvalidSettings("REELFOLD_JWT_SECRET: at least 32 bytes")

    async def key_for(self, token: str) -> Any:
        return self.secret


class NoKeys:
    """No issuer is configured: every token is refused."""

    algorithms: tuple[str, ...] = ()

    async def key_for(self, token: str) -> Any:
        raise Refused("this server takes no JWTs: no issuer is configured")


class Credentials:
    """The Authenticator of the API. Verified tokens are remembered until they expire."""

    def __init__(self, api_keys: Iterable[ApiKey], signing: SigningKeys, audience: str, clock: Clock) -> None:
        self._api_keys = tuple(api_keys)
        self._signing = signing
        self._audience = audience
        self._clock = clock
        self._verified: OrderedDict[bytes, tuple[int, Principal]] = OrderedDict()

    async def principal(self, credential: str) -> Principal:
        if match := _API_KEY.fullmatch(credential):
            return self._of_key(credential, match[1])
        if len(credential) > MAX_TOKEN:
            raise Refused("the token is too long")
        return await self._of_token(credential)

    def _of_key(self, credential: str, key_id: str) -> Principal:
        digest = hashlib.sha256(credential.encode()).hexdigest()
        held = [key for key in self._api_keys if key.id == key_id]
        # all of them are compared, each in constant time
        matches = [key for key in held if hmac.compare_digest(key.sha256, digest)]
        if not matches:
            raise Refused("the API key is not known")
        key = matches[0]
        role: Role = "operator" if "operator" in key.scopes else "service"
        return Principal(f"svc:{key.id}", role, key.source, key.scopes)

    async def _of_token(self, token: str) -> Principal:
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        now_s = self._clock.now_ms() // 1_000
        if (held := self._verified.get(digest)) and held[0] > now_s:
            return held[1]
        key = await self._signing.key_for(token)
        claims = self._claims(token, key)
        if claims["exp"] <= now_s:
            raise Refused("the token has expired")
        if claims.get("nbf", 0) > now_s + 60:
            raise Refused("the token is not valid yet")
        principal = _principal(claims)
        self._verified[digest] = (claims["exp"], principal)
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return principal

    def _claims(self, token: str, key: Any) -> dict[str, Any]:
        """Verified claims. The clock is ours, so that the dates are checked by the caller."""
        options: Any = {
            "require": ["exp", "aud", "sub"],
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        }
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(self._signing.algorithms),
                audience=self._audience,
                options=options,
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Refused(f"the token does not hold: {type(error).__name__}") from None
        if not all(_is_date(claims.get(name, 0)) for name in ("exp", "nbf")):
            raise Refused("the token's dates are not numbers")
        return claims


def _is_date(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _principal(claims: dict[str, Any]) -> Principal:
    subject, role_name = claims["sub"], claims.get("role", "user")
    role = _ROLES.get(role_name) if isinstance(role_name, str) else None
    if role is None:
        raise Refused("the token's role is not one of ours")
    if not isinstance(subject, str) or not _ACTOR.fullmatch(subject) or subject.startswith("svc:"):
        raise Refused("the token's subject is not a user id")
    if subject.startswith(ANONYMOUS) != (role == "device"):
        raise Refused("the token's subject and role do not fit")
    scope = claims.get("scope", "")
    scopes = frozenset(scope.split()) if isinstance(scope, str) else frozenset[str]()
    return Principal(subject, role, "/ops" if role == "operator" else "/client", scopes)
