"""The dance room."""
