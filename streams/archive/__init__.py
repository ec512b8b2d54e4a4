"""The archive of the log: closed ranges as files in S3, written, read back, and poured into an empty log."""
