"""Annotations to training samples: one reader a format, one record out, amodal boxes kept whole."""
