"""Backup and restore of what cannot be folded again: the archive, the sealing keys, the registry's ids."""
