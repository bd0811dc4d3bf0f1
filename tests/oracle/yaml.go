package main

import (
	"encoding/json"
	"io"

	"sigs.k8s.io/yaml"
)

// yamlRepetitions is how often each document is converted. Keys such as 1 and "1" become the same JSON key in the random
// order of a Go map, so one conversion does not tell all that can happen.
const yamlRepetitions = 64

// yamlAnswer is what sigs.k8s.io/yaml, which kubectl and the API machinery use, makes of one document.
type yamlAnswer struct {
	textCase
	// JSON and Error are those of YAMLToJSONStrict, which refuses duplicate keys.
	JSON  json.RawMessage `json:"json"`
	Error *string         `json:"error"`
	// LenientJSON and LenientError are those of YAMLToJSON.
	LenientJSON  json.RawMessage `json:"lenientJson"`
	LenientError *string         `json:"lenientError"`
	// Unstable lists every result of YAMLToJSON that was seen, where there was more than one; JSON and LenientJSON are the
	// first of them.
	Unstable []json.RawMessage `json:"unstable,omitempty"`
}

// answerYAML is the subcommand yaml: {"id", "text"} to {"id", "text", "json", "error", "lenientJson", "lenientError"}.
func answerYAML(_ []string, in io.Reader, out io.Writer) error {
	return forEachLine(in, out, func(one textCase) (yamlAnswer, error) {
		input, err := one.bytes()
		if err != nil {
			return yamlAnswer{}, err
		}
		if one.OutcomeOnly {
			_, strictErr := yaml.YAMLToJSONStrict(input)
			_, lenientErr := yaml.YAMLToJSON(input)
			return yamlAnswer{textCase: one, Error: message(strictErr), LenientError: message(lenientErr)}, nil
		}
		strict, strictErr := convertRepeatedly(input, yaml.YAMLToJSONStrict)
		lenient, lenientErr := convertRepeatedly(input, yaml.YAMLToJSON)
		answer := yamlAnswer{textCase: one, Error: message(strictErr), LenientError: message(lenientErr)}
		if strictErr == nil {
			answer.JSON = strict[0]
		}
		if lenientErr == nil {
			answer.LenientJSON = lenient[0]
		}
		if len(lenient) > 1 {
			answer.Unstable = lenient
		}
		return answer, nil
	})
}

// convertRepeatedly returns the different results of convert in the order of their bytes, or its error. Of several
// different errors it returns the one whose text is first.
func convertRepeatedly(input []byte, convert func([]byte) ([]byte, error)) ([]json.RawMessage, error) {
	results := map[string]bool{}
	errors := map[string]error{}
	for range yamlRepetitions {
		result, err := convert(input)
		if err != nil {
			errors[err.Error()] = err
			continue
		}
		results[string(result)] = true
	}
	if len(errors) > 0 {
		return nil, errors[sortedKeys(errors)[0]]
	}
	ordered := make([]json.RawMessage, 0, len(results))
	for _, result := range sortedKeys(results) {
		ordered = append(ordered, json.RawMessage(result))
	}
	return ordered, nil
}
