"""Faults: commands that are killed, starved and misled on purpose. `python -m tests.faults --help`, or `make faults`.

    boundaries.py   inside the attacked process: its writes are counted, and at the N-th something happens
    mirror.py       a mirror that truncates, stalls, lies, drips or never ends
    scenes.py       what is attacked: a command, the folder that it finds, and who reads what it leaves
    runs.py         one command, forked with a fault; what it left behind is judged
    __main__.py     the long run and its table

A trial begins with a folder as an earlier command left it, `old`; a command that nothing disturbs leaves `new`. After
any fault, what is there must be readable, and old or new as a whole; and the next run must make it new, and no more.
The digits are of the tests' own making, so no data set is needed.
"""
