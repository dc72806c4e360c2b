"""Measurements of surveillance, each a `core.benchmark.Bench`."""
