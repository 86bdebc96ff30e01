"""Detections of each frame to tracks, online: motion, appearance and assignment, in NumPy and SciPy alone."""
