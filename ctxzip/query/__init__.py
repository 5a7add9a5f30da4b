"""Query -> its kind, its complexity and its entities, by English rules and a small linear model."""
