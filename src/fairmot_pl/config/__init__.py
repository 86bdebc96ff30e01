"""From a command line to checked, plain values. Hydra lives here and in the entries only."""
