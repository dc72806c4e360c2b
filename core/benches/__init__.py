"""Benches of the engine: real tables with fixed splits, the program it is compared with, and what both are measured by."""
