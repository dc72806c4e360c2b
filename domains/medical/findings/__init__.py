"""Findings: studies and records as rows of a table, the model that learns from them, and what it says of a new study."""
