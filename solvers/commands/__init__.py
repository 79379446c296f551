"""The commands of `dance` that stand above every other room: compare (with console), list_names, check_solver."""
