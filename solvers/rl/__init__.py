"""The rl room."""
