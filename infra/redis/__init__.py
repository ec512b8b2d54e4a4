"""One link to Redis for those who await: patience, together, watched."""
