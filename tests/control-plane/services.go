package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Services plays kube-proxy and the containers behind Services for one caller, the API server, which is told by its egress
// configuration to make its calls to webhooks through a socket. A Service answers as kube-proxy sends traffic: a ready endpoint, or,
// where there is none, one that still serves while it terminates; and the node must have a kubelet. Every webhook allows everything.
type Services struct {
	listener  net.Listener
	accepted  chan net.Conn
	closed    chan struct{}
	server    *http.Server
	authority *x509.Certificate
	key       *ecdsa.PrivateKey
	// Who signs the certificates, in PEM: the caBundle of every webhook.
	bundle  []byte
	cluster atomic.Pointer[Cluster]
}

// egressConfiguration makes the API server reach Services and pods through the socket.
const egressConfiguration = `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection: {proxyProtocol: HTTPConnect, transport: {uds: {udsName: %q}}}
- name: controlplane
  connection: {proxyProtocol: Direct}
- name: etcd
  connection: {proxyProtocol: Direct}
`

// ServeServices answers on the socket.
func ServeServices(socket string) (*Services, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	own := &Services{key: key, accepted: make(chan net.Conn), closed: make(chan struct{})}
	own.authority = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "quorate"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	signed, err := x509.CreateCertificate(rand.Reader, own.authority, own.authority, key.Public(), key)
	if err != nil {
		return nil, err
	}
	own.bundle = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	if own.listener, err = net.Listen("unix", socket); err != nil {
		return nil, err
	}
	own.server = &http.Server{Handler: http.HandlerFunc(own.answer), ReadHeaderTimeout: 10 * time.Second}
	configuration := &tls.Config{GetCertificate: own.certificate, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	go func() { _ = own.server.Serve(tls.NewListener(tunnels{own}, configuration)) }()
	go own.accept()
	return own, nil
}

// Close ends it.
func (own *Services) Close() {
	close(own.closed)
	_ = own.listener.Close()
	_ = own.server.Close()
}

// certificate is made for whatever name is asked for.
func (own *Services) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: hello.ServerName},
		DNSNames: []string{hello.ServerName}, NotBefore: own.authority.NotBefore, NotAfter: own.authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, own.authority, own.key.Public(), own.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: own.key}, nil
}

func (own *Services) accept() {
	for {
		connection, err := own.listener.Accept()
		if err != nil {
			return
		}
		go own.tunnel(connection)
	}
}

// tunnel answers `CONNECT ADDRESS:PORT`.
func (own *Services) tunnel(connection net.Conn) {
	request, err := http.ReadRequest(bufio.NewReader(connection))
	if err != nil || request.Method != http.MethodConnect || !own.answers(request.Host) {
		_, _ = io.WriteString(connection, "HTTP/1.1 502 Nobody answers\r\nContent-Length: 0\r\n\r\n")
		_ = connection.Close()
		return
	}
	if _, err := io.WriteString(connection, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		_ = connection.Close()
		return
	}
	select {
	case own.accepted <- connection:
	case <-own.closed:
		_ = connection.Close()
	}
}

// answers tells whether somebody does behind a Service's address.
func (own *Services) answers(address string) bool {
	cluster := own.cluster.Load()
	host, _, err := net.SplitHostPort(address)
	if cluster == nil || err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	services, err := cluster.client.CoreV1().Services("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return false
	}
	for _, service := range services.Items {
		if service.Spec.ClusterIP == host {
			return service.Name == metricsService || cluster.hasEndpoint(ctx, &service)
		}
	}
	return false
}

func (own *Cluster) hasEndpoint(ctx context.Context, service *corev1.Service) bool {
	slices, err := own.client.DiscoveryV1().EndpointSlices(service.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + service.Name,
	})
	if err != nil {
		return false
	}
	ready, answers, last := false, false, false
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			runs := endpoint.NodeName != nil && !own.isFailed(*endpoint.NodeName)
			conditions := endpoint.Conditions
			if conditions.Ready != nil && *conditions.Ready {
				ready, answers = true, answers || runs
			}
			if conditions.Serving != nil && *conditions.Serving && conditions.Terminating != nil && *conditions.Terminating {
				last = last || runs
			}
		}
	}
	return answers || !ready && last
}

// answer allows what a webhook is asked, and says what pods use.
func (own *Services) answer(writer http.ResponseWriter, request *http.Request) {
	if cluster := own.cluster.Load(); cluster != nil && cluster.measure(writer, request) {
		return
	}
	var review struct {
		Request struct {
			UID string `json:"uid"`
		} `json:"request"`
	}
	if err := json.NewDecoder(request.Body).Decode(&review); err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	// The next call finds out anew who answers.
	writer.Header().Set("Connection", "close")
	writer.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(writer, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":%q,"allowed":true}}`, review.Request.UID)
}

// tunnels are the connections that were let through.
type tunnels struct{ *Services }

func (own tunnels) Accept() (net.Conn, error) {
	select {
	case connection := <-own.accepted:
		return connection, nil
	case <-own.closed:
		return nil, net.ErrClosed
	}
}

func (own tunnels) Close() error   { return nil }
func (own tunnels) Addr() net.Addr { return own.listener.Addr() }
