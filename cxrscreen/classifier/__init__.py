"""Prepared radiographs to feature maps, scores, predictions and activation maps."""
