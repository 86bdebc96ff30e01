"""Many sources through one network: reading, network and writing overlap, and frames never pile up."""
