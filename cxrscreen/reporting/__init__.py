"""Report models to HTML and PDF."""
