package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// decoderBufferBytes is how far `kubectl apply -f` looks into a stream to tell JSON from YAML.
const decoderBufferBytes = 4096

// splitAnswer is how a stream of several documents is taken apart.
type splitAnswer struct {
	textCase
	// Documents are what YAMLOrJSONDecoder decodes before Error, as JSON; kubectl passes over those that are null.
	Documents []json.RawMessage `json:"documents"`
	Error     *string           `json:"error"`
	// Chunks are the texts that YAMLReader cuts the stream into, before any parsing and before ChunkError.
	Chunks     []string `json:"chunks"`
	ChunkError *string  `json:"chunkError"`
}

// answerSplit is the subcommand split: it reads a stream as `kubectl apply -f FILE` does, byte order marks included.
func answerSplit(_ []string, in io.Reader, out io.Writer) error {
	return forEachLine(in, out, func(one textCase) (splitAnswer, error) {
		input, err := one.bytes()
		if err != nil {
			return splitAnswer{}, err
		}
		answer := splitAnswer{textCase: one}
		answer.Documents, err = decodeStream(input)
		answer.Error = message(err)
		answer.Chunks, err = cutStream(input)
		answer.ChunkError = message(err)
		return answer, nil
	})
}

// withoutByteOrderMark reads input as kubectl's FileVisitor does: UTF-8, or what a byte order mark says.
func withoutByteOrderMark(input []byte) io.Reader {
	return transform.NewReader(bytes.NewReader(input), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
}

// decodeStream follows kubectl's StreamVisitor: RawExtensions until the end or the first error.
func decodeStream(input []byte) ([]json.RawMessage, error) {
	documents := []json.RawMessage{}
	decoder := yaml.NewYAMLOrJSONDecoder(withoutByteOrderMark(input), decoderBufferBytes)
	for {
		extension := runtime.RawExtension{}
		if err := decoder.Decode(&extension); err == io.EOF {
			return documents, nil
		} else if err != nil {
			return documents, err
		}
		raw := bytes.TrimSpace(extension.Raw)
		if len(raw) == 0 {
			raw = []byte("null")
		}
		documents = append(documents, raw)
	}
}

// cutStream lists the documents' texts as YAMLReader separates them.
func cutStream(input []byte) ([]string, error) {
	chunks := []string{}
	reader := yaml.NewYAMLReader(bufio.NewReader(withoutByteOrderMark(input)))
	for {
		chunk, err := reader.Read()
		if err == io.EOF {
			return chunks, nil
		}
		if err != nil {
			return chunks, err
		}
		chunks = append(chunks, string(chunk))
	}
}
