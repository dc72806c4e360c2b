"""Alembic's migrations of the store; they run from inside the package, no ini file needed."""
