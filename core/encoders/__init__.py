"""Encoders: one file a modality, each giving tokens and sentences."""
