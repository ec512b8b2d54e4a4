"""Fault runs: the real stack, seeded load, a fault, and an oracle that folds what was acknowledged."""
