"""How many walked over a line, and how many are in an area."""
