"""The adaptive budget, and the conformal guarantee: how far down a ranking to go.

Every unit of a query has a *depth*, 0 for the best and rising down the ranking; a policy keeps every unit whose depth is
at most one number. Depths come from the probabilities alone (`depth.DEPTHS`), or from a forest that was fitted to the shape
of the ranked scores (`features`). Larger numbers keep supersets, so one number for each kind of query decides everything and
can be calibrated: for labelled queries the *need* is known, the depth at which all their needed evidence is kept. With n
exchangeable queries, the need at rank ceil((n + 1) * recall) covers a further one with at least that probability, whatever
the quality of the scores (split conformal prediction: Vovk, Gammerman and Shafer 2005; Lei et al. 2018; for nested sets Gupta,
Kuchibhotla and Ramdas 2022, and conformal risk control, Angelopoulos et al. 2022, whose loss is here 1 where evidence is
missed). Kinds of query with enough labelled queries have a number of their own (Mondrian conformal prediction: Vovk et al.
2003).
"""
