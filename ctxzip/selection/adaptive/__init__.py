"""The adaptive budget and the conformal guarantee: how far down the ranking of a query units are kept.

Every unit of a query has a depth, 0 for the best and rising down the ranking (`depth`). It is computed from the
probabilities alone, or by a forest that was fitted to the shape of rankings (`features`, `fitted_depth`). A policy keeps
every unit of at most one depth, so a larger number keeps a superset.

That number is calibrated (`guarantee`). For a labelled query the needed depth is known: the smallest at which all its needed
evidence is kept; it is the calibration score. With n exchangeable queries, the needed depth of rank ceil((n + 1) * recall)
covers a further query with at least that probability, however good the scores are (split conformal prediction: Vovk,
Gammerman and Shafer 2005; Lei et al. 2018; for nested sets Gupta, Kuchibhotla and Ramdas 2022, and conformal risk control,
Angelopoulos et al. 2022, with a loss of 1 where evidence is missed). Kinds of query with enough labelled queries have a
number of their own (Mondrian conformal prediction: Vovk et al. 2003).
"""
