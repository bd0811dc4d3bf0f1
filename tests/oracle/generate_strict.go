package main

import (
	"encoding/json"
	"io"
)

// strictDocument is a case as cases/strict-*.yaml writes it: an object, or the text of a body.
type strictDocument struct {
	ID     string          `json:"id"`
	Object json.RawMessage `json:"object"`
	JSON   string          `json:"json"`
	YAML   string          `json:"yaml"`
}

// generateStrict is the subcommand generate-strict: the bodies of cases/strict-*.yaml.
func generateStrict(_ []string, _ io.Reader, out io.Writer) error {
	return writeCaseFiles(out, "cases/strict-*.yaml", func(document strictDocument) (string, any) {
		one := strictCase{ID: document.ID, Input: document.JSON, ContentType: "application/json"}
		switch {
		case document.Object != nil:
			one.Input = string(document.Object)
		case document.YAML != "":
			one.Input, one.ContentType = document.YAML, "application/yaml"
		}
		return one.ID, one
	})
}
