"""Where there is no Apache Flink, as on Python 3.13, pytest leaves out the notebook that is about it."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("pyflink") else ["notebooks/05-apache-flink.ipynb"]
