"""Who may post what: event type x role. Literal data; a type that is not here nobody may post."""

from api.callers.accounts import Role

_ALL: frozenset[Role] = frozenset(["user", "device", "service", "operator"])
_PEOPLE: frozenset[Role] = frozenset(["user", "service", "operator"])
_STAFF: frozenset[Role] = frozenset(["service", "operator"])
_SERVICES: frozenset[Role] = frozenset(["service"])
_NOBODY: frozenset[Role] = frozenset()
"""Facts about the operation itself: told by the commands that do it, never over HTTP."""

MAY_POST: dict[str, frozenset[Role]] = {
    "user.registered": _PEOPLE,  # a user: the own account only
    "user.profile_updated": _PEOPLE,
    "user.followed": _PEOPLE,
    "user.unfollowed": _PEOPLE,
    "video.described": _PEOPLE,  # a user: own videos only
    "video.deleted": _PEOPLE,
    "video.upload_started": _SERVICES,  # people upload through /v1/uploads
    "video.uploaded": _SERVICES,
    "video.validated": _SERVICES,
    "video.rejected": _STAFF,
    "video.published": _SERVICES,
    "rendition.created": _SERVICES,
    "playlist.created": _SERVICES,
    "thumbnail.created": _SERVICES,
    "transcode.requested": _STAFF,
    "transcode.completed": _SERVICES,
    "transcode.failed": _SERVICES,
    "view.started": _ALL,
    "view.ended": _ALL,
    "view.heartbeat": _ALL,
    "video.liked": _PEOPLE,
    "video.unliked": _PEOPLE,
    "video.shared": _PEOPLE,
    "comment.created": _PEOPLE,
    "comment.deleted": _PEOPLE,
    "feed.served": _SERVICES,
    "feed.impression": _PEOPLE,
    "replay.started": _NOBODY,
    "replay.finished": _NOBODY,
    "parity.checked": _NOBODY,
    "generation.promoted": _NOBODY,
    "generation.dropped": _NOBODY,
    "deadletters.redriven": _NOBODY,
    "deadletters.discarded": _NOBODY,
    "backup.archived": _NOBODY,
}

OWN_ACCOUNT = frozenset(["user.registered", "user.profile_updated"])
"""Types whose user_id is the actor, unless a service or an operator posts them."""

OWN_VIDEO = frozenset(["video.described", "video.deleted"])
"""Types whose video is the actor's, by the catalog, unless a service or an operator posts them."""


def may_post(role: Role, event_type: str) -> bool:
    """Whether the table allows it."""
    return role in MAY_POST.get(event_type, frozenset())
