package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
)

// recorder is an authorizer that writes down every question and has an opinion on none.
type recorder struct {
	url    string
	server *http.Server
	mutex  sync.Mutex
	file   *os.File
}

// startRecorder serves it on a free loopback port. Questions are appended to the file, one
// SubjectAccessReview a line, before they are answered.
func startRecorder(ca *authority, prefix, path string) (*recorder, error) {
	files := pairAt(prefix)
	if err := ca.issueServer(files); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &recorder{url: "https://" + listener.Addr().String(), file: file}
	r.server = &http.Server{Handler: r}
	go func() { _ = r.server.ServeTLS(listener, files.cert, files.key) }()
	return r, nil
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err == nil {
		err = r.write(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	review := authorizationv1.SubjectAccessReview{}
	review.APIVersion, review.Kind = authorizationv1.SchemeGroupVersion.String(), "SubjectAccessReview"
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review)
}

func (r *recorder) write(review []byte) error {
	var line bytes.Buffer
	if err := json.Compact(&line, review); err != nil {
		return err
	}
	line.WriteByte('\n')
	r.mutex.Lock()
	defer r.mutex.Unlock()
	_, err := r.file.Write(line.Bytes())
	return err
}

func (r *recorder) close() {
	_ = r.server.Close()
	_ = r.file.Close()
}
