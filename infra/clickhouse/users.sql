-- The two users on a real server, run once by an administrator:
--   clickhouse-client --param_writer_password=... --param_analyst_password=... < users.sql
-- (the wildcard covers the databases that the contract suites make for themselves)
-- The embedded server has the same two built in; their passwords come from its environment.
CREATE SETTINGS PROFILE IF NOT EXISTS reelfold_writer SETTINGS async_insert = 0;
CREATE SETTINGS PROFILE IF NOT EXISTS reelfold_analyst SETTINGS
    readonly = 1, max_execution_time = 30, timeout_overflow_mode = 'throw', max_result_rows = 1000000,
    max_result_bytes = 268435456, result_overflow_mode = 'throw', max_memory_usage = 2147483648, max_threads = 2;
CREATE USER IF NOT EXISTS writer IDENTIFIED BY {writer_password:String} SETTINGS PROFILE 'reelfold_writer';
CREATE USER IF NOT EXISTS analyst IDENTIFIED BY {analyst_password:String} SETTINGS PROFILE 'reelfold_analyst';
GRANT ALL ON reelfold*.* TO writer;
GRANT SELECT, SHOW ON reelfold*.* TO analyst;
