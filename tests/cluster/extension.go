package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"k8s.io/component-base/cli"
	wardle "k8s.io/sample-apiserver/pkg/cmd/server"
)

// The extension server is Kubernetes' own sample, which serves flunders in a namespace and fischers
// outside of any.
const (
	extensionName      = "extension-apiserver"
	extensionNamespace = "extension"
	extensionGroup     = "wardle.example.com"
	extensionVersion   = "v1beta1"
)

// runExtension is the child process.
func runExtension(args []string) int {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	command := wardle.NewCommandStartWardleServer(stop, wardle.NewWardleServerOptions(os.Stdout, os.Stderr), false)
	command.SetArgs(args)
	return cli.Run(command)
}

// frontProxyFlags are those by which kube-apiserver tells extension servers who asks.
func (c *cluster) frontProxyFlags() []string {
	proxy := c.pair("front-proxy-client")
	return []string{
		"--requestheader-client-ca-file=" + pairAt(c.path("pki", "front-proxy", "ca")).cert,
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-uid-headers=X-Remote-Uid",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + proxy.cert,
		"--proxy-client-key-file=" + proxy.key,
	}
}

// writeFrontProxy makes the certificates behind those flags.
func (c *cluster) writeFrontProxy() error {
	ca, err := openAuthority(c.path("pki", "front-proxy"))
	if err != nil {
		return err
	}
	return ca.issueToday(c.pair("front-proxy-client"), "front-proxy-client")
}

func (c *cluster) extensionFlags(port int) []string {
	server := c.pair("server")
	policy := c.auditPolicy
	if policy == "" {
		policy = c.path("audit", "policy.yaml")
	}
	config := c.path("pki", "supervisor.kubeconfig")
	return []string{
		"--etcd-servers=" + c.etcdEndpoint,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + server.cert,
		"--tls-private-key-file=" + server.key,
		"--kubeconfig=" + config,
		"--authentication-kubeconfig=" + config,
		"--authorization-kubeconfig=" + config,
		"--audit-policy-file=" + policy,
		"--audit-log-path=" + c.extensionLog(),
		"--audit-log-mode=blocking",
		"--audit-log-maxsize=1000000",
		"--enable-priority-and-fairness=false",
	}
}

func (c *cluster) extensionLog() string { return c.path("audit", "extension.log") }

// startExtension starts it on a free port and has kube-apiserver pass requests on to it.
func (c *cluster) startExtension() error {
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return err
		}
		server, err := c.launch(extensionName, c.extensionFlags(port), nil)
		if err != nil {
			return err
		}
		if attempt == 1 {
			if err := c.create("/api/v1/namespaces", described("v1", "Namespace", "", extensionNamespace, nil)); err != nil {
				return err
			}
		}
		err = c.await("the extension server", func() error {
			select {
			case <-server.done:
				return fatal{server.exited()}
			default:
				return c.announceExtension(port)
			}
		})
		if err == nil {
			go c.watch(server)
			return nil
		}
		server.kill()
		if attempt == bindAttempts || !portTaken(server.logTail()) {
			return err
		}
	}
}

// announceExtension makes the Service and the APIService, and asks kube-apiserver for what is served
// there. No Service may lead to a loopback address, but one may lead to a name.
func (c *cluster) announceExtension(port int) error {
	service := described("v1", "Service", extensionNamespace, "extension", map[string]any{
		"type": "ExternalName", "externalName": "localhost",
		"ports": []any{map[string]any{"port": port}},
	})
	if err := c.create("/api/v1/namespaces/"+extensionNamespace+"/services", service); err != nil {
		return err
	}
	name := extensionVersion + "." + extensionGroup
	api := described("apiregistration.k8s.io/v1", "APIService", "", name, map[string]any{
		"group": extensionGroup, "version": extensionVersion,
		"groupPriorityMinimum": 1000, "versionPriority": 15, "insecureSkipTLSVerify": true,
		"service": map[string]any{"namespace": extensionNamespace, "name": "extension", "port": port},
	})
	if err := c.create("/apis/apiregistration.k8s.io/v1/apiservices", api); err != nil {
		return err
	}
	_, err := c.get("/apis/" + extensionGroup + "/" + extensionVersion)
	return err
}

// create makes an object that may be there already.
func (c *cluster) create(path string, wanted map[string]any) error {
	body, err := json.Marshal(wanted)
	if err != nil {
		return err
	}
	code, answer, err := c.client.send(http.MethodPost, path, body)
	if err != nil {
		return err
	}
	if code != http.StatusCreated && code != http.StatusConflict {
		return fmt.Errorf("%s: %d: %s", path, code, answer)
	}
	return nil
}

// described is an object with a spec.
func described(version, kind, namespace, name string, spec map[string]any) map[string]any {
	metadata := map[string]any{"name": name}
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	made := map[string]any{"apiVersion": version, "kind": kind, "metadata": metadata}
	if spec != nil {
		made["spec"] = spec
	}
	return made
}
