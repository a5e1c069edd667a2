package recsys_lab;

import java.lang.reflect.Field;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.python.DataStreamPythonFunctionInfo;
import org.apache.flink.streaming.api.operators.SimpleOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.python.process.AbstractExternalDataStreamPythonFunctionOperator;
import org.apache.flink.streaming.api.operators.python.process.AbstractExternalTwoInputPythonFunctionOperator;
import org.apache.flink.streaming.api.operators.python.process.ExternalPythonKeyedCoProcessOperator;
import org.apache.flink.streaming.api.operators.python.process.ExternalPythonKeyedProcessOperator;
import org.apache.flink.streaming.api.transformations.OneInputTransformation;
import org.apache.flink.streaming.api.transformations.TwoInputTransformation;

/**
 * Python operators that register the timers of a bundle (records that go to Python together) when it ends. Flink's own
 * (2.3) do so before the next watermark. A checkpoint that comes first has the records and lacks their timers: a window
 * that is restored from it never fires. And behind the last watermark of a stream nothing comes that would register
 * what a timer has set.
 */
public class KeptTimers {

    /** Lets all operators of a job that have timers be of this kind. */
    public static void applyTo(StreamExecutionEnvironment environment) throws Exception {
        for (Object transformation : environment.getTransformations()) {
            if (transformation instanceof OneInputTransformation) {
                replace(transformation, ((OneInputTransformation) transformation).getOperatorFactory());
            } else if (transformation instanceof TwoInputTransformation) {
                replace(transformation, ((TwoInputTransformation) transformation).getOperatorFactory());
            }
        }
    }

    private static void replace(Object transformation, Object factory) throws Exception {
        if (!(factory instanceof SimpleOperatorFactory)) {
            return;
        }
        StreamOperator operator = ((SimpleOperatorFactory) factory).getOperator();
        StreamOperator kept;
        if (operator instanceof ExternalPythonKeyedProcessOperator) {
            kept = new OneInput((ExternalPythonKeyedProcessOperator) operator);
        } else if (operator instanceof ExternalPythonKeyedCoProcessOperator) {
            kept = new TwoInputs((ExternalPythonKeyedCoProcessOperator) operator);
        } else {
            return;
        }
        field(transformation.getClass(), "operatorFactory").set(transformation, SimpleOperatorFactory.of(kept));
    }

    private static Field field(Class declaring, String name) throws Exception {
        Field field = declaring.getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }

    private static Object hidden(Class declaring, String name, Object object) {
        try {
            return field(declaring, name).get(object);
        } catch (Exception exception) {
            throw new IllegalStateException("This Flink has no " + name + " in its Python operators.", exception);
        }
    }

    /** With one input: process functions and windows. */
    public static class OneInput extends ExternalPythonKeyedProcessOperator {

        private static final long serialVersionUID = 1L;

        OneInput(ExternalPythonKeyedProcessOperator like) {
            this(like, like.getPythonFunctionInfo(), like.getProducedType());
        }

        OneInput(ExternalPythonKeyedProcessOperator like, DataStreamPythonFunctionInfo function, TypeInformation type) {
            super(
                    like.getConfiguration(),
                    function,
                    (RowTypeInfo) like.getInputTypeInfo(),
                    type,
                    (TypeSerializer) hidden(ExternalPythonKeyedProcessOperator.class, "namespaceSerializer", like));
        }

        public AbstractExternalDataStreamPythonFunctionOperator copy(
                DataStreamPythonFunctionInfo function, TypeInformation type) {
            return new OneInput(this, function, type);
        }

        protected void invokeFinishBundle() throws Exception {
            super.invokeFinishBundle();
            drainUnregisteredTimers();
        }
    }

    /** With two inputs. */
    public static class TwoInputs extends ExternalPythonKeyedCoProcessOperator {

        private static final long serialVersionUID = 1L;

        TwoInputs(ExternalPythonKeyedCoProcessOperator like) {
            this(like, like.getPythonFunctionInfo(), like.getProducedType());
        }

        TwoInputs(
                ExternalPythonKeyedCoProcessOperator like, DataStreamPythonFunctionInfo function, TypeInformation type) {
            super(like.getConfiguration(), function, input(like, 1), input(like, 2), type);
        }

        private static TypeInformation input(ExternalPythonKeyedCoProcessOperator like, int number) {
            Class declaring = AbstractExternalTwoInputPythonFunctionOperator.class;
            return (TypeInformation) hidden(declaring, "inputTypeInfo" + number, like);
        }

        public AbstractExternalDataStreamPythonFunctionOperator copy(
                DataStreamPythonFunctionInfo function, TypeInformation type) {
            return new TwoInputs(this, function, type);
        }

        protected void invokeFinishBundle() throws Exception {
            super.invokeFinishBundle();
            drainUnregisteredTimers();
        }
    }
}
