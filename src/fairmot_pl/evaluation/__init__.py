"""Tracking metrics as pure functions on arrays: HOTA, CLEAR and identity figures that equal TrackEval's."""
