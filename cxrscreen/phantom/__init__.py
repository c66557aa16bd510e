"""Chest radiographs that the project draws itself: no patient, no finding, no meaning in their scores."""
