package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// recording is a file of fixtures/oracle and how it is made: cases from one subcommand, answers from another.
type recording struct {
	file      string
	generate  subcommand
	arguments []string
	answer    subcommand
}

var recordings = []recording{
	{"yaml.jsonl", generateYAML, nil, answerYAML},
	{"split.jsonl", generateSplit, nil, answerSplit},
	{"defaults.jsonl", generateDefault, nil, answerDefault},
	{"strict.jsonl", generateStrict, nil, answerStrict},
	{"lifecycle.jsonl", noCases, nil, listLifecycles},
	{"schedule-edges.jsonl", generateSchedule, []string{"--edges"}, answerSchedule},
	{"schedule-volumes.jsonl.gz", generateSchedule, []string{"--seed", "2", "--count", "1200", "--draw", "small-volumes"}, answerSchedule},
	{"schedule.jsonl.gz", generateSchedule, []string{"--seed", "1", "--count", "3000"}, answerSchedule},
	{"sequence.jsonl.gz", generateSequence, []string{"--seed", "6", "--count", "120"}, answerSequence},
	{"sequence-large.jsonl.gz", generateSequence, []string{"--seed", "7", "--count", "40", "--draw", "any"}, answerSequence},
	{"configurations.jsonl.gz", generateConfigurations, []string{"--seed", "9", "--count", "2000"}, answerConfiguration},
	{"schedule-configurations.jsonl.gz", generateSchedule, []string{"--seed", "6", "--count", "800", "--configurations"}, answerSchedule},
	{"schedule-configurations-volumes.jsonl.gz", generateSchedule, []string{"--seed", "7", "--count", "200", "--draw", "small-volumes", "--configurations"}, answerSchedule},
	{"requests.jsonl.gz", generateRequests, []string{"--seed", "4", "--count", "2000"}, answerRequests},
	{"admission.jsonl.gz", generateAdmit, []string{"--seed", "5", "--count", "1500"}, answerAdmit},
	{"autoscale.jsonl.gz", generateAutoscale, []string{"--seed", "10", "--count", "800"}, answerAutoscale},
	{"cron.jsonl.gz", generateCron, []string{"--seed", "11", "--count", "6000"}, answerCron},
	{"preempt.jsonl.gz", generatePreempt, []string{"--seed", "3", "--count", "1500"}, answerPreempt},
	{"preempt-configurations.jsonl.gz", generatePreempt, []string{"--seed", "8", "--count", "300", "--configurations"}, answerPreempt},
	{"preempt-volumes.jsonl.gz", generatePreempt, []string{"--seed", "4", "--count", "250", "--draw", "small-volumes"}, answerPreempt},
}

// noCases is for answers that need none.
func noCases([]string, io.Reader, io.Writer) error { return nil }

// record is the subcommand record: it writes every recording into the directory that its only argument names.
func record(arguments []string, _ io.Reader, out io.Writer) error {
	if len(arguments) != 1 {
		return fmt.Errorf("record takes one argument: the directory of the recordings")
	}
	for _, each := range recordings {
		lines, err := each.make()
		if err != nil {
			return fmt.Errorf("%s: %w", each.file, err)
		}
		written := lines
		if strings.HasSuffix(each.file, ".gz") {
			if written, err = compress(lines); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(arguments[0], each.file), written, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d cases, %d bytes\n", each.file, bytes.Count(lines, []byte("\n")), len(written))
	}
	return nil
}

// make answers all cases of a recording.
func (r recording) make() ([]byte, error) {
	var cases, answers bytes.Buffer
	if err := r.generate(r.arguments, nil, &cases); err != nil {
		return nil, err
	}
	if err := r.answer(nil, &cases, &answers); err != nil {
		return nil, err
	}
	return answers.Bytes(), nil
}

// compress leaves name and time out of the header, so that the same lines give the same bytes.
func compress(lines []byte) ([]byte, error) {
	var compressed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(lines); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return compressed.Bytes(), nil
}
