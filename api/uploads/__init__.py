"""From an upload to a published video, and its deletion."""
