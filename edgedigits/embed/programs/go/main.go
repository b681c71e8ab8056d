//go:build ignore

// The program prints the digit on each picture that the command line names.
package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"digits"
)

const usage = `usage: digits PICTURE ...

Read the digit on pictures: binary PGM, PNG, JPEG and GIF files. An answer a line. The exit code is 1 where a picture
could not be read. ONNX Runtime's library is looked for where the system looks, or where ONNXRUNTIME_LIBRARY says.

examples:
  digits example.pgm
  digits photo.jpg scan.png
`

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(names []string) int {
	if slices.Contains(names, "-h") || slices.Contains(names, "--help") {
		fmt.Print(usage)
		return 0
	}
	if len(names) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	reader, err := digits.Open(cmp.Or(os.Getenv("ONNXRUNTIME_LIBRARY"), "libonnxruntime.so"))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%.300v\n", err)
		return 1
	}
	defer reader.Close()
	code := 0
	for _, name := range names {
		answer, err := read(reader, name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			code = 1
			continue
		}
		fmt.Printf("%s: %v\n", name, answer)
	}
	return code
}

func read(reader *digits.Reader, name string) (digits.Answer, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return digits.Answer{}, err
	}
	picture, err := digits.Decode(data)
	if err != nil {
		return digits.Answer{}, err
	}
	return reader.Answer(picture)
}
