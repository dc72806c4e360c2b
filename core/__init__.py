"""The engine: modalities in, calibrated predictions and stored evidence out."""
