"""Batch screening of chest radiographs, COVID-19 against normal.

A prototype: not for medical use, not for diagnosis.
"""

__version__ = "0.1.0"
