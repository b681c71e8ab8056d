package digits;

import ai.onnxruntime.OrtException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Proves this machine's runtime, and the program as it stands: {@code java -cp target/digits.jar
 * digits.SelfTest}, in its folder.
 *
 * <p>Every golden input goes through the program as a picture in a file would, and the answer must
 * be the golden answer. The exit code is 1 where it is not.
 */
public final class SelfTest {
  private static final int[] LARGEST = {255, 1023}; // values of the golden pictures, in turn

  /** A line of golden.tsv; the answer is a label's index, or -1: no digit. */
  private record Golden(
      String name,
      int height,
      int width,
      byte[] pixels,
      byte[] seen,
      int answer,
      boolean close,
      double[] logits) {
    static Golden parse(String line) {
      String[] cells = line.split("\t", -1);
      return new Golden(
          cells[0],
          Integer.parseInt(cells[1]),
          Integer.parseInt(cells[2]),
          HexFormat.of().parseHex(cells[3]),
          HexFormat.of().parseHex(cells[4]),
          Integer.parseInt(cells[5]),
          cells[6].equals("1"),
          Arrays.stream(cells[7].split(",")).mapToDouble(Double::parseDouble).toArray());
    }
  }

  private SelfTest() {}

  /** Runs all golden inputs, and says what is wrong. */
  public static void main(String[] arguments) throws IOException, OrtException {
    List<String> lines = Files.readAllLines(Path.of("golden.tsv"));
    List<String> labels = Files.readAllLines(Path.of("labels.txt"));
    double tolerance = Double.parseDouble(lines.get(0));
    double off = 0;
    int failed = 0;
    try (Digits digits = Digits.open()) {
      for (int index = 1; index < lines.size(); index++) {
        Golden golden = Golden.parse(lines.get(index));
        int largest = LARGEST[index % LARGEST.length];
        Main.Picture picture = Main.read(pgm(golden, largest));
        Digits.Answer answer = digits.answer(picture.pixels(), picture.height(), picture.width());
        double distance = distance(answer.logits(), golden.logits());
        off = Math.max(off, distance);
        String fault = fault(golden, picture, answer, distance <= tolerance, labels);
        if (!fault.isEmpty()) {
          System.out.println("FAILED: " + golden.name() + ": " + fault);
          failed++;
        }
      }
    }
    int count = lines.size() - 1;
    System.out.println(
        failed == 0
            ? String.format(
                Locale.ROOT,
                "passed: %d golden inputs, logits off by %.1e at most, %s allowed",
                count,
                off,
                lines.get(0))
            : "FAILED: " + failed + " of " + count + " golden inputs");
    System.exit(failed == 0 ? 0 : 1);
  }

  private static String fault(
      Golden golden,
      Main.Picture picture,
      Digits.Answer answer,
      boolean isNear,
      List<String> labels) {
    if (!Arrays.equals(picture.pixels(), golden.pixels())) {
      return "the pixels that reach the model are others";
    }
    if (!isNear) {
      return "the pixels are right, the logits are not: mind the runtime, and how it is read";
    }
    if (golden.seen().length > 0 && !Arrays.equals(answer.seen(), golden.seen())) {
      return "the network is shown another image: the runtime computes otherwise";
    }
    Optional<String> wanted =
        golden.answer() < 0 ? Optional.empty() : Optional.of(labels.get(golden.answer()));
    if (!golden.close() && !answer.label().equals(wanted)) {
      return "the logits are right, and the answer is not: mind the labels and the threshold";
    }
    return "";
  }

  /** A golden input as a binary PGM, with values up to {@code largest}. */
  private static byte[] pgm(Golden golden, int largest) throws IOException {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    String header =
        "P5\n# golden\n" + golden.width() + " " + golden.height() + "\n" + largest + "\n";
    file.write(header.getBytes(StandardCharsets.US_ASCII));
    for (byte pixel : golden.pixels()) {
      int value = ((pixel & 255) * largest + 127) / 255;
      if (largest > 255) {
        file.write(value >> 8);
      }
      file.write(value);
    }
    return file.toByteArray();
  }

  private static double distance(float[] logits, double[] wanted) {
    double largest = logits.length == wanted.length ? 0 : Double.POSITIVE_INFINITY;
    for (int index = 0; index < Math.min(logits.length, wanted.length); index++) {
      double distance = Math.abs(logits[index] - wanted[index]);
      largest = distance <= largest ? largest : distance; // also where it is no number
    }
    return largest;
  }
}
