package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
)

// reportedErrors is how many failures are told one by one; the rest are counted.
const reportedErrors = 20

// loadReport is what "load" prints.
type loadReport struct {
	Created  int         `json:"created"`
	Existed  int         `json:"existed"`
	Replaced int         `json:"replaced"`
	Failed   int         `json:"failed"`
	Errors   []loadError `json:"errors"`
	Seconds  float64     `json:"seconds"`
}

type loadError struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Code      int    `json:"code,omitempty"`
	Message   string `json:"message"`
}

// runLoad creates objects as fast as the API server takes them.
func runLoad(args []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "where to create, and as whom")
	workers := flags.Int("workers", 6, "objects created at once")
	replace := flags.Bool("replace", false, "replace objects that exist instead of leaving them as they are")
	if err := parse(flags, args); err != nil {
		return err
	}
	server, err := connect(*kubeconfig, *workers)
	if err != nil {
		return err
	}
	l := &loader{server: server, replace: *replace, kinds: map[metav1.TypeMeta]metav1.APIResource{}}
	l.report.Errors = []loadError{}
	begun := time.Now()
	var stages [3][]*unstructured.Unstructured
	err = readObjects(os.Stdin, func(found object) error {
		read := &unstructured.Unstructured{}
		if err := json.Unmarshal(found.raw, &read.Object); err != nil {
			return err
		}
		read.SetKind(found.Kind)
		read.SetAPIVersion(found.APIVersion)
		stages[stage(found.Kind)] = append(stages[stage(found.Kind)], read)
		return nil
	})
	if err != nil {
		return err
	}
	for _, objects := range stages {
		l.createAll(objects, *workers)
	}
	l.report.Seconds = time.Since(begun).Seconds()
	if err := json.NewEncoder(os.Stdout).Encode(l.report); err != nil {
		return err
	}
	if l.report.Failed > 0 {
		return fmt.Errorf("%d objects could not be created", l.report.Failed)
	}
	return nil
}

// stage orders what is created: what others live in, most, and what needs ServiceAccounts.
func stage(kind string) int {
	switch kind {
	case "Namespace", "CustomResourceDefinition":
		return 0
	case "Pod", "Secret":
		return 2
	default:
		return 1
	}
}

// loader creates objects of any kind and counts what became of them.
type loader struct {
	server  *server
	replace bool
	mutex   sync.Mutex
	kinds   map[metav1.TypeMeta]metav1.APIResource
	report  loadReport
}

func (l *loader) createAll(objects []*unstructured.Unstructured, workers int) {
	work := make(chan *unstructured.Unstructured)
	var running sync.WaitGroup
	for range max(workers, 1) {
		running.Go(func() {
			for next := range work {
				l.create(next)
			}
		})
	}
	for _, next := range objects {
		work <- next
	}
	close(work)
	running.Wait()
}

func (l *loader) create(wanted *unstructured.Unstructured) {
	// What the API server alone may set, in objects that were saved from another cluster.
	metadata, _, _ := unstructured.NestedMap(wanted.Object, "metadata")
	for _, field := range []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"} {
		delete(metadata, field)
	}
	wanted.Object["metadata"] = metadata
	collection, err := l.collection(wanted)
	if err != nil {
		l.failed(wanted, 0, err.Error())
		return
	}
	body, err := json.Marshal(wanted.Object)
	if err != nil {
		l.failed(wanted, 0, err.Error())
		return
	}
	code, answer, err := l.sendPatiently(http.MethodPost, collection, body)
	existed := code == http.StatusConflict && wanted.GetName() != "" && reason(answer) == metav1.StatusReasonAlreadyExists
	if existed && l.replace {
		code, answer, err = l.sendPatiently(http.MethodPut, collection+"/"+url.PathEscape(wanted.GetName()), body)
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch {
	case err != nil:
		l.count(wanted, 0, err.Error())
	case existed && !l.replace:
		l.report.Existed++
	case code >= 300:
		l.count(wanted, code, message(answer))
	case existed:
		l.report.Replaced++
	default:
		l.report.Created++
	}
}

// sendPatiently sends again for as long as the API server asks to come back, or a controller has
// yet to make the ServiceAccount that a Pod needs.
func (l *loader) sendPatiently(method, path string, body []byte) (int, []byte, error) {
	deadline := time.Now().Add(time.Minute)
	for {
		code, answer, err := l.server.send(method, path, body)
		busy := code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable
		early := code == http.StatusForbidden && strings.Contains(message(answer), "error looking up service account")
		if err != nil || !busy && !early || time.Now().After(deadline) {
			return code, answer, err
		}
		time.Sleep(pollInterval)
	}
}

func (l *loader) failed(wanted *unstructured.Unstructured, code int, text string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.count(wanted, code, text)
}

// count notes a failure; the caller holds the mutex.
func (l *loader) count(wanted *unstructured.Unstructured, code int, text string) {
	l.report.Failed++
	if len(l.report.Errors) < reportedErrors {
		l.report.Errors = append(l.report.Errors, loadError{
			Kind:      wanted.GetKind(),
			Namespace: wanted.GetNamespace(),
			Name:      wanted.GetName(),
			Code:      code,
			Message:   text,
		})
	}
}

// collection is the path to which an object of this kind and namespace is posted.
func (l *loader) collection(wanted *unstructured.Unstructured) (string, error) {
	resource, err := l.resource(metav1.TypeMeta{Kind: wanted.GetKind(), APIVersion: wanted.GetAPIVersion()})
	if err != nil {
		return "", err
	}
	path := "/apis/" + wanted.GetAPIVersion()
	if !strings.Contains(wanted.GetAPIVersion(), "/") {
		path = "/api/" + wanted.GetAPIVersion()
	}
	if resource.Namespaced {
		if wanted.GetNamespace() == "" {
			return "", errors.New("a namespaced object without a namespace")
		}
		path += "/namespaces/" + url.PathEscape(wanted.GetNamespace())
	}
	return path + "/" + resource.Name, nil
}

// resource asks discovery for a kind, once.
func (l *loader) resource(kind metav1.TypeMeta) (metav1.APIResource, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if known, ok := l.kinds[kind]; ok {
		return known, nil
	}
	if kind.APIVersion == "" {
		return metav1.APIResource{}, errors.New("an object without an apiVersion")
	}
	client, err := discovery.NewDiscoveryClientForConfigAndClient(l.server.config, l.server.client)
	if err != nil {
		return metav1.APIResource{}, err
	}
	resources, err := client.ServerResourcesForGroupVersion(kind.APIVersion)
	if err != nil {
		return metav1.APIResource{}, err
	}
	for _, resource := range resources.APIResources {
		if !strings.Contains(resource.Name, "/") {
			l.kinds[metav1.TypeMeta{Kind: resource.Kind, APIVersion: kind.APIVersion}] = resource
		}
	}
	known, ok := l.kinds[kind]
	if !ok {
		return known, fmt.Errorf("the API server knows no kind %s in %s", kind.Kind, kind.APIVersion)
	}
	return known, nil
}

func reason(answer []byte) metav1.StatusReason {
	var status metav1.Status
	_ = json.Unmarshal(answer, &status)
	return status.Reason
}

func message(answer []byte) string {
	var status metav1.Status
	if json.Unmarshal(answer, &status) != nil || status.Message == "" {
		return strings.TrimSpace(string(answer))
	}
	return status.Message
}
