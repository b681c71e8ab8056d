"""The command line: `app` is its frame, `main` where it starts, then a file a group of commands (`train`, `export`,
`verify`, `inference`, `embed`): each parses, calls the library and prints its own results with `tables`. `measure` is
for `make`."""
