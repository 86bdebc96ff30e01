"""What wandb, TensorBoard and MLflow are shown beyond single figures: one record of what there is, one file a board."""
