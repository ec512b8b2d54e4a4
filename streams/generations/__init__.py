"""Which generations there are, which is live, and how it comes to be another."""
