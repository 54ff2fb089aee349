"""Pure losses: arrays in, one value per example out."""
