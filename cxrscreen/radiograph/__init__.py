"""Bytes to a radiograph that may be screened."""
