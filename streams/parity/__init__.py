"""Whether two generations are the same, by counts and order-free sums of what both stores hold."""
