package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// etcdReady is the line with which the etcd child says where it listens.
type etcdReady struct {
	ClientURL string `json:"clientURL"`
}

// runEtcd serves etcd until it is told to stop. It chooses its own ports, so that losing a race for
// one costs nothing but another try.
func runEtcd(args []string) error {
	flags := flag.NewFlagSet("etcd", flag.ContinueOnError)
	dir := flags.String("data-dir", "", "where to keep the data")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *dir == "" {
		return usageError{fmt.Errorf("etcd needs --data-dir")}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)

	server, client, err := startEtcd(*dir)
	if err != nil {
		return err
	}
	defer server.Close()
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		return err
	case <-stop:
		return nil
	}
	if err := json.NewEncoder(os.Stdout).Encode(etcdReady{ClientURL: client}); err != nil {
		return err
	}
	select {
	case err := <-server.Err():
		return err
	case <-stop:
		return nil
	}
}

func startEtcd(dir string) (*embed.Etcd, string, error) {
	var err error
	for range bindAttempts {
		var client, peer *url.URL
		if client, err = loopbackURL(); err != nil {
			return nil, "", err
		}
		if peer, err = loopbackURL(); err != nil {
			return nil, "", err
		}
		config := embed.NewConfig()
		config.Dir = dir
		config.LogLevel = "warn"
		config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
		config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
		config.InitialCluster = config.InitialClusterFromName(config.Name)
		config.QuotaBackendBytes = 8 << 30
		// A test's data need not survive the machine.
		config.UnsafeNoFsync = true
		var server *embed.Etcd
		if server, err = embed.StartEtcd(config); err == nil {
			return server, client.String(), nil
		}
		if !portTaken([]byte(err.Error())) {
			return nil, "", err
		}
	}
	return nil, "", err
}

func loopbackURL() (*url.URL, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	return &url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(port)}, nil
}

// compactEtcd forgets every revision before a new one that it makes, and returns that one. All that
// any client has seen is older.
func compactEtcd(endpoint string) (int64, error) {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	written, err := client.Put(ctx, "keybook-tests/compacted", time.Now().UTC().Format(time.RFC3339Nano))
	if err != nil {
		return 0, err
	}
	revision := written.Header.Revision
	_, err = client.Compact(ctx, revision, clientv3.WithCompactPhysical())
	return revision, err
}
