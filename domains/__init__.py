"""Fields taught to the engine; each is a plugin found by entry point."""
