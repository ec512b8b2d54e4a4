"""Messages, as fetched, become batches of columns."""
