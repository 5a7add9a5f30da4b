"""Evaluation on labelled questions: evidence recall, ranking quality, calibration, and the comparison of budgets."""
