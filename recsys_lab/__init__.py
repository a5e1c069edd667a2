"""recsys_lab: a lab for learning real-time recommender systems by running, stepping and breaking them.

The modules, read from top to bottom, are the order of the lessons:

    errors, clock      what can go wrong, said clearly; the lab's time and ids
    checks, events     what may stand in a field; what happened
    streams            the log of it
    processors         what reacts to it
    profiles           a user's past, folded into one value
    recommend          candidates, ranking, cache, evaluation: no I/O, no clock
    features           real-time features, read as of a time; the model that uses them
    engine             all of it wired together: the recommendation engine
    kafka              the engine behind topics of a real Kafka, with delivery guarantees
    flink              the same as a dataflow: windows, state, checkpoints, one record at a time; on Apache Flink too
    java               what Kafka and Flink run on: their archives, and processes that never outlive their parent
    experiments        simulate, measure, break: functions from parameters to a table
    plots, widgets     what a table looks like; the sliders around an experiment
    study              the questions, and how answers are judged
    datasets, cli      real purchases, simulated and rated ones; the command line

Importing the package is light: each module is imported where it is used.
"""

__version__ = "0.1.0"
