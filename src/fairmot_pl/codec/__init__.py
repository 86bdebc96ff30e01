"""Boxes and identities to stride-4 maps and back: one convention, both directions."""
