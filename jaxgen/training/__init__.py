"""The loop and what it needs: checkpoints, devices, writers, guards. Knows no model."""
