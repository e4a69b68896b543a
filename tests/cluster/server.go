package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// server is an API server and the connections to it.
type server struct {
	url    string
	config *rest.Config
	client *http.Client
}

// connect prepares as many connections as there are workers, without any limit of requests a
// second. They are HTTP/1.1 each: over the one connection of HTTP/2 the workers would wait for each
// other.
func connect(kubeconfig string, workers int) (*server, error) {
	if kubeconfig == "" {
		return nil, usageError{fmt.Errorf("--kubeconfig is missing")}
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	settings, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	transport, err := rest.HTTPWrappersForConfig(config, &http.Transport{
		TLSClientConfig:     settings,
		MaxIdleConnsPerHost: workers,
	})
	if err != nil {
		return nil, err
	}
	return &server{
		url:    config.Host,
		config: config,
		client: &http.Client{Transport: transport, Timeout: time.Minute},
	}, nil
}

// send makes one request and returns the response's code and body.
func (s *server) send(method, path string, body []byte) (int, []byte, error) {
	request, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}
