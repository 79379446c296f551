"""The accuracy room."""
