"""The log from outside the lane: settings, writing, reading."""
