"""Lines of digits on paper, found and told apart: numpy alone, and nothing else of EdgeDigits, since `embed python`
copies these files.

`ink` finds paper and ink, `ruling` takes printed lines away, `shapes` finds what hangs together, `rows` puts it into
lines of digits, `cuts` parts what touches, and `reading` lets a reader's own confidence decide between the ways to part
it. All measures are in whole numbers, so that other languages find the same boxes; `constants` are theirs, too.
"""
