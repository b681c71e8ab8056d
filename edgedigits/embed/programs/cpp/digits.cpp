// The program: prints the digit on each picture that the command line names.

#include "digits.hpp"

#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr char kUsage[] =
    "usage: digits PICTURE ...\n"
    "\n"
    "Read the digit on pictures: binary PGM files. An answer a line. The exit\n"
    "code is 1 where a picture could not be read.\n"
    "\n"
    "examples:\n"
    "  digits example.pgm\n"
    "  digits photo.pgm scan.pgm\n";

digits::Answer Read(const digits::Reader& reader, const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) throw std::runtime_error("it cannot be opened");
  return reader.Read(digits::ReadPgm(file));
}

int PrintAll(const std::vector<std::string>& names) {
  const digits::Reader reader(digits::EmbeddedModel(),
                              digits::EmbeddedLabels());
  int code = EXIT_SUCCESS;
  for (const std::string& name : names) {
    try {
      const digits::Answer answer = Read(reader, name);
      std::cout << name << ": " << answer << std::endl;
    } catch (const std::exception& error) {
      std::cerr << name << ": " << error.what() << std::endl;
      code = EXIT_FAILURE;
    }
  }
  return code;
}

}  // namespace

int main(int count, char* arguments[]) {
  const std::vector<std::string> names(arguments + 1, arguments + count);
  for (const std::string& name : names) {
    if (name == "-h" || name == "--help") {
      std::cout << kUsage;
      return EXIT_SUCCESS;
    }
  }
  if (names.empty()) {
    std::cerr << kUsage;
    return 2;
  }
  try {
    return PrintAll(names);
  } catch (const std::exception& error) {
    std::cerr << "model.onnx: " << error.what() << "\n"
              << "Another file may do: edgedigits export --format onnx writes "
                 "a float one.\n";
    return EXIT_FAILURE;
  }
}
