package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const recordingsDirectory = "../../fixtures/oracle/1.36.3"

// TestRecordingsAreCurrent makes every recording again and compares it with the file, line by line.
func TestRecordingsAreCurrent(t *testing.T) {
	for _, each := range recordings {
		t.Run(each.file, func(t *testing.T) {
			testOfProcess = t
			recorded, err := readRecording(filepath.Join(recordingsDirectory, each.file))
			if err != nil {
				t.Fatal(err)
			}
			made, err := each.make()
			if err != nil {
				t.Fatal(err)
			}
			want, got := bytes.Split(recorded, []byte("\n")), bytes.Split(made, []byte("\n"))
			if len(want) != len(got) {
				t.Fatalf("%d lines are recorded, %d are made", len(want), len(got))
			}
			for line := range want {
				if !bytes.Equal(want[line], got[line]) {
					t.Fatalf("line %d\nrecorded %s\nmade     %s", line+1, want[line], got[line])
				}
			}
		})
	}
}

func readRecording(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if !strings.HasSuffix(name, ".gz") {
		return io.ReadAll(file)
	}
	decompressed, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(decompressed)
}
