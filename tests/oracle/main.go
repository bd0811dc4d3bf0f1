// Command oracle asks the libraries of Kubernetes 1.36.3 themselves what they make of an input, so that Quorate's own
// readings of YAML, defaults, strict decoding and scheduling can be compared with recorded answers.
//
// Every subcommand reads cases as JSON lines on standard input and writes answers as JSON lines on standard output, in the
// same order. The subcommands whose name begins with "generate-" write cases. README.md says how they fit together.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

// subcommand reads cases from in and writes answers to out; arguments are those after its own name.
type subcommand func(arguments []string, in io.Reader, out io.Writer) error

var subcommands = map[string]subcommand{
	"yaml":                   answerYAML,
	"split":                  answerSplit,
	"default":                answerDefault,
	"strict":                 answerStrict,
	"schedule":               answerSchedule,
	"preempt":                answerPreempt,
	"sequence":               answerSequence,
	"configuration":          answerConfiguration,
	"requests":               answerRequests,
	"admit":                  answerAdmit,
	"autoscale":              answerAutoscale,
	"cron":                   answerCron,
	"lifecycle":              listLifecycles,
	"generate-yaml":          generateYAML,
	"generate-split":         generateSplit,
	"generate-default":       generateDefault,
	"generate-strict":        generateStrict,
	"generate-schedule":      generateSchedule,
	"generate-preempt":       generatePreempt,
	"generate-sequence":      generateSequence,
	"generate-requests":      generateRequests,
	"generate-admit":         generateAdmit,
	"generate-autoscale":     generateAutoscale,
	"generate-cron":          generateCron,
	"generate-configuration": generateConfigurations,
	"count-schedule":         countSchedule,
	"measure-schedule":       measureSchedule,
	"record":                 record,
}

func main() {
	// Every case is garbage once it is answered, and little of anything stays.
	debug.SetGCPercent(800)
	// A test is what Go lets time be virtual in; this one ends the process itself.
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "oracle", F: answerAsTest}}, nil, nil)
}

func answerAsTest(t *testing.T) {
	testOfProcess = t
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("name a subcommand: %s", subcommandNames())
	}
	command, known := subcommands[arguments[0]]
	if !known {
		return fmt.Errorf("no subcommand %q; there are %s", arguments[0], subcommandNames())
	}
	return command(arguments[1:], os.Stdin, os.Stdout)
}

func subcommandNames() string {
	return strings.Join(sortedKeys(subcommands), ", ")
}
