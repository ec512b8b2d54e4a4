"""The lane: from the fetch to the folds, on a thread of its own, one for each sink."""
