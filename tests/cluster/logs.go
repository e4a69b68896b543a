package main

import (
	"bufio"
	"flag"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"strings"
)

// logsReady is the line with which "logs" says where it listens.
type logsReady struct {
	Event string `json:"event"`
	URL   string `json:"url"`
}

// runLogs serves a folder below /logs/ in the way of kube-apiserver's --enable-logs-handler, which
// knows no folder but /var/log, and passes everything else on to an API server. Each request below
// /logs/ is a line on stdout: its path and the range asked for. It ends with stdin.
func runLogs(args []string) error {
	flags := flag.NewFlagSet("logs", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "the API server, and as whom")
	dir := flags.String("dir", "", "what to serve")
	if err := parse(flags, args); err != nil {
		return err
	}
	server, err := connect(*kubeconfig, 8)
	if err != nil {
		return err
	}
	behind, err := url.Parse(server.url)
	if err != nil {
		return err
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	proxy.Transport = server.client.Transport
	mux := http.NewServeMux()
	mux.Handle("/", proxy)
	mux.HandleFunc("/logs/", func(w http.ResponseWriter, request *http.Request) {
		below := strings.TrimPrefix(request.URL.Path, "/logs/")
		_ = answer(map[string]string{"event": "asked", "path": below, "range": request.Header.Get("Range")})
		http.ServeFile(w, request, path.Join(*dir, below))
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(listener, mux) }()
	if err := answer(logsReady{Event: "ready", URL: "http://" + listener.Addr().String()}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
	}
	return nil
}
