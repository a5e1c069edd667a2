"""The same job on Apache Flink.

    processor.execute(runtime=ApacheFlink())                            an embedded mini cluster
    processor.execute(runtime=ApacheFlink(cluster.address))             a LocalFlink, or any cluster by its address

runtime        the job from its translation to its result
translation    node by node: PyFlink's operators with the student's functions inside
functions, states, windows, watermarks, keys, sources     the adapters
gateway        the Java that PyFlink talks to

Only `runtime` can be imported where apache-flink is not installed; the others are, once a job runs.
"""

from recsys_lab.flink.apache.runtime import ApacheFlink

__all__ = ["ApacheFlink"]
