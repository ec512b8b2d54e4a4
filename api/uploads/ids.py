"""Upload ids that carry their own proof: `<video_id>.<tag>`, the tag over video and creator.

So an upload's owner can be told from the id and the caller alone, before any fold has heard of it: a
read right after the POST does not say 404, and nobody else's id works.
"""

import hashlib
import hmac

TAG_HEX = 24


def upload_id_of(secret: bytes, video_id: str, creator_id: str) -> str:
    """The id of the upload that brings this video in for this account."""
    return f"{video_id}.{_tag(secret, video_id, creator_id)}"


def video_id_of(secret: bytes, upload_id: str, creator_id: str) -> str | None:
    """The video of an upload id, when this account opened it here; else None."""
    video_id, _, tag = upload_id.rpartition(".")
    return (
        video_id if hmac.compare_digest(tag.encode(), _tag(secret, video_id, creator_id).encode()) else None
    )


def _tag(secret: bytes, video_id: str, creator_id: str) -> str:
    message = b"upload\0" + video_id.encode() + b"\0" + creator_id.encode()
    return hmac.digest(secret, message, hashlib.sha256).hex()[:TAG_HEX]
