"""A labelled folder: read, examined for leaks and biases, split by patient; models evaluated and compared on it."""
