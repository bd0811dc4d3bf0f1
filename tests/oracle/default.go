package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

// objectCase is a case whose input is one API object as JSON.
type objectCase struct {
	ID    string          `json:"id"`
	Input json.RawMessage `json:"input"`
}

// defaultAnswer is an object before and after the API server's defaults.
type defaultAnswer struct {
	objectCase
	// Output is the object with its version's defaults.
	Output json.RawMessage `json:"output"`
	// Converted is Output after the internal version and back, where that changes it: stringData of a Secret becomes data.
	Converted json.RawMessage `json:"converted,omitempty"`
}

// answerDefault is the subcommand default: {"id", "input"} to {"id", "input", "output"}, where output is the versioned
// object after the defaults that kube-apiserver applies when it decodes a request. Admission and the strategies of the
// registries come later there and are not part of it.
func answerDefault(_ []string, in io.Reader, out io.Writer) error {
	return forEachLine(in, out, func(one objectCase) (defaultAnswer, error) {
		answer := defaultAnswer{objectCase: one}
		object, err := decodeWithDefaults(one.Input)
		if err == nil {
			answer.Output, err = json.Marshal(object)
		}
		if err == nil {
			answer.Converted, err = convertThroughInternal(object)
		}
		if err != nil {
			return answer, fmt.Errorf("case %q: %w", one.ID, err)
		}
		if bytes.Equal(answer.Output, answer.Converted) {
			answer.Converted = nil
		}
		return answer, nil
	})
}

// decodeWithDefaults decodes a built-in kind into its versioned type and applies the defaults of that version.
func decodeWithDefaults(manifest []byte) (runtime.Object, error) {
	object, _, err := legacyscheme.Codecs.UniversalDeserializer().Decode(manifest, nil, nil)
	if err != nil {
		return nil, err
	}
	legacyscheme.Scheme.Default(object)
	return object, nil
}

// convertThroughInternal converts object to the internal version and back to its own, as a request and its answer do.
func convertThroughInternal(object runtime.Object) ([]byte, error) {
	version := object.GetObjectKind().GroupVersionKind().GroupVersion()
	internal, err := legacyscheme.Scheme.ConvertToVersion(object, runtime.InternalGroupVersioner)
	if err != nil {
		return nil, err
	}
	versioned, err := legacyscheme.Scheme.ConvertToVersion(internal, version)
	if err != nil {
		return nil, err
	}
	return json.Marshal(versioned)
}
