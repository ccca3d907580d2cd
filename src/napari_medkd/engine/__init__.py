"""Training and predicting with torch: what may be used by methods and the command line, never by the viewer."""
