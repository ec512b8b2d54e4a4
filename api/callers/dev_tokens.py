"""POST /v1/dev/tokens: the local stack's issuer. The application has it only with REELFOLD_DEV_ISSUER."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from api.documented import documented
from api.parts import PartsOf
from infra.access.tokens import TOKEN_LIFE_S, mint

router = APIRouter(tags=["development"])
_Id = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")]


class TokenRequest(BaseModel):
    """For whom: a user, or an anonymous device."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"user_id": "ann"}]})
    user_id: _Id | None = None
    device_id: _Id | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "TokenRequest":
        if (self.user_id is None) == (self.device_id is None):
            raise ValueError("name a user_id or a device_id")
        return self


class Token(BaseModel):
    """A bearer token."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"token": "eyJhbGci...", "token_type": "Bearer", "expires_in": 900}]}
    )
    token: str
    token_type: str = "Bearer"
    expires_in: int


@router.post("/v1/dev/tokens", status_code=201, responses=documented(400, 408, 413, 422))
async def post_token(wanted: TokenRequest, parts: PartsOf) -> Token:
    """A token for anybody, without a proof: for development only."""
    token = mint(
        parts.settings,
        parts.clock.now_ms(),
        user_id=wanted.user_id or "",
        device_id=wanted.device_id or "",
    )
    return Token(token=token, expires_in=TOKEN_LIFE_S)
