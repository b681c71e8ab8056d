"""Median microseconds of one picture through the library: `python timer.py`, in the folder of target `python`."""

import statistics
import time

import digits

WARM_UP, CALLS = 2000, 2000

picture = digits.read("example.pgm")
for _ in range(WARM_UP):
    digits.answer(picture)
times = []
for _ in range(CALLS):
    begin = time.perf_counter_ns()
    digits.answer(picture)
    times.append(time.perf_counter_ns() - begin)
print(statistics.median(times) / 1000)
