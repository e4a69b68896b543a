package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// pollInterval is how often a condition is looked at that nothing announces.
const pollInterval = 25 * time.Millisecond

// fatal is an error after which waiting is no use.
type fatal struct{ error }

// await looks at a condition until it holds, and returns its last error if that takes too long or
// the cluster is stopped meanwhile.
func (c *cluster) await(what string, condition func() error) error {
	deadline := time.After(startPatience)
	ticks := time.NewTicker(pollInterval)
	defer ticks.Stop()
	for {
		err := condition()
		var stop fatal
		switch {
		case err == nil:
			return nil
		case errors.As(err, &stop):
			return stop.error
		}
		select {
		case <-c.stopping.Done():
			return errors.New("stopped while starting")
		case <-deadline:
			return fmt.Errorf("waited %s for %s: %w", startPatience, what, err)
		case <-ticks.C:
		}
	}
}

func (c *cluster) get(path string) ([]byte, error) {
	code, body, err := c.client.send(http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	if code != http.StatusOK {
		return nil, fmt.Errorf("%s: %d: %s", path, code, body)
	}
	return body, nil
}

// controllersDone holds once the controllers have done what they do in every new cluster: default
// ServiceAccounts, the CA's ConfigMaps, and the rules of aggregated ClusterRoles. A test that
// started sooner would see the cluster change under it.
func (c *cluster) controllersDone() error {
	for _, namespace := range []string{"default", "kube-node-lease", "kube-public", "kube-system"} {
		for _, path := range []string{"serviceaccounts/default", "configmaps/kube-root-ca.crt"} {
			if _, err := c.get("/api/v1/namespaces/" + namespace + "/" + path); err != nil {
				return err
			}
		}
	}
	body, err := c.get("/apis/rbac.authorization.k8s.io/v1/clusterroles")
	if err != nil {
		return err
	}
	var roles rbacv1.ClusterRoleList
	if err := json.Unmarshal(body, &roles); err != nil {
		return err
	}
	return aggregated(roles.Items)
}

// aggregated tells whether every aggregated role holds the rules of all that it selects.
func aggregated(roles []rbacv1.ClusterRole) error {
	for _, role := range roles {
		if role.AggregationRule == nil {
			continue
		}
		for _, selector := range role.AggregationRule.ClusterRoleSelectors {
			matches, err := metav1.LabelSelectorAsSelector(&selector)
			if err != nil {
				return fatal{err}
			}
			for _, source := range roles {
				if source.Name == role.Name || !matches.Matches(labels.Set(source.Labels)) {
					continue
				}
				for _, rule := range source.Rules {
					if !holds(role.Rules, rule) {
						return fmt.Errorf("ClusterRole %q does not hold the rules of %q yet", role.Name, source.Name)
					}
				}
			}
		}
	}
	return nil
}

func holds(rules []rbacv1.PolicyRule, wanted rbacv1.PolicyRule) bool {
	for _, rule := range rules {
		if reflect.DeepEqual(rule, wanted) {
			return true
		}
	}
	return false
}
