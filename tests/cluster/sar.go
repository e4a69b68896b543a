package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const reviewsPath = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

// runSAR has the API server answer SubjectAccessReviews.
func runSAR(args []string) error {
	flags := flag.NewFlagSet("sar", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "whom to ask, and as whom")
	workers := flags.Int("workers", 8, "reviews asked at once")
	if err := parse(flags, args); err != nil {
		return err
	}
	server, err := connect(*kubeconfig, *workers)
	if err != nil {
		return err
	}
	var once sync.Once
	var failed error
	err = answerLines(os.Stdin, os.Stdout, *workers, 1, func(line, to []byte) []byte {
		_, body, err := server.send(http.MethodPost, reviewsPath, line)
		if err != nil {
			once.Do(func() { failed = err })
			status, _ := json.Marshal(metav1.Status{
				TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
				Status:   metav1.StatusFailure,
				Message:  err.Error(),
			})
			body = status
		}
		return append(append(to, bytes.TrimSpace(body)...), '\n')
	})
	if failed != nil {
		return failed
	}
	return err
}
