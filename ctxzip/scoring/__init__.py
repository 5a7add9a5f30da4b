"""Question and units -> the probability that each unit is evidence."""
