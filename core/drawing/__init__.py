"""Drawing: pictures of what a row of a table asks for, by a small flow-matching model trained here, and how well it obeys."""
