"""What can be trained, and what was: presets and their recipes (`presets`), the classifier around a network
(`classifier`, `networks/`), a run on disk (`checkpoint`, read without torch, and `weights`), how good answers are
(`metrics`)."""
