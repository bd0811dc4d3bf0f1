// The harness plays Quorate's scenarios on a real control plane and records what happens.
//
//	control-plane play FOLDER…                 one recording a line, on standard output
//	control-plane record --runs 3 FOLDER…      FOLDER/real-1.json, real-2.json, …
//	control-plane serve                        folders on standard input, one a line; recordings on standard output
//	control-plane start [FOLDER]               a control plane without kubelets, with the settings of a case, until it is interrupted
//
// A FOLDER holds cluster.yaml and scenario.yaml. See README.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"
)

type arguments struct {
	programs   Programs
	kubeconfig string
	flags      string
	runs       int
	parallel   int
	output     string
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "control-plane play|record|serve|start [flags] FOLDER…; see README.md")
		os.Exit(2)
	}
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	beside := filepath.Dir(program)
	var given arguments
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	flags.StringVar(&given.programs.Components, "components", filepath.Join(beside, "components"), "the binary with etcd and Kubernetes")
	flags.StringVar(&given.programs.KWOK, "kwok", filepath.Join(beside, "kwok"), "the binary of KWOK")
	flags.StringVar(&given.kubeconfig, "kubeconfig", "", "play on this cluster instead of one of our own: everything in it is removed")
	flags.StringVar(&given.flags, "flags", "", "what the cluster of --kubeconfig was started with, separated by commas: "+
		"only cases with these settings are played there")
	flags.IntVar(&given.runs, "runs", 3, "how many times each case is recorded")
	flags.IntVar(&given.parallel, "parallel", 1, "how many control planes are used at once")
	flags.StringVar(&given.output, "output", "", "record: append one line a case to this file instead of writing real-N.json")
	_ = flags.Parse(os.Args[2:])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1], &given, flags.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "control-plane:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, command string, given *arguments, folders []string) error {
	switch command {
	case "play":
		given.runs = 1
		return playAll(ctx, given, folders, func(_ job, recording *Recording) error {
			return json.NewEncoder(os.Stdout).Encode(recording)
		})
	case "record":
		return playAll(ctx, given, folders, given.write)
	case "serve":
		return serve(ctx, given)
	case "start":
		return start(ctx, given, folders)
	default:
		return fmt.Errorf("%q is not a command", command)
	}
}

// A job is one run of one case.
type job struct {
	folder string
	run    int
}

// playAll plays every case as often as asked for, on several control planes at once.
func playAll(ctx context.Context, given *arguments, folders []string, done func(job, *Recording) error) error {
	folders, err := bySettings(folders)
	if err != nil {
		return err
	}
	var jobs []job
	for run := range given.runs {
		for _, folder := range folders {
			jobs = append(jobs, job{folder, run + 1})
		}
	}
	queue := make(chan job)
	var lock sync.Mutex
	var problems []error
	var group sync.WaitGroup
	for range max(1, min(given.parallel, len(jobs))) {
		group.Go(func() {
			player := &player{given: given}
			defer player.close()
			for next := range queue {
				recording, err := player.play(ctx, next.folder)
				lock.Lock()
				if err == nil {
					err = done(next, recording)
				}
				if err != nil {
					problems = append(problems, fmt.Errorf("%s: %w", next.folder, err))
				}
				lock.Unlock()
			}
		})
	}
	for _, next := range jobs {
		if ctx.Err() != nil {
			break
		}
		queue <- next
	}
	close(queue)
	group.Wait()
	for _, problem := range problems {
		fmt.Fprintln(os.Stderr, problem)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d of %d runs could not be played", len(problems), len(jobs))
	}
	return ctx.Err()
}

// bySettings sorts cases so that a control plane serves as many as it can.
func bySettings(folders []string) ([]string, error) {
	keys := map[string]string{}
	for _, folder := range folders {
		item, err := ReadCase(folder)
		if err != nil {
			return nil, err
		}
		settings, err := ReadSettings(&item.Scenario)
		if err != nil {
			return nil, err
		}
		keys[folder] = settings.key()
	}
	sorted := slices.Clone(folders)
	slices.SortStableFunc(sorted, func(one, other string) int { return strings.Compare(keys[one], keys[other]) })
	return sorted, nil
}

func (given *arguments) write(done job, recording *Recording) error {
	fmt.Fprintf(os.Stderr, "%s, run %d: %v s\n", recording.Case, done.run, recording.Seconds["total"])
	text, err := json.Marshal(recording)
	if err != nil {
		return err
	}
	if given.output == "" {
		return os.WriteFile(filepath.Join(done.folder, fmt.Sprintf("real-%d.json", done.run)), append(text, '\n'), 0o644)
	}
	file, err := os.OpenFile(given.output, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(append(text, '\n'))
	return err
}

// serve plays the folder of each line and answers with one line: a recording, or {"error": …}.
func serve(ctx context.Context, given *arguments) error {
	player := &player{given: given}
	defer player.close()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() && ctx.Err() == nil {
		var answer any
		recording, err := player.play(ctx, lines.Text())
		if answer = recording; err != nil {
			answer = map[string]string{"error": err.Error()}
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

// start starts a control plane and says where its kubeconfig is.
func start(ctx context.Context, given *arguments, folders []string) error {
	item := &Case{}
	if len(folders) > 0 {
		read, err := ReadCase(folders[0])
		if err != nil {
			return err
		}
		item = read
	}
	settings, err := ReadSettings(&item.Scenario)
	if err != nil {
		return err
	}
	processes, err := StartProcesses(ctx, given.programs, settings)
	if err != nil {
		return err
	}
	defer processes.Stop()
	fmt.Println(processes.kubeconfig)
	<-ctx.Done()
	return nil
}

// leftOut is why a case cannot be played on the cluster of --kubeconfig: it was started otherwise, or the case has webhooks or metrics, and only
// the API server of a control plane of our own makes its calls to us.
func (given *arguments) leftOut(item *Case, settings *Settings) error {
	if given.kubeconfig == "" {
		return nil
	}
	wanted := slices.Concat(settings.APIServerArgs, settings.ControllerManagerArgs)
	flags := strings.FieldsFunc(given.flags, func(char rune) bool { return char == ',' })
	slices.Sort(wanted)
	slices.Sort(flags)
	if !slices.Equal(wanted, flags) {
		return fmt.Errorf("left out: %s wants a control plane with %v, and this one was started with %v", item.Name, wanted, flags)
	}
	if item.has("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "HorizontalPodAutoscaler") {
		return fmt.Errorf("left out: %s has webhooks or metrics, and nobody answers for them on a cluster that is there already", item.Name)
	}
	if item.binds() {
		return fmt.Errorf("left out: %s stops kube-scheduler, and that of a cluster that is there already is not ours", item.Name)
	}
	return nil
}

// A player keeps a control plane as long as cases ask for the same settings.
type player struct {
	given     *arguments
	key       string
	cluster   *Cluster
	processes *Processes
	kubelets  *Processes
	cancel    context.CancelFunc
}

func (own *player) play(ctx context.Context, folder string) (*Recording, error) {
	item, err := ReadCase(folder)
	if err != nil {
		return nil, err
	}
	settings, err := ReadSettings(&item.Scenario)
	if err != nil {
		return nil, err
	}
	if err := own.given.leftOut(item, settings); err != nil {
		return nil, err
	}
	if own.cluster == nil || own.key != settings.key() {
		own.close()
		if err := own.open(ctx, settings); err != nil {
			return nil, err
		}
	}
	recording, err := own.cluster.Play(ctx, item)
	if err != nil {
		// Whatever is wrong, the next case begins with a new one.
		own.close()
	}
	return recording, err
}

func (own *player) open(ctx context.Context, settings *Settings) error {
	watching, cancel := context.WithCancel(ctx)
	own.cancel = cancel
	kubeconfig := own.given.kubeconfig
	var err error
	if kubeconfig == "" {
		if own.processes, err = StartProcesses(ctx, own.given.programs, settings); err != nil {
			return err
		}
		kubeconfig = own.processes.kubeconfig
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	if own.cluster, err = Connect(watching, config, settings); err != nil {
		return err
	}
	if own.processes == nil {
		// Somebody else's objects go before there are kubelets.
		if err := own.cluster.Wipe(ctx); err != nil {
			return err
		}
	} else {
		own.cluster.processes, own.cluster.services = own.processes, own.processes.services
		own.processes.services.cluster.Store(own.cluster)
	}
	if own.kubelets, err = StartKWOK(own.given.programs, settings, kubeconfig); err != nil {
		return err
	}
	own.key = settings.key()
	return nil
}

func (own *player) close() {
	if own.cancel != nil {
		own.cancel()
	}
	for _, processes := range []*Processes{own.kubelets, own.processes} {
		if processes != nil {
			processes.Stop()
		}
	}
	own.cluster, own.processes, own.kubelets, own.cancel = nil, nil, nil, nil
}
