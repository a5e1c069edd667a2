"""recsys_lab: a lab for learning real-time recommender systems by running, stepping and breaking them.

The modules, read from top to bottom, are the order of the lessons:

    clock, errors      the lab's time and ids; what can go wrong, said clearly
    events             what happened
    streams            the log of it
    processors         what reacts to it
    profiles           a user's past, folded into one value
    recommend          candidates, ranking, cache, evaluation: no I/O, no clock
    features           real-time features, read as of a time; the model that uses them
    engine             all of it wired together: the recommendation engine
    flink              the same as a dataflow: windows, state, checkpoints, one record at a time
    experiments        simulate, measure, break: functions from parameters to a table
    plots, widgets     what a table looks like; the sliders around an experiment
    datasets, cli      real purchases and the command line

Importing the package is light: each module is imported where it is used.
"""

__version__ = "0.1.0"
