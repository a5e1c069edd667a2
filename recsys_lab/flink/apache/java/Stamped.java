package recsys_lab;

import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.types.Row;

/**
 * Gives each result the timestamp that stands beside it. PyFlink gives a result the timestamp of the element or timer
 * that made it; Flink gives a window's result the last millisecond of the window, and a pair the later of its two.
 */
public class Stamped extends AbstractStreamOperator implements OneInputStreamOperator {

    private static final long serialVersionUID = 1L;

    public void processElement(StreamRecord element) throws Exception {
        Row row = (Row) element.getValue();
        output.collect(element.replace(row.getField(1), ((Long) row.getField(0)).longValue()));
    }
}
