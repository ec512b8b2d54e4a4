"""Benchmarks: every stage beside its peers and its physical floor, in the same minute on the same machine."""
