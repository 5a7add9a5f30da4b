"""How much evidence survives: labelled questions, recall, and speed."""
