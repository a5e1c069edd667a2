package recsys_lab;

import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/**
 * Kafka's records for Python, which reads and writes the bytes: values in, (key, value) out.
 * A record without a value deletes its key; it is no record of the stream.
 */
public class KafkaBytes implements KafkaRecordDeserializationSchema, KafkaRecordSerializationSchema {

    private static final long serialVersionUID = 1L;

    private final String topic;

    public KafkaBytes(String topic) {
        this.topic = topic;
    }

    public void deserialize(ConsumerRecord record, Collector out) {
        if (record.value() != null) {
            out.collect(record.value());
        }
    }

    public TypeInformation getProducedType() {
        return PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;
    }

    public ProducerRecord serialize(
            Object element, KafkaRecordSerializationSchema.KafkaSinkContext context, Long timestamp) {
        Row row = (Row) element;
        return new ProducerRecord(topic, row.getField(0), row.getField(1));
    }
}
