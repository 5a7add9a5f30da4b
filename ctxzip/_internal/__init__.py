"""Helpers of a general kind, independent of queries and documents."""
