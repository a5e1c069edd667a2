package recsys_lab;

import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.api.common.eventtime.WatermarkOutput;

/**
 * The watermark of bounded disorder, moved with every record, where Flink's own looks every 200 ms.
 * So what is late is the same on every run, and the same as on the lab's local runtime.
 */
public class EveryRecord implements WatermarkGenerator, WatermarkGeneratorSupplier {

    private static final long serialVersionUID = 1L;

    private final long delay;
    private long watermark = Long.MIN_VALUE;

    /** delay: highest timestamp less watermark, in ms; the bound and one. */
    public EveryRecord(long delay) {
        this.delay = delay;
    }

    public WatermarkGenerator createWatermarkGenerator(WatermarkGeneratorSupplier.Context context) {
        return new EveryRecord(delay);
    }

    public void onEvent(Object event, long timestamp, WatermarkOutput output) {
        if (timestamp - delay > watermark) {
            watermark = timestamp - delay;
        }
        output.emitWatermark(new Watermark(watermark));
    }

    public void onPeriodicEmit(WatermarkOutput output) {
        // nothing: it has moved already
    }
}
