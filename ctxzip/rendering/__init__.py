"""Kept units -> texts, prompt-ready contexts and records."""
