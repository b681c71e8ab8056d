"""The stage that verifies: `verifier` is the stage. It finds files (`candidates`) and what they are compared with
(`references`, `torch_model`), compares answers (`parity`), also as deployed (`deployment`) and off the test set
(`conditions`); `limits` and `gate` decide, `diagnose` explains, `page` and `card` show, and `reproduce` makes files
again."""
