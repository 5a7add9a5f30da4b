"""The words of a question -> what kind of question it is."""
