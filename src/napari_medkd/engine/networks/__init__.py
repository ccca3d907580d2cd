"""Networks, each with declared feature taps."""
