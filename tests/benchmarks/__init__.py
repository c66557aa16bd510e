"""Measurements, run by hand as ``python -m tests.benchmarks.<name>``; none of them is collected as a test."""
