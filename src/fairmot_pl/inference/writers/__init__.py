"""What tracking leaves, written frame by frame, so that a process that dies in the middle loses nothing before it."""
