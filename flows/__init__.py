"""Thin Prefect flows over the use cases of cxrscreen."""
