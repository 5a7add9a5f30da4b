"""Passage text -> language, blocks, sentences, spans."""
