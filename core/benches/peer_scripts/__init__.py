"""Scripts that run in a peer's own environment; nothing here imports Trivium."""
