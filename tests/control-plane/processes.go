package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Processes is a control plane of our own: etcd, kube-apiserver, kube-scheduler, kube-controller-manager and KWOK, on loopback,
// with everything they write in one temporary directory.
type Processes struct {
	directory  string
	kubeconfig string
	running    []*exec.Cmd
	// kube-scheduler; nil while it is stopped.
	scheduler *exec.Cmd
	services  *Services
	startup   time.Duration
}

// Programs tells where the binaries are.
type Programs struct {
	Components string
	KWOK       string
}

// StartProcesses starts a control plane, without kubelets, and waits until it answers.
func StartProcesses(ctx context.Context, programs Programs, settings *Settings) (*Processes, error) {
	began := time.Now()
	directory, err := os.MkdirTemp("", "quorate-control-plane-")
	if err != nil {
		return nil, err
	}
	own := &Processes{directory: directory, kubeconfig: filepath.Join(directory, "kubeconfig")}
	if err := own.start(ctx, programs, settings); err != nil {
		own.Stop()
		return nil, err
	}
	own.startup = time.Since(began)
	return own, nil
}

func (own *Processes) start(ctx context.Context, programs Programs, settings *Settings) error {
	components, err := filepath.Abs(programs.Components)
	if err != nil {
		return err
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		if err := os.Symlink(components, own.path(name)); err != nil {
			return err
		}
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	token, err := own.writeSecrets(ports[2])
	if err != nil {
		return err
	}
	etcd := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	peer := fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	if err := own.run(own.path("etcd"), "--data-dir="+own.path("data"), "--unsafe-no-fsync=true", "--name=default",
		"--listen-client-urls="+etcd, "--advertise-client-urls="+etcd, "--listen-peer-urls="+peer,
		"--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer); err != nil {
		return err
	}
	socket := own.path("services.sock")
	if own.services, err = ServeServices(socket); err != nil {
		return err
	}
	egress := own.path("egress.yaml")
	if err := os.WriteFile(egress, fmt.Appendf(nil, egressConfiguration, socket), 0o600); err != nil {
		return err
	}
	arguments := append([]string{
		"--egress-selector-config-file=" + egress, "--etcd-servers=" + etcd, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[2]),
		"--advertise-address=127.0.0.1", "--cert-dir=" + own.path("certificates"), "--service-cluster-ip-range=10.0.0.0/24",
		"--token-auth-file=" + own.path("tokens"), "--authorization-mode=AlwaysAllow", "--anonymous-auth=false",
		"--service-account-issuer=https://quorate.test", "--service-account-key-file=" + own.path("account.key"),
		"--service-account-signing-key-file=" + own.path("account.key"), "--watch-cache=true",
	}, settings.APIServerArgs...)
	if err := own.run(own.path("kube-apiserver"), arguments...); err != nil {
		return err
	}
	if err := own.waitUntilReady(ctx, token); err != nil {
		return err
	}
	return own.startControllers(settings)
}

func (own *Processes) startControllers(settings *Settings) error {
	arguments := append([]string{
		"--kubeconfig=" + own.kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--service-account-private-key-file=" + own.path("account.key"), "--kube-api-qps=500", "--kube-api-burst=1000",
	}, settings.ControllerManagerArgs...)
	if err := own.run(own.path("kube-controller-manager"), arguments...); err != nil {
		return err
	}
	return own.runScheduler(0)
}

func (own *Processes) runScheduler(port int) error {
	err := own.run(own.path("kube-scheduler"), "--kubeconfig="+own.kubeconfig, "--leader-elect=false",
		fmt.Sprintf("--secure-port=%d", port), "--bind-address=127.0.0.1", "--cert-dir="+own.path("certificates-of-scheduler"),
		"--kube-api-qps=500", "--kube-api-burst=1000")
	if err == nil {
		own.scheduler = own.running[len(own.running)-1]
	}
	return err
}

// StopScheduler ends kube-scheduler, if it runs.
func (own *Processes) StopScheduler() {
	if own.scheduler == nil {
		return
	}
	_ = own.scheduler.Process.Kill()
	_ = own.scheduler.Wait()
	own.running = slices.DeleteFunc(own.running, func(command *exec.Cmd) bool { return command == own.scheduler })
	own.scheduler = nil
}

// StartScheduler starts kube-scheduler, unless it runs, and waits until it has seen everything that there is.
func (own *Processes) StartScheduler(ctx context.Context) error {
	if own.scheduler != nil {
		return nil
	}
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	if err := own.runScheduler(ports[0]); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	address := fmt.Sprintf("https://127.0.0.1:%d/readyz", ports[0])
	for deadline := time.Now().Add(60 * time.Second); ctx.Err() == nil && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		answer, err := client.Get(address)
		if err != nil {
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("kube-scheduler does not become ready; see " + own.path("kube-scheduler.log"))
}

// StartKWOK starts the kubelets of a cluster that somebody else has started.
func StartKWOK(programs Programs, settings *Settings, kubeconfig string) (*Processes, error) {
	directory, err := os.MkdirTemp("", "quorate-kubelets-")
	if err != nil {
		return nil, err
	}
	own := &Processes{directory: directory}
	own.kubeconfig, err = filepath.Abs(kubeconfig)
	if err == nil {
		err = own.startKWOK(programs, settings)
	}
	if err != nil {
		own.Stop()
		return nil, err
	}
	return own, nil
}

func (own *Processes) startKWOK(programs Programs, settings *Settings) error {
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	config := own.path("stages.yaml")
	if err := os.WriteFile(config, []byte(stages(settings.StartupSeconds, settings.ShutdownSeconds)), 0o600); err != nil {
		return err
	}
	program, err := filepath.Abs(programs.KWOK)
	if err != nil {
		return err
	}
	return own.run(program, "--kubeconfig="+own.kubeconfig, "--manage-all-nodes=false",
		"--manage-nodes-with-label-selector="+kubeletLabel+"=runs", "--cidr=10.1.0.0/16", "--node-ip=127.0.0.1",
		fmt.Sprintf("--node-lease-duration-seconds=%d", settings.LeaseSeconds),
		fmt.Sprintf("--server-address=127.0.0.1:%d", ports[0]), "--config="+config)
}

func (own *Processes) path(name string) string {
	return filepath.Join(own.directory, name)
}

// writeSecrets writes a key for service accounts, a token that may do everything, and a kubeconfig with it.
func (own *Processes) writeSecrets(port int) (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	token := hex.EncodeToString(random)
	kubeconfig := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: own, cluster: {server: "https://127.0.0.1:%d", insecure-skip-tls-verify: true}}]
users: [{name: own, user: {token: %q}}]
contexts: [{name: own, context: {cluster: own, user: own}}]
current-context: own
`, port, token)
	files := map[string][]byte{
		"account.key": block,
		"tokens":      []byte(token + ",test,test,system:masters\n"),
		"kubeconfig":  []byte(kubeconfig),
	}
	for name, content := range files {
		if err := os.WriteFile(own.path(name), content, 0o600); err != nil {
			return "", err
		}
	}
	return token, nil
}

// run starts a program in the background; what it says goes to a file that is named after it.
func (own *Processes) run(program string, arguments ...string) error {
	// One that is started again goes on with its file.
	log, err := os.OpenFile(own.path(filepath.Base(program)+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(program, arguments...)
	command.Stdout, command.Stderr = log, log
	command.Dir = own.directory
	// It does not outlive this process, however that ends.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	own.running = append(own.running, command)
	return nil
}

func (own *Processes) waitUntilReady(ctx context.Context, token string) error {
	config, err := own.Config()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(120 * time.Second)
	for ctx.Err() == nil && time.Now().Before(deadline) {
		answer, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil && bytes.Equal(answer, []byte("ok")) {
			return nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return errors.New("kube-apiserver does not become ready; see " + own.path("kube-apiserver.log"))
}

// Config is how to reach it.
func (own *Processes) Config() (*rest.Config, error) {
	return clientcmd.BuildConfigFromFlags("", own.kubeconfig)
}

// Stop ends the processes, each by its own id, and removes the directory.
func (own *Processes) Stop() {
	for index := len(own.running) - 1; index >= 0; index-- {
		_ = own.running[index].Process.Kill()
		_ = own.running[index].Wait()
	}
	own.running, own.scheduler = nil, nil
	if own.services != nil {
		own.services.Close()
	}
	if os.Getenv("QUORATE_KEEP_LOGS") == "" {
		_ = os.RemoveAll(own.directory)
	}
}

// freePorts finds ports on loopback that nobody listens on.
func freePorts(count int) ([]int, error) {
	var ports []int
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		// All are held until all are found: they differ.
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
