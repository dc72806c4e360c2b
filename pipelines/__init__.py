"""Commands, live watchers, batch runs: what puts the engine and its fields to work."""
