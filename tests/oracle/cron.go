package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	// Zones are the same wherever this is built.
	_ "time/tzdata"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/apis/batch"
	"k8s.io/kubernetes/pkg/apis/batch/validation"
	api "k8s.io/kubernetes/pkg/apis/core"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/util/parsers"
)

// cronTimes is how many times of a schedule are asked for.
const cronTimes = 8

// cronCase is a schedule and a moment; the moment is in milliseconds since 1970-01-01T00:00:00Z.
type cronCase struct {
	ID       string  `json:"id"`
	Schedule string  `json:"schedule"`
	TimeZone *string `json:"timeZone,omitempty"`
	After    int64   `json:"after"`
}

// cronAnswer is what the API server and the controller make of it.
type cronAnswer struct {
	cronCase
	// Refused are the fields that the API server refuses at creation.
	Refused []string `json:"refused"`
	// Parsed: the controller can read it, as it does where it was created before it was refused.
	Parsed bool `json:"parsed"`
	// Times are the next ones after the moment, in milliseconds.
	Times []int64 `json:"times"`
	// Hangs: the search for the next one after these goes round for ever, in the controller too.
	Hangs bool   `json:"hangs,omitempty"`
	Error string `json:"error,omitempty"`
}

// cronPatience is how long one time is waited for: it takes microseconds where it is found.
const cronPatience = 10 * time.Second

// answerCron is the subcommand cron: github.com/robfig/cron/v3 as kube-controller-manager calls it.
func answerCron(arguments []string, in io.Reader, out io.Writer) error {
	return forEachLine(in, out, func(one cronCase) (cronAnswer, error) { return one.answer(), nil })
}

func (c cronCase) answer() cronAnswer {
	answer := cronAnswer{cronCase: c, Refused: c.refused(), Times: []int64{}}
	schedule, err := parsers.ParseCronScheduleWithPanicRecovery(c.formatted())
	if err != nil {
		return answer
	}
	answer.Parsed = true
	at := time.UnixMilli(c.After).UTC()
	found := make(chan time.Time)
	for range cronTimes {
		// A search that hangs cannot be ended: it takes a processor until the process ends.
		go func() { found <- schedule.Next(at) }()
		select {
		case at = <-found:
		case <-time.After(cronPatience):
			answer.Hangs = true
			return answer
		}
		if at.IsZero() {
			break
		}
		answer.Times = append(answer.Times, at.UnixMilli())
	}
	return answer
}

// formatted is what the controller parses: formatSchedule of pkg/controller/cronjob/cronjob_controllerv2.go is not exported.
func (c cronCase) formatted() string {
	if strings.Contains(c.Schedule, "TZ") || c.TimeZone == nil {
		return c.Schedule
	}
	if _, err := time.LoadLocation(*c.TimeZone); err != nil {
		return c.Schedule
	}
	return fmt.Sprintf("TZ=%s %s", *c.TimeZone, c.Schedule)
}

func (c cronCase) refused() []string {
	grace := int64(30)
	cronJob := &batch.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "default"},
		Spec: batch.CronJobSpec{
			Schedule: c.Schedule, TimeZone: c.TimeZone, ConcurrencyPolicy: batch.AllowConcurrent,
			JobTemplate: batch.JobTemplateSpec{Spec: batch.JobSpec{Template: api.PodTemplateSpec{Spec: api.PodSpec{
				RestartPolicy: api.RestartPolicyNever, DNSPolicy: api.DNSClusterFirst,
				SecurityContext: &api.PodSecurityContext{}, TerminationGracePeriodSeconds: &grace,
				Containers: []api.Container{{
					Name: "a", Image: "i", ImagePullPolicy: api.PullAlways, TerminationMessagePolicy: api.TerminationMessageReadFile,
				}},
			}}}},
		},
	}
	fields := []string{}
	for _, problem := range validation.ValidateCronJobCreate(cronJob, corevalidation.PodValidationOptions{}) {
		if !slices.Contains(fields, problem.Field) {
			fields = append(fields, problem.Field)
		}
	}
	slices.Sort(fields)
	return fields
}
