"""Who is calling, and what their role may post."""
