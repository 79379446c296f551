"""Accelerator/network co-design as one Gymnasium environment."""
