"""Data sets, from wherever they are into memory as uint8 arrays: `load` finds the right one of `published` (fetched
by `download`), `folder` and IDX files (`idx`); `images` decodes pictures, `dataset` is what comes out. `canvases` and
`drawn` make pictures that no data set has: digits pasted somewhere, drawn by a pen, or none at all."""
