package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// runCert issues a client certificate from the CA of a cluster, running or not, and writes
// PREFIX.crt, PREFIX.key and PREFIX.kubeconfig.
func runCert(args []string) error {
	flags := flag.NewFlagSet("cert", flag.ContinueOnError)
	dir := flags.String("dir", "", "the cluster's folder, as given to up")
	user := flags.String("cn", "", "common name: the user")
	var groups list
	flags.Var(&groups, "org", "organization: a group; may be repeated")
	days := flags.Int("days", 365, "days from now until it expires")
	expired := flags.Bool("expired", false, "issue one that expired yesterday")
	out := flags.String("out", "", "what the files' names begin with")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *dir == "" || *user == "" || *out == "" {
		return usageError{fmt.Errorf("cert needs --dir, --cn and --out")}
	}
	content, err := os.ReadFile(filepath.Join(*dir, readyFile))
	if err != nil {
		return fmt.Errorf("%s is no cluster's folder: %w", *dir, err)
	}
	var cluster ready
	if err := json.Unmarshal(content, &cluster); err != nil {
		return err
	}
	ca, err := openAuthority(filepath.Join(*dir, "pki"))
	if err != nil {
		return err
	}
	notBefore, notAfter := time.Now().Add(-time.Hour), time.Now().Add(time.Duration(*days)*day)
	if *expired {
		notBefore, notAfter = time.Now().Add(-30*day), time.Now().Add(-day)
	}
	files := pairAt(*out)
	if err := ca.issueClient(files, *user, groups, notBefore, notAfter); err != nil {
		return err
	}
	return writeKubeconfig(*out+".kubeconfig", cluster.Name, cluster.Server, ca.cert, *user, files)
}
