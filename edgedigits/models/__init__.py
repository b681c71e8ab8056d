"""What can be trained, and what was: presets and their recipes (`presets`, those of few bits by `small`), a network's
layers as torch modules (`layers`, `lowbits`, `network`) behind their preprocessing (`classifier`) and as integers
(`arithmetic`, in torch `integers`), a run on disk (`checkpoint`, read without torch, and `weights`), how good answers
are (`metrics`)."""
