package digits

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:embed golden.tsv
var golden string

var largest = []int{255, 1023} // values of the golden pictures, in turn

// input is a line of golden.tsv; its answer is a label's index, or -1: no digit.
type input struct {
	name    string
	picture Picture
	seen    []byte
	answer  int
	close   bool
	logits  []float64
}

// TestGolden proves this machine's runtime, and the package as it stands: every golden input goes through it as a
// picture in a file would, and the answer must be the golden answer.
func TestGolden(t *testing.T) {
	reader, err := Open(cmp.Or(os.Getenv("ONNXRUNTIME_LIBRARY"), "libonnxruntime.so"))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	lines := strings.Split(strings.TrimSuffix(golden, "\n"), "\n")
	tolerance, off := must(strconv.ParseFloat(lines[0], 64)), 0.0
	for index, line := range lines[1:] {
		wanted := parse(line)
		reached, err := Decode(wanted.pgm(largest[index%len(largest)]))
		if err != nil {
			t.Fatal(err)
		}
		found, err := reader.Answer(reached)
		if err != nil {
			t.Fatal(err)
		}
		distance := wanted.distance(found.Logits)
		off = max(off, distance)
		if fault := wanted.fault(reached, found, distance <= tolerance); fault != "" {
			t.Errorf("FAILED: %s: %s", wanted.name, fault)
		}
	}
	if !t.Failed() {
		fmt.Printf("passed: %d golden inputs, logits off by %.1e at most, %s allowed\n", len(lines)-1, off, lines[0])
	}
}

func parse(line string) input {
	cells := strings.Split(line, "\t")
	logits := []float64{}
	for _, cell := range strings.Split(cells[7], ",") {
		logits = append(logits, must(strconv.ParseFloat(cell, 64)))
	}
	picture := Picture{must(strconv.Atoi(cells[1])), must(strconv.Atoi(cells[2])), must(hex.DecodeString(cells[3]))}
	seen, answer := must(hex.DecodeString(cells[4])), must(strconv.Atoi(cells[5]))
	return input{cells[0], picture, seen, answer, cells[6] == "1", logits}
}

// must returns a value of golden.tsv, which EdgeDigits wrote.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// pgm returns the picture as a binary PGM, with values up to largest.
func (in input) pgm(largest int) []byte {
	file := fmt.Appendf(nil, "P5\n# golden\n%d %d\n%d\n", in.picture.Width, in.picture.Height, largest)
	for _, pixel := range in.picture.Pixels {
		value := (int(pixel)*largest + 127) / 255
		if largest > 255 {
			file = append(file, byte(value>>8))
		}
		file = append(file, byte(value))
	}
	return file
}

func (in input) fault(reached Picture, found Answer, near bool) string {
	labels := strings.Split(labels, "\n")
	switch {
	case reached.Height != in.picture.Height || !bytes.Equal(reached.Pixels, in.picture.Pixels):
		return "the pixels that reach the model are others"
	case !near:
		return "the pixels are right, the logits are not: mind the runtime, and how it is read"
	case len(in.seen) > 0 && !bytes.Equal(found.Seen, in.seen):
		return "the network is shown another image: the runtime computes otherwise"
	case !in.close && (found.IsDigit != (in.answer >= 0) || found.IsDigit && found.Label != labels[in.answer]):
		return "the logits are right, and the answer is not: mind the labels and the threshold"
	}
	return ""
}

// distance returns how far logits are from the golden ones.
func (in input) distance(logits []float32) float64 {
	if len(logits) != len(in.logits) {
		return math.Inf(1)
	}
	apart := make([]float64, len(logits))
	for index, logit := range logits {
		apart[index] = math.Abs(float64(logit) - in.logits[index])
	}
	return slices.Max(apart)
}
