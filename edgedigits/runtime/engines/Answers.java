import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.SynchronousQueue;

/**
 * Answers requests on stdin with ONNX Runtime, one model a process; {@code java.py} is the other
 * side.
 *
 * <p>A request is what to do, how often, names (to load: of the input, then of the outputs), and
 * arrays; an answer is an error, or an empty string, and arrays. Numbers have their big end first,
 * lengths stand before what they measure, and the bytes of an array are as the processor has them.
 */
final class Answers {
  private record Array(OnnxJavaType type, long[] shape, byte[] data) {}

  private record Request(String what, int calls, List<String> names, List<Array> arrays) {}

  private static final Map<String, OnnxJavaType> TYPES =
      Map.of(
          "uint8", OnnxJavaType.UINT8,
          "int32", OnnxJavaType.INT32,
          "int64", OnnxJavaType.INT64,
          "float32", OnnxJavaType.FLOAT,
          "float64", OnnxJavaType.DOUBLE);

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private OrtSession session;
  private String input;
  private List<String> names; // of the outputs

  public static void main(String[] arguments) throws Exception {
    SynchronousQueue<Request> requests = new SynchronousQueue<>();
    Thread reader = new Thread(() -> read(requests));
    reader.setDaemon(true);
    reader.start();
    Answers answers = new Answers();
    DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)));
    while (true) {
      answers.answer(requests.take(), out);
      out.flush();
    }
  }

  /** Hands requests on, until whoever asks is gone; a model may still run then. */
  private static void read(SynchronousQueue<Request> requests) {
    try (DataInputStream in = new DataInputStream(new BufferedInputStream(System.in))) {
      while (true) {
        requests.put(new Request(text(in), in.readInt(), texts(in), arrays(in)));
      }
    } catch (IOException | InterruptedException gone) {
      Runtime.getRuntime().halt(1);
    }
  }

  private void answer(Request request, DataOutputStream out) throws IOException {
    List<Array> found;
    try {
      found = perform(request);
    } catch (OrtException | RuntimeException | OutOfMemoryError error) {
      write(out, String.valueOf(error.getMessage()));
      out.writeInt(0);
      return;
    }
    write(out, "");
    out.writeInt(found.size());
    for (Array array : found) {
      write(out, array);
    }
  }

  private List<Array> perform(Request request) throws OrtException {
    return switch (request.what()) {
      case "load" -> load(request);
      case "call" -> run(request.arrays().get(0));
      case "each" -> each(request.arrays().get(0));
      case "clock" -> clock(request);
      default -> throw new IllegalArgumentException(request.what());
    };
  }

  private List<Array> load(Request request) throws OrtException {
    input = request.names().get(0);
    names = request.names().subList(1, request.names().size());
    environment.setTelemetry(false);
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      session = environment.createSession(request.arrays().get(0).data(), options);
    }
    return List.of();
  }

  private List<Array> run(Array image) throws OrtException {
    try (OnnxTensor tensor = tensor(image);
        OrtSession.Result found = session.run(Map.of(input, tensor), Set.copyOf(names))) {
      List<Array> answers = new ArrayList<>();
      for (String name : names) {
        answers.add(array(found.get(name).orElseThrow()));
      }
      return answers;
    }
  }

  private OnnxTensor tensor(Array array) throws OrtException {
    ByteBuffer data = ByteBuffer.allocateDirect(array.data().length).order(ByteOrder.nativeOrder());
    data.put(array.data()).flip();
    return OnnxTensor.createTensor(environment, data, array.shape(), array.type());
  }

  private static Array array(OnnxValue value) {
    OnnxTensor tensor = (OnnxTensor) value;
    TensorInfo info = tensor.getInfo();
    ByteBuffer content = tensor.getByteBuffer();
    byte[] data = new byte[content.remaining()];
    content.get(data);
    return new Array(info.type, info.getShape(), data);
  }

  /** One image a call, the answers joined. */
  private List<Array> each(Array images) throws OrtException {
    int count = (int) images.shape()[0];
    int size = images.data().length / count;
    long[] shape = images.shape().clone();
    shape[0] = 1;
    List<List<Array>> found = new ArrayList<>();
    for (int at = 0; at < count; at++) {
      byte[] data = Arrays.copyOfRange(images.data(), at * size, (at + 1) * size);
      found.add(run(new Array(images.type(), shape, data)));
    }
    List<Array> joined = new ArrayList<>();
    for (int output = 0; output < names.size(); output++) {
      joined.add(joined(found, output));
    }
    return joined;
  }

  private static Array joined(List<List<Array>> found, int output) {
    Array first = found.get(0).get(output);
    ByteBuffer data = ByteBuffer.allocate(first.data().length * found.size());
    found.forEach(answer -> data.put(answer.get(output).data()));
    long[] shape = first.shape().clone();
    shape[0] = found.size();
    return new Array(first.type(), shape, data.array());
  }

  /** The seconds of each of several calls with all images in turn. */
  private List<Array> clock(Request request) throws OrtException {
    ByteBuffer spent =
        ByteBuffer.allocate(Double.BYTES * request.calls()).order(ByteOrder.nativeOrder());
    Set<String> outputs = Set.copyOf(names);
    List<OnnxTensor> images = new ArrayList<>();
    for (Array image : request.arrays()) {
      images.add(tensor(image));
    }
    for (int call = 0; call < request.calls(); call++) {
      long start = System.nanoTime();
      for (OnnxTensor image : images) {
        session.run(Map.of(input, image), outputs).close();
      }
      spent.putDouble((System.nanoTime() - start) / 1e9);
    }
    images.forEach(OnnxTensor::close);
    return List.of(new Array(OnnxJavaType.DOUBLE, new long[] {request.calls()}, spent.array()));
  }

  private static String text(DataInputStream in) throws IOException {
    return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
  }

  private static List<String> texts(DataInputStream in) throws IOException {
    List<String> found = new ArrayList<>();
    for (int left = in.readInt(); left > 0; left--) {
      found.add(text(in));
    }
    return found;
  }

  private static List<Array> arrays(DataInputStream in) throws IOException {
    List<Array> found = new ArrayList<>();
    for (int left = in.readInt(); left > 0; left--) {
      OnnxJavaType type = TYPES.get(text(in));
      long[] shape = new long[in.readInt()];
      for (int axis = 0; axis < shape.length; axis++) {
        shape[axis] = in.readLong();
      }
      found.add(new Array(type, shape, in.readNBytes(in.readInt())));
    }
    return found;
  }

  private static void write(DataOutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private static void write(DataOutputStream out, Array array) throws IOException {
    String name =
        TYPES.entrySet().stream()
            .filter(entry -> entry.getValue() == array.type())
            .map(Map.Entry::getKey)
            .findFirst()
            .orElseThrow(() -> new IOException("an output of " + array.type()));
    write(out, name);
    out.writeInt(array.shape().length);
    for (long side : array.shape()) {
      out.writeLong(side);
    }
    out.writeInt(array.data().length);
    out.write(array.data());
  }
}
