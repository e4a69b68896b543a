package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/component-base/version"
	"k8s.io/klog/v2"
)

// readyFile holds in the cluster's folder what was last printed on stdout.
const readyFile = "cluster.json"

// startPatience is how long a part may take to start on a busy machine before it is called broken.
const startPatience = 2 * time.Minute

// ready is the line that "up" prints when the cluster can be used.
type ready struct {
	Event         string `json:"event"`
	Name          string `json:"name"`
	Server        string `json:"server"`
	Version       string `json:"version"`
	Dir           string `json:"dir"`
	Kubeconfig    string `json:"kubeconfig"`
	AuditLog      string `json:"auditLog"`
	AuthorizerLog string `json:"authorizerLog,omitempty"`
	// ExtensionLog is the audit log of the extension server, KubeletPort where the kubelet listens.
	ExtensionLog  string `json:"extensionLog,omitempty"`
	KubeletPort   int    `json:"kubeletPort,omitempty"`
	CAFile        string `json:"caFile"`
	CAKeyFile     string `json:"caKeyFile"`
	AdminCert     string `json:"adminCert"`
	AdminKey      string `json:"adminKey"`
	TokenAuthFile string `json:"tokenAuthFile"`
	EtcdEndpoint  string `json:"etcdEndpoint"`
	// CompactedRevision is the oldest revision that etcd still knows, once "compact" was asked for.
	CompactedRevision int64          `json:"compactedRevision,omitempty"`
	PIDs              map[string]int `json:"pids"`
}

// options are the flags of "up".
type options struct {
	name               string
	dir                string
	removeDir          bool
	withoutControllers bool
	workloads          bool
	authorizationMode  string
	recordAuthorizer   bool
	kubelet            bool
	extension          bool
	tokenAuthFile      string
	auditPolicy        string
	auditLevel         string
	anonymous          bool
	apiserverArgs      list
	controllersArgs    list
}

func runUp(args []string) error {
	var o options
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", "", "folder for everything that the cluster keeps; made where it is missing, continued where it is not")
	flags.BoolVar(&o.removeDir, "remove-dir", false, "remove the folder when the cluster stops")
	flags.StringVar(&o.name, "name", "tests", "the cluster's and the context's name in kubeconfigs")
	flags.BoolVar(&o.withoutControllers, "without-controller-manager", false, "start etcd and the API server only")
	flags.BoolVar(&o.workloads, "workloads", false, "run the controllers that make Pods of Deployments, Jobs and the like")
	flags.StringVar(&o.authorizationMode, "authorization-mode", "RBAC", "the API server's authorizers: RBAC, or Node,RBAC")
	flags.BoolVar(&o.recordAuthorizer, "record-authorizer", false, "record everything that the API server asks its authorizers in DIR/authorizer.ndjson")
	flags.BoolVar(&o.kubelet, "kubelet", false, "serve as much of a kubelet as the API server needs to reach into pods; it runs nothing, and a test makes its Node")
	flags.BoolVar(&o.extension, "extension-server", false, "start Kubernetes' sample API server as an aggregated one, with an audit log of its own")
	flags.StringVar(&o.tokenAuthFile, "token-auth-file", "", `static tokens, one token,user,uid,"group,group" a line (default: DIR/tokens.csv with invented users)`)
	flags.StringVar(&o.auditPolicy, "audit-policy", "", "audit policy file (default: everything at --audit-level)")
	flags.StringVar(&o.auditLevel, "audit-level", "Metadata", "level of the default audit policy")
	flags.BoolVar(&o.anonymous, "anonymous", true, "let anonymous requests through to the authorizers")
	flags.Var(&o.apiserverArgs, "apiserver-arg", "further --flag=value of kube-apiserver; may be repeated")
	flags.Var(&o.controllersArgs, "controller-manager-arg", "further --flag=value of kube-controller-manager; may be repeated")
	if err := parse(flags, args); err != nil {
		return err
	}
	if o.dir == "" {
		return usageError{errors.New("up needs --dir")}
	}
	return supervise(o)
}

// supervise keeps a cluster up until stdin ends, a signal comes or one of its parts fails.
func supervise(o options) (err error) {
	// The libraries log in the supervisor too; what matters comes back as errors.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	// The end of stdin must stop a cluster that is still starting, too.
	commands := make(chan string)
	go func() {
		defer close(commands)
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			commands <- strings.TrimSpace(lines.Text())
		}
	}()

	c, err := newCluster(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()

	failed := make(chan error, 1)
	started := make(chan struct{})
	c.starting.Go(func() {
		if err := c.start(); err != nil {
			failed <- err
			return
		}
		close(started)
	})
	var waiting []string
	for {
		select {
		case <-started:
			started = nil
			if err := c.print(); err != nil {
				return err
			}
			for _, command := range waiting {
				if err := c.obey(command); err != nil {
					return err
				}
			}
			waiting = nil
		case err := <-failed:
			return err
		case err := <-c.broken:
			return err
		case <-signals:
			return nil
		case command, open := <-commands:
			switch {
			case !open:
				return nil
			case started != nil:
				waiting = append(waiting, command)
			default:
				if err := c.obey(command); err != nil {
					return err
				}
			}
		}
	}
}

// obey does what one line on stdin asks for, and answers with one line.
func (c *cluster) obey(command string) error {
	var err error
	switch command {
	case "":
		return nil
	case "restart-apiserver":
		if err = c.stopAPIServer(); err == nil {
			err = c.startAPIServer()
		}
	case "compact":
		// The API server answers from its own cache of late events and asks etcd for older ones
		// only, so that it has to forget, too.
		if err = c.stopAPIServer(); err == nil {
			if c.compacted, err = compactEtcd(c.etcdEndpoint); err == nil {
				err = c.startAPIServer()
			}
		}
	case "stop-apiserver":
		if err = c.stopAPIServer(); err == nil {
			return answer(map[string]any{"event": "stopped"})
		}
	case "start-apiserver":
		err = c.startAPIServer()
	default:
		err = errors.New("unknown command")
	}
	if err == nil {
		return c.print()
	}
	return answer(map[string]any{"event": "error", "command": command, "message": err.Error()})
}

// print says that the cluster is ready, on stdout and in its folder.
func (c *cluster) print() error {
	content, err := json.Marshal(c.ready())
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, readyFile), content, 0o600); err != nil {
		return err
	}
	return answer(json.RawMessage(content))
}

func answer(value any) error {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

// kubernetesVersion is what the linker was told, the same that the API server reports.
func kubernetesVersion() string { return version.Get().GitVersion }
