package main

import (
	"bufio"
	"fmt"
	"io"
	"sort"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

// lifecycleAnswer is what a built-in kind says about its own life. Kinds that are removed at 1.36 or before still decode,
// and kube-apiserver does not serve them. Whether a version is served that is not removed depends on its defaults.
type lifecycleAnswer struct {
	APIVersion  string `json:"apiVersion"`
	Kind        string `json:"kind"`
	Introduced  string `json:"introduced,omitempty"`
	Deprecated  string `json:"deprecated,omitempty"`
	Removed     string `json:"removed,omitempty"`
	Replacement string `json:"replacement,omitempty"`
}

// listLifecycles is the subcommand lifecycle: it reads nothing and writes a line for each kind that has a resource.
func listLifecycles(_ []string, _ io.Reader, out io.Writer) error {
	var kinds []schema.GroupVersionKind
	for kind := range legacyscheme.Scheme.AllKnownTypes() {
		if kind.Version != runtime.APIVersionInternal {
			kinds = append(kinds, kind)
		}
	}
	sort.Slice(kinds, func(i, j int) bool { return kinds[i].String() < kinds[j].String() })
	writer := bufio.NewWriter(out)
	for _, kind := range kinds {
		object, err := legacyscheme.Scheme.New(kind)
		if err != nil {
			return err
		}
		answer := lifecycleOf(kind, object)
		if answer == (lifecycleAnswer{APIVersion: answer.APIVersion, Kind: answer.Kind}) {
			continue
		}
		if err := writeLine(writer, answer); err != nil {
			return err
		}
	}
	return writer.Flush()
}

func lifecycleOf(kind schema.GroupVersionKind, object runtime.Object) lifecycleAnswer {
	answer := lifecycleAnswer{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind}
	if has, is := object.(interface{ APILifecycleIntroduced() (int, int) }); is {
		answer.Introduced = minorVersion(has.APILifecycleIntroduced())
	}
	if has, is := object.(interface{ APILifecycleDeprecated() (int, int) }); is {
		answer.Deprecated = minorVersion(has.APILifecycleDeprecated())
	}
	if has, is := object.(interface{ APILifecycleRemoved() (int, int) }); is {
		answer.Removed = minorVersion(has.APILifecycleRemoved())
	}
	if has, is := object.(interface {
		APILifecycleReplacement() schema.GroupVersionKind
	}); is {
		group, name := has.APILifecycleReplacement().ToAPIVersionAndKind()
		answer.Replacement = group + " " + name
	}
	return answer
}

func minorVersion(major, minor int) string {
	return fmt.Sprintf("%d.%d", major, minor)
}
