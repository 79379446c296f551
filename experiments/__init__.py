"""The paper's claims put to the test: `python -m experiments.reproduce_dance`; the claims are in `claims/`."""
