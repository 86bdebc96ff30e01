"""The network: trunk, aggregation neck and two homogeneous heads, in plain torch."""
