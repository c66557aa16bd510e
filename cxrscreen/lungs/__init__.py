"""Where the lungs are in a radiograph, and whether that can be believed."""
