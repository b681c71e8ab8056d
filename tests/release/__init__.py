"""A release: `python -m tests.release` builds and proves what is published, into dist/.

build    sdist and wheel, twice, in two folders, to the same bytes
prove    twine's check, the metadata, and a new environment where the wheel's own self-test runs
bill     bom.json: what the package needs, what it brings, and the models
"""
