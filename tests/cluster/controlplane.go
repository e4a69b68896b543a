package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// supervisorUser is whom the supervisor itself asks as. It is another name than the admin's, and
// the default audit policy leaves it out, so that the log holds only what the cluster and the tests
// did.
const supervisorUser = "keybook-tests-supervisor"

// cluster is one control plane and the files that it is made of.
type cluster struct {
	options
	lock         *os.File
	nursery      *nursery
	ca           *authority
	etcdEndpoint string
	compacted    int64
	port         int
	recorder     *recorder
	kubeletPart  *kubelet
	client       *server
	broken       chan error
	stopping     context.Context
	stop         context.CancelFunc

	starting sync.WaitGroup
	mutex    sync.Mutex
	children map[string]*child
}

func newCluster(o options) (*cluster, error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, err
	}
	o.dir = dir
	if o.tokenAuthFile == "" {
		o.tokenAuthFile = filepath.Join(dir, "tokens.csv")
	} else if o.tokenAuthFile, err = filepath.Abs(o.tokenAuthFile); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	nursery, err := newNursery(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	stopping, stop := context.WithCancel(context.Background())
	return &cluster{
		options:  o,
		lock:     lock,
		nursery:  nursery,
		broken:   make(chan error, 3),
		stopping: stopping,
		stop:     stop,
		children: map[string]*child{},
	}, nil
}

// lockFolder keeps a second cluster from using the same folder. The kernel drops the lock with the
// process.
func lockFolder(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s is in use by another cluster", dir)
	}
	return lock, nil
}

func (c *cluster) path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

func (c *cluster) url() string { return "https://127.0.0.1:" + strconv.Itoa(c.port) }

// start brings everything up, in the order in which one needs the other.
func (c *cluster) start() error {
	if err := c.writeFiles(); err != nil {
		return err
	}
	if c.recordAuthorizer {
		recorder, err := startRecorder(c.ca, c.path("pki", "authorizer"), c.path("authorizer.ndjson"))
		if err != nil {
			return err
		}
		c.recorder = recorder
		if err := c.writeAuthorization(); err != nil {
			return err
		}
	}
	if c.kubelet {
		part, err := startKubelet(c.ca, c.path("pki", "kubelet"))
		if err != nil {
			return err
		}
		c.kubeletPart = part
	}
	if err := c.startEtcd(); err != nil {
		return err
	}
	if err := c.startAPIServer(); err != nil {
		return err
	}
	if c.extension {
		if err := c.startExtension(); err != nil {
			return err
		}
	}
	if c.withoutControllers {
		return nil
	}
	controllers, err := c.launch("kube-controller-manager", c.controllersFlags(), nil)
	if err != nil {
		return err
	}
	go c.watch(controllers)
	return c.await("the controllers' first work", c.controllersDone)
}

// writeFiles makes the certificates and the configuration files.
func (c *cluster) writeFiles() error {
	for _, folder := range []string{"pki", "audit"} {
		if err := os.MkdirAll(c.path(folder), 0o700); err != nil {
			return err
		}
	}
	ca, err := openAuthority(c.path("pki"))
	if err != nil {
		return err
	}
	c.ca = ca
	if err := ca.issueServer(c.pair("server")); err != nil {
		return err
	}
	for _, client := range []struct{ file, user, group string }{
		{"admin", "kubernetes-admin", "system:masters"},
		{"supervisor", supervisorUser, "system:masters"},
		{"controllers", "system:kube-controller-manager", ""},
	} {
		var groups []string
		if client.group != "" {
			groups = []string{client.group}
		}
		if err := ca.issueToday(c.pair(client.file), client.user, groups...); err != nil {
			return err
		}
	}
	if c.extension {
		if err := c.writeFrontProxy(); err != nil {
			return err
		}
	}
	if err := createSigningKey(c.path("pki", "tokens.key"), c.path("pki", "tokens.pub")); err != nil {
		return err
	}
	if c.auditPolicy == "" {
		if err := os.WriteFile(c.path("audit", "policy.yaml"), defaultAuditPolicy(c.auditLevel), 0o600); err != nil {
			return err
		}
	}
	if _, err := os.Stat(c.tokenAuthFile); c.tokenAuthFile == c.path("tokens.csv") && err != nil {
		return os.WriteFile(c.tokenAuthFile, []byte(defaultTokens), 0o600)
	}
	return nil
}

func (c *cluster) pair(name string) pair { return pairAt(c.path("pki", name)) }

// writeKubeconfigs writes them for the present port.
func (c *cluster) writeKubeconfigs() error {
	for _, config := range []struct{ file, user, pair string }{
		{"kubeconfig", "kubernetes-admin", "admin"},
		{"pki/supervisor.kubeconfig", supervisorUser, "supervisor"},
		{"pki/controllers.kubeconfig", "system:kube-controller-manager", "controllers"},
	} {
		err := writeKubeconfig(c.path(config.file), c.name, c.url(), c.ca.cert, config.user, c.pair(config.pair))
		if err != nil {
			return err
		}
	}
	return nil
}

// launch starts a child and watches it: if it ends without being asked to, the cluster is broken.
func (c *cluster) launch(name string, args []string, stdout io.Writer) (*child, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.stopping.Err() != nil {
		return nil, errors.New("stopped while starting")
	}
	started, err := c.nursery.start(name, args, stdout)
	if err != nil {
		return nil, err
	}
	c.children[name] = started
	return started, nil
}

// watch reports a child's end that nobody asked for.
func (c *cluster) watch(part *child) {
	<-part.done
	if !part.stopping.Load() {
		c.broken <- part.exited()
	}
}

func (c *cluster) startEtcd() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	etcd, err := c.launch("etcd", []string{"--data-dir", c.path("etcd")}, write)
	write.Close()
	if err != nil {
		return err
	}
	_ = read.SetReadDeadline(time.Now().Add(startPatience))
	var listening etcdReady
	if err := json.NewDecoder(read).Decode(&listening); err != nil {
		select {
		case <-etcd.done:
			return etcd.exited()
		case <-time.After(time.Second):
			return fmt.Errorf("etcd did not say where it listens: %w", err)
		}
	}
	c.etcdEndpoint = listening.ClientURL
	go c.watch(etcd)
	return nil
}

// startAPIServer starts it on the port that it had, or on a free one the first time, and waits
// until it is ready.
func (c *cluster) startAPIServer() error {
	first := c.port == 0
	for attempt := 1; ; attempt++ {
		if first {
			port, err := freePort()
			if err != nil {
				return err
			}
			c.port = port
			if err := c.writeKubeconfigs(); err != nil {
				return err
			}
			if c.client, err = connect(c.path("pki", "supervisor.kubeconfig"), 1); err != nil {
				return err
			}
		}
		server, err := c.launch("kube-apiserver", c.apiserverFlags(), nil)
		if err != nil {
			return err
		}
		err = c.await("the API server", func() error {
			select {
			case <-server.done:
				return fatal{server.exited()}
			default:
				_, err := c.get("/readyz")
				return err
			}
		})
		if err == nil {
			go c.watch(server)
			return nil
		}
		server.kill()
		if !first || attempt == bindAttempts || !portTaken(server.logTail()) {
			return err
		}
	}
}

// stopAPIServer kills it: shutting down by itself it would wait ten seconds for open watches.
func (c *cluster) stopAPIServer() error {
	c.mutex.Lock()
	server := c.children["kube-apiserver"]
	delete(c.children, "kube-apiserver")
	c.mutex.Unlock()
	if server == nil {
		return errors.New("the API server is not running")
	}
	server.kill()
	return nil
}

// close stops everything and waits until it has stopped.
func (c *cluster) close() error {
	c.stop()
	c.mutex.Lock()
	for _, part := range c.children {
		part.kill()
	}
	c.mutex.Unlock()
	c.starting.Wait()
	if c.recorder != nil {
		c.recorder.close()
	}
	if c.kubeletPart != nil {
		c.kubeletPart.close()
	}
	if c.removeDir {
		return os.RemoveAll(c.dir)
	}
	return nil
}

func (c *cluster) ready() ready {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	pids := map[string]int{"supervisor": os.Getpid()}
	for name, part := range c.children {
		pids[name] = part.pid()
	}
	admin := c.pair("admin")
	result := ready{
		Event:             "ready",
		Name:              c.name,
		Server:            c.url(),
		Version:           kubernetesVersion(),
		Dir:               c.dir,
		Kubeconfig:        c.path("kubeconfig"),
		AuditLog:          c.path("audit", "audit.log"),
		CAFile:            c.ca.cert,
		CAKeyFile:         c.ca.key,
		AdminCert:         admin.cert,
		AdminKey:          admin.key,
		TokenAuthFile:     c.tokenAuthFile,
		EtcdEndpoint:      c.etcdEndpoint,
		CompactedRevision: c.compacted,
		PIDs:              pids,
	}
	if c.recorder != nil {
		result.AuthorizerLog = c.path("authorizer.ndjson")
	}
	if c.kubeletPart != nil {
		result.KubeletPort = c.kubeletPart.port
	}
	if c.extension {
		result.ExtensionLog = c.extensionLog()
	}
	return result
}
