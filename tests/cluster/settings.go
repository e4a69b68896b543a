package main

import (
	"os"
	"strconv"
	"strings"
)

// defaultTokens are the invented users that a test may be without further ado. Only the last has any
// rights before a test binds some.
const defaultTokens = `token-ada,ada@corp.example,u-1001,"platform,engineering"
token-bob,bob@corp.example,u-1002,"engineering"
token-cleo,cleo@partner.example,u-1003
token-ci,ci-runner,u-2001,"automation"
token-root,root@corp.example,u-0001,"system:masters"
`

// defaultAuditPolicy logs everything at one level, but for the supervisor's own questions.
func defaultAuditPolicy(level string) []byte {
	return []byte(`apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: ["` + supervisorUser + `"]
- level: ` + level + "\n")
}

// apiserverFlags are those of kube-apiserver.
func (c *cluster) apiserverFlags() []string {
	policy := c.auditPolicy
	if policy == "" {
		policy = c.path("audit", "policy.yaml")
	}
	server := c.pair("server")
	flags := []string{
		"--etcd-servers=" + c.etcdEndpoint,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(c.port),
		// The API server insists on an address that is not loopback for its own Service. Nobody
		// connects to it; this one is for documentation.
		"--advertise-address=192.0.2.1",
		"--service-cluster-ip-range=198.18.0.0/16",
		"--tls-cert-file=" + server.cert,
		"--tls-private-key-file=" + server.key,
		"--client-ca-file=" + c.ca.cert,
		"--token-auth-file=" + c.tokenAuthFile,
		"--service-account-key-file=" + c.path("pki", "tokens.pub"),
		"--service-account-signing-key-file=" + c.path("pki", "tokens.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--audit-policy-file=" + policy,
		"--audit-log-path=" + c.path("audit", "audit.log"),
		// A line is written before its response has ended, and the file is never rotated away from
		// under its reader.
		"--audit-log-mode=blocking",
		"--audit-log-maxsize=1000000",
	}
	if c.extension {
		flags = append(flags, c.frontProxyFlags()...)
	}
	if !c.anonymous {
		flags = append(flags, "--anonymous-auth=false")
	}
	if c.recordAuthorizer {
		flags = append(flags, "--authorization-config="+c.path("authorization.yaml"))
	} else {
		flags = append(flags, "--authorization-mode="+c.authorizationMode)
	}
	return append(flags, c.apiserverArgs...)
}

// baseControllers do what concerns identities and access. The rest of a controller manager would
// only make noise in the audit log.
var baseControllers = []string{
	"bootstrap-signer-controller",
	"certificatesigningrequest-approving-controller",
	"certificatesigningrequest-cleaner-controller",
	"certificatesigningrequest-signing-controller",
	"clusterrole-aggregation-controller",
	"garbage-collector-controller",
	"legacy-serviceaccount-token-cleaner-controller",
	"namespace-controller",
	"root-ca-certificate-publisher-controller",
	"serviceaccount-controller",
	"serviceaccount-token-controller",
	"token-cleaner-controller",
}

// workloadControllers make Pods. Without a node these stay Pending, which is enough to see who runs
// as what.
var workloadControllers = []string{
	"cronjob-controller",
	"daemonset-controller",
	"deployment-controller",
	"job-controller",
	"replicaset-controller",
	"replicationcontroller-controller",
	"statefulset-controller",
}

// controllersFlags are those of kube-controller-manager.
func (c *cluster) controllersFlags() []string {
	names := baseControllers
	if c.workloads {
		names = append(append([]string{}, names...), workloadControllers...)
	}
	flags := []string{
		"--kubeconfig=" + c.path("pki", "controllers.kubeconfig"),
		"--controllers=" + strings.Join(names, ","),
		"--secure-port=0",
		"--leader-elect=false",
		"--use-service-account-credentials",
		"--service-account-private-key-file=" + c.path("pki", "tokens.key"),
		"--root-ca-file=" + c.ca.cert,
		"--cluster-signing-cert-file=" + c.ca.cert,
		"--cluster-signing-key-file=" + c.ca.key,
		// The default of 20 requests a second would take minutes over a thousand namespaces.
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
	}
	return append(flags, c.controllersArgs...)
}

// writeAuthorization writes the configuration in which every question goes to the recorder first,
// uncached, and then to the authorizers that answer.
func (c *cluster) writeAuthorization() error {
	var text strings.Builder
	text.WriteString(`apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- type: Webhook
  name: recorder
  webhook:
    authorizedTTL: 5m
    cacheAuthorizedRequests: false
    unauthorizedTTL: 30s
    cacheUnauthorizedRequests: false
    timeout: 10s
    subjectAccessReviewVersion: v1
    matchConditionSubjectAccessReviewVersion: v1
    failurePolicy: NoOpinion
    connectionInfo:
      type: KubeConfigFile
      kubeConfigFile: ` + strconv.Quote(c.path("pki", "authorizer.kubeconfig")) + "\n")
	for _, mode := range strings.Split(c.authorizationMode, ",") {
		text.WriteString("- type: " + mode + "\n  name: " + strings.ToLower(mode) + "\n")
	}
	if err := os.WriteFile(c.path("authorization.yaml"), []byte(text.String()), 0o600); err != nil {
		return err
	}
	return writeKubeconfig(c.path("pki", "authorizer.kubeconfig"), "recorder", c.recorder.url, c.ca.cert, supervisorUser, c.pair("supervisor"))
}
