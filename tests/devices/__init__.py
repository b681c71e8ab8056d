"""What C files must show on devices: `proofs` has the figures, `python -m tests.devices` prints them."""
