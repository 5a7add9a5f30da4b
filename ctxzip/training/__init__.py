"""Training of the shipped models. Needs the extra `train`; nothing else in ctxzip imports this package to compress."""
