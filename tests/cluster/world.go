package main

import (
	"context"
	"encoding/json"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/authorization/union"
	rbacv1defaults "k8s.io/kubernetes/pkg/apis/rbac/v1"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
)

// world holds saved RBAC objects the way the API server's authorizer asks for them. Of an object
// that was saved twice, the later one counts.
type world struct {
	clusterRoles        map[string]*rbacv1.ClusterRole
	roles               map[key]*rbacv1.Role
	clusterRoleBindings []*rbacv1.ClusterRoleBinding
	roleBindings        map[string][]*rbacv1.RoleBinding
	positions           map[key]int
}

// key names an object within its kind; cluster-wide ones have no namespace.
type key struct{ namespace, name string }

func newWorld() *world {
	return &world{
		clusterRoles: map[string]*rbacv1.ClusterRole{},
		roles:        map[key]*rbacv1.Role{},
		roleBindings: map[string][]*rbacv1.RoleBinding{},
		positions:    map[key]int{},
	}
}

// add takes an RBAC object in and leaves others alone.
func (w *world) add(found object) error {
	switch found.Kind {
	case "ClusterRole":
		role := &rbacv1.ClusterRole{}
		if err := json.Unmarshal(found.raw, role); err != nil {
			return err
		}
		w.clusterRoles[role.Name] = role
	case "Role":
		role := &rbacv1.Role{}
		if err := json.Unmarshal(found.raw, role); err != nil {
			return err
		}
		w.roles[key{role.Namespace, role.Name}] = role
	case "ClusterRoleBinding":
		binding := &rbacv1.ClusterRoleBinding{}
		if err := json.Unmarshal(found.raw, binding); err != nil {
			return err
		}
		rbacv1defaults.SetObjectDefaults_ClusterRoleBinding(binding)
		w.clusterRoleBindings = put(w, w.clusterRoleBindings, binding, key{"", binding.Name})
	case "RoleBinding":
		binding := &rbacv1.RoleBinding{}
		if err := json.Unmarshal(found.raw, binding); err != nil {
			return err
		}
		rbacv1defaults.SetObjectDefaults_RoleBinding(binding)
		w.roleBindings[binding.Namespace] = put(w, w.roleBindings[binding.Namespace], binding, key{binding.Namespace, binding.Name})
	}
	return nil
}

// put appends a binding, or replaces the one of the same name.
func put[T any](w *world, bindings []T, binding T, name key) []T {
	if position, known := w.positions[name]; known {
		bindings[position] = binding
		return bindings
	}
	w.positions[name] = len(bindings)
	return append(bindings, binding)
}

// authorizer answers as the API server does with --authorization-mode=RBAC: the privileged group
// comes ahead of RBAC.
func (w *world) authorizer() authorizer.Authorizer {
	return union.New(authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup), rbac.New(w, w, w, w))
}

func (w *world) GetClusterRole(_ context.Context, name string) (*rbacv1.ClusterRole, error) {
	if role, known := w.clusterRoles[name]; known {
		return role, nil
	}
	return nil, apierrors.NewNotFound(rbacv1.Resource("clusterrole"), name)
}

func (w *world) GetRole(_ context.Context, namespace, name string) (*rbacv1.Role, error) {
	if role, known := w.roles[key{namespace, name}]; known {
		return role, nil
	}
	return nil, apierrors.NewNotFound(rbacv1.Resource("role"), name)
}

func (w *world) ListClusterRoleBindings(context.Context) ([]*rbacv1.ClusterRoleBinding, error) {
	return w.clusterRoleBindings, nil
}

func (w *world) ListRoleBindings(_ context.Context, namespace string) ([]*rbacv1.RoleBinding, error) {
	return w.roleBindings[namespace], nil
}
