"""Search of tracker settings on recorded network outputs, and how much of the gain holds elsewhere."""
