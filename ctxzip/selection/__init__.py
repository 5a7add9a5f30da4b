"""Scores and limits -> the units that are kept."""
