"""What the renditions room keeps: jobs (a fold), leases on them, and the objects themselves.

ObjectMissing is a ProjectionError: the object is not there, waiting will not bring it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from projections.position import ProjectionError
from projections.renditions.fold import Job

FOREVER = "public, max-age=31536000, immutable"
"""Cache-Control of content-addressed objects."""
PRIVATE = "private, no-store"
"""Cache-Control of originals and uploads."""


class ObjectMissing(ProjectionError):
    """No object has this key."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"{bucket}/{key} is not there")
        self.bucket = bucket
        self.key = key


class RenditionsReads(Protocol):
    """One generation's jobs, read without blocking. May raise StoreUnavailable."""

    async def job(self, video_id: str) -> Job:
        """The job of a video; an empty one when no fact told of it."""
        ...

    async def pending(self, limit: int) -> list[Job]:
        """Jobs with something to do, oldest first, in rounds of one for each creator.

        Fair among the 2,000 oldest. A job that is being worked on is among them: leases say so.
        """
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim on a job; ``token`` grows with every claim of any job (fencing). ``tries``: claims since one
    was last released in order, this one included: those in between ended with their workers."""

    job_id: str
    token: int
    tries: int = 1


class Leases(Protocol):
    """Claims on jobs that end by themselves. May raise StoreUnavailable. Outside every generation."""

    async def claim(self, job_id: str, ttl_ms: int) -> Lease | None:
        """A lease for so long, or None while somebody holds one."""
        ...

    async def renew(self, lease: Lease, ttl_ms: int) -> bool:
        """Make it last so long from now; False when it was lost."""
        ...

    async def holds(self, lease: Lease) -> bool:
        """Whether it is still ours: asked before facts are published."""
        ...

    async def release(self, lease: Lease, in_order: bool = True) -> None:
        """End it, if it is still ours; ``in_order`` begins to count its tries anew."""
        ...


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store says of an object; ``modified_ms`` is when its bytes came, epoch ms by the store's clock
    (S3 tells whole seconds), 0 where it does not tell."""

    bytes: int
    content_type: str
    etag: str
    modified_ms: int = 0


class Objects(Protocol):
    """Files under keys in buckets. Blocking: call in a thread. May raise StoreUnavailable."""

    def put_file(self, bucket: str, key: str, path: Path, content_type: str, cache_control: str) -> None:
        """Store a file under a key, in the place of what was there; readers see the old or the new."""
        ...

    def get_file(self, bucket: str, key: str, path: Path) -> None:
        """Copy an object into a file; raises ObjectMissing."""
        ...

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """What is known of an object, or None when it is not there."""
        ...

    def exists(self, bucket: str, key: str) -> bool:
        """Whether an object is there."""
        ...

    def remove(self, bucket: str, key: str) -> None:
        """Remove an object; nothing happens when it is not there."""
        ...

    def presigned_put(self, bucket: str, key: str, ttl_s: int) -> str:
        """A URL to which one PUT may write this object within so many seconds. No network."""
        ...
