"""Measuring how faithful sentences are to facts, by rules that share nothing with the check they judge."""
