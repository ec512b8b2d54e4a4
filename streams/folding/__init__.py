"""A fold at work inside the worker: what it is handed, where it stands, and when it stands still."""
