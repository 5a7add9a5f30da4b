"""Small parts that know nothing of questions and documents."""
