"""How good a classifier is, with the uncertainty that comes with few radiographs."""
