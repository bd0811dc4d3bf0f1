package main

import (
	"bufio"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"sigs.k8s.io/yaml"
)

// caseFiles are cases that are more readable as YAML than as Go.
//
//go:embed cases/*.yaml
var caseFiles embed.FS

// generateDefault is the subcommand generate-default: the manifests of cases/default-*.yaml.
func generateDefault(_ []string, _ io.Reader, out io.Writer) error {
	return writeCaseFiles(out, "cases/default-*.yaml", func(one objectCase) (string, any) { return one.ID, one })
}

// writeCaseFiles writes each document of the files that match pattern as one line, after line has made a case of it.
func writeCaseFiles[Document any](out io.Writer, pattern string, line func(Document) (id string, written any)) error {
	entries, err := caseFiles.ReadDir("cases")
	if err != nil {
		return err
	}
	writer := bufio.NewWriter(out)
	seen := map[string]bool{}
	for _, entry := range entries {
		name := "cases/" + entry.Name()
		if matches, err := path.Match(pattern, name); err != nil {
			return err
		} else if !matches {
			continue
		}
		text, err := caseFiles.ReadFile(name)
		if err != nil {
			return err
		}
		for number, chunk := range strings.Split(string(text), "\n---\n") {
			document, err := readCase[Document](chunk)
			if err != nil {
				return fmt.Errorf("%s, document %d: %w", name, number+1, err)
			}
			id, written := line(document)
			if id == "" || seen[id] {
				return fmt.Errorf("%s, document %d: id %q is missing or occurs twice", name, number+1, id)
			}
			seen[id] = true
			if err := writeLine(writer, written); err != nil {
				return err
			}
		}
	}
	return writer.Flush()
}

func readCase[Document any](text string) (Document, error) {
	var document Document
	converted, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return document, err
	}
	return document, json.Unmarshal(converted, &document)
}
