"""The rim: Lightning and wandb live here and nowhere else."""
