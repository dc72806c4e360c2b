"""Surveillance: cameras and microphones in, alerts with evidence out."""
