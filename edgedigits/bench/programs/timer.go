//go:build ignore

// Median microseconds of one picture through the library, in the folder of target go.
package main

import (
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"digits"
)

const warmUp, calls = 2000, 2000

func main() {
	reader, err := digits.Open(os.Getenv("ONNXRUNTIME_LIBRARY"))
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	data, err := os.ReadFile("example.pgm")
	if err != nil {
		log.Fatal(err)
	}
	picture, err := digits.Decode(data)
	if err != nil {
		log.Fatal(err)
	}
	times := make([]time.Duration, 0, calls)
	for call := range warmUp + calls {
		begin := time.Now()
		if _, err := reader.Answer(picture); err != nil {
			log.Fatal(err)
		}
		if call >= warmUp {
			times = append(times, time.Since(begin))
		}
	}
	slices.Sort(times)
	fmt.Println(float64(times[calls/2].Nanoseconds()) / 1000)
}
