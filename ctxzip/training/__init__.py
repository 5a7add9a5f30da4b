"""How the shipped model was made. Needs the extra `train`; nothing here is imported at run time."""
