"""Files that are opened and asked, without torch where that is possible: `load` has the `Opener`, `readers/` (one a
container) say what is in a file, `engines/` (one a runtime) run it, `session` brings the two together, `sandbox` does
it in a process of its own; `predictor` is what answers. Of a file that says nothing of its input (`foreign`), `finding`
finds it by showing digits in each of the `readings` that `asking` can give it. `inspection`, `compatibility` and `uses`
say what a file is and what loads it; `safety/` stands between a stranger's bytes and all of this."""
