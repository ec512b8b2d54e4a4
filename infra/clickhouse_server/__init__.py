"""The embedded ClickHouse server: chDB's engine behind ClickHouse's HTTP protocol, on loopback.

For one machine without containers. clickhouse-connect, curl and BI tools speak to it as to the real
server; what it leaves out it refuses with a code. One process owns one data folder.
"""
