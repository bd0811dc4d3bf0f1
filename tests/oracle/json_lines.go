package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxLineBytes limits one case: the deepest nesting cases are some ten thousand bytes, clusters some hundred thousand.
const maxLineBytes = 64 << 20

// forEachLine decodes every non-blank line of in into a new Case and writes what answer makes of it as one line to out.
func forEachLine[Case, Answer any](in io.Reader, out io.Writer, answer func(Case) (Answer, error)) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 0, 1<<16), maxLineBytes)
	writer := bufio.NewWriter(out)
	for number := 1; scanner.Scan(); number++ {
		line := bytes.TrimSpace(scanner.Bytes())
		if len(line) == 0 {
			continue
		}
		var read Case
		if err := json.Unmarshal(line, &read); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		answered, err := answer(read)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if err := writeLine(writer, answered); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		// Who asks may wait for this answer before asking on.
		if err := writer.Flush(); err != nil {
			return err
		}
	}
	return scanner.Err()
}

// writeLine writes value as compact JSON and a line feed; <, > and & stay readable.
func writeLine(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// textCase is a case whose input is text. Bytes that are no valid UTF-8 come in textBase64 instead of text.
type textCase struct {
	ID         string  `json:"id"`
	Text       *string `json:"text,omitempty"`
	TextBase64 *string `json:"textBase64,omitempty"`
	// OutcomeOnly asks for success or error without the value, where the value would be huge.
	OutcomeOnly bool `json:"outcomeOnly,omitempty"`
}

func newTextCase(id string, input string) textCase {
	if utf8.ValidString(input) {
		return textCase{ID: id, Text: &input}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(input))
	return textCase{ID: id, TextBase64: &encoded}
}

func (c textCase) bytes() ([]byte, error) {
	switch {
	case c.Text != nil && c.TextBase64 == nil:
		return []byte(*c.Text), nil
	case c.TextBase64 != nil && c.Text == nil:
		return base64.StdEncoding.DecodeString(*c.TextBase64)
	default:
		return nil, fmt.Errorf("case %q: give either text or textBase64", c.ID)
	}
}

// writeTextCases writes cases as lines and refuses an id that occurs twice.
func writeTextCases(out io.Writer, cases []textCase) error {
	writer := bufio.NewWriter(out)
	seen := make(map[string]bool, len(cases))
	for _, one := range cases {
		if seen[one.ID] {
			return fmt.Errorf("case id %q occurs twice", one.ID)
		}
		seen[one.ID] = true
		if err := writeLine(writer, one); err != nil {
			return err
		}
	}
	return writer.Flush()
}

// message is the text of err, or nil where there is none.
func message(err error) *string {
	if err == nil {
		return nil
	}
	text := err.Error()
	return &text
}
