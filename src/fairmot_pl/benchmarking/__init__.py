"""Measure speed and memory against yardsticks that carry over between machines. Synthetic data only."""
