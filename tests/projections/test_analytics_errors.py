"""What ClickHouse says when it only needs time, told from what is a bug."""

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from urllib3.exceptions import ReadTimeoutError

from projections.analytics.asking import answering
from projections.position import StoreUnavailable


@pytest.mark.parametrize(
    "error",
    [
        DatabaseError("TOO_MANY_PARTS", code=252),
        DatabaseError("MEMORY_LIMIT_EXCEEDED", code=241),
        OperationalError("no connection"),
        ReadTimeoutError(None, None, "hangs"),  # type: ignore[arg-type]
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_what_passes_is_waited_for(error: Exception) -> None:
    with pytest.raises(StoreUnavailable), answering():
        raise error


def test_what_does_not_pass_is_a_bug() -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"), answering():
        raise DatabaseError("UNKNOWN_TABLE", code=60)
