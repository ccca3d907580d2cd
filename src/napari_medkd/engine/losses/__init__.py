"""Losses as plain functions; a variant is another function."""
