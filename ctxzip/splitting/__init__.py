"""Passage text -> units."""
