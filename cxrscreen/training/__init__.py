"""A labelled folder to a model bundle."""
