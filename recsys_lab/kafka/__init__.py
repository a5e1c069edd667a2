"""The lab on Apache Kafka: a real broker, a stream processor with delivery guarantees, the recommendation system.

broker       Apache Kafka on this machine, for as long as it is needed
processor    producers and consumers around functions of events
worker       one consumer, and the moment at which its offsets are committed
refusals     what Kafka will never take, and what then
follower     reads a whole topic outside of any group
system       the recommendation engine behind topics, in one instance or several
connection, topics, records, producers, properties, jvm, setup, metrics, event_loop: the small parts
"""

from recsys_lab.kafka.answers import NoResponse
from recsys_lab.kafka.broker import LocalKafka
from recsys_lab.kafka.connection import Connection
from recsys_lab.kafka.external import ExternalKafka
from recsys_lab.kafka.processor import KafkaStreamProcessor
from recsys_lab.kafka.system import KafkaRecommendationSystem

__all__ = [
    "Connection",
    "ExternalKafka",
    "KafkaRecommendationSystem",
    "KafkaStreamProcessor",
    "LocalKafka",
    "NoResponse",
]
