"""The engine: modalities in, calibrated predictions and stored evidence out."""

import os

# Read by the OpenMP library when torch is first loaded: idle threads sleep. Spinning ones starve each other where other
# processes use the cores too: one sentence through MiniLM took 43 to 128 ms instead of 10 to 16 on two busy cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
