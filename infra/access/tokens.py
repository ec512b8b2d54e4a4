"""Tokens of the local stack: JWTs signed with the shared key. A deployment has its own issuer."""

from collections.abc import Sequence
from typing import Any

import jwt

from infra.settings import InvalidSettings, Settings

TOKEN_LIFE_S = 900
SECRET_BYTES = 32


def mint(
    settings: Settings,
    now_ms: int,
    *,
    user_id: str = "",
    device_id: str = "",
    role: str = "",
    scopes: Sequence[str] = (),
    life_s: int = TOKEN_LIFE_S,
) -> str:
    """A token for a user or, by device_id, for an anonymous device; raises InvalidSettings."""
    settings.need("jwt_secret")
    secret = settings.jwt_secret.get_secret_value()
    if len(secret.encode()) < SECRET_BYTES:
        raise InvalidSettings(f"REELFOLD_JWT_SECRET: at least {SECRET_BYTES} bytes")
    if bool(user_id) == bool(device_id):
        raise ValueError("a token is for a user or for a device")
    claims: dict[str, Any] = {
        "sub": user_id or f"anon:{device_id}",
        "role": role or ("user" if user_id else "device"),
        "aud": settings.jwt_audience,
        "iat": now_ms // 1_000,
        "exp": now_ms // 1_000 + life_s,
    }
    if scopes:
        claims["scope"] = " ".join(scopes)
    return jwt.encode(claims, secret, algorithm="HS256")
