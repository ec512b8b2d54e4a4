"""Who may do what: names, tokens, keys, certificates."""
