"""Passage text -> its language, and the blocks and sentences that become units."""
