#!/bin/sh
# Run once by the server's image at first start: the writer and the analyst.
set -eu
clickhouse-client --user "$CLICKHOUSE_USER" --password "$CLICKHOUSE_PASSWORD" \
    --param_writer_password="$WRITER_PASSWORD" --param_analyst_password="$ANALYST_PASSWORD" \
    --queries-file /reelfold/users.sql
