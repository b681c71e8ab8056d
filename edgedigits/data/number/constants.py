"""The numbers by which digits are found on paper. `embed` writes them into its JavaScript, too.

Lengths are in pixels of the picture as it is looked at, with at most LONGEST of them a side. Shares of the height of
the digits are in 100ths.
"""

from types import MappingProxyType

LONGEST = 1024  # pixels of a picture's longer side, when it is looked at; more of them are averaged
CONTRAST = 16  # levels of 255 between ink and paper: below, there is none
DUST = 4000  # one pixel of so many may be darker or lighter than ink and paper are

THICKEST = 8  # the shorter side divided by this: half of what a stroke is thick at most
DIMMEST = 64  # of 255: paper that is darker counts as if it were as light
INKED = 40  # of 100 of the ink's strength: what is stronger is ink
PAPER = 70  # of 100 pixels are paper; how far they are off its level, at most, tells of its grain
GRAIN = 6  # times that far off, or less, is grain and no ink
MOST_INKED = 60  # of 100 of the ink's strength: what is stronger is ink, whatever the grain

THIN = 40  # a ruled line is no thicker than the shorter side divided by this, or than THINNEST
THINNEST = 3
SLOPES = 36  # to each side, of ruled lines, in 512ths
RULED = 90  # of 100 columns of the picture, or of the ink, that have ink on a ruled line
BARE = 40  # of 100 of them that have ink on the line alone
BOXED = 2  # times as wide as the ink is high, or wider, is a line that does not reach the borders
SQUARE = 1  # or so many times, where others are as far away as FACING, as the sides of a box are
FACING = 70  # of 100 of the ink's height
SIDE = 85  # of 100 rows between two lines that hold the side of a box

MOST_RUNS = 60_000  # of pixels in rows; more are no writing
MOST_SHAPES = 2000
SPECK = 4  # pixels; what has fewer is dust
MOST_FRAMES = 32  # of the tallest shapes are looked at: do they lie around others
INSIDE = 20  # of 100 of a frame's height, or more, has what lies inside
FREE = 10  # of 100 of a picture's height has a digit, or more, beside which bars along its border are seen as such
TALLER = 140  # of 100 of the tallest digit, or more, has a bar, if it is upright
WIDER = 300  # of 100 of the tallest digit, or more, if it lies
CORNER = 8  # part of a side: a frame has ink within that of each corner
TALL = 40  # of a height: such a shape may be a digit alone
DOUBTED = 25  # of a height: such a shape may be what is left of one
BROKEN = 15  # of a height: parts of a digit that lie above each other are nearer
ALIKE = 50  # of 100 of the tallest shape's height: what is taller counts for the height of digits
SAME_ROW = 35  # of 100 of the smaller of two neighbours lie at the height of the other
SAME_DIGIT = 50  # of 100 of the narrower of two shapes lie above or below the other
NEAR = 12  # of a height: strokes of one digit are nearer to each other
MARK = 7  # of a height: smaller shapes are dust
FLAT = 2  # times as wide as high is a minus, or wider
SPACE = 90  # of a height: a wider gap is a space

WIDE = 100  # of a height: a wider shape is more than one digit
WIDEST = 150  # of a height: a wider shape is none
NARROWEST = 8  # of a height
STEP = 12  # cuts are looked for at so many places a height
REACH = 4  # and so far from there: a height divided by this
CROSSED = 40  # of a height: ink that a cut may cross
APART = 12  # cuts are no nearer to each other than a height divided by this
MOST_CUTS = 6  # for each height that a shape is wide
SPLIT = 50  # of a height: what is narrower is not cut
CUT = 30  # of 100: what it costs, as a logarithm, that a piece is a part of a shape
DOUBT = 4  # and, for each height that it is too wide or too short
SHORT = 80  # of a height: a shorter piece is an odd one
LEAST = 1  # of 100: a piece is no less likely than that
MOST_ASKED = 400  # pieces of a picture, until nothing more of it is cut
MARGIN = 4  # pixels around a piece, at least; else a quarter of its longer side
PIECE = 80  # pixels of a piece's longer side, at most
MOST_DIGITS = 12
SURE = 3  # one digit of so many is sure, or more, or it is no line of digits

CONSTANTS = MappingProxyType({name: value for name, value in dict(globals()).items() if name.isupper()})
