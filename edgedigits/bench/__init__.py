"""What is measured, and what was: `bench` times files and torch models in one run; `training` and `engines` are how
the figures in `measured.json` and `engines.json` are measured anew (`tutorial` has the published loops to measure
beside), `records` trains what holds the records by bytes, in networks that `search` finds, `gpu` races a GPU. `figures`
reads them, and `shelf` shows them on the page beside the files of `exports/`.
`numbers` counts how a file reads these."""
