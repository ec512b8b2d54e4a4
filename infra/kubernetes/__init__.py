"""The manifests, and what reads and judges them."""
