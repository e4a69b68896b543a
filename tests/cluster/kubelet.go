package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// kubelet is as much of one as the API server needs to reach into pods: by SPDY and by websocket it
// answers with what it was asked, and then with what it is sent. It runs nothing.
type kubelet struct {
	port   int
	server *http.Server
}

// streamPatience is how long a client may take to open its streams, and then say nothing.
const streamPatience = time.Minute

// startKubelet serves it on a free loopback port. Whoever wants it makes a Node with that port.
func startKubelet(ca *authority, prefix string) (*kubelet, error) {
	files := pairAt(prefix)
	if err := ca.issueServer(files); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	k := &kubelet{port: listener.Addr().(*net.TCPAddr).Port}
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", k.exec)
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", k.attach)
	mux.HandleFunc("/portForward/{namespace}/{pod}", k.portForward)
	mux.HandleFunc("/containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "logs of", podOf(r), r.PathValue("container"))
	})
	k.server = &http.Server{Handler: mux}
	go func() { _ = k.server.ServeTLS(listener, files.cert, files.key) }()
	return k, nil
}

func podOf(request *http.Request) string {
	return request.PathValue("namespace") + "/" + request.PathValue("pod")
}

func (k *kubelet) exec(w http.ResponseWriter, request *http.Request) {
	options, err := remotecommand.NewOptions(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(w, request, k, podOf(request), "", request.PathValue("container"),
		request.URL.Query()["command"], options, streamPatience, streamPatience,
		remotecommand.SupportedStreamingProtocols)
}

func (k *kubelet) attach(w http.ResponseWriter, request *http.Request) {
	options, err := remotecommand.NewOptions(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeAttach(w, request, k, podOf(request), "", request.PathValue("container"),
		options, streamPatience, streamPatience, remotecommand.SupportedStreamingProtocols)
}

func (k *kubelet) portForward(w http.ResponseWriter, request *http.Request) {
	options, err := portforward.NewV4Options(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, request, k, podOf(request), "", options, streamPatience,
		streamPatience, portforward.SupportedProtocols)
}

// ExecInContainer says what was to be run.
func (k *kubelet) ExecInContainer(_ context.Context, pod, _, container string, command []string, in io.Reader, out, _ io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	return echo(fmt.Sprintf("exec in %s %s: %s\n", pod, container, strings.Join(command, " ")), in, out)
}

// AttachContainer says what was attached to.
func (k *kubelet) AttachContainer(_ context.Context, pod, _, container string, in io.Reader, out, _ io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	return echo(fmt.Sprintf("attached to %s %s\n", pod, container), in, out)
}

// PortForward says which port was reached.
func (k *kubelet) PortForward(_ context.Context, pod, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	return echo(fmt.Sprintf("port %d of %s\n", port, pod), nil, stream)
}

func echo(said string, in io.Reader, out io.Writer) error {
	if out == nil {
		return nil
	}
	if _, err := io.WriteString(out, said); err != nil || in == nil {
		return err
	}
	_, err := io.Copy(out, in)
	return err
}

func (k *kubelet) close() { _ = k.server.Close() }
