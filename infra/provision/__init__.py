"""What the parts expect to find, made."""
