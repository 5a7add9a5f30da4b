"""The adaptive budget: how far down a ranking to go, and the conformal guarantee."""
