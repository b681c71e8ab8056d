package digits;

import ai.onnxruntime.OrtException;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;

/** The program: prints the digit on each picture that the command line names. */
public final class Main {
  private static final String USAGE =
      """
      usage: java -jar digits.jar PICTURE ...

      Read the digit on pictures: binary PGM, PNG, JPEG, GIF and BMP files. An answer a line. The
      exit code is 1 where a picture could not be read.

      examples:
        java -jar digits.jar example.pgm
        java -jar digits.jar photo.jpg scan.png
      """;
  private static final int LONGEST_HEADER = 4096; // bytes, with its comments
  private static final String SPACE = "(?:\\s|#[^\\n]*\\n)+"; // between the words of a header
  private static final String NUMBER = SPACE + "(\\d{1,5})";
  private static final Pattern PGM = Pattern.compile("P5" + NUMBER.repeat(3) + "\\s");

  /** A picture: pixels row by row, each an unsigned byte from 0, black, to 255. */
  public record Picture(byte[] pixels, int height, int width) {}

  private Main() {}

  /** Prints an answer for each picture; the exit code is 1 where one could not be read. */
  public static void main(String[] names) {
    System.exit(run(names));
  }

  private static int run(String[] names) {
    if (!Collections.disjoint(List.of(names), List.of("-h", "--help"))) {
      System.out.print(USAGE);
      return 0;
    }
    if (names.length == 0) {
      System.err.print(USAGE);
      return 2;
    }
    int unread = 0;
    try (Digits digits = Digits.open()) {
      for (String name : names) {
        unread += print(digits, name) ? 0 : 1;
      }
    } catch (IOException | OrtException error) {
      System.err.println("model.onnx: " + firstLine(error));
      System.err.println(
          "Another file may do: edgedigits export --format onnx writes a float one.");
      return 1;
    }
    return unread == 0 ? 0 : 1;
  }

  private static boolean print(Digits digits, String name) throws OrtException {
    try {
      Picture picture = read(Files.readAllBytes(Path.of(name)));
      System.out.println(
          name + ": " + digits.answer(picture.pixels(), picture.height(), picture.width()));
      return true;
    } catch (NoSuchFileException error) {
      System.err.println(name + ": no such file");
    } catch (IOException | IllegalArgumentException error) {
      System.err.println(name + ": " + error.getMessage());
    }
    return false;
  }

  /**
   * Decodes the bytes of a picture's file.
   *
   * @throws IOException where they hold none
   */
  static Picture read(byte[] data) throws IOException {
    int length = Math.min(data.length, LONGEST_HEADER);
    Matcher header = PGM.matcher(new String(data, 0, length, StandardCharsets.ISO_8859_1));
    if (header.lookingAt()) {
      return readPgm(data, header);
    }
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(data));
    if (image == null) {
      throw new IOException("none of these kinds of picture: binary PGM, PNG, JPEG, GIF, BMP");
    }
    return gray(image);
  }

  private static Picture readPgm(byte[] data, Matcher header) throws IOException {
    int width = Integer.parseInt(header.group(1));
    int height = Integer.parseInt(header.group(2));
    int largest = Integer.parseInt(header.group(3));
    if (largest < 1 || largest > 65535) {
      throw new IOException(
          "PGM picture with values up to %d: 1 to 65535 wanted".formatted(largest));
    }
    int bytes = largest > 255 ? 2 : 1;
    if (data.length - header.end() < (long) height * width * bytes) {
      throw new IOException("PGM picture that ends early");
    }
    byte[] pixels = new byte[height * width];
    for (int index = 0; index < pixels.length; index++) {
      int value = 0;
      for (int at = 0; at < bytes; at++) {
        value = value << 8 | data[header.end() + index * bytes + at] & 255;
      }
      pixels[index] = scaled(value, largest);
    }
    return new Picture(pixels, height, width);
  }

  private static byte scaled(int value, int largest) {
    return (byte) Math.min(255, (value * 255 + largest / 2) / largest);
  }

  private static Picture gray(BufferedImage image) {
    int height = image.getHeight();
    int width = image.getWidth();
    byte[] pixels = new byte[height * width];
    for (int index = 0; index < pixels.length; index++) {
      pixels[index] = gray(image, index % width, index / width);
    }
    return new Picture(pixels, height, width);
  }

  /** A pixel without its colour, on white where it is transparent. */
  private static byte gray(BufferedImage image, int x, int y) {
    Raster raster = image.getRaster();
    if (raster.getNumBands() == 1 && !(image.getColorModel() instanceof IndexColorModel)) {
      int largest = (1 << image.getSampleModel().getSampleSize(0)) - 1;
      return scaled(raster.getSample(x, y, 0), largest); // getRGB would apply a gamma to it
    }
    int color = image.getRGB(x, y);
    int luma = (299 * (color >> 16 & 255) + 587 * (color >> 8 & 255) + 114 * (color & 255)) / 1000;
    int opacity = color >>> 24;
    return (byte) ((luma * opacity + 255 * (255 - opacity)) / 255);
  }

  private static String firstLine(Exception error) {
    String line = String.valueOf(error.getMessage()).lines().findFirst().orElse("");
    return line.substring(0, Math.min(line.length(), 160));
  }
}
