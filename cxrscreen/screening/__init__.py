"""A folder of files in, a batch of reports out; every file accounted for."""
