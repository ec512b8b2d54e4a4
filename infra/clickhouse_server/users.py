"""Who may come in, and with which of the engine's own settings each is held.

The engine is asked to hold the analyst, not a parser of ours: `readonly = 1` forbids writes, DDL,
every table function that reaches outside, and any change of settings, these limits included.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from infra.clickhouse_server.errors import ClickHouseError

ANALYST_LIMITS: Mapping[str, str] = {
    "max_execution_time": "30",
    "timeout_overflow_mode": "throw",
    "max_result_rows": "1000000",
    "max_result_bytes": "268435456",
    "result_overflow_mode": "throw",
    "max_memory_usage": "2147483648",
    "max_threads": "2",
}


@dataclass(frozen=True, slots=True)
class User:
    """A name, a password, and whether the engine lets it write."""

    name: str
    password: str = field(repr=False)
    writes: bool
    settings: Mapping[str, str] = field(default_factory=dict)


def writer(name: str, password: str) -> User:
    """The user of the stack. `async_insert` is the engine's default and would answer before the
    rows are there."""
    return User(name, password, writes=True, settings={"async_insert": "0"})


def analyst(name: str, password: str) -> User:
    """The read-only user, with its limits."""
    return User(name, password, writes=False, settings=ANALYST_LIMITS)


class Users:
    """The users of this server."""

    def __init__(self, users: Iterable[User]) -> None:
        self._users = {user.name: user for user in users}

    def authenticate(self, name: str, password: str) -> User:
        """The user; raises ClickHouseError 516 that does not tell which of the two is wrong."""
        user = self._users.get(name)
        known = user.password if user else ""
        equal = hmac.compare_digest(known.encode(), password.encode())
        if user is None or not equal:
            raise ClickHouseError(
                516,
                "AUTHENTICATION_FAILED",
                f"{name}: Authentication failed: password is incorrect, or there is no user with such name.",
            )
        return user
