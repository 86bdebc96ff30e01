"""Association by evidence: what a box, a look and a score say is added up as log-likelihood ratios (docs/fusion.md)."""
