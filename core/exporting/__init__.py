"""Trained fusion models for other places: ONNX with a runtime that needs no torch, and torch.export programs."""
