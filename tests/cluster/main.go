// Command cluster is the real Kubernetes control plane that keybook's tests run against: etcd, the
// API server and the controller manager in one binary, and beside them the API server's own RBAC
// authorizer as an oracle. Nothing outside this machine is contacted and no container is needed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	_ "time/tzdata" // CronJobs name time zones, and the machine may have no database of them.

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

const usage = `usage: cluster COMMAND [FLAGS]

  up                start etcd, API server and controller manager; stop at the end of stdin
  cert              issue a client certificate and kubeconfig from a cluster's CA
  load              create objects, read as JSON from stdin
  sar               answer SubjectAccessReviews (NDJSON on stdin) by the API server
  oracle            answer them by the API server's RBAC authorizer over saved objects
  bootstrap-policy  print the RBAC objects that the API server itself installs
  logs              serve a folder below /logs/ as the API server does, and the API server behind it
  kubectl           kubectl, as it is
  version           print the Kubernetes version

"cluster COMMAND -h" has the flags. etcd, kube-apiserver and kube-controller-manager are what "up"
starts as its children.
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	command, args := os.Args[1], os.Args[2:]
	switch command {
	case "up":
		exit(runUp(args))
	case "cert":
		exit(runCert(args))
	case "load":
		exit(runLoad(args))
	case "sar":
		exit(runSAR(args))
	case "oracle":
		exit(runOracle(args))
	case "bootstrap-policy":
		exit(runBootstrapPolicy(args))
	case "logs":
		exit(runLogs(args))
	case "version":
		fmt.Println(kubernetesVersion())
	case "kubectl":
		os.Args = append([]string{"kubectl"}, args...)
		os.Exit(cli.Run(cmd.NewDefaultKubectlCommand()))
	case "etcd":
		dieWithSupervisor()
		exit(runEtcd(args))
	case "kube-apiserver":
		dieWithSupervisor()
		os.Args = append([]string{command}, args...)
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case extensionName:
		dieWithSupervisor()
		os.Exit(runExtension(args))
	case "kube-controller-manager":
		dieWithSupervisor()
		os.Args = append([]string{command}, args...)
		os.Exit(cli.Run(controllers.NewControllerManagerCommand()))
	case "-h", "--help", "help":
		fmt.Print(usage)
	default:
		fmt.Fprintf(os.Stderr, "cluster: unknown command %q\n\n%s", command, usage)
		os.Exit(2)
	}
}

// usageError is a mistake on the command line, as opposed to something that went wrong.
type usageError struct{ error }

// exit ends the process: 0 done, 1 failed, 2 wrong usage.
func exit(err error) {
	var wrong usageError
	switch {
	case err == nil:
		os.Exit(0)
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case errors.As(err, &wrong):
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// parse reads flags that stand alone: no command takes anything else.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("%s takes no argument %q", flags.Name(), flags.Arg(0))}
	}
	return nil
}

// list is a flag that may be repeated.
type list []string

func (l *list) String() string { return fmt.Sprint(*l) }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}
