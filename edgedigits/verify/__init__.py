"""The stage that verifies: `verifier` is the stage. It finds files (`candidates`) and what they are compared with
(`references`, `torch_model`; `against`, what somebody names), compares answers (`comparison`, `parity`), also as
deployed (`deployment`) and off the test set (`conditions`); `limits` and `gate` decide, `diagnose` explains, `page`
and `card` show, and `reproduce` makes files again."""
