"""Kept units -> texts, contexts and records."""
