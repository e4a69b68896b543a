package main

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	rbacv1defaults "k8s.io/kubernetes/pkg/apis/rbac/v1"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"
)

// runBootstrapPolicy prints the RBAC objects that an API server of this version installs by itself,
// as it would store them, but for what the controllers add: aggregated ClusterRoles have no rules.
func runBootstrapPolicy(args []string) error {
	if err := parse(flag.NewFlagSet("bootstrap-policy", flag.ContinueOnError), args); err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"apiVersion": "v1", "kind": "List", "items": bootstrapPolicy()})
}

func bootstrapPolicy() []any {
	var items []any
	for _, role := range slices.Concat(bootstrappolicy.ClusterRoles(), bootstrappolicy.ControllerRoles()) {
		role.TypeMeta = rbacType("ClusterRole")
		items = append(items, role)
	}
	for _, binding := range slices.Concat(bootstrappolicy.ClusterRoleBindings(), bootstrappolicy.ControllerRoleBindings()) {
		rbacv1defaults.SetObjectDefaults_ClusterRoleBinding(&binding)
		binding.TypeMeta = rbacType("ClusterRoleBinding")
		items = append(items, binding)
	}
	roles, bindings := bootstrappolicy.NamespaceRoles(), bootstrappolicy.NamespaceRoleBindings()
	for _, namespace := range slices.Sorted(maps.Keys(roles)) {
		for _, role := range roles[namespace] {
			role.TypeMeta = rbacType("Role")
			items = append(items, role)
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(bindings)) {
		for _, binding := range bindings[namespace] {
			rbacv1defaults.SetObjectDefaults_RoleBinding(&binding)
			binding.TypeMeta = rbacType("RoleBinding")
			items = append(items, binding)
		}
	}
	return items
}

func rbacType(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{Kind: kind, APIVersion: rbacv1.SchemeGroupVersion.String()}
}
