package digits;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Median microseconds of one picture through the library, in the folder of target java. */
final class Timer {
  private static final int WARM_UP = 2000;
  private static final int CALLS = 2000;

  private Timer() {}

  public static void main(String[] arguments) throws Exception {
    Main.Picture picture = Main.read(Files.readAllBytes(Path.of("example.pgm")));
    long[] times = new long[CALLS];
    try (Digits digits = Digits.open()) {
      for (int call = 0; call < WARM_UP; call++) {
        digits.answer(picture.pixels(), picture.height(), picture.width());
      }
      for (int call = 0; call < CALLS; call++) {
        long begin = System.nanoTime();
        digits.answer(picture.pixels(), picture.height(), picture.width());
        times[call] = System.nanoTime() - begin;
      }
    }
    Arrays.sort(times);
    System.out.println(times[CALLS / 2] / 1000.0);
  }
}
