"""What is said of an upload, by the client and to it. Times are epoch milliseconds."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from api.reading.models import ID, VIDEO_ID, example
from projections.catalog.store import VideoState


def _bare(tag: object) -> object:
    return tag.removeprefix("#").lower() if isinstance(tag, str) else tag


Hashtag = Annotated[
    str, BeforeValidator(_bare), StringConstraints(min_length=1, max_length=64, pattern=r"^[^\s#,\x00]+$")
]
"""Without the sign and in lower case, as the log keeps it; the client may send either."""
Ident = Annotated[str, StringConstraints(max_length=128, pattern=ID)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""No NUL: neither what the door takes in nor what C programs read."""


class UploadRequest(BaseModel):
    """What a client says of a video before it sends its bytes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"title": "Sunrise", "caption": "over the lake", "hashtags": ["morning"]}]
        },
    )
    title: Text = Field("", max_length=150)
    caption: Text = Field("", max_length=2200)
    hashtags: list[Hashtag] = Field(default=[], max_length=30)
    mentions: list[Ident] = Field(default=[], max_length=30)
    sound_id: Ident | None = None
    visibility: Literal["public", "followers", "private"] = "public"
    publish: Literal["auto", "draft"] = "auto"
    bytes: int | None = Field(None, ge=0, lt=1 << 63, strict=True, description="Size, if it is known.")
    mime: Text | None = Field(None, max_length=64)


class UploadOpened(BaseModel):
    """Where the bytes go: one PUT to ``put_url`` before ``expires_at``, then POST .../complete."""

    model_config = example(
        upload_id=f"{VIDEO_ID}.5f2c", video_id=VIDEO_ID, put_url="http://127.0.0.1:19000/reelfold-uploads/...",
        expires_at=1_800_003_600_000, max_bytes=500_000_000,
    )  # fmt: skip
    upload_id: str
    video_id: str
    put_url: str
    expires_at: int
    max_bytes: int


UploadState = Literal["started", "processing", "ready", "published", "rejected", "failed", "deleted"]


class Refusal(BaseModel):
    """Why an upload did not become a video."""

    model_config = example(code="too_long", detail="the video is 14400 s long, at most 180 s are taken")
    code: str
    detail: str | None


class UploadView(BaseModel):
    """How far an upload is."""

    model_config = example(
        upload_id=f"{VIDEO_ID}.5f2c", video_id=VIDEO_ID, state="processing", publish="auto",
        reason=None, rungs_done=[360, 480], duration_ms=6000,
    )  # fmt: skip
    upload_id: str
    video_id: str
    state: UploadState
    publish: str | None = Field(description="null until the upload is folded")
    reason: Refusal | None = Field(description="set when state is rejected or failed")
    rungs_done: list[int]
    duration_ms: int | None


class Accepted(BaseModel):
    """The log has it; reads follow within moments."""

    model_config = example(video_id=VIDEO_ID, state="published")
    video_id: str
    state: VideoState
