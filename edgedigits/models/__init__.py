"""What can be trained, and what was: presets and their recipes (`presets`), a network's layers as torch modules
(`layers`, `network`) behind their preprocessing (`classifier`), a run on disk (`checkpoint`, read without torch, and
`weights`), how good answers are (`metrics`)."""
