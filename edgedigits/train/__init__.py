"""The stage that trains: `trainer` is the stage, `loop` its loop, with `optimizer` and `augmentation`; `settling` ends
a training in few bits in integers, `resume` goes on with what was interrupted, `distributed` trains in several
processes, `device` finds what to compute on, `plots` draws what happened."""
