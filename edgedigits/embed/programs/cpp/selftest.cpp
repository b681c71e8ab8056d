// Proves this machine's runtime, and the program as it stands: ctest.
//
// Every golden input goes through it as a picture in a file would, and the
// answer must be the golden answer. The exit code is 1 where it is not.

#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "digits.hpp"

namespace {

constexpr int kLargest[] = {255, 1023};  // values of the pictures, in turn

// A line of golden.tsv; the answer is a label's index, or -1: no digit.
struct Golden {
  std::string name;
  digits::Picture picture;
  std::vector<std::uint8_t> seen;
  int answer;
  bool close;
  std::vector<float> logits;
};

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

// The bytes that hexadecimal digits stand for.
std::vector<std::uint8_t> Bytes(const std::string& digits) {
  std::vector<std::uint8_t> bytes;
  for (size_t at = 0; at < digits.size(); at += 2) {
    bytes.push_back(std::stoi(digits.substr(at, 2), nullptr, 16));
  }
  return bytes;
}

Golden Parse(const std::string& line) {
  const std::vector<std::string> cells = Split(line, '\t');
  std::vector<float> logits;
  for (const std::string& cell : Split(cells.at(7), ',')) {
    logits.push_back(std::stof(cell));
  }
  return {cells[0],
          {std::stoi(cells[1]), std::stoi(cells[2]), Bytes(cells[3])},
          Bytes(cells[4]),
          std::stoi(cells[5]),
          cells[6] == "1",
          logits};
}

// A picture as a binary PGM, with values up to `largest`.
std::string Pgm(const digits::Picture& picture, int largest) {
  std::ostringstream file;
  file << "P5\n# golden\n"
       << picture.width << " " << picture.height << "\n"
       << largest << "\n";
  for (const std::uint8_t pixel : picture.pixels) {
    const int value = (pixel * largest + 127) / 255;
    if (largest > 255) file.put(static_cast<char>(value >> 8));
    file.put(static_cast<char>(value & 255));
  }
  return file.str();
}

// How far logits are from the golden ones.
float Distance(const std::vector<float>& found,
               const std::vector<float>& wanted) {
  float most = found.size() == wanted.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(found.size(), wanted.size()); ++i) {
    const float off = std::abs(found[i] - wanted[i]);
    if (!(off <= most)) most = off;  // also where it is no number
  }
  return most;
}

// What is wrong, or nothing.
std::string Fault(const Golden& golden, const digits::Picture& reached,
                  const digits::Answer& found, float tolerance) {
  if (reached.height != golden.picture.height ||
      reached.pixels != golden.picture.pixels) {
    return "the pixels that reach the model are others";
  }
  if (!(Distance(found.logits, golden.logits) <= tolerance)) {
    return "the pixels are right, the logits are not: mind the runtime";
  }
  if (!golden.seen.empty() && found.seen != golden.seen) {
    return "the network is shown another image: the runtime computes otherwise";
  }
  const std::optional<std::string> wanted =
      golden.answer < 0
          ? std::nullopt
          : std::make_optional(digits::EmbeddedLabels().at(golden.answer));
  if (!golden.close && found.label != wanted) {
    return "the logits are right, the answer is not: mind labels and threshold";
  }
  return "";
}

bool Passes(std::istream& lines) {
  const digits::Reader reader(digits::EmbeddedModel(),
                              digits::EmbeddedLabels());
  std::string tolerance;
  std::getline(lines, tolerance);
  int count = 0, failed = 0;
  float off = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Golden golden = Parse(line);
    std::istringstream file(Pgm(golden.picture, kLargest[count % 2]));
    const digits::Picture reached = digits::ReadPgm(file);
    const digits::Answer found = reader.Read(reached);
    off = std::max(off, Distance(found.logits, golden.logits));
    const std::string fault =
        Fault(golden, reached, found, std::stof(tolerance));
    if (fault.empty()) continue;
    std::cout << "FAILED: " << golden.name << ": " << fault << "\n";
    ++failed;
  }
  if (failed || !count) {
    std::cout << "FAILED: " << failed << " of " << count << " golden inputs\n";
    return false;
  }
  std::cout << "passed: " << count << " golden inputs, logits off by " << off
            << " at most, " << tolerance << " allowed\n";
  return true;
}

}  // namespace

int main(int count, char* arguments[]) {
  try {
    std::ifstream lines(count > 1 ? arguments[1] : "golden.tsv");
    return Passes(lines) ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cout << "FAILED: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
