"""What the docks decide, in plain Python: no Qt here, so all of it is tested without a screen."""
