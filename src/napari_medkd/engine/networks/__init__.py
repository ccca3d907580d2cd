"""Networks, and the heads that read answers off their maps."""
