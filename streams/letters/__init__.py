"""Dead letters: parked, read again, settled."""
