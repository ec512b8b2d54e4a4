"""ClickHouse's tables as numbered migrations, and the users of a real server, as SQL."""
