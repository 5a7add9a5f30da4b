"""Query and passages -> units, and the probability of each that it is evidence."""
