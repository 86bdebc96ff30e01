"""From pixels to tracks: the detector, frames in and out of files, and drawings of what was found."""
