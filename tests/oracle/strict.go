package main

import (
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

// strictCase is the body of a request as kube-apiserver receives it.
type strictCase struct {
	ID string `json:"id"`
	// Input is text, because it may have duplicate keys.
	Input string `json:"input"`
	// ContentType is application/json, which kubectl sends, or application/yaml.
	ContentType string `json:"contentType"`
}

// strictAnswer is the outcome of a strict decoding.
type strictAnswer struct {
	strictCase
	// Errors are what fieldValidation=Strict refuses the request for, in the decoder's order.
	Errors []string `json:"errors"`
	// Decoded says that there is an object apart from strictness: fieldValidation=Warn would accept the request.
	Decoded bool `json:"decoded"`
}

// answerStrict is the subcommand strict: {"id", "input", "contentType"} to the same with "errors" and "decoded".
func answerStrict(_ []string, in io.Reader, out io.Writer) error {
	return forEachLine(in, out, func(one strictCase) (strictAnswer, error) {
		object, err := decodeStrictly([]byte(one.Input), one.ContentType)
		answer := strictAnswer{strictCase: one, Errors: []string{}, Decoded: object != nil}
		if strict, is := runtime.AsStrictDecodingError(err); is {
			for _, each := range strict.Errors() {
				answer.Errors = append(answer.Errors, each.Error())
			}
		} else if err != nil {
			answer.Errors, answer.Decoded = append(answer.Errors, err.Error()), false
		}
		return answer, nil
	})
}

// decodeStrictly decodes a request's body as the handlers of kube-apiserver do with fieldValidation=Strict: the strict
// serializer, defaults, and conversion to the internal version.
func decodeStrictly(body []byte, contentType string) (runtime.Object, error) {
	info, known := runtime.SerializerInfoForMediaType(legacyscheme.Codecs.SupportedMediaTypes(), contentType)
	if !known {
		return nil, fmt.Errorf("no serializer for %q", contentType)
	}
	decoder := legacyscheme.Codecs.DecoderToVersion(info.StrictSerializer, runtime.InternalGroupVersioner)
	object, _, err := decoder.Decode(body, nil, nil)
	return object, err
}
